"""The one native function of every program: finds the numbers for the sizes, runs the kernels in order.

Its memory is a **binding**, which holds everything about a program for given sizes. A **patch** writes the
address of an argument or a result into the numbers of a kernel. A **launch** is a kernel with its numbers.
The frame is that of `entry.making`; a context holds the first of its bindings.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from compiler.backends.llvm.entry.locks import ContextHeader
from compiler.backends.llvm.jit.cache import ObjectCache, default_cache
from compiler.backends.llvm.jit.code import Code, External, Int
from compiler.backends.llvm.jit.memory import I64, Address, Items, Struct, struct
from compiler.backends.llvm.jit.once import once
from compiler.backends.llvm.jit.routines import load_routines, part, routine
from compiler.backends.llvm.jit.values import Pointer, Word
from compiler.backends.llvm.threads.pool import PARALLEL, parallel_address

UNBOUND, REFUSED = 1, 2
"""Answers of a program beside 0: no binding has these sizes; a launch refused the data."""


@struct
class ProgramContext(ContextHeader):
    """A context of a program: the first of its bindings, or 0.

    Where Python runs the program, what is to be called with the frame; it leaves its answer.
    """

    first: Address
    called: Address
    answer: I64


@struct
class PatchRecord(Struct):
    """At each call `word` becomes what the frame has at `slot`, and `offset` bytes."""

    word: Address
    slot: I64
    offset: I64


@struct
class LaunchRecord(Struct):
    """A kernel's code and its numbers. Its chunks may be shared among threads, and it may refuse the data."""

    kernel: Address
    numbers: Address
    chunks: I64
    is_parallel: I64
    checks: I64


@struct
class BindingRecord(Struct):
    """A program for given sizes: the values of its symbols. A launch that refuses the data sets `status`."""

    next: Address
    sizes: Items
    patches: Items
    launches: Items
    status: I64


_parallel = External(PARALLEL, None, Pointer, Pointer, Word)


@routine
def tinytorch_run(code: Code, frame: Pointer) -> Int:
    """Run the program of a frame: the launches of the binding that has its sizes."""
    context = frame.pointers[0].fields(ProgramContext)
    with code.repeat(context["first"]) as search:
        (binding,) = search.values
        search.leave_unless(~binding.is_null())
        bound = binding.fields(BindingRecord)
        count, sizes = bound["sizes"]["count"], bound["sizes"]["first"].words
        with code.each(count) as i, code.when(sizes[i].differs(frame.words[i + 1])):
            search.again(bound["next"])
        code.give(tinytorch_run_part(code, binding, frame, code.word(0), bound["launches"]["count"]))
    return code.word(UNBOUND)


@routine
def tinytorch_run_part(code: Code, binding: Pointer, frame: Pointer, first: Word, stop: Word) -> Int:
    """Patch the numbers, then run the launches from `first` to before `stop`."""
    patch(code, binding, frame)
    with code.each(stop, first) as i:
        answer = run_one(code, binding, i)
        with code.when(answer.differs(0)):
            code.give(answer)
    return code.word(0)


@routine
def tinytorch_run_called(code: Code, frame: Pointer) -> Int:
    """Run the program of a frame that Python runs. What it does not come to answer, it refuses."""
    context = frame.pointers[0].fields(ProgramContext)
    context["answer"] = REFUSED
    code.call(context["called"], None, frame)
    return context["answer"]


@routine
def patch(code: Code, binding: Pointer, frame: Pointer) -> None:
    """Write the addresses of a frame into the numbers of kernels."""
    bound = binding.fields(BindingRecord)
    patches = bound["patches"]
    bound["status"] = 0
    with code.each(patches["count"]) as i:
        found = patches["first"].element(PatchRecord, i)
        found["word"].words[0] = frame.words[found["slot"]] + found["offset"]


@routine
def run_one(code: Code, binding: Pointer, number: Word) -> Int:
    """Run a launch whose numbers are patched."""
    bound = binding.fields(BindingRecord)
    launch = bound["launches"]["first"].element(LaunchRecord, number)
    run_launch(code, launch.start)
    with code.when(launch["checks"].differs(0)), code.when(bound["status"].differs(0)):
        code.give(REFUSED)
    return code.word(0)


@part
def run_launch(code: Code, launch: Pointer) -> None:
    """Run the chunks of a launch, on this thread or on all."""
    known = launch.fields(LaunchRecord)
    kernel, numbers, chunks = known["kernel"], known["numbers"], known["chunks"]
    with code.when(known["is_parallel"].differs(0)):
        _parallel(code, kernel, numbers, chunks)
        code.give()
    with code.each(chunks) as chunk:
        code.call(kernel, None, numbers, chunk)


class Driver:
    """The native functions that run programs, loaded: those of an entry, and one for parts."""

    def __init__(self, cache: ObjectCache) -> None:
        routines = [tinytorch_run, tinytorch_run_part, tinytorch_run_called]
        self._library = load_routines(routines, cache, {PARALLEL: parallel_address()})
        self.address = self._library[tinytorch_run.name]
        self.called_address = self._library[tinytorch_run_called.name]
        part = ctypes.CFUNCTYPE(
            ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64
        )
        self.run_part: Callable[..., int] = part(self._library[tinytorch_run_part.name])


@once
def driver() -> Driver:
    """The driver of this process."""
    return Driver(default_cache())
