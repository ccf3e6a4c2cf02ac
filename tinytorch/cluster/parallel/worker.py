"""The actor: a compiled step on a worker, which adds up gradients over the rows of its shards."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from tinytorch.cluster.parallel.columns import received, rows_of_columns
from tinytorch.cluster.parallel.wire import Answer, Order, Rows, StepText, buffers_of, part_of, program_of
from tinytorch.cluster.working import prepare
from tinytorch.sharding.step import Known, Runner, Stages
from tinytorch.sharding.tree import Arrays, Block, pack, type_of, unpack

Array: TypeAlias = np.ndarray[Any, Any]


class ShardActor:
    """Holds the stages of a step, compiled, and the data; of a step that runs, parameters and sums so far.

    Nothing that is here lasts: a client that loses it makes another one, and sends what it has to know.
    """

    def __init__(self, terms: Mapping[str, Any], text: StepText, columns: Mapping[str, Any]) -> None:
        prepare(terms)
        parts = [part_of(item) for item in text.parts]
        runners = [Runner(part, program_of(part, text.passes, text.backend)) for part in parts]
        self._stages = Stages(runners, text.shards)
        self._columns = {name: received(column) for name, column in columns.items()}
        self._types = text.parameters
        self._written = [
            (place, buffer)
            for part, item in zip(parts, text.parts, strict=True)
            for place, buffer in zip(item.parameters, buffers_of(part), strict=True)
        ]
        self._sums: Arrays = []
        self._data: dict[tuple[int, int], Mapping[str, Array]] = {}

    def ready(self) -> bool:
        """Answers when the actor is made."""
        return True

    def echo(self, buffer: Array) -> Array:
        """What was sent: for measuring the way there and back."""
        return buffer

    def add(self, order: Order) -> Answer | Exception:
        """The sums that are ordered, or what was wrong with the program or its data.

        What Dask raises itself is left to mean that the worker was lost.
        """
        try:
            return self._added(order)
        except Exception as error:  # noqa: BLE001  # goes to the client, who raises it
            return error

    def _added(self, order: Order) -> Answer:
        begin = time.perf_counter()
        self._learn(order)
        known = Known(order.given, order.whole, self._sums)
        found: list[Arrays | None] = []
        for level, place in order.blocks:
            found.append(self._stages.sums(order.stage, Block(level, place), known, self._rows(order)))
        flat = pack([array for arrays in found if arrays is not None for array in arrays])
        types = [None if arrays is None else [type_of(array) for array in arrays] for arrays in found]
        return Answer(order.blocks, types, flat, time.perf_counter() - begin)

    def _learn(self, order: Order) -> None:
        """Takes the parameters of a step that begins, and sums of stages that others have ended."""
        if order.parameters is not None:
            values = unpack(order.parameters, self._types)
            for place, array in self._written:
                np.copyto(array, values[place])
            self._sums = []
            self._data.clear()
        if order.sums is not None and order.types is not None:
            self._sums = [*self._sums, *unpack(order.sums, order.types)]

    def _rows(self, order: Order) -> Any:
        """What gives rows of the batch, which a step of several stages reads once."""

        def data_of(rows: slice) -> Mapping[str, Array]:
            key = rows.start, rows.stop
            if key not in self._data:
                own = slice(rows.start - order.start, rows.stop - order.start)
                found = self._taken(order.rows, own)
                if len(self._stages) == 1:
                    return found
                self._data[key] = found
            return self._data[key]

        return data_of

    def _taken(self, rows: Rows, own: slice) -> Mapping[str, Array]:
        if isinstance(rows, dict):
            return {name: array[own] for name, array in rows.items()}
        return rows_of_columns(self._columns, rows[own])
