"""What stands before the public functions and names: errors that say what to write instead.

Nothing is looked up unless something is missing; only then is `tinytorch.hints` loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any, Final, NoReturn

from compiler.errors import MissingNameError

_GUARDED: Final = "is_guarded"


def guard(room: str) -> None:
    """Guards the functions and classes that a room of the package lists in `__all__`.

    A keyword that a function or method has not is then a KeywordError, which says what to write. Signatures
    and documentation stay.
    """
    module = sys.modules[room]
    for name in module.__all__:
        _guard_name(module, name)


def missing_from(room: str, *modules: str, rooms: Sequence[str] = (), **homes: str) -> Callable[[str], Any]:
    """The `__getattr__` of a room: loads what few ask for, and raises what helps for other names.

    `modules` are loaded when they are asked for; so are the modules of the room that `homes` says for names,
    which are guarded and kept. Other public names are looked for in the modules `rooms`, in turn.
    """

    def find(name: str) -> Any:
        if name in modules:
            return import_module(f"{room}.{name}")
        module = sys.modules[room]
        places = [homes[name]] if name in homes else rooms if name in module.__all__ else ()
        found = (vars(import_module(f"{room}.{place}")) for place in places)
        home = next((names for names in found if name in names), None)
        if home is None:
            raise_missing(room, name, module)
        setattr(module, name, home[name])
        _guard_name(module, name)
        return getattr(module, name)

    return find


def raise_missing(place: str, name: str, owner: object) -> NoReturn:
    """Raises MissingNameError: what to write where PyTorch's objects of this place, or rooms, have a name.

    Names that begin with an underscore are asked for by protocols, and get a plain AttributeError.
    """
    title = owner.__name__ if isinstance(owner, ModuleType) else type(owner).__name__
    sentence = f"{title} has no attribute {name!r}"
    if name.startswith("_"):
        raise AttributeError(sentence, name=name, obj=owner)
    from tinytorch.hints import name_fix  # noqa: PLC0415  # for errors only

    raise MissingNameError(sentence + name_fix(place, name), name=name, obj=owner)


def _guard_name(module: ModuleType, name: str) -> None:
    """Guards what a room has under a name, if it is a function, or a class of the room."""
    room, value = module.__name__, vars(module).get(name)
    if isinstance(value, FunctionType) and not hasattr(value, _GUARDED):
        setattr(module, name, _guarded(value, room, name))
    elif isinstance(value, type) and value.__module__.startswith(room):
        maker = next(kind for kind in value.__mro__ if "__init__" in vars(kind))
        for kind in value.__mro__:
            _guard_methods(kind, room, with_constructor=kind is maker)


def _guard_methods(kind: type, room: str, *, with_constructor: bool) -> None:
    if not kind.__module__.startswith(room):
        return
    for name, value in list(vars(kind).items()):
        is_public = not name.startswith("_") or (with_constructor and name == "__init__")
        if is_public and isinstance(value, FunctionType) and not hasattr(value, _GUARDED):
            setattr(kind, name, _guarded(value, value.__module__, value.__qualname__))


def _guarded(function: FunctionType, module: str, name: str) -> Callable[..., Any]:
    """The function, found under this name, with a guard."""

    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        except TypeError:
            _raise_for_keyword(function, named)
            raise

    call.__module__, call.__name__, call.__qualname__ = module, function.__name__, name
    call.__doc__ = function.__doc__
    vars(call).update(vars(function), __wrapped__=function, **{_GUARDED: True})
    return call


def _raise_for_keyword(function: Callable[..., Any], named: dict[str, Any]) -> None:
    if not named:
        return
    from tinytorch.hints import unknown_keyword  # noqa: PLC0415  # for errors only

    error = unknown_keyword(function, named)
    if error is not None:
        raise error from None
