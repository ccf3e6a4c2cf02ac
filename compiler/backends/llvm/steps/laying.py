"""Inputs that do not lie densely: read as they lie, or copied before everything else, behind the slab.

    %x = input : f32[n,4]          neighbours of rows 1 apart, of columns as many as each call says
    ->  for i in 0 .. n:  for j in 0 .. 4:  dense[4*i + j] = x[i + stride*j]

The copies are loops like any others, so that they are turned in registers, walked by vectors and shared by
threads, and the steps behind them are those of dense inputs. An input is read as it lies where that is as
fast and changes no bit: by maps, along their innermost loops or turned, in programs that write to nothing
that it could share memory with.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from compiler.backends.contract import Layout, stride_symbol
from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.steps.launches import Sizes
from compiler.backends.llvm.steps.loops import LoopStep, loop_step
from compiler.backends.llvm.steps.lowering import Lowered, lower
from compiler.ir.dims import Shape, evaluate, symbol
from compiler.ir.node import Node
from compiler.ir.op import Concatenate, Pad, Reshape, Trait
from compiler.loops.copies import copy
from compiler.loops.language import Memory, Store, refs
from compiler.loops.places import Located, Places, Pointer, Region, dense_strides
from compiler.loops.turns import turn_of
from compiler.loops.walking import inside, is_innermost, loops, stride
from compiler.schedule.plan import Plan, View
from compiler.schedule.schedule import Kernel

FEW: Final = 16
"""Kernels of a program that is lowered anew to read inputs as they lie."""


@dataclass(frozen=True)
class Laying:
    """The steps that copy some inputs, by number, and the symbols of all distances."""

    steps: tuple[LoopStep, ...] = ()
    symbols: tuple[str, ...] = ()
    inputs: Mapping[int, Node] | None = None

    def offsets(self, start: int, sizes: Sizes) -> tuple[dict[int, int], int]:
        """Where the copies lie from a byte on, each on a 64-byte border, and where they end."""
        found: dict[int, int] = {}
        for number, node in (self.inputs or {}).items():
            found[number] = start = -(-start // 64) * 64
            start += evaluate(node.type.bytes, sizes)
        return found, start


def laying(
    plan: Plan, layouts: Mapping[int, Layout], target: Target, lowered: Lowered
) -> tuple[Lowered, Laying]:
    """The steps of a plan of which some inputs have layouts, and the copies that come before."""
    inputs = plan.schedule.graph.inputs
    strides = {inputs[number]: _strides(number, layout) for number, layout in layouts.items()}
    found = _reading(plan, strides, target)
    copied = {number: inputs[number] for number in layouts if found is None or inputs[number] not in found[1]}
    steps = tuple(_copy(number, node, strides[node], target) for number, node in copied.items())
    names = tuple(
        stride_symbol(number, axis)
        for number, layout in layouts.items()
        for axis, way in enumerate(layout)
        if way is None
    )
    return lowered if found is None else found[0], Laying(steps, names, copied)


def _strides(number: int, layout: Layout) -> Shape:
    ways = enumerate(layout)
    return tuple(symbol(stride_symbol(number, axis)) if way is None else way for axis, way in ways)


def _copy(number: int, node: Node, strides: Shape, target: Target) -> LoopStep:
    source = Located(Pointer(Region.LAID, number), strides)
    dense = Located(Pointer(Region.DENSE, number), dense_strides(node.type.shape))
    draft = copy(source, dense, node.type.shape, node.type.dtype, (node, node))
    return loop_step((node,), draft, target, is_cut=True)


def _reading(
    plan: Plan, strides: Mapping[Node, Shape], target: Target
) -> tuple[Lowered, Collection[Node]] | None:
    """The steps that read inputs as they lie, and these inputs; None if there are none."""
    if len(plan.schedule.kernels) > FEW or plan.schedule.graph.updates or plan.schedule.donated:
        return None
    places = Places(plan, strides)
    chosen: list[Node] = [node for node in strides if _is_mapped(plan, node, places)]
    while chosen:
        lowered = lower(plan, target, {node: strides[node] for node in chosen})
        steps = [step for step in lowered.steps if isinstance(step, LoopStep)]
        good = [node for node in chosen if all(_reads_well(step, node, lowered.places) for step in steps)]
        if good == chosen:
            return lowered, chosen
        chosen = good
    return None


def _is_mapped(plan: Plan, node: Node, places: Places) -> bool:
    """Whether an input, and its views, which stay views, are read by maps and copies alone."""
    views = [item for item, place in plan.places.items() if isinstance(place, View) and place.base is node]
    if any(places.regions[view].base is not node for view in views):
        return False
    seen = {node, *views}
    readers = [kernel for kernel in plan.schedule.kernels if not seen.isdisjoint(kernel.operands)]
    return all(kernel.members[0] in seen or _is_map(kernel) for kernel in readers)


def _is_map(kernel: Kernel) -> bool:
    return all(
        item.op.has(Trait.ELEMENTWISE) or isinstance(item.op, Reshape | Pad | Concatenate)
        for item in kernel.members
    )


def _reads_well(step: LoopStep, node: Node, places: Places) -> bool:
    """Whether a step reads an input along its innermost loops, in known steps, or turns it."""
    pointer = places[node].pointer
    mine: set[Memory] = {
        memory
        for memory, item in step.draft.addresses.items()
        if (item.region, item.number) == (pointer.region, pointer.number)
    }
    body = step.written[1].body
    if not mine or turn_of(body) is not None:
        return True
    return all(
        isinstance(stride(ref, loop.index), int)
        for loop in loops(body)
        if is_innermost(loop)
        for stmt in inside(loop)
        if not isinstance(stmt, Store)
        for ref in refs(stmt)
        if ref.memory in mine
    )
