"""A training step over shards, in one process: what many do together, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias, cast

import numpy as np

from compiler.errors import ShapeError
from compiler.program import Program
from compiler.structure import Structure
from tinytorch.sharding.splitting import Part, Source, split
from tinytorch.sharding.tree import Arrays, Block, Tree, checked_shards, rows_of, top_of
from tinytorch.values import typed_array

Array: TypeAlias = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """What a step knows when a part of it runs: a batch of `whole` rows, and the sums of stages before."""

    given: Mapping[str, Any]
    whole: int
    sums: Sequence[Array] = ()


class Runner:
    """A part of a step, compiled, with the values of its inputs put in their places."""

    def __init__(self, part: Part, program: Program) -> None:
        self.part, self.program = part, program
        self._whole = np.zeros(0, bool)

    def __call__(self, known: Known, data: Mapping[str, Array], rows: slice) -> Any:
        """What the program returns for some rows of a batch, whose values are `data`."""
        return self.program(*[self._value(source, known, data, rows) for source in self.part.sources])

    def _value(self, source: Source, known: Known, data: Mapping[str, Array], rows: slice) -> Any:
        match source.kind:
            case "data":
                return data[source.name]
            case "given":
                return known.given[source.name]
            case "sum":
                return known.sums[source.number]
            case "places":
                return np.arange(source.number * rows.start, source.number * rows.stop, dtype=np.int64)
            case "whole":
                if len(self._whole) != known.whole:
                    self._whole = np.zeros(known.whole, bool)
                return self._whole


class Stages:
    """The stages of a step on the rows of shards: what a worker holds."""

    def __init__(self, runners: Sequence[Runner], shards: int) -> None:
        self.runners, self.shards = runners, shards

    def __len__(self) -> int:
        return len(self.runners)

    def sums(
        self, stage: int, block: Block, known: Known, data_of: Callable[[slice], Mapping[str, Array]]
    ) -> Arrays | None:
        """The sums of a stage over the shards of a block; None where they have no rows.

        `data_of` gives some rows of the batch.
        """
        tree = Tree()
        for shard in block.shards:
            rows = rows_of(shard, self.shards, known.whole)
            tree.add(Block(0, shard), self._of_rows(stage, known, data_of, rows))
        return tree.sum(block)

    def _of_rows(
        self, stage: int, known: Known, data_of: Callable[[slice], Mapping[str, Array]], rows: slice
    ) -> Arrays | None:
        if rows.start == rows.stop:
            return None
        return [np.asarray(item) for item in self.runners[stage](known, data_of(rows), rows)]


class ShardedStep:
    """A training step whose sums over a batch are those of shards, added up in a fixed binary tree.

    Called like the step, with inputs by name. Parameters are those of the step. They are not, bit for bit,
    those that the step itself would make, for its sums run otherwise; but they are the same wherever the
    shards are computed. Raises ShardingError, which names the node, for a step whose rows meet in another way
    than by sums, and ArgumentError for shards that are no power of two.
    """

    def __init__(self, step: Program, shards: int, data: Iterable[str]) -> None:
        self.shards = checked_shards(shards)
        self.split = split(step.source_graph, data)
        runners = [
            Runner(part, step.compiled(part.graph, Structure("tuple", len(part.graph.outputs))))
            for part in self.split.stages
        ]
        self.stages = Stages(runners, self.shards)
        self.update = Runner(self.split.update, step.compiled(self.split.update.graph, step.structure))

    def __call__(self, **named: Any) -> Any:
        """One step; what the step returns. Raises ShapeError for data of different lengths, or of none."""
        batch = {name: named.pop(name) for name in self.split.data}
        return self.gathered(batch, named)()

    def gathered(self, batch: Mapping[str, Any], given: Mapping[str, Any]) -> Callable[[], Any]:
        """What is left of a step when its sums are known; until it is called nothing has changed."""
        data = {name: _array(value) for name, value in batch.items()}
        known, top = Known(given, rows_in(data)), top_of(self.shards)

        def data_of(rows: slice) -> Mapping[str, Array]:
            return {name: array[rows] for name, array in data.items()}

        for stage in range(len(self.stages)):
            found = self.stages.sums(stage, top, known, data_of)
            known = replace(known, sums=[*known.sums, *(found or ())])
        return partial(self.committed, known)

    def committed(self, known: Known) -> Any:
        """Writes the updates that follow from all sums; what the step returns."""
        return self.update(known, {}, slice(0, known.whole))


def rows_in(data: Mapping[str, Array]) -> int:
    """How many rows a batch has. Raises ShapeError where its arrays do not agree, or have none."""
    lengths = {name: len(array) for name, array in data.items()}
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        shown = ", ".join(f"{name} has {count}" for name, count in lengths.items())
        raise ShapeError(f"a batch has the same number of rows of all data, at least one: {shown}")
    return next(iter(lengths.values()))


def _array(value: Any) -> Array:
    return cast("Array", value) if isinstance(value, np.ndarray) else typed_array(value)
