"""Joins loops that walk over memory as one loop would.

    for i in 0 .. n:                                           for k in 0 .. n*m:
        for j in 0 .. m:                                ->         y[k] = exp(x[k])
            y[m*i + j] = exp(x[m*i + j])

Loops over one count are joined together or not at all: a pass over a row and the one behind it, what clears
accumulators and what adds to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from compiler.loops.copying import Copy
from compiler.loops.drafts import Draft, extent_in
from compiler.loops.language import Carry, Count, For, Let, Number, Ref, Stmt, Store, Value, refs, walk


def collapse(draft: Draft) -> Draft:
    """The draft with loops joined, from the innermost ones outwards."""
    joined = True
    while joined:
        joined = False
        for outer, inner in _pairs(draft.kernel.body):
            if _may_join(outer, inner):
                draft = _join(draft, outer, inner)
                joined = True
                break
    return draft


def _pairs(body: Sequence[Stmt]) -> list[tuple[list[For], list[For]]]:
    """The loops over one count, and those right inside them: for each count with one other alone inside."""
    loops: dict[Number, list[For]] = {}
    for stmt in walk(tuple(body)):
        if isinstance(stmt, For):
            loops.setdefault(stmt.stop, []).append(stmt)
    found: list[tuple[list[For], list[For]]] = []
    for outer in loops.values():
        inside = [stmt for loop in outer for stmt in loop.body]
        counts = {loop.stop for loop in inside if isinstance(loop, For)}
        if all(isinstance(stmt, For) for stmt in inside) and len(inside) == len(outer) and len(counts) == 1:
            inner = loops[counts.pop()]
            if len(inner) == len(outer):
                found.append((outer, inner))
    return found[::-1]


def _may_join(outer: Sequence[For], inner: Sequence[For]) -> bool:
    return all(_is_one_loop(loop, body) for loop, body in zip(outer, inner, strict=True))


def _is_one_loop(outer: For, inner: For) -> bool:
    carried = [(item.inside, item.following) for item in outer.carried]
    if carried != [(item.first, item.after) for item in inner.carried]:
        return False
    extent = extent_in(inner.stop)
    indices = (outer.index, inner.index)
    for stmt in walk(inner.body):
        if isinstance(stmt, Let) and not _is_free(stmt, *indices):
            return False
        if isinstance(stmt, Store) and stmt.operand in indices:
            return False
        for ref in refs(stmt):
            strides = dict(ref.terms)
            far, near = (extent_in(strides.get(index, 0)) for index in indices)
            if far != near * extent:
                return False
    return True


def _is_free(stmt: Let, outer: Value, inner: Value) -> bool:
    """Whether an atom reads neither index, or a position in which they are neighbours."""
    if stmt.atom == "place" and outer in stmt.operands:
        return stmt.operands[_behind(stmt, outer)] is inner
    return outer not in stmt.operands and inner not in stmt.operands


def _behind(stmt: Let, index: Value) -> int:
    """Where the next index of a position stands: the first one has no extent behind it."""
    at = stmt.operands.index(index)
    return min(at + (2 if at else 1), len(stmt.operands) - 1)


def _join(draft: Draft, outer: Sequence[For], inner: Sequence[For]) -> Draft:
    far, near = outer[0].stop, inner[0].stop
    whole = Count(extent_in(far) * extent_in(near))
    joining = _Joining(set(map(id, outer)), whole)
    kernel = replace(draft.kernel, body=joining.block(draft.kernel.body))
    return replace(draft, kernel=kernel, first=whole if draft.first is far else draft.first)


class _Joining(Copy):
    """Writes the loops of one count and those inside them as one."""

    def __init__(self, outer: set[int], whole: Count) -> None:
        super().__init__()
        self.outer, self.whole = outer, whole
        self.gone: set[Value] = set()

    def stmt(self, stmt: Stmt) -> Stmt:
        if isinstance(stmt, Let) and stmt.atom == "place" and self.gone.intersection(stmt.operands):
            return self._place(stmt)
        if id(stmt) not in self.outer:
            return super().stmt(stmt)
        assert isinstance(stmt, For)
        (inner,) = stmt.body
        assert isinstance(inner, For)
        self.gone.add(stmt.index)
        carried = tuple(
            Carry(within.inside, item.first, within.following, item.after)
            for item, within in zip(stmt.carried, inner.carried, strict=True)
        )
        return super().stmt(replace(inner, stop=self.whole, carried=carried))

    def ref(self, ref: Ref) -> Ref:
        kept = tuple(term for term in ref.terms if term[0] not in self.gone)
        return super().ref(ref if len(kept) == len(ref.terms) else replace(ref, terms=kept))

    def _place(self, stmt: Let) -> Let:
        """A position without the index that is gone: the extent of the one behind it is that of both."""
        gone = next(item for item in stmt.operands if item in self.gone)
        at, inner = stmt.operands.index(gone), _behind(stmt, gone)
        before, behind = stmt.operands[:at], stmt.operands[inner + 2 :]
        extent = (self.whole,) if at else ()
        return Let(stmt.value, "place", (*before, stmt.operands[inner], *extent, *behind))
