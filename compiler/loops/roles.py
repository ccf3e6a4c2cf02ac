"""What the loops of a contraction are to a product of matrices: batches, rows, columns and terms.

    out[batch, row, column] = sum[term] left[batch, row, term] * right[batch, term, column]

Batch loops are those of both operands, rows of the left one alone, columns of the right one alone.
Neighbours of one role are one loop where all memory allows; the last rows and the last columns are those of
the product, the others run outside. Rows are one loop whatever strides the left operand has, and so are the
terms of both: then a table says where each of them lies, and slices and windows are read where they are.
Where the left operand is a window of what a pass has padded, all rows are one loop in an order of its own, so
that zeros can be left out (`borders`).

Right is the operand that has the output's last loop, so that columns are neighbours where they are stored. It
is the other one where others of its loops run outside, and these columns are so few that vectors would be
nearly empty (the taps of a window), or its terms follow a table (a window) while the other one has many
terms, many columns, and neighbours along one of the two: then a panel of the other one has whole vectors and
serves all of the window's positions, which repays that columns do not lie side by side where they are stored.
And where columns are few, and many rows are neighbours, or `dots` sums along terms that are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from compiler.analysis.aliasing import Region, joined
from compiler.analysis.products import loops_of_contraction
from compiler.ir.dims import Extent, Shape, product
from compiler.ir.node import Node
from compiler.ir.op import Index
from compiler.loops.borders import Border, Walk, border_of
from compiler.loops.drafts import UnsupportedError
from compiler.loops.recognition import FEW_ROWS, MANY_TERMS
from compiler.schedule.addresses import MemoryAccess
from compiler.schedule.frame import map_reduce
from compiler.schedule.nest import Nest

NARROW: Final = 8
"""Columns below which the operands change their roles if there are more outside, and as many rows."""

DEEP: Final = 256
MANY: Final = 32
"""Terms and rows from which on the operands change their roles for the sake of whole vectors.

Storing a column apart takes about as long as 20 terms of it. Convolutions of 3 by 3, 32 to 128 channels: 0.62
to 0.94 of the time (one thread, AVX-512).
"""

MOSTLY: Final = 0.96
"""The share of terms that are no zeros from which on none is left out."""


class Role(Enum):
    """What a loop of the output is."""

    BATCH = "batch"
    ROW = "row"
    COLUMN = "column"


@dataclass(frozen=True, slots=True, eq=False)
class OutputLoop:
    """One or more loops of the output as one.

    `strides` are those of the left and the right operand, then of what the maps read and what is stored, in
    the order of the kernel's accesses. `walk` is how the left operand is walked where it has no stride.
    `common` is the last of the kernel's loops that are in this one, if there is one.
    """

    role: Role
    extent: Extent
    strides: Shape
    walk: Walk = ()
    common: int | None = None
    others: tuple[Walk, ...] = ()
    """How what the maps read and what is stored is walked, where rows are walked in an order of their own."""


@dataclass(frozen=True, slots=True)
class Roles:
    """A contraction as a product. `batch` is one of `outside`, or has one iteration."""

    left: MemoryAccess
    right: MemoryAccess
    outside: tuple[OutputLoop, ...]
    batch: OutputLoop
    rows: OutputLoop
    columns: OutputLoop
    terms: tuple[Walk, Walk]
    """How left and right are walked along the terms, in the order of the summed axes."""
    border: Border | None = None
    """Zeros around the left operand that are left out: `rows` are all rows, walked as `sparing` says."""

    @property
    def loops(self) -> tuple[OutputLoop, ...]:
        """The loops of the output as they run, outermost first."""
        return (*self.outside, self.rows, self.columns)

    @property
    def depth(self) -> Extent:
        """How many terms a sum has."""
        return product(extent for extent, _ in self.terms[0])


def stride_of(walk: Walk) -> Extent | None:
    """The one stride of a walk, None where it has none."""
    if not walk:
        return 0
    extents, strides = zip(*walk, strict=True)
    return strides[-1] if len(joined(extents, [strides])) == 1 else None


def roles(
    members: Sequence[Node],
    nest: Nest,
    accesses: Sequence[MemoryAccess],
    regions: Mapping[Node, Region],
) -> Roles:
    """The loops of a contraction and the maps behind it; the first two accesses are those of its operands.

    `regions` say where values lie. Raises UnsupportedError where it is no product of two matrices.
    """
    sorting = _Sorting(members, nest, accesses, is_turned=_ends_in_first(members[0]))
    found = sorting.roles()
    if _is_narrow(found) or _is_window_of_many(found) or _is_of_few_columns(found):
        sorting = _Sorting(members, nest, accesses, is_turned=found.left is accesses[0])
        found = sorting.roles()
    border = border_of(regions[found.left.value])
    return found if border is None else sorting.spared(found, border)


def _ends_in_first(head: Node) -> bool:
    """Whether the output's last loop is one of the first operand, which is the right one then."""
    op = map_reduce(head)
    found = loops_of_contraction(op)
    if found is None or any(operand.type.dtype is not op.dtype for operand in head.operands):
        raise UnsupportedError("it is no product of two operands of its dtype")
    if found.repeated:
        raise UnsupportedError("an operand is repeated")
    output = _output(head)
    if not output:
        raise UnsupportedError("its result is one number, a sum")
    if output[-1] in found.batch:
        raise UnsupportedError("the output's last loop is one of both operands")
    return output[-1] in found.rows


def _output(head: Node) -> list[int]:
    """The loops of the contraction that the output has, without those of one iteration."""
    op = map_reduce(head)
    return [loop for loop in op.output if loop is not None and op.extents[loop] != 1]


def _is_narrow(found: Roles) -> bool:
    """Whether few columns, known as such, stand beside many outside, and many rows."""
    columns, rows = found.columns.extent, found.rows.extent
    if not isinstance(columns, int) or not isinstance(rows, int):
        return False
    return columns < NARROW <= rows and any(loop.role is Role.COLUMN for loop in found.outside)


def _is_window_of_many(found: Roles) -> bool:
    """Whether the right operand's terms follow a table, and the left one packs well, for many rows."""
    rows, depth = found.rows.extent, found.depth
    if not isinstance(rows, int) or not isinstance(depth, int) or rows < MANY or depth < DEEP:
        return False
    is_window = stride_of(found.terms[1]) is None and 1 in (stride_of(found.terms[0]), found.rows.strides[0])
    return is_window and any(loop.role is Role.COLUMN for loop in found.outside)


def _is_of_few_columns(found: Roles) -> bool:
    """Whether few columns meet more rows, and many terms are neighbours in both operands, or rows are.

    As rows they are summed by vectors along the terms, or along the others, which are whole. Where the number
    of rows is open there may be one, and code for so many as there are is chosen at a call.
    """
    columns, rows, depth = found.columns.extent, found.rows.extent, found.depth
    if not (isinstance(columns, int) and isinstance(rows, int) and isinstance(depth, int)):
        return False
    if not 1 < columns <= min(FEW_ROWS, rows - 1) or found.rows.walk:
        return False
    has_terms = depth >= MANY_TERMS and all(stride_of(walk) == 1 for walk in found.terms)
    return has_terms or (rows >= MANY and depth >= MANY and found.rows.strides[0] == 1)


def _walk(loop: OutputLoop, column: int) -> Walk:
    """How an access is walked by a loop of the output."""
    return loop.walk if column == 0 and loop.walk else ((loop.extent, loop.strides[column]),)


class _Sorting:
    """Sorts the loops of one contraction with the operands in given roles."""

    def __init__(
        self, members: Sequence[Node], nest: Nest, accesses: Sequence[MemoryAccess], *, is_turned: bool
    ) -> None:
        head, *maps = members
        found = loops_of_contraction(map_reduce(head))
        assert found is not None
        self.nest, self.placement = nest, nest.placement[head]
        first, second, *others = accesses
        self.accesses = [second, first, *others] if is_turned else [first, second, *others]
        rows = found.columns if is_turned else found.rows
        self.output = [loop for loop in nest.axes_of(head) if loop is not None]
        self.kinds = [
            Role.BATCH if loop in found.batch else Role.ROW if loop in rows else Role.COLUMN
            for loop in _output(head)
        ]
        self.has_index = any(isinstance(item, Index) for node in maps for item in map_reduce(node).arguments)

    def roles(self) -> Roles:
        """What each loop is."""
        rest = self._joined()
        rows, columns = self._last(rest, Role.ROW), self._last(rest, Role.COLUMN)
        outside = tuple(loop for loop in rest if loop not in (rows, columns))
        batches = [loop for loop in outside if loop.role is Role.BATCH] or list(outside[:1])
        batch = batches[-1] if batches else self._last([], Role.BATCH)
        left, right = self.accesses[:2]
        return Roles(left, right, outside, batch, rows, columns, self._terms())

    def spared(self, found: Roles, border: Border) -> Roles:
        """The same with zeros around the left operand left out, where enough terms are zeros."""
        rows = [loop for loop in (*found.outside, found.rows) if loop.role is Role.ROW]
        columns = range(len(self.accesses))
        walks = [tuple(step for loop in rows for step in _walk(loop, column)) for column in columns]
        share = border.share(walks[0], found.terms[0])
        if share is None or share > MOSTLY or self.has_index or not isinstance(found.depth, int):
            return found
        extent, strides = product(loop.extent for loop in rows), (0,) * len(walks)
        joined = OutputLoop(Role.ROW, extent, strides, walks[0], None, tuple(walks[2:]))
        outside = tuple(loop for loop in found.outside if loop.role is not Role.ROW)
        batch = found.batch if found.batch.role is Role.BATCH else self._last([], Role.BATCH)
        return replace(found, outside=outside, batch=batch, rows=joined, border=border)

    def _joined(self) -> list[OutputLoop]:
        """The output's loops with neighbours of one role joined; the last rows whatever strides left has."""
        extents = [self.nest.loops[loop] for loop in self.output]
        left, *others = [[access.strides[loop] for loop in self.output] for access in self.accesses]
        last = max((k for k, kind in enumerate(self.kinds) if kind is Role.ROW), default=-1)
        kinds: Sequence[object] = range(len(extents)) if self.has_index else self.kinds
        free = [0 if kind is Role.ROW else n for n, kind in zip(left, self.kinds, strict=True)]
        groups = [list(group) for group in joined(extents, [free, *others], kinds)]
        found: list[OutputLoop] = []
        for group in groups:
            walk = tuple((extents[k], left[k]) for k in group)
            if stride_of(walk) is not None or last in group:
                found.append(self._loop(group, walk))
            else:
                found += [self._loop([k], ((extents[k], left[k]),)) for k in group]
        return found

    def _loop(self, group: Sequence[int], walk: Walk) -> OutputLoop:
        """Neighbours as one loop."""
        common = self.output[group[-1]]
        strides = [access.strides[common] for access in self.accesses]
        if (stride := stride_of(walk)) is None:
            strides[0] = 0
        return OutputLoop(
            self.kinds[group[-1]], product(extent for extent, _ in walk), tuple(strides),
            walk if stride is None else (), common,
        )  # fmt: skip

    def _last(self, loops: Sequence[OutputLoop], role: Role) -> OutputLoop:
        """The last loop of a role, or one of one iteration.

        Vectors run along columns: what is behind the sum has neighbours there.
        """
        mine = [loop for loop in loops if loop.role is role]
        width = len(self.accesses) - 2
        return mine[-1] if mine else OutputLoop(role, 1, (0, 0, *[int(role is Role.COLUMN)] * width))

    def _terms(self) -> tuple[Walk, Walk]:
        known = [loop for loop in self.placement if loop is not None and loop not in self.output]
        left, right = (
            tuple((self.nest.loops[loop], access.strides[loop]) for loop in known)
            for access in self.accesses[:2]
        )
        return left, right
