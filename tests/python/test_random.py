"""Bernoulli and Dropout draw what numpy's legacy generator draws, of every seed and size."""

import numpy as np
import onnx
import onward.backend
import pytest
from onnx import helper as h

SEEDS = [0, 1, 2, 42, 2**31, 2**32 - 1, *np.random.default_rng(5).integers(0, 2**32, 30).tolist()]
EDGES = np.array([0, 1, 0.5, np.nextafter(0.5, 0), np.nextafter(0.5, 1), 5e-324, 1e-17, np.nextafter(1, 0), 0, 1])


def run(node, inputs, **options):
    return onward.backend.run_node(node, inputs, **options)


@pytest.mark.parametrize("size", [0, 1, 10, 623, 1000])
def test_bernoulli(size):
    """As ONNX's own tests draw: size numbers for the probabilities, then binomial from the same generator."""
    # A seed is a float there.
    for seed in [int(np.float32(s)) for s in SEEDS if np.float32(s) < 2**32]:
        for p in (np.random.default_rng(seed + 1).random(size), np.resize(EDGES, size)):
            np.random.seed(seed)
            np.random.random(size)
            expected = np.random.binomial(1, p)
            node = h.make_node("Bernoulli", ["p"], ["y"], seed=float(seed), dtype=onnx.TensorProto.INT32)
            np.testing.assert_array_equal(run(node, [p])[0], expected, err_msg=f"seed {seed}")


def test_bernoulli_of_a_million():
    p = np.random.default_rng(3).random(1_000_000)
    np.random.seed(9)
    np.random.random(len(p))
    node = h.make_node("Bernoulli", ["p"], ["y"], seed=9.0)
    np.testing.assert_array_equal(run(node, [p])[0], np.random.binomial(1, p))


@pytest.mark.parametrize("size", [0, 1, 313, 1000])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dropout(size, dtype):
    for seed in [*SEEDS, -1, 2**32, 2**63 - 1, -(2**63)]:
        ratio = np.float32(np.random.default_rng(seed & 255).random())
        x = np.random.default_rng(1).standard_normal(size).astype(dtype)
        # Seeds that numpy has no number for are the two words of the number.
        np.random.seed(seed if 0 <= seed < 2**32 else [seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF])
        mask = np.random.uniform(0, 1, size) >= ratio
        node = h.make_node("Dropout", ["x", "r", "t"], ["y", "m"], seed=seed)
        y, m = run(node, [x, ratio, np.array(True)])
        np.testing.assert_array_equal(m, mask, err_msg=f"seed {seed}")
        expected = mask * x.astype(np.float64) / (1 - np.float64(ratio))
        np.testing.assert_allclose(y, expected.astype(dtype), rtol=2 * np.finfo(dtype).eps)


def test_dropout_without_a_seed():
    x = np.ones(64, np.float32)
    node = h.make_node("Dropout", ["x", "", "t"], ["y"])
    drawn = [run(node, [x, np.array(True)])[0] for _ in range(3)]
    assert not (drawn[0] == drawn[1]).all() and not (drawn[1] == drawn[2]).all()
    old = h.make_node("Dropout", ["x"], ["y"], ratio=0.25)
    y = run(old, [x], opset_version=6)[0]
    assert set(y) == {0, np.float32(1 / 0.75)}
    assert (run(old, [x], opset_version=7)[0] == x).all()
