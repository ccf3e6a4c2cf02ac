"""Programs of models that were compiled before: found by the bytes of a file, without reading them as one.

A file is known by its bytes, and what was made of them by the sources of everything that made it and by the
library `onnx`, whose schemas say what operators mean. Bytes under whose key a program is kept were read,
checked and compiled before, by the same code.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from compiler.backends.contract import LARGEST_KEPT
from compiler.ir.node import Origin, asked_at, users_origin
from compiler.program import Program
from compiler.restored import Restored, find_kept, prepare, program_key
from compiler.sources import sources_state, state_text
from tinytorch.onnx.reading.contents import Content

if TYPE_CHECKING:
    from compiler.backends.llvm.run.kept import Kept
    from tinytorch.onnx.importing.network import Network

_OURS: Final = Path(__file__).parents[2]
_PASSES: Final = _OURS.parent / "passes"

_ELSEWHERE: Final = b"location"
"""What is in the bytes of a model that has weights in other files, which its key knows nothing of."""

prepare(_OURS, _PASSES)


@dataclass(frozen=True, eq=False)
class KeptModel:
    """A file, the key of its program, and what is kept under it."""

    content: Content
    dims: Mapping[str, int | str]
    key: str
    found: Kept | None
    asked: Origin
    """The line and the scope in which a user loads it."""

    @classmethod
    def of(cls, content: Content, dims: Mapping[str, int | str]) -> KeptModel | None:
        """What there is of a file; None where nothing of it can be kept."""
        key = _key_of(content, dims) if len(content.data) <= LARGEST_KEPT else None
        return None if key is None else cls(content, dict(dims), key, find_kept(key), users_origin())

    def program(self, compiled: Callable[[], Program]) -> Program | None:
        """The program that is kept; `compiled` compiles it, if it is asked for more than calls."""
        return None if self.found is None else Restored(self.found, compiled)

    def keep(self, program: Program) -> None:
        """Keeps a program of the file as it is, unless sources have changed while it was made."""
        sources_state.cache_clear()
        if _ELSEWHERE not in self.content.data and _key_of(self.content, self.dims) == self.key:
            Restored.keep(program, self.key)

    def network(self) -> Network:
        """The tensors of the file, as if they had been made where it was loaded."""
        from tinytorch.onnx.importing.network import Network  # noqa: PLC0415  # what calls do without
        from tinytorch.onnx.reading.files import read_content  # noqa: PLC0415  # likewise

        with asked_at(self.asked):
            return Network(read_content(self.content), {}, self.dims)


def _key_of(content: Content, dims: Mapping[str, int | str]) -> str | None:
    facts = [hashlib.sha256(content.data).hexdigest(), *sorted(map(repr, dims.items()))]
    return program_key("onnx", _library_state(), *facts, folders=(_OURS, _PASSES))


def is_installed() -> bool:
    """Whether the library `onnx` is there, which is not loaded."""
    return find_spec("onnx") is not None


@cache
def _library_state() -> str:
    """What the file system knows of the library: of its outermost files, the compiled schemas among them."""
    spec = find_spec("onnx")
    folders = None if spec is None else spec.submodule_search_locations
    found = [entry for folder in folders or () for entry in os.scandir(folder) if entry.is_file()]
    return "\n".join(sorted(state_text(entry.path, entry.stat()) for entry in found))
