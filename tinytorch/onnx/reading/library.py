"""The library `onnx`, which is an extra, and the errors of protobuf, which it needs."""

from __future__ import annotations

from typing import Any

from compiler.errors import MissingLibraryError


def _found() -> tuple[Any, Any]:
    try:
        import onnx
        from google.protobuf import message
    except ImportError as error:
        raise MissingLibraryError(
            "models in ONNX files need the library onnx\n  fix: pip install 'tinytorch-compiler[onnx]'"
        ) from error
    return onnx, message


_library, _message = _found()

onnx: Any = _library
"""The library. Its messages have no types that a checker could know, so it is of none here."""

UNREADABLE: tuple[type[Exception], ...] = (_message.DecodeError, _message.EncodeError, ValueError)
"""What protobuf raises for bytes that are no message, and for a message that has no bytes: it is too deep."""
