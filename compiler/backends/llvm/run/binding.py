"""A binding: the numbers of all steps of a program for given sizes, in one context."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from compiler.backends.llvm.entry.making import Context
from compiler.backends.llvm.places import Pointer, Region
from compiler.backends.llvm.run import driver as code
from compiler.backends.llvm.steps import Launch, PythonStep, Scratch, Step
from compiler.ir.dims import evaluate
from compiler.ir.op import Buffer

Array: TypeAlias = np.ndarray[Any, Any]


class Binding:
    """See `driver_code` for the words. Whoever keeps its address keeps the binding.

    `segments` are the runs of native steps and, between them, the Python steps; `makers` are the steps that
    each launch belongs to.
    """

    def __init__(
        self, steps: Sequence[Step | PythonStep], kernels: Mapping[str, int], symbols: Sequence[str],
        sizes: Mapping[str, int], context: Context, buffers: Sequence[Buffer], first_input: int,
        outputs_from: int,
    ) -> None:  # fmt: skip
        self.sizes = dict(sizes)
        self.segments: list[tuple[int, int] | PythonStep] = []
        self.launches: list[Launch] = []
        self.makers: list[Step] = []
        scratch = Scratch()
        for step in steps:
            self._add(step, scratch)
        self.scratch = np.empty(scratch.bytes + 64, np.uint8)
        self.arrays = [buffer.array for buffer in buffers]
        self.words = np.zeros(code.BINDING_SLOTS + len(symbols), np.int64)
        self.address = address_of(self.words)
        self._first = {Region.INPUT: first_input, Region.OUTPUT: outputs_from}
        self._bases: dict[Region, list[int]] = {
            Region.SLAB: [int(context.slots[1])],
            Region.SCRATCH: [-(-address_of(self.scratch) // 64) * 64],
            Region.STATUS: [self.address + 8 * code.STATUS],
            Region.BUFFER: [address_of(array) for array in self.arrays],
        }
        self._fill(kernels, [sizes[name] for name in symbols])

    @property
    def nanoseconds(self) -> float:
        """The predicted time of the native steps."""
        return sum(launch.nanoseconds for launch in self.launches)

    def _add(self, step: Step | PythonStep, scratch: Scratch) -> None:
        if isinstance(step, PythonStep):
            self.segments.append(step)
            return
        scratch.begin()
        first = len(self.launches)
        self.launches += step.launches(self.sizes, scratch)
        self.makers += [step] * (len(self.launches) - first)
        last = self.segments[-1] if self.segments else None
        if isinstance(last, tuple):
            first = last[0]
            self.segments.pop()
        self.segments.append((first, len(self.launches)))

    def _fill(self, kernels: Mapping[str, int], values: Sequence[int]) -> None:
        numbers: list[int] = []
        patches: list[int] = []
        table: list[int] = []
        total = sum(len(launch.numbers) for launch in self.launches)
        self.numbers = np.zeros(total + 1, np.int64)
        start = address_of(self.numbers)
        for launch in self.launches:
            flags = code.PARALLEL_FLAG * launch.is_parallel | code.CHECKING_FLAG * launch.checks
            table += [kernels[launch.key], start + 8 * len(numbers), launch.chunks, flags]
            for item in launch.numbers:
                if isinstance(item, Pointer):
                    numbers.append(self._resolved(item, start + 8 * len(numbers), patches))
                else:
                    numbers.append(item)
        self.numbers[:total] = numbers
        self.patches = np.array(patches or [0], np.int64)
        self.table = np.array(table or [0], np.int64)
        words = [0, len(values), len(patches) // 3, address_of(self.patches)]
        words += [len(self.launches), address_of(self.table), 0, 0, *values]
        self.words[:] = words

    def _resolved(self, item: Pointer, word: int, patches: list[int]) -> int:
        """The address, or 0 and a patch that writes it at each call."""
        offset = evaluate(item.offset, self.sizes)
        if item.region in self._first:
            patches += [word, self._first[item.region] + item.number, offset]
            return 0
        return self._bases[item.region][item.number] + offset


def address_of(array: Array) -> int:
    """Where an array's memory begins."""
    return int(array.__array_interface__["data"][0])


def frame_of(values: Sequence[int]) -> Any:
    """A frame for a call."""
    return (ctypes.c_int64 * len(values))(*values)
