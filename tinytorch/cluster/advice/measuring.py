"""Measures what the model needs: the connection; steps in this process, on one worker and on all of them.

Everything runs on a copy of the step, with parameters of its own: nobody sees an update. Of several tries,
one of each kind in turn, the shortest counts, for whatever else runs on a machine only makes them longer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.errors import ArgumentError
from compiler.ir.dims import evaluate, symbols
from compiler.ir.node import Node, describe
from compiler.ir.op import Input
from compiler.program import Program
from tinytorch.cluster.advice.model import Between, Link, Model, Sharing, Work, alike, most
from tinytorch.cluster.connection import Connection
from tinytorch.cluster.parallel.columns import PLACES
from tinytorch.cluster.parallel.crew import Crew, Hand
from tinytorch.cluster.parallel.step import ParallelStep
from tinytorch.cluster.patience import FIRST
from tinytorch.cluster.working import processors
from tinytorch.fitting.snapshot import Parameters

Array: TypeAlias = np.ndarray[Any, Any]

TRIES: Final = 7
"""Steps that are measured, of each kind in turn."""

_STRAINS: Final = (0.1, 100.0)
"""Between these, messages take so many times as long as echoes do."""
_HALVINGS: Final = 40

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
class Took:
    """Where the time of a step went, in seconds."""

    together: float
    each: float = 0.0
    """Of a shard, on the worker that was slowest."""
    update: float = 0.0


Case: TypeAlias = tuple[int, int]
"""A number of workers, of which none is this process, and one of rows."""


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
        few, count = min(shards, rows), parallel.count
        cases = [(n, many) for many in (few, rows) for n in (0, 1, count)]
        took = tried(parallel, twin, columns, inputs, cases)
        model = model_of(connection, parallel, twin, inputs, sizes, took, few, rows)
        return Found(model, count, took[0, rows].together, took[count, rows].together)
    finally:
        parallel.crew.close()


def tried(
    parallel: ParallelStep, twin: Program, columns: Mapping[str, Array], inputs: Mapping[str, Any],
    cases: Sequence[Case], tries: int = TRIES,
) -> dict[Case, Took]:  # fmt: skip
    """The fastest step of each case, of some tries after a first one; all cases are tried in turn.

    Each begins from the same parameters: steps that follow each other would learn these data, until numbers
    are so small that they are slow.
    """
    parameters = Parameters(twin.source_graph)
    start = parameters.copy()
    found: dict[Case, list[Took]] = {case: [] for case in cases}
    for _ in range(tries + 1):
        for (workers, rows), every in found.items():
            if workers:
                parallel.crew.most = workers
                every.append(_together(parallel, inputs, rows))
            else:
                batch = {name: array[:rows] for name, array in columns.items()}
                begin = time.perf_counter()
                twin(**batch, **inputs)
                every.append(Took(time.perf_counter() - begin))
            parameters.set(start)
    return {case: min(every[1:], key=lambda took: took.together) for case, every in found.items()}


def _together(parallel: ParallelStep, inputs: Mapping[str, Any], rows: int) -> Took:
    places = np.random.default_rng(0).permutation(rows)
    begin = time.perf_counter()
    known = parallel.known({PLACES: places}, inputs)
    summed = time.perf_counter()
    parallel.committed(known)
    done = time.perf_counter()
    return Took(done - begin, parallel.each, done - summed)


def model_of(
    connection: Connection, parallel: ParallelStep, twin: Program, inputs: Mapping[str, Any],
    sizes: Mapping[str, int], took: Mapping[Case, Took], few: int, many: int,
) -> Model:  # fmt: skip
    """A model that says of the steps of few rows and of many what they took."""
    hands, count, symbol = parallel.crew.living(0), parallel.count, parallel.symbol
    returned = parallel.returned(parallel.known({PLACES: np.arange(few)}, inputs))
    work = partial(Work, twin.cost.total, symbol, dict(sizes))
    update = min(took[count, rows].update for rows in (few, many)) + shortest(_CALLS, parallel.packed)
    plain = Model(
        link_of(parallel.crew, hands, max(parallel.sent, *returned)), parallel.shards, parallel.sent,
        returned, 8.0, work((few, took[0, few].together), (many, took[0, many].together)),
        work((1, took[1, few].each), (max(1, round(many / parallel.shards)), took[1, many].each)),
        update, adding(max(returned)), sharing(connection, count),
    )  # fmt: skip
    return fitted(plain, count, took, few, many)


def fitted(plain: Model, present: int, took: Mapping[Case, Took], few: int, many: int) -> Model:
    """A model with the strain of messages and the crowd of workers that steps on one and on all of them had.

    Whatever is left of a step beside computing and committing is its exchange: so much longer do messages
    take, beside workers that compute, than echoes. Of few rows and of many it is the shorter one, for what
    else runs makes both longer.
    """
    one, every = (min(_strain(plain, n, rows, took[n, rows]) for rows in (few, many)) for n in (1, present))
    crowd = took[present, many].each / took[1, many].each
    return replace(
        plain, strain=Between(present, one, every), crowd=Between(present, 1.0, crowd, plain.crowd)
    )


def _strain(model: Model, workers: int, rows: int, took: Took) -> float:
    """By how much messages would have to take longer for a step to take what it took."""
    n = min(workers, model.shards)
    computing = took.each * most(model.shards, n)
    exchange = took.together - model.update - computing
    low, high = _STRAINS
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_less = model.exchange(n, rows, computing, middle) < exchange
        low, high = (middle, high) if is_less else (low, middle)
    return high


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
