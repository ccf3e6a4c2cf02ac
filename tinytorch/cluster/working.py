"""What a process says of itself, and what a worker sets before it computes: its threads.

Programs have the same bits on two machines if these facts are the same; the number of threads is none.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, TypeAlias

from compiler.backends.llvm.backend import Llvm, get_num_threads, set_num_threads
from compiler.errors import ClusterError
from tinytorch.cluster.library import distributed

Facts: TypeAlias = "dict[str, str]"

_SHOWN: Final = 4
"""How many parts of an instruction set a message names."""

_KINDS: Final = {
    "tinytorch": "tinytorch", "python": "Python", "numpy": "NumPy", "llvmlite": "llvmlite",
    "processor": "the processor", "instructions": "the instruction set",
}  # fmt: skip


def facts() -> Facts:
    """What the bits of a result may depend on, beside the program: versions and the processor."""
    return dict(_facts())


@cache
def _facts() -> Facts:
    native = Llvm()
    machine = native.machine if native.is_available else None
    major, minor, _ = platform.python_version_tuple()
    return {
        "tinytorch": _version("tinytorch-compiler"),
        "python": f"{major}.{minor}",
        "numpy": _version("numpy"),
        "llvmlite": "none" if machine is None else _version("llvmlite"),
        "processor": platform.machine() if machine is None else machine.cpu,
        "instructions": "" if machine is None else machine.features,
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def differences(ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    """In what two machines differ, a phrase each."""
    return [
        _instructions(ours[key], theirs.get(key, ""))
        if key == "instructions"
        else f"{name} is {theirs.get(key, 'unknown')} and not {ours[key]}"
        for key, name in _KINDS.items()
        if theirs.get(key) != ours[key]
    ]


def _instructions(ours: str, theirs: str) -> str:
    own, other = ({item for item in text.split(",") if item.startswith("+")} for text in (ours, theirs))
    lacks = [f"lacks {item[1:]}" for item in sorted(own - other)]
    more = [f"has {item[1:]}" for item in sorted(other - own)]
    named = [*lacks, *more][:_SHOWN]
    return f"the instruction set {', '.join(named) or 'is written otherwise'}"


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def prepare(terms: Mapping[str, Any]) -> None:
    """What a task does first on its worker: takes its share of the threads, and checks what it may check.

    `terms` are those of `Connection.terms`. Raises ClusterError on a worker that came later and is another.
    """
    expected = terms["facts"]
    if expected is not None and (found := differences(expected, facts())):
        raise ClusterError(f"this worker joined later, and {'; '.join(found)}")
    if not Llvm().is_available:
        return
    beside = terms["slots"].get(host_of(distributed.get_worker().address), 1)
    threads = terms["threads"] or max(1, processors() // beside)
    if threads != get_num_threads():
        set_num_threads(threads)


def host_of(address: str) -> str:
    """The machine of an address such as `tls://10.0.0.3:8786`."""
    return address.partition("://")[2].rpartition(":")[0] or address
