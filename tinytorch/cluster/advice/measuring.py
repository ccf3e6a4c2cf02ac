"""Measures what the model needs: the connection, a shard on a worker, a step in one process.

Everything runs on a copy of the step, with parameters of its own: nobody sees an update. Of several tries the
shortest counts, for whatever else runs on a machine only makes them longer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.errors import ArgumentError
from compiler.ir.dims import evaluate, symbols
from compiler.ir.node import Node, describe
from compiler.ir.op import Input
from compiler.program import Program
from tinytorch.cluster.advice.model import Link, Model, Sharing, Work, alike
from tinytorch.cluster.connection import Connection
from tinytorch.cluster.parallel.columns import PLACES
from tinytorch.cluster.parallel.crew import Crew, Hand
from tinytorch.cluster.parallel.step import ParallelStep
from tinytorch.cluster.patience import FIRST
from tinytorch.cluster.working import processors
from tinytorch.fitting.snapshot import Parameters
from tinytorch.sharding.step import Known

Array: TypeAlias = np.ndarray[Any, Any]

TRIES: Final = 7
"""Steps that are measured, of each kind in turn."""

_CALLS: Final = 25
_LEAST: Final = 2**18
_MOST: Final = 2**25
"""Bytes of the message by which bandwidth is measured: those of the step, within these."""


@dataclass(frozen=True, slots=True)
class Found:
    """The model of a step, and how long steps took here, in seconds."""

    model: Model
    workers: int
    """How many there are, of which the second figure is."""
    alone: float
    together: float


@dataclass(frozen=True, slots=True)
class _Best:
    """The shortest times of some tries."""

    alone: float
    together: float
    each: float
    """Of a shard, on a worker."""
    update: float
    known: Known


def measured(
    connection: Connection, step: Program, rows: int, shards: int, inputs: Mapping[str, Any],
    sizes: Mapping[str, int], workers: int | None = None,
) -> Found:  # fmt: skip
    """Measures a step of so many rows on the workers there are, or on some. Raises what a step raises.

    `inputs` are the values of inputs that are the same for every row, `sizes` those of other symbols.
    """
    twin = step.compiled(copy(step.source_graph), step.structure)
    data = [node for node in twin.signature.inputs if node.name not in inputs]
    columns = {str(node.name): sample(node, rows, sizes) for node in data}
    parallel = ParallelStep(connection, twin, shards, columns, list(columns), None, workers)
    try:
        few, many = (_best(parallel, twin, columns, inputs, count) for count in (min(shards, rows), rows))
        return _found(connection, parallel, twin, few, many, dict(sizes))
    finally:
        parallel.crew.close()


def _found(
    connection: Connection,
    parallel: ParallelStep,
    twin: Program,
    few: _Best,
    many: _Best,
    sizes: dict[str, int],
) -> Found:
    shards, rows = parallel.shards, many.known.whole
    cost, symbol = twin.cost.total, parallel.symbol
    hands = parallel.crew.living(0)
    returned = parallel.returned(many.known)
    least, most = (few.known.whole, few.alone), (rows, many.alone)
    of_shard = (1, few.each), (max(1, round(rows / shards)), many.each)
    model = Model(
        link_of(parallel.crew, hands, max(parallel.sent, *returned)), shards, parallel.sent, returned, 8.0,
        Work(cost, symbol, sizes, least, most), Work(cost, symbol, sizes, *of_shard),
        min(few.update, many.update) + shortest(_CALLS, parallel.packed), adding(max(returned)),
        sharing(connection, len(hands)),
    )  # fmt: skip
    return Found(model, len(hands), many.alone, many.together)


def _best(
    parallel: ParallelStep, twin: Program, columns: Mapping[str, Array], inputs: Mapping[str, Any], rows: int
) -> _Best:
    """Steps of so many rows, by workers and in this process in turn, each from the same parameters.

    Steps that follow each other would learn these data, until numbers are so small that they are slow.
    """
    parameters = Parameters(twin.source_graph)
    start = parameters.copy()
    places = np.random.default_rng(0).permutation(rows)
    batch = {name: array[:rows] for name, array in columns.items()}
    found: list[tuple[float, float, float, float]] = []
    known: Known | None = None
    for _ in range(TRIES + 1):
        begin = time.perf_counter()
        known = parallel.known({PLACES: places}, inputs)
        summed = time.perf_counter()
        parallel.committed(known)
        done = time.perf_counter()
        parameters.set(start)
        again = time.perf_counter()
        twin(**batch, **inputs)
        found.append((time.perf_counter() - again, done - begin, parallel.each, done - summed))
        parameters.set(start)
    assert known is not None
    alone, together, each, update = (min(column) for column in zip(*found[1:], strict=True))
    return _Best(alone, together, each, update, known)


def link_of(crew: Crew, hands: list[Hand], size: int) -> Link:
    """The connection to workers, by echoes: empty ones of one and of all, and long ones of one."""
    empty, long = np.zeros(0, np.uint8), np.zeros(min(max(size, _LEAST), _MOST), np.uint8)
    latency = shortest(_CALLS, lambda: echoed(crew, hands[:1], empty))
    crowd = shortest(_CALLS, lambda: echoed(crew, hands, empty))
    way = shortest(TRIES, lambda: echoed(crew, hands[:1], long))
    message = max(0.0, crowd - latency) / (2 * (len(hands) - 1)) if len(hands) > 1 else latency / 4
    bandwidth = 2 * len(long) / max(way - latency, 1e-9)
    return Link(latency, bandwidth, message, is_duplex=False)


def echoed(crew: Crew, hands: list[Hand], buffer: Array) -> None:
    """Sends a buffer to some workers at once, and takes it back."""
    end = time.monotonic() + FIRST
    for hand, future in [(hand, hand.call("echo", buffer)) for hand in hands]:
        crew.wait(hand, future, end)


def shortest(tries: int, call: Callable[[], object]) -> float:
    """Seconds of the shortest of some calls."""
    found: list[float] = []
    for _ in range(tries):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


def adding(size: int) -> float:
    """Seconds in which this process adds a byte of sums to others."""
    left, right = np.zeros(max(size, _LEAST) // 4, np.float32), np.ones(max(size, _LEAST) // 4, np.float32)
    return shortest(TRIES, lambda: np.add(left, right, out=left)) / left.nbytes


def sharing(connection: Connection, present: int) -> Callable[[int], float]:
    """How workers get in each other's way: those of this machine share its processors."""
    if not connection.is_local:
        return alike
    threads = connection.threads or max(1, processors() // present)
    return Sharing(processors(), threads, present)


def sample(node: Node, rows: int, sizes: Mapping[str, int]) -> Array:
    """Values for an input of so many rows: normal numbers, and zeros where they are integers.

    Raises ArgumentError for an extent that is not known.
    """
    batch = symbols(node.type.shape[0]) if node.type.shape else frozenset[str]()
    known = {**sizes, **dict.fromkeys(batch, rows)}
    unknown = {name for extent in node.type.shape for name in symbols(extent)} - known.keys()
    if unknown:
        name = min(unknown)
        raise ArgumentError(
            f"nobody says how much {name!r} is: {describe(node)}\n  fix: machines.why(step, {name}=...)"
        )
    shape = tuple(evaluate(extent, known) for extent in node.type.shape)
    dtype = node.type.dtype
    values = np.random.default_rng(0).standard_normal(shape) if dtype.is_float else np.zeros(shape)
    if isinstance(node.op, Input):
        values = np.clip(values, node.op.low, node.op.high)
    return values.astype(dtype.numpy)
