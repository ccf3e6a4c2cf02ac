"""Machines: workers, and what can be done on them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import numpy as np

from compiler.program import Program
from tinytorch.cluster.advice.advice import Advice, why
from tinytorch.cluster.advice.probing import probed
from tinytorch.cluster.advice.sweeps import SweepAdvice
from tinytorch.cluster.connection import Connection
from tinytorch.cluster.mapping import BATCH_SIZE as ROWS
from tinytorch.cluster.mapping import mapped
from tinytorch.cluster.parallel.fit import fit
from tinytorch.cluster.sweeping.halving import Halving
from tinytorch.cluster.sweeping.runs import Runs
from tinytorch.cluster.sweeping.sweep import Plan, sweep
from tinytorch.fitting.feeding import BATCH_SIZE
from tinytorch.fitting.history import FitHistory
from tinytorch.progress import Report


class Machines:
    """Workers that `tt.cluster.connect` found or started. Use it in a `with` block, which closes it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @property
    def workers(self) -> tuple[str, ...]:
        """Their addresses now. Raises ClusterError where the scheduler went away."""
        return tuple(self.connection.slots())

    def sweep(
        self,
        make_run: Callable[..., Any],
        space: Any,
        *,
        data: Any,
        epochs: int = 1,
        batch_size: int = BATCH_SIZE,
        validation: Any = 0.2,
        folds: int | None = None,
        halving: Halving | None = None,
        seed: int = 0,
        retries: int = 2,
        deadline: float | None = None,
        resume: str | os.PathLike[str] | None = None,
        progress: bool | Report | None = None,
    ) -> Runs:
        """Many runs of a training, each with other hyperparameters, on all workers.

            def make_run(width, seed):
                ...
                return tt.cluster.Training([x, y, lr], {"loss": loss}, optimiser.updates(loss))

            runs = machines.sweep(
                make_run, {"lr": [1e-3, 3e-3], "width": [32, 64], "seed": range(8)}, data=(x, y), epochs=20
            )

        `space` is a grid, a dict from names to values, of which every combination is a run; or a list of
        dicts; or a `tt.cluster.Random`. A hyperparameter goes to the argument of `make_run` of its name; else
        to the input of the step of that name, or to the parameter. `seed` and `batch_size` are those of the
        fit, too. Runs that differ in inputs, and in the values of parameters, share one compilation on each
        worker.

        `make_run` returns a `tt.cluster.Training`, or a compiled step, or a step and its judge, as `tt.fit`
        has them. The workers import it from its module; one that is defined in a script travels by value.

        `data` are arrays of all rows, as for `tt.fit`, and are sent to each worker once. `validation` is the
        fraction of the rows that is held out, the same rows for all runs, or other data, or None; with
        `folds`, each run is done once for each of so many parts of the rows, which it is judged by.
        `halving`, a `tt.cluster.Halving`, ends bad runs early.

        A run that fails is a result, with its traceback. One whose worker dies is run again, up to `retries`
        times, alone, so that what kills workers is known; and so is one that ends no epoch for `deadline`
        seconds, whose worker is ended. Ctrl-C ends the sweep: runs that have ended are
        returned. With `resume`, a folder, every run is written there when it ends, and those that are there
        already are taken from it; where it cannot be written, `runs.unsaved` says so and the sweep goes on.

        `progress` is a bar with a table of the runs where stderr is a terminal, and nothing elsewhere; False
        for none, or a function of a `Progress`. On one kind of processor a run has the same bits on every
        worker.

        Raises ArgumentError and ShapeError before the first run. Raises ClusterError where the scheduler goes
        away, or all workers; its `found` are the runs that have ended.
        """
        plan = Plan(epochs, batch_size, validation, folds, seed, retries, deadline, halving)
        return sweep(self.connection, make_run, space, data, plan, resume, progress)

    def fit(
        self,
        step: Program,
        data: Any,
        *,
        shards: int = 16,
        epochs: int = 1,
        batch_size: int = BATCH_SIZE,
        shuffle: bool = True,
        drop_last: bool = False,
        validation: tuple[Program, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        callbacks: Any = (),
        seed: int | np.random.Generator | None = None,
        record_steps: bool = False,
        progress: bool | Report | None = None,
        resume: str | os.PathLike[str] | None = None,
        deadline: float | None = None,
        workers: int | None = None,
    ) -> FitHistory:
        """`tt.fit` with each batch divided among the workers; the history of its metrics.

            fitted = machines.fit(step, (x, y), batch_size=4096, epochs=5, shards=16)

        Workers add up gradients over the rows of their shards; parameters, the optimiser's state and the
        number of the step stay here, and a step is committed when all parts are in. Sums run in a binary tree
        that is fixed by `shards`, a power of two: the parameters are, bit for bit, those of
        `tt.fit(..., shards=shards)` in one process, on any number of workers, and whoever is lost on the way.

        `data` are as for `tt.fit`. Arrays are sent to each worker once, and again to one that comes later; a
        memory-mapped `.npy` file is mapped by each worker, in a folder that all share; of Dask arrays each
        worker computes the rows that it has, so they may be larger than memory. Batches of an iterable are
        sent as they come. Validation and callbacks run here.

        A worker that is gone, or has not answered after `deadline` seconds (by default 20 times as long as
        the longest step so far, and at least 10), is given up: others make its part again, and workers that
        come take part from the next step on. `workers` limits how many take part. What happened stands in
        `notes` of the history, and so does that one process would be faster, where it would: see `why`.

        Raises what `tt.fit` raises with shards, ArgumentError for a step that calls Python functions, and
        ClusterError, whose `found` is the history so far, where no worker is left or the scheduler went away;
        parameters are then those of the last step that was committed.
        """
        return fit(
            self.connection, step, data, shards=shards, epochs=epochs, batch_size=batch_size, shuffle=shuffle,
            drop_last=drop_last, validation=validation, inputs=inputs, callbacks=callbacks, seed=seed,
            record_steps=record_steps, progress=progress, resume=resume, deadline=deadline, workers=workers,
        )  # fmt: skip

    def map(
        self,
        program: Program,
        data: Any,
        *,
        batch_size: int = ROWS,
        inputs: Mapping[str, Any] | None = None,
        retries: int = 2,
        deadline: float | None = None,
    ) -> Iterator[Any]:
        """What a program returns for each batch of the data, in their order, as it comes in.

            labels = np.concatenate(list(machines.map(predict, images)))

        `program` has no updates; it goes to the workers once, as text and arrays, with the parameters that it
        has now. `data` and `inputs` are those of `tt.fit`. Of arrays, batches are sent; a memory-mapped
        `.npy` file is mapped by each worker, in a folder that all share; of a Dask array each worker computes
        the rows that it has; and an iterable of batches is read as they are wanted. Two batches for each
        worker are out at a time, so that neither data nor results have to fit into memory.

        A batch whose worker dies is sent again, up to `retries` times; so is one that is waited for longer
        than `deadline` seconds, whose worker is ended. By default a worker is asked whether it is there when
        it took 20 times as long as the longest wait so far, and at least 10 seconds (60 before the first
        batch is back), and is ended where it does not answer. Raises what `tt.fit` raises for data that do
        not fit, ArgumentError for a program that writes parameters or calls Python functions, and
        ClusterError where a batch is lost too often or the scheduler goes away. What the program raises is
        raised here, with a note which rows it was.
        """
        return mapped(self.connection, program, data, batch_size, inputs, retries, deadline)

    def why(
        self,
        step: Program,
        batch_size: int = 4096,
        *,
        shards: int = 16,
        inputs: Mapping[str, Any] | None = None,
        workers: int | None = None,
        **sizes: int,
    ) -> Advice:
        """What a step costs on these workers and in one process, and from which batch on more are faster.

            print(machines.why(step, batch_size=4096))

        Measures, in some seconds, the connection's latency and bandwidth, and steps in this process, on one
        worker and on all, on random data and on a copy of the step; the program's cost formulas and a model
        of the exchange (`tinytorch.cluster.advice.model`) say the rest. `inputs` gives those that are
        the same for every row, `sizes` further symbolic dimensions; `workers` limits how many are measured.

        Raises what `fit` raises.
        """
        return why(
            self.connection, step, batch_size, shards=shards, inputs=inputs, workers=workers, sizes=sizes
        )

    def why_sweep(
        self,
        make_run: Callable[..., Any],
        space: Any,
        *,
        data: Any,
        epochs: int = 1,
        batch_size: int = BATCH_SIZE,
        validation: Any = 0.2,
        folds: int | None = None,
        halving: Halving | None = None,
        seed: int = 0,
    ) -> SweepAdvice:
        """How long a sweep will take on these workers and on others, and what they pay.

            print(machines.why_sweep(make_run, grid, data=(x, y), epochs=20))

        The arguments are those of `sweep`. Measures, by runs of up to three epochs on all workers at once,
        what building, compiling and an epoch of up to four structures cost, and what a run costs outside its
        worker. Runs whose arguments of `make_run`, but the seed, are the same are taken to share a structure.
        What was compiled stays on the workers, and the sweep need not compile it again: the prediction is of
        a sweep that begins now. With `halving`, runs that go on are taken evenly from all.

        Raises what `sweep` raises, and ClusterError with the traceback where a try fails.
        """
        plan = Plan(epochs, batch_size, validation, folds, seed, retries=0, deadline=None, halving=halving)
        return SweepAdvice(probed(self.connection, make_run, space, data, plan))

    def close(self) -> None:
        """Ends the local processes; a cluster and a client that were given go on."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        if not self.connection.is_alive:
            return "<Machines, closed>"
        count, where = len(self.workers), self.connection.client.scheduler.address
        kind = "local processes" if self.connection.is_local else "workers"
        return f"<Machines: {count} {kind} at {where}>"
