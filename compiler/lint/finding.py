"""What is found: a code, the node, a sentence and what mends it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from compiler.ir.graph import Graph
from compiler.ir.node import Node, SourceLine


class Code(Enum):
    """What a finding is about: each says in general what the sentences with it say of their nodes."""

    EXP_OVERFLOWS = "an exponential can be greater than the greatest number of its dtype"
    LOG_OF_ZERO = "a logarithm can meet 0 or a negative number"
    ROOT_OF_NEGATIVE = "a root can meet a negative number"
    DIVIDES_BY_ZERO = "a division can meet 0"
    SATURATED = "a function is constant over the whole range of its argument, and so has no slope"
    NEARLY_STABLE = "a softmax or log-sum-exp by hand is not the one that the compiler makes stable"
    WIDENED = "float32 becomes float64 beside a float64 value"
    NOT_UPDATED = "no update writes a parameter, while others are updated"
    NO_GRADIENT = "an update is made of no gradient, and nothing else reads its parameter"
    EMPTY_MEAN = "a mean is over no elements"
    IDLE_UPDATE = "an update writes the value that is there already"
    UNUSED_INPUT = "nothing reads an input"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is likely to go wrong: where, why, and what mends it."""

    code: Code
    node: Node
    name: str
    """What the graph's text calls the node."""
    sentence: str
    fix: str
    scope: str = ""

    @property
    def source(self) -> SourceLine | None:
        """The user's line."""
        return self.node.origin.source

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        source = self.source
        return {
            "code": self.code.name,
            "node": self.name,
            "type": str(self.node.type),
            "sentence": self.sentence,
            "fix": self.fix,
            "scope": self.scope,
            "file": source.file if source else None,
            "line": source.line if source else None,
        }

    def __str__(self) -> str:
        place = f" in {self.scope}" if self.scope else ""
        lines = [f"{self.code.name}: {self.sentence}", f"  {self.name} : {self.node.type}{place}"]
        lines += [f"  from {self.source}"] if self.source else []
        return "\n".join([*lines, f"  fix: {self.fix}"])


@dataclass(frozen=True, slots=True, repr=False)
class LintReport:
    """The findings in a graph, in the order of its nodes; false if there are none."""

    graph: Graph
    findings: tuple[Finding, ...]

    def __bool__(self) -> bool:
        return bool(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def without(self, codes: Collection[str]) -> LintReport:
        """The findings of other codes, given by name."""
        kept = tuple(finding for finding in self.findings if finding.code.name not in codes)
        return LintReport(self.graph, kept)

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {"findings": [finding.to_dict() for finding in self.findings]}

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings)) or "no findings"

    def __repr__(self) -> str:
        return f"<LintReport: {len(self.findings)} finding{'s' * (len(self.findings) != 1)}>"


@dataclass(frozen=True, slots=True)
class Remark:
    """What a rule says of a node of the graph, or of its stable form."""

    code: Code
    node: Node
    sentence: str
    fix: str
