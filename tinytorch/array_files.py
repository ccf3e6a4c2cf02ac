"""Arrays by name in a file: `.npz`, or `.safetensors` through its library. Reading one executes nothing.

What PyTorch saved, `.pt` and `.pth`, is read through PyTorch (`torch_files`), and not written.

    npz           what `numpy.load` reads; bfloat16 is stored as its patterns, under `name + ":bfloat16"`,
                  and notes, if there are any, as one array of bytes, `:notes`
    safetensors   what PyTorch and others read; notes are its metadata

A file is written beside its path and renamed into place: a reader sees the whole of it, or the one before.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any, Final, TypeAlias

import numpy as np

from compiler.errors import ArgumentError, MissingLibraryError, ParseError
from compiler.ir.bfloat16 import bfloat16, is_bfloat16
from tinytorch.torch_files import SUFFIXES, read_torch

Arrays: TypeAlias = "dict[str, np.ndarray[Any, Any]]"

_BFLOAT16: Final = ":bfloat16"
_NOTES: Final = ":notes"
_SAFE: Final = {
    "BOOL": "bool", "I8": "int8", "U8": "uint8", "I16": "int16", "I32": "int32", "I64": "int64",
    "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64",
}  # fmt: skip
"""The dtypes under the names that safetensors has for them."""


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Generator[IO[bytes]]:
    """A file to write, which takes the place of `path` when all is written; nothing is left if that fails."""
    target = Path(path)
    temporary = NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False)  # noqa: SIM115  # renamed when closed
    try:
        with temporary:
            yield temporary.file
        Path(temporary.name).replace(target)
    except BaseException:  # on a full disk closing fails, too
        Path(temporary.name).unlink(missing_ok=True)
        raise


def write_arrays(
    path: str | os.PathLike[str],
    arrays: Mapping[str, np.ndarray[Any, Any]],
    notes: Mapping[str, str] | None = None,
) -> Path:
    """Writes arrays, and notes about them, in the form that the path's suffix names. Returns the path.

    Raises ArgumentError for another suffix, MissingLibraryError for `.safetensors` without its library.
    """
    target = Path(path)
    is_safe = is_safetensors(target)
    content = _safe_bytes(arrays, notes or {}) if is_safe else None
    with replacing(target) as file:
        if content is not None:
            file.write(content)
        else:
            _write_npz(file, arrays, notes or {})
    return target


def read_arrays(path: str | os.PathLike[str]) -> tuple[Arrays, dict[str, str]]:
    """The arrays and the notes of a file.

    Raises ParseError for what is damaged or of another form, ArgumentError where there is no file,
    MissingLibraryError where the library of a form is not installed.
    """
    source = Path(path)
    is_torch = is_torch_file(source)
    is_safe = not is_torch and is_safetensors(source)
    if not source.is_file():
        raise ArgumentError(f"there is no file {str(source)!r}")
    if is_torch:
        return read_torch(source), {}
    try:
        return _read_safe(source) if is_safe else _read_npz(source)
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, TypeError) as error:
        raise ParseError(f"{source} is damaged, or holds no arrays: {error}") from None


def is_torch_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file is PyTorch's, by its suffix."""
    return Path(path).suffix in SUFFIXES


def is_safetensors(path: Path) -> bool:
    """Whether a file is in that form, by its suffix. Raises ArgumentError for one that is in none."""
    if path.suffix not in (".npz", ".safetensors"):
        raise ArgumentError(f"arrays are kept in .npz or .safetensors, not in {str(path)!r}")
    return path.suffix == ".safetensors"


def _write_npz(file: IO[bytes], arrays: Mapping[str, np.ndarray[Any, Any]], notes: Mapping[str, str]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            is_narrow = is_bfloat16(array.dtype)
            stored = array.view(np.uint16) if is_narrow else array
            _write_member(archive, name + _BFLOAT16 * is_narrow, stored)
        if notes:
            _write_member(archive, _NOTES, np.frombuffer(json.dumps(dict(notes)).encode(), np.uint8))


def _write_member(archive: zipfile.ZipFile, name: str, array: np.ndarray[Any, Any]) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.save(member, array, allow_pickle=False)


def _read_npz(source: Path) -> tuple[Arrays, dict[str, str]]:
    found: Arrays = {}
    notes: dict[str, str] = {}
    # NumPy leaves a file of its own open where it is damaged.
    with source.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        if isinstance(archive, np.ndarray):
            raise ValueError("it is a single array")  # of the file, not of a caller
        for name in archive.files:
            array = archive[name]
            if name == _NOTES:
                notes = {str(key): str(value) for key, value in json.loads(array.tobytes()).items()}
            elif name.endswith(_BFLOAT16):
                found[name.removesuffix(_BFLOAT16)] = array.view(bfloat16())
            else:
                found[name] = array
    return found, notes


def _library() -> tuple[Any, Any]:
    """safetensors, and its half for NumPy."""
    try:
        return import_module("safetensors"), import_module("safetensors.numpy")
    except ModuleNotFoundError:
        raise MissingLibraryError(
            "files of the form .safetensors need its library\n"
            "  fix: pip install tinytorch-compiler[safetensors], or a path that ends in .npz"
        ) from None


def _safe_bytes(arrays: Mapping[str, np.ndarray[Any, Any]], notes: Mapping[str, str]) -> bytes:
    items = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()}
    return _library()[1].save(items, dict(notes) or None)


def _read_safe(source: Path) -> tuple[Arrays, dict[str, str]]:
    library, _ = _library()
    content = source.read_bytes()
    try:
        items: list[tuple[str, dict[str, Any]]] = library.deserialize(content)
    except library.SafetensorError as error:
        raise ValueError(str(error)) from None
    found: Arrays = {}
    for name, item in items:
        kind = _SAFE.get(item["dtype"])
        if kind is None:
            raise ValueError(f"{name} is of the dtype {item['dtype']}, which tinytorch has not")
        dtype = bfloat16() if kind == "bfloat16" else np.dtype(kind)
        found[name] = np.frombuffer(item["data"], dtype).reshape(item["shape"])
    length = int.from_bytes(content[:8], "little")
    head = json.loads(content[8 : 8 + length])
    return found, {str(key): str(value) for key, value in head.get("__metadata__", {}).items()}
