"""llvmlite, which ships no types: the one module of this room that imports it.

`ir` builds modules, `binding` compiles them. `Value`, `Builder`, `Block`, `Module` and `Type` name
llvmlite's objects in signatures, for the reader: a type checker sees Any.
"""

import importlib
from typing import Any, TypeAlias

Value: TypeAlias = Any
Builder: TypeAlias = Any
Block: TypeAlias = Any
Module: TypeAlias = Any
Type: TypeAlias = Any


def _untyped(name: str) -> Any:
    return importlib.import_module(name)


ir = _untyped("llvmlite.ir")
binding = _untyped("llvmlite.binding")
version: str = _untyped("llvmlite").__version__
