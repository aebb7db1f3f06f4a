"""`--explain`: why a fusion did not match, from the optimiser of sessions (inspect) and from simplify."""

import json

import numpy as np
import pytest
from conftest import ROOT, call, floats, save
from onnx import helper, numpy_helper
from simplify_test import conv_net


def attention(path, rank=2, also_out=()):
    """softmax(q k) v over `rank` axes."""
    shape = {2: ["L", 8], 3: ["B", "L", 8], 4: ["B", 2, "L", 8]}[rank]
    keys = shape[:-2] + [8, "L"]
    nodes = [helper.make_node("MatMul", ["q", "k"], ["s"], name="scores"),
             helper.make_node("Softmax", ["s"], ["p"], name="soft", axis=-1),
             helper.make_node("MatMul", ["p", "v"], ["y"], name="values")]
    outputs = [floats("y", shape), *(floats(name, shape[:-1] + ["L"]) for name in also_out)]
    return save(path, nodes, [floats("q", shape), floats("k", keys), floats("v", shape)], outputs)


def test_inspect_lists_what_the_optimiser_missed(tmp_path):
    model = attention(tmp_path / "m.onnx")
    done = call("inspect", model, "--explain", "--json")
    assert done.code == 0, done.err
    optimizer = json.loads(done.out)["optimizer"]
    assert optimizer["nodes"] == [3, 3] and {"name": "attention", "changes": 0} in optimizer["passes"]
    assert optimizer["missed"] == [{
        "pass": "attention", "node": "node 'values' (MatMul)", "output": "y",
        "reason": "the attention weights 'p' are float[L,L], expected float of three or four axes"}]
    text = call("inspect", model, "--explain").out
    assert "3 nodes, 3 after the passes" in text and "attention: 1 not fused\n  node 'values' (MatMul)\n" in text
    assert "optimizer" not in json.loads(call("inspect", model, "--json").out)


def test_a_match_gives_no_reason_and_an_output_inside_one(tmp_path):
    model = attention(tmp_path / "m.onnx", rank=3)
    optimizer = json.loads(call("inspect", model, "--explain", "--json").out)["optimizer"]
    assert optimizer["nodes"] == [3, 1] and optimizer["missed"] == []
    assert "no fusion was missed" in call("inspect", model, "--explain").out
    assert "onward.Attention(" in call("inspect", model, "--graph", "optimized").out
    shared = attention(tmp_path / "s.onnx", rank=4, also_out=["p"])
    [missed] = json.loads(call("inspect", shared, "--explain", "--json").out)["optimizer"]["missed"]
    assert missed["reason"].startswith("'p' is read by node 'values' (MatMul), and is an output of the graph")


def test_a_size_can_make_a_fusion_match(tmp_path):
    """Channels in groups: the pass needs their number."""
    nodes = [helper.make_node("Reshape", ["x", "split"], ["s"]),
             helper.make_node("Transpose", ["s"], ["t"], perm=[0, 2, 1, 3, 4]),
             helper.make_node("Reshape", ["t", "back"], ["y"])]
    sizes = {"split": [0, 2, 2, 5, 5], "back": [0, 4, 5, 5]}
    model = save(tmp_path / "m.onnx", nodes, [floats("x", ["N", "C", 5, 5])], [floats("y", ["N", 4, 5, 5])],
                 [numpy_helper.from_array(np.asarray(v, np.int64), n) for n, v in sizes.items()])

    def missed(*more):
        report = json.loads(call("inspect", model, "--explain", "--json", *more).out)
        return [m["pass"] for m in report["optimizer"]["missed"]]

    assert missed() == ["channel_shuffle"]
    assert missed("--shape", "C=4") == []
    assert "onward.ChannelShuffle(" in call("inspect", model, "--graph", "optimized", "--shape", "C=4").out
    for what in ["--explain"], ["--graph", "optimized"]:
        assert call("inspect", model, *what, "--shape", "D=4").code == 2


def test_layers_that_miss_alike_are_shown_once(tmp_path):
    nodes, last = [], "x"
    for i in range(5):
        nodes += [helper.make_node("Conv", [last, "w"], [f"c{i}"], name=f"conv{i}"),
                  helper.make_node("Elu", [f"c{i}"], [f"e{i}"], name=f"elu{i}")]
        last = f"e{i}"
    model = save(tmp_path / "m.onnx", nodes, [floats("x", ["N", 3, 8, 8])], [floats(last, ["N", 3, 8, 8])],
                 [numpy_helper.from_array(np.ones((3, 3, 1, 1), np.float32), "w")])
    text = call("inspect", model, "--explain").out
    assert "activation: 5 not fused" in text and "and 2 like these; --json lists all" in text
    assert text.count("has no form in the kernel") == 3


def test_simplify_explains_its_own_fusions(tmp_path):
    model, out = conv_net(tmp_path / "m.onnx"), tmp_path / "s.onnx"
    done = call("simplify", model, "-o", out, "--explain", "--json")
    assert done.code == 0 and json.loads(done.out)["missed"] == []
    assert "missed" not in json.loads(call("simplify", model, "-o", out, "--json").out)
    nodes = [helper.make_node("Relu", ["x"], ["r"], name="relu"),
             helper.make_node("BatchNormalization", ["r", "a", "a", "a", "a"], ["y"], name="norm")]
    alone = save(tmp_path / "n.onnx", nodes, [floats("x", ["N", 4])], [floats("y", ["N", 4])],
                 [numpy_helper.from_array(np.ones(4, np.float32), "a")])
    reason = "its input comes from node 'relu' (Relu), not from a convolution"
    done = call("simplify", alone, "-o", out, "--explain", "--json")
    assert json.loads(done.out)["missed"] == [
        {"pass": "batch_norm", "node": "node 'norm' (BatchNormalization)", "output": "y", "reason": reason}]
    assert f"batch_norm: 1 not fused\n  node 'norm' (BatchNormalization)\n      {reason}\n" in call(
        "simplify", alone, "-o", out, "--explain").out
    assert f"node 'norm' (BatchNormalization): {reason}" in call("simplify", alone, "-o", out, "--why").out


@pytest.mark.parametrize("command", ["inspect", "simplify"])
def test_help_has_an_example(command):
    text = call(command, "--help").out
    assert "--explain" in text.split("Example:")[0] and "--explain" in text.split("Example:")[1]


def test_a_model_that_cannot_be_imported_says_so(tmp_path):
    nodes = [helper.make_node("Add", ["x", "z"], ["y"], name="sum")]
    model = save(tmp_path / "m.onnx", nodes, [floats("x", [2, 3]), floats("z", [2, 4])], [floats("y", [2, 3])])
    done = call("inspect", model, "--explain")
    assert done.code == 1 and "sum" in done.err


def test_the_page_lists_every_fusion(tmp_path):
    """A new pass that fuses belongs into the table of docs/fusions.md, with what stops it."""
    report = json.loads(call("inspect", attention(tmp_path / "m.onnx"), "--explain", "--json").out)
    others = {"constants", "lower", "identity", "fold", "dead", "widen"}
    page = (ROOT / "docs/fusions.md").read_text()
    assert [p["name"] for p in report["optimizer"]["passes"] if f"| `{p['name']}` |" not in page] == [
        p["name"] for p in report["optimizer"]["passes"] if p["name"] in others]
