"""Operators of the standard that are many nodes of ours: softmax, layer normalisation, pools.

Our functions mark what they make with a scope of their name. The settings that one was called with are read
from its nodes, as a guess, and it is called with them again: where that makes the same nodes, it is that.
So no pattern is written down, and what is recognised is never something else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from compiler.errors import UserError
from compiler.ir.dims import Extent
from compiler.ir.node import Node
from compiler.ir.op import Pad, Reshape, Slice, Window
from compiler.ir.types import FLOAT32, FLOAT64
from tinytorch.onnx.exporting import norms
from tinytorch.onnx.exporting.context import Context
from tinytorch.onnx.exporting.plans import Plan, Uses
from tinytorch.onnx.exporting.scopes import Settings, Use, is_same, stand_ins, use_of
from tinytorch.onnx.exporting.values import Value
from tinytorch.ops import normalise, pooling
from tinytorch.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Composite:
    """A function of ours, how its settings are guessed, and the operator that it is."""

    function: Callable[..., Any]
    guesses: Callable[[Use], Iterator[Settings]]
    write: Callable[..., Value]
    """Of the context, the use and its settings, and the values that it is given."""
    dtypes: tuple[Any, ...] = (FLOAT32, FLOAT64)
    since: int = 18
    """The version of the standard's operators that has it first, from the oldest on that is written."""


def _by_axis(use: Use) -> Iterator[Settings]:
    for axis in range(use.result.type.rank):
        yield {"axis": axis}


def _write_softmax(operator: str, context: Context, use: Use, settings: Settings, x: Value) -> Value:
    return context.writer.node(operator, x, axis=settings["axis"])


@dataclass(frozen=True, slots=True)
class _Axes:
    """Of a pool's spatial axes: kernels, strides, dilations, and what is padded."""

    sizes: list[int]
    steps: list[int]
    apart: list[int]
    pads: list[tuple[Extent, Extent]]

    @property
    def is_known(self) -> bool:
        """Whether all are numbers, as attributes are."""
        return all(isinstance(item, int) for item in (*self.sizes, *(n for pair in self.pads for n in pair)))


def _pads(use: Use, rank: int) -> list[tuple[Extent, Extent]]:
    for node in use.nodes:
        if isinstance(node.op, Pad):
            return list(zip(node.op.low[-rank:], node.op.high[-rank:], strict=True))
    return [(0, 0)] * rank


def _compared(use: Use, rank: int) -> _Axes | None:
    """Of windows whose elements are slices, compared one by one, or are seen as windows."""
    pads = _pads(use, rank)
    for node in use.nodes:
        op = node.op
        if isinstance(op, Window) and len(op.axes) == rank:
            return _Axes([*op.taps], [*op.steps], [*op.dilations], pads)  # pyright: ignore[reportArgumentType]  # is_known tells
    slices = [node.op for node in use.nodes if isinstance(node.op, Slice)]
    if not slices:
        return None
    starts = [sorted({op.starts[k] for op in slices}, key=str) for k in range(-rank, 0)]
    if not all(isinstance(item, int) for places in starts for item in places):
        return None
    places = [sorted(int(str(item)) for item in axis) for axis in starts]
    apart = [axis[1] - axis[0] if len(axis) > 1 else 1 for axis in places]
    return _Axes([len(axis) for axis in places], list(slices[0].steps[-rank:]), apart, pads)


def _summed(use: Use, rank: int) -> _Axes | None:
    """Of windows that are added an axis after the other: as windows, or as parts of an axis."""
    found: list[tuple[Any, int]] = []
    for node in use.nodes:
        if isinstance(node.op, Window):
            found.append((node.op.taps[0], node.op.steps[0]))
        elif isinstance(node.op, Reshape) and node.type.rank > use.result.type.rank:
            place = node.type.rank - rank + len(found)
            size: Any = node.type.shape[place] if place < node.type.rank else 0
            found.append((size, size))
    if len(found) != rank or not all(isinstance(size, int) and size for size, _ in found):
        return None
    return _Axes([size for size, _ in found], [step for _, step in found], [1] * rank, _pads(use, rank))


def _of_pool(read: Callable[[Use, int], _Axes | None], rank: int, *more: Settings) -> Any:
    def guesses(use: Use) -> Iterator[Settings]:
        axes = read(use, rank)
        if axes is None or not axes.is_known or len(use.given) != 1:
            return
        for settings in more:
            padding = [(low, low) for low, _ in axes.pads] if settings.get("ceil_mode") else axes.pads
            found = {"kernel_size": axes.sizes, "stride": axes.steps, "padding": padding, "pads": axes.pads}
            apart = {} if axes.apart == [1] * rank else {"dilation": axes.apart}
            yield {**found, **settings, **apart}

    return guesses


def _write_pool(operator: str, context: Context, use: Use, settings: Settings, x: Value) -> Value:
    sizes, pads = settings["kernel_size"], settings["pads"]
    is_alone = use.result.type.rank == len(sizes) + 1
    is_counted = settings.get("count_include_pad")
    found = context.writer.node(
        operator, context.moves.unsqueezed(x, [0]) if is_alone else x, kernel_shape=sizes,
        strides=settings["stride"], pads=[*(low for low, _ in pads), *(high for _, high in pads)],
        dilations=settings.get("dilation"), count_include_pad=None if is_counted is None else int(is_counted),
    )  # fmt: skip
    return context.moves.squeezed(found, [0]) if is_alone else found


def _pools() -> Iterator[tuple[str, Composite]]:
    for rank in (1, 2, 3):
        largest = _of_pool(_compared, rank, {}, {"ceil_mode": True})
        mean = _of_pool(_summed, rank, {"count_include_pad": True}, {"count_include_pad": False})
        function = getattr(pooling, f"max_pool{rank}d")
        yield f"max_pool{rank}d", Composite(function, largest, partial(_write_pool, "MaxPool"))
        function = getattr(pooling, f"avg_pool{rank}d")
        yield f"avg_pool{rank}d", Composite(function, mean, partial(_write_pool, "AveragePool"), (FLOAT32,))


COMPOSITES: Final[Mapping[str, Composite]] = {
    "softmax": Composite(normalise.softmax, _by_axis, partial(_write_softmax, "Softmax")),
    "log_softmax": Composite(normalise.log_softmax, _by_axis, partial(_write_softmax, "LogSoftmax")),
    "layer_norm": Composite(normalise.layer_norm, norms.trailing, norms.write_layer_norm),
    "rms_norm": Composite(normalise.rms_norm, norms.by_root, norms.write_rms_norm, since=23),
    "group_norm": Composite(normalise.group_norm, norms.by_group, norms.write_group_norm, since=21),
    **dict(_pools()),
}
"""By the name of the scope."""


def plan_composite(node: Node, uses: Uses) -> Plan | None:
    """One operator for the result of a function of ours whose nodes nobody else reads."""
    opened = node.origin.opened
    composite = COMPOSITES.get(opened.name) if opened is not None else None
    if composite is None or node.origin.of is not None or node.type.dtype not in composite.dtypes:
        return None
    if composite.since > uses.opset:
        return None
    use = use_of(node, uses)
    if use is None or not use.given or use.given[0].type.dtype is not node.type.dtype:
        return None
    for settings in composite.guesses(use):
        if _is_made_by(use, composite.function, settings):
            return Plan(use.given, partial(_written, composite, use, settings))
    return None


def _written(
    composite: Composite, use: Use, settings: Settings, context: Context, values: Sequence[Value]
) -> Value:
    return composite.write(context, use, settings, *values)


def _is_made_by(use: Use, function: Callable[..., Any], settings: Settings) -> bool:
    """Whether the function with these settings makes the nodes of the use."""
    inputs = stand_ins(use.given)
    named = {name: item for name, item in settings.items() if name not in ("names", "pads")}
    named.update(zip(settings.get("names", ()), inputs[1:], strict=True))
    try:
        made: Any = function(inputs[0], **named)
    except UserError:
        return False
    known = {item.node: node for item, node in zip(inputs, use.given, strict=True)}
    return isinstance(made, Tensor) and is_same(made.node, use.result, known)
