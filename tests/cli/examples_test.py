"""The programs in examples/, as their readers would call them, against NumPy and ONNX's reference evaluator."""

import re
import subprocess

import numpy as np
import onnx
import pytest
from conftest import BUILD, ROOT, call, floats, save
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from PIL import Image


def example(name, *arguments):
    return call(*arguments, program=BUILD / "examples" / name)


def array(name, values, dtype=np.float32):
    return numpy_helper.from_array(np.asarray(values, dtype), name)


@pytest.fixture
def segmenter(tmp_path):
    """Three scores for each pixel from its neighbourhood: scores = Conv3x3(image), any size."""
    weights = np.random.default_rng(3).normal(size=(3, 3, 3, 3))
    return save(tmp_path / "segmenter.onnx", [helper.make_node("Conv", ["image", "w"], ["scores"], pads=[1, 1, 1, 1])],
                [floats("image", [1, 3, "H", "W"])], [floats("scores", [1, 3, "H", "W"])], [array("w", weights)])


def test_segment_writes_the_best_class_of_each_pixel(segmenter, picture, tmp_path):
    mask = tmp_path / "mask.png"
    done = example("segment", segmenter, picture, mask)
    assert done.code == 0, done.err
    image = np.asarray(Image.open(picture), np.float32).transpose(2, 0, 1)[None] / np.float32(255)
    scores = ReferenceEvaluator(str(segmenter)).run(None, {"image": image})[0][0]
    expected = scores.argmax(0) * 255 // 2
    top_two = np.sort(scores, 0)[-2:]
    clear = top_two[1] - top_two[0] > 1e-4  # elsewhere rounding decides
    got = np.asarray(Image.open(mask))
    assert got.shape == expected.shape
    assert clear.mean() > 0.99
    assert len(np.unique(expected)) > 1
    np.testing.assert_array_equal(got[clear], expected[clear])


def test_segment_says_what_is_wrong(segmenter, tmp_path):
    assert example("segment").code == 2
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    done = example("segment", segmenter, broken, tmp_path / "mask.png")
    assert done.code == 1
    assert "broken.png" in done.err


@pytest.fixture
def encoder(tmp_path):
    """Looks up a vector for each token, and mixes in the mean over the row's real tokens."""
    table = np.random.default_rng(4).normal(size=(50, 8))
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["v"]),
             helper.make_node("Cast", ["attention_mask"], ["m"], to=TensorProto.FLOAT),
             helper.make_node("Unsqueeze", ["m", "last"], ["m3"]), helper.make_node("Mul", ["v", "m3"], ["vm"]),
             helper.make_node("ReduceSum", ["vm", "one"], ["sum"]), helper.make_node("ReduceSum", ["m3", "one"], ["n"]),
             helper.make_node("Div", ["sum", "n"], ["mean"]), helper.make_node("Tanh", ["v"], ["t"]),
             helper.make_node("Add", ["t", "mean"], ["vectors"])]
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "tokens"])
              for n in ("input_ids", "attention_mask")]
    return save(tmp_path / "encoder.onnx", nodes, inputs, [floats("vectors", ["batch", "tokens", 8])],
                [array("table", table), array("last", [2], np.int64), array("one", [1], np.int64)])


@pytest.mark.parametrize("first, second", [([1, 2, 3], [4, 5, 6, 7, 8]), ([9], [9, 9]), ([7, 8, 9], [9, 8, 7])])
def test_embed_compares_texts_of_different_lengths(encoder, first, second):
    done = example("embed", encoder, ",".join(map(str, first)), ",".join(map(str, second)))
    assert done.code == 0, done.err
    reference = ReferenceEvaluator(str(encoder))

    def embedding(tokens):
        ids = np.asarray([tokens], np.int64)
        return reference.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0][0].mean(0).astype(float)

    a, b = embedding(first), embedding(second)
    assert float(done.out) == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), abs=2e-6)


def test_embed_passes_on_what_the_library_says(encoder):
    done = example("embed", encoder, "1,2", "3,99")
    assert done.code == 1
    assert "Gather" in done.err


def test_buffers_are_filled_run_after_run(tmp_path):
    model = save(tmp_path / "filter.onnx", [helper.make_node("ReduceMean", ["x"], ["y"], axes=[1])],
                 [floats("x", [1, 5])], [floats("y", [1, 1])])
    done = example("buffers", model)
    assert done.code == 0, done.err
    assert done.out.split() == ["2", "3", "4"]  # means of 0..4, 1..5, 2..6
    open_model = save(tmp_path / "open.onnx", [helper.make_node("Relu", ["x"], ["y"])], [floats("x", ["N"])],
                      [floats("y", ["N"])])
    done = example("buffers", open_model)
    assert done.code == 1
    assert "float[N]" in done.err


@pytest.fixture
def slow_model(tmp_path):
    """Runs for hours, if nobody stops it: a Loop with a great many iterations."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["d"]), helper.make_node("Sin", ["a"], ["b"])], "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []), helper.make_tensor_value_info("c", TensorProto.BOOL, []),
         floats("a", [2])], [helper.make_tensor_value_info("d", TensorProto.BOOL, []), floats("b", [2])])
    return save(tmp_path / "slow.onnx", [helper.make_node("Loop", ["n", "", "x"], ["y"], body=body)],
                [floats("x", [2])], [floats("y", [2])], [array("n", 1 << 60, np.int64)])


def test_serve_answers_every_request(affine_model):
    done = example("serve", affine_model, 4, 200, 60000)
    assert (done.code, done.out) == (0, "200 done, 0 late, 0 cancelled\n"), done.err


def test_serve_gives_late_requests_up(slow_model):
    done = example("serve", slow_model, 2, 5, 30)
    assert (done.code, done.out) == (0, "0 done, 5 late, 0 cancelled\n"), done.err


def test_serve_stops_when_told(slow_model):
    done = example("serve", slow_model, 2, 6, 60000, 50)
    assert (done.code, done.out) == (0, "0 done, 0 late, 6 cancelled\n"), done.err


def test_hello_and_classify(affine_model, tmp_path):
    done = example("hello", affine_model)
    assert done.code == 0, done.err
    assert "output out/y: float[N,3], now [1,3]" in done.out
    logits = [0.0, 2.0, 1.0]
    model = save(tmp_path / "classifier.onnx",
                 [helper.make_node("GlobalAveragePool", ["x"], ["p"]), helper.make_node("Flatten", ["p"], ["f"]),
                  helper.make_node("Mul", ["f", "zero"], ["z"]), helper.make_node("Add", ["z", "logits"], ["y"])],
                 [floats("x", [1, 3, 4, 4])], [floats("y", [1, 3])], [array("zero", 0), array("logits", [logits])])
    picture = tmp_path / "p.ppm"
    Image.fromarray(np.full((5, 6, 3), 9, np.uint8)).save(picture)
    done = example("classify", model, picture)
    assert done.code == 0, done.err
    shares = np.exp(logits) / np.exp(logits).sum() * 100
    assert done.out.splitlines() == [f"class {k}  {shares[k]:.2f} %" for k in np.argsort(shares)[::-1]]


def test_readme_lists_every_example():
    programs = {p.name for p in (ROOT / "examples").iterdir()} - {"README.md"}
    assert set(re.findall(r"\]\((\w+\.c(?:pp)?)\)", (ROOT / "examples/README.md").read_text())) == programs


@pytest.mark.parametrize("language, compiler", [("c", ["cc", "-std=c11"]), ("cpp", ["c++", "-std=c++20"])])
def test_snippets_of_the_guide_compile(language, compiler, tmp_path):
    """Each block of docs/api.md is the body of a function that has what the guide says it has."""
    guide = (ROOT / "docs/api.md").read_text()
    blocks = re.findall(rf"```{language}\n(.*?)```", guide, re.S)
    assert len(blocks) >= 3
    around = {
        "c": ('#include <onward/onward.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n'
              'static const onward_api* ow;\nvoid check(onward_status*);\n',
              "onward_model* model, onward_session* session, onward_value* x, float* memory"),
        "cpp": ("#include <onward/image.hpp>\n#include <cstdio>\n#include <iostream>\n#include <thread>\n",
                "onward::Model model, onward::Session session, onward::Tensor x, std::vector<float> memory"),
    }[language]
    source = tmp_path / f"snippets.{language}"
    source.write_text(around[0] + "".join(f"void snippet_{i}({around[1]}) {{ {{\n{b}}} }}\n" for i, b in enumerate(blocks)))
    done = subprocess.run([*compiler, "-Wall", "-Wextra", "-Wno-unused", "-Werror", "-fsyntax-only",
                           f"-I{ROOT / 'include'}", str(source)], capture_output=True, text=True)
    assert done.returncode == 0, f"a block of docs/api.md does not compile:\n{done.stderr}"
