"""Connection: a client of Dask with what is known of its workers.

Dask itself waits for a worker that hangs until its scheduler has not heard of it for minutes: whatever has to
do with one worker is asked for here, with a limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from uuid import uuid4

from compiler.errors import ClusterError
from tinytorch.cluster.working import Facts, differences, facts, host_of

PATIENCE: Final = 30.0
"""Seconds until a scheduler has to answer, and a first worker to be there."""

_ANSWERING: Final = 3.0
"""Seconds in which a worker says that it is there, whatever it computes meanwhile."""

_KILLING: Final = 5.0
"""Seconds that a nanny has to end its worker, of which the worker has most to end by itself."""


@dataclass
class Connection:
    """A client of Dask, whose workers were found to be alike, or need not be."""

    client: Any
    """A `distributed.Client`."""
    cluster: Any = None
    """The local processes, where they are ours; a `distributed.LocalCluster`."""
    owns_client: bool = True
    same_bits: bool = True
    threads: int | None = None
    """Threads of a program on each worker; None for an equal share of the processors of its machine."""
    facts: Facts | None = None
    """What every worker has to be; None where they may differ."""
    closing: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])
    """What is called, in reverse order, before the client is closed."""

    @property
    def is_local(self) -> bool:
        """Whether the workers are processes that were started with the connection."""
        return self.cluster is not None

    @property
    def is_alive(self) -> bool:
        """Whether the scheduler answers, as far as the client knows."""
        return self.client.status == "running"

    def slots(self) -> dict[str, int]:
        """How many tasks each worker runs at a time, by its address. Raises ClusterError."""
        if not self.is_alive:
            raise self.gone()
        try:
            return dict(self.client.nthreads())
        except OSError as error:
            raise self.gone() from error

    def terms(self) -> dict[str, Any]:
        """What tasks are given for `working.prepare`."""
        hosts: dict[str, int] = {}
        for address, count in self.slots().items():
            hosts[host_of(address)] = hosts.get(host_of(address), 0) + count
        return {"threads": self.threads, "slots": hosts, "facts": self.facts}

    def scatter(
        self, item: Any, limit: float | None, *, workers: list[str] | None = None, broadcast: bool = False
    ) -> Any:
        """An item on some worker, or on all. Raises TimeoutError where one has not taken it by the limit."""
        send = partial(
            self.client.scatter, workers=workers, broadcast=broadcast, hash=False, asynchronous=True
        )
        (there,) = self.client.sync(send, [item], callback_timeout=limit)
        return there

    def fetched(self, future: Any, limit: float | None) -> Any:
        """The result of a future that has ended. Raises what it has ended with.

        Raises TimeoutError where the worker that has it does not hand it over, OSError where it was lost.
        """
        if future.status in ("error", "cancelled"):
            return future.result()
        answer = self.client.sync(self.client.scheduler.gather, keys=[future.key], callback_timeout=limit)
        if answer["status"] != "OK":
            raise OSError("its worker is gone")
        return answer["data"][future.key]

    def silent(self) -> list[str]:
        """The workers that do not say that they are there, each being asked."""
        scheduler = self.client.scheduler

        async def is_silent(address: str) -> bool:
            question = scheduler.broadcast(msg={"op": "identity"}, workers=[address])
            try:
                await asyncio.wait_for(question, _ANSWERING)
            except OSError:  # of which the time-out is one
                return True
            return False

        async def all_asked(addresses: list[str]) -> list[str]:
            answers = await asyncio.gather(*map(is_silent, addresses))
            return [address for address, silent in zip(addresses, answers, strict=True) if silent]

        return self.client.sync(all_asked, list(self.slots()))

    def end_hanging(self, *futures: Any, spares: bool = False) -> list[str]:
        """Ends the workers that compute some futures, which are cancelled; else those that are silent.

        Returns which ones. The nanny of a worker starts another one; a worker that has none is not used any
        more. With `spares` a worker that says that it is there is never ended, and futures are cancelled only
        where one was.
        """
        keys = {future.key for future in futures}
        computing = [at for at, known in self.client.processing().items() if keys.intersection(known)]
        ends = self.silent() if spares or not computing else computing
        if spares and not ends:
            return []
        self.client.cancel(list(futures), force=True)
        self.client.sync(
            self.client.scheduler.restart_workers, workers=ends, timeout=_KILLING, wait_for_workers=False,
            on_error="return", stimulus_id=f"tinytorch-{uuid4().hex}",
        )  # fmt: skip
        return ends

    def gone(self, found: object = None) -> ClusterError:
        """The error of a scheduler that went away, with what was finished before."""
        where = getattr(getattr(self.client, "scheduler", None), "address", None)
        place = f" at {where}" if where else ""
        return ClusterError(f"the scheduler{place} went away", found)

    def check(self) -> None:
        """Compares the workers with this process and notes what they are. Raises ClusterError."""
        self.client.wait_for_workers(1, timeout=PATIENCE)
        answers: Mapping[str, Any] = self.client.run(facts, on_error="return")
        broken = {at: answer for at, answer in answers.items() if isinstance(answer, BaseException)}
        if broken:
            at, error = next(iter(broken.items()))
            raise ClusterError(
                f"worker {at} cannot say what it is: {type(error).__name__}: {error}\n"
                "  fix: install there what is installed here, tinytorch-compiler[cluster,jit] of one version"
            )
        if not self.same_bits:
            return
        ours = facts()
        unlike = {at: found for at, answer in answers.items() if (found := differences(ours, answer))}
        if unlike:
            listed = "\n".join(f"  {at}: {'; '.join(found)}" for at, found in unlike.items())
            raise ClusterError(
                f"the bits of a result would depend on where it was computed:\n{listed}\n"
                "  fix: install the same versions there, or connect(..., same_bits=False)"
            )
        self.facts = ours

    def close(self) -> None:
        """Ends what was opened with the connection; what is running there ends with it."""
        for end in reversed(self.closing):
            end()
        self.closing.clear()
        if self.owns_client:
            self.client.close(timeout=PATIENCE)
        if self.cluster is not None:
            self.cluster.close(timeout=PATIENCE)
