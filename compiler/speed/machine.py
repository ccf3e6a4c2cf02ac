"""How fast a machine is: a handful of numbers, measured once, from which the time of a kernel is predicted.

They are for predictions alone. What decides about bits, such as how sums are cut, never asks them, so a
program has the same kernels on every machine with the same vectors, whatever was measured there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from compiler.ir.plain import plain
from compiler.schedule.tables import Table, digits, scaled

VERSION: Final = 2
"""Raised whenever numbers that were measured before mean something else."""


@dataclass(frozen=True, slots=True)
class Level:
    """A cache, or memory. Rates are in bytes a second: by one thread, and by all threads together.

    What is written is written beside as much that is read, as kernels do; in the first cache at once.
    """

    name: str
    size: float
    """Bytes of it that a thread has; infinite of memory."""
    read: float
    write: float
    read_by_all: float
    write_by_all: float


@dataclass(frozen=True, slots=True)
class MeasuredMachine:
    """What this machine does in a second. `str` is a table; NaN is what could not be measured.

    Rates are those of one thread, and the best of several runs.
    """

    processor: str
    measured_by: str
    """The backend whose code ran: `llvm`, or `numpy` where there is no native code."""
    threads: int
    vector_bits: int
    """Of the registers that kernels use; 0 where nobody knows."""
    levels: tuple[Level, ...]
    """The caches, the fastest first, and memory."""
    flops32: float
    """Floating-point operations a second, by multiply-adds of float32 in registers."""
    flops64: float
    """The same of float64."""
    vectors: float
    """Vector instructions a second, of the kinds that formulas come to."""
    scalars: float
    """Instructions a second on single integers, as loops and addresses take them."""
    divisions32: float
    """Quotients of float32 a second."""
    divisions64: float
    """Quotients of float64 a second."""
    exponentials: float
    """Exponentials of float32 a second."""
    picks: float
    """Elements a second that are read at places which a vector says, in the first cache."""
    latency: float
    """Seconds until a sum can be added to again."""
    launch: float
    """Seconds to launch a kernel and to read the clock behind it."""
    handing: float
    """Seconds more where its chunks are handed to the threads, which are awake."""

    @property
    def memory(self) -> Level:
        """The last level."""
        return self.levels[-1]

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold; what is infinite or unknown is text or None."""
        own = {item.name: getattr(self, item.name) for item in fields(self)}
        levels = [{name: _plain(value) for name, value in asdict(level).items()} for level in self.levels]
        return {name: _plain(value) for name, value in own.items()} | {"levels": levels}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MeasuredMachine:
        """What `to_dict` made. Raises KeyError or TypeError for anything else."""
        levels = tuple(
            Level(**{name: _number(value) for name, value in row.items()}) for row in data["levels"]
        )
        own = {item.name: _number(data[item.name]) for item in fields(cls) if item.name != "levels"}
        return cls(levels=levels, **own)

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(self.to_dict(), allow_nan=False)

    @property
    def tables(self) -> tuple[Table, ...]:
        """What memory does, and what the processor does."""
        return self._of_memory(), self._of_processor()

    def _of_memory(self) -> Table:
        rows = tuple(
            (
                level.name, scaled(level.size, "B") if math.isfinite(level.size) else "",
                *(scaled(rate, "B/s") for rate in (level.read, level.write)),
                *(scaled(rate, "B/s") for rate in (level.read_by_all, level.write_by_all)),
            )
            for level in self.levels
        )  # fmt: skip
        wide = f", vectors of {self.vector_bits} bits" if self.vector_bits else ""
        title = f"{self.processor}, {self.threads} threads{wide}; measured by {self.measured_by}"
        return Table(("", "size", "read", "write", "read by all", "write by all"), rows, left=1, title=title)

    def _of_processor(self) -> Table:
        rates = (
            ("multiply-adds of float32", scaled(self.flops32, "flop/s")),
            ("multiply-adds of float64", scaled(self.flops64, "flop/s")),
            ("vector instructions", scaled(self.vectors, "/s")),
            ("scalar instructions", scaled(self.scalars, "/s")),
            ("quotients of float32", scaled(self.divisions32, "/s")),
            ("quotients of float64", scaled(self.divisions64, "/s")),
            ("exponentials of float32", scaled(self.exponentials, "/s")),
            ("elements picked", scaled(self.picks, "/s")),
            ("until a sum is added to again", _nanoseconds(self.latency)),
            ("to launch a kernel", _nanoseconds(self.launch)),
            ("to hand its chunks to threads", _nanoseconds(self.handing)),
        )
        return Table(("by one thread", ""), tuple(row for row in rates if row[1]), left=1)

    def __str__(self) -> str:
        return "\n".join(map(str, self.tables))


def _plain(value: Any) -> Any:
    return plain(value) if isinstance(value, float) else value


def _number(value: Any) -> Any:
    return math.nan if value is None else math.inf if value == "inf" else value


def _nanoseconds(seconds: float) -> str:
    return "" if math.isnan(seconds) else f"{digits(1e9 * seconds)} ns"
