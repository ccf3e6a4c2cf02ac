"""Layers that make images larger or smaller, or columns of patches of them, with PyTorch's arguments."""

from __future__ import annotations

from typing import Any

from tinytorch.nn.settings import Setting
from tinytorch.ops import resampling


class Upsample(Setting):
    """Images of another size, or so many times as large: `tt.interpolate` (torch.nn.Upsample)."""

    function = staticmethod(resampling.interpolate)

    def __init__(
        self,
        size: Any = None,
        scale_factor: Any = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__(
            size=size,
            scale_factor=scale_factor,
            mode=mode,
            align_corners=align_corners,
            recompute_scale_factor=recompute_scale_factor,
        )


class PixelShuffle(Setting):
    """Lays channels out as finer pixels: `[..., c * r * r, h, w]` to `[..., c, h * r, w * r]`."""

    function = staticmethod(resampling.pixel_shuffle)

    def __init__(self, upscale_factor: int) -> None:
        super().__init__(upscale_factor=upscale_factor)


class PixelUnshuffle(Setting):
    """Fine pixels as channels, the inverse of PixelShuffle."""

    function = staticmethod(resampling.pixel_unshuffle)

    def __init__(self, downscale_factor: int) -> None:
        super().__init__(downscale_factor=downscale_factor)


class Unfold(Setting):
    """Windows of images as columns, `[n, c, h, w]` to `[n, c * k * l, positions]`: `tt.im2col`.

    (torch.nn.Unfold. The function `tt.unfold` is the method of PyTorch's tensors: windows along one axis.)
    """

    function = staticmethod(resampling.im2col)

    def __init__(self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__(kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride)


class Fold(Setting):
    """Columns added up where the windows of images were, the adjoint of Unfold: `tt.col2im`."""

    function = staticmethod(resampling.col2im)

    def __init__(
        self, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
    ) -> None:
        super().__init__(
            output_size=output_size,
            kernel_size=kernel_size,
            dilation=dilation,
            padding=padding,
            stride=stride,
        )
