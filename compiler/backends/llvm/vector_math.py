"""The mathematics of every atom as branch-free LLVM IR, on scalars and on vectors of any width.

    value = evaluate(builder, "tanh", [x], "float32")

emits at the builder's position and returns the result. The code is final: it needs code generation and no
pass. It carries no fast-math flag, calls no vector library, and gives a number the same bits in every lane
of every width. Errors are measured on samples, not proved: at most 3.6 units in the last place in float32
and 3.3 in float64, with FMA or without, subnormal results included. `sin`, `cos` and `pow` are the C
library's, one lane at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from compiler.backends.llvm import elementary, error_function, exponentials, logarithms
from compiler.backends.llvm.jit.untyped import Builder, Value, ir
from compiler.backends.llvm.lanes import Instructions, Lanes
from compiler.errors import BackendError

UNARY: Mapping[str, Callable[[Lanes, Value], Value]] = {
    "neg": Lanes.neg,
    "abs": lambda m, x: m.unary("fabs", x),
    "sign": elementary.sign,
    "floor": lambda m, x: m.unary("floor", x),
    "ceil": lambda m, x: m.unary("ceil", x),
    "round": lambda m, x: m.unary("rint", x),
    "sqrt": lambda m, x: m.unary("sqrt", x),
    "not": lambda m, a: m.builder.not_(a),
    "isnan": Lanes.is_nan,
    "exp": exponentials.exp,
    "expm1": exponentials.expm1,
    "log": logarithms.log,
    "log1p": logarithms.log1p,
    "sin": lambda m, x: elementary.libm(m, "sin", x),
    "cos": lambda m, x: elementary.libm(m, "cos", x),
    "tanh": exponentials.tanh,
    "sech2": exponentials.sech2,
    "sigmoid": exponentials.sigmoid,
    "softplus": exponentials.softplus,
    "erf": error_function.erf,
    "erfc": error_function.erfc,
    "normcdf": error_function.normcdf,
    "normpdf": error_function.normpdf,
}

BINARY: Mapping[str, Callable[[Lanes, Value, Value], Value]] = {
    "add": Lanes.add,
    "sub": Lanes.sub,
    "mul": Lanes.mul,
    "div": Lanes.div,
    "pow": lambda m, a, b: elementary.libm(m, "pow", a, b),
    "maximum": elementary.maximum,
    "minimum": elementary.minimum,
    "zmul": elementary.zmul,
    "lt": lambda m, a, b: m.compare("<", a, b),
    "le": lambda m, a, b: m.compare("<=", a, b),
    "gt": lambda m, a, b: m.compare(">", a, b),
    "ge": lambda m, a, b: m.compare(">=", a, b),
    "eq": lambda m, a, b: m.compare("==", a, b),
    "ne": lambda m, a, b: m.compare("!=", a, b),
    "and": lambda m, a, b: m.builder.and_(a, b),
    "or": lambda m, a, b: m.builder.or_(a, b),
}

TERNARY: Mapping[str, Callable[[Lanes, Value, Value, Value], Value]] = {
    "fma": Lanes.fma,
    "where": Lanes.select,
}

ATOMS: Mapping[str, Callable[..., Value]] = {**UNARY, **BINARY, **TERNARY}
"""Every atom's evaluation, which takes a `Lanes` and the arguments."""


def arity(atom: str) -> int:
    """How many arguments `atom` takes.

    Raises:
        BackendError: there is no such atom.
    """
    if atom not in ATOMS:
        raise BackendError(f"the llvm backend has no evaluation of the atom {atom!r}")
    return 1 if atom in UNARY else 2 if atom in BINARY else 3


def evaluate(
    builder: Builder,
    atom: str,
    arguments: Sequence[Value],
    dtype: str,
    instructions: Instructions | None = None,
) -> Value:
    """Emit `atom` on arguments that are all scalars or all vectors of one width, and return its value.

    Args:
        builder: the `ir.IRBuilder` at the place where the code goes.
        atom: a name in `ATOMS`.
        arguments: numbers of `dtype`; truth values (`i1`) for `and`, `or`, `not` and where's first.
        dtype: "float32" or "float64". Comparisons and `isnan` return `i1`.
        instructions: what the target has; without it, a fused multiply-add and nothing else.

    Raises:
        BackendError: an unknown atom, a wrong number of arguments, or a missing C function.
        DTypeError: another dtype.
    """
    if len(arguments) != arity(atom):
        raise BackendError(f"{atom} takes {arity(atom)} arguments, not {len(arguments)}")
    kind = arguments[-1].type
    lanes = int(kind.count) if isinstance(kind, ir.VectorType) else 0
    return ATOMS[atom](Lanes(builder, dtype, lanes, instructions or Instructions()), *arguments)
