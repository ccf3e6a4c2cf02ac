"""Why a pass left something alone: a code, the nodes concerned and a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from compiler.ir.node import Node


class Reason(Enum):
    """The codes of refusals. Every one has a graph in the tests that provokes it."""

    NOT_CONVEX = "a path leaves the group and comes back"
    OTHER_LOOPS = "the loops differ"
    TOO_MANY_MEMBERS = "a kernel has at most 64 members"
    NOT_FASTER = "the cost model expects no gain"
    ORDER_IS_FIXED = "kernels in place rely on the order in which they were marked"
    OPAQUE = "an opaque call runs alone"
    MOVES_ELEMENTS = "the op moves elements and is no view"
    TARGET_CANNOT = "the backend does not do it"
    READ_LATER = "somebody reads the operand later"
    OTHER_INDEX = "the operand is read at other places than the result is written"
    NOT_DENSE = "the operand is not dense or has another size or dtype"
    CALLER_OWNS_IT = "the buffer belongs to the caller"
    OUTLIVES_THE_CALL = "the buffer outlives the call"
    RETURNED = "the value is returned"
    NOT_EXACT = "the rule would change bits here"
    TOO_LARGE = "the result would be large"
    NOT_PURE = "the value is not known before the call"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A decision not to act. `str` is the sentence."""

    reason: Reason
    nodes: tuple[Node, ...]
    sentence: str

    def __str__(self) -> str:
        return f"{self.reason.name}: {self.sentence}"
