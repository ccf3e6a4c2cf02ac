"""Which parts of a model are open in a picture, what is folded into one box, and how both stand."""

import pytest

import tinytorch as tt
from compiler.difference.picture import difference_picture
from compiler.errors import ArgumentError
from compiler.ir.build import apply
from compiler.ir.graph import Graph
from compiler.render.arrangement import arranged
from compiler.render.describe import describe
from compiler.render.dot import dot_source
from compiler.render.kernels import describe_schedule
from compiler.render.opening import MOST_ALIKE, READABLE
from compiler.render.options import Options, Show, show_graph
from compiler.render.picture import Flags, Picture, Role
from compiler.render.rows import framed_rows
from tests.compiler.render.graphs import chain, training_step
from tests.compiler.render.test_describe import words
from tests.compiler.report.models import of_testing, three_layers, transformer


def blocks(count: int) -> Graph:
    """A chain of alike blocks of three ops, each op in a part of its own, between two others."""
    x = tt.exp(tt.input("x", shape=("n",)))
    for number in range(count):
        with tt.scope(f"blocks.{number}"):
            for part in ("first", "second", "third"):
                with tt.scope(part):
                    x = tt.sin(tt.exp(x) + 1.0)
    return Graph.of([(x * 2.0).node])


def folded_names(picture: Picture) -> list[str]:
    return [words(box)[0] for box in picture.boxes if Flags.FOLDED in box.flags]


def titles(picture: Picture) -> list[str]:
    return [frame.title for frame in picture.frames]


def test_what_can_be_read_is_not_folded():
    for graph in (three_layers()[0].source_graph, training_step()):
        picture = describe(graph)
        assert not picture.frames
        assert not folded_names(picture)
        assert len(picture.boxes) <= READABLE


def test_a_transformer_is_its_blocks_on_one_screen():
    picture = describe(transformer(4).source_graph)
    assert titles(picture) == ["blocks"]
    each = [f"blocks.{number}" for number in range(4)]
    forward = [words(box)[0] for box in picture.boxes if box.column == "forward" and box.role is Role.FORWARD]
    assert forward == ["embed", *each, "head", "mse"]
    for column in ("backward", "updates"):
        assert set(each) <= {words(box)[0] for box in picture.boxes if box.column == column}
    placed = arranged(picture)
    assert placed.width < 1200
    assert placed.height < 1100


def test_forward_backward_and_update_of_a_part_stand_side_by_side():
    picture = describe(transformer(4).source_graph)
    rows = framed_rows(picture)[0]
    of_family: dict[str, set[int]] = {}
    for box in picture.boxes:
        if box.family:
            of_family.setdefault(box.family, set()).add(rows[box.id])
    assert len(of_family) == 7
    assert all(len(found) == 1 for found in of_family.values())


def test_every_node_is_in_one_box():
    graph = transformer(2).source_graph
    for show in (Show(), Show(depth=1), Show(open=("blocks.1",)), Show(open=("query", "softmax"), depth=2)):
        picture = describe(graph, show)
        told = [word for box in picture.boxes for word in words(box)]
        folded = sum(int(word.split(" node")[0]) for word in told if " node" in word)
        assert 0 < folded < len(graph)
        assert len({box.id for box in picture.boxes}) == len(picture.boxes)


def test_alike_parts_in_a_row_are_one_box_where_they_are_many():
    (many,) = folded_names(describe(blocks(40)))
    assert many == "blocks.0 ... blocks.39 x 40"
    few = describe(blocks(MOST_ALIKE), Show(depth=2))
    assert folded_names(few) == [f"blocks.{number}" for number in range(MOST_ALIKE)]


def test_many_parts_that_would_fit_stay_closed_all_the_same():
    """As the cells of a recurrent network, which nobody wants to see eight times."""
    names = folded_names(describe(blocks(READABLE // 3 - 1), Show(open=("blocks",))))
    assert names == [f"blocks.0 ... blocks.{READABLE // 3 - 2} x {READABLE // 3 - 1}"]


def test_opening_one_of_many_leaves_the_others_folded():
    picture = describe(blocks(40), Show(open=("blocks.7",), depth=2))
    names = folded_names(picture)
    assert names[0] == "blocks.0 ... blocks.6 x 7"
    assert names[-1] == "blocks.8 ... blocks.39 x 32"
    # A part with one box is that box, and says where it belongs.
    inside = [box for box in picture.boxes if box.frame and words(box)[0] in ("first", "second", "third")]
    assert [len(box.lines) for box in inside] == [4, 4, 4]
    assert len(names) == 2
    assert titles(picture) == ["blocks", "blocks.7"]


def test_depth_counts_the_names_of_folded_parts():
    graph = transformer(2).source_graph
    assert set(folded_names(describe(graph, Show(depth=1)))) >= {"embed", "blocks", "head", "mse"}
    deep = describe(graph, Show(depth=2))
    assert {"blocks.0", "blocks.1"} <= set(folded_names(deep))
    assert "blocks" in titles(deep)
    with pytest.raises(ArgumentError, match="1 name or more, not to 0"):
        describe(graph, Show(depth=0))


def test_a_part_is_opened_by_its_path_or_by_its_last_name():
    graph = transformer(2).source_graph
    whole = describe(graph, Show(open=("blocks.1.query",), depth=1))
    assert titles(whole) == ["blocks", "blocks.1", "query"]
    assert titles(describe(graph, Show(open=("query",), depth=1))).count("query") == 2


def test_a_name_that_is_no_part_is_an_error_that_says_which_there_are():
    graph = transformer(2).source_graph
    with pytest.raises(ArgumentError, match=r"no part of this graph is called 'blocks.9'; there are blocks"):
        describe(graph, Show(open=("blocks.9",)))
    with pytest.raises(ArgumentError, match="nothing in this graph has a scope"):
        describe(chain(3), Show(open=("a",)))


def test_a_frame_has_its_boxes_inside_and_nothing_else():
    picture = arranged(describe(transformer(2).source_graph, Show(open=("blocks.1.norm1",), depth=2)))
    inside = {"": set[str]()}
    for frame in picture.picture.frames:
        inside[frame.id] = inside[frame.parent] | {frame.id}
    assert len(inside) > 2
    for box in picture.picture.boxes:
        rect = picture.rects[box.id]
        for frame, (_, top, _, bottom) in picture.frames.items():
            is_inside = top <= rect.top and rect.bottom <= bottom
            assert is_inside == (frame in inside[box.frame])
            assert is_inside or rect.bottom <= top or rect.top >= bottom


def test_folded_parts_may_make_a_circle():
    x = tt.input("x", shape=("n",))
    with tt.scope("a"):
        y = tt.exp(x)
        y = y * tt.sin(y)
    with tt.scope("b"):
        z = tt.exp(y)
        z = z * tt.sin(z)
    scope = y.node.origin.opened
    last = apply("neg", z.node, origin=type(z.node.origin)(opened=scope))
    picture = describe(Graph.of([last]), Show(depth=1))
    a, b = (box.id for box in picture.boxes if Flags.FOLDED in box.flags)
    assert {(a, b), (b, a)} <= {(arrow.tail, arrow.head) for arrow in picture.arrows}
    assert dot_source(picture).startswith("digraph")


def test_between_folded_parts_one_arrow_says_how_many_values():
    picture = describe(transformer(2).source_graph)
    ends = [(arrow.tail, arrow.head, arrow.role) for arrow in picture.arrows]
    assert len(set(ends)) == len(ends)
    assert any(arrow.label.endswith(" values") for arrow in picture.arrows)


def test_kernels_fold_too_and_say_which_they_are():
    program = transformer(2)
    picture = describe_schedule(program.schedule)
    assert len(picture.boxes) <= READABLE
    assert any("kernels: " in word for box in picture.boxes for word in words(box))
    folded = describe_schedule(program.schedule, Options(depth=1))
    texts = [" ".join(words(box)) for box in folded.boxes if Flags.FOLDED in box.flags]
    assert all(text.endswith("moved") for text in texts)
    assert any(text.startswith("blocks ") for text in texts)


def test_around_shows_what_is_near_and_what_is_cut_off():
    graph = transformer(2).source_graph
    loss = graph.outputs[0]
    picture = describe(graph, show_graph(Options(around="loss", radius=1), graph))
    (asked,) = [box for box in picture.boxes if Flags.ASKED in box.flags]
    assert words(asked)[-1].startswith("loss")
    assert len(picture.boxes) == 1 + len(set(loss.operands)) + len(set(graph.users[loss]))
    wider = describe(graph, show_graph(Options(around=loss, radius=3), graph))
    assert len(wider.boxes) > len(picture.boxes)
    assert any("more reader" in word for box in wider.boxes for word in words(box))


def test_around_takes_whatever_a_view_calls_it():
    program = three_layers()[0]
    graph = program.source_graph
    number = int(graph.names.values[graph.nodes[-1]][1:])
    for what in (graph.nodes[-1], number, f"%{number}", str(number)):
        assert show_graph(Options(around=what), graph).around is graph.nodes[-1]
    picture = describe_schedule(program.schedule, Options(around="kernel 6", radius=1))
    (asked,) = [box for box in picture.boxes if Flags.ASKED in box.flags]
    assert words(asked)[0] == "kernel 6"
    with pytest.raises(ArgumentError, match="no value of this program is called 'nothing'"):
        show_graph(Options(around="nothing"), graph)
    with pytest.raises(ArgumentError, match="0 arrows or more"):
        describe(graph, Show(around=graph.nodes[-1], radius=-1))


@pytest.mark.parametrize("name", list(tt.testing.PROGRAMS))
def test_every_program_is_drawn_however_it_is_asked_for(name):
    """Graph, kernels and difference: each node is in one box, each arrow joins two boxes."""
    program = of_testing(name)
    graph, schedule = program.source_graph, program.schedule
    pictures = [describe(graph, show) for show in (Show(), Show(depth=1), Show(detail=True, depth=2))]
    pictures += [describe(graph, Show(around=node, radius=2)) for node in graph.nodes[::7]]
    pictures += [describe_schedule(schedule, options) for options in (Options(), Options(depth=1))]
    pictures += [describe_schedule(schedule, Options(around=0, radius=1))] if schedule.kernels else []
    pictures.append(difference_picture(tt.diff(graph, program.graph)))
    for picture in pictures:
        ids = {box.id for box in picture.boxes}
        assert len(ids) == len(picture.boxes)
        assert all(arrow.tail in ids and arrow.head in ids for arrow in picture.arrows)
        assert all(arrow.tail != arrow.head for arrow in picture.arrows)
        frames = {frame.id for frame in picture.frames} | {""}
        assert {box.frame for box in picture.boxes} <= frames
        assert dot_source(picture).startswith("digraph")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(depth=0), "1 or more, not 0"),
        (Options(depth="2"), "1 or more, not '2'"),
        (Options(radius=-1), "0 or more, not -1"),
        (Options(radius=1.5), "0 or more, not 1.5"),
        (Options(open=3), "by their names, as in 'block2', not by 3"),
        (Options(open=["a", 3]), "not by 3"),
    ],
)
def test_options_that_are_none_are_errors(options, message):
    graph = chain(2)
    with pytest.raises(ArgumentError, match=message):
        show_graph(options, graph)
