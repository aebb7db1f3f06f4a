"""Holds every #include to the table of rooms in docs/map.md. Run as `./dev arrows`.

A file belongs to the room with the longest path that it lies under. An include belongs to the room that the
included file lies in: `"ir/graph.h"` is src/ir, `"onward/onward.h"` is include/onward, and a path that exists
beside the including file is resolved there. Includes of the system and of libraries are not held to the table,
but src/ may not use <iostream> and its kind.
"""

import pathlib
import re

SOURCE = {".h", ".hpp", ".cc", ".c", ".inc"}
ROW = re.compile(r"^\|\s*`([^`]+)`\s*\|[^|]*\|([^|]*)\|\s*$")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
STREAMS = {"iostream", "fstream", "sstream", "ostream", "istream", "iomanip", "locale"}
FREE = ("tests", "bench", "docs", "cmake", "scripts")


def read_table(text):
    """{room: rooms it may include, itself and the chain among them}; ValueError if the table is broken."""
    direct = {}
    _, _, table = text.partition("| room |")
    for line in table.split("\n\n")[0].splitlines():
        row = ROW.match(line)
        if row:
            direct[row[1]] = set(re.findall(r"`([^`]+)`", row[2]))
    if not direct:
        raise ValueError("docs/map.md: no table of rooms")
    for room, may in direct.items():
        if may - direct.keys():
            raise ValueError(f"docs/map.md: {room} may include {sorted(may - direct.keys())}, which is no room")
    return {room: closure(room, direct) for room in direct}


def closure(room, direct):
    reached, todo = set(), [room]
    while todo:
        at = todo.pop()
        if at not in reached:
            reached.add(at)
            todo.extend(direct[at])
    return reached


def room_of(path, rooms):
    """The room that a path relative to the root lies in, None outside all rooms."""
    inside = [r for r in rooms if path == r or path.startswith(r + "/")]
    return max(inside, key=len, default=None)


def target_room(root, file, included, rooms):
    """The room an include leads to, "free" for a folder that is no room, None for a library's header."""
    beside = (file.parent / included).resolve()
    for candidate in (beside, root / "src" / included, root / "include" / included, root / included):
        if candidate.is_file() and candidate.is_relative_to(root):
            path = candidate.relative_to(root).as_posix()
            return room_of(path, rooms) or ("free" if path.startswith(FREE) else None)
    head = included.split("/")[0]
    if head == "onward":
        return "include/onward"
    return f"src/{head}" if "/" in included and f"src/{head}" in rooms else None


def find_bad_includes(root, files):
    """["src/base/x.h:3: ...", ...] for the given files (paths relative to root)."""
    rooms = read_table((root / "docs/map.md").read_text())
    bad = []
    for name in files:
        room = room_of(name, rooms)
        if room is None or pathlib.PurePath(name).suffix not in SOURCE:
            continue
        text = (root / name).read_text(errors="replace")
        for found in INCLUDE.finditer(text):
            problem = judge(root, name, found, room, rooms)
            if problem:
                bad.append(f"{name}:{text.count(chr(10), 0, found.start(2)) + 1}: {problem}")
    return bad


def judge(root, name, found, room, rooms):
    """What is wrong with one include, None if nothing is."""
    bracket, included = found[1], found[2]
    if bracket == "<" and room.startswith("src/") and included in STREAMS:
        return f"<{included}>: src/ uses no streams; base/text.h builds text"
    target = target_room(root, root / name, included, rooms)
    if target == "free":
        return f'"{included}": nothing includes tests, bench, docs, cmake or scripts'
    if target is None or target in rooms[room]:
        return None
    allowed = ", ".join(sorted(rooms[room] - {room})) or "nothing"
    return f'"{included}" is in {target}, but {room} may include only {allowed} (docs/map.md)'
