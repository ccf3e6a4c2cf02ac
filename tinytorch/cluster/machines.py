"""Machines: workers, and what can be done on them."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from tinytorch.cluster.connection import Connection


class Machines:
    """Workers that `tt.cluster.connect` found or started. Use it in a `with` block, which closes it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @property
    def workers(self) -> tuple[str, ...]:
        """Their addresses now. Raises ClusterError where the scheduler went away."""
        return tuple(self.connection.slots())

    def close(self) -> None:
        """Ends the local processes; a cluster and a client that were given go on."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        if not self.connection.is_alive:
            return "<Machines, closed>"
        count, where = len(self.workers), self.connection.client.scheduler.address
        kind = "local processes" if self.connection.is_local else "workers"
        return f"<Machines: {count} {kind} at {where}>"
