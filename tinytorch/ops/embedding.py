"""Rows of a table by number, and bags of them: what words become before a network reads them."""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias

from compiler.errors import ArgumentError, DTypeError, ShapeError
from compiler.ir.node import describe
from compiler.ir.scope import scope
from tinytorch.axes import counted
from tinytorch.indexing import check_classes
from tinytorch.ops.counting import searchsorted
from tinytorch.ops.elementwise import maximum, stop_gradient, where
from tinytorch.ops.layout import arange, take
from tinytorch.ops.scattering import segment_max, segment_sum
from tinytorch.tensor import Tensor, as_tensor

Mode: TypeAlias = Literal["sum", "mean", "max"]
"""How the rows of a bag become one."""


@scope("embedding")
def embedding(input: Any, weight: Any, padding_idx: int | None = None) -> Tensor:
    """The rows of `weight` `[rows, width]` that integers of any shape name: `[...]` to `[..., width]`.

    The row `padding_idx` (counted from the end where it is negative) takes no gradient, and is read as any
    other (torch.nn.functional.embedding). A number outside `0 .. rows - 1` raises IndexRangeError, when the
    program runs or, if it is known then, when the graph is built.
    """
    indices, table = _indices(input), _table(weight, "embedding")
    check_classes(indices.node, table.shape[0])
    rows = take(table, indices, axis=0)
    if padding_idx is None:
        return rows
    is_padding = indices == _padding(padding_idx, table)
    return where(is_padding.unsqueeze(-1), stop_gradient(rows), rows)


@scope("embedding_bag")
def embedding_bag(
    input: Any,
    weight: Any,
    offsets: Any = None,
    *,
    mode: Mode = "mean",
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The sum, mean or maximum of the rows of each bag: `[bags, width]` (torch.nn.functional.embedding_bag).

    `input` is `[bags, n]` of bags of one size; or the bags one behind the other, `[total]`, and `offsets`
    says where each begins (with `include_last_offset` also where the last one ends). Offsets may be a tensor,
    as only their number is an extent. `per_sample_weights`, for the mode "sum", multiply rows. Numbers that
    are `padding_idx` are in no bag. An empty bag is 0.

    Raises as `embedding`; ShapeError and ArgumentError for offsets or weights that do not fit.
    """
    if mode not in ("sum", "mean", "max"):
        raise ArgumentError(f"a mode is 'sum', 'mean' or 'max', not {mode!r}")
    indices, table = _indices(input), _table(weight, "embedding_bag")
    rows = embedding(indices, table)
    if per_sample_weights is not None:
        rows = rows * _sample_weights(per_sample_weights, indices, mode).astype(table.dtype).unsqueeze(-1)
    is_kept = None if padding_idx is None else indices != _padding(padding_idx, table)
    if indices.ndim == 2 and offsets is None:
        return _of_rows(rows, is_kept, mode)
    if indices.ndim != 1 or offsets is None:
        raise ShapeError(
            "embedding_bag takes [bags, n], or [total] with offsets: "
            f"{describe(indices.node)}{'' if offsets is None else ' with offsets'}\n"
            "  fix: input.reshape([bags, n]), or offsets=[0, ...], where each bag begins"
        )
    bags, ids = _bag_of_each(offsets, indices, include_last_offset)
    return _of_segments(rows, is_kept, mode, ids, bags)


def _of_rows(rows: Tensor, is_kept: Tensor | None, mode: Mode) -> Tensor:
    """Bags of one size, of which some elements may be left out."""
    if mode == "max":
        return _largest(rows if is_kept is None else where(is_kept.unsqueeze(-1), rows, -math.inf))
    if is_kept is None:
        total, count = rows.sum(1), rows.shape[1]
        return total if mode == "sum" or count == 0 else total / count
    total = where(is_kept.unsqueeze(-1), rows, 0.0).sum(1)
    return total if mode == "sum" else total / maximum(is_kept.sum(1, keepdims=True), 1).astype(rows.dtype)


def _largest(rows: Tensor) -> Tensor:
    if rows.shape[1] == 0:
        return rows.sum(1)
    found = rows.max(1)
    return where(found == -math.inf, 0.0, found)


def _of_segments(rows: Tensor, is_kept: Tensor | None, mode: Mode, ids: Any, bags: Any) -> Tensor:
    """Bags of any sizes."""
    if mode == "max":
        kept = rows if is_kept is None else where(is_kept.unsqueeze(-1), rows, -math.inf)
        found = segment_max(kept, ids, bags)
        return where(found == -math.inf, 0.0, found)
    kept = rows if is_kept is None else where(is_kept.unsqueeze(-1), rows, 0.0)
    total = segment_sum(kept, ids, bags)
    if mode == "sum":
        return total
    ones = rows[:, 0] * 0.0 + 1.0 if is_kept is None else is_kept.astype(rows.dtype)
    return total / maximum(segment_sum(stop_gradient(ones), ids, bags), 1.0).unsqueeze(-1)


def _bag_of_each(offsets: Any, indices: Tensor, has_end: bool) -> tuple[Any, Any]:
    """How many bags there are, and the number of the bag of each element."""
    starts = as_tensor(offsets)
    if starts.ndim != 1 or not starts.dtype.is_integer:
        raise ShapeError(f"offsets are integers [bags], where each bag begins: {describe(starts.node)}")
    if has_end:
        starts = starts[:-1]
    places = arange(indices.shape[0])
    return starts.shape[0], searchsorted(starts, places, "right") - 1


def _sample_weights(given: Any, indices: Tensor, mode: Mode) -> Tensor:
    found = as_tensor(given)
    if mode != "sum":
        raise ArgumentError(f"per_sample_weights are for mode='sum', not {mode!r}, as in PyTorch")
    if found.shape != indices.shape:
        raise ShapeError(
            f"per_sample_weights have the shape of the input\n  {describe(found.node)}\n"
            f"  {describe(indices.node)}"
        )
    return found


def _indices(given: Any) -> Tensor:
    found = as_tensor(given)
    if not found.dtype.is_integer:
        raise DTypeError(
            f"embedding: rows are named by int32 or int64, not {describe(found.node)}\n"
            "  fix: indices.astype('int64'); the table is the second argument"
        )
    return found


def _table(given: Any, what: str) -> Tensor:
    found = as_tensor(given)
    if found.ndim != 2:
        raise ShapeError(f"{what}: a table is [rows, width]: {describe(found.node)}")
    return found


def _padding(given: int, table: Tensor) -> Any:
    """The row, counted from the front."""
    place, rows = counted("padding_idx", given), table.shape[0]
    if isinstance(rows, int) and not -rows <= place < rows:
        raise ArgumentError(
            f"padding_idx {place} is no row of {describe(table.node)}\n  fix: one from {-rows} to {rows - 1}"
        )
    return place if place >= 0 else rows + place
