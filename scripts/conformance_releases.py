"""Official ONNX cases of old releases: fetched with pip, run at every level, held against a list.

The wheels of the onnx package carry the official cases of their time. A release is fetched once: the wheel's test data
goes to <cache>/<release>, nothing is installed. What must fail, because a later release corrected it, stands in
tests/conformance/releases.txt.
"""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import zipfile

SUITES = ("node", "simple", "pytorch-operator", "pytorch-converted")
DATA = "onnx/backend/test/data/"
# One wheel of each release: Python version and ABI. Any serves, the data in them is the same.
WHEELS = {"1.3.0": ("36", "cp36m"), "1.5.0": ("36", "cp36m"), "1.7.0": ("36", "cp36m"), "1.10.2": ("38", "cp38"),
          "1.13.1": ("310", "cp310"), "1.16.2": ("310", "cp310"), "1.19.1": ("310", "cp310")}
PLATFORMS = ("manylinux1_x86_64", "manylinux2010_x86_64", "manylinux_2_12_x86_64", "manylinux2014_x86_64",
             "manylinux_2_17_x86_64")
SETTINGS = [(level, threads) for level in ("off", "full") for threads in (1, 2)]


class ReleaseError(Exception):
    pass


def number(release):
    return tuple(map(int, release.split(".")))


class Exceptions:
    """The cases that must fail, from the text of releases.txt."""

    HEADER = re.compile(r"(?:from (\d+\.\d+\.\d+) )?before (\d+\.\d+\.\d+): \S")

    def __init__(self, text):
        self.entries = []  # (name, first release or None, release that corrected it)
        span = None
        for i, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            if header := self.HEADER.match(line):
                span = header.groups()
            elif re.fullmatch(r"    \S+/test_\S+", line) and span:
                self.entries.append((line.strip(), *span))
            elif not re.match(r"  \S", line) or not span:
                raise ReleaseError(f"releases.txt:{i}: '{line}' is no header, no reason and no case")

    def names(self):
        return {name for name, _, _ in self.entries}

    def entries_of(self, release):
        return [name for name, first, corrected in self.entries
                if number(release) < number(corrected) and (not first or number(release) >= number(first))]

    def of(self, release):
        return set(self.entries_of(release))


def read_names(path):
    """Names of a list, one a line; '#' starts a comment."""
    lines = (line.split("#")[0].strip() for line in pathlib.Path(path).read_text().splitlines())
    return {line for line in lines if line}


def fetch(release, cache, python):
    """The folder of a release's suites; fetched and unpacked where it is not there yet."""
    folder = pathlib.Path(cache) / release
    if folder.exists():
        return folder
    version, abi = WHEELS[release]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        platforms = [x for p in PLATFORMS for x in ("--platform", p)]
        command = [python, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps",
                   "--only-binary=:all:", "--python-version", version, "--abi", abi, *platforms, "-d", temporary,
                   f"onnx=={release}"]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        wheels = list(pathlib.Path(temporary).glob("onnx-*.whl"))
        if done.returncode or len(wheels) != 1:
            raise ReleaseError(f"pip cannot fetch onnx {release}; the network is needed once for each release:\n"
                               f"{done.stderr.strip()}")
        unpacked = pathlib.Path(temporary) / "unpacked"
        with zipfile.ZipFile(wheels[0]) as wheel:
            wheel.extractall(unpacked, [n for n in wheel.namelist()
                                        if n.startswith(tuple(DATA + s + "/" for s in SUITES))])
        shutil.move(unpacked / DATA, folder)
    return folder


def case_names(folder):
    return {f"{suite}/{model.parent.name}" for suite in SUITES
            for model in (pathlib.Path(folder) / suite).glob("*/model.onnx")}


def run_release(runner, folder, level, threads, arguments):
    """What the runner says of the cases in a release's folder, as it prints it with --json."""
    command = [str(runner), *(str(pathlib.Path(folder) / s) for s in SUITES), "--json", "--level", level,
               "--threads", str(threads), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode not in (0, 1):
        raise ReleaseError(f"the runner ended with code {done.returncode}: {' '.join(command)}")
    return json.loads(done.stdout)


def count(outcome):
    """Passed, all."""
    suites = outcome["suites"].values()
    return sum(s["passed"] for s in suites), sum(s["all"] for s in suites)


def judge(failures, ran, listed, excused):
    """Problems, as lines: `failures` maps names to messages; `ran` are the names that were run; `listed` must fail;
    `excused` may."""
    problems = [f"{name}: listed in releases.txt, but passes: take it out, or state the release that corrected it"
                for name in sorted((listed & ran) - set(failures))]
    problems += [f"{name}: {message}" for name, message in sorted(failures.items())
                 if name not in listed and name not in excused]
    return problems


def chosen(releases):
    """The releases to run, oldest first; 'all' stands for every one."""
    unknown = [r for r in releases if r != "all" and r not in WHEELS]
    if unknown:
        raise ReleaseError(f"no release '{unknown[0]}', expected one of: {', '.join(WHEELS)}, all")
    return list(WHEELS) if "all" in releases else sorted(set(releases), key=number)


def run_all(releases, runner, root, today, python, arguments=(), filters=()):
    """Runs the releases and prints the outcome; whether all is as listed. `today` is the folder of today's cases."""
    lists = pathlib.Path(root) / "tests/conformance"
    exceptions = Exceptions((lists / "releases.txt").read_text())
    excused = case_names(today) - read_names(lists / "passing.txt")
    good, met = True, set()
    for release in chosen(releases):
        folder = fetch(release, pathlib.Path(root) / "build/conformance", python)
        ran = {n for n in case_names(folder) if not filters or any(f in n for f in filters)}
        listed = exceptions.of(release) & ran
        met |= listed
        for level, threads in SETTINGS:
            outcome = run_release(runner, folder, level, threads, arguments)
            passed, total = count(outcome)
            waiting = len(set(outcome["failures"]) & excused - listed)
            problems = judge(outcome["failures"], ran, listed, excused)
            print(f"{release:7} {level:4} {threads} thread{'s' * (threads > 1):1} {passed:5} of {total:5} passed, "
                  f"{len(listed)} listed, {waiting} that today's list lacks too, {len(problems)} problems", flush=True)
            for problem in problems:
                print(f"  {problem}")
            good &= not problems
    if "all" in releases and not filters:
        for name in sorted(exceptions.names() - met):
            print(f"{name}: listed in releases.txt, but in none of the releases")
            good = False
    return good
