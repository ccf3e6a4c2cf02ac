"""Native code of the pool: the words that its threads share, publishing a kernel, and the life of a worker.

One word holds the job: its number in the upper half, then how many chunks are not yet claimed (16 bits) and
the first of them (16 bits). A chunk is claimed by compare-and-exchange of the word, so whoever succeeds knows
that the kernel and frame it had read belong to that job.

The caller claims chunks like everybody else and then waits only for those that others have claimed, that is,
for threads that are running. It claims from the end and workers from the beginning, so that a thread meets
the same part of the same memory again in the next call, and finds it in its own cache.

A worker that finds nothing to claim looks a while and then sleeps on a condition variable. Before it
sleeps it counts itself in `sleepers` and looks once more; a publisher first publishes and then reads
`sleepers` (both in the one total order of sequentially consistent operations), so one of the two always
sees the other.
"""

from __future__ import annotations

import signal
from typing import Final

from compiler.backends.llvm.jit.code import Code, External, Global, Int
from compiler.backends.llvm.jit.routines import part, routine
from compiler.backends.llvm.jit.values import Flag, Pointer, Word

MAXIMUM_WORKERS: Final = 255

STACK_BYTES: Final = 4 * 2**20
"""Stack of a worker: some systems give new threads less than a kernel's panels take."""

_LINE: Final = 64
"""Words that different threads write lie on lines of their own."""

_OPAQUE: Final = 128
"""Bytes: more than any system's mutex, condition variable, thread attributes and signal set."""

JOB, FINISHED, OWNER, SLEEPERS, STOP = (
    Global(name, _LINE) for name in ("job", "finished", "owner", "sleepers", "stop")
)
KERNEL, FRAME, WANTED, STARTED = (Global(name, _LINE) for name in ("kernel", "frame", "wanted", "started"))
HANDLES = Global("handles", 8 * MAXIMUM_WORKERS)
MUTEX, BELL = Global("mutex", _OPAQUE), Global("bell", _OPAQUE)

attributes_begin = External("pthread_attr_init", Int, Pointer)
attributes_end = External("pthread_attr_destroy", Int, Pointer)
attributes_stack = External("pthread_attr_setstacksize", Int, Pointer, Word)
bell_begin = External("pthread_cond_init", Int, Pointer, Pointer)
bell_ring = External("pthread_cond_broadcast", Int, Pointer)
bell_wait = External("pthread_cond_wait", Int, Pointer, Pointer)
mutex_begin = External("pthread_mutex_init", Int, Pointer, Pointer)
mutex_lock = External("pthread_mutex_lock", Int, Pointer)
mutex_unlock = External("pthread_mutex_unlock", Int, Pointer)
signals_fill = External("sigfillset", Int, Pointer)
signals_mask = External("pthread_sigmask", Int, Int, Pointer, Pointer)
thread_begin = External("pthread_create", Int, Pointer, Pointer, Pointer, Pointer)
thread_join = External("pthread_join", Int, Pointer, Pointer)
thread_yield = External("sched_yield", Int)

NEEDED_FUNCTIONS = tuple(each.name for each in list(vars().values()) if isinstance(each, External))
"""What the system's C library must have."""

_pause_x86 = External("llvm.x86.sse2.pause", None)
_hint_arm = External("llvm.aarch64.hint", None, Int)


def pause(code: Code) -> None:
    """Wait an instant: x86's pause takes about 50 nanoseconds, ARM's next to nothing."""
    if code.unit.target.is_arm:
        _hint_arm(code, 1)
    else:
        _pause_x86(code)


def is_long(code: Code, looks: Word) -> Flag:
    """Whether so many looks took long: about 50 microseconds, to meet the next kernel of a program awake."""
    return looks > (20_000 if code.unit.target.is_arm else 1_000)


@routine
def claim_and_run(code: Code, forward: Word) -> Word:
    """Claim and run chunks until there is none: first ones (1) or last ones (0); how many were run."""
    with code.repeat(0) as loop:
        (ran,) = loop.values
        word = JOB(code).load("seq_cst")
        first, left = word & 0xFFFF, (word >> 16) & 0xFFFF
        with code.when(left.equals(0)):
            code.give(ran)
        # Both belong to the job of `word` if the exchange succeeds.
        kernel = KERNEL(code).load("monotonic", Pointer)
        frame = FRAME(code).load("monotonic", Pointer)
        with code.unless(JOB(code).exchange(word, word - 0x10000 + forward, "seq_cst", "seq_cst")):
            loop.again(ran)
        code.call(kernel, None, frame, code.choose(forward.equals(1), first, first + left - 1))
        FINISHED(code).add(1, "release")
        loop.again(ran + 1)
    return ran


@routine
def sleep(code: Code) -> None:
    """Sleep until there is a chunk to claim or the pool stops."""
    mutex_lock(code, MUTEX(code))
    SLEEPERS(code).add(1, "seq_cst")
    with code.repeat() as loop:
        left = JOB(code).load("seq_cst") & 0xFFFF0000
        loop.leave_unless((left | STOP(code).load("seq_cst")).equals(0))
        bell_wait(code, BELL(code), MUTEX(code))
        loop.again()
    SLEEPERS(code).add(-1, "seq_cst")
    mutex_unlock(code, MUTEX(code))


@routine
def wake_all(code: Code) -> None:
    """Wake the workers that sleep."""
    mutex_lock(code, MUTEX(code))
    bell_ring(code, BELL(code))
    mutex_unlock(code, MUTEX(code))


@routine
def work(code: Code, unused: Pointer) -> Pointer:
    """A thread's life. Signals are for the threads that Python knows."""
    signals = code.room(_OPAQUE)
    signals_fill(code, signals)
    signals_mask(code, int(signal.SIG_BLOCK), signals, code.null())
    with code.repeat(0) as loop:
        (before,) = loop.values
        ran = claim_and_run(code, code.word(1))
        with code.when(STOP(code).load("acquire").differs(0)):
            code.give(code.null())
        looks = code.choose(ran.equals(0), before + 1, code.word(0))
        with code.when(is_long(code, looks)):
            sleep(code)
            loop.again(0)
        pause(code)
        loop.again(looks)
    return unused


@routine
def start_workers(code: Code, wanted: Word) -> None:
    """Create the workers that are wanted and missing; if the system refuses, fewer are wanted."""
    attributes, null, started = code.room(_OPAQUE), code.null(), STARTED(code).words
    attributes_begin(code, attributes)
    attributes_stack(code, attributes, STACK_BYTES)
    with code.repeat() as loop:
        count = started[0]
        loop.leave_unless(count < wanted)
        handle = HANDLES(code).pointers.at(count)
        refused = thread_begin(code, handle, attributes, work.address(code), null).differs(0)
        with code.when(refused):
            WANTED(code).store(count, "release")
            loop.leave()
        started[0] = count + 1
        loop.again()
    attributes_end(code, attributes)


@routine
def run_all(code: Code, kernel: Pointer, frame: Pointer, chunks: Word) -> None:
    """Every chunk on this thread, the last one first."""
    with code.repeat(chunks) as loop:
        (left,) = loop.values
        loop.leave_unless(left > 0)
        code.call(kernel, None, frame, left - 1)
        loop.again(left - 1)


@routine
def tinytorch_parallel(code: Code, kernel: Pointer, frame: Pointer, chunks: Word) -> None:
    """kernel(frame, chunk) for every chunk, each once, by this thread and any worker that is free."""
    wanted = WANTED(code).load("acquire")
    with code.when(wanted.equals(0) | (chunks <= 1)):
        run_all(code, kernel, frame, chunks)
        code.give()
    # One job at a time: whoever finds the pool taken, a kernel inside a kernel too, does its own work.
    with code.unless(OWNER(code).exchange(0, 1, "acquire", "monotonic")):
        run_all(code, kernel, frame, chunks)
        code.give()
    with code.when(STARTED(code).words[0] < wanted):
        start_workers(code, wanted)
    publish(code, kernel, frame, chunks)
    claim_and_run(code, code.word(0))
    with code.repeat(0) as loop:
        looks = loop.values[0] + 1
        loop.leave_unless(FINISHED(code).load("acquire").differs(chunks))
        with code.when(is_long(code, looks)):
            thread_yield(code)  # the thread we wait for may want this core
            loop.again(looks)
        pause(code)
        loop.again(looks)
    OWNER(code).store(0, "release")


@part
def publish(code: Code, kernel: Pointer, frame: Pointer, chunks: Word) -> None:
    """A new job, for whoever looks."""
    KERNEL(code).store(kernel, "monotonic")
    FRAME(code).store(frame, "monotonic")
    FINISHED(code).store(0, "monotonic")
    number = (JOB(code).load("monotonic") >> 32) + 1
    JOB(code).store((number << 32) | (chunks << 16), "seq_cst")
    with code.when(SLEEPERS(code).load("seq_cst") > 0):
        wake_all(code)


@routine
def tinytorch_configure(code: Code, workers: Word) -> None:
    """Want so many workers. If there are more, all end, and the next job starts those that are wanted."""
    with code.repeat() as loop:
        loop.leave_unless(~OWNER(code).exchange(0, 1, "acquire", "monotonic"))
        thread_yield(code)
        loop.again()
    started = STARTED(code).words[0]
    with code.when(workers < started):
        STOP(code).store(1, "seq_cst")
        wake_all(code)
        with code.each(started) as i:
            thread_join(code, HANDLES(code).pointers[i], code.null())
        STARTED(code).words[0] = 0
        STOP(code).store(0, "seq_cst")
    WANTED(code).store(workers, "release")
    OWNER(code).store(0, "release")


@routine
def tinytorch_forget(code: Code) -> None:
    """Begin anew without workers: at first, and in the child of a fork, which inherits none."""
    for word in (JOB, SLEEPERS, STOP, STARTED):
        word(code).store(0, "seq_cst")
    mutex_begin(code, MUTEX(code), code.null())
    bell_begin(code, BELL(code), code.null())
    OWNER(code).store(0, "seq_cst")


@routine
def tinytorch_started(code: Code) -> Word:
    """How many workers run."""
    return STARTED(code).words[0]
