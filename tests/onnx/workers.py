"""Processes that run tests, one test at a time each; one that dies costs the test that it was at."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

from tests.onnx.outcomes import Bench, Outcome
from tests.onnx.suites import Case


def run_all(
    bench: Bench, cases: Sequence[Case], jobs: int, seconds: float
) -> Iterator[tuple[Case, dict[str, Outcome]]]:
    """Every case with its outcomes, as they come. A test that takes longer than `seconds` is killed."""
    waiting = list(reversed(cases))
    workers = [_Worker(bench) for _ in range(min(jobs, len(cases)))]
    while workers:
        for worker in workers:
            if worker.case is None and waiting:
                worker.give(waiting.pop())
        busy = [item for item in workers if item.case is not None]
        for worker in set(workers) - set(busy):
            worker.stop()
        workers = busy
        ready = wait([item.pipe for item in busy], timeout=seconds)
        for worker in busy if not ready else [item for item in busy if item.pipe in ready]:
            case, found = worker.taken("killed" if not ready else "crashed")
            if case is not None:
                yield case, found


class _Worker:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.case: Case | None = None
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")  # the suite is large, and made once
        self.pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(self._bench, other), daemon=True)
        self._process.start()
        other.close()

    def give(self, case: Case) -> None:
        self.case = case
        self.pipe.send(case)

    def taken(self, otherwise: str) -> tuple[Any, dict[str, Outcome]]:
        """What came of the case."""
        case, self.case = self.case, None
        try:
            if otherwise == "killed":
                raise EOFError
            return case, self.pipe.recv()
        except EOFError:
            self.stop()
            self._start()
            return case, {name: Outcome("crashed", otherwise) for name in self._bench.systems}

    def stop(self) -> None:
        self._process.kill()
        self._process.join()
        self.pipe.close()


def _serve(bench: Bench, pipe: Connection) -> None:
    while True:
        pipe.send(bench.run(pipe.recv()))
