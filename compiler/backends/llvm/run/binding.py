"""A binding: the numbers of all launches of a program for given sizes, in one context."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from compiler.backends.llvm.jit.memory import Blocks, Items
from compiler.backends.llvm.run.driver import BindingRecord, LaunchRecord, PatchRecord
from compiler.backends.llvm.steps.launches import Launch, PythonStep, Scratch, Step
from compiler.ir.dims import evaluate
from compiler.ir.node import Node
from compiler.loops.places import Pointer, Region

Array: TypeAlias = np.ndarray[Any, Any]


class Stretches(NamedTuple):
    """The launches of steps for given sizes."""

    segments: list[tuple[int, int] | PythonStep]
    """The runs of launches (first, stop) and, between them, the Python steps."""

    launches: list[Launch]
    makers: list[Step]
    """The step that each launch belongs to."""

    scratch: int = 0
    """The bytes that they share one after the other."""

    tables: Sequence[Array] = ()


def stretches_of(steps: Sequence[Step | PythonStep], sizes: Mapping[str, int]) -> Stretches:
    """The launches of `steps`, those of neighbours in one run."""
    segments: list[tuple[int, int] | PythonStep] = []
    launches: list[Launch] = []
    makers: list[Step] = []
    scratch = Scratch()
    for step in steps:
        if isinstance(step, PythonStep):
            segments.append(step)
            continue
        scratch.begin()
        first = len(launches)
        launches += step.launches(sizes, scratch)
        makers += [step] * (len(launches) - first)
        last = segments[-1] if segments else None
        if isinstance(last, tuple):
            first = last[0]
            segments.pop()
        segments.append((first, len(launches)))
    return Stretches(segments, launches, makers, scratch.bytes, [item.array for item in scratch.tables])


class Seen(NamedTuple):
    """Where a value lies in a call of some sizes: in an argument, a result, a parameter or the slab."""

    region: Region
    number: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]


class Lying(NamedTuple):
    """A value as an array over memory of others, which begins where a word of the frame says (0: always)."""

    slot: int
    base: int
    array: Array


class Binding:
    """Memory as `driver` says, at `address`. Whoever keeps its address keeps the binding.

    `slots` are the first words of inputs and outputs in a frame, `arrays` those of the buffers. Some inputs,
    by number, are read at addresses of their own, where they are copied to.
    """

    def __init__(
        self,
        stretches: Stretches,
        kernels: Mapping[str, int],
        sizes: Mapping[str, int],
        symbols: Sequence[str],
        slab: int,
        arrays: Sequence[Array],
        slots: Mapping[Region, int],
        copies: Mapping[int, int],
    ) -> None:
        self.sizes, self.arrays, self._slots, self._copies = dict(sizes), list(arrays), slots, copies
        self.segments, self.makers = stretches.segments, stretches.makers
        self.record = BindingRecord()
        self.address = ctypes.addressof(self.record)
        self._scratch = np.empty(stretches.scratch + 64, np.uint8)
        self._tables = stretches.tables
        self._bases: dict[Region, list[int]] = {
            Region.SLAB: [slab],
            Region.SCRATCH: [-(-address_of(self._scratch) // 64) * 64],
            Region.STATUS: [self.address + BindingRecord.offset_of("status")],
            Region.TABLE: [address_of(table) for table in self._tables],
            Region.BUFFER: [address_of(array) for array in self.arrays],
        }
        self._blocks = Blocks()
        self.seen: dict[Node, Seen] = {}
        """Where values lie that NumPy reads or writes, as far as anybody asked."""
        self.lying: dict[Node, Lying] = {}
        """The same as arrays, for calls that have none of their own."""
        self._fill(stretches.launches, kernels, [sizes[name] for name in symbols])

    def base(self, region: Region, number: int, words: Sequence[int]) -> tuple[int, int]:
        """The word of a frame, if any, that says where memory begins (else 0), and where it does."""
        first = self._slots.get(region)
        if first is None:
            return 0, self._bases[region][number]
        return first + number, words[first + number]

    def _fill(self, launches: Sequence[Launch], kernels: Mapping[str, int], sizes: Sequence[int]) -> None:
        numbers: list[int] = []
        patches: list[tuple[int, int, int]] = []
        starts: list[int] = []
        for launch in launches:
            starts.append(len(numbers))
            for item in launch.numbers:
                numbers.append(self._resolved(item, len(numbers), patches))
        record, put = self.record, self._blocks.put
        _, base = put(np.int64, numbers)
        table = [
            (kernels[each.key], base + 8 * start, each.chunks, each.is_parallel, each.checks)
            for each, start in zip(launches, starts, strict=True)
        ]
        at_base = [(base + 8 * word, slot, offset) for word, slot, offset in patches]
        record.sizes = Items(*put(np.int64, sizes))
        record.patches = Items(*put(PatchRecord.numpy, at_base))
        record.launches = Items(*put(LaunchRecord.numpy, table))

    def _resolved(self, item: int | Pointer, word: int, patches: list[tuple[int, int, int]]) -> int:
        """A number of a launch, or 0 and a patch of that word, where it changes from call to call."""
        if not isinstance(item, Pointer):
            return item
        offset, slot = evaluate(item.offset, self.sizes), self._slots.get(item.region)
        if item.region is Region.DENSE or (item.region is Region.INPUT and item.number in self._copies):
            return self._copies[item.number] + offset
        if slot is None:
            return self._bases[item.region][item.number] + offset
        patches.append((word, slot + item.number, offset))
        return 0


def address_of(array: Array) -> int:
    """Where an array's memory begins."""
    return int(array.__array_interface__["data"][0])


def frame_of(values: Sequence[int]) -> Any:
    """A frame for a call."""
    return (ctypes.c_int64 * len(values))(*values)
