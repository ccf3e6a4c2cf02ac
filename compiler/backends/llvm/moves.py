"""Copies: strided memory to strided memory, as nests of one map that changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.backends.llvm.forms import Form, FromSlot, Member, Slot, Source
from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.nests import NestStep, SlotLabels, step_of
from compiler.backends.llvm.places import Located
from compiler.backends.llvm.wording import Label
from compiler.ir.dims import Extent, Shape, divide_exactly
from compiler.ir.formula.tape import Const
from compiler.ir.node import Node
from compiler.ir.op import Reducer
from compiler.ir.types import DType


def copy_step(
    nodes: tuple[Node, ...],
    source: Located | Const,
    target: Located,
    shape: Shape,
    dtype: DType,
    machine: Target,
    to: Label,
) -> NestStep:
    """Writes `source` (or a literal) over `target`; both have `shape`, and do not overlap.

    What is read is called after the first of `nodes`, what is written after `to`.
    """
    given = [source, target] if isinstance(source, Located) else [target]
    extents, rows = collapsed(shape, [item.strides for item in given])
    vector = len(extents) - 1
    slots = tuple(
        Slot(dtype, tuple(loop for loop in range(vector) if row[loop] != 0), step_of(row[vector]))
        for row in rows
    )
    origin: Source = FromSlot(0) if isinstance(source, Located) else source
    member = Member(
        (), 0, (origin,), (dtype,), dtype, dtype, Reducer.NONE, frozenset(), False, len(slots) - 1, False
    )
    lanes = machine.vector_bytes // (8 if dtype.size == 8 else 4)
    is_whole = divide_exactly(extents[vector], lanes) is not None
    form = Form(len(extents), vector, False, lanes, is_whole, 0, False, slots, (member,), 0)
    where = tuple((item.pointer, tuple(row)) for item, row in zip(given, rows, strict=True))
    memory: list[SlotLabels] = [(nodes[0], None)] if isinstance(source, Located) else []
    return NestStep(nodes, (None,), (*memory, (None, to)), form, tuple(extents), where, (), ())


def collapsed(
    shape: Sequence[Extent], strides: Sequence[Sequence[Extent]]
) -> tuple[list[Extent], list[list[Extent]]]:
    """The loops over a shape, with neighbours joined where every row of strides allows; at least one loop."""
    kept = [axis for axis, extent in enumerate(shape) if extent != 1]
    extents = [shape[axis] for axis in kept] or [1]
    rows = [[row[axis] for axis in kept] or [0] for row in strides]
    for loop in reversed(range(len(extents) - 1)):
        if all(row[loop] == row[loop + 1] * extents[loop + 1] for row in rows):
            extents[loop : loop + 2] = [extents[loop] * extents[loop + 1]]
            for row in rows:
                del row[loop]
    return extents, rows
