"""int8, int16, uint8, float16 and bfloat16: kept in memory, computed in int32 and float32, rounded once."""

import itertools
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.backend import Llvm
from compiler.backends.llvm.jit.engine import Target, host_target
from compiler.ir.graph import Graph
from compiler.ir.types import DType, dtype_of
from tests.backends import ALL, NATIVE

BF16 = np.dtype(ml_dtypes.bfloat16)
HALVES = (np.dtype(np.float16), BF16)
INTEGERS = tuple(map(np.dtype, (np.int8, np.int16, np.uint8)))
STORAGE = (*HALVES, *INTEGERS)
PATTERNS = np.arange(1 << 16, dtype=np.uint16)
HOST = host_target()

named = pytest.mark.parametrize("dtype", STORAGE, ids=str)


def of_bits(bits, dtype):
    return np.asarray(bits).view(dtype)


def bits(array):
    return np.asarray(array).view(f"u{array.dtype.itemsize}")


def singles():
    """Every half, what lies at and beside the middles between two, random patterns, and special numbers."""
    rng = np.random.default_rng(0)
    near = [
        of_bits(PATTERNS, np.float16).astype(np.float32).view(np.uint32),
        PATTERNS.astype(np.uint32) << 16,
    ]
    steps = (0, 1, -1, 0xFFF, 0x1000, 0x1001, 0x7FFF, 0x8000, 0x8001)
    found = [item + np.uint32(step % 2**32) for item, step in itertools.product(near, steps)]
    found.append(rng.integers(0, 2**32, 100_000, dtype=np.uint64).astype(np.uint32))
    found.append(np.array([0x7F800001, 0x7FC12345, 0xFF812345, 0xFFFFFFFF], np.uint32))
    return np.concatenate(found).view(np.float32)


def converted(array, dtype, backend):
    x = tt.input("x", ("n",), array.dtype)
    return tt.compile(x, x.astype(dtype), backend=backend)(array)


def oracle(array, dtype):
    """NumPy's and ml_dtypes' own conversion."""
    with np.errstate(all="ignore"):
        return array.astype(dtype)


def assert_same_bits(found, expected):
    """NaNs count as one."""
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    is_nan = np.isnan(oracle(expected, np.float64))
    np.testing.assert_array_equal(np.isnan(oracle(found, np.float64)), is_nan)
    np.testing.assert_array_equal(bits(found)[~is_nan], bits(expected)[~is_nan])


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("wanted", [np.float32, np.float64])
@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_every_half_is_the_float_that_it_is(dtype, wanted, backend):
    given = of_bits(PATTERNS, dtype)
    assert_same_bits(converted(given, wanted, backend), oracle(given, wanted))


def machines():
    """The native backend on machines with and without instructions for halves, of several widths."""
    features = [item for item in HOST.features.split(",") if "f16c" not in item and "avx512" not in item]
    plain = Target(HOST.triple, "x86-64", "+sse2")
    found = {"host": HOST, "without": Target(HOST.triple, "x86-64-v3", ",".join([*features, "-f16c"]))}
    return {"host": HOST} if HOST.is_arm else {**found, "oldest": plain}


WAYS = [*ALL, *(Llvm(target) for name, target in machines().items() if name != "host")]


@pytest.mark.parametrize("backend", WAYS, ids=[*ALL, *(f"llvm {name}" for name in list(machines())[1:])])
@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_a_float_is_rounded_to_the_nearest_half(dtype, backend):
    given = singles()
    assert_same_bits(converted(given, dtype, backend), oracle(given, dtype))
    back = of_bits(PATTERNS, dtype)
    assert_same_bits(converted(back, np.float32, backend), oracle(back, np.float32))


@pytest.mark.skipif(HOST.is_arm, reason="all of it has instructions for halves")
def test_machines_without_instructions_for_halves_are_without():
    assert [target.machine.converts_halves for target in machines().values()][1:] == [False, False]


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_a_nan_becomes_quiet_and_keeps_what_there_is_room_for(dtype):
    nans = np.array([0x7F800001, 0xFF812345, 0x7FFFFFFF, 0xFFC00000], np.uint32).view(np.float32)
    wanted = [0x7E00, 0xFE09, 0x7FFF, 0xFE00] if dtype == np.float16 else [0x7FC0, 0xFFC1, 0x7FFF, 0xFFC0]
    for backend in (*NATIVE, *WAYS[len(ALL) :]):
        np.testing.assert_array_equal(bits(converted(nans, dtype, backend)), np.array(wanted, np.uint16))


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize(("given", "wanted"), list(itertools.permutations(STORAGE, 2)), ids=str)
def test_between_two_storage_dtypes_by_way_of_those_that_compute(given, wanted, backend):
    x = (PATTERNS if given.itemsize == 2 else np.arange(256, dtype=np.uint8)).view(given)
    if given in HALVES and wanted not in HALVES:
        x = x[np.abs(oracle(x, np.float64)) < 2.0**31]
    through, work = dtype_of(given).compute.numpy, dtype_of(wanted).compute.numpy
    with np.errstate(all="ignore"):
        expected = x.astype(through).astype(work).astype(wanted)
    assert_same_bits(converted(x, wanted, backend), expected)


@pytest.mark.parametrize("backend", ALL)
def test_float64_is_rounded_to_float32_first_and_integers_wrap(backend):
    x = np.array([1 + 2.0**-11 + 2.0**-40, 70000.0, 2.0**-25 * 1.0000001, -1e300])
    with np.errstate(over="ignore"):
        single = x.astype(np.float32)
    assert_same_bits(converted(x, np.float16, backend), oracle(single, np.float16))
    whole = np.array([0, 127, 128, 255, 256, -1, -129, 2**31 - 1, -(2**31)], np.int64)
    for dtype in INTEGERS:
        np.testing.assert_array_equal(converted(whole, dtype, backend), whole.astype(dtype))
    floats = np.array([-1.5, 300.7, 65536.2, -128.0], np.float32)
    np.testing.assert_array_equal(
        converted(floats, np.uint8, backend), floats.astype(np.int32).astype(np.uint8)
    )


# What is computed


def values(dtype, count, seed=0, *, few=False):
    rng = np.random.default_rng(seed)
    if dtype in HALVES:
        return (rng.standard_normal(count) * 4).astype(dtype)
    limits = np.iinfo(dtype)
    low, high = (1, 7) if few else (limits.min, limits.max + 1)
    return rng.integers(low, high, count).astype(dtype)


def as_torch(array):
    torch = pytest.importorskip("torch")
    if array.dtype == BF16:
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def as_numpy(tensor):
    torch = pytest.importorskip("torch")
    tensor = tensor.detach()
    return tensor.view(torch.int16).numpy().view(BF16) if tensor.dtype == torch.bfloat16 else tensor.numpy()


BOTH = {
    "x + y": lambda x, y: x + y,
    "x - y": lambda x, y: x - y,
    "x * y": lambda x, y: x * y,
    "x / y": lambda x, y: x / y,
    "x // y": lambda x, y: x // y,
    "x % y": lambda x, y: x % y,
    "-x": lambda x, y: -x,
    "abs(x)": lambda x, y: abs(x),
    "x * x + y": lambda x, y: x * x + y,
    "x < y": lambda x, y: x < y,
    "x == y": lambda x, y: x == y,
    "x * 3": lambda x, y: x * 3,
    "x * 0.3": lambda x, y: x * 0.3,
    "x + True": lambda x, y: x + True,
    "x ** 2": lambda x, y: x**2,
    "sum": lambda x, y: x.sum(),
    "cumsum": lambda x, y: x.cumsum(0),
    "outer": lambda x, y: x.reshape((-1, 1)) * y,
    "turned": lambda x, y: (x.reshape((-1, 1)) + y).T,
    "sliced": lambda x, y: x[3:] - y[:-3],
}
OF_INTEGERS = {
    "x & y": lambda x, y: x & y,
    "x | y": lambda x, y: x | y,
    "x ^ y": lambda x, y: x ^ y,
    "~x": lambda x, y: ~x,
    "x << 3": lambda x, y: x << 3,
    "x >> 2": lambda x, y: x >> 2,
}


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("passes", [None, ()], ids=["passes", "none"])
@named
def test_operators_are_pytorchs_to_the_last_bit(dtype, passes, backend):
    one, two = values(dtype, 83), values(dtype, 83, 1, few=True)
    x, y = tt.input("x", ("n",), dtype), tt.input("y", ("n",), dtype)
    forms = BOTH | (OF_INTEGERS if dtype in INTEGERS else {})
    program = tt.compile([x, y], {name: f(x, y) for name, f in forms.items()}, passes=passes, backend=backend)
    found = program(one, two)
    for name, form in forms.items():
        expected = as_numpy(form(as_torch(one), as_torch(two)))
        assert found[name].dtype == expected.dtype, name
        np.testing.assert_array_equal(
            found[name].astype(np.float64), expected.astype(np.float64), err_msg=name
        )


FUNCTIONS = [
    *("exp", "log", "sin", "cos", "tanh", "sqrt", "sigmoid", "relu", "silu", "floor", "ceil", "round"),
    *("sign", "square", "log1p", "expm1", "erf", "softplus", "reciprocal", "rsqrt", "atan", "sinh", "cosh"),
    *("log2", "exp2"),
]


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_functions_are_pytorchs_within_a_unit(dtype, backend):
    torch = pytest.importorskip("torch")
    given = np.abs(values(dtype, 500)) + np.asarray(0.01, dtype)
    x = tt.input("x", ("n",), dtype)
    found = tt.compile(x, {name: getattr(tt, name)(x) for name in FUNCTIONS}, backend=backend)(given)
    for name in FUNCTIONS:
        function = getattr(torch, name, None) or getattr(torch.nn.functional, name)
        expected = as_numpy(function(as_torch(given))).astype(np.float64)
        assert found[name].dtype == dtype
        with np.errstate(invalid="ignore"):
            apart = np.abs(found[name].astype(np.float64) - expected)
            units = np.where(found[name] == expected, 0, apart / np.abs(expected).clip(2.0**-10))
        assert np.nanmax(units) <= ml_dtypes.finfo(dtype).eps, name
        assert np.nanmean(units > 0) < 0.02, name


COMPOSITES = {
    "mean": (lambda x: x.mean(1), lambda f, x: x.mean(1)),
    "var": (lambda x: x.var(1), lambda f, x: x.var(1)),
    "std": (lambda x: x.std(0), lambda f, x: x.std(0)),
    "softmax": (tt.softmax, lambda f, x: f.softmax(x, -1)),
    "layer_norm": (tt.layer_norm, lambda f, x: f.layer_norm(x, x.shape[-1:])),
    "norm": (lambda x: tt.norm(x, 1), lambda f, x: x.norm(dim=1)),
    "product": (lambda x: x @ x.T, lambda f, x: x @ x.T),
}


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_composites_are_rounded_once(dtype, backend):
    torch = pytest.importorskip("torch")
    given = values(dtype, 7 * 33).reshape(7, 33)
    x = tt.input("x", ("n", 33), dtype)
    found = tt.compile(x, {name: ours(x) for name, (ours, _) in COMPOSITES.items()}, backend=backend)(given)
    for name, (_, theirs) in COMPOSITES.items():
        expected = as_numpy(theirs(torch.nn.functional, as_torch(given))).astype(np.float64)
        assert found[name].dtype == dtype
        apart = np.abs(found[name].astype(np.float64) - expected)
        assert np.all(apart <= ml_dtypes.finfo(dtype).eps * np.abs(expected).clip(0.1)), name


def test_promotion_is_pytorchs():
    torch = pytest.importorskip("torch")
    for left, right in itertools.product(DType, DType):
        wanted = torch.promote_types(*(getattr(torch, item.value) for item in (left, right)))
        x, y = tt.input("x", (), left), tt.input("y", (), right)
        assert f"torch.{tt.maximum(x, y).dtype}" == str(wanted), (left, right)


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_integers_beside_a_half_become_one_first_as_in_pytorch(dtype, backend):
    whole = np.array([2049, 70000, -3, 5], np.int32)
    half = np.array([1, -1, 0.5, 3], dtype)
    x, k = tt.input("x", (4,), dtype), tt.input("k", (4,), "int32")
    found = tt.compile([x, k], x * k, backend=backend)(half, whole)
    assert_same_bits(found, as_numpy(as_torch(half) * as_torch(whole)))


@named
def test_what_is_fused_has_the_bits_of_what_is_not(dtype):
    arrays = [values(dtype, 6 * 37, seed).reshape(6, 37) for seed in range(3)]
    x, y, z = (tt.input(name, ("n", 37), dtype) for name in "xyz")
    chain = (x * y + z) * x - (y.astype("float32") * 1.5).astype(dtype)
    results = [chain, chain.sum(1), chain.max(0), (chain > z), chain.T + 1]
    plain = tt.compile([x, y, z], results, passes=(), backend="reference")(*arrays)
    for backend in ALL:
        for passes in (None, ()):
            found = tt.compile([x, y, z], results, passes=passes, backend=backend)(*arrays)
            for one, other in zip(found, plain, strict=True):
                assert one.dtype == other.dtype
                np.testing.assert_array_equal(one.astype(np.float64), other.astype(np.float64))


# Graphs


def test_a_graph_says_what_is_converted():
    x, y = tt.input("x", (3,), "float16"), tt.input("y", (3,), "float16")
    text = str(Graph.of([(x + y).node]))
    assert "%0 = cast(%x) : f32[3]" in text
    assert "%2 = add(%0, %1) : f32[3]" in text
    assert "%3 = cast(%2) : f16[3]" in text
    assert str(Graph.parse(text)) == text


def test_a_text_that_computes_in_a_storage_dtype_is_refused():
    text = "op mul(x, y) = x * y\n%x = input : i8[3]\n%y = mul(%x, %x) : i8[3]\nreturn %y\n"
    with pytest.raises(
        tt.ParseError, match=r"line 3: mul computes in no i8\n  fix: cast to i32, compute, and cast back"
    ):
        Graph.parse(text)


@named
def test_texts_files_and_pickles_keep_it(dtype, tmp_path):
    few, many = np.array([1, 2, 3]).astype(dtype), np.arange(100).astype(dtype)
    x, w = tt.input("x", ("n", 3), dtype), tt.parameter(np.arange(6).reshape(2, 3).astype(dtype), "w")
    results = [x * w[0] + tt.constant(few), tt.constant(many).max(), w]
    program, given = tt.compile(x, results), np.ones((4, 3), dtype)
    expected = program(given)
    loaded = tt.load(tt.save(program, tmp_path / "graph"))
    assert str(loaded) == str(program.source_graph)
    for backend in ALL:
        for one, other in zip(tt.compile(loaded, backend=backend)(given), expected, strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(bits(one), bits(other))


@pytest.mark.parametrize("value", [0.1, -0.0, np.inf, -np.inf, np.nan, 6e-8, 65504])
@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_a_constant_prints_the_digits_that_it_has(dtype, value):
    node = tt.constant(np.array([value], dtype)).node
    graph = Graph.of([node])
    (again,) = Graph.parse(str(graph)).outputs
    assert again.op == node.op


def test_bytes_are_read_by_the_kernel_that_needs_floats():
    x = tt.input("x", ("n", 28, 28), "uint8")
    program = tt.compile(x, x.astype("float32") / 255, backend="llvm")
    (kernel,) = program.schedule.kernels
    assert len(kernel.members) == 2
    image = np.arange(2 * 28 * 28).reshape(2, 28, 28).astype(np.uint8)
    np.testing.assert_array_equal(program(image), image.astype(np.float32) / np.float32(255))


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("count", [0, 1, 5, 64, 1001])
@named
def test_every_length_strided_and_picked(dtype, count, backend):
    x, k = tt.input("x", ("n", 4), dtype), tt.input("k", ("m",), "int32")
    results = [x[:, 1] + x[:, 2], x.T * 2, tt.take(x, k, 0), tt.concatenate([x, x + 1], 1), x[::-1]]
    given = values(dtype, 4 * count).reshape(count, 4)
    index = np.arange(0, count, 3, dtype=np.int32)
    found = tt.compile([x, k], results, backend=backend)(given, index)
    expected = [
        given[:, 1] + given[:, 2], given.T * np.asarray(2, dtype), given[index],
        np.concatenate([given, given + np.asarray(1, dtype)], 1), given[::-1],
    ]  # fmt: skip
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one.astype(np.float64), other.astype(np.float64))


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("dtype", [*HALVES, *INTEGERS], ids=str)
def test_donated_memory_is_reused_by_what_has_its_width_alone(dtype, backend):
    same = "int16" if dtype.itemsize == 2 else "int8"
    x, wide = tt.input("x", (96,), dtype), tt.input("wide", (96,), "float32")
    results = [x + 1, (wide * 2).astype(dtype), wide * 3, x.astype(same)]
    program = tt.compile([x, wide], results, donate=["x", "wide"], backend=backend)
    plain = tt.compile([x, wide], results, passes=(), backend="reference")
    given, floats = values(dtype, 96, few=True), np.arange(96, dtype=np.float32) / 4
    expected = plain(given, floats)
    for one, other in zip(program(given.copy(), floats.copy()), expected, strict=True):
        np.testing.assert_array_equal(one.astype(np.float64), other.astype(np.float64))


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_gradients_and_updates_have_the_dtype_of_the_parameter(dtype, backend):
    w = tt.parameter(np.array([0.5, -1.25, 3.0], dtype), "w")
    x = tt.input("x", ("n", 3), dtype)
    loss = tt.tanh(x * w).sum()
    slope = tt.grad(loss, w)
    assert slope.dtype == w.dtype
    step = tt.compile(x, [loss, slope], updates={w: w - slope * 0.125}, backend=backend)
    given = values(dtype, 12).reshape(4, 3)
    _, found = step(given)
    torch = pytest.importorskip("torch")
    v = as_torch(np.array([0.5, -1.25, 3.0], dtype)).requires_grad_()
    torch.tanh(as_torch(given) * v).sum().backward()
    expected = as_numpy(v.grad).astype(np.float64)
    eps = float(ml_dtypes.finfo(dtype).eps)
    np.testing.assert_allclose(found.astype(np.float64), expected, rtol=2 * eps, atol=eps)
    moved = np.array([0.5, -1.25, 3.0], dtype) - (found * np.asarray(0.125, dtype)).astype(dtype)
    assert_same_bits(tt.value_of(w), moved)


def test_debug_mode_agrees():
    x, y = tt.input("x", ("n", 5), "bfloat16"), tt.input("y", ("n", 5), "int8")
    z = tt.softmax(x * y + 1) * 2
    program = tt.compile([x, y], [z, (y + y).sum()], debug=True)
    found, total = program(values(BF16, 20).reshape(4, 5), values(INTEGERS[0], 20, few=True).reshape(4, 5))
    assert found.dtype == BF16
    assert total.dtype == np.int64


# Bad input, and what is installed


BAD = {
    "an int that an int8 cannot hold": (
        lambda: tt.input("x", (3,), "int8") + 300, "add: the literal 300 is no int8; cast the other operand"
    ),
    "an int below 0 beside a uint8": (lambda: tt.input("x", (), "uint8") * -1, "the literal -1 is no uint8"),
    "a list that does not fit": (lambda: tt.constant([1, 200], dtype="int8"), r"not within int8: \[1, 200\]"),
    "bits of halves": (lambda: tt.input("x", (), "float16") & 1, "and takes bools and integers, not float16"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "sentence"), BAD.values(), ids=BAD.keys())
def test_what_does_not_fit_is_a_typed_error(make, sentence):
    with pytest.raises(tt.DTypeError, match=sentence):
        make()


@named
def test_an_array_of_another_dtype_is_refused_with_the_conversion(dtype):
    program = tt.compile(x := tt.input("x", (2,), dtype), x + 1)
    name = "'bfloat16'" if dtype == BF16 else f"np.{dtype}"
    with pytest.raises(tt.DTypeError, match=rf"was given float64\n  fix: array.astype\({name}\)"):
        program(np.ones(2))
    program([1, 2])


def test_ml_dtypes_is_imported_when_a_bfloat16_array_is_needed():
    code = (
        "import sys, tinytorch as tt; x = tt.input('x', (), 'float16'); tt.compile(x, x + 1)(2.0);"
        "assert 'ml_dtypes' not in sys.modules; tt.input('x', (), 'bfloat16');"
        "sys.modules['ml_dtypes'] = None\n"
        "try: tt.constant([1.0], dtype='bfloat16')\n"
        "except tt.MissingLibraryError as error: print(error)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'tinytorch-compiler[bfloat16]'" in found.stdout


@pytest.mark.parametrize("backend", ALL)
@named
def test_it_is_sorted_and_ranked_as_what_it_is(dtype, backend):
    given = values(dtype, 60).reshape(4, 15)
    x = tt.input("x", ("n", 15), dtype)
    results = [tt.sort(x, 1), tt.argsort(x, 1), tt.topk(x, 3)[0]]
    ordered, places, largest = tt.compile(x, results, backend=backend)(given)
    wide = given.astype(np.float64)
    np.testing.assert_array_equal(ordered.astype(np.float64), np.sort(wide, 1))
    np.testing.assert_array_equal(places, np.argsort(wide, 1, kind="stable"))
    np.testing.assert_array_equal(largest.astype(np.float64), np.sort(wide, 1)[:, :-4:-1])


@pytest.mark.parametrize("backend", ALL)
@named
def test_what_is_added_at_places_is_added_in_the_dtype_that_computes(dtype, backend):
    given, more = values(dtype, 12, few=True).reshape(6, 2), values(dtype, 8, 1, few=True).reshape(4, 2)
    x, k, y = tt.input("x", (6, 2), dtype), tt.input("k", (4,), "int32"), tt.input("y", (4, 2), dtype)
    index = np.array([3, 0, 3, 5], np.int32)
    found = tt.compile([x, k, y], [x.at[k].add(y), x.at[k].set(y)], backend=backend)(given, index, more)
    work = dtype_of(dtype).compute.numpy
    added, put = given.astype(work), given.copy()
    np.add.at(added, index, more.astype(work))
    put[index] = more
    for one, other in zip(found, (added.astype(dtype), put), strict=True):
        np.testing.assert_array_equal(one.astype(np.float64), other.astype(np.float64))
