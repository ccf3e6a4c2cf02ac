"""What ours is called that PyTorch lists under a name, how it is asked for the same, and what is absent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tinytorch as tt
from tests.tinytorch.op_db.images import IMAGES
from tests.tinytorch.op_db.linear import LINEAR, typed
from tinytorch.tensor import as_tensor


def _placed(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that makes a tensor, without the places and layouts that there are one of."""

    def call(*given: Any, device: Any = None, layout: Any = None, requires_grad: bool = False, **named: Any):
        return function(*given, **named)

    return call


def _corrected(function: Callable[..., Any]) -> Callable[..., Any]:
    """A variance, whose correction may be `unbiased`, by position or by name, or None for 1."""

    def call(x: Any, *given: Any, **named: Any) -> Any:
        if given and isinstance(given[0], bool):
            named["unbiased"], given = given[0], given[1:]
        unbiased = named.pop("unbiased", None)
        if unbiased is not None:
            named["correction"] = int(unbiased)
        if named.get("correction", 0) is None:
            del named["correction"]
        return function(x, *given, **named)

    return call


def _scaled(function: Callable[..., Any]) -> Callable[..., Any]:
    """A sum or difference whose second operand is multiplied by alpha before."""

    def call(x: Any, y: Any, alpha: Any = 1) -> Any:
        return function(x, y if alpha == 1 else y * alpha)

    return call


def _affine(product: Callable[..., Any]) -> Callable[..., Any]:
    """beta times the first operand and alpha times a product of the others."""

    def call(x: Any, *factors: Any, alpha: Any = 1, beta: Any = 1) -> Any:
        found = product(*factors)
        found = found if alpha == 1 else alpha * found
        return found if beta == 0 else found + (x if beta == 1 else beta * x)

    return call


def _pieces(x: Any, size: Any, axis: int = 0) -> Any:
    """torch.split: pieces of a size, or of several."""
    extent = x.shape[axis]
    sizes = [min(size, extent - k) for k in range(0, extent, size)] if isinstance(size, int) else list(size)
    return tt.split(x, sizes, axis)


def _spread(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors, which PyTorch takes one by one and ours as a list, or the other way around."""
    return lambda *tensors, **named: function(
        *(tensors[0] if len(tensors) == 1 and isinstance(tensors[0], list) else tensors), **named
    )


def _strings(x: Any, equation: str, *rest: Any) -> Any:
    return tt.einsum(equation, *x)


def _extremes(place: Callable[..., Any], value: Callable[..., Any]) -> Callable[..., Any]:
    """A value, and where an axis is given, its place."""

    def call(x: Any, *given: Any, **named: Any) -> Any:
        if not given and "axis" not in named:
            return value(x)
        if isinstance(given[0] if given else 0, tt.Tensor):
            return (tt.maximum if value is tt.max else tt.minimum)(x, *given)
        return [value(x, *given, **named), place(x, *given, **named)]

    return call


def _padded(x: Any, widths: Any, mode: str = "constant", value: Any = 0.0) -> Any:
    """PyTorch gives widths from the last axis on, in pairs, and removes elements for those below 0."""
    pairs = [(0, 0)] * (x.ndim - len(widths) // 2) + [
        (widths[k], widths[k + 1]) for k in range(len(widths) - 2, -1, -2)
    ]

    def wider(x: Any) -> Any:
        return tt.pad(x, [(max(a, 0), max(b, 0)) for a, b in pairs], mode, value or 0.0)

    def cut(x: Any) -> Any:
        ends = zip(pairs, x.shape, strict=True)
        return x[tuple(slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in ends)]

    return wider(cut(x)) if mode == "circular" else cut(wider(x))


def _divided(x: Any, y: Any, rounding_mode: str | None = None) -> Any:
    if rounding_mode == "floor":
        return x // y
    if rounding_mode is None:
        return x / y
    return tt.trunc(x / y) if x.dtype.is_float or as_tensor(y).dtype.is_float else (x - tt.fmod(x, y)) // y


def _counted(x: Any, counts: Any = None, *more: Any, repeats: Any = None, axis: Any = None, **_: Any) -> Any:
    return tt.repeat(x, counts if repeats is None else repeats, axis)


def _narrow(x: Any, axis: int, start: Any, length: int) -> Any:
    if isinstance(start, tt.Tensor):
        raise NotImplementedError("a start that is a tensor")
    first = start % (x.shape[axis] or 1) if start < 0 else start
    return x[(slice(None),) * (axis % x.ndim) + (slice(first, first + length),)]


def _each(function: Callable[..., Any], tensors: Any) -> Any:
    items = tensors[0] if isinstance(tensors[0], list | tuple) else tensors
    return [function(item) for item in items]


def _chain(tensors: Any) -> Any:
    found = tensors[0]
    for item in tensors[1:]:
        found = found @ item
    return found


def _pairs(distances: Any) -> Any:
    """Those of pairs of different rows, in one vector."""
    size = distances.shape[0]
    places = [a * size + b for a in range(size) for b in range(a + 1, size)]
    return distances.flatten()[places]


def _covariance(x: Any, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    if fweights is not None or aweights is not None:
        raise NotImplementedError("weights")
    return tt.cov(x, correction=correction)


def _middle(function: Callable[..., Any]) -> Callable[..., Any]:
    """A median, and where an axis is given, its place: that of the first element which is equal."""

    def call(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        if axis is None:
            return function(x)
        found = function(x, axis, keepdims)
        kept = function(x, axis, True)
        is_it = (x == kept) | (tt.isnan(x) & tt.isnan(kept))
        return [found, tt.argmax(is_it.astype("int32"), axis, keepdims)]

    return call


def _places(x: Any, running: Any, axis: int) -> Any:
    """Where the extrema so far are: the last of equal ones."""
    place = tt.arange(x.shape[axis]).reshape([-1, *[1] * (x.ndim - 1 - axis % x.ndim)])
    return tt.cummax(tt.where(x == running, place, -1), axis)


def _differences(x: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    ends = {name: item for name, item in (("prepend", prepend), ("append", append)) if item is not None}
    return x.diff(n, axis, **ends)


def _narrowed(x: Any, is_narrow: bool) -> Any:
    return x.astype("int32") if is_narrow else x


def _histogram(x: Any, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    return tt.histogram(x, bins, (min, max) if min < max else None)[0].astype(x.dtype)


def _bucketized(x: Any, row: Any, *, out_int32: bool = False, right: bool = False) -> Any:
    return _narrowed(tt.bucketize(x, row, right), out_int32)


def _sought(
    row: Any,
    values: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: Any = None,
    sorter: Any = None,
):
    ordered = row if sorter is None else tt.take_along_axis(row, sorter, -1)
    return _narrowed(tt.searchsorted(ordered, values, side or ("right" if right else "left")), out_int32)


def _binned(x: Any, bins: Any, *, range: Any = None, weight: Any = None, density: bool = False) -> Any:
    counts, edges = tt.histogram(x, bins, range, weight, density)
    return [counts.astype(x.dtype), edges]


def _scattered(x: Any, axis: int, indices: Any, values: Any, reduce: str | None = None) -> Any:
    if reduce is None:
        return tt.scatter(x, axis, indices, values)
    how = {"add": "sum", "multiply": "prod"}[reduce]
    return tt.scatter_reduce(x, axis, indices, tt.broadcast_to(values, indices.shape), how)


def _put(x: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    place = x.flatten().at[indices.flatten()]
    return (place.add if accumulate else place.set)(values.flatten()).reshape(x.shape)


def _index_reduced(
    x: Any, axis: int, indices: Any, values: Any, reduce: str, *, include_self: bool = True
) -> Any:
    behind = x.ndim - 1 - axis % max(x.ndim, 1)
    spread = tt.broadcast_to(indices.reshape([-1, *[1] * behind] if x.ndim else []), values.shape)
    return tt.scatter_reduce(x, axis, spread, values, reduce, include_self=include_self)


def _apart(x: Any, y: Any, p: float = 2.0) -> Any:
    first, second = (item.reshape([1, -1]) for item in tt.broadcast_arrays(x, y))
    return tt.cdist(first, second, p).reshape([])


def _rms_norm(x: Any, shape: Any, weight: Any, eps: float | None) -> Any:
    normal = tt.rms_norm(x, axis=tuple(range(-len(shape), 0)), eps=eps)
    return normal if weight is None else normal * weight


def _layer_norm(x: Any, shape: Any, weight: Any, bias: Any, eps: float) -> Any:
    normal = tt.layer_norm(x, axis=tuple(range(-len(shape), 0)), eps=eps)
    normal = normal if weight is None else normal * weight
    return normal if bias is None else normal + bias


SPELLED: dict[str, Callable[..., Any]] = {
    # Arithmetic
    "add": _scaled(tt.add),
    "sub": _scaled(tt.subtract),
    "rsub": lambda x, y, alpha=1: y - x * alpha,
    "mul": tt.multiply,
    "div": _divided,
    "true_divide": tt.divide,
    "neg": tt.negative,
    "positive": lambda x: +x,
    "__radd__": lambda x, y: y + x,
    "__rsub__": lambda x, y: y - x,
    "__rmul__": lambda x, y: y * x,
    "__rdiv__": lambda x, y: y / x,
    "__rmod__": lambda x, y: y % x,
    "__rpow__": lambda x, y: y**x,
    "__rmatmul__": lambda x, y: y @ x,
    "__rand__": lambda x, y: y & x,
    "__ror__": lambda x, y: y | x,
    "__rxor__": lambda x, y: y ^ x,
    "float_power": lambda x, y: x.astype("float64") ** (as_tensor(y).astype("float64")),
    "addcmul": lambda x, y, z, value=1: x + value * y * z,
    "addcdiv": lambda x, y, z, value=1: x + value * y / z,
    "sgn": tt.sign,
    "angle": lambda x: tt.where(x < 0, tt.where(tt.isnan(x), x, 3.141592653589793), x * 0),
    "eq": tt.equal,
    "ne": tt.not_equal,
    "lt": tt.less,
    "le": tt.less_equal,
    "gt": tt.greater,
    "ge": tt.greater_equal,
    "equal": lambda x, y: tt.all(x == y) if x.shape == y.shape else as_tensor(False),
    "allclose": lambda x, y, **named: tt.all(tt.isclose(x, y, **named)),
    "clamp_min": lambda x, y: tt.clip(x, y),
    "clamp_max": lambda x, y: tt.clip(x, None, y),
    "isreal": lambda x: x.astype("bool") | True,
    "round": lambda x, decimals=0: tt.round(x * 10.0**decimals) / 10.0**decimals if decimals else tt.round(x),
    "masked_fill": tt.masked_fill,
    "where": lambda x, condition, y: tt.where(condition, x, y),
    "isin": lambda x, y, **_: tt.any(x.unsqueeze(-1) == y.flatten(), -1),
    "special.ndtr": tt.ndtr,
    # Names of activations
    "nn.functional.hardshrink": lambda x, lambd=0.5: tt.hard_shrink(x, lambd=lambd),
    "nn.functional.softshrink": lambda x, lambd=0.5: tt.soft_shrink(x, lambd=lambd),
    "nn.functional.tanhshrink": tt.tanh_shrink,
    "nn.functional.hardsigmoid": tt.hard_sigmoid,
    "nn.functional.hardswish": tt.hard_swish,
    "nn.functional.logsigmoid": tt.log_sigmoid,
    "nn.functional.prelu": lambda x, weight: tt.prelu(x, weight).reshape(x.shape),
    "nn.functional.threshold": lambda x, threshold, value: tt.threshold(x, threshold=threshold, value=value),
    "softmax": typed(tt.softmax),
    "log_softmax": typed(tt.log_softmax),
    "nn.functional.softmin": typed(tt.softmin),
    "nn.functional.layer_norm": lambda x, shape, weight=None, bias=None, eps=1e-5: _layer_norm(
        x, shape, weight, bias, eps
    ),
    "nn.functional.rms_norm": lambda x, shape, weight=None, eps=None: _rms_norm(x, shape, weight, eps),
    "nn.functional.group_norm": lambda x, groups, weight=None, bias=None, eps=1e-5: tt.group_norm(
        x, groups, weight, bias, eps=eps
    ),
    # Reductions
    "sum": typed(tt.sum),
    "prod": typed(tt.prod),
    "cumsum": typed(tt.cumsum),
    "cumprod": typed(tt.cumprod),
    "max": _extremes(tt.argmax, tt.max),
    "min": _extremes(tt.argmin, tt.min),
    "aminmax": lambda x, axis=None, keepdims=False: [tt.min(x, axis, keepdims), tt.max(x, axis, keepdims)],
    "var": _corrected(tt.var),
    "std": _corrected(tt.std),
    "var_mean": _corrected(tt.var_mean),
    "std_mean": _corrected(tt.std_mean),
    "dist": _apart,
    **LINEAR,
    "polygamma": lambda x, n: tt.polygamma(n, x),
    "special.polygamma": lambda x, n: tt.polygamma(n, x),
    "short": lambda x, **_: x.astype("int16"),
    "char": lambda x, **_: x.astype("int8"),
    "byte": lambda x, **_: x.astype("uint8"),
    "half": lambda x, **_: x.astype("float16"),
    "bfloat16": lambda x, **_: x.astype("bfloat16"),
    # Orders
    "sort": lambda x, *given, **named: [tt.sort(x, *given, **named), tt.argsort(x, *given, **named)],
    "msort": lambda x: tt.sort(x, 0),
    "median": _middle(tt.median),
    "nanmedian": _middle(tt.nanmedian),
    "cummax": lambda x, axis: [tt.cummax(x, axis), _places(x, tt.cummax(x, axis), axis)],
    "cummin": lambda x, axis: [tt.cummin(x, axis), _places(x, tt.cummin(x, axis), axis)],
    "diff": _differences,
    "searchsorted": _sought,
    "bucketize": _bucketized,
    "bincount": lambda x, weights=None, minlength=0: tt.bincount(x, weights, minlength),
    "histogram": _binned,
    "histc": _histogram,
    # Products
    "mm": tt.matmul,
    "bmm": tt.matmul,
    "mv": tt.matmul,
    "addmm": _affine(tt.matmul),
    "addmv": _affine(tt.matmul),
    "baddbmm": _affine(tt.matmul),
    "addbmm": _affine(lambda x, y: tt.sum(x @ y, 0)),
    "addr": _affine(tt.outer),
    "linalg.multi_dot": _chain,
    "einsum": _strings,
    "nn.functional.linear": lambda x, w, bias=None: x @ w.T if bias is None else x @ w.T + bias,
    "tensordot": lambda x, y, axis=2: tt.tensordot(x, y, axis),
    "linalg.vander": lambda x, **named: tt.vander(x, named.get("N"), increasing=True),
    "trapz": tt.trapezoid,
    "nn.functional.pdist": lambda x, p=2.0: _pairs(tt.cdist(x, x, p)),
    "cdist": lambda x, y, p=2.0, compute_mode=None: tt.cdist(x, y, p),
    "cov": _covariance,
    # Moves
    "cat": tt.concatenate,
    "T": lambda x: x.T,
    "t": lambda x: x.T,
    "H": lambda x: x.T,
    "mT": lambda x: x.swapaxes(-1, -2),
    "mH": lambda x: x.swapaxes(-1, -2),
    "t_copy": lambda x: x.T,
    "transpose": tt.swapaxes,
    "transpose_copy": tt.swapaxes,
    "movedim": tt.moveaxis,
    "permute_copy": tt.permute,
    "view": tt.reshape,
    "view_copy": tt.reshape,
    "view_as": lambda x, y: tt.reshape(x, y.shape),
    "reshape_as": lambda x, y: tt.reshape(x, y.shape),
    "flatten": lambda x, start_dim=0, end_dim=-1: tt.flatten(x, start_dim, end_dim),
    "ravel": tt.flatten,
    "expand_as": lambda x, y: tt.expand(x, y.shape),
    "expand_copy": tt.expand,
    "squeeze_copy": tt.squeeze,
    "unsqueeze_copy": tt.unsqueeze,
    "unfold_copy": tt.unfold,
    "diagonal": lambda x, offset=0, dim1=0, dim2=1: tt.diagonal(x, offset, dim1, dim2),
    "diag_embed": lambda x, offset=0, dim1=-2, dim2=-1: tt.diag_embed(x, offset, dim1, dim2),
    "diagonal_scatter": lambda x, y, offset=0, dim1=0, dim2=1: tt.diagonal_scatter(x, y, offset, dim1, dim2),
    "diagflat": lambda x, offset=0: tt.diag(x.flatten(), offset),
    "scatter": _scattered,
    "put": _put,
    "index_reduce": _index_reduced,
    "__getitem__": lambda x, key: x[key],
    "diagonal_copy": lambda x, offset=0, dim1=0, dim2=1: tt.diagonal(x, offset, dim1, dim2),
    "linalg.diagonal": lambda x, offset=0, dim1=-2, dim2=-1: tt.diagonal(x, offset, dim1, dim2),
    "fliplr": lambda x: tt.flip(x, 1),
    "flipud": lambda x: tt.flip(x, 0),
    "repeat": tt.tile,
    "repeat_interleave": _counted,
    "split": _pieces,
    "split_with_sizes": _pieces,
    "split_with_sizes_copy": _pieces,
    "unsafe_split": _pieces,
    "unsafe_chunk": tt.chunk,
    "tensor_split": tt.array_split,
    "hsplit": lambda x, sections: tt.array_split(x, sections, 0 if x.ndim == 1 else 1),
    "vsplit": lambda x, sections: tt.array_split(x, sections, 0),
    "dsplit": lambda x, sections: tt.array_split(x, sections, 2),
    "unbind": tt.unstack,
    "unbind_copy": tt.unstack,
    "narrow": _narrow,
    "narrow_copy": _narrow,
    "select": lambda x, axis, index: x[(slice(None),) * (axis % x.ndim) + (index,)],
    "broadcast_tensors": tt.broadcast_arrays,
    "atleast_1d": lambda *tensors: _each(tt.atleast_1d, tensors),
    "atleast_2d": lambda *tensors: _each(tt.atleast_2d, tensors),
    "atleast_3d": lambda *tensors: _each(tt.atleast_3d, tensors),
    "meshgrid": _spread(tt.meshgrid),
    "nn.functional.pad": _padded,
    **IMAGES,
    "constant_pad_nd": lambda x, widths, value=0.0: _padded(x, widths, "constant", value),
    "take": tt.take,
    "take_along_dim": lambda x, indices, axis=None: (
        tt.take_along_axis(x.flatten(), indices.flatten(), 0)
        if axis is None
        else tt.take_along_axis(x, indices, axis)
    ),
    # Making
    **{
        name: _placed(getattr(tt, name))
        for name in "arange zeros ones full eye zeros_like ones_like full_like linspace".split()  # noqa: SIM905
    },
    "logspace": _placed(tt.logspace),
    "new_zeros": lambda x, shape, dtype=None, **_: tt.zeros(shape, dtype=dtype or x.dtype),
    "new_ones": lambda x, shape, dtype=None, **_: tt.ones(shape, dtype=dtype or x.dtype),
    "new_full": lambda x, shape, value, dtype=None, **_: tt.full(shape, value, dtype=dtype or x.dtype),
    "scalar_tensor": _placed(lambda value, dtype: tt.full((), value, dtype=dtype)),
    # Conversions
    **{
        name: lambda x, dtype=dtype, **_: x.astype(dtype)
        for name, dtype in (("double", "float64"), ("float", "float32"), ("int", "int32"), ("long", "int64"))
    },
    "bool": lambda x, **_: x.astype("bool"),
    # Losses
    **{
        f"nn.functional.{name}{end}": getattr(tt.losses, name)
        for end, names in (
            ("", "cross_entropy binary_cross_entropy binary_cross_entropy_with_logits kl_div"),
            ("_loss", "mse l1 huber smooth_l1 nll soft_margin poisson_nll gaussian_nll multi_margin"),
            ("_loss", "multilabel_margin multilabel_soft_margin hinge_embedding margin_ranking"),
            ("_loss", "cosine_embedding triplet_margin"),
        )
        for name in names.split()
    },
    # Networks
    "nn.functional.embedding": lambda weight, index, **_: tt.embedding(index, weight),
    "nn.functional.embedding_bag": lambda weight, index, **named: tt.embedding_bag(index, weight, **named),
}  # fmt: skip
"""By PyTorch's name, what a user of ours writes for the same arguments."""


def ours_of(name: str) -> Callable[..., Any] | None:
    """What a user of ours writes for an op of PyTorch's; None where there is nothing."""
    if any(name in names.split() for names in ABSENT.values()):
        return None
    if name in SPELLED:
        return SPELLED[name]
    room, _, last = name.rpartition(".")
    if room == "linalg":
        return getattr(tt.linalg, last, None) if last in tt.linalg.__all__ else None
    return (
        getattr(tt, last, None) if room in ("", "nn.functional", "special") and last in tt.__all__ else None
    )


FEW = 1

SAMPLED = {
    "nn.functional.gaussian_nll_loss": 40,
    "nn.functional.triplet_margin_loss": 4,
    **{
        f"nn.functional.{word}{n}d": 8
        for word in ("max_pool", "adaptive_max_pool", "conv")
        for n in (1, 2, 3)
    },
    **{f"nn.functional.conv_transpose{n}d": 4 for n in (1, 2, 3)},
    **dict.fromkeys(["nn.functional.unfold", "nn.functional.interpolate"], 8),
}
"""Ops of which fewer samples are tried: they differ in shapes alone, or have all combinations of settings.

Of dtypes other than float64 the first few are taken.
"""

KNOWN = """__getitem__ index_put masked_select masked_scatter take take_along_dim put repeat_interleave
    tensor_split bincount quantile nanquantile histogram"""
"""Ops whose other operands are arrays when the graph is built, where no gradient is asked for by them."""

REFUSED: dict[str, str] = {
    "a scalar has no axes": "*",
    "dropout_p without a key": "nn.functional.scaled_dot_product_attention",
    "is not defined for bool": """add mul clamp_min clamp_max addr outer kron isclose isfinite
        isinf sign sgn sinc square __radd__ __rmul__ index_add""",
    "a number from 0 to 1": "quantile nanquantile",
    "matrix_norm has the orders": "norm linalg.norm linalg.matrix_norm",
    "lstsq needs as many rows": "linalg.lstsq",
    "indices have as many axes": "gather",
    "the literal -": "index_add",
    "max of no elements": "linalg.norm",
    "bools are set": "index_add index_put put scatter scatter_add scatter_reduce",
    "no gradient by values that are multiplied": "scatter_reduce index_reduce",
    "weights": "cov",
    "embedding_bag has no parameter": "nn.functional.embedding_bag",
    "arange has no parameter 'end'": "arange",
    "a start that is a tensor": "narrow",
    "axis 1 is out of range for 1 axes": "cat",
    "only unit axes can be squeezed": "squeeze squeeze_copy",
    "index 'b' has different extents": "tensordot",
    "min of no elements": "histogram histc",
    "is to be known when the graph is built": "bincount",
    "is outside 0": "bincount",
    "vander takes a vector": "linalg.vander",
    "an extent is not negative": "nn.functional.one_hot",
    "a prediction is floating": """nn.functional.margin_ranking_loss nn.functional.triplet_margin_loss
        nn.functional.cosine_embedding_loss nn.functional.poisson_nll_loss""",
    "prediction and target have different shapes": "nn.functional.gaussian_nll_loss",
    "targets are class indices of shape": "nn.functional.multi_margin_loss",
}
"""Parts of the sentences by which samples of ops are refused."""

_TIES = "which of equal elements PyTorch takes is not said"

UNLIKE: dict[str, str] = {
    **dict.fromkeys(["kthvalue", "median", "nanmedian", "topk", "sort", "argsort"], _TIES),
    **dict.fromkeys(["cholesky_inverse", "cholesky_solve"], "what is read of a factor alone has slopes"),
    "linalg.eigh": "the sign of a vector is as LAPACK has it",
    **dict.fromkeys(["polygamma", "special.polygamma"], "at poles it is infinite, not large"),
    "linalg.lstsq": "the solution alone is given",
    "linalg.norm": "at 0 the second slope of a norm is 0 too, where PyTorch has NaN",
    "nn.functional.softmin": "uint8 is converted before it changes its sign",
    **dict.fromkeys(["trapz", "trapezoid", "cumulative_trapezoid"], "integers are converted before they add"),
    **dict.fromkeys(["all", "any"], "of uint8 too the result is bool"),
    "histc": "halves are counted by edges that are rounded",
    "bincount": "sums have the dtype of their weights",
    "addmv": "integers times a float are floats",
    "addbmm": "integers times a float are floats",
    "baddbmm": "integers times a float are floats",
    "nn.functional.hardtanh": "integers between floats are floats",
    **dict.fromkeys([f"nn.functional.avg_pool{n}d" for n in (1, 2, 3)], "means of integers are floating"),
    **dict.fromkeys(["nn.functional.interpolate", "nn.functional.upsample_bilinear"], "and so are lines"),
    "heaviside": "steps are integers, where PyTorch makes a bool of bools",
    "prod": "products of bools are int64, whatever the dtype asked for",
    "arange": "integers between floats are counted before they are cut",
    "logspace": "integers are cut from exact powers",
    "linspace": "integers are cut from exact places, where PyTorch adds rounded ones",
    "nn.functional.soft_margin_loss": "it does not overflow",
    "nn.functional.hardsigmoid": "PyTorch's slope is 1/6 of a float32 in float64 too",
}
"""Where ours is another value on purpose, and why."""

ABSENT: dict[str, str] = {
    "there are no complex numbers": """cdouble cfloat chalf complex conj conj_physical imag real polar
        resolve_conj resolve_neg view_as_complex view_as_real stft istft fft.fft fft.fft2 fft.fftn
        fft.fftshift fft.hfft fft.hfft2 fft.hfftn fft.ifft fft.ifft2 fft.ifftn fft.ifftshift fft.ihfft
        fft.ihfft2 fft.ihfftn fft.irfft fft.irfft2 fft.irfftn fft.rfft fft.rfft2 fft.rfftn linalg.eig
        linalg.eigvals""",
    "its shape depends on values": """argwhere nonzero unique unique_consecutive""",
    "tensors never change, and have one layout": """alias_copy as_strided as_strided_copy
        as_strided_scatter clone contiguous empty empty_like empty_permuted empty_strided new_empty
        new_empty_strided fill resize_ resize_as_ to_sparse zero_ item to sparse.mm sparse.sampled_addmm""",
    "draws take a key, by other names": """bernoulli cauchy exponential geometric log_normal multinomial
        normal rand_like randint randint_like randn randn_like uniform nn.functional.alpha_dropout
        nn.functional.dropout nn.functional.dropout2d nn.functional.dropout3d
        nn.functional.feature_alpha_dropout nn.functional.rrelu""",
    "it is PyTorch's own": """_batch_norm_with_update _chunk_cat _native_batch_norm_legit
        _segment_reduce _softmax_backward_data _unsafe_masked_index _unsafe_masked_index_put_accumulate
        _upsample_bilinear2d_aa hash_tensor jiterator_2inputs_2outputs jiterator_4inputs_with_extra_args
        jiterator_binary jiterator_binary_return_by_ref jiterator_unary max_pool2d_with_indices_backward
        native_batch_norm native_dropout_backward native_group_norm native_layer_norm torch._scaled_mm
        torch._scaled_mm_v2 torch.ops.aten._efficient_attention_forward
        torch.ops.aten._flash_attention_forward torch.ops.aten._safe_softmax.default nonzero_static
        slice""",
    "its masks are tt.where before and after": """masked.amax masked.amin masked.argmax masked.argmin
        masked.cumprod masked.cumsum masked.log_softmax masked.logaddexp masked.logsumexp masked.mean
        masked.median masked.norm masked.normalize masked.prod masked.softmax masked.softmin masked.std
        masked.sum masked.var""",
    "networks come next": """nn.functional.batch_norm nn.functional.channel_shuffle
        nn.functional.cosine_similarity nn.functional.ctc_loss nn.functional.fractional_max_pool2d
        nn.functional.fractional_max_pool3d nn.functional.grid_sample grid_sampler_2d grid_sampler_3d
        nn.functional.instance_norm nn.functional.linear_cross_entropy nn.functional.local_response_norm
        nn.functional.max_unpool1d nn.functional.max_unpool2d nn.functional.max_unpool3d
        nn.functional.multi_head_attention_forward nn.functional.normalize nn.functional.pairwise_distance
        nn.functional.triplet_margin_with_distance_loss""",
    "no formula of the atoms is accurate": """i0 igamma igammac mvlgamma special.airy_ai
        special.bessel_j0 special.bessel_j1 special.bessel_y0 special.bessel_y1 special.erfcx
        special.i0e special.i1 special.i1e special.log_ndtr special.entr special.modified_bessel_i0
        special.modified_bessel_i1 special.modified_bessel_k0 special.modified_bessel_k1 special.ndtri
        special.scaled_modified_bessel_k0 special.scaled_modified_bessel_k1 special.spherical_bessel_j0
        special.zeta frexp nextafter gcd lcm""",
    "small networks have no use for it": """combinations gradient geqrf linalg.cond
        linalg.householder_product linalg.ldl_factor linalg.ldl_factor_ex linalg.ldl_solve linalg.lu
        linalg.lu_factor linalg.lu_factor_ex linalg.lu_solve linalg.matrix_rank linalg.tensorinv
        linalg.tensorsolve lu lu_solve lu_unpack matrix_exp mode ormqr pca_lowrank renorm svd_lowrank
        histogramdd sum_to_size special.chebyshev_polynomial_t special.chebyshev_polynomial_u
        special.chebyshev_polynomial_v special.chebyshev_polynomial_w special.hermite_polynomial_h
        special.hermite_polynomial_he special.laguerre_polynomial_l special.legendre_polynomial_p
        special.shifted_chebyshev_polynomial_t special.shifted_chebyshev_polynomial_u
        special.shifted_chebyshev_polynomial_v special.shifted_chebyshev_polynomial_w""",
    "singular values are not there": "svd linalg.svd linalg.svdvals linalg.pinv pinverse",
    "NumPy has it for constants": """broadcast_shapes tril_indices triu_indices unravel_index
        signal.windows.bartlett signal.windows.blackman signal.windows.cosine signal.windows.exponential
        signal.windows.gaussian signal.windows.general_cosine signal.windows.general_hamming
        signal.windows.hamming signal.windows.hann signal.windows.kaiser signal.windows.nuttall""",
}
"""Why there is nothing of ours, and for which names."""
