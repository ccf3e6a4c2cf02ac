"""Driving: the runs of a sweep on the workers there are, one a slot; what dies is run again, boundedly.

No more runs are handed out than workers run at a time, so a worker that dies takes those with it that it was
running. A run whose worker died is a suspect: it is run again when all others are done, alone, and what kills
its worker then is known by its number.
"""

from __future__ import annotations

import queue
import time
import traceback
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from compiler.errors import ArgumentError, ClusterError
from tinytorch.cluster.connection import Connection
from tinytorch.cluster.library import cloudpickle, distributed
from tinytorch.cluster.patience import FIRST
from tinytorch.cluster.sweeping import task
from tinytorch.cluster.sweeping.data import to_send

_LOOK: Final = 0.25
"""Seconds between two looks whether the scheduler is there."""

_PATIENCE: Final = 60.0
"""Seconds without any worker, after which the sweep ends."""

_LOSSES: Final = 10
"""How often a run is handed out again that was lost with its data, or before it began."""


@dataclass
class Order:
    """A run to be done."""

    asked: dict[str, Any]
    """What `task.work` is given."""
    deaths: int = 0
    """How many workers died while it ran."""
    losses: int = 0
    """How often it was lost otherwise."""
    heard: float = 0.0
    """When it was handed out, or said something."""


@dataclass
class Driver:
    """Hands out orders and takes answers."""

    connection: Connection
    make_run: Any
    data: Any
    settings: dict[str, Any]
    retries: int
    deadline: float | None
    """Seconds in which a run has to say something."""
    tell: Callable[[Mapping[str, Any]], None]
    """Is told how far runs are."""
    sweep: str = field(default_factory=lambda: uuid.uuid4().hex)
    refusing: set[str] = field(default_factory=set[str])
    """Workers that are not like the others."""
    heard: dict[int, float] = field(default_factory=dict[int, float])
    """When a run said something last, by its number."""
    _written: bytes = b""
    """The function: by its module's name, or by value."""
    _scattered: Any = None
    _taking: float | None = None
    """Seconds in which workers have to take the data."""
    _topic: str | None = None

    def begin(self, *, listens: bool) -> None:
        """Looks whether the workers know the function, and listens to them."""
        client = self.connection.client
        self._taking = None if self.deadline is None else max(self.deadline, FIRST)
        self._written = cloudpickle.dumps(self.make_run)
        try:
            client.submit(task.probe, self._written, pure=False).result()
        except (ImportError, AttributeError) as error:
            raise _unknown(self.make_run, error) from error
        if listens or self.deadline is not None:
            self._topic = f"tinytorch-{self.sweep}"
            client.subscribe_topic(self._topic, self._hear)

    def _hear(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """What a worker logged, and when."""
        self.heard[event[1]["run"]] = time.monotonic()
        self.tell(event[1])

    def end(self) -> None:
        """Forgets the data and listens no more."""
        client = self.connection.client
        if self._topic is not None and self.connection.is_alive:
            client.unsubscribe_topic(self._topic)
        self._topic, self._scattered = None, None

    def run(self, orders: Sequence[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Each order with its answer, as they come in. Ctrl-C and every error end what is running."""
        turn = _Turn(self, deque(Order(item) for item in orders))
        try:
            yield from turn.answers()
        except BaseException:
            turn.cancel()
            raise

    def submit(self, asked: dict[str, Any], settings: dict[str, Any], workers: list[str] | None) -> Any:
        """A future of an answer."""
        self.place()
        return self.connection.client.submit(
            task.work, self._written, asked, self._scattered, settings, pure=False, workers=workers,
            retries=0, key=f"run-{asked['run']}-{uuid.uuid4().hex}",
        )  # fmt: skip

    def place(self) -> None:
        """Sends the data to all workers, if they are not there; the client keeps them.

        What is scattered is lost with the workers that have it. Raises TimeoutError where one that hangs does
        not take them.
        """
        if self._scattered is not None and self._scattered.status == "finished":
            return
        try:
            self._scattered = self.connection.scatter(to_send(self.data), self._taking, broadcast=True)
        except TimeoutError:
            if not self.connection.end_hanging() and self._taking is not None:
                self._taking *= 2  # all are there, and take longer than was thought
            raise

    def all_settings(self) -> dict[str, Any]:
        """What every run is given."""
        terms = self.connection.terms()
        return {**self.settings, "sweep": self.sweep, "topic": self._topic, "terms": terms}


class _Turn:
    """The orders of one call, of which some are running."""

    def __init__(self, driver: Driver, waiting: deque[Order]) -> None:
        self.driver = driver
        self.waiting = waiting
        self.suspects: deque[Order] = deque()
        self.running: dict[Any, Order] = {}
        self.done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.seen = time.monotonic()
        """When there was a worker."""

    def answers(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        while self.waiting or self.suspects or self.running:
            self._fill()
            yield from self._given_up()
            try:
                future = self.done.get(timeout=_LOOK)
            except queue.Empty:
                if not self.driver.connection.is_alive:
                    raise self.driver.connection.gone() from None
                continue
            order = self.running.pop(future, None)
            answer = None if order is None else self._answer(order, future)
            if order is not None and answer is not None:
                yield order.asked, answer

    def cancel(self) -> None:
        """Ends what is running, as well as one can."""
        connection, running = self.driver.connection, list(self.running)
        self.running.clear()
        if not running or not connection.is_alive:
            return
        try:
            connection.client.cancel(running, force=True)
            connection.client.run(task.stop, self.driver.sweep, on_error="ignore", wait=False)
        except OSError:  # the scheduler went away meanwhile, and the runs with it
            return

    def _fill(self) -> None:
        """Hands out as many runs as there are free slots; a suspect when nothing else runs."""
        if not self.waiting and (self.running or not self.suspects):
            return
        slots = {
            at: count
            for at, count in self.driver.connection.slots().items()
            if at not in self.driver.refusing
        }
        if slots:
            self.seen = time.monotonic()
        elif time.monotonic() - self.seen > _PATIENCE:
            raise ClusterError(f"there was no worker for {_PATIENCE:g} seconds")
        free = sum(slots.values()) - len(self.running)
        workers = list(slots) if self.driver.refusing else None
        settings = self.driver.all_settings() if free > 0 else {}
        while free > 0 and self.waiting and self._hand_out(self.waiting, settings, workers):
            free -= 1
        if free > 0 and not self.running and not self.waiting and self.suspects:
            self._hand_out(self.suspects, settings, workers)

    def _hand_out(self, orders: deque[Order], settings: dict[str, Any], workers: list[str] | None) -> bool:
        """Hands out the first; not where a worker dies as it gets the data, after which it is tried again."""
        try:
            future = self.driver.submit(orders[0].asked, settings, workers)
        except OSError:
            if not self.driver.connection.is_alive:
                raise self.driver.connection.gone() from None
            return False
        order = self.running[future] = orders.popleft()
        order.heard = time.monotonic()
        future.add_done_callback(self.done.put)
        return True

    def _given_up(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Ends runs that say nothing, with their workers: nothing else ends a thread that hangs."""
        deadline = self.driver.deadline
        if deadline is None:
            return
        for future, order in list(self.running.items()):
            latest = max(order.heard, self.driver.heard.get(order.asked["run"], 0.0))
            if time.monotonic() - latest <= deadline or future.done():
                continue
            del self.running[future]
            answer = self._hangs(order, future)
            if answer is not None:
                yield order.asked, answer

    def _hangs(self, order: Order, future: Any) -> dict[str, Any] | None:
        """Ends the worker that has a run, or its result; its failure, or None where it is to be run again."""
        self.driver.connection.end_hanging(future)
        order.deaths += 1
        if order.deaths <= self.driver.retries:
            self.suspects.append(order)
            return None
        seconds, times = self.driver.deadline, _times(order.deaths)
        said = f"said nothing for {seconds:g} seconds, {times}; its worker was ended"
        return _failed("DeadlineError", said, "")

    def _answer(self, order: Order, future: Any) -> dict[str, Any] | None:
        """What became of a run, or None where it is to be run again."""
        connection, limit = self.driver.connection, self.driver.deadline
        try:
            answer = connection.fetched(future, limit)
        except distributed.KilledWorker as error:
            order.deaths += 1
            if order.deaths <= self.driver.retries:
                self.suspects.append(order)
                return None
            return _failed("WorkerDied", _death(order, error), traceback.format_exc())
        except Exception as error:
            if not connection.is_alive:
                raise connection.gone() from error
            if isinstance(error, TimeoutError) and limit is not None:
                return self._hangs(order, future)
            order.losses += 1
            if order.losses <= _LOSSES:
                self.waiting.append(order)
                return None
            return _failed(type(error).__name__, str(error), traceback.format_exc())
        if "refused" not in answer:
            return answer
        self.driver.refusing.add(answer["worker"])
        if set(self.driver.connection.slots()) <= self.driver.refusing:
            raise ClusterError(f"no worker is left that is like the others: {answer['refused']}")
        self.waiting.append(order)
        return None


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _death(order: Order, error: Any) -> str:
    last = getattr(getattr(error, "last_worker", None), "address", "")
    where = f", the last one {last}" if last else ""
    return (
        f"its worker died, {_times(order.deaths)}{where}: killed from outside, out of memory, or by the run"
    )


def _failed(kind: str, message: str, trace: str) -> dict[str, Any]:
    return {
        "worker": "", "weights": {}, "history": {"rows": [], "steps": [], "stopped": None}, "seconds": 0.0,
        "failure": {"kind": kind, "message": message, "traceback": trace},
    }  # fmt: skip


def _unknown(make_run: Any, error: BaseException) -> ArgumentError:
    module = getattr(make_run, "__module__", None)
    return ArgumentError(
        f"the workers cannot load {getattr(make_run, '__qualname__', make_run)!r} of the module {module!r}: "
        f"{error}\n  fix: define it in the script, from which it travels by value; or install its module "
        "there, or client.upload_file"
    )
