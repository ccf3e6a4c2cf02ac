"""One thing that says why, and what every answer about two values needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from compiler.ir.finding import trail
from compiler.ir.node import Node
from compiler.pipeline.contract import Record
from compiler.pipeline.telling import bare
from compiler.rewrite.refusal import Reason, Refusal
from compiler.schedule.plan import Plan
from compiler.schedule.schedule import Schedule

JOINING: Final = frozenset(
    {
        Reason.NOT_CONVEX, Reason.OTHER_LOOPS, Reason.OWN_NEST, Reason.UNIT_LOOPS, Reason.TOO_MANY_MEMBERS,
        Reason.NOT_FASTER, Reason.ORDER_IS_FIXED, Reason.SCHEDULED, Reason.OPAQUE, Reason.VIEW,
        Reason.IN_ORDER, Reason.MOVES_ELEMENTS, Reason.TARGET_CANNOT,
    }
)  # fmt: skip
"""Reasons for which passes leave nodes in kernels of their own."""

LISTED: Final = 3
"""How many nodes a cause names where there may be many."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that says why values are as they are: what was done, or refused, or cannot be."""

    maker: str
    """The pass that did or refused it, or `graph`, `schedule` or `planner` for what follows from them."""
    reason: Reason | None
    """None for what no pass refused."""
    sentence: str
    nodes: tuple[Node, ...]
    """The nodes that it is about: those that block, and those with which it was tried."""
    names: tuple[str, ...]
    """What every view of the program calls them."""

    def to_dict(self) -> dict[str, Any]:
        """The cause, with names for nodes."""
        return {
            "maker": self.maker,
            "reason": None if self.reason is None else self.reason.name,
            "values": list(self.names),
            "sentence": self.sentence,
        }

    def __str__(self) -> str:
        code = "" if self.reason is None else f"{self.reason.name}, "
        names = f" ({', '.join(self.names)})" if self.names else ""
        return f"{self.maker}: {code}{self.sentence}{names}"


class Asking:
    """A program about which something is asked."""

    def __init__(self, plan: Plan, history: Sequence[Record]) -> None:
        self.plan, self.history, self.schedule = plan, history, plan.schedule
        self.graph, self.names = plan.schedule.graph, plan.schedule.graph.names

    def cause(
        self, maker: str, sentence: str, nodes: Iterable[Node] = (), reason: Reason | None = None
    ) -> Cause:
        """A cause, with what every view calls its nodes."""
        nodes = tuple(dict.fromkeys(nodes))
        known = tuple(self.names.values[node] for node in nodes if node in self.names.values)
        return Cause(maker, reason, bare(sentence, nodes), nodes, known)

    def gone(self, asked: Node) -> Cause:
        """That nothing stands for a value any more."""
        nodes = [asked, *trail(self.graph, asked)[-1:]]
        return self.cause("schedule", "nothing stands for it in the rewritten graph", nodes)

    def refusals(self) -> Iterator[tuple[Record, Refusal]]:
        """What scheduling passes refused, in their order."""
        for record in self.history:
            if isinstance(record.before, Schedule):
                yield from ((record, item) for item in record.report.refusals)
