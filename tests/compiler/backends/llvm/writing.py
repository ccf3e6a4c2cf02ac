"""Kernels of the loop language written by hand, compiled, and run on arrays."""

import ctypes
from contextlib import contextmanager

import numpy as np

from compiler.backends.llvm.emit.kernel import emit_kernel
from compiler.backends.llvm.jit import engine
from compiler.backends.llvm.jit.building import Builder
from compiler.backends.llvm.jit.kinds import i64, pointer, void
from compiler.backends.llvm.jit.modules import Module
from compiler.ir.types import INT64, dtype_of
from compiler.loops.language import (
    Carry,
    Check,
    Count,
    Fold,
    For,
    If,
    Join,
    Kernel,
    Let,
    Literal,
    Load,
    Memory,
    Ref,
    Store,
    Value,
)
from compiler.loops.lowering import lower
from compiler.loops.verify import verify, verify_machine

HOST = engine.host_target().machine


class Writer:
    """Appends statements in the order in which its methods are called; `kernel` is what it wrote."""

    def __init__(self):
        self.chunk = Value(INT64)
        self.arguments, self.rooms, self.blocks = [], [], [[]]

    @property
    def kernel(self):
        return Kernel(tuple(self.arguments), self.chunk, tuple(self.rooms), tuple(self.blocks[0]))

    def array(self, dtype):
        self.arguments.append(Memory(dtype_of(dtype)))
        return self.arguments[-1]

    def number(self):
        self.arguments.append(Value(INT64))
        return self.arguments[-1]

    def room(self, dtype, extent):
        self.rooms.append(Memory(dtype_of(dtype), extent))
        return self.rooms[-1]

    def write(self, stmt):
        self.blocks[-1].append(stmt)

    def let(self, atom, *operands, dtype=None, lanes=None):
        """An atom; numbers among the operands become literals of the dtype of the last value."""
        values = [item for item in operands if isinstance(item, Value)]
        reads = values[-1].dtype if values else dtype_of(dtype)
        operands = tuple(
            x if isinstance(x, Value | Literal | Count) else Literal.of(x, reads) for x in operands
        )
        value = Value(dtype_of(dtype or reads), values[-1].lanes if lanes is None else lanes)
        self.write(Let(value, atom, operands))
        return value

    def load(self, memory, *terms, lanes=0, mask=None, **place):
        value = Value(memory.dtype, lanes)
        self.write(Load(value, Ref(memory, terms, **place), mask))
        return value

    def store(self, memory, value, *terms, mask=None, first=0, **place):
        self.write(Store(Ref(memory, terms, **place), value, mask, first))

    @contextmanager
    def block(self):
        self.blocks.append([])
        yield self.blocks[-1]
        self.blocks.pop()

    @contextmanager
    def loop(self, stop, start=0, step=None, lanes=0, masked=False, carried=(), ahead=()):
        """A loop. `carried` are first operands, with lanes where they are vectors; see `following`."""
        index = Value(INT64)
        mask = Value(dtype_of("bool"), lanes) if masked else None
        firsts = [
            first if isinstance(first, tuple) else (first, getattr(first, "lanes", 0)) for first in carried
        ]
        iterations = _Loop(index, mask, [Value(first.dtype, count) for first, count in firsts])
        iterations.after.extend(Value(item.dtype, item.lanes) for item in iterations.inside)
        with self.block() as body:
            yield iterations
        carries = tuple(
            Carry(inside, first, following, after)
            for inside, (first, _), following, after in zip(
                iterations.inside, firsts, iterations.following, iterations.after, strict=True
            )
        )
        step = step or lanes or 1
        self.write(For(index, start, stop, tuple(body), step, lanes, mask, carries, tuple(ahead)))

    def fold(self, reducer, state, item, mask=None):
        inside = [item.dtype for item in state]
        lanes = next(value.lanes for value in (*item, *state) if isinstance(value, Value))
        following = tuple(Value(dtype, lanes) for dtype in inside)
        self.write(Fold(following, reducer, tuple(state), tuple(item), mask))
        return following

    def join(self, reducer, state, lanes=0):
        value = Value(INT64 if reducer.is_search else state[0].dtype, lanes)
        self.write(Join(value, reducer, tuple(state)))
        return value

    def branch(self, condition, then, otherwise=()):
        self.write(If(condition, tuple(then), tuple(otherwise)))

    def check(self, condition, status):
        self.write(Check(condition, status))


class _Loop:
    def __init__(self, index, mask, inside):
        self.index, self.mask, self.inside = index, mask, inside
        self.following, self.after = [], []


def module_of(kernel, machine=HOST):
    """A module whose `f(numbers, chunk)` runs a chunk of a kernel, which keeps all laws."""
    module = Module("kernel")
    function = module.function("f", void, [pointer, i64])
    builder = Builder(function)
    verify(kernel)
    lowered = lower(kernel, machine)
    verify_machine(lowered)
    emit_kernel(builder, lowered, machine, *function.args)
    builder.ret_void()
    return module


_compiled = {}


def compiled(kernel, machine):
    """A kernel's function, compiled once while the kernel lives here."""
    key = id(kernel), machine
    if key not in _compiled:
        library = engine.load(module_of(kernel, machine), ["f"])
        function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(library["f"])
        _compiled[key] = kernel, library, function
    return _compiled[key][-1]


def run(kernel, *arguments, machine=HOST, chunks=1):
    """Compile a kernel and run its chunks. Arguments are arrays and numbers, in the kernel's order."""
    function = compiled(kernel, machine)
    numbers = np.array([x.ctypes.data if isinstance(x, np.ndarray) else x for x in arguments], np.int64)
    for chunk in range(chunks):
        function(numbers.ctypes.data, chunk)
