"""Inputs that do not lie densely: copies, before everything else, to memory behind the slab.

    %x = input : f32[n,4]          neighbours of rows 1 apart, of columns as many as each call says
    ->  for i in 0 .. n:  for j in 0 .. 4:  dense[4*i + j] = x[i + stride*j]

The copies are loops like any others, so that they are turned in registers, walked by vectors and shared by
threads, and the steps behind them are those of dense inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.backends.contract import Layout, stride_symbol
from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.steps.launches import Sizes
from compiler.backends.llvm.steps.loops import LoopStep, loop_step
from compiler.ir.dims import Extent, evaluate, symbol
from compiler.ir.node import Node
from compiler.loops.copies import copy
from compiler.loops.places import Located, Pointer, Region, dense_strides
from compiler.schedule.plan import Plan


@dataclass(frozen=True)
class Laying:
    """The steps that copy some inputs, by number, and the symbols of the distances that they need."""

    steps: tuple[LoopStep, ...] = ()
    symbols: tuple[str, ...] = ()
    inputs: Mapping[int, Node] | None = None

    def offsets(self, start: int, sizes: Sizes) -> tuple[dict[int, int], int]:
        """Where the copies lie from a byte on, each on a 64-byte border, and where they end."""
        found: dict[int, int] = {}
        for number, node in (self.inputs or {}).items():
            found[number] = start = _rounded(start)
            start += evaluate(node.type.bytes, sizes)
        return found, start


def laying(plan: Plan, layouts: Mapping[int, Layout], target: Target) -> Laying:
    """The copies of the inputs of a plan that have layouts."""
    inputs = {number: plan.schedule.graph.inputs[number] for number in sorted(layouts)}
    steps: list[LoopStep] = []
    known: list[str] = []
    for number, node in inputs.items():
        strides: list[Extent] = []
        for axis, way in enumerate(layouts[number]):
            name = stride_symbol(number, axis)
            strides.append(symbol(name) if way is None else way)
            known += [name] if way is None else []
        source = Located(Pointer(Region.LAID, number), tuple(strides))
        dense = Located(Pointer(Region.DENSE, number), dense_strides(node.type.shape))
        draft = copy(source, dense, node.type.shape, node.type.dtype, (node, node))
        steps.append(loop_step((node,), draft, target, is_cut=True))
    return Laying(tuple(steps), tuple(known), inputs)


def _rounded(start: int) -> int:
    return -(-start // 64) * 64
