"""The mathematics of every atom as branch-free LLVM IR, on scalars and on vectors of any width.

    value = evaluate(builder, "tanh", [x], "float32")

emits at the builder's position and returns the result. The code is final: it needs code generation and no pass. It
carries no fast-math flag, calls no vector library, and gives a number the same bits in every lane of every width.
Within 4 units in the last place of the exact value for every atom (1 to 3 for most), subnormal results included;
`sin`, `cos` and `pow` are the C library's, one lane at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from compiler.backends.llvm import elementary, error_function, exponentials, logarithms
from compiler.backends.llvm.lanes import Instructions, Lanes, Value, ir
from compiler.errors import BackendError

Evaluation = Callable[..., Value]

ATOMS: dict[str, tuple[int, Evaluation]] = {
    "neg": (1, Lanes.neg),
    "abs": (1, lambda m, x: m.unary("fabs", x)),
    "sign": (1, elementary.sign),
    "floor": (1, lambda m, x: m.unary("floor", x)),
    "ceil": (1, lambda m, x: m.unary("ceil", x)),
    "round": (1, lambda m, x: m.unary("rint", x)),
    "sqrt": (1, lambda m, x: m.unary("sqrt", x)),
    "add": (2, Lanes.add),
    "sub": (2, Lanes.sub),
    "mul": (2, Lanes.mul),
    "div": (2, Lanes.div),
    "fma": (3, Lanes.fma),
    "pow": (2, lambda m, a, b: elementary.libm(m, "pow", a, b)),
    "maximum": (2, elementary.maximum),
    "minimum": (2, elementary.minimum),
    "zmul": (2, elementary.zmul),
    "lt": (2, lambda m, a, b: m.compare("<", a, b)),
    "le": (2, lambda m, a, b: m.compare("<=", a, b)),
    "gt": (2, lambda m, a, b: m.compare(">", a, b)),
    "ge": (2, lambda m, a, b: m.compare(">=", a, b)),
    "eq": (2, lambda m, a, b: m.compare("==", a, b)),
    "ne": (2, lambda m, a, b: m.compare("!=", a, b)),
    "and": (2, lambda m, a, b: m.builder.and_(a, b)),
    "or": (2, lambda m, a, b: m.builder.or_(a, b)),
    "not": (1, lambda m, a: m.builder.not_(a)),
    "where": (3, Lanes.select),
    "isnan": (1, Lanes.is_nan),
    "exp": (1, exponentials.exp),
    "expm1": (1, exponentials.expm1),
    "log": (1, logarithms.log),
    "log1p": (1, logarithms.log1p),
    "sin": (1, lambda m, x: elementary.libm(m, "sin", x)),
    "cos": (1, lambda m, x: elementary.libm(m, "cos", x)),
    "tanh": (1, exponentials.tanh),
    "sech2": (1, exponentials.sech2),
    "sigmoid": (1, exponentials.sigmoid),
    "softplus": (1, exponentials.softplus),
    "erf": (1, error_function.erf),
    "erfc": (1, error_function.erfc),
    "normcdf": (1, error_function.normcdf),
    "normpdf": (1, error_function.normpdf),
}
"""Each atom's number of arguments and its evaluation, which takes a `Lanes` and the arguments."""


def evaluate(
    builder: Any,
    atom: str,
    arguments: Sequence[Value],
    dtype: str,
    instructions: Instructions | None = None,
) -> Value:
    """Emit `atom` on arguments that are all scalars or all vectors of one width, and return its value.

    Args:
        builder: the `ir.IRBuilder` at the place where the code goes.
        atom: a name in `ATOMS`.
        arguments: floating-point values of `dtype`; truth values (`i1`) for `and`, `or`, `not` and where's first.
        dtype: "float32" or "float64". Comparisons and `isnan` return `i1`.
        instructions: what the target has; without it, a fused multiply-add and nothing else.

    Raises:
        BackendError: an unknown atom, a wrong number of arguments, or a missing C function.
        DTypeError: another dtype.
    """
    if atom not in ATOMS:
        raise BackendError(f"the llvm backend has no evaluation of the atom {atom!r}")
    count, evaluation = ATOMS[atom]
    if len(arguments) != count:
        raise BackendError(f"{atom} takes {count} arguments, not {len(arguments)}")
    first = arguments[-1].type
    lanes = int(first.count) if isinstance(first, ir.VectorType) else 0
    return evaluation(Lanes(builder, dtype, lanes, instructions or Instructions()), *arguments)
