"""What a pass is: a small frozen value with a name, and one method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

from compiler.errors import ArgumentError
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.pipeline.telling import Said, table
from compiler.rewrite.refusal import Refusal
from compiler.schedule.schedule import Schedule
from compiler.schedule.tables import Table
from compiler.schedule.target import Target


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a pass did: the nodes concerned (of the graph before) and a sentence."""

    nodes: tuple[Node, ...]
    sentence: str

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """What a pass did, and what it refused to do and why. `str` is a table: alike sentences stand once."""

    actions: tuple[Action, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    @property
    def said(self) -> Sequence[Said]:
        """Both as one: a reason for what was refused, the nodes, and the sentence."""
        done = [(None, item.nodes, item.sentence) for item in self.actions]
        return [*done, *((item.reason, item.nodes, item.sentence) for item in self.refusals)]

    def __str__(self) -> str:
        return f"{len(self.actions)} done, {len(self.refusals)} refused\n{table(self.said, {})}".rstrip()

    def __repr__(self) -> str:
        return f"<Report: {len(self.actions)} done, {len(self.refusals)} refused>"


@runtime_checkable
class RewritingPass(Protocol):
    """Maps a graph to a graph that computes the same."""

    @property
    def name(self) -> str: ...

    def rewrite(self, graph: Graph, target: Target) -> tuple[Graph, Report]:
        """The new graph, the same object if nothing changed, with what was done and refused."""
        ...


@runtime_checkable
class SchedulingPass(Protocol):
    """Maps a schedule to another of the same graph."""

    @property
    def name(self) -> str: ...

    def schedule(self, schedule: Schedule, target: Target) -> tuple[Schedule, Report]:
        """The new schedule, the same object if nothing changed, with what was done and refused."""
        ...


Pass: TypeAlias = RewritingPass | SchedulingPass


class ByValue:
    """A pass that equals one of its kind with the same options.

    Subclasses are frozen dataclasses with `eq=False`. A pass and a name are two things: a filter
    `p != "inplace"` would keep every pass in silence, so comparing with a string raises ArgumentError.
    """

    __slots__ = ()

    def _key(self) -> tuple[Any, ...]:
        return type(self), *(getattr(self, item.name) for item in fields(cast(Any, self)))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            raise ArgumentError(
                f"a pass is no string, so it never equals {other!r}: {self!r}\n"
                f"  fix: compare pass.name, or write tt.default_passes(without=({other!r},))"
            )
        return isinstance(other, ByValue) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())


def is_pass(item: object) -> bool:
    """Whether something that a user or a plugin gave is a pass."""
    return isinstance(item, RewritingPass | SchedulingPass) and not isinstance(item, type)


@dataclass(frozen=True, slots=True)
class Record:
    """One pass in a program's history. `before` and `after` are graphs, or schedules.

    `str` is a table of what it did and refused: alike sentences once, how often, and the names that the first
    of their nodes have in every view of the program. `report` and `to_dict()` have each by itself.
    """

    name: str
    before: Graph | Schedule
    after: Graph | Schedule
    report: Report
    seconds: float

    @property
    def changed(self) -> bool:
        return self.before is not self.after

    @property
    def became(self) -> Mapping[Node, Node]:
        """Which node of the graph before became which of the graph after; what is gone is not in it."""
        lineage = self.graph.lineage
        if not self.changed or isinstance(self.after, Schedule) or lineage is None:
            return {node: node for node in self.graph.nodes}
        return lineage.became

    @property
    def is_exact(self) -> bool:
        """Whether that was kept account of; else it is a guess from origins and structure."""
        lineage = self.graph.lineage
        return not self.changed or isinstance(self.after, Schedule) or lineage is None or lineage.is_exact

    @property
    def graph(self) -> Graph:
        """The graph after the pass, or that a schedule is of."""
        return self.after if isinstance(self.after, Graph) else self.after.graph

    def to_dict(self) -> dict[str, Any]:
        """What it did and refused, with names for nodes."""
        values = self.graph.names.values
        return {
            "name": self.name,
            "changed": self.changed,
            "seconds": self.seconds,
            "done": [
                {"values": _known(item.nodes, values), "sentence": item.sentence}
                for item in self.report.actions
            ],
            "refused": [
                {
                    "reason": item.reason.name,
                    "values": _known(item.nodes, values),
                    "sentence": item.sentence,
                }
                for item in self.report.refusals
            ],
        }

    def __str__(self) -> str:
        return f"{self._head()}\n{table(self.report.said, self.graph.names.values)}".rstrip()

    def _head(self) -> str:
        did = f"{len(self.report.actions)} done, {len(self.report.refusals)} refused"
        return f"{self.name}: {did}, {self.seconds * 1e3:.1f} ms"

    def __repr__(self) -> str:
        return f"<{self._head()}>"


def _known(nodes: Sequence[Node], values: Mapping[Node, str]) -> list[str]:
    return [values[node] for node in nodes if node in values]


class History(tuple[Record, ...]):
    """The records of a program's passes, in the order in which they ran. `str` is a table, a pass a line.

    What became of a kernel's loops behind them is asked of the program: `program.loops(kernel)`.
    """

    __slots__ = ()

    @property
    def tables(self) -> tuple[Table, ...]:
        """One: what each pass did and refused, how long it took, and how large its result is."""
        headings = ("pass", "done", "refused", "ms", "before", "after")
        rows = [
            (
                item.name, str(len(item.report.actions)), str(len(item.report.refusals)),
                f"{item.seconds * 1e3:.1f}", _size(item.before),
                _size(item.after) if item.changed else "same",
            )
            for item in self
        ]  # fmt: skip
        return (Table(headings, tuple(rows), left=1),)

    def to_dict(self) -> dict[str, Any]:
        """The records in their order."""
        return {"records": [item.to_dict() for item in self]}

    def __str__(self) -> str:
        return str(self.tables[0])


def _size(stage: Graph | Schedule) -> str:
    count, word = (len(stage.nodes), "node") if isinstance(stage, Graph) else (len(stage.kernels), "kernel")
    return f"{count} {word}{'s' * (count != 1)}"
