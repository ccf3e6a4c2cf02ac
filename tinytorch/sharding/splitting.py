"""A training step, taken apart: graphs of sums over the rows of a shard, and one that has all sums.

What a step means does not change. Sums over the batch become sums of those of the shards. An extent of the
batch that stands in a formula, such as that by which a mean divides, is the whole batch's; the number of a
row, from which a mask of dropout is drawn, is the one that it has there. So shards of any, and of different,
numbers of rows make the step that the whole batch makes, but for the order in which sums are rounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from compiler.analysis.sharding import Sharding
from compiler.errors import ShardingError
from compiler.ir.build import input_node
from compiler.ir.dims import Extent, substitute, symbol, symbols
from compiler.ir.graph import Graph
from compiler.ir.node import Node, describe, make_node
from compiler.ir.op import Access, Argument, Index, Input, MapReduce, Size
from compiler.ir.types import BOOL, INT64, TensorType

_ORDER: Final = ("data", "given", "sum", "whole", "places")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the value of an input comes from: `number` counts sums, or the places that a row has."""

    kind: Literal["data", "given", "sum", "whole", "places"]
    name: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """A graph, and where the values of its inputs come from."""

    graph: Graph
    sources: tuple[Source, ...]

    @property
    def parameters(self) -> tuple[Node, ...]:
        """The parameters that it reads."""
        return self.graph.parameters


@dataclass(frozen=True, slots=True)
class Split:
    """What a step was taken apart into."""

    stages: tuple[Part, ...]
    """Graphs whose outputs are added up over the shards, one stage after the other: most steps have one."""
    update: Part
    """What has the sums, all of them numbered in order, and no rows: the step's outputs and updates."""
    data: tuple[str, ...]
    symbol: str
    """The symbol of the batch."""

    @property
    def read(self) -> tuple[Node, ...]:
        """The parameters that the stages read, once each: what a worker must have."""
        return tuple(dict.fromkeys(node for part in self.stages for node in part.parameters))


def split(graph: Graph, data: Iterable[str]) -> Split:
    """The parts of a training step, of whose inputs `data` have a row for each example.

    Raises ShardingError, which names the node, for a step that is not made of sums over rows.
    """
    sharding = Sharding(graph, data)
    if not sharding.sums:
        raise ShardingError("nothing in the step adds up over the rows of its data, so shards have no part")
    for node in graph.results:
        if sharding.axis(node) is not None:
            raise ShardingError(
                f"a step keeps what its rows add up to, and no value for each row: {describe(node)}"
            )
    cut: list[Node] = []
    stages: list[Part] = []
    for roots in sharding.sums:
        writer = _Writer(sharding, cut)
        stages.append(writer.part(roots, of_rows=True))
        cut.extend(roots)
    writer = _Writer(sharding, cut)
    update = writer.part(graph.outputs, graph.updates, of_rows=False)
    return Split(tuple(stages), update, sharding.data, sharding.symbol)


class _Writer:
    """Writes a part: the same nodes on other leaves, with what is known of the whole batch."""

    def __init__(self, sharding: Sharding, cut: Sequence[Node]) -> None:
        self.sharding = sharding
        self.graph = sharding.graph
        taken = {name for node in self.graph.nodes for extent in node.type.shape for name in symbols(extent)}
        self.whole = _free(f"whole_{sharding.symbol}", taken)
        self.names = {str(node.name) for node in self.graph.inputs}
        self.sources: dict[Node, Source] = {}
        self.new: dict[Node, Node] = {}
        self._extra: dict[Source, Node] = {}
        self._cut = {node: number for number, node in enumerate(cut)}

    def part(
        self, outputs: Sequence[Node], updates: Sequence[tuple[Node, Node]] = (), *, of_rows: bool
    ) -> Part:
        """The part that computes some values of the graph, of rows or of what they add up to."""
        for node in self._needed([*outputs, *(value for _, value in updates)]):
            self.new[node] = self._written(node)
        if of_rows:
            for node in self.graph.inputs:
                if node.name in self.sharding.data:  # each says how many rows there are
                    self.sources[node] = Source("data", str(node.name))
        inputs = sorted(self.sources, key=lambda node: _ORDER.index(self.sources[node].kind))
        graph = Graph.of(
            [self.new[node] for node in outputs], [(to, self.new[value]) for to, value in updates], inputs
        )
        return Part(graph, tuple(self.sources[node] for node in graph.inputs))

    def _needed(self, roots: Sequence[Node]) -> list[Node]:
        """What some values are made from, down to leaves and to sums that are known, in order."""
        pending, seen = list(roots), set(roots)
        while pending:
            node = pending.pop()
            if node in self._cut:
                continue
            for operand in node.operands:
                if operand not in seen:
                    seen.add(operand)
                    pending.append(operand)
        return [node for node in self.graph.nodes if node in seen]

    def _written(self, node: Node) -> Node:
        if node in self._cut:
            number = self._cut[node]
            return self._leaf(Source("sum", number=number), f"sum{number}", node.type)
        if isinstance(node.op, Input):
            kind = "data" if node.name in self.sharding.data else "given"
            self.sources[node] = Source(kind, str(node.name))
            return node
        op, operands = node.op, [self.new[operand] for operand in node.operands]
        if isinstance(op, MapReduce):
            op, operands = self._map(node, op, operands)
        if op is node.op and all(a is b for a, b in zip(operands, node.operands, strict=True)):
            return node
        return make_node(op, operands, node.name, node.origin)

    def _map(self, node: Node, op: MapReduce, operands: Sequence[Node]) -> tuple[MapReduce, list[Node]]:
        """A map in which extents and numbers of rows are those of the whole batch."""
        arguments: list[Argument] = []
        found: list[Node] = []
        rest = iter(operands)
        for item in op.arguments:
            match item:
                case Access():
                    found.append(next(rest))
                case Size() if self.sharding.symbol in symbols(item.extent):
                    item = Size(self._of_whole(item.extent))
                case Index() if self.sharding.symbol in symbols(op.extents[item.loop]):
                    found.append(self._places(node, op.extents[item.loop]))
                    item = Access((item.loop,))
                case _:
                    pass
            arguments.append(item)
        return (op if tuple(arguments) == op.arguments else replace(op, arguments=tuple(arguments))), found

    def _of_whole(self, extent: Extent) -> Extent:
        """An extent of the whole batch, whose rows an input of no meaning of its own has."""
        whole = symbol(self.whole)
        self._leaf(Source("whole"), "whole", TensorType(BOOL, (whole,)))
        return substitute(extent, {self.sharding.symbol: whole})

    def _places(self, node: Node, extent: Extent) -> Node:
        """The numbers that places along an axis of rows have in the whole batch."""
        each = self.sharding.per_row(extent)
        if not isinstance(each, int):
            raise ShardingError(
                f"places are counted along {extent} elements, so many for each row that only a call knows: "
                f"{describe(node)}"
            )
        return self._leaf(Source("places", number=each), f"places{each}", TensorType(INT64, (extent,)))

    def _leaf(self, source: Source, name: str, kind: TensorType) -> Node:
        if source not in self._extra:
            node = input_node(_free(f"shard.{name}", self.names), kind)
            self._extra[source] = node
            self.sources[node] = source
        return self._extra[source]


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name
