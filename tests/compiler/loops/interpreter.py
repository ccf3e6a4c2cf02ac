"""Runs kernels on arrays, statement by statement, as `compiler.loops.language` says; knows no emitter.

Atoms of formulas are the oracle's NumPy functions, atoms of machines are exact. Memory is checked: an element
outside of it, two lanes in one place, or vectors that are not whole in a loop without a mask are errors.
"""

import numpy as np

from compiler.backends.reference.atoms import ATOMS_IN_NUMPY
from compiler.ir.dims import evaluate
from compiler.ir.op import Reducer
from compiler.loops.language import (
    Check,
    Count,
    Fold,
    For,
    If,
    Join,
    Layout,
    Let,
    Literal,
    Load,
    Memory,
    Pack,
    Ref,
    Store,
    Tile,
    Value,
    lanes_of,
)  # fmt: skip
from tests.compiler.loops.machine_atoms import ATOMS, WANTING, fma

FORMULAS = ATOMS_IN_NUMPY


class RefusedError(Exception):
    """A check has ended the kernel."""


def run(kernel, *arguments, chunks=1, sizes=None, is_fused=True, is_lowered=False, order=None):
    """Runs all chunks of a kernel. Arguments are numbers, dense arrays, and arrays with the first element.

    `is_fused`: whether multiply-adds of tiles round once. `is_lowered`: whether an atom that formulas have is
    that of machines. Returns whether all checks passed.
    """
    passed = True
    with np.errstate(all="ignore"):
        for chunk in order or range(chunks):
            try:
                one = Interpreter(
                    kernel, arguments, chunk, sizes or {}, is_fused=is_fused, is_lowered=is_lowered
                )
                one.block(kernel.body)
            except RefusedError:
                passed = False
    return passed


def garbage(dtype, extent):
    """What memory holds that nobody has written."""
    return np.full(extent * dtype.size, 255, np.uint8).view(dtype.numpy)


def patterns(flat):
    """Halves as the bits that they are, and small integers as they are: what registers hold."""
    return flat if flat.dtype.kind in "iu" else flat.view(np.uint16)


class Interpreter:
    """One chunk."""

    def __init__(self, kernel, arguments, chunk, sizes, *, is_fused, is_lowered):
        self.values = {kernel.chunk: np.int64(chunk)}
        self.memory, self.sizes, self.is_fused = {}, sizes, is_fused
        self.is_lowered = is_lowered
        for item, given in zip(kernel.arguments, arguments, strict=True):
            if isinstance(item, Memory):
                flat, start = given if isinstance(given, tuple) else (given, 0)
                assert flat.dtype == item.dtype.numpy
                assert flat.flags.c_contiguous
                self.memory[item] = flat.reshape(-1), start
            else:
                self.values[item] = np.int64(given)
        for room in kernel.rooms:
            self.memory[room] = garbage(room.dtype, room.extent), 0
        self.rules = {
            Let: self.let, Load: self.load, Store: self.store, For: self.loop, Fold: self.fold,
            Join: self.join, If: self.choice, Check: self.check, Pack: self.pack, Tile: self.tile,
        }  # fmt: skip

    def block(self, body):
        for stmt in body:
            self.rules[type(stmt)](stmt)

    # Values

    def number(self, number):
        if isinstance(number, Count):
            return evaluate(number.extent, self.sizes)
        return int(self.values[number]) if isinstance(number, Value) else number

    def operand(self, operand):
        if isinstance(operand, Literal):
            return operand.dtype.numpy.type(operand.value)
        return np.int64(self.number(operand)) if isinstance(operand, Count) else self.values[operand]

    def write(self, value, found):
        """A value, whose dtype and lanes must be those that it has."""
        found = np.asarray(found)
        if value.lanes and not found.shape:
            found = np.full(value.lanes, found)
        assert found.dtype == value.dtype.numpy, (value, found.dtype)
        assert found.shape == ((value.lanes,) if value.lanes else ()), (value, found.shape)
        self.values[value] = found if value.lanes else found[()]

    def let(self, stmt):
        atom, operands = stmt.atom, [self.operand(item) for item in stmt.operands]
        if atom == "place":
            first, *rest = operands
            for place, extent in zip(rest[::2], rest[1::2], strict=True):
                first = first * extent + place
            self.write(stmt.value, first)
        elif atom in WANTING:
            self.write(stmt.value, WANTING[atom](stmt.value, *operands))
        elif atom == "fms":
            self.write(stmt.value, fma(operands[0], operands[1], -operands[2]))
        else:
            arrays = [np.asarray(item) for item in operands]
            is_whole = atom == "div" and arrays[0].dtype.kind == "i"
            is_machine = self.is_lowered or is_whole or atom not in FORMULAS
            self.write(stmt.value, (ATOMS if is_machine else FORMULAS)[atom](*arrays))

    # Memory

    def place(self, ref):
        """Where a place is in its memory's array."""
        flat, start = self.memory[ref.memory]
        total = start + sum(self.number(value) * self.number(stride) for value, stride in ref.terms)
        if ref.at is not None:
            total = total + self.values[ref.at] * self.number(ref.stride)
        return flat, total

    def elements(self, ref, lanes, exist):
        """The memory, and the elements that exist of a vector."""
        flat, place = self.place(ref)
        if lanes and (ref.at is None or not ref.at.lanes):
            place = place + np.arange(lanes) * self.number(ref.step)
        return flat, inside(flat, np.asarray(place)[exist] if lanes else place)

    def load(self, stmt):
        lanes = stmt.value.lanes
        exist = np.ones(lanes, bool) if stmt.mask is None else self.values[stmt.mask]
        flat, place = self.elements(stmt.ref, lanes, exist)
        if self.is_lowered and stmt.ref.memory.dtype.is_storage:
            flat = patterns(flat).astype(np.int32)
        if not lanes:
            self.write(stmt.value, flat[place])
            return
        found = np.zeros(lanes, flat.dtype)
        found[exist] = flat[place]
        self.write(stmt.value, found)

    def store(self, stmt):
        lanes = lanes_of(stmt)
        exist = np.ones(lanes, bool) if stmt.mask is None else self.values[stmt.mask]
        if stmt.first:
            exist = np.arange(lanes) < stmt.first
        flat, place = self.elements(stmt.ref, lanes, exist)
        value = np.asarray(self.operand(stmt.operand))
        if self.is_lowered and stmt.ref.memory.dtype.is_storage:
            flat = patterns(flat)
            value = value.astype(flat.dtype)
        assert value.dtype == flat.dtype
        if not lanes:
            flat[place] = value
            return
        assert np.unique(place).size == place.size, "two lanes in one place"
        flat[place] = np.broadcast_to(value, lanes)[exist]

    # Loops

    def loop(self, stmt):
        index, stop = self.number(stmt.start), self.number(stmt.stop)
        carried = [np.broadcast_to(self.operand(x.first), x.inside.lanes or ())[()] for x in stmt.carried]
        if index < stop:
            self.block(stmt.ahead)
        while index < stop:
            assert not stmt.lanes or stmt.mask is not None or stop - index >= stmt.step, "no whole vector"
            self.write(stmt.index, np.int64(index))
            if stmt.mask is not None:
                self.write(stmt.mask, index + np.arange(stmt.lanes) < stop)
            for item, value in zip(stmt.carried, carried, strict=True):
                self.write(item.inside, value)
            self.block(stmt.body)
            carried = [self.operand(item.following) for item in stmt.carried]
            index += stmt.step
        for item, value in zip(stmt.carried, carried, strict=True):
            self.write(item.after, value)

    def choice(self, stmt):
        is_chosen = self.values[stmt.condition]
        carried = [np.broadcast_to(self.operand(x.first), x.inside.lanes or ())[()] for x in stmt.carried]
        for item, value in zip(stmt.carried, carried, strict=True):
            self.write(item.inside, value)
        self.block(stmt.then if is_chosen else stmt.otherwise)
        for item, value in zip(stmt.carried, carried, strict=True):
            self.write(item.after, self.operand(item.following) if is_chosen else value)

    def check(self, stmt):
        if not self.values[stmt.condition]:
            flat, start = self.memory[stmt.status]
            flat[start] = 1
            raise RefusedError

    # Reductions

    def fold(self, stmt):
        state, item = ([np.asarray(self.operand(x)) for x in part] for part in (stmt.state, stmt.item))
        found = folded(stmt.reducer, state, item)
        for value, old, new in zip(stmt.following, state, found, strict=True):
            kept = new if stmt.mask is None else np.where(self.values[stmt.mask], new, old)
            self.write(value, kept.astype(old.dtype) if kept.dtype != old.dtype else kept)

    def join(self, stmt):
        state = [np.asarray(self.operand(item)) for item in stmt.state]
        if state[0].shape and not stmt.value.lanes:
            state = joined(stmt.reducer, state)
        self.write(stmt.value, result(stmt.reducer, state))

    # Products

    def pack(self, stmt):
        flat, start = self.place(stmt.source)
        by_k, by_j = stmt.strides
        terms, columns, rows = map(self.number, (stmt.terms, stmt.columns, stmt.rows))
        is_whole = stmt.whole or columns >= stmt.width
        if stmt.layout is Layout.ROWS and rows < stmt.few and is_whole:
            self.memory[stmt.panel] = flat, start
            self.values[stmt.step] = np.int64(self.number(by_k))
            return
        room, first = self.memory[stmt.room]
        count = min(stmt.width, columns)
        k, j = np.arange(terms)[:, None], np.arange(count)[None, :]
        panel = garbage(stmt.room.dtype, terms * stmt.width).reshape(terms, stmt.width)
        panel[:, :count] = flat[inside(flat, start + self.along(by_k, k) + j * self.number(by_j))]
        assert first + panel.size <= room.size, "a panel larger than its room"
        room[first : first + panel.size] = panel.reshape(-1)
        self.memory[stmt.panel] = room, first
        self.values[stmt.step] = np.int64(stmt.width)

    def tile(self, stmt):
        (left, a), (right, b), (sums, c) = map(self.place, (stmt.left, stmt.right, stmt.sums))
        by_i, by_k = stmt.left_strides
        exist, columns, terms, first = map(self.number, (stmt.exist, stmt.columns, stmt.terms, stmt.first))
        width = stmt.vectors * stmt.lanes
        i, j = np.minimum(np.arange(stmt.rows), exist - 1)[:, None], np.arange(width)[None, :]
        total = np.zeros((stmt.rows, width), sums.dtype)
        for number in range(terms):
            k = number if stmt.live is None else self.along(stmt.live, number)
            x = left[inside(left, a + self.along(by_i, i) + self.along(by_k, k))]
            there = b + self.along(stmt.right_step, k) + j
            is_there = (j < columns) if stmt.masked else (there < right.size)
            y = np.where(is_there, right[np.where(is_there, there, 0)], right.dtype.type(0))
            total = self.added(x, y, total)
        if stmt.apart is not None:
            real = total[:exist, :columns]
            rows, across = np.arange(len(real))[:, None], np.arange(real.shape[1])[None, :]
            place = inside(sums, c + rows * self.number(stmt.apart) + across)
            sums[place] = sums[place] + real if first else real
            return
        place = inside(sums, c + np.arange(total.size))
        found = total.reshape(-1)
        sums[place] = sums[place] + found if first else found

    def along(self, step, number):
        """How far rows or terms lie from the first one."""
        if not isinstance(step, Ref):
            return number * self.number(step)
        flat, start = self.place(step)
        return flat[inside(flat, start + number)]

    def added(self, x, y, total):
        if self.is_fused and total.dtype.kind == "f":
            return fma(x, y, total)
        return (x * y + total).astype(total.dtype)


def inside(flat, place):
    """Elements that memory has."""
    assert np.all((place >= 0) & (place < flat.size)), f"{place} of {flat.size} elements"
    return place


def beats(reducer, a, b):
    """Whether a comes before b in the order of a search."""
    wins = a < b if reducer.prefers_less else a > b
    return wins | (np.isnan(a) & ~np.isnan(b)) if a.dtype.kind == "f" else wins


def folded(reducer, state, item):
    """A state with an item in every lane."""
    if reducer is Reducer.SUM:
        return [state[0] + item[0]]
    if reducer is Reducer.PROD:
        return [state[0] * item[0]]
    wins = beats(reducer, item[0], state[0])
    if reducer.is_search:
        return [np.where(wins, item[0], state[0]), np.where(wins, item[1], state[1])]
    if len(state) == 1:
        return [np.where(wins, item[0], state[0])]
    wins = item[0] < state[0] if reducer.prefers_less else item[0] > state[0]
    return [np.where(wins, item[0], state[0]), state[1] | np.isnan(item[0])]


def joined(reducer, state):
    """The lanes of a state as one: halves first, and of a search the first of the best."""
    if reducer.is_search:
        value, place = state
        best = 0
        for lane in range(1, value.size):
            is_equal = not beats(reducer, value[best], value[lane])
            if beats(reducer, value[lane], value[best]) or (is_equal and place[lane] < place[best]):
                best = lane
        return [value[best], place[best]]
    total = state[0]
    while total.size > 1:
        low, high = total[: total.size // 2], total[total.size // 2 :]
        if reducer is Reducer.SUM:
            total = low + high
        elif reducer is Reducer.PROD:
            total = low * high
        else:
            total = np.where(high < low if reducer.prefers_less else high > low, high, low)
    return [total[0], *(np.any(item) for item in state[1:])]


def result(reducer, state):
    """What a state comes to, in each lane."""
    if reducer.is_search:
        return state[1]
    return (
        np.where(state[1], np.asarray(state[0]).dtype.type(np.nan), state[0]) if len(state) == 2 else state[0]
    )
