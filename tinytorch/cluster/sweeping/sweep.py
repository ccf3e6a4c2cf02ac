"""sweep: many runs of a training, on all workers."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compiler.errors import ArgumentError, ClusterError
from tinytorch.callbacks.protocol import checked_count
from tinytorch.cluster.connection import Connection
from tinytorch.cluster.patience import check_deadline
from tinytorch.cluster.sweeping import folder as folders
from tinytorch.cluster.sweeping.adaptive import Adaptive, Adviser
from tinytorch.cluster.sweeping.data import digest_of, held_apart
from tinytorch.cluster.sweeping.driving import Driver
from tinytorch.cluster.sweeping.halving import Halving
from tinytorch.cluster.sweeping.live import Live, showing
from tinytorch.cluster.sweeping.run import Run, run_of
from tinytorch.cluster.sweeping.runs import Runs
from tinytorch.cluster.sweeping.space import Hyperparameters, points, seed_of
from tinytorch.progress import Report


@dataclass(frozen=True)
class Plan:
    """How the runs of a sweep are fitted."""

    epochs: int
    batch_size: int
    validation: Any
    folds: int | None
    seed: int
    retries: int
    deadline: float | None
    halving: Halving | None

    @property
    def settings(self) -> dict[str, Any]:
        """What `task.work` is told of every run."""
        return {"batch_size": self.batch_size, "keeps": self.halving is not None}


def check_run(make_run: Any, plan: Plan) -> None:
    """Raises ArgumentError for what cannot be run."""
    if not callable(make_run):
        raise ArgumentError(f"make_run is a function that returns a tt.cluster.Training, not {make_run!r}")
    checked_count("epochs", plan.epochs, 1)
    checked_count("retries", plan.retries)
    check_deadline(plan.deadline)


def orders_of(plan: Plan, found: list[Hyperparameters], first: int = 0) -> list[dict[str, Any]]:
    """What is to be run: for each point, and each of its folds. Raises ArgumentError for a bad seed."""
    folds: Iterable[int | None] = [None] if plan.folds is None else range(plan.folds)
    first *= plan.folds or 1
    return [
        {
            "run": number, "hyperparameters": point, "seed": seed_of(point, plan.seed), "fold": fold,
            "epochs": plan.epochs, "checkpoint": None,
        }
        for number, (point, fold) in enumerate(itertools.product(found, folds), first)
    ]  # fmt: skip


def sweep(
    connection: Connection,
    make_run: Any,
    space: Any,
    data: Any,
    plan: Plan,
    resume: str | os.PathLike[str] | None,
    progress: bool | Report | None,
) -> Runs:
    """What `Machines.sweep` says."""
    check_run(make_run, plan)
    rows = held_apart(data, plan.validation, plan.folds, plan.seed)
    runs = Runs(about=_about(make_run, plan, rows))
    work = _Sweep(runs, plan)
    groups = work.groups(space)
    if resume is not None:
        work.folder = folders.begin(resume, runs.about)
    with showing(progress) as report:
        live = Live(runs, report)
        driver = Driver(connection, make_run, rows, plan.settings, plan.retries, plan.deadline, live.hear)
        try:
            driver.begin(listens=report is not None)
            live.say()
            for run in groups(driver):
                live.ended(run)
        except KeyboardInterrupt:
            runs.stopped = "interrupted by the keyboard"
        except ClusterError as error:
            work.sort()
            raise ClusterError(
                f"{error}; {len(runs)} of {runs.total} runs have ended, and are in `found` of this error",
                runs,
            ) from error
        finally:
            driver.end()
    work.sort()
    return runs


@dataclass
class _Sweep:
    """The runs that have ended, and those to come."""

    runs: Runs
    plan: Plan
    folder: Path | None = None
    kept: dict[tuple[int, int | None], Run] = field(default_factory=dict[tuple[int, "int | None"], Run])
    """Runs of the folder."""

    def groups(self, space: Any) -> Callable[[Driver], Iterator[Run]]:
        """What runs the runs of a space, as they end. Raises ArgumentError."""
        folds = self.plan.folds or 1
        if isinstance(space, Adaptive):
            if self.plan.halving is not None:
                raise ArgumentError(
                    "adaptive search compares whole runs, and halving ends some: give one of them"
                )
            self.runs.total = space.count * folds
            adviser = Adviser(space)
            return lambda driver: self._advised(driver, adviser)
        found = points(space)
        self.runs.total = len(found) * folds
        return lambda driver: self.results(driver, orders_of(self.plan, found))

    def _advised(self, driver: Driver, adviser: Adviser) -> Iterator[Run]:
        """Groups of runs, each chosen by what those before have found."""
        asked, search = 0, adviser.search
        while asked < search.count:
            found = adviser.ask(min(search.at_once, search.count - asked))
            orders = orders_of(self.plan, found, first=asked)
            ended: dict[int, Run] = {}
            for run in self.results(driver, orders):
                ended[run.number] = run
                yield run
            folds = self.plan.folds or 1
            runs = [ended[order["run"]] for order in orders]
            adviser.tell([runs[place : place + folds] for place in range(0, len(runs), folds)])
            asked += len(found)

    def results(self, driver: Driver, orders: list[dict[str, Any]]) -> Iterator[Run]:
        """Runs as they end, those of the folder first."""
        if self.plan.halving is not None:
            yield from self._halved(driver, orders, self.plan.halving)
            return
        missing: list[dict[str, Any]] = []
        for order in orders:
            run = self._known(order)
            if run is None:
                missing.append(order)
            else:
                yield self._end(run, is_new=False)
        for order, answer in driver.run(missing):
            yield self._end(_run(order, answer))

    def _halved(self, driver: Driver, orders: list[dict[str, Any]], halving: Halving) -> Iterator[Run]:
        """Successive halving: all for a few epochs, the best of them for more, and so on."""
        alive = orders
        for epochs, count in halving.rungs(len(orders), self.plan.epochs):
            ended: list[tuple[dict[str, Any], Run]] = []
            for order, run in self._rung(driver, alive, epochs):
                if run.failure is None:
                    ended.append((order, run))
                else:
                    yield self._end(run)
            chosen, dropped = halving.divided(ended, count, epochs)
            for place, run in dropped:
                run.history.stopped = run.history.stopped or f"{place} of {len(ended)} after {epochs} epochs"
                yield self._end(run)
            if epochs == self.plan.epochs:
                for _, run in chosen:
                    yield self._end(run)
            alive = [order for order, _ in chosen]

    def _rung(
        self, driver: Driver, orders: list[dict[str, Any]], epochs: int
    ) -> Iterator[tuple[dict[str, Any], Run]]:
        """Runs after some epochs, of which those of the folder may have more."""
        missing: list[dict[str, Any]] = []
        for order in orders:
            run = self._known(order)
            if run is None or len(run.history) < epochs:
                missing.append({**order, "epochs": epochs})
            else:
                yield order, run
        for asked, answer in driver.run(missing):
            yield {**asked, "checkpoint": answer.get("checkpoint")}, _run(asked, answer)

    def _known(self, order: Mapping[str, Any]) -> Run | None:
        """The run that the folder has."""
        if self.folder is None:
            return None
        run = folders.find(self.folder, order["hyperparameters"], order["fold"])
        if run is not None:
            run.number, run.hyperparameters = order["run"], order["hyperparameters"]
        return run

    def _end(self, run: Run, *, is_new: bool = True) -> Run:
        self.runs.runs.append(run)
        if is_new and self.folder is not None and self.runs.unsaved is None:
            try:
                folders.keep(self.folder, run)
            except OSError as error:  # a full disk: what is finished stays in memory, and the sweep goes on
                self.runs.unsaved = f"{self.folder}: {error.strerror or error}"
        return run

    def sort(self) -> None:
        """Runs end in any order, and stand in that of the sweep."""
        self.runs.runs.sort(key=lambda run: run.number)


def _run(order: Mapping[str, Any], answer: Mapping[str, Any]) -> Run:
    return run_of({**order, **answer}, dict(answer["weights"]))


def _about(make_run: Any, plan: Plan, rows: Mapping[str, Any]) -> dict[str, Any]:
    halving = None if plan.halving is None else plan.halving.to_dict()
    return {
        "make_run": getattr(make_run, "__qualname__", type(make_run).__name__), "epochs": plan.epochs,
        "batch_size": plan.batch_size, "folds": plan.folds, "seed": plan.seed, "halving": halving,
        "data": digest_of(rows),
    }  # fmt: skip
