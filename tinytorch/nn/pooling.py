"""Pooling as layers, with PyTorch's arguments: each is the function of its name in `tt`."""

from __future__ import annotations

from typing import Final

from tinytorch.nn.settings import Setting
from tinytorch.ops import adaptive, pooling

_MAX_POOL: Final = ("kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode")
"""The order of PyTorch's layers, whose functions have the last two the other way round."""


class MaxPool1d(Setting):
    """The largest element of each window of rows; `stride` is by default `kernel_size`."""

    function = staticmethod(pooling.max_pool1d)
    takes = _MAX_POOL


class MaxPool2d(Setting):
    """The largest element of each window of images; `stride` is by default `kernel_size`."""

    function = staticmethod(pooling.max_pool2d)
    takes = _MAX_POOL


class MaxPool3d(Setting):
    """The largest element of each window of volumes; `stride` is by default `kernel_size`."""

    function = staticmethod(pooling.max_pool3d)
    takes = _MAX_POOL


class AvgPool1d(Setting):
    """The mean of each window of rows; `stride` is by default `kernel_size`."""

    function = staticmethod(pooling.avg_pool1d)


class AvgPool2d(Setting):
    """The mean of each window of images; `stride` is by default `kernel_size`."""

    function = staticmethod(pooling.avg_pool2d)


class AvgPool3d(Setting):
    """The mean of each window of volumes; `stride` is by default `kernel_size`."""

    function = staticmethod(pooling.avg_pool3d)


class LPPool1d(Setting):
    """The norm of order `norm_type` of each window of rows; `stride` is by default `kernel_size`."""

    function = staticmethod(pooling.lp_pool1d)


class LPPool2d(Setting):
    """The norm of order `norm_type` of each window of images; `stride` is by default `kernel_size`."""

    function = staticmethod(pooling.lp_pool2d)


class LPPool3d(Setting):
    """The norm of order `norm_type` of each window of volumes; `stride` is by default `kernel_size`."""

    function = staticmethod(pooling.lp_pool3d)


class AdaptiveAvgPool1d(Setting):
    """The means of `output_size` regions of rows, however long they are."""

    function = staticmethod(adaptive.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(Setting):
    """The means of `output_size` regions of images, however large these are; 1 is the mean of a channel."""

    function = staticmethod(adaptive.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(Setting):
    """The means of `output_size` regions of volumes, however large these are."""

    function = staticmethod(adaptive.adaptive_avg_pool3d)


class AdaptiveMaxPool1d(Setting):
    """The largest elements of `output_size` regions of rows, however long they are."""

    function = staticmethod(adaptive.adaptive_max_pool1d)


class AdaptiveMaxPool2d(Setting):
    """The largest elements of `output_size` regions of images, however large these are."""

    function = staticmethod(adaptive.adaptive_max_pool2d)


class AdaptiveMaxPool3d(Setting):
    """The largest elements of `output_size` regions of volumes, however large these are."""

    function = staticmethod(adaptive.adaptive_max_pool3d)
