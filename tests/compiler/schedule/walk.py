"""Runs a schedule in the most literal way: element by element, in shared buffers, views read anew.

A result written over an operand destroys it here; a value read after that is wrong. `tile` is the number of
rows (of elements, in a kernel of maps) that the members of a kernel work on at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from compiler.backends.reference import compute, highest, lowest
from compiler.backends.reference.atoms import ATOMS_IN_NUMPY
from compiler.ir.dims import evaluate
from compiler.ir.formula.tape import infer_dtypes
from compiler.ir.node import Node
from compiler.ir.op import Access, Gather, Index, MapReduce, Reducer, Size, Trait
from compiler.schedule.frame import map_reduce
from compiler.schedule.nest import Nest, nest_of
from compiler.schedule.proof.accesses import Spot, home_spot, spot_of_view
from compiler.schedule.schedule import Kernel, Schedule

Array = np.ndarray[Any, Any]
Point = tuple[int, ...]


class Walk:
    """One call. `values` gives a node's present content, whatever it has been overwritten with."""

    def __init__(
        self, schedule: Schedule, leaves: Mapping[Node, Array], sizes: Mapping[str, int], tile: int
    ) -> None:
        self.schedule, self.sizes, self.tile = schedule, sizes, tile
        self.buffers: dict[Node, Array] = {node: array.copy() for node, array in leaves.items()}
        self.spots: dict[Node, Spot] = {}
        for node in schedule.graph.nodes:
            seen = spot_of_view(node, self.spots[node.operands[0]]) if node.op.has(Trait.VIEW) else None
            self.spots[node] = seen or home_spot(node)

    def run(self) -> list[Array]:
        """The results (outputs, then the updates' values), read when the last kernel has run."""
        with np.errstate(all="ignore"):
            for kernel in self.schedule.kernels:
                self._kernel(kernel)
            return [self.value(node).copy() for node in self.schedule.graph.results]

    def value(self, node: Node) -> Array:
        if self.spots[node].home is not node:
            return compute(node, [self.value(node.operands[0])], self.sizes)
        return self.buffers[node]

    def _kernel(self, kernel: Kernel) -> None:
        first = kernel.members[0]
        if self.spots[first].home is not first:
            return
        if not isinstance(first.op, MapReduce | Gather) or (len(kernel.members) == 1 and not kernel.in_place):
            found = compute(first, [self.value(item) for item in first.operands], self.sizes)
            if first in kernel.in_place:
                base = self.spots[kernel.in_place[first]].home
                over = self.buffers[base].reshape(-1).view(found.dtype).reshape(found.shape)
                over[...] = found
                found = over
            self.buffers[first] = found
            return
        nest = nest_of(kernel.members)
        assert isinstance(nest, Nest), nest
        for node in kernel.members:
            self._open(kernel, node)
        extents = [evaluate(extent, self.sizes) for extent in nest.loops]
        rows = list(product(*map(range, extents[: nest.rows])))
        columns = list(product(*map(range, extents[nest.rows :])))
        for start in range(0, len(rows), self.tile):
            values: dict[tuple[Node, Point], Any] = {}
            for node in kernel.members:
                self._member(node, nest, rows[start : start + self.tile], columns, values)

    def _open(self, kernel: Kernel, node: Node) -> None:
        op, shape = map_reduce(node), [evaluate(extent, self.sizes) for extent in node.type.shape]
        if node in kernel.in_place:
            base = self.spots[kernel.in_place[node]].home
            self.buffers[node] = self.buffers[base].reshape(-1).view(op.dtype.numpy).reshape(shape)
            assert np.shares_memory(self.buffers[node], self.buffers[base]) or not self.buffers[node].size
        else:
            self.buffers[node] = np.empty(shape, op.dtype.numpy)
            if op.reducer is not Reducer.NONE:
                self.buffers[node].fill(_start(op))

    def _member(
        self, node: Node, nest: Nest, rows: Sequence[Point], columns: Sequence[Point], values: Any
    ) -> None:
        op = map_reduce(node)
        place = nest.placement[node]
        used = {loop for loop in place if loop is not None}
        is_row_wide = not used & set(nest.columns)
        points = [row + column for row in rows for column in columns[: 1 if is_row_wide else None]]
        if is_row_wide and not columns:
            points = [row + (0,) * len(nest.columns) for row in rows]
        if op.reducer is not Reducer.NONE and not nest.is_trailing(node):
            for row in rows:  # begun anew in each row
                self.buffers[node][self._at(nest.axes_of(node), row + (0,) * len(nest.columns))] = _start(op)
        for point in points:
            own = tuple(0 if loop is None else point[loop] for loop in place)
            value = self._evaluate(node, op, own, values, nest, point)
            at = self._at(nest.axes_of(node), point)
            if op.reducer is not Reducer.NONE:
                value = _added(op, self.buffers[node][at], value)
            self.buffers[node][at] = value
        for point in self._all(node, nest, rows, columns):
            values[node, point] = self.buffers[node][point]

    def _all(
        self, node: Node, nest: Nest, rows: Sequence[Point], columns: Sequence[Point]
    ) -> Iterator[Point]:
        """The elements of a member that belong to these rows and are read by later members."""
        if nest.is_trailing(node):
            return
        filler = [(0,) * len(nest.columns)]
        for row, column in product(rows, columns or filler):
            at = self._at(nest.axes_of(node), row + column)
            if all(k < n for k, n in zip(at, self.buffers[node].shape, strict=True)):
                yield at

    @staticmethod
    def _at(axes: Sequence[int | None], point: Point) -> Point:
        return tuple(0 if axis is None else point[axis] for axis in axes)

    def _evaluate(self, node: Node, op: MapReduce, own: Point, values: Any, nest: Nest, point: Point) -> Any:
        reads = iter(zip(node.operands, nest.accesses_of(node), strict=True))
        known: list[Any] = []
        for item in op.arguments:
            match item:
                case Access():
                    operand, axes = next(reads)
                    at = self._at(axes, point)
                    if isinstance(node.op, Gather) and not known:
                        index = self.value(node.operands[1])[self._at(nest.accesses_of(node)[1], point)]
                        at = (*at[: node.op.axis], int(index), *at[node.op.axis + 1 :])
                    inside = (operand, at) in values
                    known.append(values[operand, at] if inside else self.value(operand)[at])
                case Index():
                    known.append(np.int64(own[item.loop]))
                case Size():
                    known.append(evaluate(item.extent, self.sizes))
                case _:
                    known.append(item.value)
        dtypes = op.operand_dtypes([operand.type for operand in node.operands])
        for typed in infer_dtypes(op.formula, dtypes, op.dtype):
            arguments = [known[ref] if isinstance(ref, int) else ref.value for ref in typed.line.arguments]
            skip = 1 if typed.line.atom == "where" else 0
            cast = [
                np.asarray(x).astype(typed.reads.numpy) if k >= skip else x for k, x in enumerate(arguments)
            ]
            known.append(np.asarray(ATOMS_IN_NUMPY[typed.line.atom](*cast)).astype(typed.dtype.numpy))
        end = op.formula.result
        return np.asarray(known[end] if isinstance(end, int) else end.value).astype(op.dtype.numpy)


def _start(op: MapReduce) -> Any:
    starts = {Reducer.SUM: 0, Reducer.MAX: lowest(op.dtype), Reducer.MIN: highest(op.dtype)}
    return starts[op.reducer]


def _added(op: MapReduce, old: Any, new: Any) -> Any:
    adders = {Reducer.SUM: np.add, Reducer.MAX: np.maximum, Reducer.MIN: np.minimum}
    return adders[op.reducer](old, new)
