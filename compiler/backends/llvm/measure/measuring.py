"""Measures this machine: kernels of loops, launched as those of programs are, under the native clock.

The least of several runs counts, since whatever disturbs a run makes it longer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.measure import kernels
from compiler.backends.llvm.run.binding import Binding, Stretches, address_of, frame_of
from compiler.backends.llvm.run.timing import timed_part
from compiler.backends.llvm.steps.launches import Launch, Scratch
from compiler.backends.llvm.steps.library import load_kernels, ready
from compiler.backends.llvm.threads.pool import get_num_threads
from compiler.ir.types import FLOAT32, FLOAT64, INT64
from compiler.loops.language import Kernel, Let, walk
from compiler.speed.machine import Level, MeasuredMachine
from compiler.speed.processor import cache_sizes, processor_name

Array: TypeAlias = np.ndarray[Any, Any]

ROUNDS: Final = 4
"""How often everything is measured: what disturbs is mostly short."""

REPEATS: Final = 3
"""How often a kernel runs in a round; the first time brings its memory into the cache."""

ELEMENTS: Final = 2048
"""Of an array that is mapped or picked from: it lies in the first cache."""

STEPS: Final = 2000
"""Iterations of a chain: a few microseconds."""

FEWEST: Final = 2**20
"""Bytes that are read or written in a run, over and over again where they are fewer."""

MOST: Final = 2**26
"""Bytes of what stands for memory."""

PIECES: Final = 8
"""Chunks for each thread where all of them read or write."""


def measure(target: Target) -> MeasuredMachine:
    """Measures, in less than a second."""
    bench = _Bench(target)
    for _ in range(ROUNDS):
        bench.round()
    return bench.machine()


class _Bench:
    """Memory and loaded kernels, and the least seconds of each trial so far, with the launch."""

    def __init__(self, target: Target) -> None:
        self.target, self.threads = target, get_num_threads()
        self.kernels = _kernels(target)
        self.addresses = load_kernels(self.kernels, target)
        self.best: dict[object, float] = {}
        self.caches = cache_sizes()
        self.large = np.ones(MOST // 8 + 8, np.int64)  # zeros would not be there before they are written
        self.result = np.zeros(1024 * (self.threads * PIECES + 1), np.int64)
        self.places = np.arange(ELEMENTS, dtype=np.int64) * 997 % ELEMENTS
        self.mapped = np.linspace(-3, 3, ELEMENTS, dtype=np.float32)
        self.images = np.empty_like(self.mapped)

    @property
    def sizes(self) -> list[int]:
        """Bytes that are read and written for each level: half of a cache, and what no cache holds."""
        return [*(size // 2 for size in self.caches), MOST]

    def round(self) -> None:
        """Runs every trial."""
        large, result = -(-address_of(self.large) // 64) * 64, address_of(self.result)
        self._run("nothing", "nothing", [], repeats=50)
        self._run("handing", "latency", [result, STEPS], chunks=2 * self.threads, repeats=10)
        for name in _CHAINS:
            self._run(name, name, [result, STEPS])
        self._run("picking", "picking", [address_of(self.places), large, result, ELEMENTS])
        self._run("exp", "exp", [address_of(self.mapped), address_of(self.images), ELEMENTS])
        for size in self.sizes:
            for chunks in (1, self.threads * PIECES):
                numbers = size // chunks // 4, max(1, FEWEST // size)
                self._run(("reading", size, chunks), "reading", [large, result, *numbers], chunks)
                self._run(("writing", size, chunks), "writing", [large, *numbers], chunks)

    def _run(
        self, trial: object, key: str, numbers: Sequence[int], chunks: int = 1, repeats: int = REPEATS
    ) -> None:
        launches = [Launch(key, list(numbers), chunks)] * repeats
        stretches = Stretches([(0, repeats)], launches, [], Scratch())
        binding = Binding(stretches, self.addresses, {}, [], 0, [], {}, {})
        _, spent = timed_part()(binding, frame_of([0]), 0, repeats)
        self.best[trial] = min(self.best.get(trial, math.inf), min(spent) / 1e9)

    def machine(self) -> MeasuredMachine:
        """What was found."""
        lanes = self.target.vector_bytes // 4
        exponentials = self._rate("exp", ELEMENTS)
        chains = {name: self._rate(name, STEPS * count) for name, (count, _) in _CHAINS.items()}
        return MeasuredMachine(
            processor=processor_name(),
            measured_by="llvm",
            threads=self.threads,
            vector_bits=8 * self.target.vector_bytes,
            levels=tuple(map(self._level, range(len(self.sizes)))),
            flops32=2 * lanes * chains["flops32"],
            flops64=lanes * chains["flops64"],
            vectors=exponentials / lanes * self._instructions("exp"),
            scalars=2 * chains["scalars"],
            divisions32=lanes * chains["divisions32"],
            divisions64=lanes / 2 * chains["divisions64"],
            exponentials=exponentials,
            picks=self._rate("picking", ELEMENTS),
            latency=1 / chains["latency"],
            launch=self.best["nothing"],
            handing=max(0.0, self.best["handing"] - 2 * self.best["latency"]),
        )

    def _level(self, number: int) -> Level:
        """The caches but for the last are each thread's own."""
        size, names = self.sizes[number], [*(f"L{k + 1}" for k in range(len(self.caches))), "memory"]
        bytes_moved = size * max(1, FEWEST // size)
        alone = [self._rate((what, size, 1), bytes_moved) for what in ("reading", "writing")]
        pieces = self.threads * PIECES
        together = [self._rate((what, size, pieces), bytes_moved) for what in ("reading", "writing")]
        if number < len(self.caches) - 1:
            together = [self.threads * rate for rate in alone]
        holds = self.caches[number] if number < len(self.caches) else math.inf
        return Level(names[number], holds, *alone, *map(max, together, alone))

    def _rate(self, trial: object, count: float) -> float:
        """So many a second."""
        return count / max(self.best[trial] - self.best["nothing"], 1e-9)

    def _instructions(self, key: str) -> int:
        """Vector instructions that compute, in a kernel with one loop."""
        (kernel,) = ready({key: self.kernels[key]}, self.target).values()
        return sum(isinstance(stmt, Let) and stmt.value.lanes > 0 for stmt in walk(kernel.body))


_CHAINS: Final = {
    "flops32": (kernels.CHAINS, FLOAT32),
    "flops64": (kernels.CHAINS, FLOAT64),
    "divisions32": (kernels.CHAINS, FLOAT32),
    "divisions64": (kernels.CHAINS, FLOAT64),
    "latency": (1, FLOAT64),
    "scalars": (kernels.CHAINS, INT64),
}
"""Trials that are chains: how many of them side by side, and of what."""


def _kernels(target: Target) -> dict[str, Kernel]:
    """Every kernel by the trial that it is for."""
    lanes = target.vector_bytes // 4
    multiply_add = kernels.multiply_add if target.has_fma else kernels.multiply_then_add
    steps = {
        "divisions32": kernels.divide, "divisions64": kernels.divide, "latency": kernels.add,
        "scalars": kernels.mix,
    }  # fmt: skip
    found = {
        "nothing": kernels.nothing(),
        "reading": kernels.reading(lanes),
        "writing": kernels.writing(lanes),
        "picking": kernels.picking(lanes),
        "exp": kernels.mapping("exp", FLOAT32),
    }
    for name, (count, dtype) in _CHAINS.items():
        width = 0 if dtype is INT64 else target.vector_bytes // dtype.size
        found[name] = kernels.chains(dtype, width, count, steps.get(name, multiply_add))
    return found
