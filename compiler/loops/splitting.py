"""Cuts long chains of maps into parts, which run one after the other over a strip of the loop.

    for k in 0 .. n:                     for strip in 0 .. n by 512:
        a = tanh(x[k])                       for k in strip .. min(strip + 512, n):
        b = exp(y[k])            ->              kept[k - strip] = tanh(x[k])
        z[k] = a * b                         for k in strip .. min(strip + 512, n):
                                                 z[k] = kept[k - strip] * exp(y[k])

The processor works on several iterations of a short loop at once; one iteration of a long one fills all its
registers with instructions that wait for each other. Three activations in a row took 1.7 times the time of
three kernels before. What is stored over memory that the kernel reads is stored in the last part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from compiler.ir.types import INT64
from compiler.loops.copying import Copy
from compiler.loops.keeping import Pass, choose, needed, with_rooms
from compiler.loops.language import For, Join, Kernel, Let, Load, Memory, Operand, Ref, Stmt, Store, Value
from compiler.loops.walking import is_innermost
from compiler.loops.weights import EXPENSIVE, weight
from compiler.loops.writing import Writer

STRIP: Final = 512
"""Elements of a strip: what is kept of it stays in the nearest cache. A multiple of every number of lanes."""

LONG: Final = 30.0
"""Instructions from which on a chain is cut."""

PART: Final = 24.0
"""Instructions of a part, unless one expensive atom alone has more or cheap ones follow."""

FEW: Final = 64
"""Elements of a loop that is not worth cutting."""


def split(kernel: Kernel) -> Kernel:
    """The kernel with long chains cut. Loops that reduce, or stand beside others, are left alone."""
    rooms = list(kernel.rooms)
    return replace(kernel, body=_split(kernel.body, rooms), rooms=tuple(rooms))


def _split(body: tuple[Stmt, ...], rooms: list[Memory]) -> tuple[Stmt, ...]:
    if any(isinstance(stmt, Join) for stmt in body):
        return body
    found: list[Stmt] = []
    for stmt in body:
        if not isinstance(stmt, For):
            found.append(stmt)
        elif is_innermost(stmt):
            found += _cut(stmt, rooms)
        else:
            found.append(replace(stmt, body=_split(stmt.body, rooms)))
    return tuple(found)


def _cut(loop: For, rooms: list[Memory]) -> Sequence[Stmt]:
    if loop.carried or (isinstance(loop.stop, int) and loop.start == 0 and loop.stop < FEW):
        return [loop]
    parts = _parts(loop.body)
    count = max(parts.values(), default=0) + 1
    if count == 1:
        return [loop]
    index = Value(INT64)
    bodies = [_body(loop, parts, part, count) for part in range(count)]
    keys = {stmt.value: stmt.value for stmt in loop.body if isinstance(stmt, Let | Load)}
    passes = [Pass(body, keys) for body in bodies]
    kept = choose(passes, STRIP)
    rooms += kept.values()
    writer = Writer()
    stop = writer.minimum(writer.sum(index, STRIP), loop.stop)
    for part, item in enumerate(passes):
        earlier = {key for other in passes[:part] for key in other.made}
        is_first = {key: key not in earlier for key in item.made}
        body = needed(with_rooms(item, kept, is_first, loop.index, index))
        if body:
            writer.write(Copy(is_fresh=True).stmt(For(loop.index, index, stop, body)))
    return [For(index, loop.start, loop.stop, tuple(writer.blocks[0]), step=STRIP)]


def _parts(body: Sequence[Stmt]) -> dict[Value, int]:
    """The part to which each value belongs. Sigmoids of both signs share an exponential: they are in one."""
    lets = [stmt for stmt in body if isinstance(stmt, Let)]
    if sum(weight(stmt.atom, stmt.operands) for stmt in lets) < LONG:
        return {}
    made = {stmt.value: stmt for stmt in lets}
    found: dict[Value, int] = {}
    halves: dict[Operand, int] = {}
    part, filled = 0, 0.0
    for stmt in lets:
        magnitude = _magnitude(stmt, made) if stmt.atom == "sigmoid" else None
        if magnitude in halves:
            found.update(dict.fromkeys((stmt.value, *_negative(stmt, made)), halves[magnitude]))
            continue
        instructions = weight(stmt.atom, stmt.operands)
        if min(filled, instructions) >= EXPENSIVE and filled + instructions > PART:
            part, filled = part + 1, 0.0
        if magnitude is not None:
            halves[magnitude] = part
        found[stmt.value] = part
        filled += instructions
    return found


def _negative(stmt: Let, made: Mapping[Value, Let]) -> tuple[Value, ...]:
    """The argument of an atom if it is the negative of another value."""
    argument = stmt.operands[0]
    if isinstance(argument, Value) and argument in made and made[argument].atom == "neg":
        return (argument,)
    return ()


def _magnitude(stmt: Let, made: Mapping[Value, Let]) -> Operand:
    """What a sigmoid has in common with that of the negative."""
    found = _negative(stmt, made)
    return made[found[0]].operands[0] if found else stmt.operands[0]


def _body(loop: For, parts: dict[Value, int], part: int, count: int) -> tuple[Stmt, ...]:
    """What a part stores, and everything that it is made of but what an earlier part has stored."""
    stored: dict[Value, Ref] = {}
    found: list[Stmt] = []
    for stmt in loop.body:
        if not isinstance(stmt, Store):
            found.append(stmt)
            continue
        place = count - 1 if stmt.ref.memory.overlaps else _part_of(stmt, parts)
        if place == part:
            found.append(stmt)
        elif place < part and isinstance(stmt.operand, Value):
            stored[stmt.operand] = stmt.ref
    loads: list[Stmt] = []
    for stmt in found:
        if isinstance(stmt, Let) and stmt.value in stored:
            loads.append(Load(stmt.value, stored[stmt.value]))
        else:
            loads.append(stmt)
    return _with_own(loads, parts, part)


def _with_own(body: Sequence[Stmt], parts: dict[Value, int], part: int) -> tuple[Stmt, ...]:
    """The statements without those of later parts, and with those of earlier ones that are needed."""
    wanted = {value for value, place in parts.items() if place == part}
    return needed([stmt for stmt in body if _is_before(stmt, parts, part)], wanted)


def _is_before(stmt: Stmt, parts: dict[Value, int], part: int) -> bool:
    return not isinstance(stmt, Let) or parts.get(stmt.value, 0) <= part


def _part_of(stmt: Store, parts: dict[Value, int]) -> int:
    return parts.get(stmt.operand, 0) if isinstance(stmt.operand, Value) else 0
