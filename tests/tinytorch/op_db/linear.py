"""Linear algebra as PyTorch asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tinytorch as tt
from tinytorch.tensor import as_tensor


def _turned(x: Any, is_turned: bool) -> Any:
    return x.swapaxes(-1, -2) if is_turned else x


def _info(x: Any) -> Any:
    """The zeros by which PyTorch says that all went well."""
    return as_tensor(np.zeros(x.shape[:-2], np.int32))


def _cholesky(x: Any, upper: bool = False) -> Any:
    return _turned(tt.linalg.cholesky(x), upper)


def _cholesky_ex(x: Any, upper: bool = False, check_errors: bool = False) -> Any:
    return [_cholesky(x, upper), _info(x)]


def _cholesky_solve(b: Any, factor: Any, upper: bool = False) -> Any:
    return tt.linalg.cholesky_solve(b, _turned(factor, upper))


def _cholesky_inverse(factor: Any, upper: bool = False) -> Any:
    lower = tt.triu(factor).swapaxes(-1, -2) if upper else tt.tril(factor)
    return tt.linalg.inv(lower @ lower.swapaxes(-1, -2))


def _inv_ex(x: Any, check_errors: bool = False) -> Any:
    return [tt.linalg.inv(x), _info(x)]


def _solve(a: Any, b: Any, left: bool = True) -> Any:
    """PyTorch takes a stack of vectors where the other stack has their axes; and sides."""
    if b.ndim == 1 or (a.ndim - 1 == b.ndim and b.shape == a.shape[:-1]):
        return tt.linalg.solve(a, b.unsqueeze(-1)).squeeze(-1)
    return _turned(tt.linalg.solve(_turned(a, not left), _turned(b, not left)), not left)


def _solve_ex(a: Any, b: Any, left: bool = True, check_errors: bool = False) -> Any:
    return [_solve(a, b, left), _info(a)]


def _solve_triangular(a: Any, b: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Any:
    return tt.linalg.solve_triangular(a, b, upper=upper, left=left, unitriangular=unitriangular)


def _triangular_solve(
    b: Any, a: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False
):
    found = tt.linalg.solve_triangular(
        _turned(a, transpose), b, upper=upper != transpose, unitriangular=unitriangular
    )
    return [found, a]


def _norm(x: Any, p: Any = "fro", axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """torch.norm, for which "fro" is the Euclidean norm of all."""
    x = x if dtype is None else x.astype(dtype)
    if p == "fro":
        return tt.norm(x, axis, keepdims)
    if p == "nuc":
        return tt.linalg.matrix_norm(x, p)
    return tt.linalg.vector_norm(x, p, axis, keepdims)


def typed(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of x, in a dtype that PyTorch converts x to before."""

    def call(x: Any, *given: Any, dtype: Any = None, **named: Any) -> Any:
        return function(x if dtype is None else x.astype(dtype), *given, **named)

    return call


LINEAR: dict[str, Callable[..., Any]] = {
    "logdet": tt.linalg.logdet,
    "cholesky": _cholesky,
    "linalg.cholesky": _cholesky,
    "linalg.cholesky_ex": _cholesky_ex,
    "cholesky_solve": _cholesky_solve,
    "cholesky_inverse": _cholesky_inverse,
    "linalg.inv_ex": _inv_ex,
    "linalg.solve": _solve,
    "linalg.solve_ex": _solve_ex,
    "linalg.solve_triangular": _solve_triangular,
    "triangular_solve": _triangular_solve,
    "qr": lambda x, some=True: tt.linalg.qr(x),
    "linalg.qr": lambda x, mode="reduced": tt.linalg.qr(x),
    "linalg.eigh": lambda x, UPLO="L": tt.linalg.eigh(_turned(x, UPLO == "U")),  # noqa: N803
    "linalg.eigvalsh": lambda x, UPLO="L": tt.linalg.eigvalsh(_turned(x, UPLO == "U")),  # noqa: N803
    "linalg.lstsq": lambda a, b, **_: tt.linalg.lstsq(a, b),
    "linalg.cross": tt.cross,
    "linalg.vecdot": tt.vecdot,
    "norm": _norm,
    "linalg.norm": typed(tt.linalg.norm),
    "linalg.vector_norm": typed(tt.linalg.vector_norm),
    "linalg.matrix_norm": typed(tt.linalg.matrix_norm),
}
"""By PyTorch's name."""
