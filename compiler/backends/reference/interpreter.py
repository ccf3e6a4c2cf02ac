"""The oracle: one NumPy evaluation a node, fresh arrays, no schedule and no plan."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

import numpy as np

from compiler.backends.reference.atoms import ATOMS_IN_NUMPY
from compiler.backends.reference.conversion import converted
from compiler.backends.reference.layout import move
from compiler.backends.reference.prefix import prefix
from compiler.errors import ArgumentError, LinearAlgebraError
from compiler.ir.dims import evaluate
from compiler.ir.formula.tape import Const, Ref, infer_dtypes
from compiler.ir.graph import Graph
from compiler.ir.node import Node, describe
from compiler.ir.op import (
    Access,
    ArrayFunction,
    Call,
    Constant,
    Index,
    Layout,
    MapReduce,
    Parameter,
    Prefix,
    Reducer,
    Size,
)
from compiler.ir.types import DType, Scalar, Weak, dtype_of
from compiler.schedule.plan import Plan
from compiler.schedule.schedule import Schedule
from compiler.schedule.target import Target

Array: TypeAlias = np.ndarray[Any, Any]


class Reference:
    """The backend that every other is compared with."""

    name = "reference"
    target = Target()

    def build(self, plan: Plan) -> Interpreter:
        """Ignores schedule and places: what is computed does not depend on them."""
        return Interpreter(plan.schedule)


class Interpreter:
    """Runs a graph node by node."""

    def __init__(self, schedule: Schedule) -> None:
        self.graph = schedule.graph
        self.schedule = schedule

    def run(self, inputs: Sequence[Array], sizes: Mapping[str, int], outputs: Sequence[Array]) -> None:
        """One call, as `Executable.run` says. Updates are written when every value is known."""
        self._write(run(self.graph, self._leaves(inputs), sizes), outputs)

    def run_timed(
        self, inputs: Sequence[Array], sizes: Mapping[str, int], outputs: Sequence[Array]
    ) -> list[int]:
        """One call, as `Timed.run_timed` says. A kernel takes what its members take, each alone."""
        spent = [0] * (len(self.schedule.kernels) + 1)
        values = self._leaves(inputs)
        with np.errstate(all="ignore"):
            for node in self.graph.nodes:
                if node not in values:
                    start = time.perf_counter_ns()
                    values[node] = compute(node, [values[operand] for operand in node.operands], sizes)
                    spent[self.schedule.kernel_of[node]] += time.perf_counter_ns() - start
        start = time.perf_counter_ns()
        self._write(values, outputs)
        spent[-1] = time.perf_counter_ns() - start
        return spent

    def _leaves(self, inputs: Sequence[Array]) -> dict[Node, Array]:
        leaves = dict(zip(self.graph.inputs, inputs, strict=True))
        for node in self.graph.nodes:
            if isinstance(node.op, Parameter | Constant):
                leaves[node] = node.op.buffer.array
        return leaves

    def _write(self, values: Mapping[Node, Array], outputs: Sequence[Array]) -> None:
        updates = [(node.op, np.array(values[value])) for node, value in self.graph.updates]
        for array, node in zip(outputs, self.graph.outputs, strict=True):
            np.copyto(array, values[node])
        for op, value in updates:
            if isinstance(op, Parameter):
                np.copyto(op.buffer.array, value)


def run(graph: Graph, leaves: Mapping[Node, Array], sizes: Mapping[str, int]) -> dict[Node, Array]:
    """The value of every node, for the values of the leaves and of the symbols."""
    values = dict(leaves)
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            if node not in values:
                values[node] = compute(node, [values[operand] for operand in node.operands], sizes)
    return values


def compute(node: Node, operands: Sequence[Array], sizes: Mapping[str, int]) -> Array:
    """The value of one node."""
    match node.op:
        case MapReduce():
            return _map_reduce(node.op, operands, sizes)
        case Prefix():
            return prefix(node.op, operands, node.type.dtype)
        case Layout():
            return move(node, operands, sizes)
        case Call():
            return call(node, node.op, operands, sizes)
        case _:
            raise TypeError(f"{node!r} is a leaf without a value")


def call(node: Node, op: Call, operands: Sequence[Array], sizes: Mapping[str, int]) -> Array:
    """The value of an opaque call, checked against the type it declares. Its operands are read-only."""
    views = [operand.view() for operand in operands]
    for view in views:
        view.setflags(write=False)
    try:
        value = np.array(op.function(*views), order="C")
    except LinearAlgebraError as error:
        raise _told_of(node, str(error)) from None
    expected = tuple(evaluate(extent, sizes) for extent in op.type.shape)
    if value.shape != expected or value.dtype != op.type.dtype.numpy:
        raise ArgumentError(f"{op.label} returned {value.dtype}{list(value.shape)} and declares {op.type}")
    return value


def write_call(node: Node, op: Call, operands: Sequence[Array], sizes: Mapping[str, int], out: Array) -> None:
    """The value of an opaque call into a dense array that shares no memory with its operands."""
    if isinstance(op.function, ArrayFunction):
        op.function.write(out, *operands)
    else:
        np.copyto(out, call(node, op, operands, sizes))


def _told_of(node: Node, sentence: str) -> LinearAlgebraError:
    """An error of a call of ours, which names the matrix and where the call was written."""

    def told(describe: Callable[[Node], str]) -> str:
        return f"{sentence}\n  {describe(node.operands[0])}\n  {describe(node)}"

    return LinearAlgebraError(told(describe), told)


def _map_reduce(op: MapReduce, operands: Sequence[Array], sizes: Mapping[str, int]) -> Array:
    extents = [evaluate(extent, sizes) for extent in op.extents]
    if op.reducer is Reducer.SUM and len(operands) > 1:
        return _contract(op, operands)
    values = _arguments(op, operands, extents, sizes)
    loops = np.broadcast_to(_formula(op, values), extents)
    return _reduce(op, loops)


def _arguments(
    op: MapReduce, operands: Sequence[Array], extents: Sequence[int], sizes: Mapping[str, int]
) -> list[Any]:
    given = iter(operands)
    values: list[Any] = []
    for argument in op.arguments:
        match argument:
            case Access():
                values.append(over_loops(next(given), argument.axes, len(extents)))
            case Index():
                values.append(over_loops(np.arange(extents[argument.loop]), (argument.loop,), len(extents)))
            case Size():
                values.append(evaluate(argument.extent, sizes))
            case Const():
                values.append(argument.value)
    return values


def over_loops(array: Array, axes: Sequence[int | None], rank: int) -> Array:
    """A view of an operand with one axis for each loop, of extent 1 where the operand has none."""
    named = [axis for axis in axes if axis is not None]
    squeezed = array.reshape([n for n, axis in zip(array.shape, axes, strict=True) if axis is not None])
    order = sorted(range(len(named)), key=named.__getitem__)
    return np.expand_dims(squeezed.transpose(order), [loop for loop in range(rank) if loop not in named])


def _formula(op: MapReduce, values: list[Any]) -> Any:
    """The formula line by line, each in the dtype that the IR states for it."""
    operands = list(map(_dtype_of, values))
    known = list(values)

    def look(ref: Ref, dtype: DType | None) -> Any:
        value = known[ref] if isinstance(ref, int) else ref.value
        return value if dtype is None else converted(value, dtype)

    for typed in infer_dtypes(op.formula, operands, op.dtype):
        is_where = typed.line.atom == "where"
        arguments = [
            look(ref, None if is_where and k == 0 else typed.reads)
            for k, ref in enumerate(typed.line.arguments)
        ]
        result = ATOMS_IN_NUMPY[typed.line.atom](*arguments)
        known.append(np.asarray(result).astype(typed.dtype.numpy, copy=False))
    return look(op.formula.result, op.dtype) if op.reducer is Reducer.NONE else look(op.formula.result, None)


def _dtype_of(value: Any) -> DType | Weak:
    if isinstance(value, np.ndarray):
        return dtype_of(cast(Array, value).dtype)
    return Weak(cast("type[Scalar]", type(value)))


def _reduce(op: MapReduce, loops: Array) -> Array:
    kept = loops.shape[: op.kept]
    shape = tuple(1 if axis is None else loops.shape[axis] for axis in op.output)
    if op.reducer is Reducer.NONE:
        return np.array(loops.reshape(shape), order="C")
    rows = loops.reshape(*kept, math.prod(loops.shape[op.kept :]))
    reducers: dict[Reducer, Callable[[Array], Any]] = {
        Reducer.SUM: lambda x: x.sum(axis=-1, dtype=op.dtype.numpy),
        Reducer.PROD: lambda x: x.prod(axis=-1, dtype=op.dtype.numpy),
        Reducer.MAX: lambda x: x.max(axis=-1, initial=lowest(op.dtype)),
        Reducer.MIN: lambda x: x.min(axis=-1, initial=highest(op.dtype)),
        Reducer.ARGMAX: lambda x: x.argmax(axis=-1),
        Reducer.ARGMIN: lambda x: x.argmin(axis=-1),
    }
    return np.array(reducers[op.reducer](rows), dtype=op.dtype.numpy, order="C").reshape(shape)


def lowest(dtype: DType) -> Any:
    """The largest of no elements."""
    return -np.inf if dtype.is_float else np.iinfo(dtype.numpy).min if dtype.is_integer else False


def highest(dtype: DType) -> Any:
    """The smallest of no elements."""
    return np.inf if dtype.is_float else np.iinfo(dtype.numpy).max if dtype.is_integer else True


def _contract(op: MapReduce, operands: Sequence[Array]) -> Array:
    pairs: list[Any] = []
    for array, access in zip(operands, op.accesses, strict=True):
        named = [axis for axis in access.axes if axis is not None]
        shape = [n for n, axis in zip(array.shape, access.axes, strict=True) if axis is not None]
        pairs += [array.reshape(shape).astype(op.dtype.numpy, copy=False), named]
    output = [axis for axis in op.output if axis is not None]
    is_reordered = (len(operands) > 2 or _is_large(operands)) and all(array.size for array in operands)
    value = np.einsum(*pairs, output, optimize=is_reordered)
    shape = [1 if axis is None else value.shape[axis] for axis in op.output]
    return np.array(value, order="C").reshape(shape)


def _is_large(operands: Sequence[Array]) -> bool:
    return sum(array.size for array in operands) > 4096
