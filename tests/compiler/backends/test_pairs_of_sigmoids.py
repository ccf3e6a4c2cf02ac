"""sigmoid(x) and sigmoid(-x) in one map or kernel: the values that each has alone, over the whole range."""

import numpy as np
import pytest

import tinytorch as tt
from tests.backends import FAST
from tinytorch.elementwise import elementwise

X = np.array(
    [
        -np.inf,
        -1e30,
        -800,
        -95,
        -90,
        -88,
        -17,
        -1,
        -1e-30,
        -0.0,
        0,
        1e-30,
        1,
        17,
        88,
        90,
        800,
        1e30,
        np.inf,
        np.nan,
    ]
)
both = elementwise("both", lambda x: tt.sigmoid(x) * tt.sigmoid(-x))
opposite = elementwise("opposite", lambda x: tt.sigmoid(-x))
above = elementwise("above", lambda x: tt.sigmoid(-x) - 2 * tt.sigmoid(x))


def run(backend, dtype, *functions):
    x = tt.input("x", ("n",), dtype)
    with np.errstate(all="ignore"):
        program = tt.compile([x], [item(x) for item in functions], backend=backend)
        return program(np.tile(X, 7).astype(dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", FAST)
def test_a_pair_has_the_oracles_values(backend, dtype):
    found, wanted = (run(name, dtype, both, above, tt.sigmoid) for name in (backend, "reference"))
    for left, right in zip(found, wanted, strict=True):
        np.testing.assert_allclose(left, right, rtol=4e-6 if dtype == "float32" else 1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_natively_a_sigmoid_has_the_same_bits_beside_the_other_one(dtype):
    alone, alone_opposite = (run("llvm", dtype, item)[0] for item in (tt.sigmoid, opposite))
    together = run("llvm", dtype, tt.sigmoid, opposite)
    np.testing.assert_array_equal(together[0], alone)
    np.testing.assert_array_equal(together[1], alone_opposite)
