"""A kernel of loops as a step: its code, and the numbers of a call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.steps.launches import BYTES_PER_NANOSECOND, Launch, Scratch, Sizes, chunks_for
from compiler.ir.dims import Extent, evaluate
from compiler.ir.node import Node
from compiler.ir.op import Reducer
from compiler.ir.types import DType
from compiler.loops.across import LONGEST, across
from compiler.loops.arguments import FEW, MOST, Bound, bind
from compiler.loops.chunking import cut
from compiler.loops.collapsing import collapse
from compiler.loops.dealing import deal
from compiler.loops.drafts import Draft, Partial
from compiler.loops.indexing import IndexDraft
from compiler.loops.joining import joining
from compiler.loops.language import Count, For, Kernel, Memory, refs
from compiler.loops.places import Pointer, Region
from compiler.loops.printing import canonical
from compiler.loops.repeating import repeat, rows_of_a_block
from compiler.loops.transposing import STRIP
from compiler.loops.turns import ordered, short_counts, turn_of
from compiler.loops.walking import inside, is_innermost, loops, row_loop, stride, vector_elements
from compiler.loops.widening import rows_at_once, widen

_INSTRUCTIONS_PER_NANOSECOND = 40.0
MOST_SCRATCH = 8 << 20
"""Bytes of scratch memory of all chunks of a kernel."""

_BYTES_OF_A_RANGE = 384
"""Bytes of a row for each chunk that asks whether the row is its own: passing over others costs less then."""


@dataclass(frozen=True)
class LoopStep:
    """A kernel with its numbers as extents. `grain` counts units of the loop that chunks share."""

    nodes: tuple[Node, ...]
    draft: Draft
    bound: Bound
    grain: Count
    unit: int
    is_cut: bool
    written: tuple[Kernel, ...]
    """The kernel as it is drafted, joined, dealt, cut, and widened, for who asks how it came to be."""
    checked: IndexDraft | None = None
    """What is checked, if the kernel may refuse it."""
    labels: Mapping[object, object] = field(default_factory=dict[object, object])
    """What the draft's labels are called here, where a kernel was drafted for one that it is like."""
    no_product: str = ""
    """Why a contraction is not computed by tiles, if it is one."""

    @property
    def kernels(self) -> Mapping[str, Kernel]:
        """The kernel, and what joins the partial results of chunks."""
        found: dict[str, Kernel] = {self.bound.key: self.bound.kernel}
        for item in self.draft.partials:
            if item.needs_scratch or item.is_split:
                key, kernel = join_of(item.reducer, item.memory.dtype, item.dtype)
                found[key] = kernel
        return found

    @property
    def may_refuse(self) -> bool:
        """Whether the kernel checks its data."""
        return any(pointer.region is Region.STATUS for pointer in self.draft.addresses.values())

    @property
    def picoseconds(self) -> Extent:
        """A rough prediction of its time on one thread, of what is computed alone."""
        return self.draft.iterations * round(1000 * self.draft.instructions / _INSTRUCTIONS_PER_NANOSECOND)

    def launches(self, sizes: Sizes, scratch: Scratch) -> list[Launch]:
        """The kernel, then the joining of partial results."""
        first = evaluate(self.draft.first.extent, sizes)
        nanoseconds = self._nanoseconds(sizes)
        grain, chunks = self._cut(first, nanoseconds, sizes)
        known: dict[Memory | Count, int | Pointer] = {self.grain: grain, **self.draft.addresses}
        following: list[Launch] = []
        for item in self.draft.partials:
            self._place(item, chunks, sizes, scratch, known, following)
        for room in self.draft.scratch:
            known[room.memory] = scratch.take(chunks * room.size * room.memory.dtype.size)
        numbers, checks = self.bound.numbers(known, sizes), self.may_refuse
        return [Launch(self.bound.key, numbers, chunks, nanoseconds, checks), *following]

    def _place(
        self,
        item: Partial,
        chunks: int,
        sizes: Sizes,
        scratch: Scratch,
        known: dict[Memory | Count, int | Pointer],
        following: list[Launch],
    ) -> None:
        """Where a reduction adds up: in its result, or in scratch memory that is joined afterwards."""
        size = evaluate(item.size, sizes)
        parts = item.rows * (chunks if item.is_split else 1)
        if parts == 1 and not item.needs_scratch:
            known[item.memory], known[item.distance] = item.target, 0
            return
        memory = scratch.take(parts * size * item.memory.dtype.size)
        key, _ = join_of(item.reducer, item.memory.dtype, item.dtype)
        following.append(Launch(key, [size, parts, memory, item.target]))
        known[item.memory], known[item.distance] = memory, item.rows * size

    def _nanoseconds(self, sizes: Sizes) -> float:
        draft = self.draft
        instructions = evaluate(draft.iterations, sizes) * draft.instructions
        moved = sum(size * evaluate(count, sizes) for size, count in draft.moves)
        return max(instructions / _INSTRUCTIONS_PER_NANOSECOND, moved / BYTES_PER_NANOSECOND)

    def _cut(self, iterations: int, nanoseconds: float, sizes: Sizes) -> tuple[int, int]:
        """The grain in units, and the number of chunks."""
        units = -(-max(1, iterations) // self.unit)
        if not self.is_cut:
            return units, 1
        whole = evaluate(self.draft.iterations, sizes)
        split = [item.rows * evaluate(item.size, sizes) for item in self.draft.partials if item.is_split]
        most = min([max(1, iterations), *(max(1, whole // (8 * size)) for size in split if size)])
        if self.draft.ranges is not None:
            most = min(most, max(1, evaluate(self.draft.ranges.row, sizes) // _BYTES_OF_A_RANGE))
        bytes_of_chunk = sum(room.size * room.memory.dtype.size for room in self.draft.scratch)
        if bytes_of_chunk:
            most = min(most, max(1, MOST_SCRATCH // bytes_of_chunk))
        wanted = chunks_for(nanoseconds, most, is_copy=self.draft.is_copy)
        grain = -(-max(1, iterations) // wanted)
        grain = -(-grain // self.unit)
        return grain, -(-units // grain)


@cache
def join_of(reducer: Reducer, dtype: DType, wanted: DType) -> tuple[str, Kernel]:
    """The kernel that joins partial results of chunks, behind its key; those of a search are added."""
    kernel = joining(Reducer.SUM if reducer.is_search else reducer, dtype, wanted)
    return f"joining {canonical(kernel)}", kernel


def index_step(node: Node, checked: IndexDraft, target: Target) -> LoopStep:
    """The native step that checks the indices of a gather or scatter_add."""
    return replace(loop_step((node,), checked.draft, target, is_cut=True), checked=checked)


def loop_step(nodes: Sequence[Node], draft: Draft, target: Target, *, is_cut: bool) -> LoopStep:
    """The native step of a draft."""
    drafted = draft.kernel
    draft = ordered(collapse(draft), vector_elements(drafted.body, target.vector_bytes))
    joined = draft.kernel
    lanes = vector_elements(joined.body, target.vector_bytes)
    together = rows_at_once(draft, target.machine, lanes)
    multiples, short = _multiples(joined, lanes), short_counts(joined.body, lanes)
    repeated = rows_of_a_block(draft, lanes)
    unit = lanes if draft.first in _innermost(joined) | set(multiples) | short else max(together, repeated)
    grain = Count(0) if draft.ranges is None else draft.ranges.grain
    dealt = (draft := deal(draft, lanes)).kernel
    if is_cut and draft.ranges is None:
        draft = cut(draft, grain, unit)
    written = drafted, joined, dealt, draft.kernel, (draft := widen(draft, together)).kernel
    draft = repeat(draft, repeated, lanes)
    known = (_innermost(draft.kernel) - _turned(joined, lanes)) | short | _lines(joined, lanes)
    labels = {grain: "grain", **{item.distance: "distance" for item in draft.partials}}
    bound = bind(draft.kernel, known, multiples, labels, _few(joined, lanes))
    return LoopStep(tuple(nodes), draft, bound, grain, unit, is_cut, written)


def written_step(nodes: Sequence[Node], draft: Draft, unit: int) -> LoopStep:
    """The native step of a draft that is written by vectors, whose first loop steps by `unit`."""
    grain = Count(0)
    cut_draft = cut(draft, grain, unit)
    bound = bind(cut_draft.kernel, (), labels={grain: "grain"})
    written = (*[draft.kernel] * 3, *[cut_draft.kernel] * 2)
    return LoopStep(tuple(nodes), cut_draft, bound, grain, unit, is_cut=True, written=written)


def _innermost(kernel: Kernel) -> set[Count]:
    """The extents of loops that vectors may run along."""
    return _counts(loop for loop in loops(kernel.body) if is_innermost(loop))


def _lines(kernel: Kernel, lanes: int) -> set[Count]:
    """How far rows are apart that fit into lanes, or are turned, and lie side by side."""
    rows = row_loop(kernel.body)
    if rows is None:
        return set()
    widths = {loop.stop.extent for loop in loops(rows.body) if isinstance(loop.stop, Count)}
    found = {stride(ref, rows.index) for stmt in inside(rows) for ref in refs(stmt)}
    longest = LONGEST * lanes if across(kernel.body, lanes) else lanes
    short = widths.intersection(range(longest + 1))
    return {item for item in found if isinstance(item, Count) and item.extent in short}


def _multiples(kernel: Kernel, lanes: int) -> dict[Count, int]:
    """The extents of other loops that vectors walk along, and up to which number multiples of it matter.

    These are rows that lie in lanes, and what is turned.
    """
    return dict.fromkeys(_rows(kernel, lanes), MOST) | dict.fromkeys(_turned(kernel, lanes), lanes)


def _few(kernel: Kernel, lanes: int) -> dict[Count, int]:
    """What is said to be no more than a number where it is not: rows, and columns of one strip."""
    turn = turn_of(kernel.body)
    columns = set[Count]() if turn is None else _counts([turn.near])
    return dict.fromkeys(_rows(kernel, lanes), FEW) | dict.fromkeys(columns, STRIP)


def _turned(kernel: Kernel, lanes: int) -> set[Count]:
    """The extents of two loops that are turned: squares are the same code, but where there is only one."""
    turn = turn_of(kernel.body)
    both = set[Count]() if turn is None else _counts([turn.near, turn.far])
    return {count for count in both if not isinstance(count.extent, int) or count.extent > lanes}


def _rows(kernel: Kernel, lanes: int) -> set[Count]:
    """The extent of the loop over rows that lie in lanes."""
    rows = across(kernel.body, lanes)
    return set() if rows is None else _counts([rows])


def _counts(found: Iterable[For]) -> set[Count]:
    return {loop.stop for loop in found if isinstance(loop.stop, Count)}
