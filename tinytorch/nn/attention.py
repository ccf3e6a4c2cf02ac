"""MultiheadAttention: several attentions side by side, each of its own projections of what it reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compiler.errors import ArgumentError, DTypeError, ShapeError
from compiler.ir.dims import Shape
from compiler.ir.node import describe
from compiler.ir.scope import scope
from compiler.ir.types import BOOL
from tinytorch.axes import counted
from tinytorch.nn.dense import Dense
from tinytorch.nn.dropout import Dropout
from tinytorch.nn.initialisers import constant
from tinytorch.nn.module import Module, Seed
from tinytorch.ops.attention import attend, attention_weights
from tinytorch.ops.elementwise import logical_not
from tinytorch.ops.layout import split
from tinytorch.tensor import Tensor, as_tensor


class MultiheadAttention(Module):
    """Attention of `num_heads` heads: queries `[L, N, E]` over keys and values `[S, N, E]`, or batch first.

    Each head projects to `E / num_heads`, and what the heads found is joined and projected once more.
    Parameters are PyTorch's: `in_proj_weight` `[3 E, E]` and `in_proj_bias`, or, where keys or values have
    other widths (`kdim`, `vdim`), `q_proj_weight`, `k_proj_weight`, `v_proj_weight`; `out_proj` is a Dense.
    `dropout` is of weights, in training (torch.nn.MultiheadAttention; Vaswani et al., 2017).
    """

    in_proj_weight: Tensor | None
    in_proj_bias: Tensor | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        *,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        name: str | None = None,
        seed: Seed = None,
        dtype: Any = "float32",
    ) -> None:
        super().__init__(name=name, seed=seed)
        width, heads = counted("embed_dim", embed_dim), counted("num_heads", num_heads)
        if width <= 0 or heads <= 0 or width % heads:
            raise ArgumentError(f"embed_dim is a multiple of num_heads, not {width} of {heads}")
        self.embed_dim, self.num_heads, self.batch_first = width, heads, bool(batch_first)
        self.kdim = width if kdim is None else counted("kdim", kdim)
        self.vdim = width if vdim is None else counted("vdim", vdim)
        self._declare_projections(dtype)
        if bias:
            self.declare("in_proj_bias", (3 * width,), constant(0.0), dtype)
        else:
            self.in_proj_bias = None
        self.out_proj = Dense(width, width, bias, bias_initialiser="zeros", dtype=dtype)
        self.dropout = Dropout(dropout)

    def _declare_projections(self, dtype: Any) -> None:
        width = self.embed_dim
        if self.kdim == self.vdim == width:
            self.declare("in_proj_weight", (3 * width, width), "xavier_uniform", dtype)
            return
        self.in_proj_weight = None
        for letter, inputs in zip("qkv", (width, self.kdim, self.vdim), strict=True):
            self.declare(f"{letter}_proj_weight", (width, inputs), "xavier_uniform", dtype)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """What was found, in the shape of the query, and the weights `[N, L, S]`, or None.

        Masks are as in PyTorch: a bool is true where a key is *not* seen, and floats are added to scores.
        `key_padding_mask` is `[N, S]`, `attn_mask` `[L, S]` or `[N * heads, L, S]`. With `is_causal` queries
        see no later keys, without a mask in memory. A query that sees no key is 0 before the last projection.
        Weights are averaged over heads, or with `average_attn_weights=False` `[N, heads, L, S]`; a program
        that does not return them does not compute them, whatever `need_weights` says. Without a batch axis
        there is none in any of these.
        """
        query, key, value = self._checked(query, key, value)
        is_batch = query.ndim == 3
        masks = self._masks(key_padding_mask, attn_mask, query, key, is_batch)
        q, k, v = (self._heads(item, is_batch) for item in self._projected(query, key, value))
        weights = self.dropout(attention_weights(q, k, masks, is_causal=is_causal))
        is_dropping = self.training and self.dropout.p > 0
        with scope("attention"):
            found = weights @ v if is_dropping else attend(q, k, v, masks, is_causal=is_causal)
        found = self.out_proj(self._joined(found, is_batch))
        if not need_weights:
            return found, None
        shown = weights.mean(1) if average_attn_weights else weights
        return found, shown if is_batch else shown.squeeze(0)

    def _projected(self, query: Tensor, key: Tensor, value: Tensor) -> list[Tensor]:
        """Queries, keys and values of all heads. What is the same tensor is projected in one product."""
        bias, width = self.in_proj_bias, self.embed_dim
        biases = [None] * 3 if bias is None else split(bias, 3)
        packed = self.in_proj_weight
        given = [query, key, value]
        if packed is None:
            weights: list[Tensor] = [getattr(self, f"{letter}_proj_weight") for letter in "qkv"]
            return [_affine(x, w, b) for x, w, b in zip(given, weights, biases, strict=True)]
        if query.node is key.node is value.node:
            return split(_affine(query, packed, bias), 3, -1)
        first = _affine(query, packed[:width], biases[0])
        if key.node is value.node:
            return [
                first,
                *split(_affine(key, packed[width:], None if bias is None else bias[width:]), 2, -1),
            ]
        _, *weights = split(packed, 3)
        return [first, *(_affine(x, w, b) for x, w, b in zip(given[1:], weights, biases[1:], strict=True))]

    def _heads(self, x: Tensor, is_batch: bool) -> Tensor:
        """`[N, heads, positions, width of a head]`."""
        x = x.reshape((*x.shape[:-1], self.num_heads, self.embed_dim // self.num_heads))
        if not is_batch:
            return x.swapaxes(0, 1).unsqueeze(0)
        return x.transpose((0, 2, 1, 3) if self.batch_first else (1, 2, 0, 3))

    def _joined(self, x: Tensor, is_batch: bool) -> Tensor:
        """The heads of each position one behind the other."""
        x = x.transpose((0, 2, 1, 3) if self.batch_first or not is_batch else (2, 0, 1, 3))
        joined = x.reshape((*x.shape[:2], self.embed_dim))
        return joined if is_batch else joined.squeeze(0)

    # Arguments

    def _checked(self, query: Any, key: Any, value: Any) -> list[Tensor]:
        tensors = [as_tensor(item) for item in (query, key, value)]
        widths = (self.embed_dim, self.kdim, self.vdim)
        for name, x, width in zip(("query", "key", "value"), tensors, widths, strict=True):
            if x.ndim not in (2, 3) or x.ndim != tensors[0].ndim:
                raise ShapeError(
                    f"{self!r}: {name} is {self._order()}, or without the batch axis in all three: "
                    f"{describe(x.node)}"
                )
            if x.shape[-1] != width:
                raise ShapeError(f"{self!r}: {name} has a last extent of {width}: {describe(x.node)}")
        (batch, _), *others = (self._extents(x) for x in tensors)
        if any(other != batch for other, _ in others) or others[0][1] != others[1][1]:
            places = "".join(f"\n  {describe(x.node)}" for x in tensors)
            raise ShapeError(
                f"{self!r}: query, key and value have one batch, keys and values as many positions{places}\n"
                f"  fix: {self._order()}, or batch_first={not self.batch_first}"
            )
        return tensors

    def _order(self) -> str:
        return f"[batch, positions, {self.embed_dim}]" if self.batch_first else "[positions, batch, width]"

    def _extents(self, x: Tensor) -> tuple[Any, Any]:
        """Batch and positions."""
        if x.ndim == 2:
            return 1, x.shape[0]
        return (x.shape[0], x.shape[1]) if self.batch_first else (x.shape[1], x.shape[0])

    def _masks(self, padding: Any, mask: Any, query: Tensor, key: Tensor, is_batch: bool) -> list[Tensor]:
        """Masks that broadcast against `[N, heads, L, S]`, and are true where a key is seen."""
        (batch, queries), (_, keys), heads = self._extents(query), self._extents(key), self.num_heads
        found: list[Tensor] = []
        if mask is not None:
            flat, each = (queries, keys), (batch * heads, queries, keys)
            seen = self._seen("attn_mask", mask, (flat, each))
            found.append(seen if seen.ndim == 2 else seen.reshape((batch, heads, queries, keys)))
        if padding is not None:
            seen = self._seen("key_padding_mask", padding, ((batch, keys) if is_batch else (keys,),))
            found.append(seen.reshape((batch, 1, 1, keys)))
        return found

    def _seen(self, name: str, given: Any, shapes: Sequence[Shape]) -> Tensor:
        """A mask that is true where a key is seen: the opposite of what PyTorch's layer takes."""
        mask = as_tensor(given)
        if mask.dtype.is_integer:
            raise DTypeError(
                f"{self!r}: {name} is bool (true where a key is hidden) or floating (added to scores): "
                f"{describe(mask.node)}\n  fix: {name} != 0"
            )
        if mask.shape not in shapes:
            wanted = " or ".join(str(list(shape)) for shape in shapes)
            raise ShapeError(f"{self!r}: {name} is {wanted}: {describe(mask.node)}")
        return logical_not(mask) if mask.dtype is BOOL else mask

    def __repr__(self) -> str:
        settings = [f"{name}={value}" for name, value in (("kdim", self.kdim), ("vdim", self.vdim))]
        said = [item for item in settings if not item.endswith(f"={self.embed_dim}")]
        said += [f"dropout={self.dropout.p:g}"] * (self.dropout.p > 0)
        said += ["bias=False"] * (self.in_proj_bias is None) + ["batch_first=True"] * self.batch_first
        return f"MultiheadAttention({', '.join([str(self.embed_dim), str(self.num_heads), *said])})"


def _affine(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    product = x @ weight.T
    return product if bias is None else product + bias
