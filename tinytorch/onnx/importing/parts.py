"""The part of a model that a node belongs to, as its exporter noted it or as its name says.

    name            ::= "/" part "/" part "/" operator       of PyTorch, TensorFlow, and of ours
    PyTorch's notes ::= ["", "encoder", "encoder.layers.0", node]

A node of another name is a part of its own. One without a name is in no part but what is around it.
"""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from typing import Any, Final

from compiler.ir.scope import Scope, current_scope, reopened

_NOTE: Final = "pkg.torch.onnx.name_scopes"
_TEXTS: Final = re.compile(r"'([^']*)'")


class Parts:
    """The scopes of one building of a model. Nodes of one part are in one scope, wherever they stand."""

    def __init__(self) -> None:
        self._scopes: dict[tuple[Scope | None, str], Scope] = {}

    def around(self, node: Any) -> AbstractContextManager[None]:
        """Opens the scope of a node (NodeProto) within the one that is open."""
        here = current_scope()
        for name in path_of(node):
            here = self._scopes.setdefault((here, name), Scope(name, here))
        return reopened(here)


def path_of(node: Any) -> list[str]:
    """The names of the parts around a node, the outermost first."""
    note = next((item.value for item in node.metadata_props if item.key == _NOTE), "")
    path = _TEXTS.findall(note)[:-1] if note else str(node.name).partition(";")[0].split("/")
    if note:
        path = [name.removeprefix(f"{outer}.") for outer, name in zip(["", *path], path, strict=False)]
    elif len(path) > 1:
        path.pop()
    return [name for name in path if name.strip(".")]
