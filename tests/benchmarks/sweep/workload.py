"""What a workload is, and how sizes are drawn."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Array = np.ndarray
Body = Callable[..., Any]
"""Takes the words of a system and the arguments, and returns a value, or a list of values."""

Way = Literal["plain", "named", "out", "donated"]
"""How our program is called: by position, by name, with `out=`, with its first argument given away."""


@dataclass(frozen=True)
class Workload:
    """A computation that every system can be given, and what it is given.

    `arrays` makes the same arguments each time. `is_symbolic` leaves the first axis of the first argument
    open in our program. Of a network that `has_weights` they are all arguments but the first, and last.
    """

    family: str
    name: str
    body: Body
    arrays: Callable[[], Sequence[Array]]
    way: Way = "plain"
    is_symbolic: bool = False
    has_weights: bool = False

    @property
    def is_compiling(self) -> bool:
        """Its call builds and compiles: the arguments are a seed."""
        return self.family == "compiling"

    @property
    def tolerance(self) -> float:
        """How far systems may lie apart, relative and absolute: some round halves at every step."""
        return 0.04 if self.family == "storage" else 0.002

    @property
    def is_comparable(self) -> bool:
        """Whether every system has the same results: not of random numbers."""
        return self.family not in ("compiling", "draws")


class Sizes:
    """Sizes as the tables have them, or (seed above 0) others near them: what is tuned to a size shows."""

    def __init__(self, seed: int = 0) -> None:
        self.generator = np.random.default_rng(seed) if seed else None

    def __call__(self, *sizes: int) -> tuple[int, ...]:
        if self.generator is None:
            return sizes
        return tuple(size if size < 2 else max(2, self._near(size)) for size in sizes)

    def _near(self, size: int) -> int:
        assert self.generator is not None
        return int(size * self.generator.uniform(0.7, 1.3))


def normal(*shapes: tuple[int, ...], dtype: Any = np.float32) -> Callable[[], list[Array]]:
    """Arguments of these shapes, normally distributed."""

    def made() -> list[Array]:
        generator = np.random.default_rng(zlib.crc32(repr(shapes).encode()))
        return [generator.standard_normal(shape, np.float32).astype(dtype) for shape in shapes]

    return made


def shown(*shapes: tuple[int, ...], dtype: Any = np.float32) -> str:
    """`(3,4) (4,5) f64`; float32 is not said."""
    sizes = " ".join(f"({','.join(map(str, shape))})" for shape in shapes)
    return sizes if np.dtype(dtype) == np.float32 else f"{sizes} f{8 * np.dtype(dtype).itemsize}"
