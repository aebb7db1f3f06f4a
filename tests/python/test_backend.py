"""The official ONNX tests through onward.backend, by the onnx package's own runner. What passes is held
against tests/conformance/passing.txt, the list of the C++ runner (./dev conformance); the differences stand below, with
reasons."""

import pathlib
import unittest
import warnings

import numpy as np
import onnx
import onnx.backend.test
import onnx.backend.test.loader
import onward
import onward.backend
import pytest
from onnx import helper as h

SUITES = {"node": "OnnxBackendNodeModelTest", "simple": "OnnxBackendSimpleModelTest",
          "pytorch-operator": "OnnxBackendPyTorchOperatorModelTest",
          "pytorch-converted": "OnnxBackendPyTorchConvertedModelTest"}  # fmt: skip

SETTINGS = [(level, threads) for level in ("ORT_DISABLE_ALL", "ORT_ENABLE_ALL") for threads in (1, 2)]
# Cases of the list that onnx's Python runner cannot feed or compare.
NOT_THROUGH_PYTHON: dict[str, str] = {}
# Cases that pass here and not in the C++ runner.
ONLY_THROUGH_PYTHON: dict[str, str] = {}


class Runner(onnx.backend.test.BackendTest):
    """Compares the items of a sequence as outputs; onnx's own compares their rows as such, and scalars have none."""

    @classmethod
    def assert_similar_outputs(cls, ref_outputs, outputs, rtol, atol, model_dir=None):
        assert len(outputs) == len(ref_outputs), f"{len(outputs)} items, expected {len(ref_outputs)}"
        for expected, found in zip(ref_outputs, outputs):
            assert isinstance(found, list) == isinstance(expected, list), f"{type(found)}, expected {type(expected)}"
            if isinstance(expected, list):
                cls.assert_similar_outputs(expected, found, rtol, atol, model_dir)
            else:
                super().assert_similar_outputs([expected], [found], rtol, atol, model_dir)


def listed(name="passing"):
    path = pathlib.Path(__file__).parents[1] / f"conformance/{name}.txt"
    return {line.strip() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")}


@pytest.fixture(scope="module", params=SETTINGS, ids=lambda setting: f"{setting[0]}-{setting[1]}")
def outcomes(request):
    """(suite/name: failure or None) of every case but those whose models would be downloaded. Nodes without a seed draw
    from seed 0, as the program did that wrote down what the cases expect."""
    level, threads = getattr(onward.GraphOptimizationLevel, request.param[0]), request.param[1]

    class Backend(onward.backend.OnwardBackend):
        @classmethod
        def prepare(cls, model, device="CPU", **kwargs):
            return super().prepare(model, device, graph_optimization_level=level, intra_op_num_threads=threads, **kwargs)

    found = {}
    onward.set_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = Runner(Backend, __name__).test_cases
        for suite, name in SUITES.items():
            for test in unittest.defaultTestLoader.loadTestsFromTestCase(cases[name]):
                method = test.id().rpartition(".")[2]
                if not method.endswith("_cpu"):
                    continue
                result = unittest.TestResult()
                test.run(result)
                bad = result.failures + result.errors
                failure = f"skipped: {result.skipped[0][1]}" if result.skipped else None
                if bad:
                    failure = bad[0][1].strip().splitlines()[-1]
                found[f"{suite}/{method.removesuffix('_cpu')}"] = failure
    onward._session._default_seed = None
    return found


def test_official_cases(outcomes, capsys, request):
    found = outcomes
    passed = {name for name, failure in found.items() if failure is None}
    expected = (listed() - NOT_THROUGH_PYTHON.keys()) | ONLY_THROUGH_PYTHON.keys()
    counts = []
    for suite in SUITES:
        names = {name for name in found if name.startswith(f"{suite}/")}
        counts.append(f"{suite} {len(passed & names)} of {len(names)}")
    with capsys.disabled():
        print(f"\nofficial cases passed, {request.node.callspec.id}: {', '.join(counts)}")
    lost, new = sorted(expected - passed), sorted(passed - expected)
    told = "\n".join(f"  {name}: {found.get(name, 'no such case')}" for name in lost)
    assert not lost, (
        f"{len(lost)} cases should pass and do not (see each; a reason goes to NOT_THROUGH_PYTHON):\n{told}"
    )
    assert not new, f"{len(new)} cases pass that are not expected to; put them into passing.txt: {new}"


@pytest.mark.parametrize("case", sorted(listed("chance")))
def test_cases_of_chance_draw_by_their_probability(outcomes, case):
    """Their own expectation contradicts their graph (chance.txt says how), so this holds them to the graph."""
    assert outcomes[case] is not None, f"{case} passes: move it from chance.txt to passing.txt, if that is no chance"
    assert case not in listed()
    folder = pathlib.Path(onnx.backend.test.loader.DATA_DIR) / case
    model = onnx.load(folder / "model.onnx")
    assert [node.op_type for node in model.graph.node] == ["RandomUniformLike", "Greater", "Cast"]
    tensor = onnx.load_tensor(folder / "test_data_set_0/input_0.pb")
    x, draws = onnx.numpy_helper.to_array(tensor), 40000
    for info in [*model.graph.input, *model.graph.output]:
        info.type.tensor_type.shape.Clear()
        info.type.tensor_type.shape.dim.add().dim_param = "n"
    session = onward.InferenceSession(model.SerializeToString())
    (y,) = session.run(None, {"x": np.repeat(x, draws)})
    assert np.isin(y, (0, 1)).all()
    mean, p = y.reshape(-1, draws).mean(1), 1 - x.astype(np.float64)
    assert (abs(mean - p) <= 6 * np.sqrt(p * (1 - p) / draws)).all(), f"{mean} ones, expected about {p}"


def test_backend_interface(tmp_path):
    node = h.make_node("Add", ["a", "b"], ["c"])
    a, b = np.ones((2, 3), np.float32), np.arange(3, dtype=np.float32)
    np.testing.assert_array_equal(onward.backend.run_node(node, [a, b])[0], a + b)
    np.testing.assert_array_equal(onward.backend.run_node(node, {"a": a, "b": b}, opset_version=13).c, a + b)
    graph = h.make_graph(
        [node], "g", [h.make_tensor_value_info(n, 1, None) for n in "ab"], [h.make_tensor_value_info("c", 1, None)]
    )
    model = h.make_model(graph, ir_version=10, opset_imports=[h.make_opsetid("", 20)])
    onnx.save(model, tmp_path / "m.onnx")
    for given in (model, model.SerializeToString(), str(tmp_path / "m.onnx"), onward.backend.prepare(model)):
        np.testing.assert_array_equal(onward.backend.run_model(given, [a, b])[0], a + b)
    assert onward.backend.supports_device("CPU") and not onward.backend.supports_device("CUDA")
    assert onward.backend.is_compatible(model)
    model.graph.node[0].op_type = "NoSuchOperator"
    assert not onward.backend.is_compatible(model)
    with pytest.raises(RuntimeError, match="CUDA"):
        onward.backend.prepare(model, "CUDA")
    with pytest.raises(RuntimeError, match="optimized_model_filepath"):
        onward.backend.run_model(graph, [a], optimized_model_filepath="x")
