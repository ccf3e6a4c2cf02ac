"""Native programs: the steps of a plan, compiled, and bound for sizes when they are first called."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from compiler.backends.contract import Door, Layout, Slow
from compiler.backends.llvm.entry.locks import word_locks
from compiler.backends.llvm.entry.making import make_entry, widen
from compiler.backends.llvm.entry.overlaps import Apart
from compiler.backends.llvm.entry.spec import EntrySpec, entry_spec
from compiler.backends.llvm.jit.cache import ObjectCache, default_cache
from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.run.binding import Binding, Stretches, address_of, frame_of, stretches_of
from compiler.backends.llvm.run.context import NativeContext
from compiler.backends.llvm.run.driver import driver
from compiler.backends.llvm.run.frames import FrameProgram
from compiler.backends.llvm.run.kept import Keeper, is_keepable
from compiler.backends.llvm.run.looking import Looking
from compiler.backends.llvm.run.python_steps import run_segments
from compiler.backends.llvm.run.timing import run_timed
from compiler.backends.llvm.steps.launches import Launch, PythonStep
from compiler.backends.llvm.steps.laying import Laying, laying
from compiler.backends.llvm.steps.library import BY_LLVM, Maker, load_kernels, objects_of, ready
from compiler.backends.llvm.steps.lowering import Lowered, lower
from compiler.backends.llvm.steps.products import tables_of
from compiler.backends.llvm.steps.slow import slow_kernels
from compiler.backends.llvm.steps.wording import Words
from compiler.ir.dims import Extent, evaluate, symbols
from compiler.ir.known_calls import known_call
from compiler.ir.linear_algebra import FUNCTIONS
from compiler.ir.node import Node
from compiler.ir.op import ArrayFunction, Call, Parameter
from compiler.loops.language import Kernel
from compiler.loops.places import Region
from compiler.schedule.plan import Plan

if TYPE_CHECKING:
    from compiler.loops.history import LoopHistory
    from compiler.loops.shown import Speaking
    from compiler.speed.machine import MeasuredMachine
    from compiler.speed.prediction import Prediction

Array: TypeAlias = np.ndarray[Any, Any]


class NativeProgram:
    """A plan as native code. Calls from several threads use a context each."""

    def __init__(
        self,
        plan: Plan,
        target: Target,
        cache: ObjectCache | None = None,
        maker: Maker = BY_LLVM,
        lowered: Lowered | None = None,
        copies: Laying | None = None,
    ) -> None:
        self.plan, self.target, self.maker, self.cache = plan, target, maker, cache
        self.lowered: Lowered = lowered or lower(plan, target)
        self.copies = copies or Laying()
        """The copies of inputs that come first."""
        self._steps = [*self.copies.steps, *self.lowered.steps]
        kernels = {key: kernel for step in self._steps for key, kernel in step.kernels.items()}
        self._kernels = load_kernels(kernels, target, maker, cache)
        graph = plan.schedule.graph
        named = [str(n) for node in graph.inputs for n in node.type.shape if not isinstance(n, int)]
        shapes = {node.type.shape for node in graph.nodes}
        known = sorted({name for shape in shapes for n in shape for name in symbols(n)})
        known += self.copies.symbols
        self.symbols = tuple(dict.fromkeys([name for name in named if name in known] + known))
        self._first_input = 1 + len(self.symbols)
        self._contexts: list[NativeContext] = []
        self._apart = Apart(())
        self._guard = threading.Lock()
        self._keeper: Keeper | None = None
        self._frames: FrameProgram | None = None

    @property
    def python_steps(self) -> tuple[PythonStep, ...]:
        """What NumPy computes between native steps."""
        return tuple(step for step in self.lowered.steps if isinstance(step, PythonStep))

    def tables(self) -> Mapping[Node, Extent]:
        """As `Tabled` says. Equal tables are one, as in a binding."""
        return tables_of(self.lowered.steps)

    def slow(self) -> Sequence[Slow]:
        """As `Candid` says."""
        return tuple(slow_kernels(self.lowered.of_kernel))

    def predicted(self, sizes: Mapping[str, int], machine: MeasuredMachine) -> Sequence[Prediction]:
        """As `Predicting` says."""
        from compiler.backends.llvm.run.predicting import predicted  # what only profiles need

        return predicted(self.lowered, sizes, self.target.machine, machine)

    def source(self, kernel: int | None, speaking: Speaking) -> str:
        """A kernel of the schedule in a language; the whole call, in its order, if none is named."""
        from compiler.backends.llvm.steps.describing import Telling  # what only readers need

        machine = self.target.machine
        telling = Telling(self.lowered, Words(self.lowered.places), machine, speaking(machine))
        return telling.call() if kernel is None else telling.kernel(kernel)

    def loops(self, kernel: int) -> LoopHistory:
        """How the loops of a kernel of the schedule came to be, trick by trick."""
        from compiler.backends.llvm.steps.describing import Telling  # what only readers need
        from compiler.loops.shown import Loops  # likewise

        machine = self.target.machine
        return Telling(self.lowered, Words(self.lowered.places), machine, Loops(machine)).history(kernel)

    def llvm_ir(self, kernel: int) -> str:
        """The IR of a kernel of the schedule, as it was compiled."""
        return self.maker.llvm_ir(self._ready(kernel), self.target)

    def assembly(self, kernel: int) -> str:
        """The assembly of a kernel of the schedule."""
        return self.maker.assembly(self._ready(kernel), self.target)

    def _ready(self, number: int) -> dict[str, Kernel]:
        steps = self.lowered.of_kernel[number]
        return ready({key: kernel for step in steps for key, kernel in step.kernels.items()}, self.target)

    def run(self, inputs: Sequence[Array], sizes: Mapping[str, int], outputs: Sequence[Array]) -> None:
        """One call, as `Executable.run` says."""
        if self._frames is not None:
            self._frames.hand_on()
        self._apart.look()
        widen()
        context = self._take()
        try:
            call = self._call(context, inputs, sizes, outputs)
            if run_segments(call.binding, call.frame, call.look) != 0:
                self.lowered.raise_refusal(call.look, call.binding.sizes)
        finally:
            context.locks.release()

    def laid_out(self, layouts: Mapping[int, Layout]) -> NativeProgram | None:
        """The same plan, of which some inputs are read as they lie, or copied first by loops as fast as any.

        None where NumPy computes some of it, which looks at inputs as if they were dense.
        """
        if self.python_steps:
            return None
        lowered, copies = laying(self.plan, layouts, self.target, self.lowered)
        return NativeProgram(self.plan, self.target, None, self.maker, lowered, copies)

    def run_laid(self, inputs: Sequence[Array], sizes: Mapping[str, int], outputs: Sequence[Array]) -> bool:
        """One call, as `Laid.run_laid` says."""
        self._apart.look()
        widen()
        context = self._take()
        try:
            call = self._call(context, inputs, sizes, outputs)
            return run_segments(call.binding, call.frame, call.look) == 0
        finally:
            context.locks.release()

    def run_timed(
        self, inputs: Sequence[Array], sizes: Mapping[str, int], outputs: Sequence[Array]
    ) -> list[int]:
        """One call, as `Timed.run_timed` says, on as many threads as any other."""
        context = self._take()
        try:
            call = self._call(context, inputs, sizes, outputs)
            return run_timed(self.lowered, call.binding, call.frame, call.look)
        finally:
            context.locks.release()

    def entry(self, door: Door, fallback: Callable[..., Any]) -> Callable[..., Any]:
        """A native function that runs the program, or `fallback` where it cannot vouch for the arguments."""
        spec = self._spec(door)
        if spec is None:
            return fallback
        if not self._contexts:
            self._contexts.append(NativeContext())
        nodes = self.plan.schedule.graph.parameters
        buffers = {node.op.buffer for node in nodes if isinstance(node.op, Parameter)}
        locks = word_locks(sorted(buffers, key=lambda buffer: buffer.serial))
        self._apart = Apart(door.buffers)
        context, address = self._contexts[0], driver().address
        if self.python_steps:
            bound, address = partial(self._bound, context), driver().called_address
            self._frames = FrameProgram(self.lowered.places, context, bound, spec.frame_slots)
        return make_entry(
            spec, address, context.context, fallback, apart=self._apart.address,
            locks=[lock.address for lock in locks], keep=[self, *locks],
        )  # fmt: skip

    def _bound(self, context: NativeContext, words: Sequence[int]) -> Binding | None:
        """The binding that a context has for the extents of a frame."""
        return context.find(dict(zip(self.symbols, words[1:], strict=False)), self.lowered.places.buffers)

    def _spec(self, door: Door) -> EntrySpec | None:
        """What the native entry is to know; None where there is none."""
        if self.python_steps and not self._is_repeatable(door):
            return None
        picoseconds = sum((step.picoseconds for step in self.copies.steps), start=self.lowered.picoseconds())
        spec = entry_spec(door, picoseconds)
        return spec if spec is not None and spec.symbols == self.symbols else None

    def _is_repeatable(self, door: Door) -> bool:
        """Whether a call that NumPy computes some of may be begun, and done again: nobody sees any of it.

        Functions of users do, and keep arrays that they are given.
        """
        is_ours = all(_is_ours(node) for step in self.python_steps for node in step.nodes)
        return is_ours and not door.donated and not self.plan.schedule.graph.updates

    def keep(self, door: Door, key: str) -> None:
        """As `Keepable` says: of programs that have constants and no parameters, and run natively."""
        if self.python_steps:
            return
        spec = self._spec(door)
        constants = [buffer.array for buffer in self.lowered.places.buffers]
        is_plain = self.maker is BY_LLVM and not (door.buffers or door.donated)
        if spec is None or not door.outputs or not is_plain or not is_keepable(spec, constants):
            return
        kernels = {key: kernel for step in self._steps for key, kernel in step.kernels.items()}
        objects = objects_of(kernels, self.target, self.maker, self.cache)
        if objects is None:
            return
        self._keeper = Keeper(key, self.cache or default_cache())
        self._keeper.keep(spec, objects, constants)

    def _call(
        self,
        context: NativeContext,
        inputs: Sequence[Array],
        sizes: Mapping[str, int],
        outputs: Sequence[Array],
    ) -> Looking:
        binding = self._binding(context, sizes)
        values = [context.context.address, *(sizes[name] for name in self.symbols)]
        frame = frame_of([*values, *map(address_of, inputs), *map(address_of, outputs)])
        return Looking(self.lowered.places, context, binding, frame, inputs, outputs)

    def _take(self) -> NativeContext:
        with self._guard:
            for context in self._contexts:
                if context.locks.try_acquire():
                    return context
            context = NativeContext()
            self._contexts.append(context)
            context.locks.acquire()
            return context

    def _chosen(self, launches: Iterable[Launch]) -> dict[str, int]:
        """The addresses of kernels that were chosen for the sizes of a binding."""
        kernels = _chosen(launches)
        return load_kernels(kernels, self.target, self.maker, self.cache) if kernels else {}

    def _keep(self, sizes: Mapping[str, int], stretches: Stretches, slab: int) -> None:
        """Writes down the launches for some sizes, where the program is kept."""
        if self._keeper is None:
            return
        objects = objects_of(_chosen(stretches.launches), self.target, self.maker, self.cache)
        if objects is not None:
            self._keeper.bind({name: sizes[name] for name in self.symbols}, stretches, slab, objects)

    def _binding(self, context: NativeContext, sizes: Mapping[str, int]) -> Binding:
        found = context.find(sizes, self.lowered.places.buffers)
        if found is None:
            offsets, size = self.copies.offsets(evaluate(self.plan.peak_bytes, sizes), sizes)
            context.reserve(size)
            slab, inputs = context.context.memory.slab, len(self.plan.schedule.graph.inputs)
            slots = dict.fromkeys((Region.INPUT, Region.LAID), self._first_input)
            stretches = stretches_of(self._steps, sizes)
            found = Binding(
                stretches, self._kernels | self._chosen(stretches.launches), sizes, self.symbols,
                slab, [buffer.array for buffer in self.lowered.places.buffers],
                slots | {Region.OUTPUT: self._first_input + inputs},
                {number: slab + offset for number, offset in offsets.items()},
            )  # fmt: skip
            context.add(found)
            self._keep(sizes, stretches, size)
        return found


def _is_ours(node: Node) -> bool:
    """Whether it is no function of a user."""
    function: object = node.op.function if isinstance(node.op, Call) else None
    if isinstance(function, ArrayFunction):
        return known_call(function.label, node.type) == node.op
    return function is None or function in FUNCTIONS.values()


def _chosen(launches: Iterable[Launch]) -> dict[str, Kernel]:
    """The kernels that were chosen for the sizes of a binding."""
    return {launch.key: launch.kernel for launch in launches if launch.kernel is not None}
