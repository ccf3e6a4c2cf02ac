"""Every atom of machines as C has the bits of the interpreter, alone, in registers and in pairs of them."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from compiler.backends.c import atoms
from compiler.backends.c.emit import program_text
from compiler.errors import BackendError
from compiler.ir.types import FLOAT32, FLOAT64, INT32, INT64, dtype_of
from compiler.loops.atoms import ATOMS, Gives, Lanes
from compiler.loops.language import Literal
from tests.backends import HAS_C
from tests.compiler.backends.c.running import HOST, MACHINES, called, functions, lowered
from tests.compiler.backends.llvm.emit.test_atoms import DTYPES, samples
from tests.compiler.backends.llvm.writing import Writer
from tests.compiler.loops import interpreter

NUMBERS = (INT32, INT64, FLOAT32, FLOAT64)
SCALING = {"scalef", "getmant", "getexp"}
MOST = 1500
"""Elements of a sample: a multiple of these lanes is cut off and repeated."""


def usable(name, machine):
    is_there = machine.converts_halves or "half" not in name
    return (name != "fma" or machine.has_fma) and (name not in SCALING or machine.scales) and is_there


def result_of(atom, dtype):
    return dtype_of(dtype) if atom.gives is Gives.ANY else atom.result(dtype_of(dtype))


def each(name, dtype, result, lanes, operands):
    """An atom of arrays, some lanes at a time."""
    writer, step = Writer(), max(1, lanes)
    arrays, out, length = [writer.array(a.dtype) for a in operands], writer.array(result), writer.number()
    with writer.loop(length, lanes=lanes, step=step) as loop:
        values = [writer.load(array, (loop.index, 1), lanes=lanes) for array in arrays]
        writer.store(out, writer.let(name, *values, dtype=result), (loop.index, 1))
    return writer.kernel, [*operands, np.zeros(len(operands[0]), result.numpy), len(operands[0])]


def one(name, dtype, lanes, array, number=None):
    """An atom that makes a vector of a scalar, a scalar of a vector, or half of it."""
    atom, writer = ATOMS[name], Writer()
    given, kind = (0, lanes) if atom.lanes is Lanes.SPREAD else (lanes, 0)
    kind = lanes // 2 if atom.lanes is Lanes.HALF else kind
    source, result = writer.array(dtype), result_of(atom, dtype)
    out = writer.array(result)
    value = writer.load(source, lanes=given)
    operands = [value] if number is None else [Literal.of(number, INT64), value]
    writer.store(out, writer.let(name, *operands, dtype=result, lanes=kind))
    return writer.kernel, [array, np.zeros(64, result.numpy)]


def whole(arrays, lanes):
    """Columns of operands, a whole number of vectors."""
    step = max(1, lanes)
    size = -(-min(len(arrays[0]), MOST) // step) * step
    return [np.resize(array, size) for array in arrays]


def cases(machine):
    """Name, kernel and arguments of every atom for every dtype, with lanes of every kind."""
    wide = machine.vector_bytes // 4 * 2
    for name, atom in ATOMS.items():
        if not usable(name, machine):
            continue
        for kind in atom.reads:
            for dtype in DTYPES[kind]:
                for lanes in (0, 4, wide):
                    for number, (kernel, arguments) in enumerate(of(name, kind, dtype, lanes)):
                        yield f"{name}_{dtype}_{lanes}_{number}", kernel, arguments


def of(name, kind, dtype, lanes):
    atom = ATOMS[name]
    if atom.lanes is Lanes.EACH:
        if name in ("evens", "odds", "zip_low", "zip_high", *SCALING) and not lanes:
            return
        columns = samples(name, kind)
        first = ["bool"] if name in ("where", "scalef") else []
        types = [*first, *[dtype] * (len(columns) - len(first))]
        if name == "scalef":
            columns[2] = np.where(np.isfinite(columns[2]), columns[2], 3.0)
        operands = whole([np.array(x).astype(t) for x, t in zip(columns, types, strict=True)], lanes)
        results = (
            [x for x in NUMBERS if x is not dtype_of(dtype)] if name == "cast" else [result_of(atom, dtype)]
        )
        for result in results:
            yield each(name, dtype, result, lanes, operands)
    elif lanes:
        array = whole(samples(name if atom.operands == 1 else "any", kind)[-1:], 64)[0].astype(dtype)
        for number in (0, 3, lanes - 1) if name == "lane" else (None,):
            yield one(name, dtype, lanes, array, number)


@pytest.mark.skipif(not HAS_C, reason="there is no C compiler")
@pytest.mark.parametrize("width", MACHINES)
def test_every_atom_has_the_bits_of_the_interpreter(width):
    machine, kernels, given = MACHINES[width], {}, {}
    for name, kernel, arguments in cases(machine):
        kernels[name], given[name] = lowered(kernel, machine), arguments
    assert len(kernels) > 300
    found = functions(kernels, machine)
    for name, kernel in kernels.items():
        by_hand = [x.copy() if isinstance(x, np.ndarray) else x for x in given[name]]
        interpreter.run(kernel, *by_hand, is_lowered=True)
        called(found[name], given[name])
        for got, expected in zip(given[name], by_hand, strict=True):
            np.testing.assert_array_equal(got, expected, err_msg=name)


def test_every_atom_has_a_rule():
    assert set(atoms.RULES) == set(ATOMS)


@pytest.mark.parametrize("name", ["add", "where", "sqrt"])
def test_an_atom_without_a_rule_is_missed(name, monkeypatch):
    left = {other: rule for other, rule in atoms.RULES.items() if other != name}
    monkeypatch.setattr("compiler.backends.c.emit.RULES", left)
    kernels = {key: kernel for key, kernel, _ in cases(HOST) if key.startswith(f"{name}_")}
    with pytest.raises(BackendError, match=f"'{name}' has no rule"):
        program_text(kernels, HOST)
