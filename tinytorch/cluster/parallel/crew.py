"""The crew: an actor on each worker, deadlines of our own, and who takes the place of one that is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread
from typing import Any, Final

from compiler.errors import ClusterError, TinytorchError
from tinytorch.cluster.connection import PATIENCE, Connection
from tinytorch.cluster.library import distributed
from tinytorch.cluster.parallel.columns import File, sent
from tinytorch.cluster.parallel.wire import Answer, Order, StepText
from tinytorch.cluster.parallel.worker import ShardActor

_GLANCE: Final = 0.5
"""Seconds between two looks at who is there, while somebody is awaited or missing."""

_CALM: Final = 5.0
"""Seconds between two looks when all are there."""

_MAKING: Final = 120.0
"""Seconds in which an actor must have its data, and have compiled its programs."""

_GONE: Final = (OSError, TimeoutError, distributed.KilledWorker, distributed.client.FutureCancelledError)
"""What Dask raises for a worker that went away while something was made on it."""


class LostError(Exception):
    """A worker is gone, or has not answered in time."""


class Hand:
    """An actor on a worker, and what it knows of the step that runs."""

    def __init__(self, client: Any, address: str, future: Any, actor: Any, held: Any) -> None:
        self.address, self.actor = address, actor
        self._client = client
        self._future, self._held = future, held
        self.step = 0
        """The step whose parameters it has."""
        self.sums = 0
        """How many sums of earlier stages of that step it has."""

    def begin(self, order: Order) -> Any:
        """Sends an order. Raises LostError where the worker is known to be gone."""
        return self.call("add", order)

    def call(self, name: str, *arguments: Any) -> Any:
        """Calls a method; what is returned has the result later."""
        try:
            with self._client.as_current():  # an actor asks for its client when it is first called
                return getattr(self.actor, name)(*arguments)
        except Exception as error:
            raise LostError(f"{type(error).__name__}: {error}") from error

    def release(self) -> None:
        """Lets go of the actor and of its data."""
        for future in (self._future, *self._held.values()):
            if isinstance(future, distributed.Future):
                future.release()


class Crew:
    """The hands of a fit, one on each worker, whichever workers there are."""

    def __init__(
        self, connection: Connection, text: StepText, columns: dict[str, Any], most: int | None = None
    ) -> None:
        self.connection, self.most = connection, most
        self.notes: list[str] = []
        """What happened to workers, for the history."""
        self._text = text
        self._columns = {name: sent(column) for name, column in columns.items()}
        self._hands: dict[str, Hand] = {}
        self._given_up: set[str] = set()
        self._looked = 0.0
        self.wanted = 0
        """How many there were at first."""
        self.wanted = len(self.living(0))

    def living(self, step: int) -> list[Hand]:
        """The hands that there are in a step, with new ones on workers that came since the last look.

        Waits for a first one. Raises ClusterError where none comes, or the scheduler went away.
        """
        end = time.monotonic() + PATIENCE
        while True:
            self._look(step)
            if self._hands:
                return list(self._hands.values())[: self.most]
            if time.monotonic() > end:
                raise ClusterError(
                    f"no worker is left, and none came in {PATIENCE:g} seconds\n  " + "\n  ".join(self.notes)
                )
            time.sleep(_GLANCE / 5)

    def wait(self, hand: Hand, future: Any, end: float) -> Any:
        """The result of a call. Raises LostError when its worker is gone, or when a time has come."""
        while True:
            is_late = time.monotonic() > end
            if is_late and not future.done():
                raise LostError("it did not answer in time")
            try:
                return future.result(
                    timeout=_GLANCE if is_late else min(end - time.monotonic() + 0.01, _GLANCE)
                )
            except TimeoutError as error:
                if hand.address not in self.connection.slots():
                    raise LostError("it is gone") from error
            except Exception as error:
                raise LostError(f"{type(error).__name__}: {error}") from error

    def drop(self, hand: Hand, why: str, step: int) -> None:
        """Goes on without a hand. A worker of ours that hangs is ended, and begins anew."""
        self.notes.append(f"step {step}: worker {hand.address} was lost ({why}); its shards went to others")
        self._hands.pop(hand.address, None)
        self._given_up.add(hand.address)
        self._looked = 0.0
        hand.release()
        if self.connection.is_local and hand.address in self.connection.slots():
            self._restart(hand.address)

    def close(self) -> None:
        """Releases every actor; workers go on."""
        for hand in self._hands.values():
            hand.release()
        self._hands.clear()

    def _restart(self, address: str) -> None:
        """Asks the nanny of a local worker that does not answer to start it anew; nobody waits for it."""

        def restart() -> None:
            try:
                self.connection.client.restart_workers([address], timeout=10, raise_for_error=False)
            except BaseException as error:  # noqa: BLE001  # cancelled, too; of a thread of its own: there is nobody to raise it to
                self.notes.append(f"worker {address} was not started anew: {type(error).__name__}: {error}")

        Thread(target=restart, daemon=True, name=f"restarts {address}").start()

    def _look(self, step: int) -> None:
        calm = _CALM if len(self._hands) >= self.wanted else _GLANCE
        if time.monotonic() - self._looked < calm:
            return
        present = self.connection.slots()
        fresh = [address for address in present if address not in {*self._hands, *self._given_up}]
        room = len(fresh) if self.most is None else max(0, self.most - len(self._hands))
        for address, hand in self._made(fresh[:room], step).items():
            self._hands[address] = hand
            if step:
                self.notes.append(f"step {step}: worker {address} takes part")
        self._looked = time.monotonic()

    def _made(self, addresses: list[str], step: int) -> dict[str, Hand]:
        """Hands on workers, made at the same time. Who fails takes no part, which is noted.

        Raises what was wrong with the data or the program, and before the first step also with a worker.
        """
        found: dict[str, Hand] = {}
        begun = {address: self._begun(address) for address in addresses}
        for address, (future, held) in begun.items():
            try:
                actor = future.result(timeout=_MAKING)
            except TinytorchError as error:
                if not step:
                    raise
                self._refuse(address, error, held)
            except _GONE as error:
                self._refuse(address, error, held)
            else:
                found[address] = Hand(self.connection.client, address, future, actor, held)
        return found

    def _refuse(self, address: str, error: BaseException, held: dict[str, Any]) -> None:
        self.notes.append(f"worker {address} takes no part: {type(error).__name__}: {error}")
        self._given_up.add(address)
        held.clear()

    def _begun(self, address: str) -> tuple[Any, dict[str, Any]]:
        """An actor that is being made, and the data that are sent to its worker."""
        client = self.connection.client
        held = {
            name: column
            if isinstance(column, File)
            else self.connection.scatter(column, _MAKING, workers=[address])
            for name, column in self._columns.items()
        }
        future = client.submit(
            ShardActor, self.connection.terms(), self._text, held, actor=True, workers=[address],
            allow_other_workers=False, pure=False,
        )  # fmt: skip
        return future, held


def ordered(
    crew: Crew, work: list[tuple[Hand, Order]], deadline: float, step: int, lost: Callable[[Order], None]
) -> list[Answer]:
    """What hands answer to orders that all are given at once; the orders of hands that are lost.

    Raises what went wrong in the program itself.
    """
    pending: list[tuple[Hand, Order, Any]] = []
    found: list[Answer] = []

    def give_up(hand: Hand, order: Order, error: LostError) -> None:
        crew.drop(hand, str(error), step)
        lost(order)

    for hand, order in work:
        try:
            pending.append((hand, order, hand.begin(order)))
        except LostError as error:
            give_up(hand, order, error)
    end = time.monotonic() + deadline
    for hand, order, future in pending:
        try:
            answer = crew.wait(hand, future, end)
        except LostError as error:
            give_up(hand, order, error)
            continue
        if isinstance(answer, Exception):
            raise answer
        found.append(answer)
    return found
