"""Attention, as `scaled_dot_product_attention` makes it, and the layers that call it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from typing import Final

from compiler.errors import UserError
from compiler.ir.node import Node
from compiler.ir.types import BOOL, FLOAT32, TensorType
from tinytorch.onnx.exporting.context import Context
from tinytorch.onnx.exporting.plans import Plan, Uses
from tinytorch.onnx.exporting.scopes import Settings, Use, is_same, stand_ins, use_of
from tinytorch.onnx.exporting.values import Value
from tinytorch.ops.attention import attend

_SINCE: Final = 23
_RANK: Final = 4
"""Axes of what the operator takes: batch, heads, positions, width."""
_OPERANDS: Final = 3
"""Queries, keys and values; a mask is the fourth."""


def plan_attention(node: Node, uses: Uses) -> Plan | None:
    """One operator for queries, keys and values `[batch, heads, positions, width]`, with one mask at most.

    A query that sees no key finds zeros, here and in ONNX Runtime.
    """
    opened = node.origin.opened
    if opened is None or opened.name != "attention" or node.origin.of is not None or uses.opset < _SINCE:
        return None
    use = use_of(node, uses) if node.type.dtype is FLOAT32 and node.type.rank == _RANK else None
    if use is None:
        return None
    for places, settings in _guesses(use):
        if _is_made_by(use, places, settings):
            return Plan([use.given[place] for place in places], partial(_write, settings))
    return None


def _guesses(use: Use) -> Iterator[tuple[Sequence[int], Settings]]:
    """Which of the values that are read is which, and how they are put together."""
    types = [item.type for item in use.given]
    operands = [place for place, type in enumerate(types) if _is_operand(type)]
    masks = [place for place, type in enumerate(types) if _is_mask(type)]
    for count in (0, 1):
        for places in product(*[operands] * _OPERANDS, *[masks] * count):
            if len(set(places)) == len(types):
                for is_causal in (False, True):
                    for scale in (None, *use.literals):
                        yield places, {"is_causal": is_causal, "scale": scale}


def _is_operand(type: TensorType) -> bool:
    return type.rank == _RANK and type.dtype is FLOAT32


def _is_mask(type: TensorType) -> bool:
    return 2 <= type.rank <= _RANK and type.dtype in (BOOL, FLOAT32)


def _is_made_by(use: Use, places: Sequence[int], settings: Settings) -> bool:
    inputs = stand_ins(use.given)
    query, key, value, *masks = (inputs[place] for place in places)
    try:
        made = attend(query, key, value, masks, **settings)
    except UserError:
        return False
    known = {item.node: node for item, node in zip(inputs, use.given, strict=True)}
    return is_same(made.node, use.result, known)


def _write(settings: Settings, context: Context, values: Sequence[Value]) -> Value:
    is_causal = int(settings["is_causal"]) or None
    return context.writer.node("Attention", *values, is_causal=is_causal, scale=settings["scale"])
