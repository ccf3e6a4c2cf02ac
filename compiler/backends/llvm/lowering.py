"""From a plan to steps: a native step for each kernel that has one, a Python step for the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from compiler.backends.llvm.binding import Binding
from compiler.backends.llvm.engine import Target
from compiler.backends.llvm.moves import copy_step
from compiler.backends.llvm.nests import UnsupportedError, nest_step
from compiler.backends.llvm.places import Located, Places, Pointer, Region, dense_strides
from compiler.backends.llvm.products import ProductBuilder
from compiler.backends.llvm.steps import PythonStep, Step
from compiler.errors import BackendError
from compiler.ir.dims import Extent
from compiler.ir.node import Node
from compiler.ir.op import MapReduce, Trait
from compiler.rewrite.refusal import Refusal
from compiler.schedule.nest import nest_of
from compiler.schedule.plan import Plan, View
from compiler.schedule.schedule import Kernel


@dataclass
class Lowered:
    """The steps of a plan in order, and for each kernel of the schedule its steps."""

    places: Places
    steps: list[Step | PythonStep]
    of_kernel: list[list[Step | PythonStep]]

    def picoseconds(self) -> Extent:
        """The predicted time of one call on one thread."""
        total: Extent = 0
        for step in self.steps:
            if not isinstance(step, PythonStep):
                total = total + step.picoseconds
        return total

    def raise_refusal(self, look: Callable[[Node], Any], binding: Binding) -> None:
        """Raises what a step refused."""
        raise BackendError("a native step refused its data")


def lower(plan: Plan, target: Target) -> Lowered:
    """The steps of a plan. Commits run after their kernel, those of the last kernel after the outputs' copies."""
    return _Lowering(plan, target).lower()


class _Lowering:
    def __init__(self, plan: Plan, target: Target) -> None:
        self.plan, self.target = plan, target
        self.places = Places(plan)
        self.steps: list[Step | PythonStep] = []

    def lower(self) -> Lowered:
        kernels = self.plan.schedule.kernels
        of_kernel: list[list[Step | PythonStep]] = []
        if kernels:
            self._commits(-1)
        for place, kernel in enumerate(kernels):
            before = len(self.steps)
            self._kernel(kernel)
            of_kernel.append(self.steps[before:])
            if place + 1 < len(kernels):
                self._commits(place)
        for item in self.plan.copies:
            target = Located(self.places.output(item.position), dense_strides(item.value.type.shape))
            self._copy(item.value, target)
        self._commits(len(kernels) - 1)
        return Lowered(self.places, self.steps, of_kernel)

    def _commits(self, after: int) -> None:
        """Values that lie in parameters about to be written move aside before any of them is."""
        commits = [item for item in self.plan.commits if item.after == after]
        sources = [self.places[item.value] for item in commits]
        for number, item in enumerate(commits):
            if item.through is not None:
                aside = Located(Pointer(Region.SLAB, 0, item.through.offset), dense_strides(item.value.type.shape))
                self._copy(item.value, aside)
                sources[number] = aside
        for item, source in zip(commits, sources, strict=True):
            self._copy(item.value, self.places[item.parameter], source)

    def _copy(self, value: Node, target: Located, source: Located | None = None) -> None:
        kind = value.type
        given = source or self.places[value]
        self.steps.append(copy_step((value,), given, target, kind.shape, kind.dtype, self.target))

    def _kernel(self, kernel: Kernel) -> None:
        first = kernel.members[0]
        if len(kernel.members) == 1 and isinstance(self.plan.places[first], View):
            return
        try:
            self._native(kernel)
        except UnsupportedError as reason:
            stored = self.plan.schedule.outputs(kernel)
            for node in (*kernel.operands, *stored):
                _ = self.places[node]  # buffers are numbered when they are first looked up
            self.steps.append(PythonStep(kernel.members, stored, str(reason)))

    def _native(self, kernel: Kernel) -> None:
        first = kernel.members[0]
        stored = frozenset(self.plan.schedule.outputs(kernel))
        if first.op.has(Trait.OPAQUE):
            raise UnsupportedError("it is an opaque call")
        if not isinstance(first.op, MapReduce):
            raise UnsupportedError(f"{first.op.name} has no native form yet")
        if first.op.has(Trait.CONTRACTION):
            try:
                self.steps.append(ProductBuilder(kernel, self.places, stored, self.target).build())
                return
            except UnsupportedError:
                pass
        nest = nest_of(kernel.members)
        if isinstance(nest, Refusal):
            raise UnsupportedError(str(nest))
        self.steps.append(nest_step(kernel, nest, self.places, stored, self.target))
