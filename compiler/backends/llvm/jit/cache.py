"""Object code, and whole programs, kept on disk between processes.

An entry is one file named by its key: a digest of everything the object code depends on. It is written to a
temporary file of its own and renamed into place, so a reader sees the whole entry or none, and two processes
that write the same entry both succeed. Its first bytes are a digest of the rest: a damaged entry is deleted
and compiled again. The folder belongs to the user alone, since what lies in it is executed.

A cache is a convenience: where the folder cannot be made, is not private or cannot be written, programs are
compiled anew in each process and nothing fails.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import stat
import sys
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from compiler.backends.llvm.jit.engine import BEST, Target, compile_object, host_target
from compiler.backends.llvm.jit.modules import Module
from compiler.backends.llvm.jit.once import once
from compiler.backends.llvm.jit.untyped import binding
from compiler.backends.llvm.jit.untyped import version as llvmlite_version
from compiler.ir.aligned import CACHE_LINE, aligned_bytes
from compiler.sources import ENGINE, sources_state

CACHE_FORMAT = "2"
"""Part of every key; raised whenever the same IR must not find older object code."""

DEFAULT_LIMIT = 256 * 2**20
"""Bytes above which the entries used least recently are deleted."""

DEFAULT_LOOKS = 64
"""One entry in so many, by its key, looks after the folder when it is stored: listing it takes long."""

LARGE = 2**20
"""Bytes of an entry from which on it looks after the folder in any case."""

_MAGIC = b"tinytorch object\n"
_START = len(_MAGIC) + hashlib.sha256().digest_size
"""The bytes of an entry before its object code."""
_LEAD = -_START % CACHE_LINE
_SUFFIX = ".object"
_SUMMED = np.dtype([("words", np.uint64, 509)])
"""Words whose sums a digest has: the first, the second, ... of each such block. They are no whole page of a
file, so that pages that have changed places are seen."""


def object_key(name: str, target: Target) -> str:
    """The key of the object code that is called `name`, for `target`: 64 hexadecimal digits."""
    parts = (CACHE_FORMAT, llvmlite_version, repr(binding.llvm_version_info), sys.platform)
    digest = hashlib.sha256()
    for part in (*parts, target.triple, target.cpu, target.features, name):
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return digest.hexdigest()


def default_directory() -> Path:
    """The platform's folder for one user's caches, with a folder of ours in it (not created here)."""
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", "")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "tinytorch" / "objects"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "tinytorch" / "objects"
    given = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(given) if given.startswith("/") else Path.home() / ".cache") / "tinytorch" / "objects"


@dataclass(eq=False)
class ObjectCache:
    """Object code by key, in `directory`; any number of threads and processes may share it.

    `hits`, `misses` and `damaged` count what happened to this object, for tests and for the curious. Nothing
    here raises on account of the disk.
    """

    directory: Path
    limit: int = DEFAULT_LIMIT
    looks: int = DEFAULT_LOOKS
    hits: int = field(default=0, init=False)
    misses: int = field(default=0, init=False)
    damaged: int = field(default=0, init=False)

    @functools.cached_property
    def usable(self) -> bool:
        """Whether the folder exists (it is made if not) and is closed to everybody but this user."""
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            return _is_private(self.directory)
        except OSError:
            return False

    def get(self, key: str) -> bytes | None:
        """The object code stored under `key`, or None; an entry that is damaged is deleted."""
        code = self.view(key)
        return None if code is None else bytes(code)

    def view(self, key: str) -> memoryview | None:
        """As `get`, in memory of its own, which begins on a 64-byte border."""
        content = self._read(key)
        if content is None:
            self.misses += 1
            return None
        code = _checked(content)
        if code is None:
            self.damaged += 1
            self.discard(key)
            return None
        self.hits += 1
        return code

    def put(self, key: str, code: bytes) -> None:
        """Store `code` under `key`, whole or not at all."""
        if not self.usable:
            return
        try:
            descriptor, temporary = tempfile.mkstemp(dir=self.directory, prefix=key[:16], suffix=".part")
        except OSError:
            return
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(_MAGIC + _digest(code) + code)
            Path(temporary).replace(self._path(key))
            if len(code) > LARGE or zlib.crc32(key.encode()) % self.looks == 0:
                self._shrink()
        except OSError:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()

    def compiled(
        self, name: str, build: Callable[[], Module | str], target: Target, level: int = BEST
    ) -> bytes:
        """Object code of what `build` gives, or what is stored under the same name for the same target.

        Raises `BackendError` if LLVM refuses the module.
        """
        return self.made(f"{level}\n{name}", lambda: compile_object(build(), target, level), target)

    def made(self, name: str, make: Callable[[], bytes], target: Target) -> bytes:
        """The object code that `make` gives, or what is stored under the same name for the same target."""
        key = object_key(name, target)
        code = self.get(key)
        if code is None:
            code = make()
            self.put(key, code)
        return code

    def discard(self, key: str) -> None:
        """Delete the entry of `key`, if there is one."""
        with contextlib.suppress(OSError):
            self._path(key).unlink()

    def _path(self, key: str) -> Path:
        return self.directory / (key + _SUFFIX)

    def _read(self, key: str) -> memoryview | None:
        """An entry's content, which lies so that what is behind its digest begins on a border."""
        if not self.usable:
            return None
        try:
            with self._path(key).open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                content = aligned_bytes(_LEAD + size).data[_LEAD:]
                return content[: file.readinto(content)]
        except OSError:
            return None

    @property
    def sizes(self) -> list[int]:
        """The bytes of each entry; none where the folder cannot be read."""
        try:
            return [status.st_size for _, status in self._entries()]
        except OSError:
            return []

    def _entries(self) -> list[tuple[str, os.stat_result]]:
        with os.scandir(self.directory) as found:
            return [(item.path, item.stat()) for item in found if item.name.endswith(_SUFFIX)]

    def _shrink(self) -> None:
        """Delete the oldest entries (by time of writing) until half the limit is free again."""
        entries = self._entries()
        total = sum(status.st_size for _, status in entries)
        if total <= self.limit:
            return
        for path, status in sorted(entries, key=lambda entry: entry[1].st_mtime_ns):
            Path(path).unlink(missing_ok=True)
            total -= status.st_size
            if total <= self.limit // 2:
                return


@once
def default_cache() -> ObjectCache:
    """The cache of this user on this machine."""
    return ObjectCache(default_directory())


@functools.cache
def sources_digest() -> str:
    """A digest of the source of everything that emits code here: read once, and again when a file changes."""
    state = sources_state(ENGINE)
    if state is None:
        return _read_digest().decode()
    return default_cache().made(f"sources\n{state}", _read_digest, host_target()).decode()


def _read_digest() -> bytes:
    digest = hashlib.sha256()
    for room in (ENGINE / "backends" / "llvm", ENGINE / "loops"):
        for path in sorted(room.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest().encode()


def _checked(content: memoryview) -> memoryview | None:
    """The object code in an entry's content, or None if a byte of it is not as it was written."""
    code = content[_START:]
    return code if bytes(content[:_START]) == _MAGIC + _digest(code) else None


def _digest(code: bytes | memoryview) -> bytes:
    """A digest that tells whether a byte has changed: of the sums of many words, which take less time."""
    whole = len(code) // _SUMMED.itemsize * _SUMMED.itemsize
    sums = np.frombuffer(code[:whole], _SUMMED)["words"].sum(axis=0)
    return hashlib.sha256(sums.tobytes() + code[whole:] + str(len(code)).encode()).digest()


def _is_private(directory: Path) -> bool:
    """Whether `directory` is this user's own and closed to all others; on Windows the profile folder is."""
    if sys.platform == "win32":
        return True
    status = directory.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077
