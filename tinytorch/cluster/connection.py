"""Connection: a client of Dask with what is known of its workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from compiler.errors import ArgumentError, ClusterError
from tinytorch.cluster.working import Facts, differences, facts, host_of

PATIENCE: Final = 30.0
"""Seconds until a scheduler has to answer, and a first worker to be there."""


def check_deadline(deadline: float | None) -> None:
    """Raises ArgumentError for what is neither a positive number of seconds nor None."""
    if deadline is not None and not deadline > 0:
        raise ArgumentError(f"a deadline is a positive number of seconds, not {deadline!r}")


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
