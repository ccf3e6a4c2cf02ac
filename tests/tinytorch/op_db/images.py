"""Convolution, pooling and resampling as PyTorch asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tinytorch as tt


def _placed(function: Callable[..., Any]) -> Callable[..., Any]:
    """A pool whose places are a result of its own."""

    def call(x: Any, *given: Any, **named: Any) -> Any:
        found = function(x, *given, **named)
        return list(found) if isinstance(found, tuple) else found

    return call


def _interpolated(x: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", **named: Any):
    if named.pop("antialias", False):
        raise NotImplementedError("antialias")
    return tt.interpolate(x, size, scale_factor, mode, **named)


IMAGES: dict[str, Callable[..., Any]] = {
    **{
        f"nn.functional.{p}{n}d": _placed(getattr(tt, f"{p}{n}d"))
        for p in ("max_pool", "adaptive_max_pool")
        for n in (1, 2, 3)
    },
    "nn.functional.interpolate": _interpolated,
    "nn.functional.unfold": tt.im2col,
    "nn.functional.upsample_nearest": lambda x, size=None, scale_factor=None: tt.interpolate(
        x, size, scale_factor
    ),
    "nn.functional.upsample_bilinear": lambda x, size=None, scale_factor=None: tt.interpolate(
        x, size, scale_factor, "bilinear", True
    ),
}
