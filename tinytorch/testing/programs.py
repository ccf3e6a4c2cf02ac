"""Small programs that use every kind of op, shape and update: what passes and backends are checked on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from compiler.errors import ArgumentError
from compiler.ir.formula.atoms import ATOMS, OF_INTEGERS
from compiler.ir.types import FLOAT32, FLOAT64, INT32, INT64
from tinytorch import linalg, losses, nn, optim
from tinytorch.api import constant, grad, input, parameter
from tinytorch.draws import draw, unit
from tinytorch.elementwise import Elementwise
from tinytorch.ops import activations, contract, elementwise, functions, layout, normalise, padding, windows
from tinytorch.tensor import Tensor

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class TestProgram:
    """Inputs with their data, outputs and updates. Make a new one for each use: it owns its parameters."""

    __test__ = False  # pytest collects classes of this name

    inputs: list[Tensor]
    data: list[Array]
    outputs: list[Tensor]
    updates: Mapping[Tensor, Tensor] = field(default_factory=dict[Tensor, Tensor])


def _normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def _elementwise() -> TestProgram:
    """Every atom of floats, in one broadcast expression each."""
    x, y = input("x", ("rows", 5)), input("y", (5,))
    rooms = vars(elementwise), vars(activations), vars(functions)
    formulas = [item for room in rooms for item in room.values() if isinstance(item, Elementwise)]
    atoms = {item.formula.atom.name: item for item in formulas if item.formula.atom is not None}
    of_floats = {name: op for name, op in atoms.items() if ATOMS[name].rule not in OF_INTEGERS}
    unary = [op(x) for name, op in of_floats.items() if ATOMS[name].arity == 1]
    binary = [op(x, y) for name, op in of_floats.items() if ATOMS[name].arity == 2]
    is_less = x < y
    logical = [is_less & (x > 0), is_less | (y > 0), is_less ^ (x > 0), ~is_less]
    chosen = elementwise.where(is_less, x, y)
    return TestProgram([x, y], [_normal(7, 5), _normal(5, seed=1)], [*unary, *binary, *logical, chosen])


def _special_values() -> TestProgram:
    """Zeros of both signs, subnormals, infinities and NaN through activations and their gradients."""
    x = input("x", ("n",), "float64")
    specials = [0.0, -0.0, 5e-324, -1e-310, 1000.0, -1000.0, np.inf, -np.inf, np.nan, 0.5, -3.0, 3.0]
    ops = [
        activations.relu,
        activations.silu,
        activations.gelu,
        activations.mish,
        activations.softplus,
    ]
    values = [op(x) for op in ops]
    return TestProgram([x], [np.array(specials)], [*values, *(grad(value.sum(), x) for value in values)])


def _chain() -> TestProgram:
    """A long element-wise chain with a row vector, a column vector and a scalar."""
    x, row, column = input("x", ("n", 33)), input("row", (33,)), input("column", ("n", 1))
    y = x * activations.sigmoid(activations.gelu(x + row, approximate="tanh")) - column
    y = elementwise.tanh(y) * 0.5 + constant(2.0)
    data = [_normal(70, 33), _normal(33, seed=1), _normal(70, 1, seed=2)]
    return TestProgram([x, row, column], data, [y, *grad(y.sum(), [x, row, column])])


def _reductions() -> TestProgram:
    """Sums, extrema and argmax over every axis, of floats and integers, kept and dropped."""
    x, k = input("x", ("n", 4, 6)), input("k", ("n", 4), "int32")
    axes: list[Any] = [None, 0, 1, 2, (0, 2), (1, 2)]
    outputs = [
        op for axis in axes for op in (x.sum(axis), x.max(axis, keepdims=True), x.min(axis), x.mean(axis))
    ]
    outputs += [x.argmax(1), x.argmin(), k.sum(0), k.max(1), (k > 0).sum(), x.var(2), x.std((0, 1))]
    integers = np.random.default_rng(3).integers(-5, 5, (5, 4)).astype(np.int32)
    return TestProgram([x, k], [_normal(5, 4, 6), integers], outputs)


def _columns() -> TestProgram:
    """Reductions over the first axis: of rows narrower than vectors, of some vectors, and with an odd end."""
    x, y, k = input("x", ("n", 3)), input("y", ("n", 40)), input("k", (70, 8), "int64")
    moments = [(x * x).sum(0), x.var(0), y.var(0), (elementwise.exp(x) - constant([1.0, 2.0, 3.0])).max(0)]
    outputs = [op for item in (x, y, k) for op in (item.sum(0), item.max(0), item.min(0), item.argmax(0))]
    integers = np.random.default_rng(4).integers(-9, 9, (70, 8))
    return TestProgram([x, y, k], [_normal(67, 3), _normal(67, 40, seed=1), integers], [*outputs, *moments])


def _rows() -> TestProgram:
    """Softmax, layer norm and cross-entropy over rows, with gradients: kernels around reductions of rows."""
    x, labels = input("x", ("n", 19)), input("labels", ("n", 19))
    probabilities = normalise.softmax(x)
    loss = losses.cross_entropy(x, labels)
    normal = normalise.layer_norm(x)
    outputs = [
        probabilities,
        normalise.log_softmax(x),
        loss,
        normal,
        grad(loss, x),
        grad((normal**3).sum(), x),
    ]
    return TestProgram([x, labels], [3 * _normal(11, 19), np.abs(_normal(11, 19, seed=1))], outputs)


def _contractions() -> TestProgram:
    """Products of matrices in every layout, batched, of vectors, of a diagonal, of rows with themselves."""
    a, b, v = input("a", ("m", 5)), input("b", (5, 4)), input("v", (5,))
    c = input("c", (3, "m", 5))
    outputs = [a @ b, (a @ b).T, b.T @ a.T, a.T @ a, a @ v, v @ b, c @ b, contract.einsum("bmk,bmk->b", c, c)]
    outputs += [contract.einsum("ik,jk->ji", a, b.T), contract.einsum("kk->k", b @ b.T), contract.outer(v, v)]
    data = [_normal(6, 5), _normal(5, 4, seed=1), _normal(5, seed=2), _normal(3, 6, 5, seed=3)]
    return TestProgram([a, b, v, c], data, [*outputs, *grad(((a @ b) ** 2).sum(), [a, b])])


def _windows() -> TestProgram:
    """Convolutions in both layouts with their gradients, a step and a dilation; products of slices."""
    x, w = input("x", ("n", 3, 9, 11)), input("w", (9, 3, 3, 3))
    near = contract.einsum("nchwij,ocij->nohw", windows.sliding_window(x, (3, 3), (2, 3)), w)
    far = windows.sliding_window(x, (3, 3), (2, 3), (2, 1), (1, 2))
    last = contract.einsum("nchwij,ocij->nhwo", far, w)
    loss = (near * near).sum() + last.sum()
    sequence, v = x.reshape(("n", 27, 11)), input("v", (11, 5))
    inner = sequence[:, 1:-1] @ v
    return TestProgram(
        [x, w, v],
        [_normal(2, 3, 9, 11), _normal(9, 3, 3, 3, seed=1), _normal(11, 5, seed=2)],
        [near, last, inner, *grad(loss, [x, w]), *grad((inner * inner).sum(), [x, v])],
    )


def _layouts() -> TestProgram:
    """Every layout op, views of views, and work on views."""
    x, index = input("x", ("n", 4, 6)), input("index", ("n", 3), "int64")
    flat = x.reshape(-1, 6)
    outputs = [x.T, flat.T + 1.0, x[1:, ::2, ::-1], x[:, -1], padding.pad(x, ((0, 0), (1, 2), (0, 1)))]
    outputs += [layout.concatenate([x, x * 2.0], axis=1), layout.stack([x, -x], axis=0), layout.flip(x, 1)]
    outputs += [
        layout.take_along_axis(x[:, :3, 0], index, axis=1),
        layout.take(x, np.array([3, 0, 0]), axis=1),
    ]
    outputs += [layout.one_hot(index, 4), x.broadcast_to((2, "n", 4, 6)), elementwise.exp(x.swapaxes(1, 2))]
    outputs += [grad((layout.take(x, np.array([1, 1]), axis=2) ** 2).sum(), x), x.sum(1).T[::2] * 3.0]
    data = [_normal(5, 4, 6), np.random.default_rng(4).integers(0, 3, (5, 3))]
    return TestProgram([x, index], data, outputs)


def _transposes() -> TestProgram:
    """Copies and maps that store across what they load: matrices, few channels, phases, and back."""
    x, images = input("x", ("n", 18)), input("images", ("n", 3, 4, 5))
    pairs, k = input("pairs", (2, "n", 2, 14)), input("k", (19, "n"), "int64")
    outputs = [x.T, -x.T, k.T, (x > 0).T, x.T.astype("float64") + 0.5, images.transpose(0, 2, 3, 1)]
    outputs += [images.transpose(1, 2, 3, 0), pairs.transpose(1, 3, 2, 0), pairs.transpose(3, 1, 0, 2)]
    data = [_normal(21, 18), _normal(21, 3, 4, 5, seed=1), _normal(2, 21, 2, 14, seed=2)]
    return TestProgram([x, images, pairs, k], [*data, np.arange(19 * 21).reshape(19, 21)], outputs)


def _small_extents() -> TestProgram:
    """No rows, and axes of extent 1 that broadcast."""
    x, one = input("x", ("n", 3)), input("one", (1, 3))
    y = elementwise.exp(x) * one + x.sum(1, keepdims=True)
    return TestProgram(
        [x, one], [_normal(0, 3), _normal(1, 3)], [y, y.sum(0), x @ one.T, (one.T * one).sum()]
    )


def _shared_buffers() -> TestProgram:
    """Values that are read again after something could have been written over them."""
    x = input("x", (6, 6))
    a = elementwise.exp(x)
    b = a + 2.0 * a.T
    view = b[1:4].reshape(18)
    c = activations.relu(b)
    return TestProgram([x], [_normal(6, 6)], [c * 3.0, view.sum() + c.max(), a[::-1] * b, b])


def _updates() -> TestProgram:
    """Parameters that are swapped, accumulated, and updated from each other."""
    x = input("x", (4,))
    a, b = parameter(_normal(4, seed=1), "a"), parameter(_normal(4, seed=2), "b")
    total = parameter(np.zeros((), np.float32), "total")
    return TestProgram([x], [_normal(4)], [a * b, total], {a: b, b: a, total: total + (x * a).sum()})


def _training_step() -> TestProgram:
    """A network with class indices and Adam."""
    x, labels = input("x", ("batch", 12)), input("labels", ("batch",), "int64")
    network = nn.Sequential(nn.Dense(12, 9, seed=0), nn.GELU(), nn.LayerNorm(9), nn.Dense(9, 4, seed=1))
    loss = losses.cross_entropy(network(x), labels)
    updates = optim.Adam(network.parameters(), lr=0.01).updates(loss)
    return TestProgram([x, labels], [_normal(8, 12), np.arange(8) % 4], [loss], updates)


def _draws() -> TestProgram:
    """Random numbers behind a product, in rows, alone and forward and backward, and bits of integers."""
    x, n = input("x", ("rows", 20)), input("n", ("rows", 3), "int32")
    w, key = parameter(_normal(20, 20, seed=1), "w"), parameter(-5, "key")
    u = unit(key.node, x.shape, FLOAT32)
    h = elementwise.where(u < 0.8, elementwise.tanh(x @ w) / 0.8, 0.0)
    y = elementwise.where(u < 0.8, normalise.softmax(h @ w), 0.0)
    drawn = [draw("random_int32", key.node, n.shape, INT32), draw("random_int64", key.node, (7,), INT64)]
    bits = [(n & 12) | (n >> 1), (n << 3) ^ ~n, (drawn[1] >> 40) & 255, unit(key.node, (4, 5), FLOAT64)]
    loss = (y * y).sum()
    data = [_normal(6, 20), np.arange(-9, 9, dtype=np.int32).reshape(6, 3)]
    return TestProgram([x, n], data, [loss, *grad(loss, [x, w]), *drawn, *bits])


def _storage() -> TestProgram:
    """Halves and small integers: rounded or wrapped around at every op, moved, picked, summed and updated."""
    x, image = input("x", ("rows", 20), "float16"), input("image", ("rows", 20), "uint8")
    k, w = input("k", ("rows", 20), "int8"), parameter(_normal(20, 20, seed=1).astype(np.float16), "w")
    scaled = image.astype("float32") / 255
    y = x * x + x
    outputs = [y, y.T, scaled, scaled.astype("float16") - y, y.sum(1), y.max(0), y < x, normalise.softmax(x)]
    outputs += [k + k, k * image, (k // 3).T, k.sum(), -k, image >> 2, layout.concatenate([k, k + 1], 1)]
    product = x @ w
    loss = (elementwise.tanh(product) * x).sum()
    outputs += [product, loss, grad(loss, x)]
    whole = np.arange(120).reshape(6, 20)
    data: list[np.ndarray[Any, Any]] = [
        _normal(6, 20).astype(np.float16), (2 * whole).astype(np.uint8),
        (7 * whole % 251 - 125).astype(np.int8),
    ]  # fmt: skip
    return TestProgram([x, image, k], data, outputs, {w: w - grad(loss, w) * 0.125})


def _factors() -> TestProgram:
    """Linear algebra: of a stack with a matrix in each lane, and of one matrix along its rows."""
    stack, one, right = (
        input("stack", ("n", 5, 5)),
        input("one", (10, 10), "float64"),
        input("right", (10, 2), "float64"),
    )
    outputs = [linalg.det(stack), linalg.inv(stack), linalg.eigvalsh(stack), *linalg.qr(stack)]
    outputs += [linalg.cholesky(one), linalg.qr(one)[0], linalg.eigvalsh(one), *linalg.slogdet(one)]
    outputs += [linalg.solve(one, right), linalg.solve(one[::-1], right), linalg.cholesky(stack)]
    half = np.random.default_rng(6).standard_normal((3, 5, 5))
    wide = np.random.default_rng(7).standard_normal((10, 10))
    data: list[np.ndarray[Any, Any]] = [
        (half @ half.swapaxes(-1, -2) + np.eye(5)).astype(np.float32), wide @ wide.T + np.eye(10),
        np.arange(20.0).reshape(10, 2),
    ]  # fmt: skip
    return TestProgram([stack, one, right], data, outputs)


PROGRAMS: Final[Mapping[str, Callable[[], TestProgram]]] = {
    "elementwise": _elementwise,
    "special values": _special_values,
    "chain": _chain,
    "reductions": _reductions,
    "columns": _columns,
    "rows": _rows,
    "contractions": _contractions,
    "windows": _windows,
    "layouts": _layouts,
    "transposes": _transposes,
    "small extents": _small_extents,
    "shared buffers": _shared_buffers,
    "updates": _updates,
    "training step": _training_step,
    "draws": _draws,
    "storage": _storage,
    "factors": _factors,
}
"""The programs by name."""


def chosen(names: Sequence[str] | None) -> list[str]:
    """The programs to run by name, all if none are named. Raises ArgumentError for one that is not there."""
    found = list(PROGRAMS) if names is None else [names] if isinstance(names, str) else list(names)
    for name in found:
        if name not in PROGRAMS:
            raise ArgumentError(f"no test program is named {name!r}; there are {', '.join(PROGRAMS)}")
    return found
