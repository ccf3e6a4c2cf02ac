"""How far away memory is, in bytes touched since, and which cache that is."""

import math

import pytest

from compiler.speed.caches import Recency, Touch, level_of
from tests.compiler.speed.machines import MACHINE


def test_what_was_never_touched_is_infinitely_far():
    assert Recency().touch([Touch("x", 0, 100)]) == [[(math.inf, 100)]]


def test_what_is_touched_together_is_as_far_as_all_of_it():
    recency = Recency()
    both = [Touch("x", 0, 100), Touch("y", 0, 50, is_write=True)]
    recency.touch(both)
    assert recency.touch(both) == [[(150, 100)], [(150, 50)]]


def test_what_was_touched_between_counts_and_only_once():
    recency = Recency()
    recency.touch([Touch("x", 0, 100)])
    recency.touch([Touch("y", 0, 30)])
    recency.touch([Touch("y", 0, 30)])
    assert recency.touch([Touch("x", 0, 100)]) == [[(130, 100)]]
    assert recency.touch([Touch("x", 0, 100)]) == [[(100, 100)]]


def test_parts_may_be_at_different_distances():
    recency = Recency()
    recency.touch([Touch("x", 0, 100)])
    recency.touch([Touch("x", 40, 20)])
    assert recency.touch([Touch("x", 30, 100)]) == [[(20, 20), (100, 50), (math.inf, 30)]]


def test_memories_are_apart():
    recency = Recency()
    recency.touch([Touch("x", 0, 100)])
    assert recency.touch([Touch("y", 0, 100)]) == [[(math.inf, 100)]]


@pytest.mark.parametrize(
    ("distance", "threads", "name"),
    [
        (1000, 1, "L1"),
        (1001, 1, "L2"),
        (1001, 2, "L1"),
        (50_000, 1, "L3"),
        (50_001, 4, "memory"),
        (math.inf, 1, "memory"),
    ],
)
def test_the_first_level_holds_what_is_near(distance, threads, name):
    assert MACHINE.levels[level_of(distance, MACHINE.levels, threads)].name == name
