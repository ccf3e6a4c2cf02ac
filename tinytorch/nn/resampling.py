"""Layers that make images larger or smaller, or columns of patches of them, with PyTorch's arguments."""

from __future__ import annotations

from tinytorch.nn.settings import Setting
from tinytorch.ops import resampling


class Upsample(Setting):
    """Images of another size, or so many times as large: `tt.interpolate` (torch.nn.Upsample)."""

    function = staticmethod(resampling.interpolate)


class PixelShuffle(Setting):
    """Lays channels out as finer pixels: `[..., c * r * r, h, w]` to `[..., c, h * r, w * r]`."""

    function = staticmethod(resampling.pixel_shuffle)


class PixelUnshuffle(Setting):
    """Fine pixels as channels, the inverse of PixelShuffle."""

    function = staticmethod(resampling.pixel_unshuffle)


class Unfold(Setting):
    """Windows of images as columns, `[n, c, h, w]` to `[n, c * k * l, positions]`: `tt.im2col`.

    (torch.nn.Unfold. The function `tt.unfold` is the method of PyTorch's tensors: windows along one axis.)
    """

    function = staticmethod(resampling.im2col)


class Fold(Setting):
    """Columns added up where the windows of images were, the adjoint of Unfold: `tt.col2im`."""

    function = staticmethod(resampling.col2im)
