"""connect: local processes over TLS on loopback, the address of a scheduler, or a client of Dask.

Whoever can connect to a Dask cluster can run code as the one who started it: see
https://distributed.dask.org/en/stable/tls.html.
"""

from __future__ import annotations

import ast
import inspect
import ipaddress
import logging
import sys
from pathlib import Path
from types import FrameType
from typing import Any, Final

from compiler.errors import ArgumentError, ClusterError
from compiler.ir.numbers import whole_number
from tinytorch.cluster.connection import PATIENCE, Connection
from tinytorch.cluster.library import dask, distributed, temporary_security
from tinytorch.cluster.machines import Machines
from tinytorch.cluster.working import host_of, processors

_LOOPBACK: Final = "127.0.0.1"
_FOREVER: Final = "1000 days"
_SEALED: Final = ("tls", "wss", "inproc")
"""Protocols that nobody else can join without the certificate, or from another process."""


def connect(
    where: Any = None,
    *,
    workers: int | None = None,
    threads: int | None = None,
    security: Any = None,
    insecure: bool = False,
    same_bits: bool = True,
) -> Machines:
    """Workers for sweeps and for data that are too many for one process, on this machine or on a cluster.

        with tt.cluster.connect() as machines:
            runs = machines.sweep(make_run, {"lr": [1e-3, 3e-3]}, data=(x, y), epochs=20)

    `where` is None for `workers` processes on this machine (as many as it has processors), which listen on
    127.0.0.1 only and speak TLS with a certificate made for them; or the address of a scheduler,
    "tls://host:8786"; or a `distributed.Client`, which stays open afterwards. `threads` of a program on each
    worker are its share of the processors of its machine, so that all workers together have as many threads
    as there are processors. `security`, for an address, is a `distributed.Security`.

    Whoever can connect to a scheduler can run code as you. A remote address without TLS therefore needs
    `insecure=True`, by which you say that nobody else is in that network.

    Workers with other versions of tinytorch, Python, NumPy or llvmlite than here, or another processor, are
    refused, for results would depend on where they are computed; `same_bits=False` takes them.

    Raises ClusterError where nobody answers and for workers that differ, MissingLibraryError without the
    library `distributed`, ArgumentError for a script that starts processes and that these would start anew.
    """
    share = _counted("threads", threads)
    if where is None:
        if security is not None:
            raise ArgumentError("local processes get a certificate of their own; security= is for an address")
        connection = _local(_counted("workers", workers), share)
    else:
        if workers is not None:
            raise ArgumentError(f"workers={workers} is for local processes; a scheduler has its own")
        connection = _remote(where, security, insecure)
        connection.threads = share
    connection.same_bits = same_bits
    try:
        connection.check()
    except BaseException as error:
        connection.close()
        if isinstance(error, TimeoutError):
            raise ClusterError(f"{_said(where)} has no workers, after {PATIENCE:g} seconds") from error
        raise
    return Machines(connection)


def _counted(name: str, count: int | None) -> int | None:
    if count is None:
        return None
    found = whole_number(count)
    if found is None or found < 1:
        raise ArgumentError(f"{name} is a positive integer, not {count!r}")
    return found


def _said(where: Any) -> str:
    return "the local cluster" if where is None else f"the scheduler at {where!r}"


def _local(workers: int | None, threads: int | None) -> Connection:
    """Processes of our own: `host` binds scheduler, workers and nannies, the other two their pages."""
    check_main()
    count = workers or processors()
    security = temporary_security()
    # Runs that kill their workers are tried again by whoever knows them, not by the scheduler; and a worker
    # that dies twice within 15 seconds is replaced twice, where Dask would give up its place.
    settings = dask.config.set(
        {"distributed.scheduler.allowed-failures": 0, "distributed.deploy.lost-worker-timeout": _FOREVER}
    )
    try:
        cluster = distributed.LocalCluster(
            n_workers=count, threads_per_worker=1, processes=True, host=_LOOPBACK, protocol="tls://",
            security=security, dashboard_address=f"{_LOOPBACK}:0", worker_dashboard_address=f"{_LOOPBACK}:0",
            memory_limit=0, silence_logs=logging.CRITICAL,
        )  # fmt: skip
    except BaseException:
        settings.__exit__(None, None, None)
        raise
    client = distributed.Client(cluster, security=security, set_as_default=False)
    connection = Connection(client, cluster, threads=threads or max(1, processors() // count))
    connection.closing.append(lambda: settings.__exit__(None, None, None))
    return connection


def _remote(where: Any, security: Any, insecure: bool) -> Connection:
    if isinstance(where, distributed.Client):
        _check_secure(str(where.scheduler.address), insecure)
        return Connection(where, owns_client=False)
    if not isinstance(where, str):
        raise ArgumentError(
            f"workers are at an address or those of a distributed.Client, not of {type(where).__name__}\n"
            '  fix: connect("tls://host:8786"), or connect(distributed.Client(cluster))'
        )
    address = where if "://" in where else f"tcp://{where}"
    _check_secure(address, insecure)
    try:
        client = distributed.Client(address, security=security, timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ClusterError(
            f"nobody answers at {address}: {error}\n"
            "  fix: `dask scheduler` and `dask worker` on those machines, or connect() for local processes"
        ) from error
    return Connection(client)


def _check_secure(address: str, insecure: bool) -> None:
    """Raises ArgumentError for a network in which anybody could run code as the user."""
    if insecure or address.partition("://")[0] in _SEALED or _is_loopback(host_of(address)):
        return
    raise ArgumentError(
        f"{address} is without TLS: whoever reaches it, or listens on the way, can run code as you\n"
        '  fix: a scheduler with TLS and connect("tls://...", security=...), or insecure=True in a network '
        "where nobody else is"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


# A script is run anew by every process that it starts, as the module `__mp_main__`.


def check_main() -> None:
    """Raises ArgumentError in a script whose own lines would start processes in each process started."""
    main = sys.modules["__main__"]
    path = getattr(main, "__file__", None)
    frame = _frame_of(main.__dict__)
    name = getattr(getattr(main, "__spec__", None), "name", "")
    if path is None or frame is None or name.endswith("__main__"):  # which processes do not run anew
        return
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    if any(_is_guard(item) and _spans(item, frame.f_lineno) for item in tree.body):
        return
    raise ArgumentError(
        f"{path}:{frame.f_lineno} starts processes, and each of these runs the script anew, to know its "
        "functions: it would start processes again\n"
        '  fix: put these lines below `if __name__ == "__main__":`, or into a function called from there'
    )


def _frame_of(names: dict[str, Any]) -> FrameType | None:
    """The frame of the main script's own lines, if they are running."""
    frame: FrameType | None = inspect.currentframe()
    while frame is not None:
        if frame.f_globals is names and frame.f_code.co_name == "<module>":
            return frame
        frame = frame.f_back
    return None


def _is_guard(item: ast.stmt) -> bool:
    if not isinstance(item, ast.If) or not isinstance(item.test, ast.Compare):
        return False
    sides = [item.test.left, *item.test.comparators]
    return any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)


def _spans(item: ast.stmt, line: int) -> bool:
    return item.lineno <= line <= (item.end_lineno or item.lineno)
