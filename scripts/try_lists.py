"""Finds ONWARD_TRY behind the first element of a braced list. The error leaves the list half made, and compilers do not
destroy what is in it: a leak. Run as part of `./dev check-format`.
"""

import re

BLOCK = re.compile(r"(?:\b(?:else|do|const|mutable|noexcept|override)|->\s*[\w:<>&*, ]+)$")


def opens_block(text, brace):
    """Whether this brace begins statements, not values."""
    before = text[max(0, brace - 80):brace].rstrip()
    return not before or before[-1] in "){};:" or BLOCK.search(before) is not None


def enclosing_brace(text, at):
    """The nearest open brace around `at`, if nothing but a list can reach from it to there; else None."""
    depth = 0
    for i in range(at - 1, -1, -1):
        c = text[i]
        if c in ")]}":
            depth += 1
        elif c in "([{":
            if depth:
                depth -= 1
            elif c == "{":
                return None if opens_block(text, i) else i
        elif c == ";" and depth == 0:
            return None
    return None


def find(root, files):
    """One line of text for each."""
    found = []
    for file in files:
        if not file.endswith((".cc", ".h", ".inc")):
            continue
        text = (root / file).read_text()
        for use in re.finditer(r"ONWARD_TRY\(", text):
            brace = enclosing_brace(text, use.start())
            if brace is not None and text[brace + 1:use.start()].strip().count(","):
                line = text.count("\n", 0, use.start()) + 1
                found.append(f"{file}:{line}: ONWARD_TRY behind another element of a braced list leaks that element "
                             "on an error; give the value a name first")
    return found
