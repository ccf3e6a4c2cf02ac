"""Maps: a formula of values, as one operator of the standard, a few, or a function of the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from compiler.ir.formula.tape import Const, Formula, Ref, infer_dtypes
from compiler.ir.node import Node
from compiler.ir.op import Access, Argument, Index, MapReduce, Size
from compiler.ir.types import INT64, Operand, Weak, dtype_of
from tinytorch.elementwise import Elementwise
from tinytorch.onnx.exporting.context import Context
from tinytorch.onnx.exporting.formulas import Applied, written
from tinytorch.onnx.exporting.values import Value, converted
from tinytorch.ops import activations, elementwise

Shape = tuple[tuple[Any, ...], Ref, int]
"""What a formula computes, whatever it and its parameters are called."""

_FLOATS: Final = ("float32", "float64")
_NUMBERS: Final = (*_FLOATS, "int32", "int64")


@dataclass(frozen=True, slots=True)
class Standard:
    """An operator that an op of ours is, since a version of the standard."""

    name: str
    since: int
    attributes: Callable[..., Mapping[str, Any]] = dict
    """From the literals behind the first operand."""
    limits: Callable[..., Sequence[Any]] | None = None
    """Further inputs without axes, from the other operands, instead of attributes; None is absent."""
    dtypes: tuple[str, ...] = ("float32",)
    """Of which ONNX Runtime has kernels."""


def _alpha(value: float) -> Mapping[str, Any]:
    return {"alpha": float(value)}


def _both(low: Any, high: Any) -> Sequence[Any]:
    return low, high


def _low(low: Any) -> Sequence[Any]:
    return low, None


def _high(high: Any) -> Sequence[Any]:
    return None, high


def _clip(limits: Callable[..., Sequence[Any]]) -> Standard:
    return Standard("Clip", 13, limits=limits, dtypes=_NUMBERS)


_GELU: Final = activations.GELU_FORMS

_STANDARD: Final[Mapping[Elementwise, Standard]] = {
    activations.relu: Standard("Relu", 14, dtypes=_FLOATS),
    activations.leaky_relu: Standard("LeakyRelu", 16, _alpha),
    activations.elu: Standard("Elu", 6, _alpha),
    activations.selu: Standard("Selu", 6),
    activations.celu: Standard("Celu", 12, _alpha),
    activations.mish: Standard("Mish", 18),
    activations.softsign: Standard("Softsign", 1),
    activations.hard_sigmoid: Standard("HardSigmoid", 6, lambda: {"alpha": 1 / 6, "beta": 0.5}),
    activations.hard_swish: Standard("HardSwish", 14),
    activations.relu6: _clip(lambda: (0, 6)),
    activations.hardtanh: _clip(_both),
    _GELU["none"]: Standard("Gelu", 20, lambda: {"approximate": "none"}),
    _GELU["tanh"]: Standard("Gelu", 20, lambda: {"approximate": "tanh"}),
    elementwise.reciprocal: Standard("Reciprocal", 13, dtypes=_FLOATS),
    elementwise.CLIPS["both"]: _clip(_both),
    elementwise.CLIPS["min"]: _clip(_low),
    elementwise.CLIPS["max"]: _clip(_high),
}
"""Ops that are operators of the standard."""


@cache
def _standard() -> Mapping[Shape, Standard]:
    return {_shape(op.formula): row for op, row in _STANDARD.items()}


def _shape(formula: Formula) -> Shape:
    return formula.lines, formula.result, len(formula.parameters)


def write_map(context: Context, node: Node, *operands: Value) -> Value:
    """The nodes of a MapReduce that reduces nothing."""
    op = node.op
    assert isinstance(op, MapReduce)
    given = iter(operands)
    values = [_argument(context, op, argument, given) for argument in op.arguments]
    if op.is_conversion:
        (x,) = values
        found = x if isinstance(x, Value) else context.writer.constant(x, op.dtype.numpy)
        found = converted(found, op.dtype, dtype_of(found.dtype))
    else:
        found = _standard_node(op, values) or _formula(context, op, values)
    if not _covers(op):
        found = context.moves.expanded(found, op.extents)
    return context.moves.unsqueezed(found, [k for k, axis in enumerate(op.output) if axis is None])


def _argument(context: Context, op: MapReduce, argument: Argument, operands: Iterator[Value]) -> Any:
    """A value that broadcasts over the loops, or a number."""
    rank = len(op.extents)
    match argument:
        case Access():
            return context.moves.along(next(operands), argument.axes, rank)
        case Index():
            places = context.extents.count(op.extents[argument.loop])
            return context.moves.along(places, (argument.loop,), rank)
        case Size():
            extent = argument.extent
            return extent if isinstance(extent, int) else context.extents.number(extent)
        case Const():
            return argument.value


def _covers(op: MapReduce) -> bool:
    """Whether what the formula uses broadcasts to the whole result by itself."""
    rank = len(op.extents)
    widths, loops = [0], set[int]()
    for k, argument in enumerate(op.arguments):
        if not op.formula.uses(k) or isinstance(argument, Size | Const):
            continue
        axes = (argument.loop,) if isinstance(argument, Index) else argument.axes
        named = {axis for axis in axes if axis is not None}
        widths += [len(axes) if not named else max(len(axes), rank - min(named))]
        loops |= named
    return max(widths) >= rank and all(k in loops for k, extent in enumerate(op.extents) if extent != 1)


def _standard_node(op: MapReduce, values: Sequence[Any]) -> Value | None:
    """One operator that is the formula, where it is one and there is a kernel."""
    row = _standard().get(_shape(op.formula))
    x, *others = values or [None]
    if row is None or not isinstance(x, Value) or x.nodes.opset < row.since:
        return None
    if x.dtype.name not in row.dtypes or x.dtype != op.dtype.numpy:
        return None
    numbers = [argument == Access(()) for argument in op.arguments[1:]]
    known = [not isinstance(item, Value) for item in others]
    if row.limits is None:
        return x.nodes.node(row.name, x, **row.attributes(*others)) if all(known) else None
    if not all(a or b for a, b in zip(numbers, known, strict=True)):
        return None
    limits = (None if item is None else x.nodes.operand(item, x.dtype) for item in row.limits(*others))
    return x.nodes.node(row.name, x, *limits)


def _formula(context: Context, op: MapReduce, values: Sequence[Any]) -> Value:
    """What a formula makes of values: a function of the model where it is long."""
    formula, kinds = op.formula, _strong(op, _kinds(op, values))
    if not any(isinstance(item, Value) for item in values):
        return written(context.writer, formula, kinds, op.dtype, values)
    inputs = {item.name: item for item in values if isinstance(item, Value)}
    names = list(inputs)
    arguments = [names.index(item.name) if isinstance(item, Value) else Const(item) for item in values]
    found = Applied(formula, tuple(arguments), tuple(kinds), op.dtype)
    name = context.names.formulas.get(formula, formula.name)
    return context.writer.call(name, found, list(inputs.values()), document=str(formula), notes=found.notes())


def _strong(op: MapReduce, kinds: list[Operand]) -> list[Operand]:
    """Sizes as int64, which they are in a model, where that changes the dtype of no line."""
    given = [
        INT64 if isinstance(item, Size) else kind for item, kind in zip(op.arguments, kinds, strict=True)
    ]
    is_same = infer_dtypes(op.formula, given, op.dtype) == infer_dtypes(op.formula, kinds, op.dtype)
    return given if is_same else kinds


def _kinds(op: MapReduce, values: Sequence[Any]) -> list[Operand]:
    """The dtypes of the formula's parameters; sizes and literals are weak."""

    def kind(argument: Argument, item: Any) -> Operand:
        if isinstance(argument, Const):
            return Weak(type(argument.value))
        return Weak(int) if isinstance(argument, Size) else dtype_of(item.dtype)

    return [kind(argument, item) for argument, item in zip(op.arguments, values, strict=True)]
