"""Layers of a transformer, and stacks of them.

Vaswani et al., Attention Is All You Need (2017); with `norm_first` as Xiong et al., On Layer Normalization in
the Transformer Architecture (2020).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Self

from compiler.errors import ArgumentError
from tinytorch.axes import counted
from tinytorch.nn.attention import MultiheadAttention
from tinytorch.nn.dense import Dense
from tinytorch.nn.dropout import Dropout
from tinytorch.nn.layer_norm import LayerNorm
from tinytorch.nn.module import Module, Seed
from tinytorch.ops.activations import gelu, relu
from tinytorch.tensor import Tensor

ACTIVATIONS: dict[str, Callable[[Tensor], Any]] = {"relu": relu, "gelu": gelu}


class _Layer(Module):
    """Attention and a network of two layers, each added to what it reads."""

    attentions: tuple[str, ...]

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Tensor], Any] = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        name: str | None = None,
        seed: Seed = None,
        dtype: Any = "float32",
    ) -> None:
        super().__init__(name=name, seed=seed)
        self._settings: dict[str, Any] = {
            "d_model": d_model,
            "nhead": nhead,
            "dim_feedforward": dim_feedforward,
            "dropout": dropout,
            "activation": activation,
            "layer_norm_eps": layer_norm_eps,
            "batch_first": batch_first,
            "norm_first": norm_first,
            "bias": bias,
            "dtype": dtype,
        }
        if not callable(activation) and activation not in ACTIVATIONS:
            raise ArgumentError(f"an activation is 'relu', 'gelu' or a function, not {activation!r}")
        self.activation = activation if callable(activation) else ACTIVATIONS[activation]
        self.norm_first = bool(norm_first)
        for part in self.attentions:
            attention = MultiheadAttention(
                d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype
            )
            setattr(self, part, attention)
        self.linear1 = Dense(d_model, dim_feedforward, bias, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Dense(dim_feedforward, d_model, bias, dtype=dtype)
        for number in range(1, len(self.attentions) + 2):
            norm = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, dtype=dtype)
            setattr(self, f"norm{number}", norm)
        for number in range(1, len(self.attentions) + 2):
            setattr(self, f"dropout{number}", Dropout(dropout))

    def another(self) -> Self:
        """A layer of the same settings, whose parameters are drawn anew, where it stands."""
        return type(self)(**self._settings)

    def _added(self, x: Tensor, number: int, block: Callable[[Tensor], Tensor]) -> Tensor:
        """What a block makes of `x` added to it; the norm comes before the block or behind the sum."""
        norm, dropout = getattr(self, f"norm{number}"), getattr(self, f"dropout{number}")
        if self.norm_first:
            return x + dropout(block(norm(x)))
        return norm(x + dropout(block(x)))

    def _feedforward(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))

    def __repr__(self) -> str:
        width, heads, inner = (self._settings[name] for name in ("d_model", "nhead", "dim_feedforward"))
        said = [f"{name}=True" for name in ("batch_first", "norm_first") if self._settings[name]]
        return f"{type(self).__name__}({', '.join([f'{width}, {heads}, {inner}', *said])})"


class TransformerEncoderLayer(_Layer):
    """Self-attention and a network of two layers: `[positions, batch, d_model]`, or batch first, to the same.

    Each is added to what it reads and the sum normalised, or with `norm_first` normalised before.
    `activation` is "relu", "gelu" or a function of a tensor. Parts and parameters are those of
    torch.nn.TransformerEncoderLayer (`self_attn`, `linear1`, `linear2`, `norm1`, `norm2`).
    """

    attentions = ("self_attn",)
    self_attn: MultiheadAttention

    def forward(
        self, src: Tensor, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:
        """What the layer makes of `src`. Masks are as in `MultiheadAttention`."""

        def attend(x: Tensor) -> Tensor:
            found, _ = self.self_attn(
                x, x, x, src_key_padding_mask, need_weights=False, attn_mask=src_mask, is_causal=is_causal
            )
            return found

        return self._added(self._added(src, 1, attend), 2, self._feedforward)


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention over a memory, and a network of two layers, each added to what it reads.

    Settings as of `TransformerEncoderLayer`. Parts and parameters are those of
    torch.nn.TransformerDecoderLayer (`self_attn`, `multihead_attn`, `linear1`, `linear2`, norms 1 to 3).
    """

    attentions = ("self_attn", "multihead_attn")
    self_attn: MultiheadAttention
    multihead_attn: MultiheadAttention

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """What the layer makes of `tgt` where it sees a memory. Masks are as in `MultiheadAttention`."""

        def attend(x: Tensor) -> Tensor:
            found, _ = self.self_attn(
                x, x, x, tgt_key_padding_mask, need_weights=False, attn_mask=tgt_mask, is_causal=tgt_is_causal
            )
            return found

        def remember(x: Tensor) -> Tensor:
            found, _ = self.multihead_attn(
                x,
                memory,
                memory,
                memory_key_padding_mask,
                need_weights=False,
                attn_mask=memory_mask,
                is_causal=memory_is_causal,
            )
            return found

        return self._added(self._added(self._added(tgt, 1, attend), 2, remember), 3, self._feedforward)


class _Stack(Module):
    """Layers like one that is given, one after the other, and a norm behind them."""

    def __init__(
        self, layer: Module, num_layers: int, norm: Module | None, name: str | None, seed: Seed
    ) -> None:
        super().__init__(name=name, seed=seed)
        self.num_layers = counted("num_layers", num_layers)
        if self.num_layers < 0:
            raise ArgumentError(f"num_layers is a count, not {num_layers}")
        self.layers = [_like(layer) for _ in range(self.num_layers)]
        self.norm = norm

    def _through(self, x: Tensor, *given: Any, **masks: Any) -> Tensor:
        for layer in self.layers:
            x = layer(x, *given, **masks)
        return x if self.norm is None else self.norm(x)

    def __repr__(self) -> str:
        norm = "" if self.norm is None else f", norm={self.norm!r}"
        first = repr(self.layers[0]) if self.layers else "no layer"
        return f"{type(self).__name__}({first}, {self.num_layers}{norm})"


def _like(layer: Module) -> Module:
    """A layer of ours is made anew, so that its values are drawn where it stands; another is copied."""
    return layer.another() if isinstance(layer, _Layer) else copy.deepcopy(layer)


class TransformerEncoder(_Stack):
    """`num_layers` layers like `encoder_layer`, and `norm` behind them (torch.nn.TransformerEncoder).

    The layer that is given is a pattern: each layer has parameters of its own, drawn anew. (PyTorch's begin
    as copies of it.) They are `layers.0.self_attn.in_proj_weight` and so on.
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        *,
        name: str | None = None,
        seed: Seed = None,
    ) -> None:
        super().__init__(encoder_layer, num_layers, norm, name, seed)

    def forward(
        self, src: Tensor, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:
        """`src` through all layers, each with these masks, as in `MultiheadAttention`."""
        return self._through(
            src, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=is_causal
        )


class TransformerDecoder(_Stack):
    """`num_layers` layers like `decoder_layer`, and `norm` behind them (torch.nn.TransformerDecoder).

    Layers are drawn as those of `TransformerEncoder`.
    """

    def __init__(
        self,
        decoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        *,
        name: str | None = None,
        seed: Seed = None,
    ) -> None:
        super().__init__(decoder_layer, num_layers, norm, name, seed)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """`tgt` through all layers, each of which sees `memory`; masks as in `MultiheadAttention`."""
        return self._through(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )
