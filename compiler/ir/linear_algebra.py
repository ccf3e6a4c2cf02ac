"""Calls of dense linear algebra on stacks of matrices, LAPACK's on arrays, and their gradients as nodes.

Each has one result, so that it is one node: a pair of results is one array that the caller takes apart, or
follows from the first by ops. The rules of gradients are those of M. Giles, "Collected matrix derivative
results for forward and reverse mode algorithmic differentiation" (2008); of Cholesky's factor those of I.
Murray (2016), of the orthogonal one those of S. Walter and L. Lehmann (2010). They are nodes of the same
calls, so any order follows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.errors import LinearAlgebraError
from compiler.ir.build import apply, broadcast, contract
from compiler.ir.dims import Extent
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.layout import Reshape, Slice, Transpose
from compiler.ir.map_reduce import Index
from compiler.ir.node import Node, make_node
from compiler.ir.trait import Call, Shareable
from compiler.ir.types import TensorType

Array: TypeAlias = np.ndarray[Any, Any]

SOLVE: Final = "tt.linalg.solve"
INVERSE: Final = "tt.linalg.inv"
DETERMINANT: Final = "tt.linalg.det"
SIGN: Final = "tt.linalg.sign_of_det"
LOGARITHM: Final = "tt.linalg.log_of_det"
CHOLESKY: Final = "tt.linalg.cholesky"
ORTHOGONAL: Final = "tt.linalg.orthogonal_factor"
EIGEN: Final = "tt.linalg.eigen"
EIGENVALUES: Final = "tt.linalg.eigvalsh"

_LEAST_SHARED: Final = 12
"""Rows of matrices that threads share: smaller ones wait for LAPACK's own locks."""

_HALF_BELOW: Final = parse_formula("half_below(x, i, j) = where(i > j, x, where(i == j, 0.5 * x, 0))")
_MIRRORED: Final = parse_formula("mirrored(x, y, i, j) = where(i >= j, x, y)")
_UPPER: Final = parse_formula("upper(x, i, j) = where(i <= j, x, 0)")
_ON_DIAGONAL: Final = parse_formula("on_diagonal(x, i, j) = where(i == j, x, 0)")
_OVER_GAPS: Final = parse_formula(
    "over_gaps(x, y, w, v, i, j) = where(i == j, 0, (x - y) / (2 * where(i == j, 1, v - w)))"
)


def _solve(a: Array, b: Array) -> Array:
    return np.linalg.solve(a, b)


def _sign(a: Array) -> Array:
    return np.linalg.slogdet(a)[0]


def _logarithm(a: Array) -> Array:
    return np.linalg.slogdet(a)[1]


def _orthogonal(a: Array) -> Array:
    return np.linalg.qr(a)[0]


def _eigen(a: Array) -> Array:
    """The eigenvalues in a first column before the eigenvectors."""
    values, vectors = np.linalg.eigh(a)
    return np.concatenate([values[..., None], vectors], axis=-1)


@dataclass(frozen=True)
class _Told(Shareable):
    """The function of a label, whose failure names the first matrix of a stack that it is of."""

    label: str

    def write(self, out: Array, *operands: Array) -> None:
        np.copyto(out, self(*operands))

    def parts(self, count: int, out: Array, operands: Sequence[Array]) -> list[tuple[Array, ...]]:
        stack = operands[0].shape[:-2]
        total = math.prod(stack)
        if count == 1 or total < 2 or not out.size:
            return [(out, *operands)]
        flat = (array.reshape(total, *array.shape[len(stack) :]) for array in (out, *operands))
        return list(zip(*(np.array_split(array, min(count, total)) for array in flat), strict=True))

    def nanoseconds(self, operands: Sequence[Array]) -> float:
        rows = operands[0].shape[-1]
        return float(operands[0].size * rows) if rows >= _LEAST_SHARED else 0.0

    def __call__(self, *arrays: Array) -> Array:
        function = _ON_ARRAYS[self.label]
        try:
            return np.asarray(function(*arrays)).astype(arrays[0].dtype, copy=False)
        except np.linalg.LinAlgError as error:
            place = _first_failure(function, arrays)
            raise LinearAlgebraError(f"{self.label}: {_reason(str(error))}{place}") from None


def _reason(text: str) -> str:
    return text[:1].lower() + text[1:]


def _first_failure(function: Callable[..., Any], arrays: Sequence[Array]) -> str:
    for place in np.ndindex(arrays[0].shape[:-2]):
        try:
            function(*(array[place] for array in arrays))
        except np.linalg.LinAlgError:
            return f" at {list(place)}" if place else ""
    return ""


_ON_ARRAYS: Final[Mapping[str, Callable[..., Any]]] = {
    SOLVE: _solve,
    INVERSE: np.linalg.inv,
    DETERMINANT: np.linalg.det,
    SIGN: _sign,
    LOGARITHM: _logarithm,
    CHOLESKY: np.linalg.cholesky,
    ORTHOGONAL: _orthogonal,
    EIGEN: _eigen,
    EIGENVALUES: np.linalg.eigvalsh,
}

FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {label: _Told(label) for label in _ON_ARRAYS}
"""By label."""


def linear_call(label: str, type: TensorType) -> Call:
    """The call of a label, with a result of a type."""
    return Call(label, FUNCTIONS[label], type, GRADIENTS.get(label))


def linear_node(label: str, *operands: Node, shape: tuple[Extent, ...] | None = None) -> Node:
    """A call of operands, with the last operand's type unless another shape is given."""
    last = operands[-1].type
    return make_node(linear_call(label, last if shape is None else TensorType(last.dtype, shape)), operands)


# Gradients


def transposed(x: Node) -> Node:
    """Matrices with their axes exchanged."""
    rank = x.type.rank
    return make_node(Transpose((*range(rank - 2), rank - 1, rank - 2)), [x])


def product(left: Node, right: Node) -> Node:
    """Matrices times matrices, of stacks of one shape."""
    batch = left.type.shape[:-2]
    k = len(batch)
    stack = tuple(range(k))
    extents = (*batch, left.type.shape[-2], right.type.shape[-1], left.type.shape[-1])
    return contract([left, right], [(*stack, k, k + 2), (*stack, k + 2, k + 1)], range(k + 2), extents)


def _solve_gradient(g: Node, a: Node, b: Node) -> list[Node]:
    of_b = linear_node(SOLVE, transposed(a), g)
    return [apply("neg", product(of_b, transposed(linear_node(SOLVE, a, b)))), of_b]


def _inverse_gradient(g: Node, a: Node) -> list[Node]:
    back = transposed(linear_node(INVERSE, a))
    return [apply("neg", product(product(back, g), back))]


def _spread(g: Node, like: Node) -> Node:
    """One number for each matrix, times matrices."""
    rank = like.type.rank
    stack = tuple(range(rank - 2))
    return contract([g, like], [stack, tuple(range(rank))], range(rank), like.type.shape)


def _determinant_gradient(g: Node, a: Node) -> list[Node]:
    scale = apply("mul", g, linear_node(DETERMINANT, a, shape=a.type.shape[:-2]))
    return [_spread(scale, transposed(linear_node(INVERSE, a)))]


def _logarithm_gradient(g: Node, a: Node) -> list[Node]:
    return [_spread(g, transposed(linear_node(INVERSE, a)))]


def _no_gradient(g: Node, a: Node) -> list[None]:
    """The sign of a determinant stands still."""
    return [None]


def _by_places(formula: Any, *nodes: Node) -> Node:
    rank = nodes[0].type.rank
    return apply(formula, *nodes, Index(rank - 2), Index(rank - 1), dtype=nodes[0].type.dtype)


def _cholesky_gradient(g: Node, a: Node) -> list[Node]:
    """Half of S + S^T for S = L^-T half_below(L^T g) L^-1: a matrix and its mirror have one factor."""
    factor = linear_node(CHOLESKY, a)
    back = transposed(factor)
    inner = linear_node(SOLVE, back, _by_places(_HALF_BELOW, product(back, g)))
    whole = transposed(linear_node(SOLVE, back, transposed(inner)))
    return [apply("mul", apply("add", whole, transposed(whole)), 0.5)]


def _orthogonal_gradient(g: Node, a: Node) -> list[Node]:
    """(g + Q m) R^-T with m = -g^T Q, mirrored at its diagonal, and R = Q^T A."""
    q = linear_node(ORTHOGONAL, a)
    r = _by_places(_UPPER, product(transposed(q), a))
    inner = apply("neg", product(transposed(g), q))
    mirrored = _by_places(_MIRRORED, inner, transposed(inner))
    whole = apply("add", g, product(q, mirrored))
    return [transposed(linear_node(SOLVE, r, transposed(whole)))]


def _eigen_gradient(g: Node, a: Node) -> list[Node]:
    """V (diag(g_w) + (M - M^T) / 2 (w_j - w_i)) V^T with M = V^T g_v: symmetric, as the matrix is."""
    found = linear_node(EIGEN, a, shape=(*a.type.shape[:-1], a.type.shape[-1] + 1))
    values, vectors = eigen_parts(found)
    of_values, of_vectors = eigen_parts(g)
    shape = vectors.type.shape
    rank = len(shape)
    down, across = (broadcast(values, shape, [*range(rank - 2), axis]) for axis in (rank - 2, rank - 1))
    on_diagonal = broadcast(of_values, shape, [*range(rank - 2), rank - 1])
    turned = product(transposed(vectors), of_vectors)
    inner = _by_places(_OVER_GAPS, turned, transposed(turned), down, across)
    inner = apply("add", inner, _by_places(_ON_DIAGONAL, on_diagonal))
    return [product(product(vectors, inner), transposed(vectors))]


def _eigenvalues_gradient(g: Node, a: Node) -> list[Node]:
    """V diag(g) V^T."""
    _, vectors = eigen_parts(linear_node(EIGEN, a, shape=(*a.type.shape[:-1], a.type.shape[-1] + 1)))
    rank = a.type.rank
    scaled = apply("mul", vectors, broadcast(g, a.type.shape, [*range(rank - 2), rank - 1]))
    return [product(scaled, transposed(vectors))]


def eigen_parts(found: Node) -> tuple[Node, Node]:
    """Eigenvalues and eigenvectors, of an array of both."""
    shape = found.type.shape
    rank, sizes = len(shape), (*shape[:-1], shape[-2])
    steps, place = (1,) * rank, (0,) * (rank - 1)
    values = make_node(Slice((0,) * rank, (*shape[:-1], 1), steps), [found])
    vectors = make_node(Slice((*place, 1), sizes, steps), [found])
    return make_node(Reshape(shape[:-1]), [values]), vectors


GRADIENTS: Final[Mapping[str, Callable[..., Any]]] = {
    SOLVE: _solve_gradient,
    INVERSE: _inverse_gradient,
    DETERMINANT: _determinant_gradient,
    SIGN: _no_gradient,
    LOGARITHM: _logarithm_gradient,
    CHOLESKY: _cholesky_gradient,
    ORTHOGONAL: _orthogonal_gradient,
    EIGEN: _eigen_gradient,
    EIGENVALUES: _eigenvalues_gradient,
}
"""By label: the cotangent of each operand, from that of the result."""
