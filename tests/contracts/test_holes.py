"""The tables have no holes: whatever exists has a row wherever it needs one."""

import ast
import inspect
from pathlib import Path

import numpy as np
import pytest

from compiler import errors
from compiler.autodiff.masks import Cotangent
from compiler.autodiff.rules import adjoint
from compiler.backends.reference import layout, run
from compiler.backends.reference.atoms import ATOMS_IN_NUMPY
from compiler.ir.build import apply, atom_formula, constant_node, input_node
from compiler.ir.formula.atoms import ATOMS, BREAKING, COMMUTATIVE, OF_INTEGERS, Rule
from compiler.ir.formula.intervals import may_blow_up
from compiler.ir.formula.precise import table
from compiler.ir.formula.printing import latex, print_formula
from compiler.ir.graph import Graph
from compiler.ir.node import Node, make_node
from compiler.ir.op import (
    LAYOUTS,
    Broadcast,
    Combine,
    Concatenate,
    Diagonal,
    Fold,
    Gather,
    Insert,
    Layout,
    Pad,
    Reshape,
    Scatter,
    ScatterAdd,
    Slice,
    Transpose,
    Window,
)
from compiler.ir.parsing import read_text
from compiler.ir.types import FLOAT64, INT64, TensorType

ROOT = Path(__file__).parents[2]
SQUARE = TensorType(FLOAT64, (3, 3))


@pytest.mark.parametrize("atom", ATOMS)
def test_every_atom_has_an_evaluation_a_precise_one_an_interval_rule_and_latex(atom):
    assert atom in ATOMS_IN_NUMPY
    assert atom in table()
    assert may_blow_up(atom_formula(atom)) in (False, True)
    assert latex(atom_formula(atom))
    assert print_formula(atom_formula(atom)).startswith(f"{atom}(")


def test_the_tables_name_nothing_else():
    assert set(ATOMS_IN_NUMPY) == set(ATOMS)
    assert set(ATOMS) >= COMMUTATIVE
    assert set(ATOMS) >= BREAKING


@pytest.mark.parametrize("atom", ATOMS)
def test_the_oracle_gives_an_atoms_value_in_the_dtype_that_the_ir_states(atom):
    rule = ATOMS[atom].rule
    given = [0.25, 0.5]
    if rule in OF_INTEGERS:
        given = [True, False] if rule is Rule.BITWISE else [5, 2]
    values = [np.array(given)] * ATOMS[atom].arity
    if rule is Rule.WHERE:
        values[0] = np.array([True, False])
    nodes = [constant_node(value, FLOAT64.__class__(value.dtype.name)) for value in values]
    node = apply(atom, *nodes)
    found = run(Graph.of([node]), dict(zip(nodes, values, strict=True)), {})[node]
    assert found.dtype == node.type.dtype.numpy
    assert found.shape == (2,)


MOVES: dict[type[Layout], tuple[Layout, ...]] = {
    Reshape: (Reshape((9,)),),
    Transpose: (Transpose((1, 0)),),
    Broadcast: (Broadcast((2, 3, 3), (1, 2)),),
    Diagonal: (Diagonal(0, 1),),
    Slice: (Slice((2, 0), (2, 3), (-1, 1)),),
    Window: (Window((0,), (2,), (2,), (1,), (1,)), Window((1, 0), (2, 1), (2, 2), (1, 3), (1, 2))),
    Pad: (Pad((1, 0), (0, 2), (1, 0), 5.0),),
    Concatenate: (Concatenate(0),),
    Gather: (Gather(0), Gather(1, batched=True)),
    Scatter: (
        *(Scatter(0, combine) for combine in (Combine.ADD, Combine.SET)),
        Scatter(1, Combine.ADD, batched=True),
        Scatter(1, Combine.SET, batched=True),
    ),
    Insert: (Insert((1, 0), (1, 2)),),
    ScatterAdd: (ScatterAdd(0, 4), ScatterAdd(1, 4, batched=True)),
    Fold: (Fold((0,), (7,), (1,), (2,)), Fold((0,), (9,), (3,), (1,))),
}
CASES = [op for ops in MOVES.values() for op in ops]


def operands_of(op: Layout) -> tuple[list[Node], int]:
    """Operands that fit the op, and the one by which it is differentiated."""
    x = input_node("x", SQUARE)
    if isinstance(op, Concatenate):
        return [x, input_node("y", SQUARE)], 0
    if isinstance(op, Insert):
        return [x, input_node("y", TensorType(FLOAT64, (2, 2)))], 0
    if not isinstance(op, Gather | ScatterAdd | Scatter):
        return [x], 0
    index = constant_node(np.array([[2, 0, 2], [1, 1, 0], [0, 2, 1]] if op.batched else [2, 0, 2]), INT64)
    if isinstance(op, Scatter):
        return [input_node("y", SQUARE), index, x], 2
    return ([x, index], 0) if isinstance(op, Gather) else ([index, x], 1)


def test_every_layout_op_has_a_case_here():
    assert set(MOVES) == set(LAYOUTS)


@pytest.mark.parametrize("op", CASES, ids=str)
def test_a_layout_ops_adjoint_is_its_transpose(op):
    operands, position = operands_of(op)
    node = make_node(op, operands)
    cotangent = input_node("g", node.type)
    found = adjoint(node, position, Cotangent(cotangent))
    assert found is not None
    back = found.node
    assert back.type == SQUARE
    random = np.random.default_rng(0)
    x, g = random.standard_normal((3, 3)), random.standard_normal([int(n) for n in node.type.shape])
    graph = Graph.of([node, back])
    leaves = {
        leaf: leaf.op.buffer.array if leaf.op.name == "constant" else np.zeros(leaf.type.shape)
        for leaf in operands
    }
    values = run(graph, {**leaves, operands[position]: x, cotangent: g}, {})
    moved = values[node] - run(graph, {**leaves, operands[position]: 0 * x, cotangent: g}, {})[node]
    np.testing.assert_allclose((moved * g).sum(), (x * values[back]).sum(), rtol=1e-12)


@pytest.mark.parametrize("op", CASES, ids=str)
def test_a_layout_op_has_a_numpy_move_of_the_inferred_type_and_a_text(op):
    operands, _ = operands_of(op)
    node = make_node(op, operands)
    arrays = [
        leaf.op.buffer.array if leaf.op.name == "constant" else np.ones(leaf.type.shape) for leaf in operands
    ]
    found = layout.move(node, arrays, {})
    assert (found.shape, found.dtype) == (node.type.shape, node.type.dtype.numpy)
    graph = Graph.of([node])
    assert read_text(str(graph), graph.arrays).outputs[0].op == op


def raised() -> set[str]:
    """The names of everything that is called by name somewhere in the three packages."""
    found: set[str] = set()
    for path in [
        path for name in ("compiler", "passes", "tinytorch") for path in (ROOT / name).rglob("*.py")
    ]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                found.add(node.func.id)
    return found


def test_every_error_is_raised_somewhere():
    classes = [item for item in vars(errors).values() if inspect.isclass(item)]
    leaves = {item.__name__ for item in classes if not item.__subclasses__()}
    assert leaves - raised() == set()


def test_every_error_says_who_is_wrong():
    classes = [item for item in vars(errors).values() if inspect.isclass(item)]
    assert all(issubclass(item, errors.TinytorchError) for item in classes)
    assert all(item.__doc__ for item in classes)
