"""Sharding: what becomes of the values of a graph when every shard has some rows of a batch.

    rows   an axis is the batch's: `c` elements for each row, and a shard has those of its own rows
    whole  has no axis of rows, and is the same for every shard
    sum    has no axis of rows, and is what the shards' values add up to

Nobody reads a part of a sum, so what reads a sum comes in a later `stage`, when the shards have met. Which
axis is the rows' is seen from its extent, for a symbol is equal to itself alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from compiler.errors import ShardingError
from compiler.ir.dims import Extent, Shape, divide_exactly, product, symbol, symbols
from compiler.ir.graph import Graph
from compiler.ir.node import Node, describe
from compiler.ir.op import (
    Broadcast,
    Call,
    Concatenate,
    Fold,
    Gather,
    Input,
    Insert,
    MapReduce,
    Pad,
    Prefix,
    Reducer,
    Reshape,
    Scatter,
    ScatterAdd,
    Slice,
    Window,
)


@dataclass(frozen=True, slots=True)
class Placement:
    """When a value is computed, and whether it is then the sum of what shards have."""

    stage: int
    is_sum: bool

    @property
    def read(self) -> int:
        """The stage from which on the value may be read."""
        return self.stage + self.is_sum


class Sharding:
    """The placement of every value of a graph, of whose inputs `data` have the batch as their first axis.

    Raises ShardingError, which names the node, where a shard's rows do not suffice to compute a part.
    """

    def __init__(self, graph: Graph, data: Iterable[str]) -> None:
        self.graph = graph
        self.data = tuple(data)
        self.symbol = _symbol_of(graph, self.data)
        self.placements: dict[Node, Placement] = {}
        for node in graph.nodes:
            self.placements[node] = self._placed(node)

    @property
    def sums(self) -> tuple[tuple[Node, ...], ...]:
        """The sums of each stage, in the order of the graph."""
        found = [(node, placed.stage) for node, placed in self.placements.items() if placed.is_sum]
        count = max((stage for _, stage in found), default=-1) + 1
        return tuple(tuple(node for node, stage in found if stage == wanted) for wanted in range(count))

    def axis(self, node: Node) -> int | None:
        """The axis of rows. Raises ShardingError where rows meet rows, or are not one axis' alone."""
        return _axis(node, node.type.shape, self.symbol)

    def per_row(self, extent: Extent) -> Extent | None:
        """How many elements each row has of an extent; None where it has nothing to do with the batch."""
        return _per_row(extent, self.symbol)

    def _placed(self, node: Node) -> Placement:
        stage = max((self.placements[operand].read for operand in node.operands), default=0)
        axis = self.axis(node)
        if not self._has_rows(node):
            return Placement(stage, False)
        if isinstance(node.op, Input):
            if node.name not in self.data:
                raise ShardingError(
                    f"an input that is the same for every row has an axis of rows: {describe(node)}"
                )
            return Placement(stage, False)
        axes = [self.axis(operand) for operand in node.operands]
        why = _refused(node, axes, axis, self.symbol)
        if why is not None:
            raise ShardingError(f"{why}, so shards cannot compute their rows of it alone: {describe(node)}")
        return Placement(stage, axis is None)

    def _has_rows(self, node: Node) -> bool:
        """Whether a node is made of rows: it has some, reads some, or counts over them."""
        op = node.op
        loops = op.extents if isinstance(op, MapReduce) else ()
        starts = op.starts if isinstance(op, Slice | Insert) else ()
        every = (node.type.shape, loops, starts, *(operand.type.shape for operand in node.operands))
        return any(self.symbol in symbols(extent) for shape in every for extent in shape)


def _symbol_of(graph: Graph, data: Sequence[str]) -> str:
    """The symbol that is the first axis of all data. Raises ShardingError where it is none, or others."""
    found: dict[str, Node] = {}
    for node in graph.inputs:
        if node.name not in data:
            continue
        extent = node.type.shape[0] if node.type.shape else 1
        names = symbols(extent)
        if len(names) != 1 or extent != symbol(min(names)):
            rest = ", ".join(map(repr, ("batch", *node.type.shape[1:]))).replace("'", '"')
            raise ShardingError(
                f"shards have parts of a batch, and the first axis of an input is no symbol: {describe(node)}"
                f'\n  fix: tt.input("{node.name}", ({rest}{"," * (node.type.rank <= 1)}))'
            )
        found[min(names)] = node
    if len(found) != 1:
        shown = "".join(f"\n  {describe(node)}" for node in found.values())
        raise ShardingError(f"the inputs that are data have one symbol as their first axis, not these{shown}")
    return next(iter(found))


def _per_row(extent: Extent, name: str) -> Extent | None:
    if name not in symbols(extent):
        return None
    quotient = divide_exactly(extent, symbol(name))
    return None if quotient is None or name in symbols(quotient) else quotient


def _axis(node: Node, shape: Shape, name: str) -> int | None:
    axes = [axis for axis, extent in enumerate(shape) if name in symbols(extent)]
    if not axes:
        return None
    if len(axes) > 1:
        raise ShardingError(f"rows of a batch meet each other in {describe(node)}")
    if _per_row(shape[axes[0]], name) is None:
        raise ShardingError(
            f"an axis of {shape[axes[0]]} elements is not so many for each row of {name}: {describe(node)}"
        )
    return axes[0]


def _refused(node: Node, axes: Sequence[int | None], axis: int | None, name: str) -> str | None:
    """Why rows of operands, along `axes`, do not suffice for rows of the result, or for a part of a sum."""
    match node.op:
        case MapReduce():
            return _refused_map(node.op, axis, name)
        case Call():
            return "an opaque call may do anything with its rows"
        case Gather() | ScatterAdd() | Scatter():
            return _refused_indexed(node, axes, axis)
        case _ if axis is None:
            return f"{node.op.name} picks some of the rows"
        case _:
            return _refused_layout(node, axes, axis)


def _refused_map(op: MapReduce, axis: int | None, name: str) -> str | None:
    loops = [loop for loop, extent in enumerate(op.extents) if name in symbols(extent)]
    if len(loops) > 1:
        return "it pairs every row with every other"
    if axis is None and op.reducer is not Reducer.SUM:
        return f"{op.reducer.value} over rows is no sum"
    return None


def _refused_layout(node: Node, axes: Sequence[int | None], axis: int) -> str | None:
    op, shape = node.op, node.operands[0].type.shape
    first = next((item for item in axes if item is not None), None)
    if first is None:
        return None if isinstance(op, Broadcast) else f"{op.name} makes rows of what has none"
    match op:
        case Reshape() if product(shape[:first]) != product(op.shape[:axis]):
            return "reshape mixes rows with axes before them"
        case Slice() if (op.starts[first], op.sizes[first], op.steps[first]) != (0, shape[first], 1):
            return "slice picks some of the rows"
        case Pad() if (op.low[first], op.high[first], op.interior[first]) != (0, 0, 0):
            return "pad adds rows"
        case Concatenate() if op.axis in axes:
            return "concatenate adds rows"
        case Prefix() if op.axis == first:
            return f"{op.name} follows the rows"
        case Window() if first in op.axes:
            return "window looks at neighbouring rows"
        case Fold() if first in op.axes or first != axis:
            return "fold adds neighbouring rows"
        case Insert() if axes != [axis, axis] or (op.starts[axis], op.steps[axis]) != (0, 1):
            return "insert writes some of the rows"
        case _:
            return None


def _refused_indexed(node: Node, axes: Sequence[int | None], axis: int | None) -> str | None:
    """A gather reads by rows unless it looks for rows; so does what adds or writes where indices say."""
    op = node.op
    match op:
        case Gather():
            return "gather looks for rows among all" if axes[0] == op.axis else None
        case ScatterAdd() if axis is None:
            return None if axes[1] is not None else "scatter_add counts rows that it does not have"
        case ScatterAdd():
            is_apart = axis != op.axis and (op.batched or axes[0] is None)
            return None if is_apart and axes[1] is not None else "scatter_add adds to rows that others have"
        case Scatter():
            inside = axes[0] is not None and not op.axis <= axes[0] < op.axis + op.spans
            return None if inside else "scatter writes where rows of others may write"
        case _:
            return None
