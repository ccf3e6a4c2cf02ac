"""A model's protobuf, from wherever it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, cast

from compiler.errors import ModelError
from tinytorch.onnx.reading.library import onnx

Source: TypeAlias = "str | os.PathLike[str] | bytes | Any"
"""A path, the bytes of a file, or a ModelProto."""


class Read(NamedTuple):
    """A model, what it is called in messages, and where its external data may lie."""

    proto: Any
    name: str
    folder: Path | None


def read_model(source: Source) -> Read:
    """The model that a path, bytes or a ModelProto have. Raises ModelError for anything else."""
    if isinstance(source, onnx.ModelProto):
        proto = cast("Any", source)
        return Read(proto, proto.graph.name or "the model", None)
    if isinstance(source, bytes):
        return Read(_parsed(source, "the bytes"), "the bytes", None)
    path = Path(cast("str", source))
    return Read(_parsed(path.read_bytes(), path.name), path.name, path.parent)


def _parsed(data: bytes, name: str) -> Any:
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except Exception as error:  # protobuf's own class depends on how it was built
        raise ModelError(f"{name} is no ONNX model: {error}") from error
    return model
