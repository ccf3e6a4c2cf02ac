"""How a random graph grows by linear algebra: of matrices that are far from singular."""

import math

import tinytorch as tt
from compiler.ir.build import apply, contract
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.op import Index
from tests.properties.maker import Maker, Value

_SIDE = 6
"""The longest side of a matrix."""

_SHIFTED = parse_formula("shifted(x, scale, i, j) = x * scale + where(i == j, 2.0, 0.0)")


def solved(maker: Maker) -> Value | None:
    """Something of the matrix `2 I + x x^T / |x|^2` of the last axis, whose eigenvalues lie from 2 to 3."""

    def fits(value: Value) -> bool:
        is_plain = value.dtype.is_float and not value.dtype.is_storage and not value.special
        side = value.shape[-1] if value.shape else None
        return is_plain and isinstance(side, int) and 0 < side <= _SIDE

    x = maker.pick(fits)
    if x is None:
        return None
    *outer, side = x.shape
    rank = len(outer)
    loops = list(range(rank))
    product = contract(
        [x.node, x.node], [(*loops, rank), (*loops, rank + 1)], [*loops, rank, rank + 1], [*outer, side, side]
    )
    scale = 1 / (max(x.bound, 1.0) ** 2 * side)
    matrix = tt.Tensor(apply(_SHIFTED, product, scale, Index(rank), Index(rank + 1)))
    tt.Tensor(x.node).unsqueeze(-1)
    forms = {
        "inv": lambda: (tt.linalg.inv(matrix), 0.5),
        "cholesky": lambda: (tt.linalg.cholesky(matrix), math.sqrt(3)),
        "logdet": lambda: (tt.linalg.logdet(matrix), side * math.log(3)),
        "det": lambda: (tt.linalg.det(matrix), 3.0**side),
        "eigvalsh": lambda: (tt.linalg.eigvalsh(matrix), 3.0),
        "solve": lambda: (
            tt.linalg.solve(matrix, tt.Tensor(x.node).unsqueeze(-1)),
            x.bound * math.sqrt(side),
        ),
    }
    found, bound = forms[maker.choice(list(forms))]()
    return Value(found.node, bound, None)
