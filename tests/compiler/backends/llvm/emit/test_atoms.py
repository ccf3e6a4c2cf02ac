"""Every atom of machines means the same in native code as in NumPy, alone and in any lane."""

import itertools

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from compiler.backends.llvm.emit.atoms import RULES
from compiler.backends.llvm.jit import engine
from compiler.ir.types import INT64, dtype_of
from compiler.loops.atoms import ATOMS, Lanes
from compiler.loops.language import Literal
from tests.compiler.backends.llvm.writing import HOST, Writer, module_of, run
from tests.compiler.loops.machine_atoms import ATOMS as ATOMS_BY_HAND

FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, 1.5, -2.5, 3.75, np.inf, -np.inf, np.nan]
INTEGERS = [0, 1, -1, 2, 3, 7, -8, 12345, 2**31 - 1, -(2**31)]
SAMPLES = {"f": FLOATS, "s": FLOATS, "i": INTEGERS, "w": INTEGERS, "b": [False, True]}
DTYPES = {
    "f": ("float32", "float64"),
    "i": ("int32", "int64"),
    "b": ("bool",),
    "s": ("float32",),
    "w": ("int32",),
}


def integers(f, g):
    return lambda a, b: (f if a.dtype.kind == "i" else g)(a, b)


def cut(a, b):
    """Integer division towards 0."""
    return (np.sign(a) * np.sign(b) * (abs(a) // abs(b))).astype(a.dtype)


MEANINGS = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": integers(cut, np.divide),
    "rem": np.fmod, "neg": np.negative, "abs": np.abs, "floor": np.floor, "ceil": np.ceil, "round": np.rint,
    "sqrt": np.sqrt, "copysign": np.copysign,
    "fma": lambda a, b, c: (a.astype("longdouble") * b + c).astype(a.dtype),
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal,
    "ne": np.not_equal, "uge": lambda a, b: ~(a < b),
    "ult": lambda a, b: a.view(f"u{a.itemsize}") < b.view(f"u{b.itemsize}"),
    "isnan": np.isnan, "where": np.where, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
    "not": np.invert, "shl": np.left_shift,
    "lshr": lambda a, b: (a.view(f"u{a.itemsize}") >> b.view(f"u{b.itemsize}")).view(a.dtype),
    "ashr": np.right_shift,
    "bits": lambda a: a.view(f"i{a.itemsize}"), "from_bits": lambda a: a.view(f"f{a.itemsize}"),
    "half": ATOMS_BY_HAND["half"], "from_half": ATOMS_BY_HAND["from_half"],
}  # fmt: skip
"""What the atoms that go lane by lane are in NumPy."""

ELSEWHERE = {"cast", "evens", "odds", "zip_low", "zip_high", "scalef", "getmant", "getexp"}
"""Tested below: casts have many pairs of dtypes, four mix lanes, and three need a machine that scales."""

SHARE = {"fma"}
"""A sum in long doubles may differ in the last places."""


def samples(name, kind):
    """Arrays of all combinations of operands."""
    atom = ATOMS[name]
    each = [SAMPLES[kind]] * atom.operands
    if name == "where":
        each[0] = SAMPLES["b"]
    if name in ("shl", "lshr", "ashr"):
        each[1] = [0, 1, 5, 31]
    if name in ("div", "rem") and kind == "i":
        each[1] = [1, 2, -3, 7]
    return [np.array(column) for column in zip(*itertools.product(*each), strict=True)]


def applied(name, dtype, operands, result, lanes):
    """An atom of arrays, `lanes` elements at a time (0: one)."""
    writer, step = Writer(), max(1, lanes)
    count = len(operands[0])
    padded = [np.concatenate([a, np.repeat(a[-1:], -count % step)]) for a in operands]
    arrays, out, length = [writer.array(a.dtype) for a in padded], writer.array(result), writer.number()
    with writer.loop(length, lanes=lanes, step=step) as loop:
        values = [writer.load(array, (loop.index, 1), lanes=lanes) for array in arrays]
        writer.store(out, writer.let(name, *values, dtype=result), (loop.index, 1))
    found = np.empty(len(padded[0]), result)
    run(writer.kernel, *padded, found, len(found))
    return found[:count]


CASES = [
    (name, kind, dtype)
    for name in MEANINGS
    for kind in ATOMS[name].reads
    for dtype in DTYPES[kind]
    if (name != "fma" or HOST.has_fma) and ("half" not in name or HOST.converts_halves)
]


@pytest.mark.parametrize("lanes", [0, 4, 16])
@pytest.mark.parametrize(("name", "kind", "dtype"), CASES)
def test_the_meaning_is_numpys(name, kind, dtype, lanes):
    operands = samples(name, kind)
    operands = [a if a.dtype == bool else a.astype(dtype) for a in operands]
    if name in ("div", "rem") and kind == "i":
        operands[0][operands[0] == np.iinfo(dtype).min] = 5
    with np.errstate(all="ignore"):
        wanted = MEANINGS[name](*operands)
    result = ATOMS[name].result(dtype_of(dtype)).numpy
    assert wanted.dtype == result
    found = applied(name, dtype, operands, result, lanes)
    close = 4 * np.finfo(dtype).eps if name in SHARE else 0
    if wanted.dtype.kind == "f":
        np.testing.assert_allclose(found, wanted, rtol=close, atol=close)
        signed = ~np.isnan(wanted) & (wanted == 0)
        np.testing.assert_array_equal(np.signbit(found)[signed], np.signbit(wanted)[signed])
    else:
        np.testing.assert_array_equal(found, wanted)


NUMBERS = ("int32", "int64", "float32", "float64")
PAIRS = [(given, wanted) for given in ("bool", *NUMBERS) for wanted in NUMBERS if given != wanted]


@pytest.mark.parametrize("lanes", [0, 8])
@pytest.mark.parametrize(("given", "wanted"), PAIRS)
def test_casts(given, wanted, lanes):
    kind = np.dtype(given).kind
    numbers = {"b": [False, True], "i": INTEGERS, "f": [0.0, -0.0, 1.5, -2.75, 1e6 + 0.5, -3e5]}[kind]
    x = np.array(numbers).astype(given)
    np.testing.assert_array_equal(applied("cast", given, [x], wanted, lanes), x.astype(wanted))


def shown(dtype, write, *arrays, size=None, lanes=8):
    """What a kernel stores that loads a vector of each array; `write` gives the value to store."""
    writer = Writer()
    memory = [writer.array(a.dtype) for a in arrays]
    out = writer.array(dtype)
    vectors = [writer.load(item, lanes=lanes) for item in memory]
    value = write(writer, *vectors)
    writer.store(out, value)
    found = np.zeros(size or max(1, value.lanes), dtype)
    run(writer.kernel, *arrays, found)
    return found


X = np.arange(8, dtype="float32") * 1.5


def test_vectors_from_scalars():
    writer = Writer()
    number, out, places, mask = writer.number(), *(writer.array(d) for d in ("float64", "int64", "bool"))
    value = writer.let("cast", number, dtype="float64")
    writer.store(out, writer.let("splat", value, lanes=4))
    writer.store(places, writer.let("lanes", number, lanes=8))
    writer.store(mask, writer.let("first", number, dtype="bool", lanes=8))
    for count in (-3, 0, 3, 8, 11):
        found = np.zeros(4), np.zeros(8, "int64"), np.zeros(8, bool)
        run(writer.kernel, count, *found)
        np.testing.assert_array_equal(found[0], np.full(4, float(count)))
        np.testing.assert_array_equal(found[1], count + np.arange(8))
        np.testing.assert_array_equal(found[2], np.arange(8) < count)


def test_a_literal_in_every_lane():
    def write(writer, x):
        return writer.let("splat", 2.5, dtype="float32", lanes=8)

    np.testing.assert_array_equal(shown("float32", write, X), np.full(8, 2.5, "float32"))


@pytest.mark.parametrize(("name", "wanted"), [("low", X[:4]), ("high", X[4:])])
def test_halves(name, wanted):
    np.testing.assert_array_equal(shown("float32", lambda w, x: w.let(name, x, lanes=4), X), wanted)


@pytest.mark.parametrize(("name", "start"), [("evens", 0), ("odds", 1)])
def test_every_other_lane(name, start):
    found = shown("float32", lambda w, a, b: w.let(name, a, b), X, -X)
    np.testing.assert_array_equal(found, np.concatenate([X, -X])[start::2])


@pytest.mark.parametrize(("name", "half"), [("zip_low", slice(4)), ("zip_high", slice(4, 8))])
def test_lanes_of_two_in_turn(name, half):
    found = shown("float32", lambda w, a, b: w.let(name, a, b), X, -X)
    np.testing.assert_array_equal(found, np.stack([X[half], -X[half]], 1).reshape(-1))


@pytest.mark.parametrize("number", [0, 5, 7])
def test_one_lane(number):
    place = Literal.of(number, INT64)
    assert shown("float32", lambda w, x: w.let("lane", place, x, lanes=0), X)[0] == X[number]


@pytest.mark.parametrize("truths", [[], [3], range(8)])
@pytest.mark.parametrize(("name", "meaning"), [("any", np.any), ("all", np.all)])
def test_any_and_all(name, meaning, truths):
    mask = np.isin(np.arange(8), list(truths))
    assert shown("bool", lambda w, m: w.let(name, m, lanes=0), mask)[0] == meaning(mask)


@pytest.mark.parametrize(
    ("lanes", "dtype", "calls"), [(16, "float32", 1), (8, "float64", 1), (32, "float32", 2)]
)
@pytest.mark.parametrize("name", ["scalef", "getmant", "getexp"])
def test_what_scales_is_one_instruction_a_register(name, lanes, dtype, calls):
    writer = Writer()
    x, mask, out = writer.array(dtype), writer.array("bool"), writer.array(dtype)
    value = writer.load(x, lanes=lanes)
    operands = [writer.load(mask, lanes=lanes), value, value] if name == "scalef" else [value]
    writer.store(out, writer.let(name, *operands))
    module = module_of(writer.kernel)
    assert str(module).count(f"call <{512 // dtype_of(dtype).size // 8} x") == calls
    features = "+avx512f,+avx512vl,+avx512dq,+avx512bw"
    target = engine.Target(engine.host_target().triple, "skylake-avx512", features)
    if not target.is_arm:
        assert engine.assembly(module, target).count(f"v{name}p") == calls


def test_every_atom_has_a_rule_and_a_test():
    assert set(RULES) == set(ATOMS)
    each = {name for name, atom in ATOMS.items() if atom.lanes is Lanes.EACH}
    assert each == set(MEANINGS) | ELSEWHERE
    assert set(ATOMS) - each == {"splat", "lanes", "first", "low", "high", "lane", "any", "all"}
