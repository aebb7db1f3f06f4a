"""Inverse transforms of complex floats are those of numpy 2 to the bit; all are as exact as its own, or more."""

import numpy as np
import onward.backend
import pytest
from onnx import helper as h

LENGTHS = [*range(1, 65), 70, 77, 96, 100, 105, 120, 121, 128, 169, 210, 256, 480, 500, 512, 768, 1000, 1024, 1155, 2048,
           4096, 7700]  # fmt: skip
numpy_2 = pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="numpy 1 transforms in double")


def transform(x, inverse):
    node = h.make_node("DFT", ["x", "", "axis"], ["y"], inverse=int(inverse))
    y = onward.backend.run_node(node, [np.stack((x.real, x.imag), -1), np.int64(0)])[0]
    return y[..., 0] + 1j * y[..., 1]


def is_covered(n):
    for factor in (2, 3, 5, 7, 11):
        while n % factor == 0:
            n //= factor
    return n == 1


@numpy_2
@pytest.mark.parametrize("inverse", [False, True])
def test_complex_floats(inverse):
    random = np.random.default_rng(1)
    theirs = np.fft.ifft if inverse else np.fft.fft
    for n in LENGTHS:
        x = (random.standard_normal((n, 3)) + 1j * random.standard_normal((n, 3))).astype(np.complex64)
        x[:, 2] = np.arange(n)  # exact zeros and their rounding errors
        found, numpys, exact = transform(x, inverse), theirs(x, axis=0), theirs(x.astype(np.complex128), axis=0)
        if is_covered(n) and inverse:
            np.testing.assert_array_equal(found, numpys, err_msg=f"length {n}")
        error = lambda y: np.linalg.norm(y - exact) / np.linalg.norm(exact)  # noqa: E731
        assert error(found) <= max(error(numpys), 6e-8), f"length {n}: {error(found)}, numpy {error(numpys)}"


def test_complex_doubles():
    random = np.random.default_rng(2)
    for n in LENGTHS[::3]:
        x = random.standard_normal((n, 2)) + 1j * random.standard_normal((n, 2))
        np.testing.assert_allclose(transform(x, False), np.fft.fft(x, axis=0), rtol=1e-12, atol=1e-11)
