"""From C to object code: finds a compiler, and calls it with flags that keep every rounding."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from compiler.backends.c.naming import HEADER
from compiler.errors import BackendError

FLAGS: Final = (
    "-std=gnu11", "-fPIC", "-ffp-contract=off", "-fwrapv", "-fno-strict-aliasing",
    "-fno-math-errno", "-fno-trapping-math", "-fno-builtin", "-fno-stack-protector",
    "-fno-asynchronous-unwind-tables", "-w",
)  # fmt: skip
"""No fast-math; errors and traps of mathematics are not looked at, and sums are not fused."""

_FEATURES: Final = (
    "sse3", "ssse3", "sse4.1", "sse4.2", "popcnt", "avx", "f16c", "fma", "bmi", "bmi2", "lzcnt", "avx2",
    "avx512f", "avx512cd", "avx512vl", "avx512dq", "avx512bw",
)  # fmt: skip
"""LLVM's names of what kernels may use, which are those of the compilers' options."""


_OLDEST_GCC: Final = 12
"""The first that has `__builtin_shufflevector`."""


@dataclass(frozen=True)
class Compiler:
    """A C compiler, by its path, and what it calls itself."""

    path: str
    version: str

    def flags(self, features: str) -> list[str]:
        """Its options for a machine with LLVM's list of features; results depend on none but these.

        gcc's second level takes half as long again and gains nothing; clang finds some vectors only there.
        """
        level = "-O2" if "clang" in self.version else "-O1"
        if platform.machine().lower() in ("arm64", "aarch64"):
            return [level, *FLAGS]
        enabled = {name[1:] for name in features.split(",") if name.startswith("+")}
        return [level, *FLAGS, *("-m" + name for name in _FEATURES if name in enabled)]

    @functools.cached_property
    def key(self) -> str:
        """What its code depends on beside the text and the target."""
        header = hashlib.sha256(HEADER.read_bytes()).hexdigest()
        return "\n".join([self.path, self.version, *FLAGS, header])

    def compile(self, text: str, features: str) -> bytes:
        """The object code of a file.

        Raises BackendError with the compiler's own words.
        """
        return self._run(text, features, "-c")

    def assembly(self, text: str, features: str) -> str:
        """The assembly of a file, for reading. Errors as `compile`."""
        return self._run(text, features, "-S").decode()

    def _run(self, text: str, features: str, what: str) -> bytes:
        with tempfile.TemporaryDirectory(prefix="tinytorch-") as folder:
            source, target = Path(folder) / "kernels.c", Path(folder) / "kernels.o"
            source.write_text(text, encoding="utf-8")
            flags = [*self.flags(features), "-I", str(HEADER.parent)]
            command = [self.path, *flags, what, "-o", str(target), str(source)]
            found = subprocess.run(command, capture_output=True, text=True, check=False)
            if found.returncode != 0:
                raise BackendError(f"{self.path} refuses the kernels: {found.stderr.strip()[:2000]}")
            return target.read_bytes()


@functools.lru_cache(maxsize=8)
def _compiler_at(path: str) -> Compiler:
    """Raises BackendError where it does not run, or is a gcc that lacks words of `kernels.h`."""
    said = _said(path, "--version")
    if "Free Software Foundation" in said and int(_said(path, "-dumpversion").split(".")[0]) < _OLDEST_GCC:
        raise BackendError(f"{path} is too old a gcc: {said.splitlines()[0]}")
    return Compiler(path, said.split("\n", 1)[0])


def _said(path: str, option: str) -> str:
    found = subprocess.run([path, option], capture_output=True, text=True, check=False)
    if found.returncode != 0 or not found.stdout:
        raise BackendError(f"{path} does not run: {found.stderr.strip()[:200]}")
    return found.stdout


def find_compiler() -> Compiler:
    """The one that the environment variable CC names, else the first of cc, gcc and clang that will do.

    Raises BackendError where there is none.
    """
    if os.name == "nt":
        raise BackendError("the c backend does not run on Windows; backend='llvm' does")
    given = os.environ.get("CC", "")
    refused: list[str] = []
    for name in [given] if given else ["cc", "gcc", "clang"]:
        path = shutil.which(name)
        try:
            if path is not None:
                return _compiler_at(path)
        except BackendError as error:
            refused.append(str(error))
    what = f"CC={given!r} is no program that can be found" if given else "there is neither cc, gcc nor clang"
    raise BackendError(
        f"the c backend needs a C compiler, and {'; '.join(refused) or what}\n"
        f"  fix: install gcc {_OLDEST_GCC} or newer, or clang"
    )
