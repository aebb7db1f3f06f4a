"""Draws what a case is made of: every decision is one small number, smallest for the simplest.

The numbers drawn are kept, so that a case is its list of numbers: the same list makes the same case again, and a list
with smaller numbers, or cut off (what is missing counts as 0), makes a simpler one. That is all that shrink.py needs;
no operator says how its cases get smaller.
"""

import zlib

import numpy as np

import values

DIMS = (2, 3, 1, 4, 5, 7, 8, 9, 13, 16, 17, 33)
WORDS = ("a", "b", "", "ab", "B", "Zürich", "日本語", "a b", "1.5", "x" * 40)


class Draw:
    def __init__(self, seed=0, given=None):
        self.rng, self.given, self.choices = np.random.default_rng(seed), given, []

    def below(self, n):
        """One of 0 .. n-1."""
        i = len(self.choices)
        if self.given is None:
            c = int(self.rng.integers(n))
        else:
            c = min(self.given[i], n - 1) if i < len(self.given) else 0
        self.choices.append(c)
        return c

    def between(self, low, high):
        return low + self.below(high - low + 1)

    def pick(self, options):
        """The first is the simplest."""
        return options[self.below(len(options))]

    def chance(self, n):
        """True one time in n; never when shrunk."""
        return self.below(n) == n - 1

    def maybe(self, make, n=2):
        """make(), or None one time in n and when shrunk."""
        return make() if self.below(n) else None

    def kind(self, names):
        """An element type: the first half of the time."""
        return names[0] if not self.below(2) else self.pick(names)

    def dim(self, most=17, zero=False):
        if zero and self.chance(16):
            return 0
        return self.pick([n for n in DIMS if n <= most])

    def shape(self, low=0, high=4, most=17, zero=True, elements=6000):
        """A few sizes; one case in twelve is large, one in eight or so has no elements."""
        rank = self.between(low, high)
        dims = [self.dim(most, zero) for _ in range(rank)]
        if rank and self.chance(12):
            dims[self.below(rank)] = self.pick((65, 130, 1027))
        while np.prod(dims, dtype=int) > elements:
            dims[int(np.argmax(dims))] = max(1, max(dims) // 3)
        return tuple(dims)

    def part_of(self, shape, full=False):
        """A shape that broadcasts to this one: ones in place of sizes, fewer axes."""
        if full or self.below(3) == 0:
            return tuple(shape)
        kept = [1 if self.chance(3) else n for n in shape]
        return tuple(kept[self.below(len(shape) + 1) if self.chance(2) else 0 :])

    def axis(self, rank):
        """One axis, counted from the front or the back."""
        at = self.below(rank)
        return at - rank if self.chance(2) else at

    def axes(self, rank, fewest=1):
        """Different axes, in any order."""
        count = self.between(min(fewest, rank), rank)
        rest, out = list(range(rank)), []
        for _ in range(count):
            at = rest.pop(self.below(len(rest)))
            out.append(at - rank if self.chance(3) else at)
        return out

    def array(self, name, shape, low=None, high=None, edge="all"):
        """Values of a type. `edge`: "all" (NaN, infinities, denormals, limits of the type), "soft" (without what
        overflows a sum), None. With `low` and `high` only values between them (of floats without `high`, at least)."""
        mode = self.below(8)
        rng = np.random.default_rng([self.below(1 << 16), zlib.crc32(name.encode())]) if mode else None
        shape = tuple(shape)
        kind = values.kind(name)
        if kind == "bool":
            return np.array(rng.integers(0, 2, shape)).astype(bool) if mode else np.ones(shape, bool)
        if kind == "string":
            return texts(rng, shape)
        if kind == "complex":
            whole = reals(rng, mode, "float", shape, low, high, None), reals(rng, mode, "float", shape, low, high, None)
            return np.array(whole[0] + 1j * whole[1]).astype(values.dtype(name))
        make = integers if kind == "integer" else reals
        with np.errstate(all="ignore"):
            return np.array(make(rng, mode, name, shape, low, high, edge)).astype(values.dtype(name))


def texts(rng, shape):
    out = np.empty(shape, object)
    count = int(np.prod(shape, dtype=int))
    flat = out.reshape(-1)
    flat[:] = [WORDS[i] for i in rng.integers(0, len(WORDS), count)] if rng else ["a"] * count
    return out


def integers(rng, mode, name, shape, low, high, edge):
    least, most = (int(x) for x in integer_limits(name))
    first, last = max(least, -9 if low is None else low), min(most, 9 if high is None else high)
    if not rng:
        return np.full(shape, min(max(1, first), last), object)
    out = rng.integers(first, last, shape, endpoint=True).astype(object)
    if edge == "all" and low is None and high is None and mode >= 6:
        picks = np.array([least, most, least + 1, most - 1, 0, max(-1, least), 1], object)
        out = np.where(rng.random(shape) < 0.4, picks[rng.integers(0, len(picks), shape)], out)
    return out


def integer_limits(name):
    import ml_dtypes

    info = ml_dtypes.iinfo(values.dtype(name))
    return info.min, info.max


def reals(rng, mode, name, shape, low, high, edge):
    import ml_dtypes

    info = ml_dtypes.finfo(values.dtype(name))
    if low is not None:
        span = (high if high is not None else low + 4) - low
        return np.full(shape, low + span / 2) if not rng else low + span * rng.random(shape)
    if not rng:
        return np.ones(shape)
    if mode <= 2:
        return rng.integers(-3, 3, shape, endpoint=True) * 0.5
    out = rng.standard_normal(shape) * (1 if mode <= 4 else 3)
    if edge and mode >= 6:
        picks = [np.nan, np.inf, -np.inf, 0.0, -0.0, float(info.tiny), float(info.smallest_subnormal), 0.5, 1.5, 2.5, -0.5, -1]
        if edge == "all":
            picks += [float(info.max), float(info.min), -float(info.smallest_subnormal) * 3, 1e4, -88.5]
        picks = np.array(picks)
        out = np.where(rng.random(shape) < (0.4 if edge == "all" else 0.06), picks[rng.integers(0, len(picks), shape)], out)
    return out
