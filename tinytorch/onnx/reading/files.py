"""A model's protobuf: from its bytes, or a message that is there already."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from compiler.errors import ArgumentError, ModelError
from tinytorch.onnx.reading.checking import check_model
from tinytorch.onnx.reading.contents import Content, Source, content_of, within
from tinytorch.onnx.reading.library import UNREADABLE, onnx
from tinytorch.onnx.reading.naming import quoted
from tinytorch.onnx.reading.wire import check_encoding

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
        check_model(read.proto)
        return read
    content = content_of(source)
    if content is None:
        raise ArgumentError(f"a model is a path, bytes, a file or a ModelProto, not {type(source).__name__}")
    return read_content(content)


def read_content(content: Content) -> Read:
    """The model that some bytes are, as `read_model` reads it."""
    read = Read(_parsed(content.data, content.name), content.name, content.folder)
    check_model(read.proto)
    return read


def _bytes_of(model: Any) -> bytes:
    """The bytes that a message would be in a file, where it is checked as one from there."""
    try:
        return within(model.SerializeToString(), "the model")
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
