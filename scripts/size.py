"""Measures the house against its guide for sizes. Run as `./dev size`.

Counts hand-written C++ (.h, .hpp, .cc under the rooms, tests and bench) and CMake. A function is found by its
braces: a `{` after a `)` that is not a namespace, a type or an initialiser opens one, and it ends at the matching
`}`; lambdas and blocks inside count as part of it. Generated files (first line "// Written by ") are left out.
"""

import re

HEADS = re.compile(r"\b(?:namespace|class|struct|union|enum)\b")
TOKENS = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^(\s"]*)\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
    re.S)


def blank(text):
    """The text with comments, strings and preprocessor lines blanked, line breaks kept."""
    def keep_lines(m):
        return "\n" * m.group().count("\n") if m.group().startswith("/") else '""' + "\n" * m.group().count("\n")

    text = TOKENS.sub(keep_lines, text)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: "\n" * m.group().count("\n"), text, flags=re.M)


def is_function_head(head):
    """Whether the text before a `{` makes it a function's body."""
    head = head.strip()
    if ")" not in head or head.endswith(("=", ",", "(", "return")):
        return False
    before_parenthesis = head.split("(")[0]
    return not HEADS.search(re.sub(r"template\s*<[^{}]*?>", "", before_parenthesis)) and "=" not in re.sub(
        r"operator\s*[^\s(]+|[<>]=|==", "", before_parenthesis)


def function_lines(text):
    """Lines of every function, from its head to its closing brace."""
    lengths, depth, start_depth, start_line, line, head, head_line = [], 0, None, 0, 1, "", 1
    for c in blank(text):
        if c == "{":
            if start_depth is None and is_function_head(head):
                start_depth, start_line = depth, head_line
            depth += 1
        elif c == "}":
            depth -= 1
            if start_depth is not None and depth <= start_depth:
                lengths.append(line - start_line + 1)
                start_depth = None
        if c == "\n":
            line += 1
        if c in "{};" or c == ":" and head.strip() in ("public", "private", "protected"):
            head = ""
        elif head or not c.isspace():
            if not head:
                head_line = line
            head += c
    return lengths


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0


def row(name, value, limit):
    return {"name": name, "value": value, "target": limit, "ok": value <= limit}


def measure(root, files):
    """[{name, value, target, ok}, ...], and the largest files and functions, of the given paths."""
    def read(name):
        return (root / name).read_text(errors="replace")

    code = {}
    for f in files:
        if f.endswith((".h", ".hpp", ".cc")) and not f.startswith(("docs/", "scripts/")):
            text = read(f)
            if not text.startswith("// Written by "):
                code[f] = text
    lines = {f: t.count("\n") for f, t in code.items()}
    functions = [(n, f) for f, t in code.items() for n in function_lines(t)]
    lengths = [n for n, _ in functions]
    cmake = "".join(read(f) for f in files if f.endswith(("CMakeLists.txt", ".cmake")))
    options = re.findall(r"^\s*option\(|^\s*set\(ONWARD_\w+[^)]*\bCACHE\b", cmake, re.M)
    engine = [t for f, t in code.items() if not f.startswith(("src/base/", "src/kernels/"))]
    engine_lines = max(1, sum(t.count("\n") for t in engine))
    conditions = sum(len(re.findall(r"^\s*#\s*if", t, re.M)) for t in engine)
    headers = [f for f in files if f.startswith("include/") and f.endswith((".h", ".hpp"))]
    rows = [
        row("file lines, median", percentile(lines.values(), 0.5), 120),
        row("file lines, p90", percentile(lines.values(), 0.9), 400),
        row("file lines, largest", max(lines.values(), default=0), 800),
        row("function lines, p90", percentile(lengths, 0.9), 30),
        row("functions over 100 lines, %",
            round(100 * sum(n > 100 for n in lengths) / max(1, len(lengths)), 2), 1),
        row("public headers", len(headers), 3),
        row("CMake lines", cmake.count("\n"), 1500),
        row("CMake options", len(options), 10),
        row("#if per 1000 lines outside base and kernels", round(1000 * conditions / engine_lines, 2), 5),
    ]
    return {
        "files": len(code), "lines": sum(lines.values()), "functions": len(lengths), "rows": rows,
        "largest_files": sorted(((n, f) for f, n in lines.items()), reverse=True)[:5],
        "largest_functions": sorted(functions, reverse=True)[:5],
    }
