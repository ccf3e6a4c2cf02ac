"""Steps: what a program does one after the other, and the numbers of a step for given sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from compiler.ir.dims import Extent
from compiler.ir.node import Node
from compiler.loops.places import Pointer, Region

if TYPE_CHECKING:
    from compiler.loops.language import Kernel
    from compiler.loops.sparing import Numbers

Sizes = Mapping[str, int]

# These are the same on every machine: how a kernel is cut decides about the order of sums, and so about bits.
# What a machine really does is measured for predictions alone (`compiler.speed`).

PARALLEL_FROM: Final = 16_000
"""Predicted nanoseconds from which on a kernel is cut into chunks that threads share, two or more.

From `python -m tests.benchmarks.threads --from 8`: kernels of 8000 to 14000 gain from a second thread that is
awake, and neither gain nor lose, in median and 99th percentile, where it has to be woken; from 16000 on they
gain in both. Called over and over, kernels of 16000 to 24000 take 0.55 of the time of one thread.
"""

CHUNK_TIME: Final = 12_000
"""Predicted nanoseconds that a chunk takes at least."""

COPIED_FROM: Final = 12_000
COPY_TIME: Final = 6_000
"""The same of copies and maps, whose chunks add up nothing.

They stand between kernels that threads share, so a second thread is awake, and none may wait for the other.
"""

MOST_CHUNKS: Final = 32

BYTES_PER_NANOSECOND: Final = 50.0
"""What one thread is predicted to read and write."""


@dataclass(slots=True)
class Launch:
    """One native call: a kernel's key, its numbers, its chunks."""

    key: str
    numbers: list[int | Pointer]
    chunks: int = 1
    nanoseconds: float = 0.0
    checks: bool = False
    """Whether the kernel may refuse the data. Its first number is then the address of the status word."""
    kernel: Kernel | None = None
    """The kernel, where its code was chosen when the sizes were known, and is none of the step's own."""

    @property
    def is_parallel(self) -> bool:
        return self.chunks > 1


class Scratch:
    """Memory beside the slab that the steps of one binding share one after the other, and their tables."""

    def __init__(self) -> None:
        self.bytes = 0
        self.tables: dict[Numbers, int] = {}
        self._used = 0

    def begin(self) -> None:
        """The next step may use all of it."""
        self._used = 0

    def take(self, size: int) -> Pointer:
        """Memory for the present step, on a 64-byte border."""
        start = self._used
        self._used += -(-size // 64) * 64
        self.bytes = max(self.bytes, self._used)
        return Pointer(Region.SCRATCH, 0, start)

    def table(self, numbers: Numbers) -> Pointer:
        """A table that no step writes; equal ones are one."""
        return Pointer(Region.TABLE, self.tables.setdefault(numbers, len(self.tables)))


class Step(Protocol):
    """A part of a program that runs natively."""

    @property
    def kernels(self) -> Mapping[str, Kernel]:
        """The kernels it needs, by key."""
        ...

    @property
    def nodes(self) -> Sequence[Node]:
        """What it computes."""
        ...

    @property
    def picoseconds(self) -> Extent:
        """A rough prediction of its time on one thread."""
        ...

    def launches(self, sizes: Sizes, scratch: Scratch) -> list[Launch]:
        """The native calls, for given sizes."""
        ...


@dataclass(frozen=True)
class PythonStep:
    """Nodes that NumPy computes between native steps, and why."""

    nodes: tuple[Node, ...]
    stored: tuple[Node, ...]
    reason: str
    kernels: Mapping[str, Kernel] = field(default_factory=dict[str, "Kernel"])


def chunks_for(nanoseconds: float, most: int, *, is_copy: bool = False) -> int:
    """Into how many chunks to cut a kernel: by its predicted time alone, so for any number of threads."""
    least, each = (COPIED_FROM, COPY_TIME) if is_copy else (PARALLEL_FROM, CHUNK_TIME)
    if nanoseconds < least:
        return 1
    return max(1, min(most, MOST_CHUNKS, max(2, int(nanoseconds / each))))
