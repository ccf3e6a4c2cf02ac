"""The native entry: what it takes as it is, what it hands on, and that it leaves nothing behind."""

import ctypes
import gc
import sys
import threading
import weakref

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from compiler.backends.llvm.entry.array_header import headers_are_known
from compiler.backends.llvm.entry.locks import Context, ContextHeader, Locks
from compiler.backends.llvm.entry.making import make_entry
from compiler.backends.llvm.entry.spec import ArrayArgument, ArrayResult, EntrySpec
from compiler.backends.llvm.jit import engine, memory
from compiler.backends.llvm.jit.cache import ObjectCache

pytestmark = pytest.mark.skipif(not headers_are_known(), reason="this interpreter has other array headers")


@memory.struct
class Counted(ContextHeader):
    calls: memory.I64


F32, I64 = np.dtype(np.float32), np.dtype(np.int64)

# frame: context, batch, x, y, out. Refuses (answers 1) where x[0] is negative; else out[0] is x[0] + y[0] + n
# and the context's own first slot counts the calls.
PROGRAM = """
define i32 @program(ptr %frame) nounwind {
  %n_at = getelementptr i64, ptr %frame, i64 1
  %n = load i64, ptr %n_at
  %x_at = getelementptr ptr, ptr %frame, i64 2
  %x = load ptr, ptr %x_at
  %y_at = getelementptr ptr, ptr %frame, i64 3
  %y = load ptr, ptr %y_at
  %out_at = getelementptr ptr, ptr %frame, i64 4
  %out = load ptr, ptr %out_at
  %a = load float, ptr %x
  %b = load float, ptr %y
  %bad = fcmp olt float %a, 0.0
  br i1 %bad, label %refuse, label %work
work:
  %c = fadd float %a, %b
  %m = sitofp i64 %n to float
  %d = fadd float %c, %m
  store float %d, ptr %out
  %context = load ptr, ptr %frame
  %calls_at = getelementptr i64, ptr %context, i64 3
  %calls = load i64, ptr %calls_at
  %more = add i64 %calls, 1
  store i64 %more, ptr %calls_at
  ret i32 0
refuse:
  ret i32 1
}
define i32 @nothing(ptr %frame) nounwind {
  ret i32 0
}
"""


@pytest.fixture(scope="module")
def library():
    return engine.load(PROGRAM, ["program", "nothing"])


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> ObjectCache:
    return ObjectCache(tmp_path_factory.mktemp("cache") / "objects")


def declined(*args, **kwargs):
    return ("declined", args, kwargs)


def was_declined(answer: object) -> bool:
    return type(answer) is tuple and answer[:1] == ("declined",)


X, Y = ArrayArgument(F32, ("batch", 3)), ArrayArgument(F32, ("batch",))
SPEC = EntrySpec((X, Y), (ArrayResult(F32, ()),), bare=True)


@pytest.fixture
def entry(library, cache):
    return make_entry(SPEC, library["program"], Context(Counted()), declined, keep=[library], cache=cache)


def arguments(batch: int = 4) -> tuple[np.ndarray, np.ndarray]:
    return np.full((batch, 3), 2, np.float32), np.full(batch, 3, np.float32)


def test_it_is_a_built_in_function(entry):
    assert type(entry) is type(len)
    assert entry.__name__ == "program"


@pytest.mark.parametrize("batch", [1, 4, 1000])
def test_symbols_are_bound_to_extents(entry, batch):
    result = entry(*arguments(batch))
    assert type(result) is np.ndarray
    assert (result.dtype, result.shape, result.item()) == (F32, (), 5 + batch)
    assert result.flags.owndata
    assert result.flags.writeable


def test_results_of_two_calls_are_two_arrays(entry):
    first = entry(*arguments(1))
    second = entry(*arguments(2))
    assert (first.item(), second.item()) == (6, 7)


class Sub(np.ndarray):
    pass


def unaligned(array: np.ndarray) -> np.ndarray:
    room = np.zeros(array.nbytes + 1, np.uint8)[1:]
    view = room.view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


X4, Y4 = arguments()
OTHER = {
    "a list": ([1, 2], Y4),
    "none": (None, Y4),
    "an integer": (3, Y4),
    "another dtype": (X4.astype(np.float64), Y4),
    "another byte order": (X4.astype(">f4"), Y4),
    "another rank": (X4[0], Y4),
    "another extent": (np.zeros((4, 4), np.float32), Y4),
    "symbols that disagree": (X4, Y4[:3].copy()),
    "a transposed array": (np.zeros((3, 4), np.float32).T, Y4),
    "a strided array": (X4, np.zeros(8, np.float32)[::2]),
    "an unaligned array": (unaligned(X4), Y4),
    "a subclass": (X4.view(Sub), Y4),
    "too few": (X4,),
    "too many": (X4, Y4, Y4),
    "no argument": (),
}


@pytest.mark.parametrize("kind", OTHER)
def test_what_does_not_fit_is_handed_on_untouched(entry, kind):
    word, args, kwargs = entry(*OTHER[kind])
    assert word == "declined"
    assert kwargs == {}
    assert len(args) == len(OTHER[kind])
    assert all(got is given for got, given in zip(args, OTHER[kind], strict=True))


def test_keywords_are_handed_on(entry):
    assert entry(X4, y=Y4)[2] == {"y": Y4}


def test_an_exception_of_the_fallback_comes_through(library, cache):
    def raising(*args):
        raise ValueError("no such shape")

    entry = make_entry(SPEC, library["program"], Context(Counted()), raising, cache=cache)
    with pytest.raises(ValueError, match="no such shape"):
        entry(1, 2)


def test_a_dtype_that_is_equal_but_another_object_is_taken(entry):
    other = np.dtype("f4", copy=True)
    assert other is not F32
    x = X4.view(other)
    assert x.dtype is other
    assert entry(x, Y4).item() == 9


def test_a_read_only_array_is_taken_unless_it_is_written(library, cache, entry):
    frozen = X4.copy()
    frozen.flags.writeable = False
    assert entry(frozen, Y4).item() == 9
    spec = EntrySpec((ArrayArgument(F32, ("batch", 3), donated=True), Y), SPEC.results, bare=True)
    writing = make_entry(spec, library["program"], Context(Counted()), declined, cache=cache)
    assert was_declined(writing(frozen, Y4))
    assert writing(X4, Y4).item() == 9


def test_a_program_that_refuses_is_followed_by_the_fallback(library, cache):
    context = Context(Counted())
    entry = make_entry(SPEC, library["program"], context, declined, cache=cache)
    assert was_declined(entry(-X4, Y4))
    assert [context.memory.lock, context.memory.calls] == [0, 0]
    assert entry(X4, Y4).item() == 9
    assert [context.memory.lock, context.memory.calls] == [0, 1]


def test_results_follow_polynomials_of_the_extents(library, cache):
    shape = ("n", ((2, ("n", "m")), (-1, ("n",)), (5, ())), 7)
    spec = EntrySpec((ArrayArgument(F32, ("n", "m")),), (ArrayResult(I64, shape), ArrayResult(F32, ())))
    entry = make_entry(spec, library["nothing"], Context(ContextHeader()), declined, cache=cache)
    first, second = entry(np.zeros((3, 4), np.float32))
    assert (first.shape, first.dtype, second.shape) == ((3, 2 * 3 * 4 - 3 + 5, 7), I64, ())


def test_a_demand_that_is_not_met_is_left_to_the_fallback(library, cache):
    demands = (((1, ("batch",)), (-2, ())), ((-1, ("batch",)), (6, ())))
    spec = EntrySpec((X, Y), SPEC.results, bare=True, demands=demands)
    entry = make_entry(spec, library["program"], Context(Counted()), declined, cache=cache)
    assert [was_declined(entry(*arguments(rows))) for rows in range(1, 8)] == [True] + [False] * 5 + [True]


@pytest.mark.parametrize(
    ("count", "bare", "expected"), [(0, False, type(None)), (1, False, tuple), (3, False, tuple)]
)
def test_the_form_of_the_answer(library, cache, count, bare, expected):
    spec = EntrySpec((), tuple(ArrayResult(F32, (2,)) for _ in range(count)), bare=bare)
    answer = make_entry(spec, library["nothing"], Context(ContextHeader()), declined, cache=cache)()
    assert type(answer) is expected
    assert answer is None or [one.shape for one in answer] == [(2,)] * count


def test_a_slab_that_is_too_small_is_left_to_the_fallback(library, cache):
    context = Context(Counted())
    spec = EntrySpec((X, Y), SPEC.results, bare=True, slab_bytes=((64, ("batch",)), (100, ())))
    entry = make_entry(spec, library["program"], context, declined, cache=cache)
    assert was_declined(entry(*arguments(4)))
    context.reserve(64 * 4 + 100)
    assert context.memory.slab % 64 == 0
    assert entry(*arguments(4)).item() == 9
    assert was_declined(entry(*arguments(5)))
    assert context.memory.lock == 0


def test_a_held_lock_is_left_to_the_fallback(library, cache):
    context, words = Context(Counted()), np.zeros(2, np.int64)
    addresses = [words.ctypes.data, words.ctypes.data + 8]
    entry = make_entry(SPEC, library["program"], context, declined, locks=addresses, cache=cache)
    locks = Locks(addresses[1:])
    assert locks.try_acquire()
    assert not locks.try_acquire()
    assert was_declined(entry(X4, Y4))
    assert (context.memory.lock, *words) == (0, 0, 1)
    locks.release()
    assert entry(X4, Y4).item() == 9
    assert (context.memory.lock, *words) == (0, 0, 0)


def test_a_waiting_thread_gets_the_locks():
    words = np.zeros(1, np.int64)
    locks, order = Locks([words.ctypes.data]), []
    locks.acquire()

    def wait():
        locks.acquire()
        order.append("second")
        locks.release()

    thread = threading.Thread(target=wait)
    thread.start()
    order.append("first")
    locks.release()
    thread.join(timeout=30)
    assert order == ["first", "second"]
    assert words[0] == 0


def test_a_long_program_runs_without_the_interpreter_lock(cache):
    """Each of two programs waits for the other to have begun, which needs both to run at once."""
    meeting = np.zeros(1, np.int64)
    text = """
    define i32 @meet(ptr %frame) nounwind {
    entry:
      %context = load ptr, ptr %frame
      %place_at = getelementptr ptr, ptr %context, i64 3
      %place = load ptr, ptr %place_at
      %before = atomicrmw add ptr %place, i64 1 seq_cst
      br label %wait
    wait:
      %tries = phi i64 [ 0, %entry ], [ %next, %again ]
      %here = load atomic i64, ptr %place seq_cst, align 8
      %both = icmp sge i64 %here, 2
      br i1 %both, label %met, label %again
    again:
      %next = add i64 %tries, 1
      %patient = icmp slt i64 %next, 3000000000
      br i1 %patient, label %wait, label %alone
    met:
      ret i32 0
    alone:
      ret i32 1
    }"""
    library = engine.load(text, ["meet"])
    entries = []
    for _ in range(2):
        context = Context(Counted())
        context.memory.calls = meeting.ctypes.data
        spec = EntrySpec((), (), picoseconds=50_000_000)
        entries.append(make_entry(spec, library["meet"], context, declined, keep=[library], cache=cache))
    answers: list[object] = []
    threads = [threading.Thread(target=lambda one=one: answers.append(one())) for one in entries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert answers == [None, None]


def test_a_hundred_thousand_calls_leave_nothing_behind(library, cache):
    entry = make_entry(SPEC, library["program"], Context(Counted()), lambda *args: None, cache=cache)
    x, y = arguments()
    watched = (x, y, x.dtype, None, entry, np.ndarray)
    for calls in (1000, 100_000):
        before = [sys.getrefcount(one) for one in watched]
        blocks = sys.getallocatedblocks()
        for _ in range(calls):
            entry(x, y)
            entry(-x, y)
        gc.collect()
    after = [sys.getrefcount(one) for one in watched]
    # A leak grows with the calls; other threads of the process own a few references of None and of the types.
    grown = [new - old for new, old in zip(after, before, strict=True)]
    assert all(abs(extra) < calls // 20 for extra in grown), grown
    assert sys.getallocatedblocks() - blocks < calls // 100  # what other tests left may be freed meanwhile


def test_the_entry_keeps_what_it_needs_and_no_longer(cache):
    class Kept:
        pass

    gone: list[int] = []
    library = engine.load(PROGRAM, ["program"])
    kept = Kept()
    weakref.finalize(kept, gone.append, 1)
    entry = make_entry(
        SPEC, library["program"], Context(Counted()), declined, keep=[kept, library], cache=cache
    )
    del kept, library
    gc.collect()
    assert gone == []
    assert entry(X4, Y4).item() == 9
    del entry
    gc.collect()
    assert gone == [1]


def test_a_cycle_through_the_fallback_is_collected(library, cache):
    class Owner:
        def __call__(self, *args):
            return None

    owner = Owner()
    owner.entry = make_entry(SPEC, library["program"], Context(Counted()), owner, cache=cache)
    dead = weakref.ref(owner)
    del owner
    gc.collect()
    assert dead() is None


@pytest.mark.parametrize(
    "spec",
    [
        EntrySpec((ArrayArgument(F32, (1,) * 9),), ()),
        EntrySpec(tuple(Y for _ in range(300)), ()),
        EntrySpec((Y,), (ArrayResult(F32, (((1, ("batch",) * 5),),)),)),
        EntrySpec((ArrayArgument(np.dtype(">f4"), ()),), ()),
        EntrySpec((ArrayArgument(np.dtype("U3"), ()),), ()),
    ],
)
def test_beyond_its_sizes_the_fallback_is_the_entry(library, cache, spec):
    assert make_entry(spec, library["nothing"], Context(ContextHeader()), declined, cache=cache) is declined


def test_the_python_route_calls_the_same_program(library):
    context, out = Context(Counted()), np.zeros((), np.float32)
    frame = np.array([context.address, 4, X4.ctypes.data, Y4.ctypes.data, out.ctypes.data])
    run = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)(library["program"])
    assert run(frame.ctypes.data) == 0
    assert out.item() == 9
