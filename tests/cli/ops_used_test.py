"""`onward ops --used-by`: operator files and types of a model, its subgraphs, and what imports and passes make of it."""

import numpy as np
from conftest import ROOT, call, floats, save
from onnx import TensorProto, helper, numpy_helper


def used_by(model):
    """(operator files and kernels, types) of the list."""
    done = call("ops", "--used-by", model)
    assert done.code == 0, done.err
    first, *entries = done.out.splitlines()
    assert first.startswith("# ") and str(model) in first
    assert entries == sorted(set(entries))
    types = {e.removeprefix("type:") for e in entries if e.startswith("type:")}
    stems = {e for e in entries if not e.startswith("type:")}
    kernels = {"depthwise_kernels", "wide_winograd", "curved_activations"}
    assert all((ROOT / f"src/ops/{s}.cc").is_file() for s in stems - kernels)
    return stems, types


def files_of(model):
    return used_by(model)[0]


def test_the_files_of_plain_nodes(tmp_path):
    weights = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "w")
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Relu", ["c"], ["y"])]
    model = save(tmp_path / "m.onnx", nodes, [floats("x", [1, 3, 8, 8])], [floats("y", [1, 4, 6, 6])], [weights])
    assert used_by(model) == ({"conv", "activation"}, {"float"})
    alone = numpy_helper.from_array(np.ones((3, 1, 3, 3), np.float32), "w")
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], group=3)]
    model = save(tmp_path / "d.onnx", nodes, [floats("x", [1, 3, 8, 8])], [floats("y", [1, 3, 6, 6])], [alone])
    assert files_of(model) == {"conv", "depthwise_kernels"}


def test_kernels_of_wide_convolutions(tmp_path):
    def model(taps, op="Conv", **attributes):
        weights = numpy_helper.from_array(np.ones((4, 4, *taps), np.float32), "w")
        return save(tmp_path / "m.onnx", [helper.make_node(op, ["x", "w"], ["y"], **attributes)],
                    [floats("x", [1, 4, 16, 16])], [floats("y", [1, 4, None, None])], [weights])

    assert "wide_winograd" in files_of(model([5, 5])) and "wide_winograd" in files_of(model([7, 7], strides=[1, 1]))
    assert "wide_winograd" in files_of(model([6, 6], "ConvTranspose", strides=[2, 2]))
    assert not any("wide_winograd" in files_of(m) for m in (model([3, 3]), model([1, 7]), model([7, 7], strides=[2, 2])))


def test_what_a_pass_makes_and_what_a_branch_holds(tmp_path):
    half = numpy_helper.from_array(np.array(0.5, np.float32), "half")
    one = numpy_helper.from_array(np.array(1, np.float32), "one")
    root = numpy_helper.from_array(np.array(2 ** 0.5, np.float32), "root")
    nodes = [helper.make_node("Div", ["x", "root"], ["a"]), helper.make_node("Erf", ["a"], ["b"]),
             helper.make_node("Add", ["b", "one"], ["c"]), helper.make_node("Mul", ["x", "c"], ["d"]),
             helper.make_node("Mul", ["d", "half"], ["y"])]
    made = save(tmp_path / "gelu.onnx", nodes, [floats("x", [2, 8])], [floats("y", [2, 8])], [half, one, root])
    # Gelu, and what it is made of.
    assert {"activation", "arithmetic", "curved_activations", "math_function"} <= files_of(made)

    def branch(op):
        return helper.make_graph([helper.make_node(op, ["x"], [op])], op, [], [floats(op, [2, 8])])

    choice = helper.make_node("If", ["which"], ["y"], then_branch=branch("Floor"), else_branch=branch("Softmax"))
    which = helper.make_tensor_value_info("which", TensorProto.BOOL, [])
    model = save(tmp_path / "if.onnx", [choice], [which, floats("x", [2, 8])], [floats("y", [2, 8])])
    stems, types = used_by(model)
    assert {"if", "rounding", "softmax"} <= stems and {"bool", "float"} <= types


def test_an_old_operator_brings_what_it_becomes(tmp_path):
    scales = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "s")
    node = helper.make_node("Upsample", ["x", "s"], ["y"], mode="nearest")
    model = save(tmp_path / "m.onnx", [node], [floats("x", [1, 1, 2, 2])], [floats("y", [1, 1, 4, 4])], [scales], opset=9)
    assert "resize" in files_of(model)


def test_the_types_of_values_and_weights(tmp_path):
    weights = numpy_helper.from_array(np.ones(4, np.float16), "w")
    nodes = [helper.make_node("Cast", ["x"], ["h"], to=TensorProto.FLOAT16), helper.make_node("Mul", ["h", "w"], ["m"]),
             helper.make_node("Cast", ["m"], ["y"], to=TensorProto.FLOAT)]
    model = save(tmp_path / "m.onnx", nodes, [floats("x", [2, 4])], [floats("y", [2, 4])], [weights])
    assert {"float", "float16"} <= used_by(model)[1]


def test_bad_calls(tmp_path):
    assert call("ops", "--used-by", tmp_path / "none.onnx").code == 1
    (tmp_path / "broken.onnx").write_bytes(b"not a model")
    assert call("ops", "--used-by", tmp_path / "broken.onnx").code == 1
    done = call("ops", "Conv", "--used-by", tmp_path / "none.onnx")
    assert done.code == 2 and "stands alone" in done.err
