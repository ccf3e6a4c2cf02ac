"""A matrix product as a step: its code, and the numbers of a call."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.steps.launches import BYTES_PER_NANOSECOND, Launch, Scratch, Sizes, chunks_for
from compiler.ir.aligned import CACHE_LINE
from compiler.ir.dims import Extent, evaluate, product
from compiler.ir.node import Node
from compiler.ir.types import INT64
from compiler.loops.arguments import Bound, bind
from compiler.loops.borders import Walk
from compiler.loops.chunking import Cuts, cut_product
from compiler.loops.language import Count, Kernel, Layout, Memory
from compiler.loops.places import Pointer
from compiler.loops.products import ProductDraft
from compiler.loops.recognition import product_of
from compiler.loops.shapes import LONG, SHORT_DEPTH, Shape, choose
from compiler.loops.sparing import Numbers, Spared
from compiler.loops.tables import BLOCK_DEPTH, Table
from compiler.loops.tiling import COPY_ROWS

_INSTRUCTIONS_PER_NANOSECOND: Final = 40.0
_VECTOR_BYTES: Final = 64
_NANOSECONDS_OF_A_VECTOR: Final = 0.4
"""What a multiply-add of a vector is predicted to take, with the loads that it needs."""

_TERMS_OF_A_TILE: Final = 2
"""The terms that take as long as beginning a tile and storing its sums."""

_BYTES_STORED: Final = 25.0
"""The bytes of a result that is larger than a near cache that are predicted to be stored in a nanosecond."""

_ROWS_OF_A_COPY: Final = 4.5
"""The rows whose multiply-adds take as long as copying the panel that they need."""

_ROWS_OF_A_TURN: Final = 16.0
"""The same of a panel that is turned in registers."""

_ROWS_OF_A_PANEL: Final = 1.5
_COLUMNS_OF_A_ROW: Final = 2.0
_COLUMNS_OF_A_FAR_ROW: Final = 6.0
"""Likewise of reading a panel, and a row of the left side, that lie in a slower cache; in the last one."""

_MULTIPLY_ADDS_OF_A_LINE: Final = 1000
"""The multiply-adds that take as long as fetching a line that another thread has just written."""

_RIGHT_NEAR: Final = 1 << 19
_LEFT_NEAR: Final = 1 << 21
"""Bytes of a right side, and of a left one, up to which it is in a near cache."""

_FAR_COPY: Final = 9.0
_FAR_PANEL: Final = 24.0
"""Rows as above of panels that lie in a slower cache: a tile waits for each of their rows in turn."""

_NEAR_BYTES: Final = 1 << 19
"""Bytes of the left side's rows that stay in a near cache while panel after panel passes."""

_PANELS_NEAR: Final = 1 << 20
"""Bytes of panels up to which none is asked for ahead: they are still in a near cache."""

_RESULT_NEAR: Final = 1 << 20
"""Likewise of a result, up to which its lines stay in a cache until all of their columns are stored."""

_FEWEST_ROWS: Final = 128
"""Rows for which a panel is read from a far cache in a small part of the time that its multiply-adds take."""

_LABELS: Final = ("batch_grain", "row_grain", "column_grain", "row_parts", "column_parts")


@dataclass(frozen=True)
class ProductStep:
    """A product with its numbers as extents."""

    nodes: tuple[Node, ...]
    draft: ProductDraft
    bound: Bound
    cuts: Cuts
    tile: Shape
    target: Target
    is_turned: bool
    """Whether panels are copied out of columns, or out of what lies apart."""
    labels: Mapping[object, object] = field(default_factory=dict[object, object])
    """What the draft's labels are called here, where a kernel was drafted for one that it is like."""
    of_rows: dict[int, ProductStep] = field(
        init=False, compare=False, default_factory=dict[int, "ProductStep"]
    )
    """The same for a few rows, where their number was open when the step was made."""

    @property
    def written(self) -> tuple[Kernel, ...]:
        """The kernel as it is drafted, again and again: its loops stay as they are until it is bound."""
        return (self.draft.kernel,) * 5

    @property
    def kernels(self) -> Mapping[str, Kernel]:
        """One kernel."""
        return {self.bound.key: self.bound.kernel}

    @property
    def picoseconds(self) -> Extent:
        """As `launches` predicts, for every size."""
        draft = self.draft
        after = draft.iterations * round(1000 * draft.after / _INSTRUCTIONS_PER_NANOSECOND)
        size, columns = self.nodes[0].type.dtype.size, draft.core[2].extent
        width = max(1, columns) * size if isinstance(columns, int) else _VECTOR_BYTES
        share = -(-width // _VECTOR_BYTES) * size / width  # of a vector, by an element
        terms = draft.depth + _TERMS_OF_A_TILE
        return draft.iterations * terms * round(1000 * share * _NANOSECONDS_OF_A_VECTOR) + after

    def launches(self, sizes: Sizes, scratch: Scratch) -> list[Launch]:
        """One call, cut along batches, rows or columns."""
        draft = self.draft
        batches, rows, columns = (evaluate(count.extent, sizes) for count in draft.core)
        if 0 < rows < self.tile.rows and not isinstance(draft.core[1].extent, int):
            step = self._of_rows(rows)
            return [replace(item, kernel=step.bound.kernel) for item in step.launches(sizes, scratch)]
        elements, depth = evaluate(draft.iterations, sizes), evaluate(draft.depth, sizes)
        nanoseconds = self._nanoseconds(elements, rows, columns, depth)
        near = self._near_rows(depth) if self.cuts.by_rows else rows
        lengths = self._lengths((batches, rows, columns, depth), near, chunks_for(nanoseconds, 1 << 20))
        parts = [_parts(n, cut) for n, cut in zip((batches, rows, columns), lengths, strict=True)]
        known: dict[Memory | Count, int | Pointer] = {**draft.addresses}
        for memory, table in draft.tables.items():
            known[memory] = scratch.table(self._numbers(table, sizes, lengths[1]))
        lengths[2] = -(-lengths[2] // self.cuts.unit)
        known.update(zip(self.cuts.lengths, lengths, strict=True))
        first = parts[0] * parts[2] if self.cuts.by_rows else parts[1]
        known.update(zip(self.cuts.parts, (first, parts[2]), strict=True))
        return [Launch(self.bound.key, self.bound.numbers(known, sizes), math.prod(parts), nanoseconds)]

    def _nanoseconds(self, elements: int, rows: int, columns: int, depth: int) -> float:
        """A rough prediction of its time on one thread: of its arithmetic, its right side, or its result.

        A tile of narrow rows is as much work as one of whole vectors.
        """
        size = self.nodes[0].type.dtype.size
        vectors = elements / max(1, columns) * -(-columns * size // _VECTOR_BYTES)
        sums = vectors * (depth + _TERMS_OF_A_TILE) * _NANOSECONDS_OF_A_VECTOR
        maps = elements * self.draft.after / _INSTRUCTIONS_PER_NANOSECOND
        read = elements * depth * size / BYTES_PER_NANOSECOND / max(1, rows)
        stored = elements * size / _BYTES_STORED if elements * size > _RESULT_NEAR else 0
        return max(sums + maps, read, stored)

    def _of_rows(self, count: int) -> ProductStep:
        """The step for so many rows, fewer than a tile has: it has another tile, and code of its own."""
        if count not in self.of_rows:
            self.of_rows[count] = product_step(self.nodes, self.draft.of_rows(count), self.target)
        return self.of_rows[count]

    def _numbers(self, table: Table, sizes: Sizes, chunk: int) -> Numbers:
        """A table for given sizes and rows of a chunk. Rows that are tiled together share their terms."""

        def steps(walk: Walk) -> tuple[tuple[int, int], ...]:
            return tuple((evaluate(extent, sizes), evaluate(stride, sizes)) for extent, stride in walk)

        zeros, loops = table.zeros, steps(table.loops)
        if zeros is None:
            return Numbers(loops)
        sides, offset = zeros.border.sides, evaluate(zeros.border.offset, sizes)
        spared = Spared(
            steps(zeros.rows), steps(zeros.terms), sides, offset, self.tile.rows, BLOCK_DEPTH, chunk
        )
        return Numbers(loops, table.what, spared)

    def _near_rows(self, depth: int) -> int:
        """Rows of the left side that stay in a near cache: whole tiles, enough to repay reading panels."""
        rows = max(_FEWEST_ROWS, _NEAR_BYTES // max(1, depth * self.nodes[0].type.dtype.size))
        return rows // self.tile.rows * self.tile.rows

    def _lengths(self, extents: tuple[int, int, int, int], near: int, wanted: int) -> list[int]:
        """How many batches, rows and columns a chunk has: what is done soonest by few and by many threads.

        Chunks that have the same columns follow each other, or those that have the same rows where `near`
        of these stay in a cache.
        """
        batches, rows, columns, depth = extents
        if wanted == 1:
            return [max(1, batches), max(1, rows), max(1, columns)]
        down = max(1, rows) if rows <= near else _cut(rows, -(-rows // near), self.tile.rows)
        if batches * _parts(rows, down) >= wanted:
            return [-(-batches // max(1, wanted // _parts(rows, down))), down, max(1, columns)]
        wanted = -(-wanted // max(1, batches))
        found: dict[tuple[int, int], float] = {}
        for number in range(1, wanted + 1):
            for pieces in (number, wanted // 2, wanted):
                down = _cut(rows, number, self.tile.rows)
                across = _cut(columns, -(-pieces // _parts(rows, down)), self.tile.columns)
                if (down, across) not in found:
                    parts = max(1, batches) * _parts(rows, down) * _parts(columns, across)
                    found[down, across] = _makespan(parts) * self._share(rows, columns, depth, down, across)
        return [1, *min(found, key=found.__getitem__)]

    def _share(self, rows: int, columns: int, depth: int, down: int, across: int) -> float:
        """What a chunk takes to what its multiply-adds take: each prepares its panels, and reads its rows."""
        size = self.nodes[0].type.dtype.size
        is_torn = across < columns and (columns * size % CACHE_LINE != 0 or depth <= SHORT_DEPTH)
        is_left_far = rows * depth * size > _LEFT_NEAR
        of_a_row = _COLUMNS_OF_A_FAR_ROW if is_left_far else _COLUMNS_OF_A_ROW
        of_a_row += _MULTIPLY_ADDS_OF_A_LINE / max(1, depth) if is_torn else 0
        if self.is_turned:
            return 1 + _ROWS_OF_A_TURN / down + of_a_row / across
        is_copied = down >= COPY_ROWS or columns % self.tile.columns
        is_far = not self.draft.shares_left and columns * depth * size > _RIGHT_NEAR
        near, far = (_ROWS_OF_A_COPY, _FAR_COPY) if is_copied else (_ROWS_OF_A_PANEL, _FAR_PANEL)
        return 1 + (far if is_far else near) / down + of_a_row / across


def _makespan(parts: int) -> float:
    """How long so many chunks take by 1, 2, 4, 8 and 16 threads together, if all is done by one in 1."""
    return sum(-(-parts // threads) for threads in (1, 2, 4, 8, 16)) / parts


def tables_of(steps: Iterable[object]) -> dict[Node, Extent]:
    """The bytes of the tables of products, each with the first value that is computed by it."""
    known: set[Hashable] = set()
    found: dict[Node, Extent] = {}
    for step in steps:
        if not isinstance(step, ProductStep):
            continue
        tables = {table.key: table for table in step.draft.tables.values() if table.key not in known}
        known.update(tables)
        if tables:
            found[step.nodes[0]] = INT64.size * sum((table.entries for table in tables.values()), start=0)
    return found


def _cut(extent: int, parts: int, of: int) -> int:
    """The length, a multiple of `of`, of as many parts of an extent, or of as many as there are."""
    return math.ceil(extent / min(parts, max(1, -(-extent // of))) / of) * of


def _parts(extent: int, cut: int) -> int:
    """Into how many parts of a length an extent falls."""
    return max(1, -(-extent // cut))


def product_step(nodes: Sequence[Node], draft: ProductDraft, target: Target) -> ProductStep:
    """The native step of a product.

    Where rows are many, code does not depend on how many there are, nor on the number of terms but for
    whether they are one block, nor on that of columns in whole tiles of the usual shape: such products share
    theirs.
    """
    extents = (*(count.extent for count in draft.core), draft.depth)
    _, rows, columns, depth = (extent if isinstance(extent, int) else None for extent in extents)
    dtype = nodes[0].type.dtype
    is_short = _is_short(draft, dtype.size)
    most = SHORT_DEPTH if is_short else BLOCK_DEPTH
    found = product_of(draft.kernel)
    by_table = found is not None and found.by_row is not None
    block = most if depth is not None and depth <= most else None
    tile = choose(target.machine, dtype, None if is_short else rows, columns, block, by_table=by_table)
    if found is not None and rows and replace(found, extents=(rows, columns, depth)).is_dot_of_rows:
        tile = Shape(rows, 1, target.machine.vector_bytes // dtype.size)
    unit = 1 if columns is None else tile.columns
    cuts = Cuts((Count(0), Count(0), Count(0)), (Count(0), Count(0)), unit, draft.shares_left)
    kernel = cut_product(draft.kernel, draft.core, cuts)
    names = (*_LABELS[:3], "parts_of_rows", _LABELS[4]) if cuts.by_rows else _LABELS
    labels = dict(zip((*cuts.lengths, *cuts.parts), names, strict=True))
    known, multiples, few = set(draft.known), dict[Count, int](), dict[Count, int]()
    if rows is None or rows >= COPY_ROWS:
        numbers = {count for count in draft.known if isinstance(count.extent, int)}
        whole = _whole_columns(draft.core[2], tile, choose(target.machine, dtype, None, None))
        is_long = rows is None or rows >= LONG
        known -= numbers if whole else numbers - {draft.core[2], *(() if is_long else draft.core[1:2])}
        multiples, few = whole, dict.fromkeys(numbers - {*draft.core}, most)
    if draft.apart is not None and _is_far(draft, dtype.size):
        known.add(draft.apart)
    bound = bind(kernel, known, multiples, labels, few)
    is_turned = found is not None and found.layout is not Layout.ROWS
    return ProductStep(tuple(nodes), draft, bound, cuts, tile, target, is_turned)


def _is_far(draft: ProductDraft, size: int) -> bool:
    """Whether all panels of a matrix are known to be more than a near cache holds."""
    elements = product((draft.core[0].extent, draft.core[2].extent, draft.depth))
    return isinstance(elements, int) and elements * size > _PANELS_NEAR


def _is_short(draft: ProductDraft, size: int) -> bool:
    """Whether a result of many rows is known to be larger than a near cache, and sooner computed than stored.

    Where a table says which terms there are, rows that are tiled together share more than their terms.
    """
    extents = (*(count.extent for count in draft.core), draft.depth)
    known = [extent for extent in extents if isinstance(extent, int)]
    if len(known) < len(extents) or draft.tables:
        return False
    batches, rows, columns, depth = known
    is_far = batches * rows * columns * size > _RESULT_NEAR
    return rows >= COPY_ROWS and is_far and depth <= SHORT_DEPTH


def _whole_columns(columns: Count, tile: Shape, usual: Shape) -> dict[Count, int]:
    """Columns in whole tiles of the shape that is taken where nothing is known, and how many a tile has."""
    extent = columns.extent
    is_whole = tile == usual and isinstance(extent, int) and extent % tile.columns == 0
    return {columns: tile.columns} if is_whole else {}
