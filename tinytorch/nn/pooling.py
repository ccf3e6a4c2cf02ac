"""Pooling as layers, with PyTorch's arguments: each is the function of its name in `tt`."""

from __future__ import annotations

from typing import Any

from tinytorch.nn.settings import Setting
from tinytorch.ops import adaptive, pooling


class _MaxPool(Setting):
    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(
            kernel_size=kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            return_indices=return_indices,
            ceil_mode=ceil_mode,
        )


class MaxPool1d(_MaxPool):
    """The largest element of each window of rows; `stride` is by default `kernel_size`."""

    function = staticmethod(pooling.max_pool1d)


class MaxPool2d(_MaxPool):
    """The largest element of each window of images; `stride` is by default `kernel_size`."""

    function = staticmethod(pooling.max_pool2d)


class MaxPool3d(_MaxPool):
    """The largest element of each window of volumes; `stride` is by default `kernel_size`."""

    function = staticmethod(pooling.max_pool3d)


class AvgPool1d(Setting):
    """The mean of each window of rows; `stride` is by default `kernel_size`."""

    function = staticmethod(pooling.avg_pool1d)

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(
            kernel_size=kernel_size,
            stride=stride,
            padding=padding,
            ceil_mode=ceil_mode,
            count_include_pad=count_include_pad,
        )


class _AvgPool(Setting):
    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: float | None = None,
    ) -> None:
        super().__init__(
            kernel_size=kernel_size,
            stride=stride,
            padding=padding,
            ceil_mode=ceil_mode,
            count_include_pad=count_include_pad,
            divisor_override=divisor_override,
        )


class AvgPool2d(_AvgPool):
    """The mean of each window of images; `stride` is by default `kernel_size`."""

    function = staticmethod(pooling.avg_pool2d)


class AvgPool3d(_AvgPool):
    """The mean of each window of volumes; `stride` is by default `kernel_size`."""

    function = staticmethod(pooling.avg_pool3d)


class _LPPool(Setting):
    def __init__(
        self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> None:
        super().__init__(norm_type=norm_type, kernel_size=kernel_size, stride=stride, ceil_mode=ceil_mode)


class LPPool1d(_LPPool):
    """The norm of order `norm_type` of each window of rows; `stride` is by default `kernel_size`."""

    function = staticmethod(pooling.lp_pool1d)


class LPPool2d(_LPPool):
    """The norm of order `norm_type` of each window of images; `stride` is by default `kernel_size`."""

    function = staticmethod(pooling.lp_pool2d)


class LPPool3d(_LPPool):
    """The norm of order `norm_type` of each window of volumes; `stride` is by default `kernel_size`."""

    function = staticmethod(pooling.lp_pool3d)


class _AdaptiveAvgPool(Setting):
    def __init__(self, output_size: Any) -> None:
        super().__init__(output_size=output_size)


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """The means of `output_size` regions of rows, however long they are."""

    function = staticmethod(adaptive.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """The means of `output_size` regions of images, however large these are; 1 is the mean of a channel."""

    function = staticmethod(adaptive.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """The means of `output_size` regions of volumes, however large these are."""

    function = staticmethod(adaptive.adaptive_avg_pool3d)


class _AdaptiveMaxPool(Setting):
    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size=output_size, return_indices=return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The largest elements of `output_size` regions of rows, however long they are."""

    function = staticmethod(adaptive.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The largest elements of `output_size` regions of images, however large these are."""

    function = staticmethod(adaptive.adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """The largest elements of `output_size` regions of volumes, however large these are."""

    function = staticmethod(adaptive.adaptive_max_pool3d)
