"""Operators: functions of tensors, each registered for the opset since which it means that.

    @operator("Gemm", since=7)
    def gemm(a: Tensor, b: Tensor, c: Tensor | None = None, *, alpha: float, beta: float) -> Tensor: ...

What is positional is an input, given as its annotation says; what is a keyword is an attribute, with the
default that the standard has. `call: Call` among the keywords is given what else there is to know.

    Tensor        in the graph; an initialiser of floats is a parameter
    State         the same, and such an initialiser is a buffer, as running statistics are
    Known         an array, now: Unsupported where only a call knows it
    Extents       a tuple of extents, now, which may be symbolic
    Value         as it is
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Final, TypeAlias, TypeVar, cast

from compiler.ir.dims import Dim
from compiler.ir.dims import Extent as OneExtent
from compiler.ir.op import Role
from tinytorch.onnx.calling.reals import Real
from tinytorch.onnx.calling.values import Array, Unsupported, Value, has_extents, known_of, tensor_of
from tinytorch.tensor import Tensor

Known: TypeAlias = Annotated[Array, "known"]
State: TypeAlias = Annotated[Tensor, "state"]
Extents: TypeAlias = Annotated[tuple[OneExtent, ...], "extents"]

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Call:
    """What a function may ask of the node that it is called for."""

    name: str
    operator: str
    domain: str
    opset: int
    """Of the node's domain, in the model."""
    outputs: Sequence[str]
    """The names of its outputs; "" for one that nobody wants."""
    run: Callable[[Any, Sequence[Value]], list[Value]]
    """The outputs of a subgraph (GraphProto) for given inputs, which sees what is around the node."""
    value_of: Callable[[str], Value]
    """A value that the graph around the node has so far, by its name. Raises ModelError."""

    def wants(self, position: int) -> bool:
        """Whether an output is used."""
        return position < len(self.outputs) and bool(self.outputs[position])


def _as_known(value: Value) -> Array:
    found = known_of(value)
    if has_extents(found):
        raise Unsupported("it has to be numbers, and depends on a symbolic extent")
    return found


def _as_extents(value: Value) -> tuple[OneExtent, ...]:
    found = known_of(value).reshape(-1)
    if any(isinstance(item, Real) for item in found):
        raise Unsupported("it has to be integers, and is of floats")
    try:
        return tuple(item if isinstance(item, Dim) else int(item) for item in found)
    except (OverflowError, ValueError):
        raise Unsupported("it has to be integers") from None


_CONVERSIONS: Final[Mapping[Any, Callable[[Any], Any]]] = {
    Tensor: tensor_of,
    State: lambda value: tensor_of(value, Role.STATE),
    Known: _as_known,
    Extents: _as_extents,
}


@dataclass(frozen=True)
class Operator:
    """A function, and what it stands for."""

    name: str
    domain: str
    since: int
    function: Callable[..., Any]
    limits: str = ""
    """What of the operator is not supported, as a sentence."""

    @cached_property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """Of the function, under their names."""
        return inspect.signature(self.function).parameters

    @cached_property
    def _inputs(self) -> list[_Input]:
        hints = typing.get_type_hints(self.function, include_extras=True)
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        return [_input(i, hints.get(i.name)) for i in self.parameters.values() if i.kind in kinds]

    @cached_property
    def attributes(self) -> Mapping[str, inspect.Parameter]:
        """The keywords that are attributes."""
        found = {n: i for n, i in self.parameters.items() if i.kind is inspect.Parameter.KEYWORD_ONLY}
        return {name: item for name, item in found.items() if name != "call"}

    def __call__(self, call: Call, inputs: Sequence[Value], attributes: Mapping[str, Any]) -> list[Value]:
        """The outputs. Raises Unsupported, and what the functions of tensors raise."""
        if unknown := sorted(set(attributes) - set(self.attributes)):
            raise Unsupported(f"attribute {unknown[0]} is not supported")
        for name, parameter in self.attributes.items():
            if parameter.default is inspect.Parameter.empty and name not in attributes:
                raise Unsupported(f"attribute {name} is missing")
        named = dict(attributes)
        if "call" in self.parameters:
            named["call"] = call
        found = self.function(*self._converted(inputs), **named)
        return list(cast("tuple[Value, ...]", found)) if isinstance(found, tuple) else [found]

    def _converted(self, inputs: Sequence[Value]) -> list[Any]:
        converted: list[Any] = []
        rest = list(inputs)
        for item in self._inputs:
            if item.is_variadic:
                return converted + [item.given(value) for value in rest]
            converted.append(item.given(rest.pop(0) if rest else None))
        if any(value is not None for value in rest):
            raise Unsupported(f"{len(inputs)} inputs are more than {len(converted)}")
        return converted


@dataclass(frozen=True, slots=True)
class _Input:
    """A positional parameter: how a value becomes what its annotation says, and whether it may be absent."""

    name: str
    convert: Callable[[Any], Any] | None
    is_optional: bool
    is_variadic: bool

    def given(self, value: Value) -> Any:
        if value is None:
            if not self.is_optional:
                raise Unsupported(f"input {self.name} is missing")
            return None
        if self.convert is None:
            return value
        try:
            return self.convert(value)
        except Unsupported as error:
            error.place(self.name)
            raise


def _input(parameter: inspect.Parameter, hint: Any) -> _Input:
    alone = hint
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        others = [item for item in typing.get_args(hint) if item is not type(None)]
        alone = others[0] if len(others) == 1 else hint
    convert = _CONVERSIONS.get(alone)
    is_optional = convert is None or alone is not hint or parameter.default is not inspect.Parameter.empty
    return _Input(parameter.name, convert, is_optional, parameter.kind is inspect.Parameter.VAR_POSITIONAL)


_REGISTRY: Final[dict[tuple[str, str], list[Operator]]] = {}


def operator(
    *names: str, since: int = 1, domain: str = "", limits: str = ""
) -> Callable[[Function], Function]:
    """Registers a function for operators, from an opset on until a later one has a function of its own."""

    def register(function: Function) -> Function:
        for name in names:
            known = _REGISTRY.setdefault((domain, name), [])
            if any(item.since == since for item in known):
                raise ValueError(f"{name} since {since} is registered twice")
            known.append(Operator(name, domain, since, function, limits))
            known.sort(key=lambda item: item.since)
        return function

    return register


def find_operator(name: str, domain: str, since: int) -> Operator | None:
    """The function for an operator whose meaning began with an opset; None if there is none."""
    known = [item for item in _REGISTRY.get((domain, name), ()) if item.since <= since]
    return known[-1] if known else None


def registered() -> list[Operator]:
    """Every function, by domain and name, the oldest meaning first."""
    return [item for key in sorted(_REGISTRY) for item in _REGISTRY[key]]
