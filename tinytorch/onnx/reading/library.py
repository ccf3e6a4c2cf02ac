"""The library `onnx`, which is an extra."""

from __future__ import annotations

from typing import Any

from compiler.errors import MissingLibraryError


def _found() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise MissingLibraryError(
            "models in ONNX files need the library onnx\n  fix: pip install 'tinytorch-compiler[onnx]'"
        ) from error
    return onnx


onnx: Any = _found()
"""The library. Its messages have no types that a checker could know, so it is of none here."""
