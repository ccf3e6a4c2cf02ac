"""A binding: the numbers of all launches of a program for given sizes, in one context."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from compiler.backends.llvm.jit.memory import Blocks
from compiler.backends.llvm.places import Pointer, Region
from compiler.backends.llvm.run.driver import BindingRecord, LaunchRecord, PatchRecord
from compiler.backends.llvm.steps import Launch, PythonStep, Scratch, Step
from compiler.ir.dims import evaluate

Array: TypeAlias = np.ndarray[Any, Any]


class Stretches(NamedTuple):
    """The launches of steps for given sizes."""

    segments: list[tuple[int, int] | PythonStep]
    """The runs of launches (first, stop) and, between them, the Python steps."""

    launches: list[Launch]
    makers: list[Step]
    """The step that each launch belongs to."""

    scratch: int
    """Bytes of scratch."""


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
    return Stretches(segments, launches, makers, scratch.bytes)


class Binding:
    """Memory as `driver` says, at `address`. Whoever keeps its address keeps the binding.

    `slots` are the first words of inputs and outputs in a frame, `arrays` those of the buffers.
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
    ) -> None:
        self.sizes, self.arrays, self._slots = dict(sizes), list(arrays), slots
        self.segments, self.makers = stretches.segments, stretches.makers
        self.record = BindingRecord()
        self.address = ctypes.addressof(self.record)
        self._scratch = np.empty(stretches.scratch + 64, np.uint8)
        self._bases: dict[Region, list[int]] = {
            Region.SLAB: [slab],
            Region.SCRATCH: [-(-address_of(self._scratch) // 64) * 64],
            Region.STATUS: [self.address + BindingRecord.offset_of("status")],
            Region.BUFFER: [address_of(array) for array in self.arrays],
        }
        self._blocks, self._patches = Blocks(), list[PatchRecord]()
        self._fill(stretches.launches, kernels, [sizes[name] for name in symbols])

    def _fill(self, launches: Sequence[Launch], kernels: Mapping[str, int], sizes: Sequence[int]) -> None:
        record, blocks = self.record, self._blocks
        records = [
            LaunchRecord(
                kernels[launch.key], self._numbers(launch), launch.chunks, launch.is_parallel, launch.checks
            )
            for launch in launches
        ]
        record.size_count, record.sizes = len(sizes), blocks.put(ctypes.c_int64, sizes)
        record.patch_count, record.patches = len(self._patches), blocks.put(PatchRecord, self._patches)
        record.launch_count, record.launches = len(records), blocks.put(LaunchRecord, records)

    def _numbers(self, launch: Launch) -> int:
        """Where the numbers of a launch lie; addresses that change from call to call are 0 and a patch."""
        start = self._blocks.put(ctypes.c_int64, [self._resolved(item) for item in launch.numbers])
        for position, item in enumerate(launch.numbers):
            if isinstance(item, Pointer) and item.region in self._slots:
                slot = self._slots[item.region] + item.number
                self._patches.append(
                    PatchRecord(start + 8 * position, slot, evaluate(item.offset, self.sizes))
                )
        return start

    def _resolved(self, item: int | Pointer) -> int:
        if not isinstance(item, Pointer):
            return item
        if item.region in self._slots:
            return 0
        return self._bases[item.region][item.number] + evaluate(item.offset, self.sizes)


def address_of(array: Array) -> int:
    """Where an array's memory begins."""
    return int(array.__array_interface__["data"][0])


def frame_of(values: Sequence[int]) -> Any:
    """A frame for a call."""
    return (ctypes.c_int64 * len(values))(*values)
