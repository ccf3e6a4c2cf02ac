"""Module: something that holds parameters and maps tensors to tensors."""

from __future__ import annotations

import copy
import inspect
import threading
import zlib
from abc import ABCMeta
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final, Self, TypeAlias, cast
from weakref import ref

import numpy as np

from compiler.errors import ArgumentError, NameClashError, ShapeError, UnreachableParameterError
from compiler.ir.build import late_parameter, parameter_node, rename
from compiler.ir.node import Node, describe, present_serial
from compiler.ir.op import Parameter, Role
from compiler.ir.scope import scope
from compiler.ir.types import tensor_type
from tinytorch.guards import raise_missing
from tinytorch.nn.calls import parameters_given, parameters_read
from tinytorch.nn.initialisers import Array, Initialiser, find_initialiser
from tinytorch.nn.parts import Found, join, may_have_parts, parts_of
from tinytorch.nn.stateful import Stateful
from tinytorch.tensor import Tensor
from tinytorch.values import checked_seed, typed_array

Seed: TypeAlias = "int | np.random.Generator | None"
"""An int gives the same values each time, a generator the next ones, None others each time."""


@dataclass(slots=True)
class _Declared:
    """A parameter that its module draws when the first value of one is needed."""

    name: str
    shape: tuple[int, ...]
    initialiser: Initialiser
    drawn: Array | None = None


class _Record:
    """What a module knows of itself beside its attributes. A copy has no place, and nothing left to draw."""

    __slots__ = ("declared", "entropy", "is_made", "name", "place", "seed")

    def __init__(self, name: str | None = None, seed: int | None = None, is_made: bool = False) -> None:
        self.name = name
        self.seed = seed
        self.is_made = is_made
        """Whether its constructor has ended."""
        self.place: tuple[ref[Module], str] | None = None
        """The module in which it was last found, and its key there."""
        self.entropy: tuple[int, ...] | None = None
        """The seed of the nearest module around it that has one, and the place there, innermost key first."""
        self.declared: list[_Declared] = []

    def __reduce__(self) -> tuple[Any, ...]:
        return _Record, (self.name, self.seed, self.is_made)


class _Making(ABCMeta):
    """Looks through a module when its constructor has ended: its lists may have grown after they were set."""

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        made = super().__call__(*arguments, **named)
        if isinstance(made, Module):
            made._finish()  # pyright: ignore[reportPrivateUsage]  # the other half of the class
        return made

    @property
    def __signature__(cls) -> inspect.Signature:
        """The constructor's, which `help` and editors show."""
        _, *parameters = inspect.signature(cls.__init__).parameters.values()
        return inspect.Signature(parameters)


@dataclass(slots=True)
class Call:
    """One call of a module: the serial numbers around the nodes that it made, and what it returned."""

    module: Module
    first: int
    last: int = 0
    result: Any = None


class _Calls(threading.local):
    """What is being called in each thread."""

    record: list[Call] | None = None
    """Where calls are recorded, each before those within it; None where nobody asks."""

    inner: list[Module] | None = None
    """The modules called within the outermost call of one; None outside of such a call."""
    active: tuple[Module, ...] = ()
    """The calls that have not ended, the outermost first."""


_CALLS: Final = _Calls()
_DRAWING: Final = threading.RLock()


@contextmanager
def recorded_calls() -> Generator[list[Call]]:
    """The calls of modules within the context, in this thread, each before those within it."""
    outer, _CALLS.record = _CALLS.record, []
    try:
        yield _CALLS.record
    finally:
        _CALLS.record = outer


class Module(Stateful, metaclass=_Making):
    """A layer, or a network of layers. A subclass sets its parts as attributes and defines `forward`.

        class Residual(tt.nn.Module):
            def __init__(self, width):
                super().__init__()
                self.blocks = [tt.nn.Dense(width, width) for _ in range(3)]

            def forward(self, x):
                for block in self.blocks:
                    x = x + tt.relu(block(x))
                return x

    Parts are parameters (`tt.parameter`), modules, and lists, tuples and dicts of them, under any name and at
    any depth. Each is found once, under one path (`blocks.0.weight`), after which a parameter is named unless
    `tt.parameter` was given a name. Names of networks that have no `name` may be equal; a program tells them
    apart as `weight` and `weight~2`.

    `declare` makes a parameter that is drawn when its value is first needed: by then the module has its place
    in a network, so that one seed of the network serves all layers, each by its path. A copy has parameters
    of its own, with the values of these (which are drawn for it), shared where these are.
    """

    _record: _Record

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """A module that works also where a class forgets `super().__init__()`."""
        module = super().__new__(cls)
        object.__setattr__(module, "_record", _Record())
        return module

    def __init__(self, *, name: str | None = None, seed: Seed = None) -> None:
        self._record.name = name
        self._record.seed = checked_seed(seed)

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """The module's value: of one tensor or several; a tensor, or several in a tuple or a dict."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward")

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """`forward`, in a scope of the module's place (`tt.scope`).

        Raises UnreachableParameterError where it uses a parameter that is no part of the module, as one of a
        layer in a closure, a set or an object of another kind: it would never be trained.
        """
        if _CALLS.inner is not None:
            _CALLS.inner.append(self)
            return self._run(inputs, named)
        if self._top() is self:
            self._settle()  # a list may have grown since
        inner: list[Module] = []
        _CALLS.inner = inner
        try:
            result = self._run(inputs, named)
        finally:
            _CALLS.inner = None
        self._check_use(result, (inputs, named), inner)
        return result

    def _run(self, inputs: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """`forward`, in the module's scope."""
        name, outer = self._scope_name(), _CALLS.active
        call = None
        if _CALLS.record is not None:
            call = Call(self, present_serial())
            _CALLS.record.append(call)
        _CALLS.active = (*outer, self)
        try:
            with scope(name) if name else nullcontext():
                result = self.forward(*inputs, **named)
        finally:
            _CALLS.active = outer
        if call is not None:
            call.last, call.result = present_serial(), result
        return result

    def _scope_name(self) -> str:
        """Where the module is in the one that calls it, or in the outermost.

        A layer that is in none and has no name is called after its class; a network of layers opens no scope.
        """
        module, names = self, list[str]()
        for parent, key in self._places():
            names.append(module._record.name or key)
            if any(parent is item for item in _CALLS.active):
                return ".".join(reversed(names))
            module = parent
        path = ".".join(reversed([*names, module._record.name or ""])).strip(".")
        is_layer = not any(isinstance(part, Module) for _, part in parts_of(self))
        return path or (type(self).__name__.lower() if is_layer else "")

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    # Parts

    @property
    def path(self) -> str | None:
        """Where the module is in the outermost one, as names joined by dots; None where it is in none."""
        module, names = self, list[str]()
        for parent, key in self._places():
            names.append(module._record.name or key)
            module = parent
        return ".".join(reversed([*names, module._record.name or ""])).strip(".") or None

    def named_modules(self) -> list[tuple[str, Module]]:
        """This module under the path "", and every module in it once. Raises NameClashError as above."""
        return [("", self), *((i.path, i.part) for i in self._settled() if isinstance(i.part, Module))]

    def modules(self) -> list[Module]:
        """This module and every module in it, once."""
        return [module for _, module in self.named_modules()]

    def declare(
        self, name: str, shape: Sequence[int], initialiser: str | Initialiser, dtype: Any = "float32"
    ) -> None:
        """Makes a parameter, the module's attribute `name`, that begins as an initialiser says."""
        self._declare(name, shape, initialiser, dtype, Role.TRAINED)

    def declare_buffer(
        self,
        name: str,
        shape: Sequence[int],
        initialiser: str | Initialiser,
        dtype: Any = "float32",
        *,
        persistent: bool = True,
    ) -> None:
        """As `declare`, a buffer: no weight, but kept from call to call, as running statistics.

        It is saved with the weights (`state_dict`) if it is `persistent`. `tt.nn.advance` says what it
        becomes in training.
        """
        self._declare(name, shape, initialiser, dtype, Role.STATE if persistent else Role.TRANSIENT)

    def register_buffer(self, name: str, value: Any, persistent: bool = True) -> None:
        """Makes a buffer that holds a copy of an array, under a name (torch.nn.Module.register_buffer)."""
        role = Role.STATE if persistent else Role.TRANSIENT
        setattr(self, name, Tensor(parameter_node(typed_array(value, None), None, role=role)))

    def _declare(
        self, name: str, shape: Sequence[int], initialiser: str | Initialiser, dtype: Any, role: Role
    ) -> None:
        kind = tensor_type(dtype, shape)
        item = _Declared(name, tuple(shape), find_initialiser(initialiser))
        self._record.declared.append(item)
        setattr(self, name, Tensor(late_parameter(kind, name, lambda: self._value(item), role)))

    def __setattr__(self, name: str, value: Any) -> None:
        if _is_number(value) and _is_parameter(self.__dict__.get(name)):
            raise ArgumentError(
                f"{name} of {self!r} is a parameter, and {type(value).__name__} would never be trained\n"
                f"  fix: tt.set_value(module.{name}, value), or module.{name} = tt.parameter(value)"
            )
        super().__setattr__(name, value)
        if self._record.is_made and may_have_parts(value):
            self._top()._settle()

    def __setstate__(self, state: Any) -> None:
        """Restores a copy, which has a place of its own or none."""
        for held in cast("tuple[Any, ...]", state) if isinstance(state, tuple) else (state,):
            for name, value in cast("dict[str, Any]", held or {}).items():
                object.__setattr__(self, name, value)
        object.__setattr__(self, "_record", copy.copy(self._record))

    def __getattr__(self, name: str) -> Any:
        raise_missing("Module", name, self)

    # Places

    def _finish(self) -> None:
        self._record.is_made = True
        self._settle()

    def _settled(self) -> list[Found]:
        """What is found here, when everything in the network has the name of its place."""
        top = self._top()
        found = top._settle()
        return found if top is self else self._find()

    def _settle(self) -> list[Found]:
        """Gives whatever is in this network, an outermost one, its place there and its name."""
        found = self._find()
        self._record.place = None
        for item in found:
            if isinstance(item.part, Module):
                above = item.owner._entropy()
                key = zlib.crc32(item.key.encode())
                item.part._record.entropy = None if above is None else (above[0], key, *above[1:])
                item.part._record.place = (ref(item.owner), item.key)
            else:
                rename(item.part.node, join(self._record.name, item.path))
        _check_names(self, found)
        return found

    def _find(self) -> list[Found]:
        """Every part of this module and of its parts, once, each before what is in it."""
        found: dict[str, Found] = {}
        seen: set[Any] = {id(self)}
        levels: list[tuple[str, Module, Iterator[tuple[str, Any]]]] = [("", self, parts_of(self))]
        while levels:
            path, owner, parts = levels[-1]
            for key, part in parts:
                if (identity := _identity(part)) is None or identity in seen:
                    continue
                seen.add(identity)
                own_name = part._record.name if isinstance(part, Module) else None
                item = Found(join(path, own_name or key), part, owner, key)
                if item.path in found:
                    raise NameClashError(
                        f"two parts of {self!r} have the path {item.path!r}: {found[item.path].part!r} and "
                        f"{part!r}\n  fix: rename an attribute, a key, or a `name`"
                    )
                found[item.path] = item
                if isinstance(part, Module):
                    levels.append((item.path, part, parts_of(part)))
                    break
            else:
                levels.pop()
        return list(found.values())

    def _places(self) -> Iterator[tuple[Module, str]]:
        """The modules around this one, with the key of what is inside, as long as they still hold it."""
        module, seen = self, {id(self)}
        while (place := module._record.place) is not None:
            parent, key = place[0](), place[1]
            if parent is None or id(parent) in seen:
                return
            if not any(part is module and name == key for name, part in parts_of(parent)):
                return
            yield parent, key
            seen.add(id(parent))
            module = parent

    def _top(self) -> Module:
        """The outermost module around this one."""
        top = self
        for parent, _ in self._places():
            top = parent
        return top

    # Values

    def _value(self, item: _Declared) -> Array:
        """The first value of a declared parameter.

        All are drawn at once, in order, so that their values depend on nothing but the seed.
        """
        with _DRAWING:
            if item.drawn is None:
                generator = np.random.default_rng(self._entropy())
                drawn = [self._draw(other, generator) for other in self._record.declared]
                for other, array in zip(self._record.declared, drawn, strict=True):
                    other.drawn = array
                self._record.declared.clear()
            assert item.drawn is not None
            return item.drawn

    def _draw(self, item: _Declared, generator: np.random.Generator) -> Array:
        array = np.asarray(item.initialiser(item.shape, generator))
        if array.shape != item.shape:
            raise ShapeError(
                f"the initialiser of {item.name} of {self!r} returned {list(array.shape)}, "
                f"not {list(item.shape)}"
            )
        return array

    def _entropy(self) -> tuple[int, ...] | None:
        """The module's seed, or that of the nearest module around it together with the place there."""
        return self._record.entropy if self._record.seed is None else (self._record.seed,)

    # Use

    def _check_use(self, result: Any, arguments: Any, inner: Sequence[Module]) -> None:
        read = parameters_read(result, arguments)
        if not read:
            return
        found = self._settle() if self._top() is self else self._find()
        own = {item.part.node.op for item in found if isinstance(item.part, Tensor)}
        lost = [node for node in read if node.op not in own]
        given = parameters_given(arguments) if lost else set[Any]()
        for node in lost:
            if node.op not in given:
                raise UnreachableParameterError(self._lost(node, read[node], inner))

    def _lost(self, node: Node, reader: Node | None, inner: Sequence[Module]) -> str:
        holder = next((module for module in inner if _holds(module, node)), None)
        source = (reader or node).origin.source
        return "\n  ".join(
            [
                f"{self!r} uses a parameter that is no part of it and would never be trained:",
                describe(node),
                *([] if holder is None else [f"it belongs to {holder!r}"]),
                *([] if source is None else [f"it is read at {source}"]),
                f"fix: set {'it' if holder is None else 'the layer'} as an attribute, alone or in a list, "
                "tuple or dict; or pass it to the call",
            ]
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic | Real)


def _is_parameter(value: Any) -> bool:
    return isinstance(value, Tensor) and isinstance(value.node.op, Parameter)


def _identity(part: Any) -> Any:
    """What two handles of one part have in common; None for a tensor that is no parameter."""
    if not isinstance(part, Tensor):
        return id(part)
    op = part.node.op
    return op if isinstance(op, Parameter) else None


def _holds(module: Module, node: Node) -> bool:
    return any(_identity(part) is node.op for _, part in parts_of(module))


def _check_names(module: Module, found: Sequence[Found]) -> None:
    """Raises NameClashError for two parameters of one name, of which a user must have chosen one."""
    places: dict[str | None, str] = {}
    for item in found:
        if isinstance(item.part, Tensor):
            name = item.part.name
            if name in places:
                raise NameClashError(
                    f"two parameters of {module!r} are named {name!r}: {places[name]} and {item.path}\n"
                    "  fix: make them without names, tt.parameter(value): each is named after its place"
                )
            places[name] = item.path
