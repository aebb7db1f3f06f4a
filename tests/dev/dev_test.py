"""Tests of ./dev and the scripts behind it: run with `python -m pytest tests/dev`."""

import importlib.machinery
import importlib.util
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import arrows  # noqa: E402
import size  # noqa: E402

loader = importlib.machinery.SourceFileLoader("dev_command", str(ROOT / "dev"))
dev = importlib.util.module_from_spec(importlib.util.spec_from_loader("dev_command", loader))
loader.exec_module(dev)

MAP = """
| room | what | may include |
|---|---|---|
| `include/onward` | x | nothing |
| `src/base` | x | `include/onward` |
| `src/tensor` | x | `src/base` |
| `src/onnx` | x | `src/base` |
| `apps` | x | `include/onward` |
"""


@pytest.fixture
def tree(tmp_path):
    def write(name, text=""):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return name

    write("docs/map.md", MAP)
    for name in ("include/onward/onward.h", "src/base/status.h", "src/tensor/shape.h", "src/onnx/model.h",
                 "tests/tool.h"):
        write(name)
    return tmp_path, write


@pytest.mark.parametrize("file,included,allowed", [
    ("src/tensor/a.cc", '"tensor/shape.h"', True),
    ("src/tensor/a.cc", '"shape.h"', True),
    ("src/tensor/a.cc", '"base/status.h"', True),
    ("src/tensor/a.cc", '"onward/onward.h"', True),  # the chain
    ("src/tensor/a.cc", "<vector>", True),
    ("src/tensor/a.cc", "<onward/onward.h>", True),
    ("src/tensor/a.cc", '"onnx/model.h"', False),
    ("src/tensor/a.cc", '"../onnx/model.h"', False),
    ("src/tensor/a.cc", '"tests/tool.h"', False),
    ("src/tensor/a.cc", "<iostream>", False),
    ("src/base/a.cc", '"tensor/shape.h"', False),
    ("src/base/a.cc", '"tensor/not_written_yet.h"', False),
    ("include/onward/a.h", '"base/status.h"', False),
    ("apps/colorize/a.cc", '"base/status.h"', False),
    ("apps/colorize/a.cc", '"onward/onward.h"', True),
    ("tests/a.cc", '"onnx/model.h"', True),
])
def test_arrows(tree, file, included, allowed):
    root, write = tree
    name = write(file, f"// about\n#include {included}\n")
    bad = arrows.find_bad_includes(root, [name])
    assert len(bad) == (0 if allowed else 1)
    if bad:
        assert bad[0].startswith(f"{file}:2: ")


def test_a_table_that_names_no_room_is_refused():
    with pytest.raises(ValueError, match="src/nowhere"):
        arrows.read_table("| room | x | may include |\n|---|---|---|\n| `src/base` | x | `src/nowhere` |\n")
    with pytest.raises(ValueError):
        arrows.read_table("no table here")


def test_the_real_map_has_the_chain():
    rooms = arrows.read_table((ROOT / "docs/map.md").read_text())
    assert rooms["src/ops"] >= {"src/ir", "src/kernels", "src/tensor", "src/base", "include/onward"}
    assert "src/onnx" not in rooms["src/ops"]
    assert rooms["apps"] == {"apps", "include/onward"}


def test_function_lengths():
    text = """
    namespace a {
    struct Point { int x = 0; };
    int kTable[] = {1, 2};
    int one() { return '}' == "{"[0]; }
    class Widget {
     public:
      Widget(int a)
          : a_(a) {
        auto f = [&](int x) { return x; };
        if (a) { f(a); }
      }
    };
    TEST(Suite, Name) {
      // }
    }
    }
    """
    assert size.function_lines(text) == [1, 5, 3]


def test_stems():
    names = ["Relu", "BatchNormalization", "LSTM", "QLinearConv", "HardSwish", "GRU", "STFT", "ConvInteger"]
    assert [dev.stem_of(n) for n in names] == [
        "relu", "batch_normalization", "lstm", "q_linear_conv", "hard_swish", "gru", "stft", "conv_integer"]


@pytest.mark.parametrize("command", dev.command_line()._subparsers._group_actions[0].choices)
def test_every_command_has_an_example(command):
    shown = subprocess.run([ROOT / "dev", command, "--help"], text=True, stdout=subprocess.PIPE, check=True)
    assert f"example: ./dev {command}" in shown.stdout


def test_schema_data_is_up_to_date():
    subprocess.run([sys.executable, ROOT / "scripts/generate_schemas.py", "--check"], check=True)


def test_fuzz_names_its_targets():
    done = subprocess.run([sys.executable, ROOT / "dev", "fuzz", "nothing"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "expected one of: compile, image, import, read, run" in done.stderr
    done = subprocess.run([sys.executable, ROOT / "dev", "fuzz", "--replay", "x"], capture_output=True, text=True)
    assert done.returncode == 1 and "--replay needs the target" in done.stderr


def test_a_stopped_fuzz_target_says_how_to_replay(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    monkeypatch.setattr(dev, "run", lambda *a, **k: None)
    script = tmp_path / "read_fuzz"
    script.write_text("#!/bin/sh\nfor a in \"$@\"; do case $a in -artifact_prefix=*) echo x > ${a#*=}crash-1;; esac; done\n"
                      "exit 77\n")
    script.chmod(0o755)
    monkeypatch.setattr(dev, "program", lambda preset, name: script)
    assert dev.fuzz_one("read", 1) is False
    assert "./dev fuzz read --replay build/fuzz/finds/read/crash-1" in capsys.readouterr().out
