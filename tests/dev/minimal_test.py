"""Builds of some operators (ONWARD_OPS): what CMake would build, without building it; and the report on sizes."""

import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import library_size  # noqa: E402


def configure(folder, ops, isas=""):
    return subprocess.run(["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                           f"-DONWARD_OPS={ops}", f"-DONWARD_ISAS={isas}"], text=True, capture_output=True)


def commands(folder):
    return subprocess.run(["ninja", "-C", folder, "-t", "commands", "onward_library"], text=True, check=True,
                          capture_output=True).stdout


@pytest.mark.parametrize("as_file", [True, False])
def test_only_the_listed_operators_are_built(tmp_path, as_file):
    ops = "conv;activation;conv"
    if as_file:
        ops = tmp_path / "net.ops"
        ops.write_text("# for net.onnx\n\nconv   # Conv\nactivation\n")
    done = configure(tmp_path / "build", ops)
    assert done.returncode == 0, done.stderr
    generated = tmp_path / "build/generated"
    assert (generated / "op_files.inc").read_text().split() == ["ONWARD_OP_FILE(activation)", "ONWARD_OP_FILE(conv)"]
    parts = (generated / "build_parts.h").read_text()
    assert "kDepthwiseKernels = false" in parts
    assert "kWhole = false" in parts and "kHas_gelu = true" in parts and "kHas_attention = false" in parts
    built = commands(tmp_path / "build")
    for there in ("src/ops/conv.cc", "src/ops/op/registry.cc", "src/passes/import.cc", "src/kernels/gemm_avx2.cc"):
        assert f"/{there}" in built, f"{there} should be built"
    for gone in ("src/ops/softmax.cc", "src/passes/check/model.cc", "src/passes/export.cc", "_test.cc", "tools/main.cc"):
        assert gone not in built, f"{gone} should not be built"


def test_kernels_of_convolutions_are_on_the_list(tmp_path):
    assert configure(tmp_path / "build", "conv;depthwise_kernels").returncode == 0
    parts = (tmp_path / "build/generated/build_parts.h").read_text()
    assert "kDepthwiseKernels = true" in parts and "kWideWinograd = false" in parts
    assert configure(tmp_path / "build", "conv;wide_winograd").returncode == 0
    parts = (tmp_path / "build/generated/build_parts.h").read_text()
    assert "kDepthwiseKernels = false" in parts and "kWideWinograd = true" in parts


def test_types_on_the_list_leave_out_the_others(tmp_path):
    assert configure(tmp_path / "build", "conv;type:float16").returncode == 0
    parts = (tmp_path / "build/generated/build_parts.h").read_text()
    plain = 1 << 0 | 1 << 1 | 1 << 6 | 1 << 7 | 1 << 9  # undefined, float, int32, int64, bool
    assert f"kTypes = {plain | 1 << 10:#x};" in parts
    assert "kCurvedActivations = false" in parts and "kHas_gelu = false" in parts
    assert configure(tmp_path / "build", "conv").returncode == 0
    parts = (tmp_path / "build/generated/build_parts.h").read_text()
    assert f"kTypes = {(1 << 27) - 1:#x};" in parts and "kCurvedActivations = true" in parts


def test_schemas_of_the_listed_operators_are_there(tmp_path):
    assert configure(tmp_path / "build", "pool").returncode == 0
    line, = (x for x in (tmp_path / "build/generated/build_parts.h").read_text().splitlines() if "kOpNames" in x)
    assert all(f'"{name}"' in line for name in ("MaxPool", "AveragePool", "LpPool")) and '"Conv"' not in line


def test_instruction_sets_are_left_out(tmp_path):
    done = configure(tmp_path / "build", "conv", "avx512;portable")
    assert done.returncode == 0, done.stderr
    built = commands(tmp_path / "build")
    assert "gemm_avx512.cc" in built and "gemm_portable.cc" in built and "gemm_avx2.cc" not in built
    assert "kIsa_avx2 = false" in (tmp_path / "build/generated/build_isas.h").read_text()
    stand_ins = (tmp_path / "build/generated/without_avx2.cc").read_text()
    for table in (ROOT / "src/kernels").glob("*_table.h"):
        for name in re.findall(r"^ONWARD_ISA_TABLES\(\w+, (\w+)\)", table.read_text(), re.MULTILINE):
            assert f"{name}_avx2() {{ return {name}_portable(); }}" in stand_ins


@pytest.mark.parametrize("ops,isas,found,expected", [
    ("conv;type:flat", "", "'type:flat' names no element type", "float16"),
    ("conv", "avx1024", "no instruction set 'avx1024'", "avx512"),
])
def test_a_wrong_type_or_instruction_set_is_named(tmp_path, ops, isas, found, expected):
    done = configure(tmp_path / "build", ops, isas)
    said = " ".join(done.stderr.split())
    assert done.returncode != 0 and found in said and expected in said


def test_an_operator_file_that_is_not_there_is_named(tmp_path):
    done = configure(tmp_path / "build", "conv;Softmax")
    assert done.returncode != 0
    assert "there is no src/ops/Softmax.cc" in " ".join(done.stderr.split())
    assert "onward ops --used-by" in " ".join(done.stderr.split())


@pytest.mark.parametrize("symbol,name", [
    ("ow::Status ow::(anonymous namespace)::run<float, ow::Sum<int> >(ow::Attrs const&, ow::RunContext&)", "ow::run"),
    ("ow::fuse_gelu(ow::ir::Graph&, ow::MissedFusions*)", "ow::fuse_gelu"),
    ("std::vector<ow::Dim, std::allocator<ow::Dim> >::operator=(std::vector<ow::Dim> const&)", "std::vector::operator="),
])
def test_functions_are_counted_by_family(symbol, name):
    assert library_size.family(symbol) == name


def test_a_library_over_the_limit_fails_and_says_what_to_do():
    script = ROOT / "scripts/library_size.py"
    program = pathlib.Path(sys.executable).resolve()
    done = subprocess.run([sys.executable, script, program, "--limit", "1000"], text=True, capture_output=True)
    assert done.returncode == 1 and "outgrown" in done.stderr
    done = subprocess.run([sys.executable, script, program, "--limit", "1000000000"], text=True, capture_output=True)
    assert done.returncode == 0 and "bytes stripped" in done.stdout
