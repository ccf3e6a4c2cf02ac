"""Attention, with masks, caches of keys and values, and heads of queries that share them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from compiler.ir.dims import Extent, divide_exactly
from compiler.ir.scope import scope
from tinytorch.onnx.calling.operator import Call, operator
from tinytorch.onnx.calling.values import Unsupported, tensor_of
from tinytorch.ops.attention import attend
from tinytorch.ops.elementwise import tanh, where
from tinytorch.ops.layout import arange, concatenate, flatten, stack, take
from tinytorch.ops.normalise import softmax
from tinytorch.ops.padding import pad
from tinytorch.rounding import rounded_once
from tinytorch.tensor import Tensor

_DTYPES: Final[Mapping[int, str]] = {1: "float32", 10: "float16", 11: "float64", 16: "bfloat16"}


@operator("Attention", since=23)
def attention(
    q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None = None, past_key: Tensor | None = None,
    past_value: Tensor | None = None, nonpad_kv_seqlen: Tensor | None = None, *, is_causal: int,
    softcap: float, qk_matmul_output_mode: int, scale: float | None = None, q_num_heads: int | None = None,
    kv_num_heads: int | None = None, softmax_precision: int | None = None, left_window_size: int = -1,
    right_window_size: int = -1, call: Call,
) -> Any:  # fmt: skip
    """softmax(q k^T scale + mask) v, of heads `[batch, heads, positions, width]` or side by side.

    A query that sees no key finds zeros.
    """
    is_flat = q.ndim == 3
    if is_flat:
        q, k, v = (
            _heads(item, count) for item, count in ((q, q_num_heads), (k, kv_num_heads), (v, kv_num_heads))
        )
    present_key = k if past_key is None else concatenate([past_key, k], 2)
    present_value = v if past_value is None else concatenate([past_value, v], 2)
    masks = _masks(q, present_key, attn_mask, nonpad_kv_seqlen)
    offset: Any = 0 if past_key is None else past_key.shape[2]
    if past_key is None and nonpad_kv_seqlen is not None:
        offset = nonpad_kv_seqlen.reshape([-1, 1, 1, 1]) - q.shape[2]
    is_plain = isinstance(offset, int) and offset == 0
    bounds = (left_window_size, 0 if is_causal and not is_plain else right_window_size)
    masks += _windows(q, present_key, offset, *bounds)
    times = _shared(q, present_key)
    keys, values = (_repeated(item, times) for item in (present_key, present_value))
    scale = 1 / math.sqrt(_width(q)) if scale is None else scale
    causal = bool(is_causal) and is_plain
    if softcap or softmax_precision == 10 or call.wants(3):
        masks += _windows(q, present_key, 0, -1, 0) if causal else []
        found, scores = _stepwise(q, keys, values, masks, scale, softcap, softmax_precision)
    else:
        found, scores = _attended(q, keys, values, masks, causal, scale), []
    if is_flat:
        found = flatten(found.swapaxes(1, 2), 2)
    outputs = (found, present_key, present_value, *scores[qk_matmul_output_mode : qk_matmul_output_mode + 1])
    return outputs[: max(1, len(call.outputs))]


def _heads(x: Tensor, count: int | None) -> Tensor:
    if count is None:
        raise Unsupported("an input of three axes, and no number of heads")
    return x.reshape([*x.shape[:2], count, -1]).swapaxes(1, 2)


def _width(q: Tensor) -> int:
    width = q.shape[-1]
    if not isinstance(width, int):
        raise Unsupported(f"the width of heads is {width}, and no scale is given")
    return max(width, 1)


def _shared(q: Tensor, k: Tensor) -> int:
    """How many heads of queries each one of keys serves."""
    times = divide_exactly(q.shape[1], k.shape[1])
    if not isinstance(times, int) or times < 1:
        raise Unsupported(f"{q.shape[1]} heads of queries share {k.shape[1]} heads of keys")
    return times


def _repeated(x: Tensor, times: int) -> Tensor:
    if times == 1:
        return x
    batch, heads, *rest = x.shape
    return x.unsqueeze(2).broadcast_to([batch, heads, times, *rest]).reshape([batch, heads * times, *rest])


def _masks(q: Tensor, k: Tensor, given: Tensor | None, valid: Tensor | None) -> list[Tensor]:
    """The mask that is given, as wide as there are keys, and one over keys that are padding."""
    found: list[Tensor] = []
    total = k.shape[2]
    if given is not None:
        if given.ndim and given.shape[-1] not in (1, total):
            beside = [(0, 0)] * (given.ndim - 1)
            missing: Extent = total - given.shape[-1]
            if given.dtype.is_float:
                given = pad(given, [*beside, (0, missing)], value=-math.inf)
            else:
                given = pad(given.astype("int32"), [*beside, (0, missing)]) != 0
        found.append(given)
    if valid is not None:
        found.append(arange(total) < valid.reshape([-1, 1, 1, 1]))
    return found


def _windows(q: Tensor, k: Tensor, offset: Any, left: int, right: int) -> list[Tensor]:
    """Masks of keys that are at most so far before and behind a query; -1 is any distance."""
    places = arange(q.shape[2]).reshape([-1, 1]) + offset
    keys = arange(k.shape[2])
    found = [keys >= places - left] if left >= 0 else []
    return found + ([keys <= places + right] if right >= 0 else [])


@rounded_once
def _attended(
    q: Tensor, k: Tensor, v: Tensor, masks: Sequence[Tensor], is_causal: bool, scale: float
) -> Tensor:
    with scope("attention"):
        return attend(q, k, v, masks, is_causal=is_causal, scale=scale)


def _stepwise(
    q: Tensor, k: Tensor, v: Tensor, masks: Sequence[Tensor], scale: float, softcap: float,
    precision: int | None,
) -> tuple[Tensor, list[Tensor]]:  # fmt: skip
    """What queries find, and the scores: as they are, capped, masked, and as shares."""
    wide = q.dtype.compute
    raw = (q.astype(wide) @ k.astype(wide).swapaxes(-1, -2)) * scale
    capped = softcap * tanh(raw / softcap) if softcap else raw
    masked = capped
    for mask in masks:
        masked = where(mask, masked, -math.inf) if not mask.dtype.is_float else masked + mask.astype(wide)
    shares = _shares(masked if precision is None else masked.astype(_dtype(precision))).astype(wide)
    found = (shares @ v.astype(wide)).astype(v.dtype)
    return found, [item.astype(q.dtype) for item in (raw, capped, masked, shares)]


def _dtype(number: int) -> str:
    if number not in _DTYPES:
        raise Unsupported(f"softmax_precision={number} is no floating dtype of ours")
    return _DTYPES[number]


def _shares(scores: Tensor) -> Tensor:
    """softmax over keys, 0 where none is seen, without a slope there."""
    is_none = scores.max(-1, keepdims=True) == -math.inf
    return where(is_none, 0.0, softmax(where(is_none, 0.0, scores), -1))


@operator("FlexAttention", since=1, domain="ai.onnx.preview")
def flex_attention(
    q: Tensor, k: Tensor, v: Tensor, *, scale: float | None = None, softmax_precision: int | None = None,
    score_mod: Any = None, prob_mod: Any = None, call: Call,
) -> Tensor:  # fmt: skip
    """Attention whose scores, and whose shares, go through subgraphs."""
    times = _shared(q, k)
    k, v = _repeated(k, times), _repeated(v, times)
    scale = 1 / math.sqrt(_width(q)) if scale is None else scale
    wide = q.dtype.compute if softmax_precision is None else _dtype(softmax_precision)
    scores = ((q.astype(q.dtype.compute) @ k.astype(k.dtype.compute).swapaxes(-1, -2)) * scale).astype(wide)
    if score_mod is not None:
        scores = tensor_of(call.run(score_mod, [scores])[0])
    shares = _shares(scores)
    if prob_mod is not None:
        shares = tensor_of(call.run(prob_mod, [shares])[0])
    return (shares @ v.astype(shares.dtype)).astype(q.dtype)


@operator("RotaryEmbedding", since=23)
def rotary_embedding(
    x: Tensor, cos_cache: Tensor, sin_cache: Tensor, position_ids: Tensor | None = None, *,
    interleaved: int, rotary_embedding_dim: int, num_heads: int | None = None,
) -> Tensor:  # fmt: skip
    """Pairs of a head's elements turned by the angle of its position (Su et al., RoFormer, 2021)."""
    heads = _heads(x, num_heads) if x.ndim == 3 else x
    if position_ids is not None:
        cos_cache, sin_cache = (take(item, position_ids, 0) for item in (cos_cache, sin_cache))
    cos, sin = (item.unsqueeze(1) for item in (cos_cache, sin_cache))
    width = rotary_embedding_dim or heads.shape[-1]
    turned, rest = heads[..., :width], heads[..., width:]
    found = _turned(turned, cos, sin, bool(interleaved))
    found = found if turned.shape == heads.shape else concatenate([found, rest], -1)
    return found.swapaxes(1, 2).reshape(x.shape) if x.ndim == 3 else found


@rounded_once
def _turned(x: Tensor, cos: Tensor, sin: Tensor, is_interleaved: bool) -> Tensor:
    half = divide_exactly(x.shape[-1], 2)
    if half is None:
        raise Unsupported(f"{x.shape[-1]} elements are no pairs")
    first, second = (x[..., 0::2], x[..., 1::2]) if is_interleaved else (x[..., :half], x[..., half:])
    real, imaginary = cos * first - sin * second, sin * first + cos * second
    if is_interleaved:
        return stack([real, imaginary], -1).reshape(x.shape)
    return concatenate([real, imaginary], -1)
