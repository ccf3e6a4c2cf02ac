"""Graphs as files: the text, and the arrays beside it. Reading one executes nothing.

    file      ::= a zip archive of "format.json", "graph.txt" and one .npy file for each array
    format    ::= {"format": 1, "tinytorch": version, "arrays": {reference: name of the .npy file}}

A file of plain text is read too: a graph without its arrays.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from compiler.errors import ArgumentError, ParseError
from compiler.ir.bfloat16 import bfloat16, is_bfloat16
from compiler.ir.graph import Graph
from compiler.ir.op import Call
from tinytorch.api import graph_of
from tinytorch.array_files import replacing

FORMAT: Final = 1
"""The number of this form. A file of a later one is refused."""

_BFLOAT16: Final = ".bfloat16.npy"
"""How files end that hold the patterns of bfloat16 as uint16, for NumPy's files have no such dtype."""

_LONGEST_TEXT: Final = 256 * 2**20
_LARGEST_ARRAY: Final = 2**34


def save(what: Any, path: str | os.PathLike[str]) -> Path:
    """Writes the graph of tensors, a graph, or a program's source graph, with its arrays. Returns the path.

    Written beside the path and renamed into place, so a reader sees the whole file or the one before.
    Parameters are saved as they are now. Opaque calls are saved by their labels; `load` is given them again.
    """
    graph = graph_of(what)
    text, arrays = str(graph), graph.arrays
    files = {
        reference: f"arrays/{number}{_BFLOAT16 if is_bfloat16(array.dtype) else '.npy'}"
        for number, (reference, array) in enumerate(arrays.items())
    }
    head = {"format": FORMAT, "tinytorch": _version(), "arrays": files}
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("format.json", json.dumps(head, indent=1))
        archive.writestr("graph.txt", text)
        for reference, array in arrays.items():
            archive.writestr(files[reference], _npy(array))
    return Path(path)


def load(path: str | os.PathLike[str], calls: Mapping[str, Call] | None = None) -> Graph:
    """The graph that `save` wrote, or that a text file describes; its parameters are new ones.

    `calls` holds the ops of opaque calls by label. Raises ParseError for a file that is none of ours, is
    damaged or of a later format, ArgumentError where there is no file. Nothing in it is executed or
    unpickled.
    """
    source = Path(path)
    if not source.is_file():
        raise ArgumentError(f"there is no file {str(source)!r}")
    if not zipfile.is_zipfile(source):
        return Graph.parse(_decoded(source.read_bytes(), source), None, calls)
    try:
        with zipfile.ZipFile(source) as archive:
            head = _head(archive, source)
            text = _decoded(_member(archive, "graph.txt", _LONGEST_TEXT), source)
            arrays = {name: _array(archive, file) for name, file in head.items()}
    except ParseError:
        raise
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ParseError(f"{source} is damaged, or no saved graph: {error}") from None
    return Graph.parse(text, arrays, calls)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  # an eighth of an import

    try:
        return version("tinytorch-compiler")
    except PackageNotFoundError:  # used from a folder without being installed
        return "unknown"


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array.view(np.uint16) if is_bfloat16(array.dtype) else array, allow_pickle=False)
    return stream.getvalue()


def _head(archive: zipfile.ZipFile, source: Path) -> dict[str, str]:
    head: Any = json.loads(_member(archive, "format.json", _LONGEST_TEXT))
    fields = cast("dict[Any, Any]", head) if isinstance(head, dict) else {}
    found, arrays = fields.get("format"), fields.get("arrays")
    if not isinstance(found, int) or not isinstance(arrays, dict):
        raise ValueError("its format.json does not say what it is")
    if found > FORMAT:
        raise ParseError(
            f"{source} is of format {found} and this version reads {FORMAT}\n  fix: install a newer tinytorch"
        )
    items = cast("dict[Any, Any]", arrays).items()
    if not all(isinstance(item, str) for pair in items for item in pair):
        raise ValueError("its arrays are not listed by name")
    return dict(items)


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """What a member holds. Raises ValueError where it would unpack to more than a limit."""
    if archive.getinfo(name).file_size > limit:
        raise ValueError(f"{name} would take {archive.getinfo(name).file_size} bytes")
    return archive.read(name)


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray[Any, Any]:
    array = np.load(io.BytesIO(_member(archive, name, _LARGEST_ARRAY)), allow_pickle=False)
    return array.view(bfloat16()) if name.endswith(_BFLOAT16) and array.dtype == np.uint16 else array


def _decoded(content: bytes, source: Path) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise ParseError(f"{source} is neither a saved graph nor the text of one") from None
