"""The bytes of a model: from a path, bytes, or a file that is open. Loads no library."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, TypeAlias, cast

from compiler.errors import ArgumentError, ModelError
from tinytorch.onnx.reading.limits import LARGEST_FILE
from tinytorch.onnx.reading.naming import quoted

Source: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | Any"
"""A path, the bytes of a file, a file opened for bytes, or a ModelProto."""

UNNAMED: Final = "the model"
"""What a model is called in messages that has no file."""


class Content(NamedTuple):
    """The bytes of a model, what it is called in messages, and where its external data may lie."""

    data: bytes
    name: str
    folder: Path | None


def content_of(source: Source) -> Content | None:
    """What a source holds; None for what is neither a path, nor bytes, nor a file.

    Raises ModelError for what is too large, and ArgumentError where there is no file.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(cast("str", source))
        return Content(_file(path), path.name, path.absolute().parent)
    if isinstance(source, bytes | bytearray | memoryview):
        return Content(within(bytes(cast("bytes", source)), UNNAMED), UNNAMED, None)
    return Content(_stream(source), UNNAMED, None) if hasattr(source, "read") else None


def _stream(source: Any) -> bytes:
    content: Any = source.read(LARGEST_FILE + 1)
    if not isinstance(content, bytes):
        raise ArgumentError("the file of a model is opened for bytes: open(path, 'rb')")
    return within(content, UNNAMED)


def _file(path: Path) -> bytes:
    try:
        is_there = path.is_file()
        if is_there:
            with path.open("rb") as file:
                size = min(os.fstat(file.fileno()).st_size, LARGEST_FILE)
                return within(file.read(size + 1), quoted(path))  # what is asked for is taken at once
    except (OSError, ValueError) as error:  # no right to read it; a name that no file can have
        if isinstance(error, ModelError):
            raise
        raise ArgumentError(f"{quoted(path)} cannot be read: {error}") from None
    raise ArgumentError(f"there is no file {quoted(path)}")


def within(content: bytes, what: str) -> bytes:
    """Bytes that may be a model. Raises ModelError for too many."""
    if len(content) > LARGEST_FILE:
        raise ModelError(
            f"{what} is longer than {LARGEST_FILE} bytes, which no message of protobuf can be\n"
            "  fix: keep its weights as external data beside it"
        )
    return content
