"""Rows of the reductions and normalisations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.tinytorch.op_table.row import F, Row, integers, signed, torch, with_settings
from tinytorch.ops import normalise as on
from tinytorch.ops import reduce as orr


def _axes(
    ours: Any, theirs: Any, name: str, make: Callable[..., Any] = signed, *, empty: bool = True
) -> list[Row]:
    """A reduction with torch's meaning of (x, axis, keepdims), over several axes."""
    rows: list[Row] = []
    for axis in (None, 0, -1, (0, 2), (1, 2, 0)):
        for keepdims in (False, True):
            if isinstance(axis, tuple) and name in ("argmax", "argmin"):
                continue
            shapes = [(2, 3, 4), (1, 3, 1), *([(2, 3, 0), (0, 2, 3)] if empty else [])]
            rows.append(
                Row(
                    f"{name} {axis} {'kept' if keepdims else 'gone'}",
                    lambda x, axis=axis, keepdims=keepdims: ours(x, axis=axis, keepdims=keepdims),
                    lambda x, axis=axis, keepdims=keepdims: theirs(
                        x,
                        tuple(range(x.ndim)) if axis is None and name not in ("argmax", "argmin") else axis,
                        keepdims,
                    ),
                    [(make(*shape),) for shape in shapes],
                )
            )
    return rows


def _all_axes(theirs: Any) -> Any:
    """torch.all and torch.any take one axis at a time."""

    def over(x: Any, axis: Any, keepdims: bool) -> Any:
        axes = axis if isinstance(axis, tuple) else (axis,)
        for k in sorted((k % x.ndim for k in axes), reverse=True):
            x = theirs(x, dim=k, keepdim=keepdims)
        return x

    return over


REDUCING = [
    *_axes(orr.sum, lambda x, axis, keep: torch.sum(x, axis, keepdim=keep), "sum"),
    *_axes(orr.mean, lambda x, axis, keep: torch.mean(x, axis, keepdim=keep), "mean"),
    *_axes(orr.max, lambda x, axis, keep: torch.amax(x, axis, keepdim=keep), "max", empty=False),
    *_axes(orr.min, lambda x, axis, keep: torch.amin(x, axis, keepdim=keep), "min", empty=False),
    *_axes(orr.argmax, lambda x, axis, keep: torch.argmax(x, axis, keepdim=keep), "argmax", empty=False),
    *_axes(orr.argmin, lambda x, axis, keep: torch.argmin(x, axis, keepdim=keep), "argmin", empty=False),
    *_axes(orr.all, _all_axes(torch.all), "all", integers),
    *_axes(orr.any, _all_axes(torch.any), "any", integers),
    *_axes(orr.norm, lambda x, axis, keep: torch.linalg.vector_norm(x, 2, axis, keepdim=keep), "norm"),
    *_axes(on.logsumexp, lambda x, axis, keep: torch.logsumexp(x, axis, keepdim=keep), "logsumexp"),
    Row("var", orr.var, torch.var, [(signed(2, 3),), (signed(5),)]),
    Row(
        "var 0",
        with_settings(orr.var, axis=1, correction=0),
        lambda x: torch.var(x, 1, correction=0),
        [(signed(2, 3),)],
    ),
    Row("std", with_settings(orr.std, axis=0), lambda x: torch.std(x, 0), [(signed(4, 3),)]),
    Row(
        "softmax",
        on.softmax,
        lambda x: torch.softmax(x, -1),
        [(signed(2, 3),), (signed(3),), (signed(2, 1),), (signed(0, 3),), (signed(3, 0),)],
    ),
    Row("softmax 0", with_settings(on.softmax, axis=0), lambda x: torch.softmax(x, 0), [(signed(2, 3),)]),
    Row("softmin", on.softmin, lambda x: torch.softmax(-x, -1), [(signed(2, 3),), (signed(3),)]),
    Row(
        "log_softmax",
        on.log_softmax,
        lambda x: torch.log_softmax(x, -1),
        [(signed(2, 3),), (signed(0, 3),), (signed(3, 0),)],
    ),
    Row(
        "log_softmax 1",
        with_settings(on.log_softmax, axis=1),
        lambda x: torch.log_softmax(x, 1),
        [(signed(2, 3, 2),)],
    ),
    Row(
        "softmax of all axes",
        with_settings(on.softmax, axis=None),
        lambda x: torch.softmax(x.reshape(-1), 0).reshape(x.shape),
        [(signed(2, 3),)],
    ),
    Row(
        "layer_norm",
        on.layer_norm,
        lambda x, w, b: F.layer_norm(x, (4,), w, b),
        [(signed(2, 3, 4), signed(4), signed(4)), (signed(0, 4), signed(4), signed(4))],
    ),
    Row(
        "rms_norm",
        on.rms_norm,
        lambda x, w: F.rms_norm(x, (4,), w),
        [(signed(2, 3, 4), signed(4)), (signed(0, 4), signed(4))],
    ),
    Row(
        "group_norm",
        lambda x, w, b: on.group_norm(x, 2, w, b),
        lambda x, w, b: F.group_norm(x, 2, w, b),
        [(signed(2, 4, 3), signed(4), signed(4)), (signed(0, 4, 2), signed(4), signed(4))],
    ),
    Row(
        "layer_norm plain",
        with_settings(on.layer_norm, axis=(-1, -2)),
        lambda x: F.layer_norm(x, (3, 4)),
        [(signed(2, 3, 4),)],
    ),
]
