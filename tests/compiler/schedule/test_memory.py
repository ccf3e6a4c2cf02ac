"""Who holds memory during a call: the peak is explained, and budgets are met to the byte."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.backend import Llvm
from compiler.errors import ArgumentError
from compiler.ir.dims import evaluate
from compiler.schedule.memory import Kind, bytes_of
from compiler.schedule.plan import InSlab
from tinytorch.testing import PROGRAMS


def compiled(name: str, **options) -> tt.Program:
    program = PROGRAMS[name]()
    return tt.compile(program.inputs, program.outputs, updates=program.updates, **options)


def sizes_of(program: tt.Program, size: int = 64) -> dict[str, int]:
    return dict.fromkeys(program.memory.symbols, size)


def deep() -> tt.Program:
    x = tt.input("x", ("batch", 32))
    h = x
    for k in range(6):
        with tt.scope(f"layer{k}"):
            h = tt.tanh(h @ tt.parameter(np.eye(32, dtype=np.float32), f"w{k}"))
    return tt.compile([x], tt.grad((h * h).sum(), x))


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("passes", [None, ()])
def test_what_lives_at_a_moment_fits_into_the_slab_and_no_moment_holds_more(name, passes):
    program = compiled(name, passes=passes)
    sizes = sizes_of(program)
    moment = program.memory.at(**sizes)
    assert moment.unused_bytes >= 0
    held = sum(count for item, count in moment.holders if item.kind.is_in_slab)
    slots = [place for place in program.plan.places.values() if isinstance(place, InSlab)]
    for step in range(len(program.schedule.kernels)):
        ends = {
            (evaluate(slot.offset, sizes), evaluate(slot.bytes, sizes))
            for slot in slots
            if slot.first <= step <= slot.last
        }
        covered = np.zeros(moment.slab_bytes, bool)
        for start, size in ends:
            covered[start : start + size] = True
        assert covered.sum() <= held


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_call_is_its_leaves_its_outputs_and_its_slab(name):
    program = compiled(name)
    sizes = sizes_of(program, 7)
    graph = program.graph
    leaves = [node for node in graph.nodes if not node.operands and node.op.name in ("parameter", "constant")]
    expected = sum(
        evaluate(node.type.bytes, sizes) for node in (*leaves, *graph.inputs, *graph.outputs)
    ) + program.plan.at(**sizes)
    expected += evaluate(program.memory.of_kind(Kind.TABLE), sizes)
    assert program.memory.at(**sizes).total_bytes == expected
    assert evaluate(program.memory.total_bytes, sizes) == expected


def test_an_output_in_a_donated_input_is_no_memory_of_its_own():
    x = tt.input("x", ("n", 100))
    kept, donated = (tt.compile([x], tt.relu(x + 1.0), donate=names) for names in ((), "x"))
    assert kept.memory.at(n=3).total_bytes == 2 * 3 * 100 * 4
    assert donated.memory.at(n=3).total_bytes == 3 * 100 * 4


@pytest.mark.parametrize("budget", ["100 kB", "1 MiB", 3_000_000])
def test_the_largest_batch_is_the_last_that_fits(budget):
    program = deep()
    batch = program.max_batch(budget)
    assert program.fits(budget, batch=batch)
    assert not program.fits(budget, batch=batch + 1)


def test_a_budget_that_is_too_small_has_no_batch():
    assert deep().max_batch("1 kB") == 0


def test_in_place_is_worth_what_the_pass_takes_away():
    fused = [item for item in tt.default_passes() if item.name != "inplace"]
    x = tt.input("x", (100, 100))
    y = x
    for _ in range(3):
        y = tt.relu(y @ x)
    # A kernel of its own for each op, so that there is something to write over.
    passes = [item for item in tt.default_passes() if not item.name.startswith("fuse")]
    without = [item for item in fused if not item.name.startswith("fuse")]
    program = tt.compile([x], (y * 2).sum(), passes=passes)
    plain = tt.compile([x], (y * 2).sum(), passes=without)
    assert plain.memory.in_place_saves == 0
    assert plain.memory.peak_bytes - program.memory.peak_bytes == program.memory.in_place_saves


def test_saved_values_are_told_from_temporaries_and_have_a_worth():
    program = deep()
    saved = {item.value for item in program.memory.holders if item.kind is Kind.SAVED}
    assert len(saved) >= 5
    assert set(program.memory.worth) == saved
    largest = max(evaluate(size, {"batch": 64}) for size in program.memory.worth.values())
    assert 0 < largest <= evaluate(program.memory.peak_bytes, {"batch": 64})


def test_memory_is_summed_by_scope_and_by_kind():
    moment = deep().memory.at(batch=256)
    by_scope = moment.by_scope(1)
    assert {("layer1",), ("layer2",)} <= set(by_scope)
    assert sum(by_scope.values()) == sum(moment.by_kind().values()) == sum(n for _, n in moment.holders)
    assert list(by_scope.values()) == sorted(by_scope.values(), reverse=True)


def test_the_text_names_who_holds_the_peak():
    text = str(deep().memory)
    for part in ("slab", "saved for backward", "in place saves", "fullest at kernel", "batch=1024", "layer2"):
        assert part in text


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_has_a_text(name):
    assert "a call" in str(compiled(name).memory)


def test_a_program_of_one_size_has_numbers_and_no_batch():
    x = tt.input("x", (4,))
    program = tt.compile([x], x * 2)
    assert program.memory.total_bytes == 32
    assert program.fits(32)
    assert not program.fits(31)
    with pytest.raises(ArgumentError, match="one size"):
        program.max_batch("1 MB")


def test_the_symbol_is_named_where_there_are_several():
    x = tt.input("x", ("rows", "columns"))
    program = tt.compile([x], x * 2)
    with pytest.raises(ArgumentError, match="columns, rows"):
        program.max_batch("1 MB")
    with pytest.raises(ArgumentError, match="columns"):
        program.max_batch("1 MB", "rows")
    assert program.max_batch("1 MB", "rows", columns=125) == 1000
    assert program.max_batch("1 MB", columns=125) == 1000


@pytest.mark.parametrize(
    ("text", "count"), [("256 MB", 256 * 10**6), ("1GiB", 2**30), ("1.5 kb", 1500), ("7 B", 7), (12, 12)]
)
def test_budgets(text, count):
    assert bytes_of(text) == count


@pytest.mark.parametrize("budget", ["", "many", "-1 MB", "1 XB", -1, 1.5, None, True])
def test_bad_budgets(budget):
    with pytest.raises(ArgumentError, match="256 MB"):
        bytes_of(budget)


@pytest.mark.skipif(not Llvm().is_available, reason="the llvm backend does not run here")
def test_tables_of_products_are_counted_as_they_are_made():
    x, w = tt.input("x", ("batch", 32, 12, 12)), tt.input("w", (16, 32, 3, 3))
    y = tt.einsum("ncpqkl,ockl->nopq", tt.sliding_window(x, (3, 3), axis=(2, 3)), w)
    program = tt.compile([x, w], y, backend="llvm")
    data = [np.zeros((3, 32, 12, 12), np.float32), np.zeros((16, 32, 3, 3), np.float32)]
    program(*data)
    made = program._executable._contexts[0].bindings[0]._tables
    assert made
    moment = program.memory.at(batch=3)
    assert moment.by_kind()[Kind.TABLE] == sum(table.nbytes for table in made)
    assert evaluate(program.memory.of_kind(Kind.TABLE), {"batch": 3}) == moment.by_kind()[Kind.TABLE]
    plain = tt.compile([x, w], y, backend="reference")
    assert moment.total_bytes - moment.slab_bytes == sum(
        count for item, count in plain.memory.at(batch=3).holders if not item.kind.is_in_slab
    ) + sum(table.nbytes for table in made)
    assert "\ntables " in str(program.memory)
    assert "tables" not in str(plain.memory)
