"""The convolutions that are measured are the same in every system."""

import numpy as np
import pytest

from tests.benchmarks.convolutions import WHAT, Case, measured, ours, ours_last, torch

CASE = Case(2, 3, 4, 7, 3, 2)


@pytest.mark.parametrize("what", WHAT)
def test_systems_convolve_alike(what):
    pytest.importorskip("torch")
    expected = torch(CASE, what, 0)()
    np.testing.assert_allclose(ours(CASE, what, 0)(), expected, rtol=1e-4, atol=1e-5)
    order = (2, 3, 1, 0) if what == "weights" else (0, 2, 3, 1)
    np.testing.assert_allclose(ours_last(CASE, what, 0)(), expected.transpose(order), rtol=1e-4, atol=1e-5)


def test_rounds_are_served_by_processes():
    best = measured(["ours", "ours, channels last"], CASE, "forward", 1, 1, 0.01)
    assert all(0 < seconds < 10 for seconds in best)


def test_flops_are_two_for_each_product():
    assert CASE.flops == 2 * (2 * 4 * 3 * 3) * (3 * 3 * 3)
