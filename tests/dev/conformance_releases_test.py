"""The list of old releases' cases, and how outcomes are held against it: no network, no engine.

The cases themselves are left to `./dev conformance --release all`: they need the wheels of seven releases, 80 MB that no
build may have to fetch, and four runs of each.
"""

import pathlib
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import conformance_releases as releases  # noqa: E402

LISTS = ROOT / "tests/conformance"
LISTED = releases.Exceptions((LISTS / "releases.txt").read_text())


def test_a_case_is_listed_from_and_before_a_release():
    listed = releases.Exceptions("# comment\n\nfrom 1.5.0 before 1.10.2: a reason\n  that goes on\n    node/test_a\n"
                                 "before 1.5.0: another\n    node/test_b\n")
    assert listed.names() == {"node/test_a", "node/test_b"}
    assert listed.of("1.3.0") == {"node/test_b"}
    assert listed.of("1.5.0") == listed.of("1.7.0") == {"node/test_a"}
    assert listed.of("1.10.2") == set()


@pytest.mark.parametrize("text", ["    node/test_a\n", "before 1.5: short\n", "before 1.5.0:\n    node/test_a\n",
                                  "before 1.5.0: reason\n   node/test_a\n", "since 1.5.0: reason\n"])
def test_other_lines_are_refused(text):
    with pytest.raises(releases.ReleaseError, match="releases.txt:1|releases.txt:2"):
        releases.Exceptions(text)


def test_an_outcome_is_right_only_as_listed():
    ran = {"node/test_a", "node/test_b", "node/test_c"}
    listed, excused = {"node/test_a"}, {"node/test_c"}
    assert releases.judge({"node/test_a": "x"}, ran, listed, excused) == []
    assert releases.judge({"node/test_a": "x", "node/test_c": "y"}, ran, listed, excused) == []
    (problem,) = releases.judge({}, ran, listed, excused)
    assert "node/test_a" in problem and "passes" in problem
    (problem,) = releases.judge({"node/test_a": "x", "node/test_b": "no such operator"}, ran, listed, excused)
    assert problem == "node/test_b: no such operator"
    assert releases.judge({}, ran - listed, listed, excused) == []  # not run: nothing to say


def test_what_is_listed_is_a_case_that_passes_today_or_is_gone():
    """A case whose corrected data fails is no contradiction: the engine is wrong. Take it out and mend the engine."""
    folder = pathlib.Path(pytest.importorskip("onnx").__file__).parent / "backend/test/data"
    failing_today = releases.case_names(folder) - releases.read_names(LISTS / "passing.txt")
    assert LISTED.names() & failing_today == set()


def test_nothing_is_listed_twice_for_a_release():
    for release in releases.WHEELS:
        assert len(LISTED.entries_of(release)) == len(LISTED.of(release)), release


def test_releases_are_chosen_by_number_and_all():
    assert releases.chosen(["1.10.2", "1.3.0", "1.10.2"]) == ["1.3.0", "1.10.2"]
    assert releases.chosen(["1.7.0", "all"]) == list(releases.WHEELS)
    with pytest.raises(releases.ReleaseError, match="no release '1.7', expected one of: 1.3.0"):
        releases.chosen(["1.7"])


def pip(tmp_path, body):
    """A Python whose pip is this body of a script."""
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\nwhile [ \"$1\" != -d ]; do shift; done\n{body}\n")
    program.chmod(0o755)
    return str(program)


def test_a_wheel_is_fetched_once_and_only_its_cases_are_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "made.whl", "w") as wheel:
        wheel.writestr(releases.DATA + "node/test_a/model.onnx", "")
        wheel.writestr(releases.DATA + "real/test_b/model.onnx", "")
        wheel.writestr("onnx/__init__.py", "")
    python = pip(tmp_path, f'cp {tmp_path}/made.whl "$2/onnx-1.7.0-any.whl"')
    folder = releases.fetch("1.7.0", tmp_path / "cache", python)
    assert [str(f.relative_to(folder)) for f in sorted(folder.rglob("*")) if f.is_file()] == ["node/test_a/model.onnx"]
    assert releases.case_names(folder) == {"node/test_a"}
    assert releases.fetch("1.7.0", tmp_path / "cache", "/not/there") == folder


def test_a_wheel_that_does_not_come_leaves_nothing(tmp_path):
    with pytest.raises(releases.ReleaseError, match="the network is needed once.*\n.*no route"):
        releases.fetch("1.7.0", tmp_path / "cache", pip(tmp_path, "echo no route >&2; exit 1"))
    assert list((tmp_path / "cache").iterdir()) == []
