"""Fourier transforms, and what goes with them. Complex numbers are a last axis of two.

A transform is a product with a matrix of angles. One of n1 n2 elements is n2 of n1, turned, and n1 of n2
(J. W. Cooley, J. W. Tukey, "An algorithm for the machine calculation of complex Fourier series", 1965), so
that a matrix has as many rows as the greatest divisor below the root, or as a prime. All of it has gradients.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from compiler.ir.dims import Extent
from compiler.ir.types import FLOAT64
from tinytorch.axes import normalised_axis
from tinytorch.onnx.calling.checks import of_rank, single, whole
from tinytorch.onnx.calling.operator import Extents, Known, operator
from tinytorch.onnx.calling.values import Array, Unsupported
from tinytorch.onnx.operators.generators import chosen_dtype
from tinytorch.ops.arrays import moveaxis
from tinytorch.ops.layout import stack
from tinytorch.ops.padding import pad
from tinytorch.tensor import Tensor

Complex: TypeAlias = tuple[Tensor, Tensor | None]
"""The real and the imaginary parts; None where all of these are 0."""

_WHOLE = 32
"""Elements up to which a transform is one product."""


@operator("DFT", since=17)
def fourier_17(x: Tensor, length: Extents | None = None, *, axis: int, inverse: int, onesided: int) -> Tensor:
    """The discrete Fourier transform along an axis."""
    return fourier(x, length, np.asarray(axis), inverse=inverse, onesided=onesided)


@operator("DFT", since=20, limits="The length has to be a number.")
def fourier(
    x: Tensor, length: Extents | None = None, axis: Known | None = None, *, inverse: int, onesided: int
) -> Tensor:
    """The discrete Fourier transform along an axis.

    One-sided, it has the first half of the frequencies, from which the inverse one makes real numbers.
    """
    place = normalised_axis(-2 if axis is None else whole("the axis", axis), x.ndim, x.node)
    if place == x.ndim - 1:
        raise Unsupported("the last axis has the parts of complex numbers")
    given: Complex = _parts(moveaxis(x, place, -2).astype(FLOAT64))
    is_half = bool(inverse and onesided)
    extent = given[0].shape[-1]
    natural = (extent - 1) * 2 if is_half else extent
    count = _length(natural if length is None else length[0])
    if is_half:
        given = _mirrored(_fitted(given, count // 2 + 1), count)
    real, imaginary = _transformed(_fitted(given, count), count, 1 if inverse else -1)
    found = [real] if is_half else [real, imaginary]
    if inverse:
        found = [item / count for item in found]
    elif onesided:
        found = [item[..., : count // 2 + 1] for item in found]
    return moveaxis(stack(found, -1), -2, place).astype(x.dtype)


def _parts(x: Tensor) -> Complex:
    if x.shape[-1] not in (1, 2):
        raise Unsupported(f"the last axis has {x.shape[-1]} elements, and not the parts of complex numbers")
    return x[..., 0], None if x.shape[-1] == 1 else x[..., 1]


def _length(extent: Extent) -> int:
    if not isinstance(extent, int) or extent < 1:
        raise Unsupported(f"the length of a transform is a number, and not {extent}")
    return extent


def _each(x: Complex, function: Callable[[Tensor], Tensor]) -> Complex:
    return function(x[0]), None if x[1] is None else function(x[1])


def _fitted(x: Complex, count: int) -> Complex:
    """So many elements: the first ones, or all of them and zeros."""
    extent = x[0].shape[-1]
    if extent == count:
        return x
    if isinstance(extent, int) and extent > count:
        return _each(x, lambda part: part[..., :count])
    return _each(x, lambda part: pad(part, [(0, 0)] * (part.ndim - 1) + [(0, count - extent)]))


def _mirrored(x: Complex, count: int) -> Complex:
    """All frequencies of real numbers: those of the second half are conjugates of those of the first."""
    index = np.arange(count)
    places = np.where(index <= count // 2, index, count - index)
    sign = np.where(index <= count // 2, 1.0, -1.0)
    return x[0][..., places], None if x[1] is None else x[1][..., places] * sign


def _transformed(x: Complex, count: int, sign: int) -> tuple[Tensor, Tensor]:
    """The sums of x[j] exp(sign 2 pi i j k / count) over the last axis, for each k."""
    first = _divisor(count)
    if count <= _WHOLE or first == 1:
        return _product(x, _angles(count, count, count) * sign)
    second = count // first
    rows = _each(x, lambda part: part.reshape([*part.shape[:-1], first, second]).swapaxes(-1, -2))
    real, imaginary = _product(rows, _angles(first, first, first) * sign)  # [..., j2, k1]
    turns = _angles(second, first, count) * sign
    cosine, sine = np.cos(turns), np.sin(turns)
    turned = real * cosine - imaginary * sine, real * sine + imaginary * cosine
    real, imaginary = (part.swapaxes(-1, -2) for part in turned)
    found = _transformed((real, imaginary), second, sign)  # [..., k1, k2], of the frequency k1 + first k2
    real, imaginary = (part.swapaxes(-1, -2).reshape([*x[0].shape[:-1], count]) for part in found)
    return real, imaginary


def _divisor(count: int) -> int:
    return next(item for item in range(int(count**0.5), 0, -1) if count % item == 0)


def _angles(rows: int, columns: int, count: int) -> Array:
    """2 pi j k / count, each from 0 to below 2 pi, so that none loses digits."""
    if rows * columns > 2**24:
        raise Unsupported(f"a transform of {count} elements has a prime factor that is too large")
    return np.outer(np.arange(rows), np.arange(columns)) % count * (2 * np.pi / count)


def _product(x: Complex, angles: Array) -> tuple[Tensor, Tensor]:
    cosine, sine = np.cos(angles), np.sin(angles)
    if x[1] is None:
        return x[0] @ cosine, x[0] @ sine
    return x[0] @ cosine - x[1] @ sine, x[0] @ sine + x[1] @ cosine


@operator("STFT", since=17, limits="The length of a frame has to be a number.")
def short_time_fourier(
    signal: Tensor, frame_step: Known, window: Tensor | None = None, frame_length: Extents | None = None,
    *, onesided: int,
) -> Tensor:  # fmt: skip
    """Fourier transforms of windows of a signal: [batch, frames, frequencies, 2]."""
    parts = signal if signal.ndim == 3 else signal.unsqueeze(-1)
    natural = of_rank(parts, 3)[1]
    extent = natural if window is None else of_rank(window, 1)[0]
    given = extent if frame_length is None else frame_length[0]
    count = _length(given)
    step = whole("the step", frame_step)

    def framed(part: Tensor) -> Tensor:
        windows = part.unfold(1, count, step)
        return windows if window is None else windows * window

    frames = [part for part in _each(_parts(parts), framed) if part is not None]
    return fourier(stack(frames, -1), None, None, inverse=0, onesided=onesided)


_MOST = 2**26


@operator("MelWeightMatrix", since=17)
def mel_weights(
    bins: Known, length: Known, rate: Known, low: Known, high: Known, *, output_datatype: int
) -> Array:
    """Triangles that stand at even distances on the mel scale: [length / 2 + 1, bins], which is known."""
    count, size = whole("the number of bins", bins), whole("the length", length)
    rows = size // 2 + 1
    if not 0 < count * rows <= _MOST:
        raise Unsupported(f"{count} bins of {rows} frequencies")
    first, last, speed = (float(single("a frequency", item)) for item in (low, high, rate))
    if not (0 <= first <= last <= speed < math.inf and speed > 0):
        raise Unsupported(f"frequencies from {first} to {last} of {speed}")
    ends = [2595 * math.log10(1 + edge / 700) for edge in (first, last)]
    mels = ends[0] + np.arange(count + 2) * ((ends[1] - ends[0]) / (count + 2))
    edges = np.floor((size + 1) * 700 * (10 ** (mels / 2595) - 1) / speed).astype(np.int64)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    place: Array = np.arange(rows)[:, None]
    rising: Array = (place - left) / np.maximum(centre - left, 1)
    falling: Array = (right - place) / np.maximum(right - centre, 1)
    found: Array = np.where((place >= left) & (place < centre), rising, place == centre)
    found = np.where((place >= centre) & (place < right), falling, found)
    return found.astype(chosen_dtype(output_datatype).numpy)
