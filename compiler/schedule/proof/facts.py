"""Facts of graphs that both proofs need."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.errors import LawError
from compiler.ir.dims import Extent, product
from compiler.ir.node import Node, describe
from compiler.ir.op import Gather, Op, Parameter, Scatter, ScatterAdd, Trait
from compiler.schedule.schedule import Schedule


def need(holds: bool, sentence: str, *nodes: Node) -> None:
    """Raises LawError with a sentence, and the nodes concerned, where it does not hold."""
    if not holds:
        raise LawError(sentence + "".join(f"\n  {describe(node)}" for node in nodes))


def one_node_a_parameter(nodes: Sequence[Node]) -> dict[Node, Node]:
    """For each node of a parameter the first with its buffer: two names of one memory."""
    first: dict[Op, Node] = {}
    return {node: first.setdefault(node.op, node) for node in nodes if isinstance(node.op, Parameter)}


def last_failure(schedule: Schedule) -> int:
    """The last kernel that can raise: an opaque call, or an index that no kernel before it has checked."""
    seen: set[tuple[Node, Extent]] = set()
    last = -1
    for place, kernel in enumerate(schedule.kernels):
        for node in kernel.members:
            if node.op.has(Trait.OPAQUE) or _is_new_check(node, seen):
                last = place
    return last


def last_exposed(schedule: Schedule) -> int:
    """The last kernel that writes before something can raise: it checks its own indices before it writes."""
    last = last_failure(schedule)
    is_opaque = last >= 0 and any(node.op.has(Trait.OPAQUE) for node in schedule.kernels[last].members)
    return last if is_opaque or last < 0 else last - 1


def _is_new_check(node: Node, seen: set[tuple[Node, Extent]]) -> bool:
    if isinstance(node.op, Gather):
        index, extent = node.operands[1], node.operands[0].type.shape[node.op.axis]
    elif isinstance(node.op, Scatter):
        last = node.op.axis + node.op.spans
        index, extent = node.operands[1], product(node.type.shape[node.op.axis : last])
    elif isinstance(node.op, ScatterAdd):
        index, extent = node.operands[0], node.op.extent
    else:
        return False
    seen_before = (index, extent) in seen
    seen.add((index, extent))
    while index.op.has(Trait.VIEW) and not seen_before:
        index = index.operands[0]  # a view has no other elements
        seen_before = (index, extent) in seen
    return not seen_before
