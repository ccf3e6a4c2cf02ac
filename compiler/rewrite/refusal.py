"""Why a pass left something alone: a code, the nodes concerned and a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from compiler.ir.node import Node


class Reason(Enum):
    """The codes of refusals: each says in general what the sentences with it say of their nodes.

    Every one has a graph in the tests that provokes it.
    """

    NOT_CONVEX = "a path leaves the group and comes back"
    OTHER_LOOPS = "the loops differ"
    OWN_NEST = "a contraction has a nest of its own"
    UNIT_LOOPS = "the loops that are reduced turn once"
    TOO_MANY_MEMBERS = "the kernel would have too many members"
    NOT_FASTER = "the cost model expects no gain"
    ORDER_IS_FIXED = "kernels in place rely on the order in which they were marked"
    SCHEDULED = "another pass has scheduled it"
    OPAQUE = "nothing is known of an opaque call, and it is only run when the program is"
    VIEW = "the memory of a view must be written first"
    IN_ORDER = "the op walks an axis in order"
    MOVES_ELEMENTS = "the op moves elements and is no view"
    TARGET_CANNOT = "the backend does not do it"
    READ_LATER = "somebody reads the operand later"
    TAKEN = "another result is written over the operand"
    OTHER_INDEX = "the operand is read at other places than the result is written"
    ACCUMULATED = "the result is added up while operands are still read"
    NO_ELEMENTS = "there are no elements to write"
    NOT_DENSE = "the operand is not dense or has another size or dtype"
    CALLER_OWNS_IT = "the buffer belongs to the caller"
    MAY_FAIL = "the call may still fail, and the buffer must then be unharmed"
    OUTLIVES_THE_CALL = "the buffer outlives the call"
    RETURNED = "the value is returned"
    NOT_EXACT = "the rule would change bits here"
    KEEPS_EXPONENT = "a stable form may need the exponent"
    NO_SAVED_FORM = "the slope does not follow from the value"
    LOSES_DIGITS = "the value has lost digits that the slope needs"
    TOO_LARGE = "the result would be large"
    NOT_KNOWN = "the value is not known before the call"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A decision not to act. `str` is the sentence."""

    reason: Reason
    nodes: tuple[Node, ...]
    sentence: str

    def __str__(self) -> str:
        return f"{self.reason.name}: {self.sentence}"


def no_panels(nodes: Iterable[Node]) -> tuple[Refusal, ...]:
    """The refusal of products, if there are any, by a backend that copies no panels of them."""
    found = tuple(nodes)
    sentence = "the backend copies no panels of a product"
    return (Refusal(Reason.TARGET_CANNOT, found, sentence),) if found else ()
