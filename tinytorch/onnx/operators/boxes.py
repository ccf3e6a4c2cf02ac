"""Boxes in images that are known when the graph is built: how many are kept depends on what they are."""

from __future__ import annotations

import numpy as np

from tinytorch.onnx.calling.operator import Known, operator
from tinytorch.onnx.calling.values import Array


@operator("NonMaxSuppression", since=10, limits="Only where boxes and scores are known before a call.")
def non_max_suppression(
    boxes: Known, scores: Known, max_output_boxes_per_class: Known | None = None,
    iou_threshold: Known | None = None, score_threshold: Known | None = None, *, center_point_box: int,
) -> Array:  # fmt: skip
    """Rows `[image, class, box]` of the best boxes, none of which covers another one of its class by much."""
    most = 0 if max_output_boxes_per_class is None else int(max_output_boxes_per_class.reshape(-1)[0])
    overlap = 0.0 if iou_threshold is None else float(iou_threshold.reshape(-1)[0])
    least = None if score_threshold is None else float(score_threshold.reshape(-1)[0])
    corners = _corners(boxes.astype(np.float32), center_point_box)
    found = [
        [image, group, box]
        for image, rows in enumerate(scores)
        for group, row in enumerate(rows)
        for box in _kept(corners[image], row, most, overlap, least)
    ]
    return np.array(found, np.int64).reshape(-1, 3)


def _corners(boxes: Array, is_centred: int) -> Array:
    """Boxes as their lower and their upper corners."""
    first, second = boxes[..., :2], boxes[..., 2:]
    if is_centred:
        return np.stack([first - second / 2, first + second / 2], -2)
    return np.stack([np.minimum(first, second), np.maximum(first, second)], -2)


def _kept(corners: Array, scores: Array, most: int, overlap: float, least: float | None) -> list[int]:
    kept: list[int] = []
    for box in np.argsort(-scores, kind="stable").tolist():
        if len(kept) == most or (least is not None and scores[box] <= least):
            break
        if all(_shared(corners[box], corners[other]) <= overlap for other in kept):
            kept.append(box)
    return kept


def _shared(one: Array, other: Array) -> float:
    """The area of the intersection, as a share of that of the union."""
    sides: Array = np.minimum(one[1], other[1]) - np.maximum(one[0], other[0])
    if (sides <= 0).any():
        return 0.0
    both, first, second = (float(item.prod()) for item in (sides, one[1] - one[0], other[1] - other[0]))
    return both / (first + second - both)
