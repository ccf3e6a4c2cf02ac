"""Native programs: the steps of a plan, compiled, and bound for sizes when they are first called."""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.backends.llvm.describe import call_text, kernel_text
from compiler.backends.llvm.entry.locks import Freed, word_locks
from compiler.backends.llvm.entry.making import Context, Locks, make_entry
from compiler.backends.llvm.entry.spec import entry_spec
from compiler.backends.llvm.jit.cache import ObjectCache, compiled, default_cache
from compiler.backends.llvm.jit.engine import Library, Target, assembly, complete, host_target
from compiler.backends.llvm.jit.once import once
from compiler.backends.llvm.library import Emit, kernel_module, load_kernels
from compiler.backends.llvm.lowering import Lowered, lower
from compiler.backends.llvm.places import Region
from compiler.backends.llvm.run import driver as code
from compiler.backends.llvm.run.binding import Binding, address_of, frame_of
from compiler.backends.llvm.run.python_steps import run_python_step
from compiler.backends.llvm.run.timing import CLOCK, NativeClock, PythonClock, TimedPart, run_timed
from compiler.backends.llvm.steps import PythonStep
from compiler.backends.llvm.threads.pool import PARALLEL, parallel_address
from compiler.backends.llvm.wording import Words
from compiler.ir.dims import Extent, evaluate, symbols
from compiler.ir.node import Node
from compiler.ir.op import Parameter
from compiler.ir.types import TensorType
from compiler.schedule.plan import Plan

Array: TypeAlias = np.ndarray[Any, Any]

_KEPT: Final = 8
"""Bindings of one context that are kept; the oldest goes first."""


class NativeProgram:
    """A plan as native code. Calls from several threads use a context each."""

    def __init__(self, plan: Plan, target: Target, cache: ObjectCache | None = None) -> None:
        self.plan, self.target = plan, target
        self.lowered: Lowered = lower(plan, target)
        kernels = {key: emit for step in self.lowered.steps for key, emit in step.kernels.items()}
        self._kernels = load_kernels(kernels, target, cache)
        graph = plan.schedule.graph
        named = [str(n) for node in graph.inputs for n in node.type.shape if not isinstance(n, int)]
        known = sorted({name for node in graph.nodes for n in node.type.shape for name in symbols(n)})
        self.symbols = tuple(dict.fromkeys([name for name in named if name in known] + known))
        self._first_input = 1 + len(self.symbols)
        self._contexts: list[NativeContext] = []
        self._guard = threading.Lock()

    @property
    def python_steps(self) -> tuple[PythonStep, ...]:
        """What NumPy computes between native steps."""
        return tuple(step for step in self.lowered.steps if isinstance(step, PythonStep))

    def source(self, kernel: int | None) -> str:
        """The loop nests of a kernel of the schedule; of the whole call, in its order, if none is named."""
        words = Words(self.lowered.places)
        return call_text(self.lowered, words) if kernel is None else kernel_text(kernel, self.lowered, words)

    def llvm_ir(self, kernel: int) -> str:
        """The IR of a kernel of the schedule, as it was compiled."""
        return complete(kernel_module(self._emitters(kernel), self.target), self.target)

    def assembly(self, kernel: int) -> str:
        """The assembly of a kernel of the schedule."""
        return assembly(self.llvm_ir(kernel), self.target)

    def _emitters(self, kernel: int) -> dict[str, Emit]:
        return {key: emit for step in self.lowered.of_kernel[kernel] for key, emit in step.kernels.items()}

    def run(self, inputs: Sequence[Array], sizes: Mapping[str, int], outputs: Sequence[Array]) -> None:
        """One call, as `Executable.run` says."""
        context = self._take()
        try:
            binding = self._binding(context, sizes)
            values = [context.context.address, *(sizes[name] for name in self.symbols)]
            frame = frame_of([*values, *map(address_of, inputs), *map(address_of, outputs)])
            self._execute(context, binding, frame, inputs, outputs)
        finally:
            context.locks.release()

    def run_timed(
        self, inputs: Sequence[Array], sizes: Mapping[str, int], outputs: Sequence[Array]
    ) -> list[int]:
        """One call, as `Timed.run_timed` says, on as many threads as any other."""
        context = self._take()
        try:
            binding = self._binding(context, sizes)
            values = [context.context.address, *(sizes[name] for name in self.symbols)]
            frame = frame_of([*values, *map(address_of, inputs), *map(address_of, outputs)])
            look = self._look(context, binding, inputs, outputs)
            return run_timed(self.lowered, binding, frame, look, driver().timed_part)
        finally:
            context.locks.release()

    def entry(
        self,
        inputs: Sequence[Node],
        outputs: Sequence[TensorType],
        demands: Sequence[Extent],
        bare: bool,
        fallback: Callable[..., Any],
    ) -> Callable[..., Any]:
        """A native function that runs the program, or `fallback` where it cannot vouch for the arguments."""
        if self.python_steps or len(self._contexts) > 1:
            return fallback
        spec = entry_spec(inputs, outputs, demands, bare, self.lowered.picoseconds())
        if spec is None or spec.symbols != self.symbols:
            return fallback
        if not self._contexts:
            self._contexts.append(NativeContext())
        nodes = self.plan.schedule.graph.parameters
        buffers = {node.op.buffer for node in nodes if isinstance(node.op, Parameter)}
        locks = word_locks(sorted(buffers, key=lambda buffer: buffer.serial))
        return make_entry(
            spec, driver().address, self._contexts[0].context, fallback,
            locks=[lock.address for lock in locks], keep=[self, *locks],
        )  # fmt: skip

    def _execute(
        self,
        context: NativeContext,
        binding: Binding,
        frame: Any,
        inputs: Sequence[Array],
        outputs: Sequence[Array],
    ) -> None:
        run_part = driver().run_part
        for segment in binding.segments:
            if isinstance(segment, PythonStep):
                run_python_step(segment, self._look(context, binding, inputs, outputs), binding.sizes)
            elif run_part(binding.address, frame, *segment) != 0:
                self.lowered.raise_refusal(self._look(context, binding, inputs, outputs), binding)

    def _look(
        self, context: NativeContext, binding: Binding, inputs: Sequence[Array], outputs: Sequence[Array]
    ) -> Callable[[Any], Array]:
        """Finds the array of a stored value in the memory of the present call."""
        roots = {Region.INPUT: inputs, Region.OUTPUT: outputs, Region.BUFFER: binding.arrays}

        def look(node: Any) -> Array:
            located = self.lowered.places[node]
            pointer, dtype = located.pointer, node.type.dtype
            shape = [evaluate(n, binding.sizes) for n in node.type.shape]
            strides = [evaluate(n, binding.sizes) * dtype.size for n in located.strides]
            offset = evaluate(pointer.offset, binding.sizes)
            if 0 in shape:
                return np.empty(shape, dtype.numpy)
            root = context.slab if pointer.region is Region.SLAB else roots[pointer.region][pointer.number]
            flat = root if pointer.region is Region.SLAB else root.reshape(-1).view(np.uint8)
            return np.ndarray(shape, dtype.numpy, flat, offset, strides)

        return look

    def _take(self) -> NativeContext:
        with self._guard:
            for context in self._contexts:
                if context.locks.try_acquire():
                    return context
            context = NativeContext()
            self._contexts.append(context)
            context.locks.acquire()
            return context

    def _binding(self, context: NativeContext, sizes: Mapping[str, int]) -> Binding:
        found = context.find(sizes, self.lowered.places.buffers)
        if found is None:
            context.reserve(evaluate(self.plan.peak_bytes, sizes))
            inputs = len(self.plan.schedule.graph.inputs)
            found = Binding(
                self.lowered.steps, self._kernels, self.symbols, sizes, context.context,
                self.lowered.places.buffers, self._first_input, self._first_input + inputs,
            )  # fmt: skip
            context.add(found)
        return found


class NativeContext(Freed):
    """A context with its bindings and its lock."""

    def __init__(self) -> None:
        super().__init__()
        self.context = Context(program_slots=1)
        self.locks = Locks([self.context.address])
        self.bindings: list[Binding] = []

    def after_fork(self) -> None:
        """A call that ran in another thread is not there to end."""
        self.context.slots[0] = 0

    @property
    def slab(self) -> Array:
        """The slab's bytes."""
        memory: Any = (ctypes.c_uint8 * self.context.capacity).from_address(int(self.context.slots[1]))
        return np.frombuffer(memory, np.uint8)

    def reserve(self, size: int) -> None:
        """Room in the slab; bindings hold its address, so they go when it moves."""
        if size > self.context.capacity:
            self._replace([])
            self.context.reserve(size)

    def find(self, sizes: Mapping[str, int], buffers: Sequence[Any]) -> Binding | None:
        """The binding for some sizes."""
        for binding in self.bindings:
            if binding.sizes == sizes:
                arrays = zip(binding.arrays, buffers, strict=True)
                if all(array is buffer.array for array, buffer in arrays):
                    return binding
                self._replace([])
                return None
        return None

    def add(self, binding: Binding) -> None:
        """Puts a binding first."""
        self._replace([binding, *self.bindings[: _KEPT - 1]])

    def _replace(self, bindings: list[Binding]) -> None:
        following = [*(binding.address for binding in bindings[1:]), 0]
        self.context.slots[code.FIRST_BINDING] = 0
        for binding, address in zip(bindings, following, strict=False):
            binding.words[0] = address
        self.bindings = bindings
        if bindings:
            self.context.slots[code.FIRST_BINDING] = bindings[0].address


class Driver:
    """The native function that runs programs."""

    def __init__(self, cache: ObjectCache) -> None:
        code_object = compiled(code.DRIVER_IR, host_target(), cache)
        self.library = Library(code_object, code.EXPORTS, {PARALLEL: parallel_address()})
        self.address = self.library["tinytorch_run"]
        part = ctypes.CFUNCTYPE(
            ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64
        )
        self._part_address = self.library["tinytorch_run_part"]
        self.run_part: Callable[..., int] = part(self._part_address)

    @functools.cached_property
    def timed_part(self) -> TimedPart:
        """Runs a part with the best clock of this system."""
        return PythonClock(self.run_part) if CLOCK is None else NativeClock(self._part_address)


@once
def driver() -> Driver:
    """The driver of this process."""
    return Driver(default_cache())
