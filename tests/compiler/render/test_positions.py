"""The layout: nothing overlaps, columns keep apart, order is kept by least squares, the work is linear."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.render.positions import WIDEST, Gaps, Slot, place, pooled

GAPS = Gaps()

slots = st.builds(Slot, st.floats(10, 300), st.floats(10, 90), st.integers(0, 6), st.integers(0, 2))


@st.composite
def layouts(draw):
    """Boxes in any rows and columns, and any edges, circles too."""
    boxes = draw(st.lists(slots, min_size=1, max_size=24))
    ends = st.integers(0, len(boxes) - 1)
    return boxes, draw(st.lists(st.tuples(ends, ends), max_size=40))


@given(layouts())
def test_boxes_keep_apart_in_rows_and_columns(drawn):
    boxes, edges = drawn
    found = place(boxes, edges, 3)
    spans = [(box.column, found.lines[k], found.x[k], found.y[k], box) for k, box in enumerate(boxes)]
    for column, line, x, y, box in spans:
        left, right = found.columns[column]
        assert left - 1e-6 <= x - box.width / 2
        assert x + box.width / 2 <= right + 1e-6
        for other_column, other_line, other_x, other_y, other in spans:
            if other is not box and (column, line) == (other_column, other_line):
                assert abs(x - other_x) >= (box.width + other.width) / 2 + GAPS.beside - 1e-6
            if line < other_line:
                assert y + box.height / 2 + GAPS.below <= other_y - other.height / 2 + 1e-6
            if box.row < other.row:
                assert line < other_line
    for (_, right), (left, _) in zip(found.columns, found.columns[1:], strict=False):
        assert right + GAPS.columns <= left + 1e-6
    assert max(y + box.height / 2 for _, _, _, y, box in spans) <= found.height + 1e-6


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0.01, 10)), min_size=1, max_size=12))
def test_pooled_numbers_are_the_least_squares_under_the_order(pairs):
    """Barlow and others: the largest, over what begins before, of the least mean up to what is after."""
    targets, weights = [value for value, _ in pairs], [weight for _, weight in pairs]

    def mean(first, last):
        total = sum(weights[first : last + 1])
        return (
            sum(t * w for t, w in zip(targets[first : last + 1], weights[first : last + 1], strict=True))
            / total
        )

    count = len(pairs)
    expected = [
        max(min(mean(first, last) for last in range(k, count)) for first in range(k + 1))
        for k in range(count)
    ]
    assert pooled(targets, weights) == pytest.approx(expected, abs=1e-6)


def test_a_chain_stands_straight():
    boxes = [Slot(40 + 30 * (k % 3), 20, k, 0) for k in range(50)]
    found = place(boxes, [(k, k + 1) for k in range(49)], 1)
    assert max(found.x) - min(found.x) < 1e-6


def test_a_reader_of_two_stands_between_them_and_lines_do_not_cross():
    boxes = [Slot(40, 20, row, 0) for row in (0, 0, 0, 1, 1, 1)]
    found = place(boxes, [(0, 5), (1, 4), (2, 3)], 1)
    order = sorted(range(3), key=lambda k: found.x[k])
    assert [found.x[5 - k] for k in order] == sorted(found.x[3:])
    one = place([Slot(40, 20, 0, 0), Slot(40, 20, 0, 0), Slot(40, 20, 1, 0)], [(0, 2), (1, 2)], 1)
    assert one.x[2] == pytest.approx((one.x[0] + one.x[1]) / 2)


def test_rows_of_two_columns_stand_side_by_side():
    boxes = [Slot(40, 20 + 30 * column, row, column) for row in range(4) for column in (0, 1)]
    found = place(boxes, [], 2)
    assert [found.y[2 * row] for row in range(4)] == [found.y[2 * row + 1] for row in range(4)]


def test_a_row_that_is_too_wide_is_broken():
    found = place([Slot(100, 20, 0, 0) for _ in range(200)], [], 1)
    assert len(set(found.lines)) == 10
    assert found.columns[0][1] - found.columns[0][0] <= WIDEST


def test_nothing_has_a_place_too():
    found = place([], [], 0)
    assert (found.x, found.columns, found.height) == ((), (), 0.0)


def _calls(count: int) -> int:
    boxes = [Slot(40, 20, k // 3, k % 3) for k in range(count)]
    edges = [(k, (k * 7919) % count) for k in range(count)]
    calls = 0

    def tally(frame, event, _):
        nonlocal calls
        calls += event == "call"

    sys.setprofile(tally)
    try:
        place(boxes, edges, 3)
    finally:
        sys.setprofile(None)
    return calls


def test_work_is_linear_however_long_the_edges_are():
    assert _calls(4000) < 4.2 * _calls(1000)
