"""The table of errors is complete, true of a part of its sample, and judged by references that are exact."""

from inspect import unwrap

import numpy as np
import pytest

from compiler.backends.accuracy import SYSTEMS, measured
from compiler.backends.llvm.backend import Llvm
from tests.accuracy.activations import ACTIVATIONS, MEASURED, ours
from tests.accuracy.measuring import by_mpmath, difference, errors, truth, truth_and_change, unit
from tests.accuracy.table import DTYPES, GOAL, KINDS, rounded_up, sample_of
from tinytorch.nn import activations as layers

STATED = measured()
BACKENDS = ("llvm", "numpy") if Llvm().is_available else ("numpy",)
MARGIN = {"llvm": 1.0, "numpy": 3.0}
"""NumPy's own functions differ with the processor; the native ones do not, given a fused multiply-add."""


def part(activation, dtype):
    """Every so many numbers of the sample."""
    x = sample_of(activation, dtype)
    return x[:: 501 if dtype == "float32" else 41].copy()


def test_every_activation_has_every_row():
    missing = {
        (dtype, kind, item.name, system)
        for dtype in DTYPES for kind in KINDS for item in MEASURED for system in SYSTEMS
    } - set(STATED)  # fmt: skip
    ours_alone = [item.name for item in MEASURED if not item.torch]
    assert missing == {
        (dtype, kind, name, "PyTorch") for dtype in DTYPES for kind in KINDS for name in ours_alone
    }


CROSSING = {
    ("llvm", "mish"): 7, ("llvm", "lgamma_left_of_0"): 20,
    ("numpy", "mish"): 8.5, ("numpy", "gelu_sigmoid"): 5, ("numpy", "silu"): 5, ("numpy", "gelu"): 5,
    ("numpy", "gelu_tanh"): 4.5, ("numpy", "erfc"): 4.5,
}  # fmt: skip
"""Units of float32 where a slope is the difference of two terms twice its size: the errors of both add up.

log-gamma crosses 0 between its poles, in float64 too, as a difference: its errors are absolute there.
"""


def test_ours_stay_below_the_goal():
    for (dtype, _, name, system), row in STATED.items():
        if system != "PyTorch":
            is_crossing = dtype == "float32" or name == "lgamma_left_of_0"
            limit = CROSSING.get((system, name), GOAL) if is_crossing else GOAL
            assert row.units <= limit, (dtype, name, system)


def test_every_layer_of_one_number_is_an_activation_of_the_table():
    of_rows = {"Softmax", "LogSoftmax", "Activation"}
    functions = {
        item.function
        for item in vars(layers).values()
        if isinstance(item, type) and issubclass(item, layers.Activation) and item.__name__ not in of_rows
    }
    assert {unwrap(item) for item in functions} <= {unwrap(item.ours) for item in ACTIVATIONS}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", MEASURED, ids=lambda item: item.name)
def test_a_part_of_the_sample_stays_within_what_is_stated(activation, dtype, backend):
    x = part(activation, dtype)
    with np.errstate(all="ignore"):
        found = ours(activation, backend)(x)
    for kind, y, reference in zip(KINDS, found, (activation.value, activation.slope), strict=True):
        measured, limit = (
            errors(x, y, truth_and_change(reference, x)),
            STATED[dtype, kind, activation.name, backend],
        )
        assert measured.largest <= limit.ulps * MARGIN[backend], (kind, measured)
        assert measured.units <= limit.units * MARGIN[backend], (kind, measured)
        assert measured.absolute <= limit.absolute * MARGIN[backend], (kind, measured)


@pytest.mark.parametrize("activation", MEASURED, ids=lambda item: item.name)
def test_the_float64_reference_judges_float32_to_a_hundredth_of_a_unit(activation):
    x = sample_of(activation, "float32")[::49_999].copy()
    for reference in (activation.value, activation.slope):
        high, _ = truth(reference, x)
        exact, _ = by_mpmath(reference, x)
        unbounded = np.abs(exact) > np.finfo(np.float32).max
        off = np.abs(high[~unbounded] - exact[~unbounded])
        assert (off / unit(exact[~unbounded], np.dtype(np.float32))).max() < 0.01


def test_a_slope_is_the_derivative_of_its_value():
    x = np.array([-7.25, -2.5, -0.75, 0.55, 1.25, 2.75, 6.5])
    for item in ACTIVATIONS:
        ahead, behind = (truth(item.value, x + step)[0] for step in (1e-6, -1e-6))
        np.testing.assert_allclose((ahead - behind) / 2e-6, truth(item.slope, x)[0], rtol=1e-8, atol=1e-8)


def test_errors_count_units_of_the_dtype_and_know_overflow():
    eps = np.finfo(np.float32).eps
    found = np.array([1.0, 1 + 2 * eps, np.nan, np.inf, np.inf, 2.0**-149], np.float32)
    high = np.array([1.0, 1.0, 1.0, 1.0, 1e39, 0.0])
    ulps = difference(found, high, np.zeros(6)) / unit(high, np.dtype(np.float32))
    assert ulps.tolist() == [0.0, 2.0, np.inf, np.inf, 0.0, 1.0]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (0.8401, "0.85"),
        (0.84, "0.84"),
        (123.0, "130"),
        (np.inf, "inf"),
        (9.96, "10"),
        (2.1e-8, "2.1e-08"),
    ],
)
def test_what_is_stated_is_never_below_what_was_measured(number, text):
    assert rounded_up(number) == text
    assert float(text) >= number
