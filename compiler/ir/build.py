"""Makes nodes: broadcasting maps, reductions, contractions and leaves.

Everybody above the IR builds with these.

A value is a Node, or a number, which becomes a literal of the op that uses it, weakly typed. A NumPy scalar
is the Python number that it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cache, lru_cache
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.errors import DTypeError, ShapeError
from compiler.ir.aligned import aligned_copy
from compiler.ir.conversion import IDENTITY
from compiler.ir.dims import Extent, Shape
from compiler.ir.formula.atoms import ATOMS, Rule
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.tape import Const, Formula, natural_dtype
from compiler.ir.node import Node, Origin, describe, make_node, naming
from compiler.ir.numbers import number
from compiler.ir.op import (
    Access,
    Argument,
    Broadcast,
    Buffer,
    Index,
    Input,
    MapReduce,
    Parameter,
    Reducer,
    Role,
    Size,
    constant_of,
    reduced_dtype,
)  # fmt: skip
from compiler.ir.types import BOOL, DType, Operand, Scalar, TensorType, Weak, dtype_of, promote

Value: TypeAlias = Node | Scalar | Index | Size | Const


@cache
def atom_formula(atom: str) -> Formula:
    """The formula that is one atom, of parameters x, y, z."""
    parameters = ", ".join("xyz"[: ATOMS[atom].arity])
    return parse_formula(f"{atom}({parameters}) = {atom}({parameters})")


def apply(
    formula: Formula | str,
    *values: Value,
    dtype: DType | None = None,
    shape: Shape | None = None,
    name: str | None = None,
    origin: Origin | None = None,
) -> Node:
    """A map: a formula (or an atom's name) of values that broadcast as in NumPy.

    The result is converted to `dtype` if one is given. `shape` is the result's shape where it is not that
    of the operands. Raises ShapeError naming the operands that do not broadcast, DTypeError where the
    formula is not defined for them.
    """
    formula = atom_formula(formula) if isinstance(formula, str) else formula
    nodes = [value for value in values if isinstance(value, Node)]
    if any(node.type.dtype.is_storage for node in nodes):
        values = _in_common(formula, values)
        nodes = [value for value in values if isinstance(value, Node)]
    given = [value if isinstance(value, Node) else as_argument(value) for value in values]
    kinds = tuple([item.type if isinstance(item, Node) else item for item in given])
    key = formula, formula.recognised, kinds, dtype, shape
    known = _MAPS.get(key)
    if known is None:
        if len(_MAPS) >= MOST_MAPS:
            _MAPS.clear()
        known = _MAPS[key] = _map(formula, given, nodes, dtype, shape)
    op, found = known
    return nodes[0] if op is None else make_node(op, nodes, name, origin, type=found)


def _in_common(formula: Formula, values: tuple[Value, ...]) -> tuple[Value, ...]:
    """The operands of an atom with integers in the storage dtype of the floats beside them, as in PyTorch."""
    if formula.atom is None:
        return values
    first = 1 if formula.atom.rule is Rule.WHERE else 0
    nodes = [value for value in values[first:] if isinstance(value, Node)]
    common = promote([node.type.dtype for node in nodes])
    if not (common.is_float and common.is_storage):
        return values

    def converted(value: Value) -> Value:
        return cast(value, common) if isinstance(value, Node) and value.type.dtype.is_integer else value

    return (*values[:first], *map(converted, values[first:]))


MOST_MAPS: Final = 4096
"""How many maps are remembered: by formula, operands' types and literals."""

_MAPS: Final[dict[Hashable, tuple[MapReduce | None, TensorType]]] = {}
"""The op and the type of a map; no op where the result is the operand itself."""


def _map(
    formula: Formula,
    values: Sequence[Node | Argument],
    nodes: Sequence[Node],
    dtype: DType | None,
    shape: Shape | None,
) -> tuple[MapReduce | None, TensorType]:
    shape = broadcast_shape(formula.name, nodes) if shape is None else shape
    arguments = tuple(
        Access(align(value.type.shape, shape)) if isinstance(value, Node) else value for value in values
    )
    operands = [_operand(value) for value in values]
    _check_literals(formula.name, values, operands)
    try:
        natural = natural_dtype(formula, operands)
    except DTypeError as error:
        raise naming(error, nodes) from None
    found = TensorType(natural if dtype is None else dtype, shape)
    if formula.is_identity and nodes and nodes[0].type == found:
        return None, found
    op = MapReduce(formula, arguments, shape, tuple(range(len(shape))), found.dtype)
    return op, op.infer([node.type for node in nodes])


def _check_literals(what: str, values: Sequence[Node | Argument], operands: Sequence[Operand]) -> None:
    """Raises DTypeError for a Python int that the integers it meets cannot hold, as NumPy 2 does."""
    dtypes = [item for item in operands if isinstance(item, DType)]
    if any(item.is_float for item in dtypes):
        return
    common = promote([BOOL, *dtypes])
    limits = np.iinfo((common if common.is_integer else DType.INT64).numpy)
    for item in values:
        literal = item.value if isinstance(item, Const) else 0
        if isinstance(literal, int) and not limits.min <= literal <= limits.max:
            raise DTypeError(f"{what}: the literal {literal} is no {limits.dtype}; cast the other operand")


def as_argument(value: Any) -> Argument:
    """A value that is no node as an argument of a map. Raises DTypeError for what is no number."""
    if isinstance(value, Index | Size | Const):
        return value
    plain = number(value)
    if plain is None:
        raise DTypeError(f"a literal is a number, not {value!r}")
    return Const(plain)


def _operand(value: Node | Argument) -> Operand:
    match value:
        case Node():
            return value.type.dtype
        case Index():
            return DType.INT64
        case Const():
            return Weak(type(value.value))
        case _:
            return Weak(int)


def align(shape: Shape, to: Shape) -> tuple[int | None, ...]:
    """For each axis of a shape the loop that it follows when it is broadcast to another, from the right.

    An axis for which the other shape has none gets a negative number, which is no loop.
    """
    offset = len(to) - len(shape)
    return tuple(
        None if extent == 1 and loop >= 0 and to[loop] != 1 else loop
        for loop, extent in enumerate(shape, start=offset)
    )


def broadcast_shape(what: str, nodes: Sequence[Node]) -> Shape:
    """The shape to which all broadcast.

    A symbol equals only itself and never counts as 1. Raises ShapeError.
    """
    rank = max((node.type.rank for node in nodes), default=0)
    shape: list[Extent] = [1] * rank
    for node in nodes:
        for axis, extent in enumerate(node.type.shape, start=rank - node.type.rank):
            if extent == 1 or extent == shape[axis]:
                continue
            if shape[axis] != 1:
                raise ShapeError(_mismatch(what, nodes, axis - rank, shape[axis], extent))
            shape[axis] = extent
    return tuple(shape)


def _mismatch(what: str, nodes: Sequence[Node], axis: int, left: Extent, right: Extent) -> str:
    operands = "".join(f"\n  {describe(node)}" for node in nodes)
    numbers = sum(isinstance(extent, int) for extent in (left, right))
    fix = (
        "two symbolic dimensions are equal only if they have one name: give the inputs the same name there",
        "a symbolic dimension is equal to no number: give the inputs the same name there, or the same number",
        "axes broadcast when they are equal or 1: reshape, transpose or unsqueeze an operand",
    )[numbers]
    return f"{what}: {left} and {right} do not broadcast at axis {axis}{operands}\n  fix: {fix}"


def cast(node: Node, dtype: DType, origin: Origin | None = None) -> Node:
    """The node converted to a dtype; the node itself if it has it."""
    return node if node.type.dtype is dtype else apply(IDENTITY, node, dtype=dtype, origin=origin)


def reduce(
    reducer: Reducer,
    node: Node,
    axes: Iterable[int],
    keepdims: bool = False,
    *,
    name: str | None = None,
    origin: Origin | None = None,
) -> Node:
    """A reduction over axes (non-negative). `keepdims` leaves unit axes in their place."""
    gone = sorted(set(axes))
    kept = [axis for axis in range(node.type.rank) if axis not in gone]
    loops = {axis: loop for loop, axis in enumerate([*kept, *gone])}
    output = tuple(
        None if axis in gone else loops[axis]
        for axis in range(node.type.rank)
        if keepdims or axis not in gone
    )
    op = MapReduce(
        IDENTITY_OF[reducer],
        (Access(tuple(loops[axis] for axis in range(node.type.rank))),),
        tuple(node.type.shape[axis] for axis in [*kept, *gone]),
        output,
        reduced_dtype(reducer, node.type.dtype),
        reducer,
    )
    return make_node(op, [node], name, origin)


IDENTITY_OF = {reducer: parse_formula(f"{reducer.value}(x) = x") for reducer in Reducer}


@cache
def product_formula(count: int) -> Formula:
    """The product of `count` parameters, from left to right."""
    names = [f"x{k}" for k in range(count)]
    return parse_formula(f"sum({', '.join(names)}) = {' * '.join(names)}")


def contract(
    nodes: Sequence[Node],
    axes: Sequence[Sequence[int | None]],
    output: Sequence[int],
    extents: Sequence[Extent],
    *,
    dtype: DType | None = None,
    name: str | None = None,
    origin: Origin | None = None,
) -> Node:
    """`out[output] = sum over the other loops of the product of nodes[k] at axes[k]`.

    Loop indices are any numbers below `len(extents)`; an operand has no loop twice. With nothing to sum it is
    the product map, and of one operand the sum.
    """
    order = [*output, *(loop for loop in range(len(extents)) if loop not in output)]
    place = {loop: position for position, loop in enumerate(order)}
    accesses = tuple(Access(tuple(None if axis is None else place[axis] for axis in item)) for item in axes)
    reducer = Reducer.SUM if len(order) > len(output) else Reducer.NONE
    formula = IDENTITY_OF[Reducer.SUM] if len(nodes) == 1 else product_formula(len(nodes))
    if reducer is Reducer.NONE:
        formula = atom_formula("mul") if len(nodes) == 2 else formula
    natural = natural_dtype(formula, [node.type.dtype for node in nodes])
    op = MapReduce(
        formula, accesses, tuple(extents[loop] for loop in order), tuple(range(len(output))),
        dtype or reduced_dtype(reducer, natural), reducer,
    )  # fmt: skip
    return make_node(op, nodes, name, origin)


def broadcast(
    node: Node, shape: Shape, axes: Sequence[int] | None = None, origin: Origin | None = None
) -> Node:
    """The node repeated to a shape (its axes at `axes`, by default the last ones).

    Itself if it has the shape.
    """
    if node.type.shape == shape:
        return node
    if axes is None:
        axes = range(len(shape) - node.type.rank, len(shape))
    return make_node(Broadcast(shape, tuple(axes)), [node], origin=origin)


def filled(value: Scalar, type: TensorType, origin: Origin | None = None) -> Node:
    """One number everywhere, as a view of it."""
    return broadcast(
        apply(IDENTITY, value, dtype=type.dtype, shape=(), origin=origin), type.shape, origin=origin
    )


def input_node(
    name: str,
    type: TensorType,
    origin: Origin | None = None,
    *,
    low: float = -math.inf,
    high: float = math.inf,
) -> Node:
    """An input leaf, whose elements its callers promise to lie in [low, high]."""
    return make_node(_input(type, low, high), (), name, origin, type=type)


@lru_cache(maxsize=MOST_MAPS)
def _input(type: TensorType, low: float, high: float) -> Input:
    return Input(type, low, high)


def parameter_node(
    array: np.ndarray[Any, Any],
    name: str | None,
    origin: Origin | None = None,
    *,
    is_named: bool = False,
    role: Role = Role.TRAINED,
) -> Node:
    """A parameter leaf that owns a copy of an array. `is_named`: its user chose the name."""
    dtype = dtype_of(array.dtype)
    copy = aligned_copy(array, dtype.numpy)
    buffer = Buffer(copy, name or "", is_named=is_named, role=role)
    return make_node(Parameter(TensorType(dtype, copy.shape), buffer), (), name, origin)


def late_parameter(type: TensorType, name: str, make: Callable[[], Any], role: Role = Role.TRAINED) -> Node:
    """A parameter leaf whose array `make` gives when it is first needed; it is copied."""
    buffer = Buffer(None, name, make=lambda: aligned_copy(make(), type.dtype.numpy), role=role)
    return make_node(Parameter(type, buffer), (), name, type=type)


def rename(parameter: Node, name: str) -> None:
    """Gives a parameter the name of its place in a network, unless its user has chosen one.

    The only thing about a node that changes: a parameter's place is known later than it, and may be left.
    """
    assert isinstance(parameter.op, Parameter)
    if not parameter.op.buffer.is_named:
        object.__setattr__(parameter, "name", name)
        parameter.op.buffer.reference = name


def constant_node(array: Any, dtype: DType, name: str | None = None, origin: Origin | None = None) -> Node:
    """A constant leaf that holds a copy of an array."""
    return make_node(constant_of(array, dtype), (), name, origin)
