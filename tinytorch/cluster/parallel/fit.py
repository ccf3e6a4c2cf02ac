"""fit on many workers: `tt.fit`, whose steps are made together."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from compiler.errors import ArgumentError
from compiler.ir.numbers import whole_number
from compiler.program import Program
from tinytorch.cluster.connection import Connection
from tinytorch.cluster.parallel.columns import PlacedFeed
from tinytorch.cluster.parallel.step import ParallelStep
from tinytorch.cluster.patience import check_deadline
from tinytorch.cluster.working import processors
from tinytorch.fitting.feeding import Batches, Batching
from tinytorch.fitting.history import FitHistory
from tinytorch.fitting.loop import check_step, fit_by
from tinytorch.progress import Report


def fit(
    connection: Connection,
    step: Program,
    data: Any,
    *,
    shards: int,
    epochs: int,
    batch_size: int,
    shuffle: bool,
    drop_last: bool,
    validation: tuple[Program, Any] | None,
    inputs: Mapping[str, Any] | None,
    callbacks: Any | Sequence[Any],
    seed: int | np.random.Generator | None,
    record_steps: bool,
    progress: bool | Report | None,
    resume: str | os.PathLike[str] | None,
    deadline: float | None,
    workers: int | None,
) -> FitHistory:
    """The history of a fit, as `Machines.fit` says."""
    check_step(step)
    check_deadline(deadline)
    if workers is not None and (whole_number(workers) or 0) < 1:
        raise ArgumentError(f"workers is a positive integer, not {workers!r}")
    given = dict(inputs or {})
    batching = Batching(batch_size, shuffle, drop_last, seed)
    feed = PlacedFeed(step, data, batching, given)
    if feed.loader is data or isinstance(feed.loader, Batches):
        batching.check(data)
    taking = ParallelStep(connection, step, shards, feed.columns, list(feed.inputs), deadline, workers)
    try:
        history = fit_by(
            taking.gathered, feed, given, epochs=epochs, batch_size=batch_size, validation=validation,
            callbacks=callbacks, record_steps=record_steps, progress=progress, resume=resume,
        )  # fmt: skip
    finally:
        taking.crew.close()
    history.notes += [*taking.crew.notes, *_advice(connection, taking)]
    return history


def _advice(connection: Connection, taking: ParallelStep) -> list[str]:
    """That one process would be faster, if it would: by what a shard took on a worker."""
    largest, count = taking.largest, taking.count
    threads = connection.threads or max(1, processors() // count)
    others = max(processors(), count * threads) if connection.is_local else threads
    alone = taking.shards * largest.each * threads / others
    if not alone < largest.step < math.inf:
        return []
    took = f"{count} worker{'s' * (count > 1)} took {1e3 * largest.step:.3g}"
    return [
        f"one process would take about {1e3 * alone:.3g} ms for a step of {largest.rows:,} rows, and {took}: "
        f"tt.fit(..., shards={taking.shards}) has the same bits, and machines.why(step, {largest.rows}) says "
        "where the time goes"
    ]
