"""What NumPy's functions do with tensors: they build the graph that the function of the same name builds.

NumPy asks its operands (`__array_ufunc__`, `__array_function__`; NEP 13 and NEP 18), and a tensor asks this
room. A function is found by its name and its arguments by NumPy's own signature, so that NumPy's defaults
hold (`np.std` divides by n); tables have only what NumPy calls otherwise. What has no counterpart, and
arguments that a graph cannot honour, are errors that say what to write.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final, cast

import numpy as np

from compiler.errors import ArgumentError, MissingNameError
from tinytorch.elementwise import Elementwise
from tinytorch.handle import Handle
from tinytorch.numpy_names import (
    ARGUMENTS,
    COMPARISONS,
    HONOURED,
    INSTEAD,
    METHODS,
    NAMES,
    OPERATORS,
    UNLIKE,
)

Function = Callable[..., Any]


def ufunc_of(ufunc: Any, method: str, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
    """The graph of a universal function (NEP 13). Raises MissingNameError, ArgumentError for options."""
    name = ufunc.__name__
    if method != "__call__":
        shown = METHODS.get((name, method), f"the formula of numpy.{name}.{method} in functions of tt")
        raise MissingNameError(
            f"numpy.{name}.{method} is not for tensors, which have no values yet\n  fix: {shown}"
        )
    function = match(ufunc)
    for option in options:
        raise _not_honoured(name, option)
    return function(*inputs)


def function_of(function: Any, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    """The graph of one of NumPy's other functions (NEP 18). Raises as `ufunc_of` does."""
    name, ours = function.__name__, match(function)
    signature = _signature(function)
    if signature is None:
        return ours(*arguments, **named)
    if ours is SPECIAL.get(name):
        return ours(**_given(name, signature, arguments, named, inspect.signature(ours)))
    return _call(ours, name, signature, arguments, named)


def is_known(function: Any) -> bool:
    """Whether one of NumPy's functions builds a graph."""
    try:
        match(function)
    except MissingNameError:
        return False
    return True


def match(function: Any) -> Function:
    """What stands for one of NumPy's functions. Raises MissingNameError, which says what to write."""
    name = function.__name__
    if isinstance(function, np.ufunc):
        return _of_operator(name) or _counterpart(name, "numpy")
    room, signature = function.__module__, _signature(function)
    if signature is not None and "like" in signature.parameters:
        raise MissingNameError(f"{room}.{name} makes no tensors{_fix(name, room)}")
    special = SPECIAL.get(name) if room == "numpy" else None
    return special or _counterpart(name, room)


def _signature(function: Any) -> inspect.Signature | None:
    """None for a function in C that has none: NumPy 2.4 has given them all one."""
    try:
        return inspect.signature(function)
    except ValueError:
        return None


def _of_operator(name: str) -> Function | None:
    if name in OPERATORS:
        return _sided(OPERATORS[name], f"r{OPERATORS[name]}")
    if name in COMPARISONS:
        return _sided(*COMPARISONS[name])
    return {"positive": operator.pos, "divmod": divmod}.get(name)


def _sided(left: str, right: str) -> Function:
    """The operator of the first operand that is a tensor, named by its method on either side."""

    def call(first: Any, second: Any) -> Any:
        if isinstance(first, Handle):
            return _OPERATION[left](first, second)
        if isinstance(first, np.ndarray) and not first.ndim and left in _ORDERS:
            first = cast(Any, first)[
                ()
            ]  # NumPy makes an array of its number before it compares: the number is weak
        return getattr(second, f"__{right}__")(first)

    return call


_ORDERS: Final = frozenset(ours for ours, _ in COMPARISONS.values())
_OPERATION: Final[Mapping[str, Function]] = {
    stem: getattr(operator, f"__{stem}__") for stem in (*OPERATORS.values(), *_ORDERS)
}


def _counterpart(name: str, room: str) -> Function:
    """The function of ours of a name of NumPy's. Raises MissingNameError, which says what to write."""
    ours = NAMES.get(name, name)
    if room in _ROOMS:
        place = import_module(room.replace("numpy", "tinytorch"))
        found = getattr(place, ours) if ours in place.__all__ and ours not in UNLIKE else None
        if callable(found):
            return found
    raise MissingNameError(f"{room}.{name} is not for tensors, which have no values yet{_fix(name, room)}")


_ROOMS: Final = ("numpy", "numpy.linalg")
"""The rooms of NumPy that have one of the same name here."""

_NAMED: Final = ("numpy", "numpy.linalg", "numpy.lib.stride_tricks")
"""Those for whose names the tables have something to write."""


def _fix(name: str, room: str) -> str:
    from tinytorch.hints import name_fix  # noqa: PLC0415  # for errors only

    if room in _NAMED and name in INSTEAD:
        return f"\n  fix: {INSTEAD[name]}"
    known = _hint(name_fix, name) if room in _NAMED else ""
    return known or f"\n  fix: {room}.{name} of what a program returns, or its formula in functions of tt"


def _hint(name_fix: Callable[[str, str], str], name: str) -> str:
    ours = NAMES.get(name, name)
    if ours in import_module("tinytorch").__all__ and ours not in UNLIKE:
        return f"\n  fix: tt.{ours}"
    return name_fix("tinytorch", name)


def _not_honoured(name: str, option: str) -> ArgumentError:
    fix = HONOURED.get(option, "leave it out")
    return ArgumentError(f"numpy.{name} of tensors cannot honour {option}=\n  fix: {fix}")


def _given(
    name: str,
    signature: inspect.Signature,
    arguments: tuple[Any, ...],
    named: Mapping[str, Any],
    ours: inspect.Signature,
) -> dict[str, Any]:
    """The arguments under NumPy's names, with its defaults; those that we have not must be defaults."""
    try:
        bound = signature.bind(*arguments, **named)
    except TypeError as error:
        raise ArgumentError(f"numpy.{name}: {error}") from None
    given = set(bound.arguments)
    bound.apply_defaults()
    found: dict[str, Any] = {}
    for item, value in bound.arguments.items():
        parameter = signature.parameters[item]
        if parameter.kind is parameter.VAR_KEYWORD and item not in ours.parameters:
            for option in value:
                raise _not_honoured(name, option)
            continue
        default = parameter.default
        if ARGUMENTS.get(item, item) in ours.parameters or default is inspect.Parameter.empty:
            if value is not np._NoValue:  # pyright: ignore[reportPrivateUsage]  # NumPy's sign for nothing
                found[item] = value
        elif item in given and not _is_default(value, default):
            raise _not_honoured(name, item)
    return found


def _is_default(value: Any, default: Any) -> bool:
    return value is default or (isinstance(default, str | bool | int) and bool(np.all(value == default)))


def _call(
    function: Function,
    name: str,
    signature: inspect.Signature,
    arguments: tuple[Any, ...],
    named: Mapping[str, Any],
) -> Any:
    """A function of ours with NumPy's arguments: required ones by place, others by name."""
    if isinstance(function, Elementwise):
        return function(*_given(name, signature, arguments, named, inspect.Signature()).values())
    ours = inspect.signature(function)
    found = _given(name, signature, arguments, named, ours)
    kinds = [signature.parameters[item] for item in found]
    operands: list[Any] = []
    for item in kinds:
        if item.kind is item.VAR_POSITIONAL:
            operands += found.pop(item.name)
        elif item.default is item.empty:
            operands.append(found.pop(item.name))
    return function(*operands, **{ARGUMENTS.get(item, item): value for item, value in found.items()})


# What NumPy means otherwise: functions under NumPy's names for arguments, those that can be honoured


def _tt(name: str) -> Function:
    return getattr(import_module("tinytorch"), name)


def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    if x is None or y is None:
        raise ArgumentError(
            "numpy.where of a condition alone has a shape that depends on values\n"
            "  fix: tt.where(condition, x, y), which has none such"
        )
    return _tt("where")(condition, x, y)


def _concatenate(arrays: Any, axis: Any = 0) -> Any:
    items = list(arrays)
    if axis is None:
        return _tt("concatenate")([_tt("reshape")(item, (-1,)) for item in items], 0)
    return _tt("concatenate")(items, axis)


def _split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> Any:
    """NumPy lists the places where pieces begin; ours lists their sizes."""
    if np.ndim(indices_or_sections) == 0:
        return _tt("split")(ary, indices_or_sections, axis)
    ends = [*indices_or_sections, ary.shape[axis]]
    return _tt("split")(ary, [end - start for start, end in zip([0, *ends], ends, strict=False)], axis)


def _pad(array: Any, pad_width: Any, mode: Any = "constant", kwargs: Any = ()) -> Any:
    further = dict(kwargs)
    value = further.pop("constant_values", 0)
    if mode not in ("constant", "reflect", "edge", "wrap") or further:
        raise ArgumentError(
            f"numpy.pad of a tensor has no mode {mode!r} with {', '.join(further) or 'its defaults'}\n"
            "  fix: constant, reflect, edge or wrap, or tt.concatenate"
        )
    widths = np.broadcast_to(pad_width, (array.ndim, 2)).tolist()
    return _tt("pad")(array, widths, mode, value)


def _clip(a: Any, a_min: Any = None, a_max: Any = None, min: Any = None, max: Any = None) -> Any:
    return _tt("clip")(a, a_min if min is None else min, a_max if max is None else max)


def _einsum(operands: Any, optimize: Any = False) -> Any:
    """The order of products is chosen as `tt.einsum` does."""
    if not isinstance(operands[0], str):
        raise ArgumentError("numpy.einsum of tensors takes subscripts first\n  fix: tt.einsum('ij,jk', x, y)")
    return _tt("einsum")(*operands)


def _meshgrid(xi: Any, indexing: Any = "xy") -> Any:
    return _tt("meshgrid")(*xi, indexing=indexing)


def _cross(a: Any, b: Any, axis: Any = None) -> Any:
    return _tt("cross")(a, b, -1 if axis is None else axis)


def _cov(m: Any, bias: Any = False, ddof: Any = None) -> Any:
    return _tt("cov")(m, correction=(0 if bias else 1) if ddof is None else ddof)


def _vander(x: Any, N: Any = None, increasing: Any = False) -> Any:  # noqa: N803  # NumPy's name
    return _tt("vander")(x, N, increasing)


def _matrix_transpose(x: Any) -> Any:
    return _tt("swapaxes")(x, -1, -2)


def _shape(a: Any) -> Any:
    return a.shape


def _ndim(a: Any) -> Any:
    return a.ndim


def _size(a: Any, axis: Any = None) -> Any:
    return a.size if axis is None else a.shape[axis]


SPECIAL: Final[Mapping[str, Function]] = {
    "where": _where, "concatenate": _concatenate, "split": _split, "pad": _pad, "clip": _clip,
    "einsum": _einsum, "meshgrid": _meshgrid, "matrix_transpose": _matrix_transpose, "shape": _shape,
    "ndim": _ndim, "size": _size, "cross": _cross, "cov": _cov, "vander": _vander,
}  # fmt: skip
