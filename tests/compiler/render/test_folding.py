"""What belongs to a scope, and in which order it stands there."""

from compiler.render.folding import Kind, Member, Tree, runs_of, tree_of


def outline(tree: Tree) -> list:
    return [item if isinstance(item, int) else {".".join(item.path): outline(item)} for item in tree.items]


def test_members_stand_in_their_scopes_in_the_order_in_which_they_were_made():
    members = [Member(("a",), ()), Member(("a", "b"), (0,)), Member((), (1,)), Member(("a",), (2,))]
    tree = tree_of(members)
    assert outline(tree) == [{"a": [0, {"a.b": [1]}, 3]}, 2]
    assert [(item.number, item.parent) for item in tree.walk()] == [(0, -1), (1, 0), (2, 1)]


def test_a_leaf_goes_to_its_first_reader_and_an_input_only_before_it():
    members = [Member((), (), Kind.LEAF), Member((), (), Kind.INPUT), Member(("a",), (0, 1))]
    assert outline(tree_of(members)) == [1, {"a": [0, 2]}]
    assert outline(tree_of([Member((), (), Kind.LEAF)])) == [0]


def test_a_gradient_stands_beside_what_it_is_the_gradient_of():
    members = [Member(("a",), ()), Member(("b",), (0,)), Member(("b",), (1,), Kind.GRADIENT, 1)]
    members.append(Member(("a",), (2,), Kind.GRADIENT, 0))
    assert outline(tree_of(members)) == [{"a": [0, 3]}, {"b": [1, 2]}]


def test_runs_are_broken_by_scopes_alone():
    members = [Member((), ()), Member((), ()), Member(("a",), ()), Member((), ())]
    runs = [run if isinstance(run, list) else run.path for run in runs_of(tree_of(members))]
    assert runs == [[0, 1], ("a",), [3]]


def test_a_thousand_scopes_inside_each_other_fold():
    path = tuple(map(str, range(1500)))
    assert sum(1 for _ in tree_of([Member(path, ())]).walk()) == 1501
