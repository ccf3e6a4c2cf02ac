"""A model's protobuf: from a path, bytes, a file that is open, or a message that is there already."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, TypeAlias, cast

from compiler.errors import ArgumentError, ModelError
from tinytorch.onnx.reading.checking import check_model
from tinytorch.onnx.reading.library import UNREADABLE, onnx
from tinytorch.onnx.reading.limits import LARGEST_FILE
from tinytorch.onnx.reading.naming import quoted
from tinytorch.onnx.reading.wire import check_encoding

Source: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | Any"
"""A path, the bytes of a file, a file opened for bytes, or a ModelProto."""

_STRANGERS: Final = {
    b"PK\x03\x04": "a zip archive, as PyTorch writes\n  fix: tt.from_torch(module, example) takes the module",
    b"version https://git-lfs": "a pointer of Git LFS\n  fix: git lfs pull fetches what it stands for",
    b"<!DOCTYPE": "a page of the web\n  fix: fetch the file that it links to",
    b"<html": "a page of the web\n  fix: fetch the file that it links to",
    b"\x1f\x8b": "compressed by gzip\n  fix: gunzip it",
    b"\x89HDF": "of HDF5, as Keras writes\n  fix: tf2onnx turns it into ONNX",
    b"\x80": "a pickle, which would be executed\n  fix: export it as ONNX",
}
"""How files begin that people take for models, what they are, and what to do."""


class Read(NamedTuple):
    """A model, what it is called in messages, and where its external data may lie."""

    proto: Any
    name: str
    folder: Path | None


def read_model(source: Source) -> Read:
    """A model whose graphs hold together: every name is defined once, before it is used, and of a kind.

    A ModelProto is checked and kept as it is. Weights are not read: `array_of` does that, and checks them.
    Raises ModelError for what is damaged, too large, cyclic or wrong-typed, ArgumentError where there is no
    file. At most a few times the size of a file is taken in memory.
    """
    if isinstance(source, onnx.ModelProto):
        read = Read(source, str(cast("Any", source).graph.name) or "the model", None)
        check_encoding(_bytes_of(read.proto))
    elif isinstance(source, str | os.PathLike):
        path = Path(cast("str", source))
        read = Read(_parsed(_file(path), path.name), path.name, path.absolute().parent)
    else:
        read = Read(_parsed(_content(source), "the model"), "the model", None)
    check_model(read.proto)
    return read


def _content(source: Any) -> bytes:
    if isinstance(source, bytes | bytearray | memoryview):
        return _within(bytes(cast("bytes", source)), "the model")
    if not hasattr(source, "read"):
        raise ArgumentError(f"a model is a path, bytes, a file or a ModelProto, not {type(source).__name__}")
    content: Any = source.read(LARGEST_FILE + 1)
    if not isinstance(content, bytes):
        raise ArgumentError("the file of a model is opened for bytes: open(path, 'rb')")
    return _within(content, "the model")


def _file(path: Path) -> bytes:
    try:
        is_there = path.is_file()
        if is_there:
            with path.open("rb") as file:
                return _within(file.read(LARGEST_FILE + 1), quoted(path))
    except (OSError, ValueError) as error:  # no right to read it; a name that no file can have
        if isinstance(error, ModelError):
            raise
        raise ArgumentError(f"{quoted(path)} cannot be read: {error}") from None
    raise ArgumentError(f"there is no file {quoted(path)}")


def _within(content: bytes, what: str) -> bytes:
    if len(content) > LARGEST_FILE:
        raise ModelError(
            f"{what} is longer than {LARGEST_FILE} bytes, which no message of protobuf can be\n"
            "  fix: keep its weights as external data beside it"
        )
    return content


def _bytes_of(model: Any) -> bytes:
    """The bytes that a message would be in a file, where it is checked as one from there."""
    try:
        return _within(model.SerializeToString(), "the model")
    except UNREADABLE as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"the ModelProto cannot be written: {error}") from None


def _parsed(content: bytes, name: str) -> Any:
    for start, what in _STRANGERS.items():
        if content.startswith(start):
            raise ModelError(f"{quoted(name)} is no model of ONNX but {what}")
    check_encoding(content)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except UNREADABLE as error:
        raise ModelError(f"{quoted(name)} is damaged, or is no model of ONNX: {error}") from None
    return model
