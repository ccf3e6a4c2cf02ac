"""An axis of any length that becomes a whole number of times as long."""

from __future__ import annotations

from collections.abc import Sequence

from tinytorch.onnx.calling.values import Array
from tinytorch.ops.layout import stack
from tinytorch.ops.padding import pad
from tinytorch.tensor import Tensor


def phased(x: Tensor, axis: int, places: Array, weights: Array) -> Tensor:
    """New element `times * i + p` is the sum over k of `weights[p, k]` times old element `i + places[p, k]`.

    Both are `[times, taps]`, whatever the length of the axis is, which may be symbolic. Before the first old
    element and behind the last one there are copies of these.
    """
    times, extent = len(places), x.shape[axis]
    low, high = max(0, -int(places.min())), max(0, int(places.max()))
    beside = [(0, 0)] * x.ndim
    wide = pad(x, [*beside[:axis], (low, high), *beside[axis + 1 :]], "replicate") if low or high else x

    def phase(starts: Sequence[int], shares: Sequence[float]) -> Tensor:
        parts = [
            wide[(*[slice(None)] * axis, slice(start + low, extent + (start + low)))] * float(share)
            for start, share in zip(starts, shares, strict=True)
        ]
        return sum(parts[1:], parts[0])

    rows = [phase(starts, shares) for starts, shares in zip(places.tolist(), weights.tolist(), strict=True)]
    found = stack(rows, axis + 1)
    return found.reshape([*x.shape[:axis], extent * times, *x.shape[axis + 1 :]])
