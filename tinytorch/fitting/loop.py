"""fit: a training step over data, epoch by epoch."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias, cast

import numpy as np

from compiler.errors import ArgumentError, ClusterError, NumericsError
from compiler.ir.interrupts import hold_back, let_through
from compiler.program import Program
from tinytorch.callbacks.protocol import Callback, callback_of, checked_count
from tinytorch.fitting import snapshot
from tinytorch.fitting.feeding import BATCH_SIZE, Batches, Batching, Feed
from tinytorch.fitting.history import FitHistory
from tinytorch.fitting.metrics import Means, metric_names, values_of
from tinytorch.fitting.state import State
from tinytorch.progress import Progress, Report, reporting
from tinytorch.sharding.step import ShardedStep

__all__ = ["fit"]

Take: TypeAlias = Callable[[dict[str, Any], dict[str, Any]], Callable[[], Any]]
"""What is given a batch, and the values of other inputs, and returns what ends the step.

Until that is called nothing has changed.
"""


def fit(
    step: Program,
    data: Any,
    *,
    epochs: int = 1,
    batch_size: int = BATCH_SIZE,
    shuffle: bool = True,
    drop_last: bool = False,
    validation: tuple[Program, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    callbacks: Callback | Callable[[State], object] | Sequence[Callback | Callable[[State], object]] = (),
    seed: int | np.random.Generator | None = None,
    record_steps: bool = False,
    progress: bool | Report | None = None,
    resume: str | os.PathLike[str] | None = None,
    shards: int | None = None,
) -> FitHistory:
    """Calls a training step with each batch of the data, `epochs` times over; the history of its metrics.

        step = tt.compile([x, y], loss, updates=optimiser.updates(loss))
        judge = tt.compile([x, y], {"loss": loss, "accuracy": accuracy})
        history = tt.fit(step, (images, labels), epochs=10, validation=(judge, (others, their_labels)))

    `step` returns scalars: a loss, or several in a tuple (called after their nodes) or a dict (after its
    keys), of which the first is the loss. `data` are arrays, one for each input, in a tuple in their order or
    in a dict by name; or a `tt.DataLoader`; or any iterable of batches, such as a list of tuples. `inputs`
    gives what is the same for every row, such as a learning rate, by name: a value, or a function of the
    `State` that is asked before each step. Batches have `batch_size` rows, in an order that depends on `seed`
    and epoch alone, and the last one has what is left, or is left out with `drop_last`; what comes in batches
    stays as it is. `validation` is a program without updates and its data, which are never shuffled; it runs
    after every epoch.

    The metrics of an epoch are means over its batches, each weighted by its rows. Those of the training are
    of parameters as they were before each step. `record_steps` keeps those of each step too. `progress` is a
    bar where stderr is a terminal, and nothing elsewhere; False for none, or a function of a `Progress`.
    `callbacks` are called as `tt.callbacks.Callback` says; a function, at the end of each epoch.

    `resume`, a file of `tt.callbacks.Checkpoint`, goes on from there, with the same bits that the fit would
    have had without an interruption: give everything as before; `epochs` counts from the very first one. Of
    an iterable of batches it skips those that are done. Ctrl-C ends the fit between two steps: the history so
    far is returned, and everything can be used.

    With `shards`, a power of two, a step's sums over its batch are those of so many parts of the rows, added
    up in a fixed binary tree. The bits are those of `machines.fit` on any number of machines, and not those
    of a fit without shards; a step takes the memory of a part.

    Everything about arrays is checked before the first step. Raises ArgumentError for data that an input
    lacks or nobody takes, and for outputs that are no metrics; ShardingError for a step that is not made of
    sums over rows; ShapeError for arrays of different lengths,
    for none, and for an input of a fixed batch that does not divide them; DTypeError. Raises NumericsError,
    whose `found` is the history, after a step whose loss is NaN.
    """
    check_step(step)
    given = dict(inputs or {})
    batching = Batching(batch_size, shuffle, drop_last, seed)
    feed = Feed(step, data, batching, given)
    if feed.loader is data or isinstance(feed.loader, Batches):
        batching.check(data)
    take = _whole(step) if shards is None else ShardedStep(step, shards, feed.inputs).gathered
    return fit_by(
        take, feed, given, epochs=epochs, batch_size=batch_size, validation=validation, callbacks=callbacks,
        record_steps=record_steps, progress=progress, resume=resume,
    )  # fmt: skip


def fit_by(
    take: Take,
    feed: Feed,
    given: dict[str, Any],
    *,
    epochs: int,
    batch_size: int,
    validation: tuple[Program, Any] | None,
    callbacks: Any,
    record_steps: bool,
    progress: bool | Report | None,
    resume: str | os.PathLike[str] | None,
) -> FitHistory:
    """The fit whose steps are taken by somebody: by the program itself, by shards, or by other machines.

    Where these are gone the history so far is in `found` of the ClusterError.
    """
    run = _Run(take, feed, checked_count("epochs", epochs), given)
    run.judge = _judge(validation, batch_size, given)
    run.begin([callback_of(item) for item in _several(callbacks)], resume)
    run.is_recording = record_steps
    try:
        with reporting(progress, "fit") as report:
            run.report = report
            run.run()
    except ClusterError as error:
        error.found = run.state.history
        raise
    return run.state.history


def _whole(step: Program) -> Take:
    """A step is taken at once."""

    def take(batch: dict[str, Any], given: dict[str, Any]) -> Callable[[], Any]:
        return partial(step, **batch, **given)

    return take


class _Run:
    """One fit: its state, and what takes part in it."""

    def __init__(self, take: Take, feed: Feed, epochs: int, inputs: dict[str, Any]) -> None:
        self.take, self.feed, self.step = take, feed, feed.program
        self.judge: Feed | None = None
        self.callbacks: Sequence[Callback] = ()
        self.report: Report | None = None
        self.is_recording = False
        self.names = metric_names(self.step, "the step")
        self.means = Means(self.names)
        self.state = State(self.step, epochs, self.names, inputs)
        self.state.gather = self._gather
        self.seconds = 0.0
        self.first_epoch = 0
        """The epoch of the loader in which the first epoch of the fit was."""

    def begin(self, callbacks: list[Callback], resume: str | os.PathLike[str] | None) -> None:
        """Everything that can be wrong before the first step."""
        self.callbacks = callbacks
        feeds = [self.feed] if self.judge is None else [self.feed, self.judge]
        for name in self.state.inputs:
            if not any(name in feed.given for feed in feeds):
                raise ArgumentError(
                    f"no input is named {name!r}, which inputs= gives; they are "
                    f"{', '.join(self.step.signature.names)}"
                )
        if self.judge is not None:
            found = metric_names(self.judge.program, "the validation")
            self.state.names = (*self.names, *(f"val_{name}" for name in found))
        for feed in feeds:
            feed.check(self._given(feed), self.state.epochs)
        if resume is not None:
            self._resume(resume)
        self.first_epoch = self.feed.loader.epoch
        self._tell("on_fit_begin")

    def run(self) -> None:
        """The epochs, until the last one, a reason to stop, or Ctrl-C."""
        state = self.state
        try:
            while len(state.history) < state.epochs and state.stopped is None:
                self._epoch()
        except KeyboardInterrupt:
            state.is_interrupted = True
            place = f"epoch {state.epoch}, after {state.step} steps of it"
            state.stopped = f"interrupted by the keyboard in {place}"
        state.history.stopped = state.stopped
        self._tell("on_fit_end")

    def _epoch(self) -> None:
        state = self.state
        state.epoch = len(state.history) + 1
        if not state.step:
            self._tell("on_epoch_begin")
        for batch, rows in self.feed.batches(self.first_epoch + state.epoch - 1, state.step):
            self._step(batch, rows)
            if state.stopped is not None:
                break
        if not state.step:
            raise ArgumentError(f"epoch {state.epoch} has no batch: there are no data, or fewer than a batch")
        self._end_of_epoch()

    def _step(self, batch: dict[str, Any], rows: int) -> None:
        """One step, which Ctrl-C finds done and counted, or not begun; then those who wait for it."""
        state = self.state
        begin = time.perf_counter()
        commit = self.take(batch, self._given(self.feed))
        with _Whole():
            found = commit()
            state.metrics = values_of(self.names, found)
            self.means.add(state.metrics, rows)
            state.step, state.steps, state.is_settled = state.step + 1, state.steps + 1, False
            self.seconds += time.perf_counter() - begin
            if self.is_recording:
                state.history.steps.append({"epoch": state.epoch, "step": state.step, **state.metrics})
        self._check_loss()
        self._tell("on_step_end")
        self._settle()
        self._say()

    def _end_of_epoch(self) -> None:
        state = self.state
        begin = time.perf_counter()
        row = {"epoch": state.epoch, **self.means.values(), **self._validated()}
        row["seconds"] = self.seconds + time.perf_counter() - begin
        with _Whole():
            state.history.rows.append(row)
            state.metrics, state.step, state.is_settled = row, 0, False
            self.means, self.seconds = Means(self.names), 0.0
            self.feed.loader.epoch = self.first_epoch + state.epoch
        self._say()
        self._tell("on_epoch_end")
        row["seconds"] = row.pop("seconds")  # stands last
        self._settle()

    def _validated(self) -> dict[str, float]:
        """The metrics of the validation, named after it."""
        if self.judge is None:
            return {}
        names = metric_names(self.judge.program, "the validation")
        means, given = Means(names), self._given(self.judge)
        for batch, rows in self.judge.batches(0):
            means.add(values_of(names, self.judge.program(**batch, **given)), rows)
        return {f"val_{name}": value for name, value in means.values().items()}

    def _check_loss(self) -> None:
        name, state = self.names[0], self.state
        if not math.isnan(state.metrics[name]):
            return
        raise NumericsError(
            f"the metric {name!r} is NaN in epoch {state.epoch}, step {state.step} of it; parameters are as "
            "that step left them\n"
            '  fix: tt.compile(..., debug="numbers") names the node that makes it; a smaller learning rate '
            "or tt.clip_grad_norm often helps; tt.callbacks.Checkpoint keeps what was before",
            state.history,
        )

    def _given(self, feed: Feed) -> dict[str, Any]:
        """What `inputs=` gives to a program now."""
        found: dict[str, Any] = {}
        for name in feed.given:
            value = self.state.inputs[name]
            value = value(self.state) if callable(value) else value
            found[name] = np.array(value) if name in feed.donated else value
        return found

    def _tell(self, event: str) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self.state)

    def _settle(self) -> None:
        self.state.is_settled = True
        self._tell("on_settled")

    def _say(self) -> None:
        if self.report is None:
            return
        state, steps = self.state, self.feed.steps
        numbers = {name: value for name, value in state.metrics.items() if name in state.names}
        shown = "".join(f"  {name} {value:.4g}" for name, value in numbers.items())
        data = {"epoch": state.epoch, "epochs": state.epochs, "step": state.step, **numbers}
        total = None if steps is None else steps * state.epochs
        self.report(Progress(state.steps, total, f"epoch {state.epoch}/{state.epochs}{shown}", data))

    def _gather(self) -> dict[str, Any]:
        """What a checkpoint holds beside the state."""
        return {
            "means": self.means.state_dict(), "seconds": self.seconds,
            "loader": {**self.feed.loader.state_dict(), "epoch": self.first_epoch},
            "callbacks": {key: state for key, item in _keyed(self.callbacks) if (state := item.state_dict())},
        }  # fmt: skip

    def _resume(self, path: str | os.PathLike[str]) -> None:
        parameters, found = snapshot.read(path)
        kept, own = found["callbacks"], dict(_keyed(self.callbacks))
        if lost := [key for key in kept if key not in own]:
            raise ArgumentError(
                f"{os.fspath(path)!r} was written beside a callback {lost[0]}, which is not given now"
            )
        self.means.load_state_dict(found["means"])
        self.feed.loader.load_state_dict(found["loader"])
        self.state.go_on(parameters, found)
        self.seconds = found["seconds"]
        for key, state in kept.items():
            own[key].load_state_dict(state)


class _Whole:
    """A block that Ctrl-C does not cut in two."""

    def __enter__(self) -> None:
        hold_back()

    def __exit__(self, *_: object) -> None:
        let_through()


def _keyed(callbacks: Iterable[Callback]) -> list[tuple[str, Callback]]:
    """Callbacks by their class, and the place among those of one class."""
    counts: dict[str, int] = {}
    found: list[tuple[str, Callback]] = []
    for item in callbacks:
        name = type(item).__name__
        counts[name] = counts.get(name, 0) + 1
        found.append((name if counts[name] == 1 else f"{name} {counts[name]}", item))
    return found


def _several(callbacks: Any) -> list[Any]:
    is_one = isinstance(callbacks, Callback) or callable(callbacks)
    return [callbacks] if is_one else list(cast("Iterable[Any]", callbacks))


def check_step(step: Any) -> None:
    if not isinstance(step, Program):
        raise ArgumentError(
            f"a step is a compiled program, not {step!r}\n"
            "  fix: tt.compile([x, y], loss, updates=optimiser.updates(loss))"
        )
    if not step.source_graph.updates:
        raise ArgumentError(
            f"the step {step!r} changes no parameter, so calling it again learns nothing\n"
            "  fix: tt.compile([x, y], loss, updates=optimiser.updates(loss))"
        )


def _judge(validation: Any, batch_size: int, given: Mapping[str, Any]) -> Feed | None:
    """The validation. Raises ArgumentError for a program that would change what it judges."""
    if validation is None:
        return None
    pair = cast("tuple[Any, ...]", validation) if isinstance(validation, tuple) else ()
    if len(pair) != 2 or not isinstance(pair[0], Program):
        raise ArgumentError(
            f"validation is a pair of a program and its data, not {validation!r}\n"
            '  fix: validation=(tt.compile([x, y], {"loss": loss}), (x_held_out, y_held_out))'
        )
    program, data = cast("tuple[Program, Any]", pair)
    if program.source_graph.updates:
        raise ArgumentError(
            "the program of the validation has updates: it would change what it judges\n"
            "  fix: compile it without updates, of the network after net.eval(); "
            "tt.callbacks.ReduceOnPlateau lowers a learning rate by what it finds"
        )
    return Feed(program, data, Batching(batch_size), given, "validation data")
