"""Normalisations by statistics of their own: LayerNormalization, RMSNormalization, GroupNormalization."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.ir.op import Reshape
from tinytorch.onnx.exporting.context import Context
from tinytorch.onnx.exporting.scopes import Settings, Use
from tinytorch.onnx.exporting.values import Value


def trailing(use: Use) -> Iterator[Settings]:
    """The last axis, or several; weight and bias are told apart by trying."""
    rank = use.given[0].type.rank
    roles = {1: ((),), 2: (("weight",), ("bias",)), 3: (("weight", "bias"),)}.get(len(use.given), ())
    for first in reversed(range(rank)):
        for eps in use.literals:
            for names in roles:
                yield {"axis": tuple(range(first, rank)), "eps": eps, "names": names}


def write_layer_norm(context: Context, use: Use, settings: Settings, x: Value, *others: Value) -> Value:
    """One node; a scale of ones where no weight was given."""
    axes: tuple[int, ...] = settings["axis"]
    shape = tuple(use.given[0].type.shape[axis] for axis in axes)
    given = dict(zip(settings["names"], others, strict=True))
    weight = given.get("weight")
    if weight is None:
        weight = context.moves.filled(1, x.dtype, shape)
    return context.writer.node(
        "LayerNormalization", x, weight, given.get("bias"), axis=axes[0], epsilon=settings["eps"]
    )


def by_root(use: Use) -> Iterator[Settings]:
    """Of `rms_norm`: the last axes, and the small number that is added, as `trailing`."""
    yield from (item for item in trailing(use) if "bias" not in item["names"])


def write_rms_norm(context: Context, use: Use, settings: Settings, x: Value, *others: Value) -> Value:
    """One node; a scale of ones where none was given."""
    axes: tuple[int, ...] = settings["axis"]
    shape = tuple(use.given[0].type.shape[axis] for axis in axes)
    scale = others[0] if others else context.moves.filled(1, x.dtype, shape)
    return context.writer.node("RMSNormalization", x, scale, axis=axes[0], epsilon=settings["eps"])


def by_group(use: Use) -> Iterator[Settings]:
    """Of `group_norm`: the groups are an axis more; weight and bias are told apart by trying."""
    rank = use.given[0].type.rank
    roles = {1: ((),), 2: (("weight",), ("bias",)), 3: (("weight", "bias"),)}.get(len(use.given), ())
    wide = [
        node.type.shape for node in use.nodes if isinstance(node.op, Reshape) and node.type.rank == rank + 1
    ]
    for groups in {shape[1] for shape in wide if isinstance(shape[1], int)}:
        for eps in use.literals:
            for names in roles:
                yield {"num_groups": groups, "eps": eps, "names": names}


def write_group_norm(context: Context, use: Use, settings: Settings, x: Value, *others: Value) -> Value:
    """One node; ones and zeros where no weight or bias was given."""
    given, channels = dict(zip(settings["names"], others, strict=True)), use.given[0].type.shape[1:2]
    both = [given.get(name) for name in ("weight", "bias")]
    filled = [
        context.moves.filled(number, x.dtype, channels) if item is None else item
        for number, item in zip((1, 0), both, strict=True)
    ]
    return context.writer.node(
        "GroupNormalization", x, *filled, num_groups=settings["num_groups"], epsilon=settings["eps"]
    )
