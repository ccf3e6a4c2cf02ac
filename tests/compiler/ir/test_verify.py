"""Each law has a graph that breaks it, and the error prints its sentence."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from compiler.errors import LawError
from compiler.ir.build import IDENTITY, apply, atom_formula, input_node, parameter_node
from compiler.ir.dims import symbol
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.tape import LONGEST, Formula, Line
from compiler.ir.graph import Graph
from compiler.ir.node import Node, Origin, make_node
from compiler.ir.op import Access, Index, Input, MapReduce, Op, Prefix, Reducer, Scan, Transpose
from compiler.ir.types import FLOAT16, FLOAT32, FLOAT64, TensorType
from compiler.ir.verify import LAWS, verify

N = symbol("n")
MATRIX = TensorType(FLOAT32, (N, 3))
COLUMN = TensorType(FLOAT32, (N,))
NEG = atom_formula("neg")
SUM = parse_formula("sum(x) = x")


def x() -> Node:
    return input_node("x", MATRIX)


def by_hand(op: Op, operands: tuple[Node, ...], found: TensorType) -> Node:
    return Node(op, operands, found, "wrong", Origin())


def of(node: Node) -> Graph:
    return Graph.of([node])


def operand_later() -> Graph:
    a = x()
    b = apply("neg", a)
    return Graph((b, a), (a,), (b,), ())


def output_elsewhere() -> Graph:
    return Graph((), (), (x(),), ())


def wrong_type() -> Graph:
    return of(by_hand(MapReduce(NEG, (Access((0, 1)),), (N, 3), (0, 1), FLOAT32), (x(),), COLUMN))


def argument_missing() -> Graph:
    return of(
        by_hand(MapReduce(atom_formula("add"), (Access((0, 1)),), (N, 3), (0, 1), FLOAT32), (x(),), MATRIX)
    )


def loop_without_extent() -> Graph:
    op = MapReduce(parse_formula("f(x, i) = x + i"), (Access((0, 1)), Index(2)), (N, 3), (0, 1), FLOAT64)
    return of(by_hand(op, (x(),), TensorType(FLOAT64, (N, 3))))


def index_twice() -> Graph:
    square = input_node("x", TensorType(FLOAT32, (N, N)))
    return of(
        by_hand(
            MapReduce(SUM, (Access((0, 0)),), (N,), (), FLOAT32, Reducer.SUM),
            (square,),
            TensorType(FLOAT32, ()),
        )
    )


def output_out_of_order() -> Graph:
    op = MapReduce(NEG, (Access((0, 1)),), (N, 3), (1, 0), FLOAT32)
    return of(by_hand(op, (x(),), TensorType(FLOAT32, (3, N))))


def reduces_without_reducer() -> Graph:
    return of(by_hand(MapReduce(NEG, (Access((0, 1)),), (N, 3), (0,), FLOAT32), (x(),), COLUMN))


def reducer_without_reduced_loops() -> Graph:
    return of(
        by_hand(MapReduce(SUM, (Access((0, 1)),), (N, 3), (0, 1), FLOAT32, Reducer.SUM), (x(),), MATRIX)
    )


def reduces_a_formula() -> Graph:
    return of(by_hand(MapReduce(NEG, (Access((0, 1)),), (N, 3), (0,), FLOAT32, Reducer.SUM), (x(),), COLUMN))


def largest_product() -> Graph:
    product = MapReduce(
        atom_formula("mul"), (Access((0, 1)), Access((0, 1))), (N, 3), (0,), FLOAT32, Reducer.MAX
    )
    a = x()
    return of(by_hand(product, (a, a), COLUMN))


def reduces_an_index() -> Graph:
    return of(
        by_hand(MapReduce(SUM, (Index(0),), (3,), (), FLOAT32, Reducer.SUM), (), TensorType(FLOAT32, ()))
    )


def product_out_of_order() -> Graph:
    formula = parse_formula("sum(x0, x1) = x1 * x0")
    a = x()
    return of(
        by_hand(
            MapReduce(formula, (Access((0, 1)), Access((0, 1))), (N, 3), (0,), FLOAT32, Reducer.SUM),
            (a, a),
            COLUMN,
        )
    )


def operand_too_many() -> Graph:
    return of(by_hand(Transpose((1, 0)), (x(), x()), MATRIX))


def rename() -> Graph:
    return of(by_hand(MapReduce(IDENTITY, (Access((0, 1)),), (N, 3), (0, 1), FLOAT32), (x(),), MATRIX))


def long_formula() -> Graph:
    lines = tuple(Line("neg", (k,)) for k in range(LONGEST + 1))
    formula = Formula("long", ("x",), lines, len(lines))
    return of(by_hand(MapReduce(formula, (Access((0, 1)),), (N, 3), (0, 1), FLOAT32), (x(),), MATRIX))


def leaf_with_operand() -> Graph:
    return of(Node(Input(MATRIX), (x(),), MATRIX, "leaf", Origin()))


def update_of_another_type() -> Graph:
    w = parameter_node(np.zeros((3,), np.float32), "w")
    return Graph.of([], [(w, apply("neg", w, dtype=FLOAT64))])


def update_of_an_input() -> Graph:
    a = x()
    return Graph.of([], [(a, apply("neg", a))])


def updated_twice() -> Graph:
    w = parameter_node(np.zeros((3,), np.float32), "w")
    return Graph.of([], [(w, apply("neg", w)), (w, apply("abs", w))])


STORED = "No formula, and nothing else that computes, reads or gives a storage dtype; conversions do."


def halves_added() -> Graph:
    op, h = apply("add", x(), x()).op, input_node("h", TensorType(FLOAT16, (N, 3)))
    return of(by_hand(op, (h, h), x().type))


def halves_made() -> Graph:
    op = apply("neg", x()).op
    assert isinstance(op, MapReduce)
    return of(by_hand(replace(op, dtype=FLOAT16), (x(),), TensorType(FLOAT16, (N, 3))))


def halves_summed_up() -> Graph:
    h = input_node("h", TensorType(FLOAT16, (N,)))
    return of(by_hand(Prefix(Scan.SUM, 0), (h,), h.type))


BROKEN: list[tuple[str, Callable[[], Graph]]] = [
    ("An operand is created before the node that reads it.", operand_later),
    ("Every input, output and update is a node of the graph.", output_elsewhere),
    ("A node's type is what its op infers from its operands' types.", wrong_type),
    ("A node's type is what its op infers from its operands' types.", operand_too_many),
    ("A MapReduce has an argument for each parameter and an access for each operand.", argument_missing),
    ("Every index of a MapReduce is one of its loops.", loop_without_extent),
    ("No index stands twice in one operand or in the output.", index_twice),
    ("The output's loops are the first ones, in the order of its axes.", output_out_of_order),
    (
        "A MapReduce has a reducer if and only if it has loops that its output has not.",
        reduces_without_reducer,
    ),
    (
        "A MapReduce has a reducer if and only if it has loops that its output has not.",
        reducer_without_reduced_loops,
    ),
    (
        "A MapReduce that reduces is of one bare operand, or sums the product of its operands in order.",
        reduces_a_formula,
    ),
    (
        "A MapReduce that reduces is of one bare operand, or sums the product of its operands in order.",
        largest_product,
    ),
    (
        "A MapReduce that reduces is of one bare operand, or sums the product of its operands in order.",
        reduces_an_index,
    ),
    (
        "A MapReduce that reduces is of one bare operand, or sums the product of its operands in order.",
        product_out_of_order,
    ),
    ("A map is never a bare rename.", rename),
    (STORED, halves_added),
    (STORED, halves_made),
    (STORED, halves_summed_up),
    (f"A formula has at most {LONGEST} lines.", long_formula),
    ("A leaf has no operands.", leaf_with_operand),
    ("An update gives a parameter a value of its own type.", update_of_another_type),
    ("An update gives a parameter a value of its own type.", update_of_an_input),
    ("A parameter is updated at most once.", updated_twice),
]


@pytest.mark.parametrize(("sentence", "make"), BROKEN, ids=[make.__name__ for _, make in BROKEN])
def test_a_broken_law_is_an_error_that_prints_its_sentence(sentence, make):
    with pytest.raises(LawError) as caught:
        verify(make(), "pass dance")
    lines = str(caught.value).splitlines()
    assert lines[0] == f"pass dance broke a law: {sentence}"
    assert lines[1].strip()


def test_every_law_is_broken_here():
    assert {sentence for sentence, _ in BROKEN} == {law.sentence for law in LAWS}


def test_each_sentence_stands_once():
    assert len({law.sentence for law in LAWS}) == len(LAWS)


def test_a_graph_that_keeps_the_laws_passes():
    w = parameter_node(np.zeros((3,), np.float32), "w")
    verify(Graph.of([make_node(Transpose((1, 0)), [apply("mul", x(), w)])], [(w, apply("neg", w))]))


def test_a_cast_is_a_map():
    verify(of(apply(IDENTITY, x(), dtype=FLOAT64)))


def test_the_sentence_stands_alone_where_nobody_made_the_graph():
    with pytest.raises(LawError, match=r"^broken law: A leaf has no operands\.\n  %leaf : f32\[n,3\]$"):
        verify(leaf_with_operand())
