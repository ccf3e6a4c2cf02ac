"""What NumPy calls otherwise than `tt`, and what to write for what has no counterpart: one table of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OPERATORS: Final[Mapping[str, str]] = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "truediv", "floor_divide": "floordiv",
    "remainder": "mod", "power": "pow", "matmul": "matmul", "bitwise_and": "and", "bitwise_or": "or",
    "bitwise_xor": "xor", "left_shift": "lshift", "right_shift": "rshift",
}  # fmt: skip
"""What Python has a sign for: `array + tensor` is the operator of the tensor, whichever kind it is."""

COMPARISONS: Final[Mapping[str, tuple[str, str]]] = {
    "equal": ("eq", "eq"), "not_equal": ("ne", "ne"), "less": ("lt", "gt"), "less_equal": ("le", "ge"),
    "greater": ("gt", "lt"), "greater_equal": ("ge", "le"),
}  # fmt: skip
"""And from the other side."""

NAMES: Final[Mapping[str, str]] = {
    "absolute": "abs", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh",
    "arctan": "atan", "arctan2": "atan2", "arctanh": "atanh", "around": "round", "degrees": "rad2deg",
    "expand_dims": "unsqueeze", "radians": "deg2rad",
    "fix": "trunc", "invert": "bitwise_not", "ravel": "flatten", "rint": "round",
}  # fmt: skip
"""NumPy's names for functions that have another here."""

ARGUMENTS: Final[Mapping[str, str]] = {"ddof": "correction"}
"""NumPy's names for arguments that are no operands; those that must be given go by their places."""

UNLIKE: Final = frozenset(
    {
        "diff",
        "fill_diagonal",
        "linspace",
        "logspace",
        "lstsq",
        "median",
        "nanmedian",
        "put_along_axis",
        "save",
    }
)
"""Names that mean something else here."""

INSTEAD: Final[Mapping[str, str]] = {
    "allclose": "tt.all(tt.isclose(x, y))",
    "append": "tt.concatenate([x, y], axis)",
    "average": "(x * weights).sum(axis) / weights.sum(axis)",
    "conjugate": "leave it out: tensors are real",
    "copy": "leave it out: tensors never change",
    "diff": "x.diff(n, axis)",
    "dsplit": "tt.array_split(x, sections, axis=2)",
    "fabs": "tt.abs(x)",
    "fill_diagonal": "x = tt.fill_diagonal(x, value), which makes another tensor",
    "fliplr": "tt.flip(x, 1)",
    "flipud": "tt.flip(x, 0)",
    "float_power": "x.astype('float64') ** y",
    "hsplit": "tt.array_split(x, sections, axis=1)",
    "linspace": "start + (stop - start) * tt.linspace(0, 1, count)",
    "lstsq": "tt.linalg.lstsq(a, b)",
    "logspace": "10 ** tt.linspace(start, stop, count)",
    "matvec": "tt.einsum('...ij,...j->...i', x, y)",
    "median": "tt.quantile(x, 0.5, axis)",
    "modf": "x - tt.trunc(x), and tt.trunc(x)",
    "nanmedian": "tt.nanquantile(x, 0.5, axis)",
    "ptp": "x.max(axis) - x.min(axis)",
    "put": "x = x.at[indices].set(values), which makes another tensor",
    "put_along_axis": "x = tt.put_along_axis(x, indices, values, axis), which makes another tensor",
    "putmask": "x = tt.where(mask, values, x), which makes another tensor",
    "rollaxis": "tt.moveaxis(x, source, destination)",
    "sliding_window_view": "tt.sliding_window(x, size, axis)",
    "vecmat": "tt.einsum('...i,...ij->...j', x, y)",
    "vsplit": "tt.array_split(x, sections, axis=0)",
}
"""What to write for functions that have no counterpart of one name."""

METHODS: Final[Mapping[tuple[str, str], str]] = {
    ("add", "reduce"): "tt.sum(x, axis)",
    ("multiply", "reduce"): "tt.prod(x, axis)",
    ("maximum", "reduce"): "tt.max(x, axis)",
    ("minimum", "reduce"): "tt.min(x, axis)",
    ("logical_and", "reduce"): "tt.all(x, axis)",
    ("logical_or", "reduce"): "tt.any(x, axis)",
    ("add", "accumulate"): "tt.cumsum(x, axis)",
    ("multiply", "accumulate"): "tt.cumprod(x, axis)",
    ("maximum", "accumulate"): "tt.cummax(x, axis)",
    ("minimum", "accumulate"): "tt.cummin(x, axis)",
    ("multiply", "outer"): "tt.outer(x, y)",
}
"""What to write for methods of universal functions."""

_IN_PLACE: Final = "y = y + x makes a new tensor; a tensor is never written into an array"
HONOURED: Final[Mapping[str, str]] = {
    "out": f"leave it out here, a program takes it, as in program(x, out=array); {_IN_PLACE}",
    "where": "leave it out, and give tt.where(mask, x, 0)",
    "dtype": "leave it out, and convert with x.astype(dtype)",
    "initial": "leave it out, and join it to the result",
}
"""What to write for arguments that a graph cannot honour."""
