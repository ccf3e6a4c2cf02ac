"""Debug mode catches a kernel that is wrong by a thousandth, and a plan with two values in one place."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

import tinytorch as tt
from compiler import driver
from compiler.backends.numpy.backend import NumPy
from compiler.backends.reference import run
from compiler.debugging.margins import disagreement, magnitude, margins
from compiler.errors import BackendError, LawError
from compiler.schedule.plan import InSlab


def chain() -> tuple[tt.Tensor, tt.Tensor, np.ndarray]:
    x = tt.input("x", (4, 4))
    a = tt.exp(x @ x)
    return x, (a @ a.T + 1.0) @ a, np.random.default_rng(0).standard_normal((4, 4)).astype(np.float32)


def memory_of(array: np.ndarray) -> np.ndarray:
    """The elements of an array, also of a view that nobody writes through."""
    if array.flags.writeable:
        return array
    room = array.base
    return np.ndarray(array.shape, array.dtype, room, array.ctypes.data - room.ctypes.data, array.strides)


class Off(NumPy):
    """The results of kernel `place` are wrong by a share."""

    def __init__(self, place: int, share: float) -> None:
        self.place, self.share = place, share

    def build_observed(self, plan, observe):
        calls: list[int] = []

        def disturb(nodes, arrays):
            calls.append(len(calls))
            if calls[-1] == self.place:
                memory_of(arrays[-1])[...] *= 1 + self.share
            observe(nodes, arrays)

        return super().build_observed(plan, disturb)


@pytest.mark.parametrize("place", range(4))
def test_a_kernel_that_is_wrong_by_a_thousandth_is_named(place):
    x, y, argument = chain()
    program = tt.compile([x], y, passes=(), backend=Off(place, 1e-3), debug="passes")
    node = program.schedule.kernels[place].members[0]
    assert node.origin.source is not None
    with pytest.raises(LawError) as caught:
        program(argument)
    text = str(caught.value)
    assert re.search(rf"^kernel {place} computes ", text)
    assert str(node.origin.source) in text
    assert "the oracle says" in text


def test_a_kernel_that_is_right_passes_call_after_call():
    x, y, argument = chain()
    program = tt.compile([x], y, backend="numpy", debug="passes")
    expected = tt.compile([x], y, backend="reference")(argument)
    for _ in range(2):
        np.testing.assert_allclose(program(argument), expected, rtol=1e-5)


def overlapping(plan):
    """The plan with every slot of the slab at its beginning."""
    places = {
        node: replace(place, offset=0) if isinstance(place, InSlab) else place
        for node, place in plan.places.items()
    }
    return replace(plan, places=places)


def dying_early(plan):
    """The plan in which every value is given up right after the kernel that computes it."""
    places = {
        node: replace(place, last=place.first) if isinstance(place, InSlab) else place
        for node, place in plan.places.items()
    }
    return replace(plan, places=places)


@pytest.mark.parametrize("fault", [overlapping, dying_early])
def test_a_plan_that_is_wrong_is_caught_without_the_proof(monkeypatch, fault):
    monkeypatch.setattr(driver, "make_plan", lambda schedule, make=driver.make_plan: fault(make(schedule)))
    x, y, argument = chain()
    with pytest.raises(LawError):
        tt.compile([x], y, passes=(), backend="numpy")
    monkeypatch.setattr(driver, "prove_plan", lambda plan, maker: None)
    program = tt.compile([x], y, passes=(), backend="numpy", debug="passes")
    with pytest.raises(LawError, match="wrongly"):
        program(argument)


def test_updates_are_checked_with_the_values_of_before():
    w, x = tt.parameter(np.ones(3, np.float32), "w"), tt.input("x", (3,))
    program = tt.compile([x], w * x, updates={w: w - x * w}, backend="numpy", debug="passes")
    for _ in range(3):
        program(np.full(3, 0.5, np.float32))
    np.testing.assert_array_equal(tt.value_of(w), [0.125] * 3)


def test_a_backend_that_cannot_show_its_kernels_says_so():
    x = tt.input("x", (3,))
    with pytest.raises(
        BackendError, match="backend reference cannot show its kernels; debug with backend='numpy'"
    ):
        tt.compile([x], x * 2, backend="reference", debug="passes")


def test_when_arrays_agree():
    one = np.array([1.0, np.nan, np.inf], np.float32)
    assert disagreement(one, one.copy(), 0.0) is None
    assert disagreement(one + np.float32(5e-6), one, 1e-5) is None
    assert disagreement(one + np.float32(5e-5), one, 1e-5) is not None
    assert "at [1] it is 0.0 and the oracle says nan" in str(
        disagreement(np.float32([1, 0, np.inf]), one, 1.0)
    )
    assert "at [2] it is -inf" in str(disagreement(np.float32([1, np.nan, -np.inf]), one, 1.0))
    assert disagreement(one.astype(float), one, 1.0) == "it is float64[3] and not float32[3]"
    whole = np.array([2**53], np.int64)
    assert disagreement(whole + 1, whole, 1e9) is not None


def test_a_margin_follows_the_largest_and_the_coarsest_that_a_value_is_made_from():
    x, y = tt.input("x", (2,)), tt.input("y", (2,), "float64")
    total = (x * 100.0).sum()
    mixed = total + y
    graph = tt.graph_of([mixed, y * 3.0])
    arguments = dict(zip(graph.inputs, [np.float32([5, -5]), np.array([1.0, np.inf])], strict=True))
    found = margins(graph, run(graph, arguments, {}))
    assert found[mixed.node] == pytest.approx(500 * 1e-5)
    assert found[y.node] == pytest.approx(1e-12)
    assert found[graph.outputs[1]] == pytest.approx(3e-12)


def test_a_magnitude_is_finite():
    assert magnitude(np.array([-3.0, np.inf, np.nan])) == 3
    assert magnitude(np.array([np.nan])) == magnitude(np.array([])) == 0
    assert magnitude(np.array([-7])) == 7


class WithoutInfinities(NumPy):
    """Results that are infinite become NaN."""

    def build_observed(self, plan, observe):
        def disturb(nodes, arrays):
            arrays[-1][np.isinf(arrays[-1])] = np.nan
            observe(nodes, arrays)

        return super().build_observed(plan, disturb)


def test_a_sum_of_products_with_infinity_is_infinite_or_nan():
    x = tt.input("x", (2, 2))
    argument = np.array([[1, np.inf], [1, 1]], np.float32)
    program = tt.compile([x], x @ x, backend=WithoutInfinities(), debug="passes")
    assert np.isnan(program(argument)[0]).all()
    program = tt.compile([x], x * x, backend=WithoutInfinities(), debug="passes")
    with pytest.raises(LawError, match="it is nan and the oracle says inf"):
        program(argument)


@pytest.mark.parametrize("debug", [True, "passes", "numbers"])
def test_several_threads_may_call_what_is_checked(debug):
    x = tt.input("x", ("n", 8))
    program = tt.compile([x], tt.tanh(x @ np.eye(8, dtype=np.float32)) * 2.0, debug=debug)

    def right(seed: int) -> bool:
        given = np.random.default_rng(seed).standard_normal((5, 8)).astype(np.float32)
        return all(np.allclose(program(given), 2 * np.tanh(given), rtol=1e-5) for _ in range(10))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(right, range(8)))
