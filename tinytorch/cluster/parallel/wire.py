"""What goes to workers: parts of a step as text and arrays, and messages of plain values and one buffer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any, TypeAlias

import numpy as np

from compiler.driver import CompileOptions, compile_graph
from compiler.errors import ArgumentError
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Parameter
from compiler.program import Program
from compiler.structure import Structure
from tinytorch.builtin import find_backend, find_pass
from tinytorch.sharding.splitting import Part, Source, Split
from tinytorch.sharding.tree import ArrayType

Array: TypeAlias = np.ndarray[Any, Any]
Rows: TypeAlias = range | Array | dict[str, Array]
"""Which rows of the columns, as a range or as numbers; or the rows themselves, by the names of inputs."""


@dataclass(frozen=True, slots=True)
class PartText:
    """A stage: its text, the arrays that it names, and which of the step's parameters its own ones are."""

    text: str
    arrays: dict[str, Array]
    sources: list[tuple[Any, ...]]
    parameters: list[int]


@dataclass(frozen=True, slots=True)
class StepText:
    """The stages of a step, and what compiles them as the step was compiled."""

    parts: list[PartText]
    passes: list[str]
    backend: str
    shards: int
    parameters: list[ArrayType]
    """The types of the parameters that the stages read, in the order in which they are sent."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker is to add up, and what it may not know yet."""

    step: int
    stage: int
    blocks: list[tuple[int, int]]
    whole: int
    start: int
    """The row of the batch that is the first one of `rows`."""
    rows: Rows
    given: dict[str, Any]
    parameters: Array | None = None
    sums: Array | None = None
    types: list[ArrayType] | None = None
    """The types of `sums`, which are those of stages before that the worker does not know."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The sums of blocks, one behind another in one buffer; a block without rows has no types."""

    blocks: list[tuple[int, int]]
    types: list[list[ArrayType] | None]
    buffer: Array
    seconds: float
    """How long the worker computed."""

    @property
    def each(self) -> float:
        """Seconds for a shard."""
        return self.seconds / sum(1 << level for level, _ in self.blocks)


def text_of(step: Program, parts: Split, shards: int) -> StepText:
    """A step as it goes to workers. Raises ArgumentError for one with opaque Python functions."""
    known = {node: place for place, node in enumerate(parts.read)}
    passes = [record.name for record in step.history]
    types = [(node.type.dtype.value, _fixed(node)) for node in parts.read]
    return StepText([_text(part, known) for part in parts.stages], passes, step.backend, shards, types)


def _fixed(node: Node) -> tuple[int, ...]:
    return tuple(extent for extent in node.type.shape if isinstance(extent, int))


def _text(part: Part, known: dict[Node, int]) -> PartText:
    if part.graph.calls:
        raise ArgumentError(
            f"the step calls the Python function {min(part.graph.calls)!r}, and a program goes to workers as "
            "text\n  fix: a formula (tt.elementwise), or tt.fit(..., shards=...) in this process"
        )
    arrays = {name: np.array(array) for name, array in part.graph.arrays.items()}
    sources = [astuple(source) for source in part.sources]
    return PartText(str(part.graph), arrays, sources, [known[node] for node in part.parameters])


def part_of(text: PartText) -> Part:
    """The part that a text is, with parameters of its own."""
    graph = Graph.parse(text.text, text.arrays)
    return Part(graph, tuple(Source(*item) for item in text.sources))


def buffers_of(part: Part) -> list[Array]:
    """The arrays of a part's parameters, to be written to."""
    return [node.op.buffer.array for node in part.parameters if isinstance(node.op, Parameter)]


def program_of(part: Part, passes: Sequence[str], backend: str) -> Program:
    """A part compiled, as the step was."""
    options = CompileOptions(passes=[find_pass(name) for name in passes], backend=find_backend(backend))
    outputs = Structure("tuple", len(part.graph.outputs))
    return compile_graph(part.graph, part.graph.inputs, outputs, options)
