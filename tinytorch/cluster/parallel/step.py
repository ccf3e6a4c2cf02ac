"""A training step on many workers: they add up gradients, the client owns all that changes.

A step is committed when all parts are in. Until then nothing has changed here, and what a lost worker had is
made again from the same parameters by another: the same bits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.errors import ClusterError
from compiler.ir.op import Buffer, Locks, Parameter
from compiler.program import Program
from tinytorch.cluster.aligned import aligned
from tinytorch.cluster.connection import Connection
from tinytorch.cluster.parallel.columns import PLACES
from tinytorch.cluster.parallel.crew import Crew, Hand, ordered
from tinytorch.cluster.parallel.wire import Order, Rows, text_of
from tinytorch.cluster.patience import Patience
from tinytorch.sharding.splitting import split
from tinytorch.sharding.step import Known, Runner, rows_in
from tinytorch.sharding.tree import (
    Arrays,
    Block,
    Tree,
    blocks,
    checked_shards,
    pack,
    rows_of,
    shares,
    top_of,
    type_of,
    unpack,
)

Array: TypeAlias = np.ndarray[Any, Any]

_MOST: Final = 8
"""How many workers may be lost in one step: then it is the step that kills them."""


@dataclass
class Shortest:
    """The shortest times of steps of so many rows, in seconds: of all, and of a shard on a worker."""

    rows: int
    step: float = math.inf
    each: float = math.inf

    def take(self, step: float, each: float) -> None:
        """Those of another step."""
        self.step, self.each = min(self.step, step), min(self.each, each)


class ParallelStep:
    """A step in shards, of whose sums every worker makes those of some aligned subtrees."""

    def __init__(
        self, connection: Connection, step: Program, shards: int, columns: Mapping[str, Any] | None,
        data: list[str], deadline: float | None, workers: int | None = None,
    ) -> None:  # fmt: skip
        self.shards = checked_shards(shards)
        self.split = split(step.source_graph, data)
        self.update = Runner(self.split.update, step.compiled(self.split.update.graph, step.structure))
        self._buffers: list[Buffer] = [
            node.op.buffer for node in self.split.read if isinstance(node.op, Parameter)
        ]
        self.crew = Crew(connection, text_of(step, self.split, self.shards), dict(columns or {}), workers)
        self._patience = Patience(deadline)
        self._step = 0
        self._losses = 0
        self.each = 0.0
        """Seconds that a shard took in the last step, on the worker that was slowest."""
        self.largest = Shortest(0)
        """The shortest times of the steps with the most rows."""

    def gathered(self, batch: Mapping[str, Any], given: Mapping[str, Any]) -> Callable[[], Any]:
        """What is left of a step when its sums have come; until it is called nothing has changed."""
        return partial(self.committed, self.known(batch, given))

    def packed(self) -> Array:
        """The parameters that workers need, in one buffer."""
        with Locks(self._buffers):
            return pack([buffer.array for buffer in self._buffers])

    def known(self, batch: Mapping[str, Any], given: Mapping[str, Any]) -> Known:
        """All sums of a step."""
        self._step += 1
        self._losses, self.each = 0, 0.0
        whole = _count(batch)
        known = Known({name: np.asarray(value) for name, value in given.items()}, whole)
        start = time.perf_counter()
        parameters = self.packed()
        for stage in range(len(self.split.stages)):
            begin = time.monotonic()
            found = self._summed(stage, batch, known, parameters)
            self._patience.took(time.monotonic() - begin)
            known = replace(known, sums=[*known.sums, *found])
        if whole > self.largest.rows:
            self.largest = Shortest(whole)
        self.largest.take(time.perf_counter() - start, self.each)
        return replace(known, given=given)

    def committed(self, known: Known) -> Any:
        """Writes the updates that follow from all sums; what the step returns."""
        return self.update(known, {}, slice(0, known.whole))

    def _summed(self, stage: int, batch: Mapping[str, Any], known: Known, parameters: Array) -> Arrays:
        """The sums of a stage, by whoever is there until all have come."""
        tree, top = Tree(), top_of(self.shards)
        hands = self.crew.living(self._step)
        parts = [
            (hand, share) for hand, share in zip(hands, shares(self.shards, len(hands)), strict=True) if share
        ]
        while True:
            lost: list[Order] = []
            work = [
                (hand, self._order(stage, share, batch, known, parameters, hand)) for hand, share in parts
            ]
            answers = ordered(self.crew, work, self._patience.seconds, self._step, lost.append)
            self.each += max((answer.each for answer in answers), default=0.0)
            for answer in answers:
                _grow(tree, answer.blocks, answer.types, answer.buffer)
            if not lost:
                found = tree.sum(top)
                assert found is not None  # there is a row, and so a shard that has it
                return found
            self._count_losses(len(lost))
            hands = self.crew.living(self._step)
            parts = [pair for order in lost for pair in _shared(order, hands)]

    @property
    def sent(self) -> int:
        """Bytes of the parameters that a worker is sent in each step."""
        return sum(buffer.array.nbytes for buffer in self._buffers)

    @property
    def count(self) -> int:
        """How many workers took part when the fit began."""
        return self.crew.wanted

    @property
    def symbol(self) -> str:
        """The symbol of the batch."""
        return self.split.symbol

    def returned(self, known: Known) -> tuple[int, ...]:
        """Bytes of the sums of each stage, of a step that is known."""
        rest = iter(known.sums)
        return tuple(sum(next(rest).nbytes for _ in part.graph.outputs) for part in self.split.stages)

    def _order(
        self, stage: int, share: list[Block], batch: Mapping[str, Any], known: Known, parameters: Array,
        hand: Hand,
    ) -> Order:  # fmt: skip
        start = rows_of(share[0].shards.start, self.shards, known.whole).start
        stop = rows_of(share[-1].shards.stop - 1, self.shards, known.whole).stop
        is_new = hand.step != self._step
        sums = known.sums[0 if is_new else hand.sums :]
        hand.step, hand.sums = self._step, len(known.sums)
        return Order(
            self._step, stage, [(block.level, block.place) for block in share], known.whole, start,
            _part(batch, start, stop), dict(known.given), parameters if is_new else None,
            pack(sums) if sums else None, [type_of(array) for array in sums] if sums else None,
        )  # fmt: skip

    def _count_losses(self, count: int) -> None:
        self._losses += count
        if self._losses >= _MOST:
            listed = "\n  ".join(self.crew.notes[-self._losses :])
            raise ClusterError(
                f"{self._losses} workers were lost in one step, and nothing is left:\n  {listed}"
            )


def _grow(tree: Tree, of: list[tuple[int, int]], types: Any, buffer: Array) -> None:
    """Adds what a worker sent to the tree: views of one buffer."""
    every = [kind for item in types if item is not None for kind in item]
    rest = iter(unpack(_writable(buffer), every))
    for (level, place), item in zip(of, types, strict=True):
        tree.add(Block(level, place), None if item is None else [next(rest) for _ in item])


def _writable(buffer: Array) -> Array:
    return aligned(buffer) if buffer.flags.writeable else buffer.copy()


def _shared(order: Order, hands: list[Hand]) -> list[tuple[Hand, list[Block]]]:
    """The blocks of a lost order, cut anew for all that are there."""
    first, last = Block(*order.blocks[0]), Block(*order.blocks[-1])
    start, stop = first.shards.start, last.shards.stop
    edges = [start + (stop - start) * k // len(hands) for k in range(len(hands) + 1)]
    cut = zip(hands, edges, edges[1:], strict=False)
    return [(hand, blocks(begin, end)) for hand, begin, end in cut if begin < end]


def _count(batch: Mapping[str, Any]) -> int:
    places: range | Array | None = batch.get(PLACES)
    if places is None:
        return rows_in({name: np.asarray(value) for name, value in batch.items()})
    return len(places)


def _part(batch: Mapping[str, Any], start: int, stop: int) -> Rows:
    """The rows of a batch that an order needs: their places, or what they are."""
    places: range | Array | None = batch.get(PLACES)
    if places is not None:
        return places[start:stop]
    return {name: np.ascontiguousarray(np.asarray(value)[start:stop]) for name, value in batch.items()}
