"""Windows and folds: what they infer, what they refuse, their text, and what they ask of a call."""

import re

import numpy as np
import pytest

from compiler.analysis.extents import check_demands, demands
from compiler.backends.reference import layout
from compiler.errors import DTypeError, ParseError, ShapeError
from compiler.ir.dims import symbol
from compiler.ir.graph import Graph
from compiler.ir.node import make_node
from compiler.ir.op import Fold, Trait, Window
from compiler.ir.types import BOOL, FLOAT32, TensorType
from compiler.ir.verify import verify
from tests.compiler.analysis.test_aliasing import leaf

N, M = symbol("n"), symbol("m")


def f32(*shape):
    return TensorType(FLOAT32, shape)


def test_positions_stand_in_their_axes_and_taps_at_the_end():
    op = Window((2, 0), (4, 2), (3, N), (2, 1), (1, 2))
    assert op.infer([f32(2 * N, 5, 9)]) == f32(2, 5, 4, 3, N)
    assert op.has(Trait.VIEW)
    back = Fold((2, 0), (9, 2 * N), (2, 1), (1, 2))
    assert back.infer([f32(2, 5, 4, 3, N)]) == f32(2 * N, 5, 9)
    assert not back.has(Trait.VIEW)


REFUSED = {
    "reach over 7 elements, and axis 0 has 6": (Window((0,), (3,), (2,), (2,), (2,)), f32(6)),
    "reach over n+1 elements, and axis 0 has n": (Window((0,), (N,), (2,), (1,), (1,)), f32(N)),
    "reach over 4 elements, and axis 1 has 3": (Fold((1,), (3,), (1,), (1,)), f32(5, 3, 2)),
    "-1 windows": (Window((0,), (-1,), (2,), (1,), (1,)), f32(6)),
    "steps and dilations of window are 1 or more": (Window((0,), (1,), (2,), (0,), (1,)), f32(6)),
    "steps and dilations of fold are 1 or more": (Fold((0,), (6,), (1,), (-1,)), f32(5, 2)),
    "leaves the 1 axes": (Window((1,), (1,), (1,), (1,), (1,)), f32(6)),
    "leaves the 0 axes": (Fold((0,), (6,), (1,), (1,)), f32(5)),
    "no axis twice": (Window((0, 0), (1, 1), (1, 1), (1, 1), (1, 1)), f32(6)),
    "each field once for each axis": (Window((0,), (1,), (1,), (1, 1), (1,)), f32(6)),
}


@pytest.mark.parametrize(("message", "case"), REFUSED.items(), ids=REFUSED)
def test_what_does_not_fit_is_refused(message, case):
    op, operand = case
    with pytest.raises(ShapeError, match=re.escape(message)):
        op.infer([operand])


def test_no_windows_reach_nowhere():
    assert Window((0,), (0,), (9,), (1,), (1,)).infer([f32(3)]) == f32(0, 9)
    assert Window((0,), (9,), (0,), (1,), (1,)).infer([f32(3)]) == f32(9, 0)
    assert Fold((0,), (3,), (1,), (1,)).infer([f32(0, 9)]) == f32(3)
    empty = layout.view(Window((0,), (0,), (9,), (1,), (1,)), np.zeros(3), {})
    assert empty.shape == (0, 9)


def test_bools_are_not_added():
    with pytest.raises(DTypeError, match="fold adds, and bools are not added"):
        Fold((0,), (6,), (1,), (1,)).infer([TensorType(BOOL, (5, 2))])


TEXT = """\
%x = input : f32[n,9]
%w = window(%x, axes=[1, 0], positions=[4, n-1], taps=[3, 2], steps=[2, 1], dilations=[1, 1]) : f32[n-1,4,3,2]
%y = fold(%w, axes=[1, 0], extents=[9, n], steps=[2, 1], dilations=[1, 1]) : f32[n,9]
return %y
"""


def test_a_text_is_read_and_printed():
    graph = Graph.parse(TEXT)
    assert str(graph) == TEXT
    verify(graph)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("taps=[3, 2]", "taps=3", "taps is a list of extents"),
        ("dilations=[1, 1]", "dilations=[n, 1]", "dilations is a list of ints"),
        ("extents=[9, n], ", "", "'extents' is missing"),
        ("steps=[2, 1]", "steps=[3, 1]", "reach over 12 elements, and axis 1 has 9"),
    ],
)
def test_what_is_no_window_is_a_parse_error(old, new, message):
    with pytest.raises(ParseError, match=re.escape(message)):
        Graph.parse(TEXT.replace(old, new))


def test_a_call_is_asked_whether_windows_of_symbols_fit():
    windows = make_node(Window((1,), (N,), (3,), (2,), (1,)), [leaf(N, M)])
    graph = Graph.of([windows])
    (demand,) = demands(graph)
    assert (demand.extent, demand.unless) == (M - 2 * N - 1 + 0, 3 * N)
    check_demands([demand], {"n": 4, "m": 9}, graph)
    check_demands([demand], {"n": 0, "m": 0}, graph)
    with pytest.raises(ShapeError, match=r"with m = 8, n = 4, windows over axis 1 would reach over 2\*n\+1"):
        check_demands([demand], {"n": 4, "m": 8}, graph)


def test_a_fold_asks_too():
    graph = Graph.of([make_node(Fold((0,), (M,), (1,), (1,)), [leaf(N, 2)])])
    (demand,) = demands(graph)
    assert (demand.extent, demand.unless) == (M - N - 1, 2 * N)


def test_the_oracles_view_cannot_be_written():
    seen = layout.view(Window((0,), (3,), (2,), (1,), (1,)), np.arange(4.0), {})
    assert not seen.flags.writeable
    np.testing.assert_array_equal(seen, [[0, 1], [1, 2], [2, 3]])
    with pytest.raises(ShapeError, match="3 windows of 2 elements reach over 4 of an axis of 3"):
        layout.view(Window((0,), (3,), (2,), (1,), (1,)), np.arange(3.0), {})
