"""Native code of the pool: publishing kernels, claiming chunks with the workers, and changing their number.

The caller claims chunks like everybody else and then waits only for those that others have claimed, that
is, for threads that are running. It claims from the end and workers from the beginning, so that a thread
meets the same part of the same memory again in the next call, and finds it in its own cache.
"""

from __future__ import annotations

from compiler.backends.llvm.jit.code import Code, routine
from compiler.backends.llvm.jit.values import Pointer, Word
from compiler.backends.llvm.threads.workers import (
    BELL,
    FINISHED,
    FRAME,
    HANDLES,
    JOB,
    KERNEL,
    MUTEX,
    OWNER,
    SLEEPERS,
    STARTED,
    STOP,
    WANTED,
    bell_begin,
    claim_and_run,
    is_long,
    mutex_begin,
    pause,
    start_workers,
    thread_join,
    thread_yield,
    wake_all,
)


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


@routine
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
