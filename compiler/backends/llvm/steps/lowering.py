"""From a plan to steps: a native step for each kernel that has one, a Python step for the others."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, NoReturn

from compiler.analysis.cost import is_at_most
from compiler.analysis.liveness import can_fail
from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.steps.launches import PythonStep, Sizes, Step
from compiler.backends.llvm.steps.loops import LoopStep, index_step, loop_step, written_step
from compiler.backends.llvm.steps.products import ProductStep, product_step
from compiler.backends.llvm.steps.wording import Label
from compiler.backends.reference import compute
from compiler.backends.reference.layout import check_indices
from compiler.errors import BackendError, LinearAlgebraError
from compiler.ir.dims import Extent, Shape, evaluate
from compiler.ir.formula.tape import Const
from compiler.ir.linear_algebra import FUNCTIONS
from compiler.ir.node import Node
from compiler.ir.op import (
    Concatenate,
    Fold,
    Gather,
    Insert,
    Layout,
    MapReduce,
    Pad,
    Prefix,
    Reshape,
    Scatter,
    ScatterAdd,
    Trait,
)  # fmt: skip
from compiler.loops.alike import Likeness, likeness
from compiler.loops.copies import copy
from compiler.loops.drafts import Draft, UnsupportedError
from compiler.loops.edges import as_few, filled
from compiler.loops.factors.drafting import factor_draft
from compiler.loops.folds import fold_draft
from compiler.loops.indexing import index_draft, scatter_draft
from compiler.loops.nests import NestWriter
from compiler.loops.networks.drafting import network_draft
from compiler.loops.networks.lines import line_draft
from compiler.loops.places import Located, Places, Pointer, Region, dense_strides
from compiler.loops.prefixes import prefix_draft
from compiler.loops.products import ProductWriter
from compiler.loops.scanning import scanning_draft
from compiler.loops.selecting.drafting import selection_draft
from compiler.rewrite.refusal import Refusal
from compiler.schedule.execution import Copy, Release, Run, steps_of
from compiler.schedule.nest import Nest
from compiler.schedule.plan import InOutput, InParameter, InSlab, Plan, View
from compiler.schedule.schedule import Kernel

NEAR: Final = 1 << 21
"""Bytes of a result up to which the one thread that adds to its rows also fills it: its cache has them."""


def _moved(target: Located, node: Node, steps: Iterable[tuple[Extent, Extent]]) -> Pointer:
    """An address inside a value: counts of elements along strides."""
    offset = target.pointer.offset
    for count, stride in steps:
        offset = offset + count * stride * node.type.dtype.size
    return Pointer(target.pointer.region, target.pointer.number, offset)


def _in_slab(place: InSlab) -> Pointer:
    return Pointer(Region.SLAB, 0, place.offset)


@dataclass
class Lowered:
    """The steps of a plan in order, and for each kernel of the schedule its steps."""

    places: Places
    steps: list[Step | PythonStep]
    of_kernel: list[list[Step | PythonStep]]
    begins: list[int]
    """How many steps come before each kernel's."""

    def picoseconds(self) -> Extent:
        """The predicted time of one call on one thread."""
        total: Extent = 0
        for step in self.steps:
            if not isinstance(step, PythonStep):
                total = total + step.picoseconds
        return total

    def owner(self, step: Step | PythonStep) -> int:
        """The kernel of the schedule that a step belongs to; -1 for a copy between kernels."""
        return self._owners.get(id(step), -1)

    @cached_property
    def _owners(self) -> dict[int, int]:
        return {id(step): place for place, steps in enumerate(self.of_kernel) for step in steps}

    def raise_refusal(self, look: Callable[[Node], Any], sizes: Sizes) -> NoReturn:
        """Raises what the first step that refused its data has to say.

        That is IndexRangeError of indices, and of a call what its function raises of the same operands.
        """
        refusing = [step for step in self.steps if isinstance(step, LoopStep) and step.may_refuse]
        for step in refusing:
            if step.checked is None:
                compute(step.nodes[0], [look(operand) for operand in step.nodes[0].operands], sizes)
            else:
                extent = evaluate(step.checked.extent, sizes)
                check_indices(step.nodes[0], look(step.checked.indices), extent)
        names = [step.nodes[0].op.name for step in refusing]
        linear = [name for name in names if name in FUNCTIONS]
        if linear:
            raise LinearAlgebraError(f"{' or '.join(linear)}: singular matrix")
        raise BackendError("a native step refused its data")


def lower(plan: Plan, target: Target, strides: Mapping[Node, Shape] | None = None) -> Lowered:
    """The steps of a plan, in the order of `steps_of`. Some inputs may have strides that are not dense."""
    return _Lowering(plan, target, Places(plan, strides)).lower()


_DRAFTS: Final = (factor_draft, selection_draft, line_draft, network_draft, scanning_draft)
"""What is written by vectors, the first that knows a kernel."""


class _Lowering:
    def __init__(self, plan: Plan, target: Target, places: Places) -> None:
        self.plan, self.target, self.places = plan, target, places
        self.steps: list[Step | PythonStep] = []
        members = [node for kernel in plan.schedule.kernels for node in kernel.members]
        self.checking = {node for node in can_fail(members) if not node.op.has(Trait.OPAQUE)}
        """The gathers and scatter_adds whose indices nobody has checked before."""
        self.asides = 0
        """How many values have been moved aside."""
        self._known: dict[Hashable, tuple[Likeness, LoopStep | ProductStep]] = {}

    def lower(self) -> Lowered:
        of_kernel: list[list[Step | PythonStep]] = []
        begins: list[int] = []
        for step in steps_of(self.plan):
            match step:
                case Run():
                    begins.append(len(self.steps))
                    self._kernel(step.kernel)
                    of_kernel.append(self.steps[begins[-1] :])
                case Copy():
                    self._transfer(step)
                case Release():
                    pass
        return Lowered(self.places, self.steps, of_kernel, begins)

    def _transfer(self, step: Copy) -> None:
        """A copy that the plan asks for."""
        value = step.value
        match step.target:
            case InOutput() as place:
                label, target = f"out{place.position}", self._dense(self.places.output(place.position), value)
            case InParameter() as place:
                label, target = place.parameter, self.places[place.parameter]
            case InSlab() as place:
                label, target = f"aside{self.asides}", self._dense(_in_slab(place), value)
                self.asides += 1
        source = None if step.source is None else self._dense(_in_slab(step.source), value)
        self._copy(value, target, label, source)

    @staticmethod
    def _dense(pointer: Pointer, value: Node) -> Located:
        return Located(pointer, dense_strides(value.type.shape))

    def _part(self, node: Node, starts: Shape) -> Located:
        """A part of a value, which begins so far along each axis."""
        target = self.places[node]
        return Located(_moved(target, node, zip(starts, target.strides, strict=True)), target.strides)

    def _copied(self, value: Node, target: Located, to: Label, source: Located | None = None) -> Draft:
        kind = value.type
        return copy(source or self.places[value], target, kind.shape, kind.dtype, (value, to))

    def _copy(
        self, value: Node, target: Located, to: Label, source: Located | None = None, *, is_cut: bool = True
    ) -> None:
        draft = self._copied(value, target, to, source)
        self.steps.append(loop_step((value,), draft, self.target, is_cut=is_cut))

    def _kernel(self, kernel: Kernel) -> None:
        first = kernel.members[0]
        if len(kernel.members) == 1 and isinstance(self.plan.places[first], View):
            _ = self.places[first]  # buffers are numbered when they are first looked up
            return
        try:
            self._native(kernel)
        except UnsupportedError as reason:
            stored = self.plan.schedule.outputs(kernel)
            for node in (*kernel.operands, *stored):
                _ = self.places[node]
            self.steps.append(PythonStep(kernel.members, stored, str(reason)))

    def _move(self, node: Node, op: Layout) -> None:
        """The copies that a layout op is, or its loops over indices."""
        target = self.places[node]
        strides = target.strides
        match op:
            case ScatterAdd() | Scatter():
                scatter = loop_step((node,), scatter_draft(node, self.places), self.target, is_cut=True)
                is_cut = scatter.draft.first.extent != 1 or not is_at_most(node.type.bytes, NEAR)
                if isinstance(op, Scatter):
                    self._begin(node, target, is_cut=is_cut)
                else:
                    fill = copy(Const(0), target, node.type.shape, node.type.dtype, (None, node))
                    self.steps.append(loop_step((node,), fill, self.target, is_cut=is_cut))
                self.steps.append(scatter)
            case Insert():
                self._begin(node, target)
                steps = tuple(s * step for s, step in zip(strides, op.steps, strict=True))
                inside = _moved(target, node, zip(op.starts, strides, strict=True))
                self._copy(node.operands[1], Located(inside, steps), node)
            case Reshape():
                operand = node.operands[0]
                self._copy(operand, Located(target.pointer, dense_strides(operand.type.shape)), node)
            case Pad():
                self._pad(node, op)
            case Concatenate():
                start: Extent = 0
                for operand in node.operands:
                    part = Located(_moved(target, node, [(start, strides[op.axis])]), strides)
                    if not self._is_there(operand, part):
                        self._copy(operand, part, node)
                    start = start + operand.type.shape[op.axis]
            case Fold():
                draft = fold_draft(node, self.places)
                self.steps.append(loop_step((node,), draft, self.target, is_cut=min(op.axes) > 0))
            case _:
                raise UnsupportedError(f"a copy of {op.name} has no native form")

    def _pad(self, node: Node, op: Pad) -> None:
        """The edges that are filled, or everything, and the copy of what is inside, if it is not there."""
        (operand,) = node.operands
        target = self.places[node]
        steps = tuple(s * (inner + 1) for s, inner in zip(target.strides, op.interior, strict=True))
        inside = Located(_moved(target, node, zip(op.low, target.strides, strict=True)), steps)
        whole, dtype = node.type.shape, node.type.dtype
        is_there = self._is_there(operand, inside)
        parts = list(filled(op, whole, dtype.size, is_there))
        drafts = [
            copy(Const(op.value), self._part(node, starts), shape, dtype, (None, node))
            for starts, shape in parts
        ]
        if not is_there:
            drafts.append(self._copied(operand, inside, node))
        for draft in drafts if any(shape == whole for _, shape in parts) else as_few(drafts):
            self.steps.append(loop_step((node,), draft, self.target, is_cut=True))

    def _is_there(self, operand: Node, part: Located) -> bool:
        """Whether an operand is computed in its part of a whole."""
        found = self.places[operand]
        steps = zip(operand.type.shape, found.strides, part.strides, strict=True)
        return found.pointer == part.pointer and all(n == 1 or one == other for n, one, other in steps)

    def _begin(self, node: Node, target: Located, *, is_cut: bool = True) -> None:
        """A copy of what is updated, unless the result is written over it."""
        if self.places[node.operands[0]].pointer != target.pointer:
            self._copy(node.operands[0], target, node, is_cut=is_cut)

    def _native(self, kernel: Kernel) -> None:
        first = kernel.members[0]
        stored = frozenset(self.plan.schedule.outputs(kernel))
        for draft_of in _DRAFTS:
            written = draft_of(kernel, self.places, self.target.vector_bytes)
            if written is not None:
                self.steps.append(written_step(kernel.members, *written))
                return
        if first.op.has(Trait.OPAQUE):
            raise UnsupportedError("it is an opaque call")
        for node in kernel.members:
            if node in self.checking:
                self.steps.append(index_step(node, index_draft(node, self.places), self.target))
        if isinstance(first.op, Layout) and not isinstance(first.op, Gather):
            self._move(first, first.op)
            return
        if isinstance(first.op, Prefix):
            draft, has_rows = prefix_draft(kernel, self.places)
            self.steps.append(loop_step(kernel.members, draft, self.target, is_cut=has_rows))
            return
        if not isinstance(first.op, MapReduce | Gather):
            raise UnsupportedError(f"{first.op.name} is no op of arrays")
        self.steps.append(self._computed(kernel, stored))

    def _computed(self, kernel: Kernel, stored: frozenset[Node]) -> LoopStep | ProductStep:
        """The step of a kernel of maps, reductions and contractions; of alike ones one is drafted."""
        nest = kernel.nest
        if isinstance(nest, Refusal):
            raise UnsupportedError(str(nest))
        found = likeness(kernel, nest, self.places, stored)
        if found.key not in self._known:
            self._known[found.key] = found, self._drafted(kernel, nest, stored)
            return self._known[found.key][1]
        known, step = self._known[found.key]
        pointers = dict(zip(known.pointers, found.pointers, strict=True))
        labels = dict(zip(known.nodes[::-1], found.nodes[::-1], strict=True))
        return replace(step, nodes=kernel.members, draft=step.draft.moved(pointers), labels=labels)

    def _drafted(self, kernel: Kernel, nest: Nest, stored: frozenset[Node]) -> LoopStep | ProductStep:
        """The step of a kernel that is like none before it."""
        no_product = ""
        if kernel.members[0].op.has(Trait.CONTRACTION):
            try:
                draft = ProductWriter(kernel, nest, self.places, stored).write()
                return product_step(kernel.members, draft, self.target)
            except UnsupportedError as reason:
                no_product = str(reason)
        writer = NestWriter(kernel, nest, self.places, stored)
        step = loop_step(kernel.members, writer.write(), self.target, is_cut=writer.may_be_cut)
        return replace(step, no_product=no_product)
