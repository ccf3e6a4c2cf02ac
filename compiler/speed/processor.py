"""What the system says of its processor: its name, and the sizes of its caches."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from pathlib import Path
from typing import Final

USUAL: Final = (2**15, 2**20, 2**23)
"""Bytes of the caches of a processor of which the system says nothing."""

_CACHES: Final = Path("/sys/devices/system/cpu/cpu0/cache")
_NAMES: Final = Path("/proc/cpuinfo")
_OF_DARWIN: Final = ("hw.l1dcachesize", "hw.l2cachesize", "hw.l3cachesize")


def processor_name() -> str:
    """What the system calls its processor."""
    if sys.platform == "darwin":
        found = _asked("machdep.cpu.brand_string").split(b"\0")[0].decode()
    else:
        found = _named(_NAMES) or os.environ.get("PROCESSOR_IDENTIFIER", "")
    return found or platform.processor() or platform.machine()


def cache_sizes(folder: Path = _CACHES) -> tuple[int, ...]:
    """Bytes of the data caches that a processor has, the smallest first; usual ones where nobody says."""
    if sys.platform == "darwin":
        found = [int.from_bytes(_asked(name), sys.byteorder) for name in _OF_DARWIN]
    else:
        found = _listed(folder)
    return tuple(sorted(size for size in found if size)) or USUAL


def _named(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "")


def _listed(folder: Path) -> list[int]:
    """What Linux lists: a folder for each cache, with files that say its type and its size, as in `32K`."""
    found: list[int] = []
    try:
        for cache in sorted(folder.glob("index*")):
            if (cache / "type").read_text(encoding="utf-8").strip() != "Instruction":
                text = (cache / "size").read_text(encoding="utf-8").strip()
                found.append(int(text[:-1]) << {"K": 10, "M": 20, "G": 30}[text[-1]])
    except (OSError, ValueError, KeyError, IndexError):
        return []
    return found


def _asked(name: str) -> bytes:
    """What Darwin answers to a name; nothing where it does not know it."""
    room, size = ctypes.create_string_buffer(256), ctypes.c_size_t(256)
    refused = ctypes.CDLL(None).sysctlbyname(name.encode(), room, ctypes.byref(size), None, 0)
    return b"" if refused else room.raw[: size.value]
