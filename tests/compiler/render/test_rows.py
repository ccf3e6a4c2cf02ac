"""Forward leads down, backward up."""

import pytest

from compiler.render.describe import describe
from compiler.render.picture import Arrow, ArrowRole, Box, Column, Picture, Role
from compiler.render.rows import rows_of, upper_and_lower
from tests.compiler.render.graphs import momentum, training_step


def picture(boxes: str, *arrows: Arrow) -> Picture:
    return Picture((Column("c", "c"),), tuple(Box(id, (), Role.FORWARD, "c") for id in boxes), tuple(arrows))


@pytest.mark.parametrize("detail", [True, False])
def test_every_arrow_leads_from_row_to_row_in_its_direction(detail):
    drawn = describe(training_step(3, momentum), detail=detail)
    rows = rows_of(drawn)
    for arrow in drawn.arrows:
        gap = rows[arrow.head] - rows[arrow.tail]
        assert gap < 0 if arrow.role is ArrowRole.GRADIENT else gap > 0
        assert rows[upper_and_lower(arrow)[0]] < rows[upper_and_lower(arrow)[1]]


def test_what_feeds_more_than_it_reads_comes_down():
    value = ArrowRole.VALUE
    drawn = picture("abcd", Arrow("a", "b", value), Arrow("b", "c", value), Arrow("d", "c", value))
    assert rows_of(drawn) == {"a": 0, "b": 1, "c": 2, "d": 1}


def test_a_circle_ends():
    value = ArrowRole.VALUE
    drawn = picture("abc", Arrow("a", "b", value), Arrow("b", "a", value), Arrow("b", "c", value))
    assert rows_of(drawn) == {"a": 0, "b": 1, "c": 2}


def test_no_boxes_have_no_rows():
    assert rows_of(picture("")) == {}
