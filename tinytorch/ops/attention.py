"""Attention: each query's mean of values, weighted by how well their keys fit it.

Vaswani et al., Attention Is All You Need (2017).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from compiler.errors import ArgumentError, DTypeError, ShapeError
from compiler.ir.build import apply, reduce
from compiler.ir.dims import Dim
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.tape import Const
from compiler.ir.node import Node, describe
from compiler.ir.op import Index, Reducer
from compiler.ir.scope import scope
from compiler.ir.types import FLOAT32
from compiler.rewrite.stable import shift_of
from tinytorch.draws import one_key, unit
from tinytorch.ops.elementwise import exp, where
from tinytorch.ops.layout import concatenate
from tinytorch.rounding import rounded_once
from tinytorch.tensor import Tensor, as_tensor, as_tensors
from tinytorch.values import checked_number

_CAUSAL = parse_formula("causal(x, i, j, k) = where(j - i <= k, x, -inf)")
_ROWS: Final = 128
"""Queries of a block: their weights stay in the cache until the values are summed by them."""
_MANY: Final = 384
"""Queries from which on they are taken in blocks; of fewer, a kernel more costs what it saves."""
_MANY_CAUSAL: Final = 128
"""The same of causal queries, where blocks leave work out."""
_BLOCKS_CAUSAL: Final = 4
"""At least, of causal queries: they leave out three eighths of the work."""
_BLOCKS: Final = 32
"""At most: more of them are more kernels to compile than time is saved."""


@scope("attention")
@rounded_once
def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    *,
    rng: Any = None,
) -> Tensor:
    """`softmax(query @ key^T * scale) @ value`: `[.., L, E]`, `[.., S, E]`, `[.., S, V]` to `[.., L, V]`.

    Leading axes broadcast. `scale` is by default `1 / sqrt(E)`. `attn_mask` broadcasts against the scores
    `[.., L, S]`: where a bool mask is true a query sees a key, and a float mask is added to the scores. With
    `is_causal` query i sees the keys up to i, which takes no mask in memory. A query that sees no key is 0,
    and so are its gradients, as in PyTorch. With `enable_gqa` each head of keys and values (axis -3) serves
    several heads of queries.

    Weights are dropped with the probability `dropout_p`, drawn from the key `rng` (`tt.random.key`), which
    it needs then. Raises ArgumentError, ShapeError and DTypeError for operands that do not fit.
    """
    query, key, value = _operands(query, key, value)
    if is_causal and attn_mask is not None:
        raise ArgumentError(
            "scaled_dot_product_attention: attn_mask and is_causal=True exclude each other, as in PyTorch\n"
            "  fix: is_causal=False, and attn_mask=tt.tril(mask) of a bool mask that has its shape"
        )
    if enable_gqa:
        key, value = _shared(query, key, "key"), _shared(query, value, "value")
    _check_shapes(query, key, value)
    masks = [] if attn_mask is None else [attn_mask]
    if _is_dropping(dropout_p, rng):
        weights = attention_weights(query, key, masks, is_causal=is_causal, scale=scale)
        return _dropped(weights, dropout_p, rng) @ value
    return attend(query, key, value, masks, is_causal=is_causal, scale=scale)


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    masks: Sequence[Any] = (),
    *,
    is_causal: bool = False,
    scale: Any = None,
) -> Tensor:
    """What each query finds: `attention_weights(query, key) @ value`, and masks as there.

    Many queries are taken in blocks: a program that only infers has the weights of one block in memory at a
    time. A causal block goes with the keys up to its last query, which leaves out most of what none sees.
    """
    blocks = _blocks(query, key, masks, is_causal)
    if len(blocks) < 2:
        return attention_weights(query, key, masks, is_causal=is_causal, scale=scale) @ value
    found: list[Tensor] = []
    for first, last in blocks:
        seen = slice(0, min(last, key.shape[-2])) if is_causal else slice(None)
        rows, cut = query[..., first:last, :], [_cut(mask, first, last, seen) for mask in masks]
        weights = _weights(rows, key[..., seen, :], cut, first if is_causal else None, scale)
        found.append(weights @ value[..., seen, :])
    return concatenate(found, -2)


def attention_weights(
    query: Tensor, key: Tensor, masks: Sequence[Any] = (), *, is_causal: bool = False, scale: Any = None
) -> Tensor:
    """The weights `[.., L, S]` of keys for each query: positive, of sum 1, or all 0 where none is seen.

    Masks are as in `scaled_dot_product_attention`, each over the ones before it.
    """
    return _weights(query, key, masks, 0 if is_causal else None, scale)


def _blocks(query: Tensor, key: Tensor, masks: Sequence[Any], is_causal: bool) -> list[tuple[int, int]]:
    """The first and the last row of each block; none where they are few, unknown, or a mask does not fit."""
    rows, columns = query.shape[-2], key.shape[-2]
    least = _MANY_CAUSAL if is_causal else _MANY
    if isinstance(rows, Dim) or isinstance(columns, Dim) or rows < least:
        return []
    for mask in map(as_tensor, masks):
        if any(n not in (1, m) for n, m in zip(mask.shape[-2:], (rows, columns)[-mask.ndim :], strict=False)):
            return []
    count = min(max(-(-rows // _ROWS), _BLOCKS_CAUSAL if is_causal else 1), _BLOCKS)
    size = -(-rows // count)
    return [(first, min(first + size, rows)) for first in range(0, rows, size)]


def _cut(mask: Any, first: int, last: int, seen: slice) -> Tensor:
    """The part of a mask that is over some rows and columns of the scores."""
    mask = as_tensor(mask)
    parts = (slice(first, last), seen)[-mask.ndim :] if mask.ndim else ()
    wide = zip(mask.shape[-2:], parts, strict=False)
    return mask[(..., *(slice(None) if extent == 1 else part for extent, part in wide))]


def _weights(query: Tensor, key: Tensor, masks: Sequence[Any], first: int | None, scale: Any) -> Tensor:
    """The weights, where `first` is the number of the first query if none sees later keys."""
    width = query.shape[-1]
    if scale is None and isinstance(width, Dim):
        raise ShapeError(
            f"attention over a width that is not known needs a scale: {describe(query.node)}\n"
            "  fix: scale=0.125, or an int for the last extent"
        )
    factor = 1 / math.sqrt(max(width, 1)) if scale is None else checked_number("scale", scale)
    scores = (query @ key.swapaxes(-1, -2)) * factor
    for mask in masks:
        scores = _masked(scores, mask)
    if first is not None:
        rows, columns = Index(scores.ndim - 2), Index(scores.ndim - 1)
        scores = Tensor(apply(_CAUSAL, scores.node, rows, columns, Const(first)))
    return _shares(scores, may_be_empty=bool(masks))


@scope("softmax")
def _shares(scores: Tensor, *, may_be_empty: bool) -> Tensor:
    """softmax over keys, which is 0 where every score is -infinity."""
    largest = reduce(Reducer.MAX, scores.node, [scores.ndim - 1], keepdims=True)
    raised = exp(scores - Tensor(shift_of(largest)))
    total = raised.sum(-1, keepdims=True)
    return raised / (where(total == 0, 1.0, total) if may_be_empty else total)


def _masked(scores: Tensor, mask: Any) -> Tensor:
    mask = as_tensor(mask)
    name = "attn_mask"
    if mask.dtype.is_integer:
        raise DTypeError(
            f"{name} is bool (true where a key is seen) or floating (added to scores): "
            f"{describe(mask.node)}\n  fix: {name} != 0"
        )
    spread = [1] * (scores.ndim - mask.ndim) + list(mask.shape)
    pairs = zip(spread, scores.shape, strict=False)
    if mask.ndim > scores.ndim or any(n not in (1, m) for n, m in pairs):
        raise ShapeError(
            f"{name} does not broadcast to the scores {_shape(scores.node)}: {describe(mask.node)}\n"
            "  fix: a mask of [queries, keys], with the batch and heads (or 1) in front"
        )
    if mask.dtype.is_float:
        return scores + mask.astype(scores.dtype)
    return where(mask, scores, -math.inf)


def _is_dropping(dropout_p: float, rng: Any) -> bool:
    p = checked_number("dropout_p", dropout_p)
    if not 0 <= p <= 1:
        raise ArgumentError(f"dropout_p is a probability, not {dropout_p!r}")
    if p and rng is None:
        raise ArgumentError(
            "scaled_dot_product_attention: dropout_p without a key would drop the same weights in each call\n"
            "  fix: rng=tt.random.fold_in(tt.random.key(0), step) with an input step, or dropout_p=0"
        )
    return p > 0


def _dropped(weights: Tensor, p: float, rng: Any) -> Tensor:
    if p == 1:
        return weights * 0.0
    drawn = unit(one_key(rng, "rng"), weights.shape, FLOAT32)
    return where(drawn < 1 - p, weights / (1 - p), 0.0)


def _operands(query: Any, key: Any, value: Any) -> list[Tensor]:
    tensors = as_tensors(query, key, value)
    named = dict(zip(("query", "key", "value"), tensors, strict=True))
    for name, tensor in named.items():
        if not tensor.dtype.is_float:
            raise DTypeError(
                f"attention: {name} is floating, not {describe(tensor.node)}\n  fix: {name}.astype('float32')"
            )
        if tensor.ndim < 2:
            raise ShapeError(
                f"attention: {name} is [.., positions, width]: {describe(tensor.node)}\n"
                f"  fix: {name}.unsqueeze(0) for one position"
            )
    if len({tensor.dtype for tensor in tensors}) > 1:
        places = "".join(f"\n  {name}: {describe(tensor.node)}" for name, tensor in named.items())
        raise DTypeError(f"attention: query, key and value have one dtype{places}\n  fix: astype")
    return tensors


def _check_shapes(query: Tensor, key: Tensor, value: Tensor) -> None:
    for axis, first, other, what in (
        (-1, ("query", query), ("key", key), "the same last extent"),
        (-2, ("key", key), ("value", value), "as many positions"),
    ):
        if first[1].shape[axis] != other[1].shape[axis]:
            raise ShapeError(
                f"attention: {first[0]} and {other[0]} have {what}, not {first[1].shape[axis]} and "
                f"{other[1].shape[axis]}\n  {first[0]}: {describe(first[1].node)}\n"
                f"  {other[0]}: {describe(other[1].node)}\n"
                "  fix: query [.., L, E], key [.., S, E], value [.., S, V]"
            )
    lead = [tensor.shape[:-2] for tensor in (query, key, value)]
    for axes in zip(*(reversed(shape) for shape in lead), strict=False):
        if len({extent for extent in axes if extent != 1}) > 1:
            places = "".join(f"\n  {describe(tensor.node)}" for tensor in (query, key, value))
            raise ShapeError(f"attention: leading axes broadcast, and these do not{places}")


def _shared(query: Tensor, given: Tensor, name: str) -> Tensor:
    """Heads of keys or values, each as often as queries have heads for it."""
    heads, own = (tensor.shape[-3] if tensor.ndim > 2 else None for tensor in (query, given))
    if not isinstance(heads, int) or not isinstance(own, int) or not own or heads % own:
        raise ShapeError(
            f"enable_gqa: the heads of the query are a multiple of those of the {name}, {heads} and {own}\n"
            f"  {describe(query.node)}\n  {name}: {describe(given.node)}"
        )
    shape = given.shape
    wide = given.unsqueeze(-3).broadcast_to((*shape[:-3], own, heads // own, *shape[-2:]))
    return wide.reshape((*shape[:-3], heads, *shape[-2:]))


def _shape(node: Node) -> str:
    return str(list(node.type.shape))
