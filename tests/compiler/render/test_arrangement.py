"""Pictures with everything in its place: no Graphviz needed, nothing over anything, arrows end at boxes."""

import re
import sys
from dataclasses import replace

import pytest

import tinytorch as tt
from compiler.ir.build import apply
from compiler.ir.graph import Graph
from compiler.render import dot, positions
from compiler.render.arrangement import arranged
from compiler.render.describe import describe
from compiler.render.dot import dot_source, is_small
from compiler.render.kernels import describe_schedule
from compiler.render.options import Show
from compiler.render.picture import Arrow, ArrowRole, Box, Caption, Column, Picture, Role, Statement, Text
from compiler.render.routes import Rect, routes
from compiler.render.rows import rows_of
from compiler.render.sizes import size_of, text_width
from compiler.render.stubs import FAR, MANY, stubbed
from tests.compiler.render.graphs import NOWHERE, chain, momentum, training_step, vector
from tinytorch.testing import PROGRAMS


def growing(count: int) -> Graph:
    """y = sin(y) + x * k, so often: every step reads x."""
    x = tt.input("x", ("n",))
    y = x
    for k in range(count):
        y = tt.sin(y) + x * k
    return Graph.of([y.node])


def pictures(name: str):
    made = PROGRAMS[name]()
    program = tt.compile(made.inputs, made.outputs, updates=made.updates, backend="numpy")
    yield describe(program.source_graph)
    yield describe(program.source_graph, detail=True)
    yield describe_schedule(program.schedule)


def check(picture: Picture) -> None:
    found = arranged(picture)
    rects = list(found.rects.values())
    for place, one in enumerate(rects):
        assert 0 <= one.left + 1e-6 <= one.right <= found.width + 1e-6
        for other in rects[:place]:
            assert (
                one.right < other.left
                or other.right < one.left
                or one.bottom < other.top
                or other.bottom < one.top
            )
    assert len(found.routes) == sum(arrow.role.is_drawn for arrow in picture.arrows)
    for route in found.routes:
        assert len(route.curve) % 3 == 1
        for point, box in ((route.curve[0], route.arrow.tail), (route.curve[-1], route.arrow.head)):
            rect = found.rects[box]
            assert abs(point[0] - rect.x) <= rect.width / 2 + 1e-6
            assert abs(point[1] - rect.y) <= rect.height / 2 + 1e-6


@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_lies_over_anything_and_arrows_end_at_boxes(name):
    for picture in pictures(name):
        check(picture)


@pytest.mark.parametrize(
    "graph", [Graph.of([]), chain(1), chain(40), growing(60), training_step(3, momentum)]
)
def test_any_graph_is_arranged(graph):
    check(describe(graph))
    check(describe(graph, detail=True))


def test_kernels_in_a_circle_are_arranged():
    boxes = tuple(Box(name, (Caption((Text(name),)),), Role.FORWARD, "c") for name in "abc")
    arrows = tuple(Arrow(one, two, ArrowRole.VALUE) for one, two in ("ab", "bc", "ca", "aa"))
    check(Picture((Column("c", "c"),), boxes, arrows))


def test_what_dot_would_take_long_for_comes_to_it_with_positions():
    small, large = describe(chain(30)), describe(growing(300))
    assert is_small(small)
    assert not is_small(large)
    assert "nop2" not in dot_source(small)
    text = dot_source(large)
    assert "layout=nop2" in text
    assert text.count('pos="') > len(large.boxes) + len(large.arrows)
    assert not is_small(describe(growing(40), detail=True))


def test_a_value_that_is_read_often_or_far_away_stands_beside_its_readers():
    picture = describe(growing(30), detail=True)
    shown = stubbed(picture, rows_of(picture))
    (x,) = [box for box in picture.boxes if box.role is Role.INPUT]
    stubs = [box for box in shown.boxes if box.role is Role.INPUT and box is not x]
    assert len(stubs) == sum(arrow.tail == x.id for arrow in picture.arrows) - 1
    assert shown.boxes[: len(picture.boxes)] == picture.boxes
    assert [arrow.head for arrow in shown.arrows] == [arrow.head for arrow in picture.arrows]
    rows = rows_of(shown)
    tails = {arrow.tail: arrow.head for arrow in shown.arrows}
    assert all(rows[tails[stub.id]] - rows[stub.id] == 1 for stub in stubs)
    assert {piece.text for stub in stubs for line in stub.lines for piece in line.pieces} == {"x"}
    assert all(stub.tooltip == x.tooltip for stub in stubs)


def test_a_saved_value_that_is_read_far_away_has_a_stub_that_says_so():
    x = vector("x")
    boxes = {k: Box(str(k), (Caption((Text(str(k)),)),), Role.FORWARD, "f") for k in range(FAR + 3)}
    back = Box("b", (Caption((Text("b"),)),), Role.BACKWARD, "g")
    arrows = [Arrow(str(k), str(k + 1), ArrowRole.VALUE) for k in range(FAR + 2)]
    arrows += [Arrow(str(FAR + 2), "b", ArrowRole.BELOW), Arrow("0", "b", ArrowRole.READ, "", "%0 : f32[]")]
    picture = Picture((Column("f", "f"), Column("g", "g")), (*boxes.values(), back), tuple(arrows))
    stub = stubbed(picture, rows_of(picture)).boxes[-1]
    assert stub.lines == (Statement(Text("%0"), (), "", is_saved=True),)
    assert (stub.column, stub.role) == ("g", Role.FORWARD)
    near = replace(picture, arrows=(arrows[0], Arrow("0", "b", ArrowRole.READ)))
    assert stubbed(near, rows_of(near)) == near
    assert x.op.name == "input"


def test_a_few_near_readers_need_no_stubs():
    x = vector("x")
    picture = describe(Graph.of([apply("exp", x, origin=NOWHERE) for _ in range(MANY)]))
    assert stubbed(picture, rows_of(picture)) == picture


def test_an_arrow_over_other_lines_goes_around_their_boxes():
    rects = [Rect(100, 50 * line, 80, 20, line, 0) for line in range(5)]
    (curve,) = routes(rects, [(0, 4)])
    for x, y in _points(curve):
        for rect in rects[1:4]:
            assert not (rect.left < x < rect.right and rect.top < y < rect.bottom)
    free = [rects[0], rects[4], *(Rect(400, rect.y, 80, 20, rect.line, 0) for rect in rects[1:4])]
    (curve,) = routes(free, [(0, 1)])
    assert {round(x) for x, _ in _points(curve)} == {100}


def test_arrows_of_one_box_leave_side_by_side_in_the_order_of_their_ends():
    rects = [Rect(0, 0, 80, 20, 0, 0), *(Rect(x, 60, 20, 20, 1, 0) for x in (50, -50, 0))]
    starts = [curve[0][0] for curve in routes(rects, [(0, 1), (0, 2), (0, 3)])]
    assert starts[1] < starts[2] < starts[0]
    assert max(map(abs, starts)) <= 40


def _points(curve):
    for first in range(0, len(curve) - 1, 3):
        piece = curve[first : first + 4]
        for step in range(33):
            t = step / 32
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            yield tuple(
                sum(w * point[axis] for w, point in zip(weights, piece, strict=True)) for axis in (0, 1)
            )


def test_wider_text_makes_wider_boxes():
    assert (
        text_width("iii", 10) < text_width("nnn", 10) < text_width("WWW", 10) < text_width("数数数", 10) * 1.2
    )
    assert text_width("n" * 20, 10) == pytest.approx(20 * text_width("n", 10))

    def box(*lines):
        return Box("b", tuple(Caption((Text(line),)) for line in lines), Role.FORWARD, "c")

    (one, low), (two, high) = size_of(box("a long line of text")), size_of(box("a", "a long line of text"))
    assert one == two
    assert low < high


@pytest.mark.parametrize("most", [0, 10**9], ids=["ours", "dots"])
def test_the_work_is_linear_in_the_nodes(most, monkeypatch):
    monkeypatch.setattr(dot, "SMALL", most)
    small, large = (_calls(growing(count)) for count in (100, 400))
    assert 3.5 * small < large < 4.3 * small


def _calls(graph: Graph) -> int:
    """How many calls of this project's functions a drawing takes."""
    count = 0
    dot_source(describe(graph, detail=True))  # caches are warm

    def tally(frame, event, _):
        nonlocal count
        count += event == "call" and frame.f_globals.get("__name__", "").startswith("compiler.")

    sys.setprofile(tally)
    try:
        dot_source(describe(graph, detail=True))
    finally:
        sys.setprofile(None)
    return count


def test_the_work_of_a_picture_grows_with_its_boxes(monkeypatch):
    """Counted in moves of boxes and in pieces of text, which is what takes the time."""

    def work(length: int) -> int:
        counts = [0]
        plain = positions.pooled

        def counted(targets, weights):
            counts[0] += len(targets)
            return plain(targets, weights)

        monkeypatch.setattr(positions, "pooled", counted)
        source = dot_source(describe(chain(length), detail=True))
        monkeypatch.setattr(positions, "pooled", plain)
        return counts[0] + len(source) // 100

    assert work(4000) < 4.4 * work(1000)


def test_a_large_training_step_in_detail_is_laid_out_by_us():
    picture = describe(training_step(20, momentum), detail=True)
    assert len(picture.boxes) > 350
    assert "layout=nop2" in dot_source(picture)


def test_tall_pictures_repeat_the_titles_of_their_columns():
    for length, is_dots in ((60, True), (3000, False)):
        picture = describe(chain(length), Show(detail=True))
        source = dot_source(picture)
        assert is_small(picture) == is_dots
        assert len(set(re.findall(r"title_forward(?:_\d+)?", source))) >= 3
    assert set(re.findall(r"title_forward(?:_\d+)?", dot_source(describe(chain(3))))) == {"title_forward"}
