"""What a worker does for one run: builds it, fits it, and answers with numbers, texts and arrays.

What the run raises is its answer, with the traceback; what the worker itself lacks is another one.
"""

from __future__ import annotations

import inspect
import time
import traceback
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeAlias, cast

import numpy as np

from compiler.errors import ArgumentError, ClusterError, NumericsError
from tinytorch.callbacks.protocol import Callback
from tinytorch.cluster.library import cloudpickle, distributed
from tinytorch.cluster.sweeping.data import Array, received, taken
from tinytorch.cluster.sweeping.training import Programs, give_back, programs_of
from tinytorch.cluster.working import prepare
from tinytorch.fitting.history import FitHistory
from tinytorch.fitting.loop import fit
from tinytorch.fitting.state import State

MakeRun: TypeAlias = Callable[..., Any]
Answer: TypeAlias = "dict[str, Any]"

SETTINGS: Final = ("seed", "batch_size")
"""Hyperparameters that a fit has, if `make_run` does not take them."""

_REST: Final = 0.2
"""Seconds between two words of a run about how far it is."""

_STOPPED: Final[set[str]] = set()
"""Sweeps of which nobody wants the rest."""


def stop(sweep: str) -> None:
    """Ends the runs of a sweep on this worker, each after its present step."""
    _STOPPED.add(sweep)


@lru_cache(maxsize=8)
def function_of(written: bytes) -> MakeRun:
    """The function that `cloudpickle` wrote. Raises ImportError or AttributeError where it is not here."""
    return cloudpickle.loads(written)


def probe(written: bytes) -> None:
    """Raises what `function_of` raises."""
    function_of(written)


def work(written: bytes, order: Mapping[str, Any], data: Any, settings: Mapping[str, Any]) -> Answer:
    """One run. The answer has `history` and `weights`, and `failure` where it has failed.

    `order` says `run`, `hyperparameters`, `seed`, `fold`, `epochs`, and the `checkpoint` to go on from;
    `settings` are those of all runs of the sweep.
    """
    begin = time.perf_counter()
    at = str(distributed.get_worker().address)
    answer: Answer = {"worker": at, "history": FitHistory().to_dict(), "weights": {}, "failure": None}
    try:
        prepare(settings["terms"])
    except ClusterError as error:
        return {**answer, "refused": str(error)}
    watch = Watch(order, settings)
    try:
        answer |= _fitted(function_of(written), order, received(data), settings, watch)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a failure of the user's code is an answer
        history = error.found if isinstance(error, NumericsError) else watch.history
        if isinstance(history, FitHistory):
            answer["history"] = history.to_dict()
        answer["failure"] = {
            "kind": type(error).__name__, "message": str(error), "traceback": traceback.format_exc(),
        }  # fmt: skip
    return {**answer, "seconds": time.perf_counter() - begin}


class Watch(Callback):
    """Says after epochs how far a run is, ends it where nobody wants it, and keeps where it has ended."""

    def __init__(self, order: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        self.order, self.settings = order, settings
        self.history = FitHistory()
        self.checkpoint: bytes | None = None
        self._latest = 0.0

    def on_fit_begin(self, state: State) -> None:
        """Knows the history from now on."""
        self.history = state.history

    def on_step_end(self, state: State) -> None:
        """Looks whether the sweep goes on."""
        if self.settings["sweep"] in _STOPPED:
            state.stop("the sweep was interrupted")

    def on_epoch_end(self, state: State) -> None:
        """Tells the client, if it listens."""
        now = time.monotonic()
        if self.settings["topic"] is None or now - self._latest < _REST:
            return
        self._latest = now
        row = {name: float(value) for name, value in state.metrics.items()}
        said = {"run": self.order["run"], "fold": self.order["fold"], "row": row}
        distributed.get_worker().log_event(self.settings["topic"], said)

    def on_fit_end(self, state: State) -> None:
        """Takes a checkpoint where the run may go on later."""
        if not self.settings["keeps"]:
            return
        with TemporaryDirectory() as folder:
            self.checkpoint = state.save(Path(folder) / "run.npz").read_bytes()


def _fitted(
    make_run: MakeRun, order: Mapping[str, Any], data: Any, settings: Mapping[str, Any], watch: Watch
) -> Answer:
    given, rest = split(make_run, order)
    is_judged = data["validation"] is not None or data["folds"] is not None
    programs, is_new = programs_of(make_run(**given), is_judged=is_judged)
    try:
        inputs = _assigned(programs, rest)
        train, held_out = rows_of(data, order["fold"])
        with TemporaryDirectory() as folder:
            kept: bytes | None = order["checkpoint"]
            path = None if kept is None else Path(folder) / "run.npz"
            if path is not None:
                path.write_bytes(kept or b"")
            history = fit(
                programs.step, train, epochs=order["epochs"], seed=order["seed"], progress=False, resume=path,
                batch_size=order["hyperparameters"].get("batch_size", settings["batch_size"]),
                validation=None if programs.judge is None else (programs.judge, held_out),
                inputs=inputs, callbacks=watch,
            )  # fmt: skip
        state = programs.state.copy()
    finally:
        give_back(programs)
    return {
        "history": history.to_dict(), "weights": {name: state[name] for name in programs.weights},
        "checkpoint": watch.checkpoint, "compiled": is_new,
    }  # fmt: skip


def split(make_run: MakeRun, order: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The hyperparameters that `make_run` takes, with the seed if it has one, and the others."""
    parameters = inspect.signature(make_run).parameters.values()
    takes_all = any(item.kind is item.VAR_KEYWORD for item in parameters)
    names = {item.name for item in parameters if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)}
    values: dict[str, Any] = {**order["hyperparameters"], "seed": order["seed"]}
    given = {name: value for name, value in values.items() if name in names or (takes_all and name != "seed")}
    return given, {name: value for name, value in values.items() if name not in given}


def _assigned(programs: Programs, rest: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs of the step for hyperparameters that name these; those that name a parameter are written there.

    Raises ArgumentError for one that names nothing.
    """
    state, inputs = programs.state.copy(), programs.step.signature.names
    for name, value in rest.items():
        if name in state:
            array = np.asarray(value, state[name].dtype)
            state[name] = np.array(np.broadcast_to(array, state[name].shape))
        elif name not in inputs and name not in SETTINGS:
            raise ArgumentError(
                f"nobody takes the hyperparameter {name!r}: make_run has no such argument, and the step no "
                f"such input or parameter; its inputs are {', '.join(inputs)}"
            )
    programs.state.set(state)
    return {name: value for name, value in rest.items() if name in inputs}


_LATEST: Final[dict[str, Any]] = {}
"""The rows of the fold that this worker had last: those of the next run are often the same."""


def rows_of(data: Mapping[str, Any], fold: int | None) -> tuple[Any, Any]:
    """The rows to train with, and those held out."""
    if fold is None:
        return data["train"], data["validation"]
    key = (data["token"], fold)
    if _LATEST.get("key") != key:
        is_out: Array = data["folds"] == fold
        _LATEST.update(key=key, rows=(taken(data["train"], ~is_out), taken(data["train"], is_out)))
    return cast("tuple[Any, Any]", _LATEST["rows"])
