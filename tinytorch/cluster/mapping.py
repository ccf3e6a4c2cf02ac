"""map: a program over data that are too many for one process, in order, a window of batches at a time."""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, cast

import numpy as np

from compiler.errors import ArgumentError, ClusterError
from compiler.program import Program
from tinytorch.callbacks.protocol import checked_count
from tinytorch.cluster.applying import apply
from tinytorch.cluster.connection import Connection
from tinytorch.cluster.library import distributed
from tinytorch.cluster.parallel.columns import PLACES, PlacedFeed, is_chunked, rows_of_columns, sent
from tinytorch.cluster.patience import Patience, check_deadline
from tinytorch.fitting.feeding import Batching

Array: TypeAlias = np.ndarray[Any, Any]
Payload: TypeAlias = "dict[str, Any]"

BATCH_SIZE: Final = 1024
"""Rows of a batch, unless another number is given: enough that sending them is no more than computing."""

_AHEAD: Final = 2
"""Batches that are out for each slot: one that is computed, and one that is on its way."""

_LOOK: Final = 0.25
"""Seconds between two looks whether the scheduler is there."""

_COUNTED: Final = 1.0
"""Seconds between two counts of the workers."""

_LOSSES: Final = 10
"""How often a batch is sent again that was lost on its way."""

_REST: Final = 0.1
"""Seconds until then."""


def mapped(
    connection: Connection,
    program: Program,
    data: Any,
    batch_size: int,
    inputs: Mapping[str, Any] | None,
    retries: int,
    deadline: float | None,
) -> Iterator[Any]:
    """What `Machines.map` says. Everything that can be wrong before the first batch is raised here."""
    checked_count("retries", retries)
    check_deadline(deadline)
    if not isinstance(cast(object, program), Program):
        raise ArgumentError(
            f"what is mapped is a compiled program, not {program!r}\n  fix: tt.compile([x], network(x))"
        )
    if program.source_graph.updates:
        raise ArgumentError(
            f"{program!r} writes parameters, and each worker would write its own\n"
            "  fix: a program without updates, of the network after net.eval(); machines.fit for a step"
        )
    given = dict(inputs or {})
    feed = PlacedFeed(program, data, Batching(batch_size), given)
    feed.check(given, 1)
    return _Map(connection, program, feed, given, retries, Patience(deadline)).results()


def payload_of(program: Program) -> Payload:
    """A program as text and arrays, with its parameters of now. Raises ArgumentError for opaque calls."""
    graph = program.source_graph
    if graph.calls:
        raise ArgumentError(
            f"the program calls the Python function {min(graph.calls)!r}, and goes to workers as text\n"
            "  fix: a formula, tt.elementwise"
        )
    text, arrays = str(graph), {name: np.array(array) for name, array in graph.arrays.items()}
    passes = [record.name for record in program.history]
    digest = hashlib.sha256(repr((text, passes, program.backend)).encode())
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype} {array.shape};".encode() + array.tobytes())
    return {
        "text": text, "arrays": arrays, "passes": passes, "backend": program.backend,
        "token": digest.hexdigest(),
    }  # fmt: skip


@dataclass
class _Batch:
    """A batch that is out, and what it is made from again."""

    first: int
    """The number of its first row."""
    rows: int
    named: dict[str, Any]
    future: Any = None
    is_done: threading.Event = field(default_factory=threading.Event)
    """Whether the future has ended; waiting for it by `result(timeout=...)` would cancel its way here."""
    deaths: int = 0
    losses: int = 0

    @property
    def said(self) -> str:
        return f"rows {self.first} to {self.first + self.rows - 1}"


@dataclass
class _Map:
    """A window of batches, of which the first is waited for."""

    connection: Connection
    program: Program
    feed: PlacedFeed
    given: dict[str, Any]
    retries: int
    patience: Patience
    window: deque[_Batch] = field(default_factory=deque[_Batch])
    seen: float = -math.inf
    """When the workers were counted."""
    shared: Any = None
    """The program and what workers read themselves, on the workers."""

    def __post_init__(self) -> None:
        columns = self.feed.columns or {}
        far: dict[str, Any] = {name: item for name, item in columns.items() if _is_far(item)}
        self.near = {name: item for name, item in columns.items() if name not in far}
        self.terms = self.connection.terms()
        self.source = {
            "program": payload_of(self.program), "columns": {name: sent(item) for name, item in far.items()},
        }  # fmt: skip

    def results(self) -> Iterator[Any]:
        """The outputs of each batch."""
        batches = self._batches()
        try:
            while True:
                self._fill(batches)
                if not self.window:
                    return
                found = self._found(self.window[0])
                self.window.popleft()
                yield self.program.structure.pack(found)
        finally:
            futures = [batch.future for batch in self.window if batch.future is not None]
            if futures and self.connection.is_alive:
                self.connection.client.cancel(futures)

    def _batches(self) -> Iterator[_Batch]:
        first = 0
        for named, rows in self.feed.batches(0):
            yield _Batch(first, rows, named)
            first += rows

    def _fill(self, batches: Iterator[_Batch]) -> None:
        if time.monotonic() - self.seen > _COUNTED:
            self.seen, self.terms = time.monotonic(), self.connection.terms()
        limit = max(1, sum(self.terms["slots"].values())) * _AHEAD
        while len(self.window) < limit:
            batch = next(batches, None)
            if batch is None:
                return
            self.window.append(batch)
            self._send(batch)

    def _send(self, batch: _Batch) -> None:
        """Sends a batch; one that does not get there is sent when it is waited for."""
        limit = self.patience.seconds
        places = batch.named.get(PLACES)
        rows = batch.named if places is None else rows_of_columns(self.near, places)
        try:
            if self.shared is None or self.shared.status != "finished":
                self.shared = self.connection.scatter(self.source, limit, broadcast=True)
            there = self.connection.scatter({"rows": rows, "places": places}, limit)
            done = batch.is_done = threading.Event()
            batch.future = self.connection.client.submit(
                apply, self.shared, there, self.given, self.terms, pure=False, retries=0
            )

            def ended(_: Any) -> None:
                done.set()

            batch.future.add_done_callback(ended)
        except OSError as error:
            if not self.connection.is_alive:
                raise self.connection.gone() from error
            if isinstance(error, TimeoutError) and not self.connection.end_hanging():
                self.patience.doubled()
            batch.future = None

    def _found(self, batch: _Batch) -> list[Array]:
        """The outputs of a batch, which is sent again where its worker died, or hangs."""
        begin = time.monotonic()
        while True:
            if batch.future is None:
                self._lost(batch, "there is no worker that takes it")
            elif not batch.is_done.wait(_LOOK):
                if not self.connection.is_alive:
                    raise self.connection.gone()
                if time.monotonic() - begin > self.patience.seconds:
                    self._hangs(batch)
                    begin = time.monotonic()
            elif batch.future.status in ("error", "cancelled"):
                self._failed(batch)
            elif (found := self._fetched(batch)) is not None:
                self.patience.took(time.monotonic() - begin)
                return found

    def _fetched(self, batch: _Batch) -> list[Array] | None:
        """The outputs of a batch that is done, or None where it was sent again."""
        try:
            return self.connection.fetched(batch.future, self.patience.seconds)
        except TimeoutError:
            self._hangs(batch)
        except OSError as error:
            if not self.connection.is_alive:
                raise self.connection.gone() from error
            self._lost(batch, str(error))
        return None

    def _failed(self, batch: _Batch) -> None:
        """Sends a batch again whose worker died, or that was lost. Raises what the program raises."""
        try:
            batch.future.result()
        except distributed.KilledWorker as error:
            self._died(batch, "died", error)
        except CancelledError as error:
            if not self.connection.is_alive:
                raise self.connection.gone() from error
            self._lost(batch, str(error))
        except Exception as error:
            error.add_note(f"in {batch.said} of the data")
            raise

    def _hangs(self, batch: _Batch) -> None:
        """Ends the worker that has a batch, or its result, and sends it again.

        Where no deadline was given, one that says that it is there has more time.
        """
        seconds, spares = f"{self.patience.seconds:.3g} seconds", self.patience.deadline is None
        if self.connection.end_hanging(batch.future, spares=spares):
            self._died(batch, f"said nothing for {seconds} and was ended", None)
        elif spares:
            self.patience.doubled()
        else:
            self._lost(batch, f"no worker took them in {seconds}")

    def _died(self, batch: _Batch, how: str, error: Exception | None) -> None:
        batch.deaths += 1
        if batch.deaths > self.retries:
            raise ClusterError(f"the worker {how}, {batch.deaths} times, with {batch.said}") from error
        self._send(batch)

    def _lost(self, batch: _Batch, why: str) -> None:
        batch.losses += 1
        if batch.losses > _LOSSES:
            raise ClusterError(f"{batch.said} were lost {batch.losses} times: {why}")
        time.sleep(_REST * batch.losses)
        self._send(batch)


def _is_far(column: Any) -> bool:
    """Whether workers read a column themselves."""
    return is_chunked(column) or isinstance(column, np.memmap)
