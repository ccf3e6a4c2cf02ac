"""The product of matrices that a kernel of loops over scalars is, as `products` writes it.

for i in 0 .. n:                              rows
for j in 0 .. m:                          columns
for b in 0 .. l by 256:  carrying t   blocks of terms, if there are more than one block has
for k in b .. b + 256:  carrying s
s = fma(x[i,k], w[k,j], s)    a factor's index may be read from a table
t = t + s
y[i,j] = relu(t)                      maps

Where terms are left out, k runs through a part of a table of their numbers, which depends on i and b.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from compiler.ir.types import DType
from compiler.loops.language import (
    For,
    Kernel,
    Layout,
    Let,
    Literal,
    Load,
    Memory,
    Number,
    Ref,
    Stmt,
    Value,
)
from compiler.loops.tables import BLOCK_DEPTH
from compiler.loops.walking import definitions, loops, stride

FEW_ROWS: Final = 12
"""Rows that are few: sums of each by two vectors have registers."""

MANY_TERMS: Final = 64
"""Terms from which on adding up the lanes of a sum is a small part of it, where one row could do without."""


@dataclass(frozen=True)
class Live:
    """Where a product leaves terms out: the kinds of rows, and where those of each stand in `live`."""

    kinds: Memory
    begins: Ref
    ends: Memory
    live: Memory
    kind: Value
    """The kind of a row in the place `begins`."""


@dataclass(frozen=True)
class Product:
    """A product as it is written in a kernel."""

    rows: For
    columns: For
    terms: For
    """The loop whose body is one multiply-add."""
    term: Value
    """The number of a term: the index of `terms`, or what a table says there."""
    live: Live | None
    blocks: For | None
    """The loop over blocks of terms."""
    left: Ref
    right: Ref
    by_row: Ref | None
    by_term: tuple[Ref | None, Ref | None]
    """The tables by which rows of the left side, and terms of both, are found; at the first row or term."""
    total: Value
    maps: tuple[Stmt, ...]
    extents: tuple[int | None, int | None, int | None]
    """Of rows, columns and terms, where they are known."""

    @property
    def dtype(self) -> DType:
        return self.left.memory.dtype

    @property
    def layout(self) -> Layout:
        """How the right side lies."""
        if stride(self.right, self.columns.index) == 1:
            return Layout.ROWS
        return Layout.COLUMNS if stride(self.right, self.term) == 1 else Layout.STRIDED

    @property
    def follows_table(self) -> bool:
        """Whether a table says where the rows of the right side lie."""
        return self.by_term[1] is not None

    @property
    def is_dot_of_rows(self) -> bool:
        """Whether one row, or few of many terms, known as such, meet rows that lie contiguous along these."""
        rows, _, terms = self.extents
        is_contiguous = stride(self.left, self.term) == 1 and self.layout is Layout.COLUMNS
        is_plain = self.live is None and self.by_row is None and self.by_term == (None, None)
        is_few = rows is not None and 0 < rows <= FEW_ROWS
        is_deep = terms is not None and terms >= MANY_TERMS
        return is_contiguous and (rows == 1 or (is_few and is_deep and is_plain))


def product_of(kernel: Kernel) -> Product | None:
    """The product that a kernel is, or None."""
    nest = list(loops(kernel.body))
    if len(nest) < 3:
        return None
    terms, known = nest[-1], definitions(kernel.body)
    live = _live(nest[-2], terms)
    term = terms.index if live is None else _term(terms)
    factors = _factors(terms, term, known)
    if factors is None:
        return None
    is_blocked = nest[-2].step == BLOCK_DEPTH
    rows, columns = nest[-4:-2] if is_blocked else nest[-3:-1]
    head, *maps = columns.body
    if head is not (nest[-2] if is_blocked else terms):
        return None
    assert isinstance(head, For)
    left, right = factors
    extents = tuple(_extent(loop.stop, known) for loop in (rows, columns, head))
    return Product(
        rows, columns, terms, term, live, head if is_blocked else None, left.place, right.place,
        left.tables.get(rows.index), (left.tables.get(term), right.tables.get(term)),
        head.carried[0].after, tuple(maps), (extents[0], extents[1], extents[2]),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Factor:
    """A factor: its place without what tables add to it, and the table of each index that has one."""

    place: Ref
    tables: Mapping[Value, Ref]


def _live(blocks: For, terms: For) -> Live | None:
    """The tables that say which terms a row has, if some do: those of the loads in front of its terms."""
    loads = [stmt for stmt in blocks.body if isinstance(stmt, Load)]
    first = terms.body[0] if terms.body else None
    if len(loads) != 3 or terms.start is not loads[1].value or not isinstance(first, Load):
        return None
    kinds, begins, ends = loads
    return Live(kinds.ref.memory, begins.ref, ends.ref.memory, first.ref.memory, kinds.value)


def _term(terms: For) -> Value:
    """The number of a term that a table says: so many behind the block's first."""
    number = terms.body[1]
    assert isinstance(number, Let)
    return number.value


def _factors(loop: For, term: Value, known: Mapping[Value, Stmt]) -> list[_Factor] | None:
    """Both factors of a loop that adds up products: of whole numbers the product is an atom of its own."""
    last = loop.body[-1] if loop.body else None
    if not isinstance(last, Let) or len(loop.carried) != 1:
        return None
    operands = last.operands
    if last.atom == "add" and isinstance(operands[1], Value):
        product = known.get(operands[1])
        operands = product.operands if isinstance(product, Let) and product.atom == "mul" else ()
    elif last.atom != "fma":
        return None
    loads = [known.get(item) for item in operands[:2] if isinstance(item, Value)]
    found = [_factor(stmt, term, known) for stmt in loads if isinstance(stmt, Load)]
    return found if len(found) == 2 else None


def _factor(load: Load, term: Value, known: Mapping[Value, Stmt]) -> _Factor:
    tables: dict[Value, Ref] = {}
    terms: list[tuple[Value, Number]] = []
    for index, number in load.ref.terms:
        stmt = known.get(index)
        if isinstance(stmt, Load) and index is not term:
            ((place, _),) = stmt.ref.terms
            tables[place] = Ref(stmt.ref.memory)
        else:
            terms.append((index, number))
    return _Factor(replace(load.ref, terms=tuple(terms)), tables)


def _extent(stop: Number, known: Mapping[Value, Stmt]) -> int | None:
    """How many iterations a loop has, or all chunks of it together, where that is written."""
    if isinstance(stop, int):
        return stop
    stmt = known.get(stop) if isinstance(stop, Value) else None
    if isinstance(stmt, Let) and stmt.atom == "minimum" and isinstance(stmt.operands[1], Literal):
        return int(stmt.operands[1].value)
    return None
