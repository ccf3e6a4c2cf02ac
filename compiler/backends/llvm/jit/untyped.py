"""llvmlite, which ships no types: the one module of this room that imports it.

`binding` compiles modules. `Machine` and `Parsed` name llvmlite's objects in signatures, for the reader: a
type checker sees Any.
"""

import importlib
from typing import Any, TypeAlias

Machine: TypeAlias = Any
Parsed: TypeAlias = Any


def _untyped(name: str) -> Any:
    return importlib.import_module(name)


binding = _untyped("llvmlite.binding")
version: str = _untyped("llvmlite").__version__
