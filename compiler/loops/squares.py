"""Squares of vectors turned in registers: each round puts the lanes of two vectors between each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from compiler.loops.language import Value
from compiler.loops.writing import Writer


def zips(writer: Writer, parts: Sequence[Value]) -> Callable[[int], Value]:
    """The vectors, made as they are asked for, in which lane 0 of all parts is followed by lane 1 of all."""
    half, rounds = len(parts) // 2, len(parts).bit_length() - 1

    @cache
    def after(turns: int, number: int) -> Value:
        if not turns:
            return parts[number]
        a, b = (after(turns - 1, number // 2 + far) for far in (0, half))
        return writer.let("zip_high" if number % 2 else "zip_low", a.dtype, a, b, lanes=a.lanes)

    return lambda number: after(rounds, number)


def unzips(writer: Writer, parts: Sequence[Value]) -> list[Value]:
    """What `zips` makes these vectors of."""
    now = list(parts)
    for _ in range(len(now).bit_length() - 1):
        pairs = list(zip(now[::2], now[1::2], strict=True))
        now = [writer.let(atom, a.dtype, a, b, lanes=a.lanes) for atom in ("evens", "odds") for a, b in pairs]
    return now


def every(writer: Writer, parts: Sequence[Value], number: int) -> Value:
    """One of the vectors of `unzips`: every so many-eth lane of all parts, counted from `number`."""
    while len(parts) > 1:
        atom = "odds" if number % 2 else "evens"
        pairs = zip(parts[::2], parts[1::2], strict=True)
        parts = [writer.let(atom, a.dtype, a, b, lanes=a.lanes) for a, b in pairs]
        number //= 2
    return parts[0]


def part(writer: Writer, vectors: Callable[[int], Value], row: int, width: int) -> Value:
    """The lanes of one row, of which a vector may have several."""
    rows = vectors(0).lanes // width
    found, place = vectors(row // rows), row % rows
    while rows > 1:
        rows //= 2
        found = writer.let("high" if place >= rows else "low", found.dtype, found, lanes=rows * width)
        place %= rows
    return found
