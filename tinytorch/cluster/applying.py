"""Applying: what a worker does for a batch of `map`, with programs and columns that it keeps open."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.driver import CompileOptions, compile_graph
from compiler.ir.graph import Graph
from compiler.program import Program
from compiler.structure import Structure, flatten
from tinytorch.builtin import find_backend, find_pass
from tinytorch.cluster.parallel.columns import received, rows_of_columns
from tinytorch.cluster.working import prepare

Array: TypeAlias = np.ndarray[Any, Any]

_KEPT: Final = 8
"""How many programs, and data that are read there, a worker keeps open."""


def program_of(payload: Mapping[str, Any]) -> Program:
    """The program on a worker; it returns a tuple."""
    graph = Graph.parse(payload["text"], payload["arrays"])
    passes = [find_pass(name) for name in payload["passes"]]
    options = CompileOptions(passes=passes, backend=find_backend(payload["backend"]))
    return compile_graph(graph, graph.inputs, Structure("tuple", len(graph.outputs)), options)


def apply(
    shared: Mapping[str, Any], batch: Mapping[str, Any], given: Mapping[str, Any], terms: Mapping[str, Any]
) -> list[Array]:
    """The outputs of a batch."""
    prepare(terms)
    program, columns = _OPEN.get(shared)
    rows = dict(batch["rows"])
    if columns:
        rows |= rows_of_columns(columns, batch["places"])
    found, _ = flatten(program(**rows, **given))
    return [np.asarray(item) for item in found]


class _Open:
    """Programs and columns that this process has, those used last."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[Program, dict[str, Any]]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, shared: Mapping[str, Any]) -> tuple[Program, dict[str, Any]]:
        """A program and columns; both are made by the thread that asks first."""
        token = shared["program"]["token"] + repr(sorted(map(repr, shared["columns"].items())))
        with self._lock:
            if token not in self._known:
                columns = {name: received(item) for name, item in shared["columns"].items()}
                self._known[token] = program_of(shared["program"]), columns
            self._known.move_to_end(token)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
            return self._known[token]


_OPEN: Final = _Open()
