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
from compiler.backends.llvm.steps.launches import Launch
from compiler.backends.llvm.steps.library import load_kernels, ready
from compiler.backends.llvm.threads.pool import get_num_threads
from compiler.ir.types import FLOAT32, FLOAT64, INT64
from compiler.loops.language import Kernel
from compiler.speed.machine import Level, MeasuredMachine
from compiler.speed.processor import cache_sizes, processor_name
from compiler.speed.work import vector_instructions

Array: TypeAlias = np.ndarray[Any, Any]

ROUNDS: Final = 6
"""How often everything is measured: what disturbs is mostly short."""

REPEATS: Final = 3
"""How often a kernel runs in a round; the first time brings its memory into the cache."""

ELEMENTS: Final = 2048
"""Of an array that is mapped or picked from: it lies in the first cache."""

STEPS: Final = 2000
"""Iterations of a chain: a few microseconds."""

FEWEST: Final = 2**20
"""Bytes that are read or copied in a run, over and over again where they are fewer."""

MOST: Final = 2**26
"""Bytes of what no cache holds; half of them are copied to the others."""

APART: Final = 1088
"""Bytes between what is read and what it is copied to: at equal places of pages one waits for the other."""

PIECES: Final = 8
"""Chunks for each thread where all of them read or copy."""


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
        self.large = np.ones((MOST + APART) // 8 + 8, np.int64)  # zeros have no memory before a write
        self.small = np.ones((2 * max(self.sizes[:-1]) + APART) // 8 + 8, np.int64)
        self.result = np.zeros(1024 * (self.threads * PIECES + 1), np.int64)
        self.places = np.arange(ELEMENTS, dtype=np.int64) * 997 % ELEMENTS
        self.mapped = np.linspace(-3, 3, ELEMENTS, dtype=np.float32)
        self.images = np.empty_like(self.mapped)
        self.counts = {"picking": ELEMENTS, "exp": ELEMENTS, **dict.fromkeys(_CHAINS, STEPS)}

    @property
    def sizes(self) -> list[int]:
        """Bytes that are copied for each level: so few that both copies lie in a cache, or in none."""
        first, *others = self.caches
        return [first // 4, *(size // 8 for size in others), MOST // 2]

    def round(self) -> None:
        """Runs every trial."""
        result = address_of(self.result)
        self._run("nothing", [Launch("nothing", [])] * 50)
        self._run("handing", [Launch("latency", [result, STEPS], 2 * self.threads)] * 50)
        few = [self._launch(name, 1) for name in self.counts]
        self._run("launch", few * 20, different=len(few))
        for name, count in self.counts.items():
            self._run(name, [self._launch(name, count)] * REPEATS)
        for size in self.sizes:
            memory = self.large if size == self.sizes[-1] else self.small
            source = -(-address_of(memory) // 64) * 64
            for chunks in (1, self.threads * PIECES):
                elements, times = self._numbers(size, chunks)
                reading = Launch("reading", [source, result, 2 * elements, times], chunks)
                copying = Launch("copying", [source, source + size + APART, elements, times], chunks)
                self._run(("reading", size, chunks), [reading] * REPEATS)
                self._run(("copying", size, chunks), [copying] * REPEATS)

    def _numbers(self, size: int, chunks: int) -> tuple[int, int]:
        """How many int32 a chunk has, in whole iterations, and how often it goes through them."""
        whole = kernels.TOGETHER * self.target.vector_bytes // 4
        return size // 4 // chunks // whole * whole, max(1, FEWEST // size)

    def _launch(self, name: str, count: int) -> Launch:
        """A kernel that computes: so many elements, or steps."""
        result, places, mapped, images = map(address_of, (self.result, self.places, self.mapped, self.images))
        addresses = {"picking": [places, mapped, result], "exp": [mapped, images]}
        return Launch(name, [*addresses.get(name, [result]), count])

    def _run(self, trial: object, launches: Sequence[Launch], different: int = 1) -> None:
        """Runs launches: the least time counts; of so many that are different, the mean of theirs."""
        stretches = Stretches([(0, len(launches))], list(launches), [])
        binding = Binding(stretches, self.addresses, {}, [], 0, [], {}, {})
        _, spent = timed_part()(binding, frame_of([0]), 0, len(launches))
        taken = sum(min(spent[place::different]) for place in range(different)) / different
        self.best[trial] = min(self.best.get(trial, math.inf), taken / 1e9)

    def machine(self) -> MeasuredMachine:
        """What was found."""
        lanes = self.target.vector_bytes // 4
        chains = {name: self._rate(name, STEPS * count) for name, (count, _) in _CHAINS.items()}
        return MeasuredMachine(
            processor=processor_name(),
            measured_by="llvm",
            threads=self.threads,
            vector_bits=8 * self.target.vector_bytes,
            levels=tuple(map(self._level, range(len(self.sizes)))),
            flops32=2 * lanes * chains["flops32"],
            flops64=lanes * chains["flops64"],
            vectors=self._instructions() / self._seconds("exp"),
            scalars=2 * chains["scalars"],
            divisions32=lanes * chains["divisions32"],
            divisions64=lanes / 2 * chains["divisions64"],
            exponentials=self._rate("exp", ELEMENTS),
            picks=self._rate("picking", ELEMENTS),
            latency=1 / chains["latency"],
            launch=self.best["launch"],
            handing=max(0.0, self.best["handing"] - 2 * self.best["latency"]),
        )

    def _level(self, number: int) -> Level:
        """The caches but for the last are each thread's own."""
        names = [*(f"L{k + 1}" for k in range(len(self.caches))), "memory"]
        alone, is_own = self._rates(number, 1), number < max(1, len(self.caches) - 1)
        together = self._rates(number, self.threads * PIECES) if not is_own else []
        together = together or [self.threads * rate for rate in alone]
        holds = self.caches[number] if number < len(self.caches) else math.inf
        return Level(names[number], holds, *alone, *map(max, together, alone))

    def _rates(self, number: int, chunks: int) -> list[float]:
        """Bytes a second of a level: read, and written besides as many that are read.

        In the first cache both are done at once.
        """
        size = self.sizes[number]
        elements, times = self._numbers(size, chunks)
        moved = 4 * elements * chunks * times
        reading, copying = (self._seconds((what, size, chunks)) for what in ("reading", "copying"))
        writing = copying - reading / 2 if number else copying
        return [2 * moved / reading, moved / max(writing, copying / 4)]

    def _rate(self, trial: object, count: float) -> float:
        """So many a second."""
        return count / self._seconds(trial)

    def _seconds(self, trial: object) -> float:
        """Of a trial without its launch."""
        return max(self.best[trial] - self.best["nothing"], 1e-9)

    def _instructions(self) -> float:
        """How many vector instructions predictions count in the trial of an exponential."""
        (kernel,) = ready({"exp": self.kernels["exp"]}, self.target).values()
        return vector_instructions(kernel, self._launch("exp", ELEMENTS).numbers, self.target.vector_bytes)


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
        "copying": kernels.copying(lanes),
        "picking": kernels.picking(lanes),
        "exp": kernels.mapping("exp", FLOAT32),
    }
    for name, (count, dtype) in _CHAINS.items():
        width = 0 if dtype is INT64 else target.vector_bytes // dtype.size
        found[name] = kernels.chains(dtype, width, count, steps.get(name, multiply_add))
    return found
