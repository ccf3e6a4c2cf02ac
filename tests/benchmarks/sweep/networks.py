"""Classes of whole networks: training steps, inference, and compiling by the number of nodes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np

from tests.benchmarks.sweep.workload import Array, Sizes, Workload, normal, shown

Loss = Callable[..., Any]


def training(sizes: Sizes) -> Iterator[Workload]:
    """One step of gradient descent, or of Adam: the loss and the new weights."""
    for batch, *widths in [
        (64, 784, 256, 128, 10), (32, 64, 64, 64, 64), (256, 512, 512, 512), (1, 128, 128, 128), (4, 2, 8, 1),
        (1000, 20, 50, 50, 1), (64, 1000, 100, 1000), (512, 1024, 1024),
    ]:  # fmt: skip
        batch, *widths = sizes(batch, *widths)
        shapes = [(batch, widths[0]), (batch, widths[-1]), *_weights(widths)]
        said = f"{'-'.join(map(str, widths))} batch {batch}"
        for name in ("relu", "gelu_tanh"):
            loss = functools.partial(_mlp_loss, name)
            yield _step(f"MLP {name} {said}", loss, shapes)
        yield _step(f"MLP tanh, Adam {said}", functools.partial(_mlp_loss, "tanh"), shapes, is_adam=True)
    for layers, width, batch in [(20, 32, 16), (50, 16, 8)]:
        width, batch = sizes(width, batch)
        shapes = [(batch, width), (batch, width), *_weights([width] * (layers + 1))]
        yield _step(
            f"MLP tanh, {layers} layers of {width} batch {batch}",
            functools.partial(_mlp_loss, "tanh"),
            shapes,
        )
    for batch, length, width in [(16, 32, 32), (4, 64, 64), (8, 16, 128)]:
        batch, length, width = sizes(batch, length, width)
        square = (width, width)
        shapes = [
            (batch, length, width),
            square,
            square,
            square,
            square,
            (width, 4 * width),
            (4 * width, width),
        ]
        yield _step(f"attention block width {width}, {length} tokens, batch {batch}", _block_loss, shapes)
    for batch, length, width in [(32, 16, 32), (8, 10, 64)]:
        batch, length, width = sizes(batch, length, width)
        shapes = [(length, batch, width), (width, 4 * width), (width, 4 * width)]
        yield _step(f"LSTM of {length} steps, width {width}, batch {batch}", _lstm_loss, shapes)
    for batch, channels, extent in [(16, 8, 16), (64, 1, 28)]:
        batch, channels = sizes(batch, channels)
        shapes = [(batch, channels, extent, extent), (8, channels, 3, 3), (16, 8, 3, 3)]
        yield _step(
            f"two convolutions by slices {channels} channels, {extent}x{extent}, batch {batch}",
            _conv_loss,
            shapes,
        )
    rows, width = sizes(2000, 30)
    yield _step(f"logistic regression ({rows},{width})", _logistic_loss, [(rows, width), (rows,), (width,)])
    for name, loss in LOSSES.items():
        for shape in ((64, 10), (1000, 200)):
            shape = sizes(*shape)
            yield _step(f"{name} {shown(shape)}", loss, [shape, shape])
    rows, width = sizes(1000, 200)
    yield _step(f"layer norm, SiLU ({rows},{width})", _norm_loss, [(rows, width), (width,), (width,)])


LOSSES: Final[dict[str, Loss]] = {
    "huber": lambda xp, t, x: xp.mean(xp.where(xp.abs(x - t) < 1, 0.5 * (x - t) ** 2, xp.abs(x - t) - 0.5)),
    "poisson_nll": lambda xp, t, x: xp.mean(xp.exp(x) - t * x),
    "gaussian_nll": lambda xp, t, x: xp.mean(0.5 * (xp.abs(x) + (x - t) ** 2 / xp.exp(xp.abs(x)))),
    "kl_div": lambda xp, t, x: xp.mean(xp.softmax(t) * (xp.log_softmax(t) - xp.log_softmax(x))),
    "hinge": lambda xp, t, x: xp.mean(xp.maximum(1 - t * x, t * 0)),
    "cosine": lambda xp, t, x: xp.mean(
        1 - xp.sum(x * t, axis=1) / xp.sqrt((xp.sum(x * x, axis=1) + 1e-12) * (xp.sum(t * t, axis=1) + 1e-12))
    ),
}
"""Of what is wanted and what is predicted, in the words of every system."""


def _weights(widths: Sequence[int]) -> list[tuple[int, ...]]:
    return [shape for m, n in pairwise(widths) for shape in ((m, n), (n,))]


def _step(name: str, loss: Loss, shapes: list[tuple[int, ...]], *, is_adam: bool = False) -> Workload:
    data = 2 if name.startswith(("MLP", "logistic")) else 1
    weights = shapes[data:]
    given = [*shapes, *(weights * 2 if is_adam else [])]
    body = functools.partial(_adam if is_adam else _sgd, loss, data, len(weights))
    return Workload("training", name, body, functools.partial(_small, given, data, len(weights)))


def _small(shapes: list[tuple[int, ...]], data: int, weights: int) -> list[Array]:
    """Weights divided by the root of their rows; moments that are squares."""
    arrays = normal(*shapes)()
    for number in range(data, len(arrays)):
        rows = arrays[number].shape[0] if arrays[number].ndim > 1 else 10
        arrays[number] = arrays[number] * np.float32(rows**-0.5)
        if number >= data + 2 * weights:
            arrays[number] = arrays[number] ** 2
    return arrays


def _sgd(loss: Loss, data: int, _: int, xp: Any, *values: Any) -> Any:
    batch, weights = values[:data], values[data:]
    value, slopes = xp.value_and_grad(lambda *weights: loss(xp, *batch, *weights), *weights)
    return [value, *(w - 0.01 * g for w, g in zip(weights, slopes, strict=True))]


def _adam(loss: Loss, data: int, count: int, xp: Any, *values: Any) -> Any:
    batch, weights = values[:data], values[data : data + count]
    first, second = values[data + count : data + 2 * count], values[data + 2 * count :]
    value, slopes = xp.value_and_grad(lambda *weights: loss(xp, *batch, *weights), *weights)
    found = [value]
    for w, g, m, v in zip(weights, slopes, first, second, strict=True):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        found += [w - 0.001 * m / (xp.sqrt(v) + 1e-8), m, v]
    return found


def _mlp(xp: Any, activation: str, x: Any, weights: Sequence[Any]) -> Any:
    last = len(weights) // 2 - 1
    for number in range(last + 1):
        x = xp.matmul(x, weights[2 * number]) + weights[2 * number + 1]
        x = x if number == last else getattr(xp, activation)(x)
    return x


def _mlp_loss(activation: str, xp: Any, x: Any, target: Any, *weights: Any) -> Any:
    return xp.mean((_mlp(xp, activation, x, weights) - target) ** 2)


def _logistic_loss(xp: Any, x: Any, target: Any, w: Any) -> Any:
    z = xp.matmul(x, w)
    return xp.mean(xp.log(1 + xp.exp(-xp.abs(z))) + xp.maximum(z, z * 0) - z * target)


def _norm_loss(xp: Any, x: Any, scale: Any, shift: Any) -> Any:
    return xp.mean(xp.silu(xp.layer_norm(x) * scale + shift) ** 2)


def _block_loss(xp: Any, x: Any, q: Any, k: Any, v: Any, o: Any, up: Any, down: Any) -> Any:
    heads, (batch, length, width) = 4, x.shape
    width = width - width % heads

    def split(w: Any) -> Any:
        return xp.reshape(xp.matmul(x, w)[:, :, :width], (batch, length, heads, width // heads))

    scores = xp.einsum("bthd,bshd->bhts", split(q), split(k)) * (width // heads) ** -0.5
    mixed = xp.einsum("bhts,bshd->bthd", xp.softmax(scores), split(v))
    y = xp.layer_norm(x + xp.matmul(xp.reshape(mixed, (batch, length, width)), o[:width]))
    return xp.mean(xp.layer_norm(y + xp.matmul(xp.gelu_tanh(xp.matmul(y, up)), down)) ** 2 * y)


def _lstm_loss(xp: Any, x: Any, w: Any, u: Any) -> Any:
    length, _, width = x.shape
    h = c = x[0] * 0.0
    for time in range(length):
        z = xp.matmul(x[time], w) + xp.matmul(h, u)
        i, f, g, o = (z[:, k * width : (k + 1) * width] for k in range(4))
        c = xp.sigmoid(f) * c + xp.sigmoid(i) * xp.tanh(g)
        h = xp.sigmoid(o) * xp.tanh(c)
    return xp.mean(h * h)


def _conv(xp: Any, x: Any, w: Any) -> Any:
    _, _, size, _ = w.shape
    extent = x.shape[2] - size + 1
    found: Any = None
    for i in range(size):
        for j in range(size):
            part = xp.einsum("nchw,oc->nohw", x[:, :, i : i + extent, j : j + extent], w[:, :, i, j])
            found = part if found is None else found + part
    return found


def _conv_loss(xp: Any, x: Any, first: Any, second: Any) -> Any:
    return xp.mean(_conv(xp, xp.relu(_conv(xp, x, first)), second) ** 2)


def inference(sizes: Sizes) -> Iterator[Workload]:
    """Networks without gradients, their weights known, at batches known and open."""
    for batch in (1, 2, 4, 16, 64, 512):
        for widths in ([784, 256, 128, 10], [784, 1024, 784]):
            batch, *widths = sizes(batch, *widths)
            shapes = [(batch, widths[0]), *_weights(widths)]
            for is_symbolic in (False, True):
                said = f"{'-'.join(map(str, widths))} batch {batch}{', open' if is_symbolic else ''}"
                arrays = functools.partial(_small, shapes, 1, 0)
                name = f"MLP relu {said}"
                yield Workload(
                    "inference", name, _inferred, arrays, is_symbolic=is_symbolic, has_weights=True
                )
    batch, width = sizes(4, 2048)
    shapes = [(batch, width), *_weights([width, width])]
    arrays = functools.partial(_small, shapes, 1, 0)
    yield Workload("inference", f"layer {shown(*shapes[:2])}", _inferred, arrays, has_weights=True)


def _inferred(xp: Any, x: Any, *weights: Any) -> Any:
    return _mlp(xp, "relu", x, weights)


def compiling(_: Sizes) -> Iterator[Workload]:
    """A graph of so many nodes is built, compiled and called once; cold: no code of it is known."""
    for nodes in (100, 1000, 5000):
        for is_cold in (True, False):
            body = functools.partial(_built, nodes, is_cold)
            name = f"{nodes} nodes, {'cold' if is_cold else 'warm'}"
            yield Workload("compiling", name, body, lambda: [np.zeros(1, np.int64)])


def _built(nodes: int, is_cold: bool, xp: Any, seeds: Array) -> tuple[Array, Callable[[Any], Any]]:
    """A chain of layers whose order (of maps) is drawn anew where code must not be known."""
    seeds[0] += is_cold
    generator = np.random.default_rng(seeds[0])
    kinds = generator.integers(0, 4, nodes // 4)
    x, w = normal((8, 16), (16, 16))()

    def program(value: Any) -> Any:
        for kind in kinds:
            y = xp.matmul(value, w * np.float32(0.25)) + 0.5
            value = (xp.tanh(y), xp.sigmoid(y), xp.sin(y) * value, xp.softmax(y))[kind]
        return value

    return x, program
