"""Makes a failing case smaller: its list of draws with smaller numbers, or shorter, as long as it fails in the same way."""


def shrink(pool, operator, choices, kind, budget=250):
    """The smallest verdict found, within so many trials."""
    best, left = None, [budget]

    def fails(candidate):
        nonlocal best, choices
        if left[0] <= 0 or candidate == choices:
            return False
        left[0] -= 1
        for _, verdict in pool.run([(operator, None, candidate)]):
            if verdict.status == "fail" and verdict.kind == kind and smaller(verdict.choices, choices):
                best, choices = verdict, list(verdict.choices)
                return True
        return False

    going = True
    while going and left[0] > 0:
        going = False
        for size in (8, 4, 2, 1):  # several at once, from the end
            at = len(choices) - size
            while at >= 0 and left[0] > 0:
                if at + size <= len(choices) and any(choices[at : at + size]):
                    going |= fails(choices[:at] + [0] * size + choices[at + size :])
                at -= size
        for at in range(len(choices)):
            while at < len(choices) and choices[at] > 0 and left[0] > 0:
                if fails(choices[:at] + [choices[at] // 2] + choices[at + 1 :]):
                    going = True
                elif fails(choices[:at] + [choices[at] - 1] + choices[at + 1 :]):
                    going = True
                else:
                    break
    return best


def smaller(a, b):
    """Shorter, or of the same length and smaller where they first differ."""
    return (len(a), sum(a), a) < (len(b), sum(b), list(b))
