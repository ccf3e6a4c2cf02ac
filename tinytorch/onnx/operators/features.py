"""Features of classical models (ai.onnx.ml): scaled, normalised, encoded and put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from tinytorch.onnx.calling.operator import operator
from tinytorch.onnx.calling.values import Array, Unsupported, Value, Weight, has_text, tensor_of
from tinytorch.ops.elementwise import isnan, where
from tinytorch.ops.layout import concatenate, take
from tinytorch.ops.norms import vector_norm
from tinytorch.ops.reduce import any as any_of
from tinytorch.tensor import Tensor

_DOMAIN: Final = "ai.onnx.ml"


@operator("Scaler", since=1, domain=_DOMAIN)
def scaler(x: Tensor, *, offset: Sequence[float] = (0.0,), scale: Sequence[float] = (1.0,)) -> Tensor:
    """(x - offset) * scale, of one number or one for each feature, in float32."""
    shift, factor = (np.asarray(item, np.float32) for item in (offset, scale))
    return (x.astype("float32") - shift) * factor


@operator("Normalizer", since=1, domain=_DOMAIN)
def normalizer(x: Tensor, *, norm: str) -> Tensor:
    """x, divided by the norm of its features; what is only zeros stays so."""
    wide = x.astype("float32")
    if norm not in ("MAX", "L1", "L2"):
        raise Unsupported(f"there is no norm {norm!r}")
    if norm == "MAX":
        size = wide.max(-1, keepdims=True)  # the standard's, where scikit-learn takes magnitudes
    else:
        size = vector_norm(wide, int(norm[1]), -1, keepdims=True)
    return wide / where(size == 0, 1.0, size)


@operator("Binarizer", since=1, domain=_DOMAIN)
def binarizer(x: Tensor, *, threshold: float) -> Tensor:
    """1 where x is above a threshold, else 0."""
    return (x > threshold).astype(x.dtype)


@operator("Imputer", since=1, domain=_DOMAIN)
def imputer(
    x: Tensor, *, imputed_value_floats: Sequence[float] | None = None,
    imputed_value_int64s: Sequence[int] | None = None, replaced_value_float: float = 0.0,
    replaced_value_int64: int = 0,
) -> Tensor:  # fmt: skip
    """x with other values, one or one for each feature, where it is a certain one (or NaN)."""
    is_float = x.dtype.is_float
    given = imputed_value_floats if is_float else imputed_value_int64s
    replaced = replaced_value_float if is_float else replaced_value_int64
    if given is None:
        raise Unsupported(f"it has no values for {x.dtype}")
    is_missing = isnan(x) if is_float and np.isnan(replaced) else x == replaced
    return where(is_missing, np.asarray(given, x.dtype.numpy), x)


@operator("OneHotEncoder", since=1, domain=_DOMAIN, limits="Categories are numbers; others are all zeros.")
def one_hot_encoder(
    x: Tensor, *, cats_int64s: Sequence[int] | None = None, cats_strings: Any = None, zeros: int = 1
) -> Tensor:
    """A new last axis that is 1 at the category and 0 elsewhere."""
    if cats_int64s is None or cats_strings is not None:
        raise Unsupported("texts are no tensors of ours")
    return (x.astype("int64").unsqueeze(-1) == np.asarray(cats_int64s, np.int64)).astype("float32")


@operator("FeatureVectorizer", since=1, domain=_DOMAIN)
def feature_vectorizer(*inputs: Tensor, inputdimensions: Sequence[int] | None = None) -> Tensor:
    """Features side by side, in float32."""
    rows = [item.unsqueeze(-1) if item.ndim == 1 else item for item in inputs]
    sizes = inputdimensions or [None] * len(rows)
    parts = [row if size is None else row[:, :size] for row, size in zip(rows, sizes, strict=True)]
    return concatenate([part.astype("float32") for part in parts], -1)


@operator("ArrayFeatureExtractor", since=1, domain=_DOMAIN)
def array_feature_extractor(x: Tensor, y: Tensor) -> Tensor:
    """The features that are asked for, of the last axis."""
    found = take(x, y.flatten(), -1)
    return found.unsqueeze(0) if x.ndim == 1 else found


@operator("LabelEncoder", since=2, domain=_DOMAIN, limits="Texts only where they are known.")
def label_encoder(
    x: Value, *, keys_floats: Any = None, keys_int64s: Any = None, keys_strings: Any = None,
    keys_tensor: Any = None, values_floats: Any = None, values_int64s: Any = None, values_strings: Any = None,
    values_tensor: Any = None, default_float: float = 0.0, default_int64: int = -1,
    default_string: str = "_Unused", default_tensor: Any = None,
) -> Value:  # fmt: skip
    """The value of each key; another one of what is no key."""
    keys = _table({"float32": keys_floats, "int64": keys_int64s, "object": keys_strings}, keys_tensor)
    texts = values_strings
    values = _table({"float32": values_floats, "int64": values_int64s, "object": texts}, values_tensor)
    if len(keys) != len(values):
        raise Unsupported(f"{len(keys)} keys and {len(values)} values")
    defaults = {"f": default_float, "i": default_int64, "O": default_string}
    default = defaults.get(values.dtype.kind) if default_tensor is None else np.reshape(default_tensor, -1)[0]
    array = x.array if isinstance(x, Weight) else x
    if isinstance(array, np.ndarray) and (has_text(array) or has_text(values)):
        return _looked_up(array, keys, values, default)
    if has_text(keys) or has_text(values):
        raise Unsupported("texts are no tensors of ours")
    return _encoded(tensor_of(x), keys, values, default)


def _table(lists: Mapping[str, Any], tensor: Any) -> Array:
    if tensor is not None:
        return np.reshape(tensor, -1)
    for dtype, items in lists.items():
        if items is not None:
            return np.asarray(items, dtype)
    raise Unsupported("it has no keys or no values")


def _looked_up(array: Array, keys: Array, values: Array, default: Any) -> Array:
    known = dict(zip(reversed(keys.tolist()), reversed(values.tolist()), strict=True))
    found = np.array([known.get(item, default) for item in array.reshape(-1).tolist()], values.dtype)
    return found.reshape(array.shape)


def _encoded(x: Tensor, keys: Array, values: Array, default: Any) -> Tensor:
    _, first = np.unique(keys, return_index=True)
    keys, values = keys[first], values[first]
    column = x.unsqueeze(-1)
    is_key = column == keys
    if x.dtype.is_float and np.isnan(keys.astype(np.float64)).any():
        is_key = is_key | (isnan(column) & np.isnan(keys))
    found = where(is_key, values, np.zeros_like(values)).sum(-1)
    return where(any_of(is_key, -1), found, np.asarray(default, values.dtype)).astype(str(values.dtype))


@operator("ZipMap", since=1, domain=_DOMAIN, limits="Not there: a sequence of maps is no tensor.")
def zip_map(x: Value, *, classlabels_int64s: Any = None, classlabels_strings: Any = None) -> Value:
    """Refuses, and says how a model is had that has the matrix itself."""
    raise Unsupported(
        "it makes a sequence of maps, which is no tensor\n"
        "  fix: export the model with options={'zipmap': False}, whose output is the matrix"
    )
