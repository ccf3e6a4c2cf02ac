"""Rows of convolution, pooling, resampling and the paddings of images."""

from __future__ import annotations

from typing import Any

from tests.tinytorch.op_table.row import F, Row, integers, positive, signed
from tinytorch.ops import adaptive as oa
from tinytorch.ops import convolution as oc
from tinytorch.ops import padding as od
from tinytorch.ops import pooling as op
from tinytorch.ops import resampling as rs


def _both(name: str, module: Any, cases: Any, *settings: Any, **named: Any) -> Row:
    """A function that PyTorch has under the same name with the same settings."""
    ours, word = getattr(module, name.split()[0]), name.split()[0]
    return Row(
        name,
        lambda *x: ours(*x, *settings, **named),
        lambda *x: getattr(F, word)(*x, *settings, **named),
        cases,
    )


CONVOLVING = [
    _both("conv1d", oc, [(signed(2, 2, 5), signed(3, 2, 3), signed(3))], 2, 1),
    _both(
        "conv2d",
        oc,
        [
            (signed(1, 2, 4, 5), signed(3, 2, 3, 1), signed(3)),
            (signed(0, 1, 2, 2), signed(1, 1, 1, 1), signed(1)),
        ],
        1,
        "same",
    ),
    _both(
        "conv2d strided", oc, [(signed(4, 4, 6), signed(2, 2, 2, 2), signed(2))], (2, 1), (1, 0), (1, 2), 2
    ),
    _both("conv2d depthwise", oc, [(signed(1, 3, 4, 4), signed(6, 1, 3, 3))], padding=1, groups=3),
    _both("conv2d of integers", oc, [(integers(1, 2, 4, 4), integers(1, 2, 3, 3))]),
    _both("conv3d", oc, [(signed(1, 2, 3, 3, 4), signed(2, 2, 2, 3, 2), signed(2))]),
    _both("conv_transpose1d", oc, [(signed(2, 2, 3), signed(2, 3, 2), signed(3))], 2, 1),
    _both(
        "conv_transpose2d",
        oc,
        [
            (signed(1, 2, 3, 2), signed(2, 2, 3, 2), signed(2)),
            (signed(0, 1, 2, 2), signed(1, 1, 2, 2), signed(1)),
        ],
        (2, 1),
        1,
        (1, 0),
    ),
    _both(
        "conv_transpose2d in groups", oc, [(signed(2, 3, 3), signed(2, 2, 2, 2))], None, 1, 0, 0, 2, (2, 1)
    ),
    _both("conv_transpose3d", oc, [(signed(1, 1, 2, 2, 3), signed(1, 2, 2, 1, 2), signed(2))]),
]

POOLING = [
    _both("max_pool1d", op, [(signed(2, 2, 7),)], 3, 2, 1),
    _both("max_pool2d", op, [(signed(1, 2, 5, 6),), (signed(0, 1, 3, 3),)], (3, 2), 2, 1, 1, True),
    _both("max_pool2d dilated", op, [(signed(2, 5, 5),)], 2, 1, 0, 2),
    _both("max_pool3d", op, [(signed(1, 1, 3, 4, 4),)], 2, 1),
    Row(
        "max_pool2d of many elements",
        lambda x: op.max_pool2d(x, 9, 1, 1, return_indices=True)[0],
        lambda x: F.max_pool2d(x, 9, 1, 1),
        [(signed(1, 1, 8, 9),)],
    ),
    Row(
        "max_pool2d places",
        lambda x: op.max_pool2d(x, 2, padding=1, return_indices=True)[1],
        lambda x: F.max_pool2d(x, 2, padding=1, return_indices=True)[1],
        [(signed(1, 2, 4, 5),)],
    ),
    _both("avg_pool1d", op, [(signed(2, 2, 7),)], 3, 2, 1),
    _both("avg_pool2d", op, [(signed(1, 2, 4, 5),), (signed(0, 1, 3, 3),)], (3, 2), 2, 1, True, False),
    _both("avg_pool2d apart", op, [(signed(2, 5, 4),)], 2, divisor_override=3),
    _both("avg_pool3d", op, [(signed(1, 1, 3, 4, 4),)], 2, 1),
    _both("lp_pool1d", op, [(positive(2, 2, 5),)], 3.0, 2),
    _both("lp_pool2d", op, [(positive(1, 2, 4, 5),)], 2.0, 2, 1, True),
    _both("lp_pool3d", op, [(positive(1, 1, 3, 2, 2),)], 2.0, 2, 1),
    _both("adaptive_avg_pool1d", oa, [(signed(2, 2, 6),)], 3),
    _both("adaptive_avg_pool2d", oa, [(signed(1, 2, 5, 4),)], (3, None)),
    _both("adaptive_avg_pool3d", oa, [(signed(1, 1, 2, 3, 4),)], (1, 2, 2)),
    _both("adaptive_max_pool1d", oa, [(signed(2, 2, 6),)], 3),
    _both("adaptive_max_pool2d", oa, [(signed(1, 2, 5, 4),)], (3, 2)),
    _both("adaptive_max_pool3d", oa, [(signed(1, 1, 2, 3, 4),)], (1, 2, 2)),
]

RESAMPLING = [
    _both("interpolate", rs, [(signed(1, 2, 3, 4),)], scale_factor=2),
    _both("interpolate to a size", rs, [(signed(2, 1, 5),)], 7),
    _both("interpolate bilinear", rs, [(signed(1, 1, 3, 4),)], (5, 3), None, "bilinear", True),
    _both("interpolate bicubic", rs, [(signed(1, 1, 3, 4),)], (5, 3), None, "bicubic"),
    Row(
        "upsample",
        lambda x: rs.upsample(x, scale_factor=1.5, mode="linear"),
        lambda x: F.interpolate(x, scale_factor=1.5, mode="linear"),
        [(signed(1, 2, 4),)],
    ),
    _both("pixel_shuffle", rs, [(signed(1, 4, 2, 3),)], 2),
    _both("pixel_unshuffle", rs, [(signed(2, 2, 4, 2),)], 2),
    Row(
        "im2col",
        lambda x: rs.im2col(x, (2, 3), 1, 1, 2),
        lambda x: F.unfold(x, (2, 3), 1, 1, 2),
        [(signed(1, 2, 4, 5),)],
    ),
    Row(
        "col2im",
        lambda x: rs.col2im(x, (4, 5), (2, 3), 1, 1, 2),
        lambda x: F.fold(x, (4, 5), (2, 3), 1, 1, 2),
        [(signed(1, 12, 9),)],
    ),
    _both("pad", od, [(signed(2, 3),), (signed(0, 2),), (integers(1, 2),)], [1, 2, 0, 3], value=1.5),
    _both("pad reflect", od, [(signed(1, 2, 3, 4),)], [1, 2, 0, 2], "reflect"),
    _both("pad replicate", od, [(signed(2, 2, 3),)], [1, 2], "replicate"),
    _both("pad circular", od, [(signed(1, 2, 3, 4),)], [4, 2, 0, 3], "circular"),
    Row(
        "pad pairs",
        lambda x: od.pad(x, [(1, 0), (0, 2)]),
        lambda x: F.pad(x, [0, 2, 1, 0]),
        [(signed(2, 3),)],
    ),
]

IMAGES = [*CONVOLVING, *POOLING, *RESAMPLING]
