"""Differences as pictures: what differs by sign and colour, what does not dimmed and folded."""

import tinytorch as tt
from compiler.difference.picture import difference_picture
from compiler.render.dot import dot_source
from compiler.render.opening import READABLE
from compiler.render.picture import ArrowRole, Flags
from tests.compiler.render.test_describe import find, words
from tests.compiler.report.models import transformer


def network(activation: str, *, twice: bool = False) -> tt.Tensor:
    x = tt.input("x", shape=("batch", 4))
    layers = [tt.nn.Dense(4, 4), getattr(tt.nn, activation)(), tt.nn.Dense(4, 2)]
    y = tt.nn.Sequential(*layers, seed=0)(x)
    return (y * 2.0 if twice else y).named("y")


def test_a_changed_op_is_yellow_and_says_what_it_was():
    picture = difference_picture(tt.diff(network("Tanh"), network("GELU")))
    box = find(picture, "tanh : f32")
    assert words(box)[0].startswith("~ changed")
    assert dict(picture.fills)[box.fill] == "~ changed"


def test_what_is_new_is_green_and_what_is_gone_red():
    before, after = network("Tanh"), network("Tanh", twice=True)
    for pair, word in (((before, after), "+ added"), ((after, before), "- removed")):
        picture = difference_picture(tt.diff(*pair))
        box = find(picture, word)
        assert dict(picture.fills)[box.fill] == word
    gone = [arrow for arrow in picture.arrows if arrow.role is ArrowRole.GONE]
    assert all(arrow.tail != arrow.head for arrow in gone)


def test_what_is_the_same_is_dimmed_and_folded():
    picture = difference_picture(tt.diff(network("Tanh"), network("Tanh", twice=True)))
    same = [box for box in picture.boxes if Flags.SAME in box.flags]
    assert same
    assert not any(box.fill for box in same)
    assert find(picture, "dense1").flags & Flags.FOLDED


def test_a_graph_against_itself_is_all_dimmed():
    y = network("Tanh")
    picture = difference_picture(tt.diff(y, y))
    assert all(Flags.SAME in box.flags for box in picture.boxes)
    assert not picture.fills


def test_every_node_of_both_sides_is_in_one_box():
    left, right = network("Tanh"), network("GELU", twice=True)
    difference = tt.diff(left, right)
    picture = difference_picture(difference)
    told = [word for box in picture.boxes for word in words(box)]
    folded = sum(int(word.split(" node")[0]) for word in told if " node" in word)
    alone = sum(Flags.FOLDED not in box.flags for box in picture.boxes)
    removed = [node for node in difference.left.nodes if node not in difference.pairs]
    assert folded + alone == len(difference.right) + len(removed)


def test_where_much_differs_parts_say_how_much():
    program = transformer(2)
    picture = difference_picture(tt.diff(program.source_graph, program.graph))
    assert len(picture.boxes) <= READABLE
    assert any("-" in words(box)[0] and "~" in words(box)[0] for box in picture.boxes)
    assert dot_source(picture) == dot_source(difference_picture(tt.diff(program.source_graph, program.graph)))


def test_a_difference_draws_itself(tmp_path):
    path = tt.diff(network("Tanh"), network("GELU"), names=("old", "new")).draw(tmp_path / "a.dot")
    assert "old against new" in path.read_text()
