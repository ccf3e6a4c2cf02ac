"""The thread pool: every chunk once, whoever runs it, whatever happens around it."""

import ctypes
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import tinytorch as tt
from compiler.backends.llvm.emit.words import counted_loop, index
from compiler.backends.llvm.jit import engine
from compiler.backends.llvm.jit.building import Builder
from compiler.backends.llvm.jit.cache import default_cache
from compiler.backends.llvm.jit.kinds import i64, pointer, void
from compiler.backends.llvm.jit.modules import Module
from compiler.backends.llvm.jit.routines import load_routines
from compiler.backends.llvm.steps.launches import Scratch
from compiler.backends.llvm.threads import pool as threads
from compiler.backends.llvm.threads.routines import run_all
from compiler.errors import ArgumentError

POSIX = pytest.mark.skipif(not threads.threads_available(), reason="no POSIX threads here")
ROOT = Path(__file__).parents[4]

# frame: rounds to spin in each chunk, then one counter for each chunk.
COUNTING = f"""
declare void @{threads.PARALLEL}(ptr, ptr, i64)
define void @count(ptr %frame, i64 %chunk) nounwind {{
entry:
  %rounds = load i64, ptr %frame
  br label %spin
spin:
  %i = phi i64 [ 0, %entry ], [ %next, %spin ]
  %x = phi double [ 1.0, %entry ], [ %y, %spin ]
  %y = fmul double %x, 1.0000001
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %rounds
  br i1 %more, label %spin, label %done
done:
  %positive = fcmp ogt double %y, 0.0
  %one = zext i1 %positive to i64
  %slot = add i64 %chunk, 1
  %at = getelementptr i64, ptr %frame, i64 %slot
  %before = atomicrmw add ptr %at, i64 %one monotonic
  ret void
}}
define void @jobs(ptr %frame, i64 %chunks, i64 %count) nounwind {{
entry:
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %next, %body ]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %body, label %done
body:
  call void @{threads.PARALLEL}(ptr @count, ptr %frame, i64 %chunks)
  %next = add i64 %i, 1
  br label %head
done:
  ret void
}}
define void @outer(ptr %frame, i64 %chunk) nounwind {{
  call void @{threads.PARALLEL}(ptr @count, ptr %frame, i64 5)
  ret void
}}
define void @nested(ptr %frame, i64 %chunks) nounwind {{
  call void @{threads.PARALLEL}(ptr @outer, ptr %frame, i64 %chunks)
  ret void
}}
"""


class Counting:
    """The compiled counting kernel and its frame."""

    def __init__(self, address: int, chunks: int, rounds: int = 1) -> None:
        exports = ["jobs", "nested"]
        code = engine.compile_object(COUNTING, engine.host_target())
        self.library = engine.Library(code, exports, {threads.PARALLEL: address})
        self.frame = np.zeros(chunks + 1, np.int64)
        self.frame[0] = rounds
        self.chunks = chunks

    def jobs(self, count: int) -> None:
        signature = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
        signature(self.library["jobs"])(self.frame.ctypes.data, self.chunks, count)

    def nested(self, outer: int) -> None:
        signature = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)
        signature(self.library["nested"])(self.frame.ctypes.data, outer)

    @property
    def counts(self) -> np.ndarray:
        return self.frame[1:]


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    count = threads.get_num_threads()
    yield
    threads.set_num_threads(count)


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("chunks", [0, 1, 2, 7, 64])
def test_every_chunk_runs_once_in_each_job(count, chunks):
    threads.set_num_threads(count)
    counting = Counting(threads.parallel_address(), chunks, rounds=20)
    counting.jobs(300)
    assert np.all(counting.counts == 300)


@POSIX
def test_workers_start_with_the_first_job_and_end_when_fewer_are_wanted():
    threads.set_num_threads(1)
    assert threads.started_workers() == 0
    threads.set_num_threads(3)
    assert threads.started_workers() == 0
    counting = Counting(threads.parallel_address(), 4)
    counting.jobs(1)
    assert threads.started_workers() == 2
    threads.set_num_threads(2)
    assert threads.started_workers() == 0
    counting.jobs(1)
    assert threads.started_workers() == 1
    assert np.all(counting.counts == 2)


@POSIX
def test_jobs_wake_sleeping_workers():
    threads.set_num_threads(2)
    counting = Counting(threads.parallel_address(), 8, rounds=2000)
    asleep = threading.Event()
    for _ in range(30):
        counting.jobs(1)
        asleep.wait(0.002)
    assert np.all(counting.counts == 30)


def test_two_callers_at_once():
    threads.set_num_threads(3)
    address = threads.parallel_address()
    all_counting = [Counting(address, 16, rounds=50) for _ in range(3)]
    callers = [threading.Thread(target=one.jobs, args=(500,)) for one in all_counting]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=60)
    assert all(np.all(one.counts == 500) for one in all_counting)


def test_the_number_of_threads_changes_while_jobs_run():
    counting = Counting(threads.parallel_address(), 16, rounds=50)
    caller = threading.Thread(target=counting.jobs, args=(2000,))
    caller.start()
    for count in (1, 3, 2, 4, 1, 2) * 3:
        threads.set_num_threads(count)
    caller.join(timeout=60)
    assert np.all(counting.counts == 2000)


def test_a_kernel_inside_a_kernel_runs_on_its_own_thread():
    threads.set_num_threads(2)
    counting = Counting(threads.parallel_address(), 5)
    counting.nested(9)
    assert np.all(counting.counts == 9)


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "2", None])
def test_a_number_of_threads_that_is_none_is_refused(count):
    with pytest.raises(ArgumentError, match="positive integer"):
        threads.set_num_threads(count)


def test_without_threads_the_caller_runs_every_chunk():
    alone = load_routines([run_all], default_cache())
    counting = Counting(alone[run_all.name], 7)
    counting.jobs(3)
    assert np.all(counting.counts == 3)


def emit_parallel(builder, kernel, frame, chunks):
    """Calls the pool for a kernel of the same module."""
    parallel = builder.module.function(threads.PARALLEL, void, [pointer, pointer, i64])
    builder.call(parallel, [kernel, frame, chunks], void)


def test_the_emitted_call_runs_a_function_of_the_module():
    module = Module("fill")
    kernel = module.function("kernel", void, [pointer, i64])
    builder = Builder(kernel)
    address = builder.offset(kernel.args[0], kernel.args[1], i64)
    builder.store(builder.mul(kernel.args[1], kernel.args[1]), address)
    builder.ret_void()
    program = module.function("program", void, [pointer])
    builder = Builder(program)
    with counted_loop(builder, index(0), index(2)):
        emit_parallel(builder, kernel, program.args[0], index(10))
    builder.ret_void()
    code = engine.compile_object(module, engine.host_target())
    library = engine.Library(code, ["program"], {threads.PARALLEL: threads.parallel_address()})
    out = np.zeros(10, np.int64)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(library["program"])(out.ctypes.data)
    assert np.array_equal(out, np.arange(10) ** 2)


def test_a_matrix_product_has_the_same_bits_on_any_number_of_threads():
    x, w = tt.input("x", (1500, 300)), tt.input("w", (300, 70))
    rng = np.random.default_rng(0)
    data = [rng.standard_normal(shape, np.float32) for shape in ((1500, 300), (300, 70))]
    program = tt.compile([x, w], x @ w, backend="llvm")
    (step,) = program._executable.lowered.of_kernel[0]
    assert step.launches({}, Scratch())[0].chunks > 1
    results = []
    for count in (1, 2, 3):
        threads.set_num_threads(count)
        results.append(program(*data))
    np.testing.assert_allclose(results[0], data[0] @ data[1], atol=1e-4)
    assert results[0].tobytes() == results[1].tobytes() == results[2].tobytes()


def test_all_loops_outside_a_product_count_as_its_time():
    """Vectors run along 31 positions of a row; images and rows of an image are loops around the product."""
    x, w = tt.input("x", (16, 3, 64, 64)), tt.input("w", (32, 3, 3, 3))
    windows = tt.sliding_window(x, (3, 3), (2, 3), step=2)
    program = tt.compile([x, w], tt.einsum("nchwij,ocij->nohw", windows, w), backend="llvm")
    (step,) = program._executable.lowered.of_kernel[-1]
    (launch,) = step.launches({}, Scratch())
    assert launch.nanoseconds == pytest.approx(step.picoseconds / 1000, rel=0.01)
    assert launch.chunks == 16


def test_copies_are_shared_by_threads_before_sums_are():
    """What moves 640 kB takes 13 predicted microseconds: chunks of a copy add up nothing."""
    x, y = tt.input("x", (80, 1000)), tt.input("y", (160, 1000))
    outputs = ([x], tt.pad(x, ((0, 0), (0, 1)))), ([y], y.sum())
    programs = [tt.compile(*item, backend="llvm") for item in outputs]
    copies, sums = (program._executable.lowered.of_kernel[0] for program in programs)
    assert [step.launches({}, Scratch())[0].chunks for step in copies] == [2]
    assert [step.launches({}, Scratch())[0].chunks for step in sums] == [1]


@pytest.mark.parametrize(("rows", "columns", "chunks"), [(128, 200, 2), (1, 25_600, 1), (2560, 10, 1)])
def test_what_is_done_once_a_row_counts_where_rows_are_several_vectors_long(rows, columns, chunks):
    """Joined lanes, and a logarithm: 45 nanoseconds a row. Narrow rows are lanes, and have neither."""
    x = tt.input("x", (rows, columns))
    program = tt.compile(x, tt.log_softmax(x, 1), backend="llvm")
    (step,) = program._executable.lowered.of_kernel[0]
    assert step.launches({}, Scratch())[0].chunks == chunks


@POSIX
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_the_child_of_a_fork_starts_workers_of_its_own():
    threads.set_num_threads(2)
    counting = Counting(threads.parallel_address(), 8, rounds=100)
    counting.jobs(10)
    child = os.fork()
    if child == 0:
        fresh = threads.started_workers() == 0
        counting.jobs(10)
        os._exit(0 if fresh and threads.started_workers() == 1 and np.all(counting.counts == 20) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    counting.jobs(5)
    assert np.all(counting.counts == 15)


LEAVING = """
import threading
from compiler.backends.llvm.threads import pool as threads
from tests.compiler.backends.llvm.test_threads import Counting
threads.set_num_threads(3)
counting = Counting(threads.parallel_address(), 8, rounds=100)
counting.jobs(100)
threading.Thread(target=counting.jobs, args=(10**9,), daemon={daemon}).start() if {daemon} else None
"""


@pytest.mark.parametrize("daemon", [False, True])
def test_a_process_ends_while_workers_are_awake(daemon):
    text = LEAVING.format(daemon=daemon)
    done = subprocess.run(
        [sys.executable, "-c", text], cwd=ROOT, timeout=60, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
