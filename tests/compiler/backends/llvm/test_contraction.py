"""Matrix products: every layout, every tail, every instruction set this machine has, and the same bits."""

import ctypes
import functools
import itertools

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from compiler.backends.llvm import contraction as c
from compiler.backends.llvm import emit
from compiler.backends.llvm.jit import engine
from compiler.backends.llvm.jit.untyped import ir

EXTENTS = [
    (1, 1, 1),
    (3, 5, 2),
    (4, 2, 8),
    (4, 8, 1),
    (33, 64, 65),
    (9, 300, 20),
    (40, 7, 100),
    (5, 0, 6),
    (2, 257, 33),
]
LAYOUTS = {"NN": c.Right.ROWS, "TN": c.Right.ROWS, "NT": c.Right.COLUMNS, "SS": c.Right.STRIDED}
SIGNATURE = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 5, *[ctypes.c_int64] * 17)
HOST = engine.host_target()
ELEMENT = {np.float32: emit.f32, np.float64: emit.f64, np.int64: emit.i64}


def targets() -> dict[str, engine.Target]:
    """This machine, and the smaller machines that it contains."""
    found = {"host": HOST}
    if not HOST.is_arm:
        found["sse2"] = engine.Target(HOST.triple, "x86-64", "+sse2")
    if HOST.vector_bytes >= 32 and HOST.has_fma:
        found["avx2"] = engine.Target(HOST.triple, "x86-64-v3", "+avx2,+fma")
    return found


def module_for(target: engine.Target, shape: c.ContractionShape, epilogue: c.Epilogue | None) -> object:
    """void product(A, B, C, D, bias, strides of A B C by batch, row, column, six ends of the span, depth)."""
    module = ir.Module("product")
    kind = ir.FunctionType(emit.void, [emit.pointer] * 5 + [emit.i64] * 17)
    function = ir.Function(module, kind, "product")
    function.attributes.add("nounwind")
    builder = ir.IRBuilder(function.append_basic_block())
    a, b, out, extra, _bias, *numbers = function.args
    left, right = c.Matrix(a, *numbers[0:3]), c.Matrix(b, *numbers[3:6])
    outputs = [c.Matrix(out, *numbers[6:9])]
    chosen = epilogue or c.plain
    if epilogue is not None:
        outputs.append(c.Matrix(extra, *numbers[6:9]))  # equal strides in elements, perhaps of another size
    first = function.args[4]
    wrapped = functools.partial(chosen, bias=first) if epilogue else chosen
    c.emit_contraction(builder, target, shape, left, right, c.Span(*numbers[9:16]), outputs, wrapped)
    builder.ret_void()
    return module


@functools.cache
def product(target: engine.Target, shape: c.ContractionShape, epilogue: c.Epilogue | None = None):
    return engine.Library(engine.compile_object(module_for(target, shape, epilogue), target), ["product"])


def run(library, a, b, out, rows=None, columns=None, extra=None, bias=None):
    """Multiply stacks of matrices into `out`; `rows` and `columns` restrict the span."""
    strides = [stride // array.itemsize for array in (a, b, out) for stride in array.strides]
    rows, columns = rows or (0, a.shape[1]), columns or (0, b.shape[2])
    addresses = [None if array is None else array.ctypes.data for array in (a, b, out, extra, bias)]
    span = (0, a.shape[0], *rows, *columns, a.shape[2])
    SIGNATURE(library["product"])(*addresses, *strides, *span, 0)


def operand(rng: np.random.Generator, shape: tuple[int, ...], dtype: type, layout: str) -> np.ndarray:
    """Random values of `shape`, stored as N(ormal), T(ransposed) or S(trided)."""
    if layout == "T":
        return operand(rng, (shape[0], shape[2], shape[1]), dtype, "N").swapaxes(1, 2)
    if layout == "S":
        return operand(rng, (shape[0], 2 * shape[1], 3 * shape[2]), dtype, "N")[:, ::2, ::3]
    values = rng.standard_normal(shape)
    return (values * 100 if dtype is np.int64 else values).astype(dtype)


def hints(extents: tuple[int, int, int], known: bool) -> dict[str, int]:
    return dict(zip(("rows", "depth", "columns"), extents, strict=True)) if known else {}


def shape_for(dtype: type, layout: str, extents: tuple[int, int, int], known: bool) -> c.ContractionShape:
    contiguous = known and layout[0] == "N"
    return c.ContractionShape(
        ELEMENT[dtype], LAYOUTS[layout], left_contiguous=contiguous, **hints(extents, known)
    )


def check(target, dtype, layout, extents, known):
    rng = np.random.default_rng(sum(extents))
    m, k, n = extents
    a = operand(rng, (2, m, k), dtype, layout[0])
    b = operand(rng, (2, k, n), dtype, layout[1])
    room = np.full((2, m + 1, n + 5), 77, dtype)
    run(product(target, shape_for(dtype, layout, extents, known)), a, b, room[:, :m, :n])
    expected = a.astype(np.float64) @ b.astype(np.float64)
    scale = np.abs(a).astype(np.float64) @ np.abs(b) + 1e-30
    bound = 1e-6 if dtype is np.float32 else 2e-15
    assert np.all(np.abs(room[:, :m, :n] - expected) <= bound * scale)
    assert np.all(room[:, m:] == 77)
    assert np.all(room[:, :, n:] == 77)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("machine", targets())
def test_run_time_extents(machine, dtype, layout):
    for extents in EXTENTS:
        check(targets()[machine], dtype, layout, extents, known=False)


@pytest.mark.parametrize(
    "extents", [(1, 40, 37), (1, 37, 200), (2, 9, 48), (4, 300, 10), (9, 20, 64), (3, 2, 1), (600, 300, 48)]
)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_known_extents_choose_other_tiles(layout, extents):
    check(HOST, np.float32, layout, extents, known=True)


@pytest.mark.parametrize("machine", targets())
@pytest.mark.parametrize("extents", [(1, 40, 37), (1, 3, 5), (1, 0, 9), (1, 64, 16)])
def test_one_row_times_contiguous_columns(machine, extents):
    for dtype in (np.float32, np.float64):
        check(targets()[machine], dtype, "NT", extents, known=True)


def test_integers_are_multiplied_exactly():
    rng = np.random.default_rng(1)
    a, b = (operand(rng, shape, np.int64, "N") for shape in [(1, 6, 300), (1, 300, 9)])
    out = np.empty((1, 6, 9), np.int64)
    run(product(HOST, c.ContractionShape(emit.i64, c.Right.ROWS)), a, b, out)
    assert np.array_equal(out, a @ b)


@pytest.mark.parametrize("k", [1, 64, 700])
def test_the_bits_do_not_depend_on_layout_tile_or_range(k):
    rng = np.random.default_rng(k)
    m, n = 45, 70
    a, b = operand(rng, (1, m, k), np.float32, "N"), operand(rng, (1, k, n), np.float32, "N")
    whole = np.empty((1, m, n), np.float32)
    run(product(HOST, c.ContractionShape(emit.f32, c.Right.ROWS)), a, b, whole)
    for layout, known in itertools.product(LAYOUTS, (False, True)):
        other = np.empty_like(whole)
        store = b.swapaxes(1, 2).copy().swapaxes(1, 2) if layout == "NT" else b
        library = product(HOST, shape_for(np.float32, layout, (m, k, n), known))
        for rows, columns in itertools.product([(0, 3), (3, 40), (40, m)], [(0, 33), (33, n)]):
            run(library, a, store, other, rows, columns)
        assert other.tobytes() == whole.tobytes()


def test_the_order_of_a_sum_is_the_one_that_is_documented():
    a = np.random.default_rng(3).standard_normal(600).astype(np.float32)
    out = np.empty((1, 2, 1), np.float32)
    both = np.stack([a, a])[None]
    run(
        product(HOST, c.ContractionShape(emit.f32, c.Right.ROWS)), both, np.ones((1, 600, 1), np.float32), out
    )
    blocks = [np.add.accumulate(a[start : start + 256])[-1] for start in (0, 256, 512)]
    assert out[0, 0, 0] == out[0, 1, 0] == np.float32(blocks[0] + blocks[1]) + blocks[2]


def rectified(builder, totals, bias):
    """max(total + bias[column], 0), and the mask of where that is positive as a number."""
    kind = totals.value.type
    address = emit.offset(builder, bias, totals.column, kind.element)
    value = builder.fadd(totals.value, emit.load(builder, address, kind, totals.mask))
    positive = builder.fcmp_ordered(">", value, ir.Constant(kind, None))
    one = emit.splat(builder, ir.Constant(kind.element, 1.0), kind.count)
    zero = ir.Constant(kind, None)
    return [builder.select(positive, value, zero), builder.select(positive, one, zero)]


@pytest.mark.parametrize("machine", targets())
@pytest.mark.parametrize("extents", [(10, 20, 30), (1, 50, 33), (64, 300, 64)])
def test_an_epilogue_with_two_outputs(machine, extents):
    rng = np.random.default_rng(5)
    m, k, n = extents
    a, b = operand(rng, (2, m, k), np.float32, "N"), operand(rng, (2, k, n), np.float32, "N")
    bias = rng.standard_normal(n).astype(np.float32)
    out, where = np.empty((2, m, n), np.float32), np.empty((2, m, n), np.float32)
    shape = shape_for(np.float32, "NN", extents, known=m == 1)
    run(product(targets()[machine], shape, rectified), a, b, out, extra=where, bias=bias)
    expected = np.maximum(a @ b + bias, 0)
    np.testing.assert_allclose(out, expected, atol=1e-4)
    assert np.array_equal(where, (out > 0).astype(np.float32))


def positive(builder, totals, bias):
    """The total, and as a byte whether it is positive."""
    kind = totals.value.type
    flags = builder.fcmp_ordered(">", totals.value, ir.Constant(kind, None))
    return [totals.value, builder.zext(flags, ir.VectorType(emit.i8, kind.count))]


@pytest.mark.parametrize("machine", targets())
def test_an_output_may_have_elements_of_another_size(machine):
    rng = np.random.default_rng(8)
    a, b = operand(rng, (3, 9, 20), np.float32, "N"), operand(rng, (3, 20, 21), np.float32, "N")
    out, flags = np.empty((3, 9, 21), np.float32), np.full((3, 9, 21), 7, np.uint8)
    shape = c.ContractionShape(emit.f32, c.Right.ROWS)
    run(product(targets()[machine], shape, positive), a, b, out, extra=flags, bias=out)
    assert np.array_equal(flags, out > 0)


def accumulate(builder, totals, bias):
    """bias[row * 30 + column] - total, to be stored over what was read; and the totals."""
    kind = totals.value.type
    at = builder.add(builder.mul(totals.row, emit.index(30)), totals.column)
    old = emit.load(builder, emit.offset(builder, bias, at, kind.element), kind, totals.mask)
    return [builder.fsub(old, totals.value), totals.value]


def test_an_output_may_replace_an_operand_of_the_epilogue():
    rng = np.random.default_rng(6)
    a, b = operand(rng, (1, 13, 20), np.float64, "N"), operand(rng, (1, 20, 30), np.float64, "N")
    weights = operand(rng, (1, 13, 30), np.float64, "N")
    expected, spare = weights - a @ b, np.empty((1, 13, 30))
    shape = c.ContractionShape(emit.f64, c.Right.ROWS)
    run(product(HOST, shape, accumulate), a, b, weights, extra=spare, bias=weights)
    np.testing.assert_allclose(weights, expected, atol=1e-12)


def test_a_single_column_is_the_transposed_product():
    rng = np.random.default_rng(7)
    a, x = operand(rng, (1, 50, 33), np.float32, "N"), operand(rng, (1, 33, 1), np.float32, "N")
    out = np.empty((1, 1, 50), np.float32)
    shape = c.ContractionShape(emit.f32, c.Right.COLUMNS, rows=1, left_contiguous=True)
    run(product(HOST, shape), x.swapaxes(1, 2), a.swapaxes(1, 2), out)
    np.testing.assert_allclose(out[0, 0], (a @ x)[0, :, 0], atol=1e-4)


def test_swapping_exchanges_the_strides():
    matrix = c.Matrix("pointer", "batch", "row", "column")
    assert c.swapped(matrix) == c.Matrix("pointer", "batch", "column", "row")


def machine_of(triple: str, cpu: str, features: str) -> engine.Target:
    engine.binding.initialize_all_targets()
    engine.binding.initialize_all_asmprinters()
    return engine.Target(triple, cpu, features)


@pytest.mark.parametrize("right", list(c.Right))
def test_arm_gets_fused_vectors_and_calls_nothing_but_its_tiles(right):
    neon = machine_of("aarch64-unknown-linux-gnu", "generic", "+neon")
    text = engine.assembly(module_for(neon, c.ContractionShape(emit.f32, right), None), neon)
    assert "fmla" in text
    called = {line.split("\t")[-1] for line in text.splitlines() if "\tbl\t" in line}
    assert called == {"tile_f32_8x2x4_fused"}


def test_the_accumulators_stay_in_registers_beside_an_epilogue_of_many_constants():
    def polynomial(builder, totals, bias):
        value = totals.value
        for number in range(24):
            constant = ir.Constant(value.type, [1.5 + number] * value.type.count)
            value = builder.fadd(builder.fmul(value, totals.value), constant)
        return [value, value]

    wide = machine_of("x86_64-unknown-linux-gnu", "skylake-avx512", "+avx512f,+avx512vl,+fma")
    text = engine.assembly(module_for(wide, c.ContractionShape(emit.f32, c.Right.ROWS), polynomial), wide)
    tile = text[text.index("\ntile_f32_8x2x16_fused:") :]
    assert tile.count("vfmadd") == 16
    assert not [line for line in tile.splitlines() if "zmm" in line and ("rsp" in line or "rbp" in line)]
