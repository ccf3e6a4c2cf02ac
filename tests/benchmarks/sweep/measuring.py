"""Systems in processes of their own, which take turns at a workload."""

from __future__ import annotations

import contextlib
import math
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Final

import numpy as np

from tests.benchmarks.settling import SLEEPING_SOON, settle
from tests.benchmarks.sweep.families import workloads
from tests.benchmarks.sweep.words import SYSTEMS, MissingWordError, Step, as_list
from tests.benchmarks.sweep.workload import Workload

ROUNDS: Final = 3
SAMPLE: Final = 2e-5
"""Seconds that a sample takes at the least: short calls are timed together."""

SLOW: Final = 1.2
"""A ratio above which a workload is measured again: teams of threads jump by milliseconds."""


@dataclass
class Measured:
    """The medians of a round, best of all rounds, in seconds by system; and who computed something else."""

    family: str
    name: str
    seconds: dict[str, float] = field(default_factory=dict)
    disagree: list[str] = field(default_factory=list)

    @property
    def fastest(self) -> str:
        """The fastest peer; empty where there is none."""
        peers = {name: time for name, time in self.seconds.items() if name not in ("ours", "one thread")}
        return min(peers, key=peers.__getitem__, default="")

    @property
    def ratio(self) -> float:
        """Ours to the fastest peer; NaN where there is none."""
        return self.seconds["ours"] / self.seconds[self.fastest] if self.fastest else math.nan


SET_BY_ENVIRONMENT: Final = ("numpy", "jax", "one thread")
"""Systems that are told elsewhere how many threads they have."""


class Racer:
    """A system at work, in its process."""

    def __init__(self, system: str, seed: int, threads: int) -> None:
        context = get_context("spawn")
        self.system = system
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=serve, args=(system, seed, threads, other), daemon=True)
        self.process.start()
        other.close()

    def ask(self, *question: Any) -> Any:
        """Sends a question and waits for its answer; an error is raised here."""
        self.pipe.send(question)
        answer = self.pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer


@contextlib.contextmanager
def racers(systems: Sequence[str], seed: int, threads: int) -> Iterator[list[Racer]]:
    """The processes, which end with the block."""
    if threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
    os.environ.pop("OPENBLAS_CORETYPE", None)  # NumPy's best kernel
    os.environ.update(SLEEPING_SOON)
    started = [Racer(system, seed, threads) for system in systems]
    try:
        yield started
    finally:
        for racer in started:
            racer.process.terminate()


def race(workload: Workload, number: int, started: Sequence[Racer], seconds: float) -> Measured:
    """Rounds in turn; again where somebody is ahead of us."""
    found = Measured(workload.family, workload.name)
    present: list[Racer] = []
    results: dict[str, list[np.ndarray]] = {}
    for racer in started:
        with contextlib.suppress(MissingWordError):
            results[racer.system] = racer.ask("prepare", number)
            present.append(racer)
    found.disagree = _disagreeing(results, workload.tolerance) if workload.is_comparable else []
    found.seconds = dict.fromkeys(results, math.inf)
    for _ in range(3):
        for _ in range(ROUNDS):
            for racer in present:
                found.seconds[racer.system] = min(found.seconds[racer.system], racer.ask("round", seconds))
        if not found.ratio > SLOW:
            break
    return found


def _disagreeing(results: dict[str, list[np.ndarray]], far: float) -> list[str]:
    own = results.get("ours", [])
    return [
        system
        for system, values in results.items()
        if len(values) != len(own)
        or not all(np.allclose(a, b, far, far, equal_nan=True) for a, b in zip(own, values, strict=True))
    ]


def serve(system: str, seed: int, threads: int, pipe: Connection) -> None:
    """Answers questions until the pipe is closed."""
    every = workloads(seed)
    step: Step | None = None
    settings = {"threads": threads} if threads and system not in SET_BY_ENVIRONMENT else {}
    while True:
        try:
            question = pipe.recv()
        except EOFError:
            return
        try:
            match question:
                case "prepare", number:
                    step = SYSTEMS[system](every[number], every[number].arrays(), **settings)
                    pipe.send([_sampled(value) for value in as_list(step())])
                case "round", seconds:
                    assert step is not None
                    found = timed(step, seconds)
                    settle()
                    pipe.send(found)
        except MissingWordError as error:
            pipe.send(error)
        except Exception as error:  # noqa: BLE001 it is told to the parent, which raises it
            pipe.send(RuntimeError(f"{system}: {type(error).__name__}: {error}"))


def _sampled(value: Any) -> np.ndarray:
    """Some numbers of a result, to be compared."""
    value = value.float() if str(getattr(value, "dtype", "")) == "torch.bfloat16" else value
    flat = np.asarray(value).reshape(-1)
    flat = flat.astype(np.float32) if flat.dtype.itemsize == 2 else flat
    return flat[:: max(1, flat.size // 10_000)]


def timed(step: Step, seconds: float) -> float:
    """The median seconds of a call."""
    begin = time.perf_counter()
    step()
    first = time.perf_counter() - begin
    number = max(1, round(SAMPLE / max(first, 1e-9)))
    times = [first] if number == 1 else []
    while not times or time.perf_counter() < begin + seconds:
        start = time.perf_counter()
        for _ in range(number):
            step()
        times.append((time.perf_counter() - start) / number)
    return statistics.median(times)
