"""Short rows in lanes: stores of neighbours instead of lanes apart, and the same bits."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.backend import Llvm
from compiler.backends.llvm.jit import engine
from compiler.loops.source import source
from compiler.loops.verify import verify
from compiler.loops.zipping import zip_rows
from tests.backends import FAST
from tests.compiler.backends.llvm.test_guard_pages import run as run_guarded
from tests.compiler.loops.interpreter import run
from tests.compiler.loops.programs import call
from tests.compiler.loops.reading import NAMING, read_kernel
from tests.compiler.loops.test_peeling import SMALL

MACHINE = engine.host_target().machine
BACKENDS = {"host": Llvm(engine.host_target()), "short vectors, no masks": Llvm(SMALL)}

BEFORE = """\
n : i64
%x : f32 at input %x
%y : f32 at output 0
for chunk in chunks:
    for i in 0 .. 4 * n in vectors of 4:
        for j in 0 .. 2:
            %y[2*i + j] = %x[i] + f32(j)
"""

AFTER = """\
n : i64
%x : f32 at input %x
%y : f32 at output 0
room0 : f32 at room[8]
for chunk in chunks:
    for i in 0 .. 4 * n in vectors of 4:
        for j in 0 .. 2:
            room0[4*j; 4 lanes] = %x[i] + f32(j)
        t0 : i64 = 0:i64 + 0:i64
        t1 : f32x4 = room0[4*t0; 4 lanes]
        t2 : f32x4 = room0[4*(t0 + 1); 4 lanes]
        %y[2*i + t0; 4 lanes] = zip_low(t1, t2)
        %y[2*(i + 2) + t0; 4 lanes] = zip_high(t1, t2)
"""


def test_rows_of_a_power_of_two_are_whole_vectors():
    zipped = zip_rows(read_kernel(BEFORE))
    verify(zipped, "zip")
    assert source(zipped, NAMING) == AFTER


@pytest.mark.parametrize("width", [2, 4, 5, 6, 7, 8, 9, 11, 16, 21])
@pytest.mark.parametrize("gap", [0, 3])
def test_no_bit_changes(width, gap):
    text = BEFORE.replace("0 .. 2", f"0 .. {width}").replace("2*i", f"{width + gap}*i")
    before, zipped = read_kernel(text), zip_rows(read_kernel(text))
    verify(zipped, "zip")
    assert zipped != before
    x = np.random.default_rng(width).standard_normal(12).astype(np.float32)
    results: list[bytes] = []
    for kernel in (before, zipped):
        y = np.full(12 * (width + gap), -1, np.float32)
        assert run(kernel, 3, x, y)
        results.append(y.tobytes())
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "change",
    [
        ("0 .. 2", "0 .. n"),
        ("0 .. 2", "0 .. 64"),
        ("0 .. 2", "0 .. 3"),
        ("2*i + j", "i + 9*j"),
        ("4 * n in", "minimum(4 * n, 64) in"),
        ("= %x[i] + f32(j)", "= %y[2*i + j] + f32(j)"),
    ],
    ids=["of unknown length", "long", "of three", "along lanes", "few", "read there, too"],
)
def test_what_is_no_short_row_stays_as_it_is(change):
    kernel = read_kernel(BEFORE.replace(*change).replace("2*i", "3*i"))
    assert zip_rows(kernel) == kernel


WIDTHS = [2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 18, 20, 31, 32, 33, 40, 65]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_is_touched_beside_rows(backend, width):
    taken = tt.input("x", ("n", width))
    programs = [
        (tt.compile([taken], taken - tt.max(taken, axis=1, keepdims=True), backend=BACKENDS[backend]), False),
        (tt.compile([taken], tt.argmax(taken, axis=1), backend=BACKENDS[backend]), True),
    ]
    for rows in (1, 16, 35):
        x = (np.arange(rows * width) % 251).reshape(rows, width).astype(np.float32)
        for program, is_search in programs:
            run_guarded(program, x, x.argmax(1) if is_search else x - x.max(1, keepdims=True))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("backend", FAST)
def test_softmax_of_rows_of_every_width_is_right(backend, width):
    taken = tt.input("x", (200, width))
    x = np.random.default_rng(width).standard_normal((200, width)).astype(np.float32)
    powers = np.exp(x.astype(np.float64))
    wanted = powers / powers.sum(1, keepdims=True)
    program = tt.compile([taken], [tt.softmax(taken), tt.log_softmax(taken)], backend=backend)
    for found, expected in zip(program(x), (wanted, np.log(wanted)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_row_in_place_is_read_before_it_is_written():
    taken = tt.input("x", (200, 20))
    program = tt.compile([taken], tt.log_softmax(taken), donate=["x"])
    x = np.random.default_rng(0).standard_normal((200, 20)).astype(np.float32)
    wanted = tt.compile([taken], tt.log_softmax(taken))(x)
    np.testing.assert_array_equal(program(x.copy()), wanted)


@pytest.mark.parametrize("width", [5, 20])
def test_softmax_has_the_same_bits_before_and_after(width):
    taken = tt.input("x", ("n", width))
    x = np.random.default_rng(width).standard_normal((39, width)).astype(np.float32)
    program = tt.compile([taken], tt.softmax(taken))
    found = [
        [item.tobytes() for item in call(program, [x], stage, MACHINE).results(program)]
        for stage in ("vectorise", "hold", "unzip", "zip")
    ]
    assert all(bits == found[0] for bits in found)


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("width", [9, 10, 16, 20])
def test_what_a_later_pass_reads_again_is_there(backend, width):
    """Layer norm stores what its gradient needs, and its last pass reads that."""
    taken, scale = tt.input("x", ("n", width)), tt.input("scale", (width,))
    normal = tt.layer_norm(taken) * scale
    program, oracle = (
        tt.compile([taken, scale], [normal, *tt.grad(tt.sum(normal * normal), [taken, scale])], backend=name)
        for name in (backend, "reference")
    )
    x, s = (
        np.random.default_rng(width).standard_normal(shape).astype(np.float32)
        for shape in ((200, width), width)
    )
    for found, wanted in zip(program(x, s), oracle(x, s), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_chunks_of_any_number_of_threads_agree():
    taken = tt.input("x", (5000, 20))
    x = np.random.default_rng(1).standard_normal((5000, 20)).astype(np.float32)
    program = tt.compile([taken], [tt.softmax(taken), tt.sum(taken, axis=1)])
    before = tt.get_num_threads()
    results: list[list[bytes]] = []
    for threads in (1, 2, 3):
        tt.set_num_threads(threads)
        results.append([item.tobytes() for item in program(x)])
    tt.set_num_threads(before)
    assert results[0] == results[1] == results[2]
