"""External data: files beside a model that hold its weights. Only those in its folder are read.

A location is a relative path below the folder, without "..", and what it leads to, links followed, is there
too. Offset and length lie within the file, and the length is what type and extents of the tensor ask for.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Final

import numpy as np

from compiler.errors import ModelError
from tinytorch.onnx.reading.naming import quoted
from tinytorch.onnx.reading.storage import bytes_of

_MAPPED: Final = 2**18
"""From how many bytes on a file is mapped instead of read: weights that nobody asks for stay there."""

_DIGITS: Final = 18


def external_bytes(tensor: Any, folder: Path | None, label: object) -> np.ndarray[Any, Any]:
    """The bytes of a tensor, as uint8. Large ones are mapped, copied where they are written to.

    Raises ModelError for a location outside the folder, and for a file that is none or is too short.
    """
    entries = _entries(tensor, label)
    if folder is None:
        raise ModelError(
            f"{label} is in the file {quoted(entries.get('location', ''))} beside the model\n"
            "  fix: load the model by its path"
        )
    path = _located(entries.get("location", ""), folder, label)
    offset, wanted = _number(entries, "offset", 0, label), bytes_of(tensor)
    if _number(entries, "length", wanted, label) != wanted:
        raise ModelError(
            f"{label} is {wanted} bytes by its type and extents, and {entries['length']} by its length"
        )
    try:
        return _read(path, offset, wanted, label)
    except OSError as error:
        raise ModelError(f"{label} is in the file {quoted(path)}, which cannot be read: {error}") from None


def _entries(tensor: Any, label: object) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in tensor.external_data:
        if entry.key in found:
            raise ModelError(f"{label} gives the {quoted(entry.key)} of its external data twice")
        found[entry.key] = entry.value
    return found


def _located(location: str, folder: Path, label: object) -> Path:
    """The path of a file below the folder, without links."""
    parts = {*PurePosixPath(location).parts, *PureWindowsPath(location).parts}
    is_absolute = PurePosixPath(location).is_absolute() or bool(PureWindowsPath(location).anchor)
    if not location or is_absolute or ".." in parts or "\0" in location:
        raise ModelError(
            f"{label} is said to be in the file {quoted(location)}, and only files below the model's folder "
            "are read\n  fix: put the file there, and save the model with its name alone"
        )
    try:
        home = folder.resolve(strict=True)
        path = (home / location).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):  # it is not there; links in a circle; no name of a file
        raise ModelError(
            f"{label} is in the file {quoted(location)}, which is not in {quoted(folder)}\n"
            "  fix: put it beside the model"
        ) from None
    if not path.is_relative_to(home):
        raise ModelError(
            f"{label} is in the file {quoted(location)}, a link out of the folder of the model\n"
            "  fix: put a copy of the file there instead of the link"
        )
    return path


def _number(entries: dict[str, str], key: str, default: int, label: object) -> int:
    text = entries.get(key, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise ModelError(f"{label} has the {key} {quoted(text)} in its file, which is no number of bytes")
    return int(text)


def _read(path: Path, offset: int, wanted: int, label: object) -> np.ndarray[Any, Any]:
    # Without blocking: the other end of a pipe might never come.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise ModelError(f"{label} is in {quoted(path)}, which is no file")
        if offset + wanted > about.st_size:
            raise ModelError(
                f"{label} is the {wanted} bytes from {offset} of {quoted(path)}, which has {about.st_size}"
            )
        if wanted >= _MAPPED:
            return np.memmap(file, np.uint8, "c", offset, (wanted,))
        file.seek(offset)
        return np.frombuffer(file.read(wanted), np.uint8)
