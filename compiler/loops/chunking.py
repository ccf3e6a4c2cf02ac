"""Cuts the outermost loop into chunks, which threads share.

    for i in 0 .. n:                                           first = chunk * grain
        y[i] = exp(x[i])                                ->     last = min(first + grain, n)
                                                               for i in first .. last:
                                                                   y[i] = exp(x[i])

Whoever calls the kernel says how many iterations a chunk has, so that what a chunk adds up does not depend on
the number of threads. A grain of a loop that vectors walk along is a number of whole vectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from compiler.ir.types import INT64
from compiler.loops.drafts import Draft
from compiler.loops.language import Count, For, Kernel, Number, Stmt, Value
from compiler.loops.writing import Writer


def cut(draft: Draft, grain: Count, unit: int) -> Draft:
    """The draft with its first loop in chunks of `grain` times `unit` iterations."""
    writer = Writer()
    iterations = writer.product(grain, unit) if unit != 1 else grain
    first = writer.product(draft.kernel.chunk, iterations)
    last = writer.minimum(writer.sum(first, iterations), draft.first)
    body = tuple(_over(stmt, {draft.first: (first, last)}) for stmt in draft.kernel.body)
    return replace(draft, kernel=replace(draft.kernel, body=(*writer.blocks[0], *body)))


def _over(stmt: Stmt, spans: Mapping[Number, tuple[Value, Value]]) -> Stmt:
    """Loops over some counts, right inside each other, as loops over a part of each."""
    if not isinstance(stmt, For):
        return stmt
    start, stop = spans.get(stmt.stop, (stmt.start, stmt.stop))
    left = {count: span for count, span in spans.items() if count is not stmt.stop}
    body = tuple(_over(item, left) for item in stmt.body) if left else stmt.body
    return replace(stmt, start=start, stop=stop, body=body)


@dataclass(frozen=True)
class Cuts:
    """How a product is cut: batches, rows and columns of a chunk, how many chunks differ in rows and columns.

    Chunks count rows fastest; where `by_rows`, rows slowest, and the first part is how many chunks have the
    same rows. Columns are counted in units.
    """

    lengths: tuple[Count, Count, Count]
    parts: tuple[Count, Count]
    unit: int
    by_rows: bool = False


def cut_product(kernel: Kernel, core: Sequence[Count], cuts: Cuts) -> Kernel:
    """A product's kernel with its loops over batches, rows and columns in chunks."""
    writer = Writer()
    first_parts, by_columns = cuts.parts
    row, rest = (
        writer.let(atom, INT64, kernel.chunk, first_parts)
        for atom in (("div", "rem") if cuts.by_rows else ("rem", "div"))
    )
    is_batched = core[0].extent != 1
    batch = writer.let("div", INT64, rest, by_columns) if is_batched else row
    numbers = batch, row, writer.let("rem", INT64, rest, by_columns) if is_batched else rest
    spans: list[tuple[Value, Value]] = []
    for number, length, count in zip(numbers, cuts.lengths, core, strict=True):
        if count.extent == 1 and count is core[0]:
            continue
        assert isinstance(number, Value)
        is_columns = count is core[-1] and cuts.unit != 1
        iterations = writer.product(length, cuts.unit) if is_columns else length
        first = writer.product(number, iterations)
        spans.append((first, writer.minimum(writer.sum(first, iterations), count)))
    found = dict[Number, tuple[Value, Value]](zip(core[-len(spans) :], spans, strict=True))
    body = tuple(_over(stmt, found) for stmt in kernel.body)
    return replace(kernel, body=(*writer.blocks[0], *body))
