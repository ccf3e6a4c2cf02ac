"""Statements written again with other operands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from compiler.loops.language import (
    Along,
    Carry,
    Check,
    Fold,
    For,
    If,
    Join,
    Let,
    Load,
    Pack,
    Ref,
    Stmt,
    Store,
    Tile,
    Value,
    operand,
)


class Copy:
    """Copies statements, with what `known` says in the place of values, counts and memory.

    With `is_fresh` what is written becomes new values, so that a block can stand in a kernel twice.
    """

    def __init__(self, known: Mapping[Any, Any] | None = None, *, is_fresh: bool = False) -> None:
        self.known: dict[Any, Any] = dict(known or {})
        self.is_fresh = is_fresh

    def of(self, item: Any) -> Any:
        """What stands for an operand, a number or memory."""
        return self.known.get(item, item)

    def new(self, value: Value) -> Value:
        """What is written in the place of a value."""
        if self.is_fresh:
            self.known[value] = Value(value.dtype, value.lanes, value.label)
        return self.of(value)

    def ref(self, ref: Ref) -> Ref:
        """A place."""
        terms = tuple((self.of(index), self.of(stride)) for index, stride in ref.terms)
        return Ref(self.of(ref.memory), terms, self.of(ref.step), self.of(ref.at), self.of(ref.stride))

    def along(self, item: Along) -> Any:
        """A stride or a table."""
        return self.ref(item) if isinstance(item, Ref) else self.of(item)

    def all(self, items: Iterable[Any]) -> tuple[Any, ...]:
        """Operands."""
        return tuple(map(self.of, items))

    def block(self, body: Iterable[Stmt]) -> tuple[Stmt, ...]:
        """Statements, in order."""
        return tuple(map(self.stmt, body))

    def stmt(self, stmt: Stmt) -> Stmt:
        """One statement. What it reads is copied before what it writes is new."""
        match stmt:
            case Let(value, atom, operands):
                copied = tuple(map(operand, self.all(operands)))
                return Let(self.new(value), atom, copied)
            case Load(value, ref, mask):
                place, lanes = self.ref(ref), self.of(mask)
                return Load(self.new(value), place, lanes)
            case Store(ref, stored, mask, first):
                return Store(self.ref(ref), operand(self.of(stored)), self.of(mask), first)
            case For():
                return self._loop(stmt)
            case Fold():
                return self._fold(stmt)
            case Join(value, reducer, state):
                given = self.all(state)
                return Join(self.new(value), reducer, given)
            case If():
                return self._if(stmt)
            case Check(condition, status):
                return Check(self.of(condition), self.of(status))
            case Pack():
                return self._pack(stmt)
            case Tile():
                return self._tile(stmt)

    def _if(self, stmt: If) -> If:
        condition, firsts, inside = self.of(stmt.condition), *self._begun(stmt.carried)
        then, otherwise = self.block(stmt.then), self.block(stmt.otherwise)
        return If(condition, then, otherwise, self._ended(stmt.carried, firsts, inside))

    def _begun(self, carried: Sequence[Carry]) -> tuple[list[Any], list[Any]]:
        """What is carried, at first and inside."""
        firsts = [self.of(item.first) for item in carried]
        return firsts, [self.new(item.inside) for item in carried]

    def _ended(
        self, carried: Sequence[Carry], firsts: Sequence[Any], inside: Sequence[Any]
    ) -> tuple[Carry, ...]:
        """What is carried, once what is inside is copied."""
        return tuple(
            Carry(within, first, self.of(item.following), self.new(item.after))
            for item, first, within in zip(carried, firsts, inside, strict=True)
        )

    def _loop(self, loop: For) -> For:
        start, stop = self.of(loop.start), self.of(loop.stop)
        firsts, inside = self._begun(loop.carried)
        index = self.new(loop.index)
        ahead = self.block(loop.ahead)
        mask = None if loop.mask is None else self.new(loop.mask)
        body = self.block(loop.body)
        carried = self._ended(loop.carried, firsts, inside)
        return replace(
            loop, index=index, start=start, stop=stop, body=body, ahead=ahead, mask=mask, carried=carried
        )

    def _fold(self, stmt: Fold) -> Fold:
        state, mask = self.all(stmt.state), self.of(stmt.mask)
        item = tuple(map(operand, self.all(stmt.item)))
        return Fold(tuple(map(self.new, stmt.following)), stmt.reducer, state, item, mask)

    def _pack(self, stmt: Pack) -> Pack:
        return replace(
            stmt, source=self.ref(stmt.source), strides=tuple(map(self.along, stmt.strides)),
            terms=self.of(stmt.terms), columns=self.of(stmt.columns), rows=self.of(stmt.rows),
            step=self.new(stmt.step),
            room=self.of(stmt.room), panel=self.of(stmt.panel),
        )  # fmt: skip

    def _tile(self, stmt: Tile) -> Tile:
        return replace(
            stmt, sums=self.ref(stmt.sums), left=self.ref(stmt.left), right=self.ref(stmt.right),
            left_strides=tuple(map(self.along, stmt.left_strides)), exist=self.of(stmt.exist),
            right_step=self.along(stmt.right_step), terms=self.of(stmt.terms), first=self.of(stmt.first),
            columns=self.of(stmt.columns), live=stmt.live and self.ref(stmt.live), apart=self.of(stmt.apart),
        )  # fmt: skip
