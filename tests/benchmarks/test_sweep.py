"""Every class of the sweep can be said to our program and to NumPy, and both say the same."""

import math

import numpy as np
import pytest

from tests.benchmarks.sweep.families import FAMILIES, workloads
from tests.benchmarks.sweep.measuring import Measured, timed
from tests.benchmarks.sweep.tables import by_class, slowest
from tests.benchmarks.sweep.words import MissingWordError, as_list, numpy, ours
from tests.benchmarks.sweep.workload import Sizes

MOST = 300_000
"""Elements of a workload that a test can afford."""


def small(family):
    return [
        each
        for each in FAMILIES[family](Sizes())
        if not each.is_compiling and sum(array.size for array in each.arrays()) < MOST
    ]


@pytest.mark.parametrize("family", [family for family in FAMILIES if family not in ("compiling", "draws")])
def test_workloads_mean_the_same_to_us_and_to_numpy(family):
    compared = 0
    for workload in small(family)[::5]:
        own = as_list(ours(workload, workload.arrays())())
        try:
            theirs = numpy(workload, workload.arrays())()
        except MissingWordError:
            assert all(np.isfinite(value).all() for value in own)
        else:
            compared += 1
            assert len(own) == len(theirs)
            for a, b in zip(own, theirs, strict=True):
                one, other = (np.asarray(x).astype(np.float64) for x in (a, b))
                np.testing.assert_allclose(one, other, workload.tolerance, 0.002, err_msg=workload.name)
    assert compared or family == "training"  # NumPy derives nothing


def test_draws_have_the_type_and_the_moments_of_numpys():
    compared = 0
    for workload in FAMILIES["draws"](Sizes()):
        (own,) = as_list(ours(workload, workload.arrays())())
        try:
            (theirs,) = numpy(workload, workload.arrays())()
        except MissingWordError:
            continue
        assert (own.shape, own.dtype) == (theirs.shape, theirs.dtype), workload.name
        if own.size >= 100_000:
            compared += 1
            spread = float(theirs.std()) / own.size**0.5
            assert abs(own.mean() - theirs.mean()) < 7 * spread, workload.name
            np.testing.assert_allclose(own.std(), theirs.std(), 0.02, err_msg=workload.name)
    assert compared >= 10


def test_compiling_is_cold_where_it_says_so():
    cold, warm = list(FAMILIES["compiling"](Sizes()))[:2]
    (seeds,) = cold.arrays()
    assert [cold.body(np, seeds) and seeds[0] for _ in range(2)] == [1, 2]
    (seeds,) = warm.arrays()
    assert [warm.body(np, seeds) and seeds[0] for _ in range(2)] == [0, 0]
    assert np.isfinite(ours(cold, cold.arrays())()).all()


def test_every_workload_has_a_name_of_its_own_for_any_seed():
    for seed in (0, 1):
        names = [(each.family, each.name) for each in workloads(seed)]
        assert len(names) == len(set(names)) >= 300
    assert [each.name for each in workloads(1)] == [each.name for each in workloads(1)]
    assert workloads(1)[0].name != workloads(0)[0].name


def test_a_round_times_what_it_calls():
    calls = []
    assert 0 < timed(lambda: calls.append(1), 0.001) < 0.001
    assert len(calls) > 20


def test_tables_count_and_list_who_is_behind():
    found = [
        Measured("a", "one", {"ours": 1.0, "torch": 2.0, "jax": 4.0}),
        Measured("a", "two", {"ours": 3.0, "torch": 2.0}),
        Measured("b", "alone", {"ours": 3.0, "one thread": 1.0}),
    ]
    assert [each.ratio for each in found[:2]] == [0.5, 1.5]
    assert math.isnan(found[2].ratio)
    assert [list(column.cells) for column in by_class(found).columns[:3]] == [
        ["a", "all"], ["2", "2"], ["50%", "50%"],
    ]  # fmt: skip
    assert list(slowest(found, 9).columns[0].cells) == ["a: two"]
