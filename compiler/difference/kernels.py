"""What two programs compute together: values that one has in a kernel and the other in two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from compiler.difference.changes import Change, Kind
from compiler.ir.finding import images
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.schedule.schedule import Schedule


def fusions_between(
    left: Graph, right: Graph, pairs: Mapping[Node, Node], schedules: tuple[Schedule, Schedule]
) -> Iterator[Change]:
    """A change for each value that is computed with one of its operands on one side and apart on the other.

    `left` and `right` are the graphs as written, `schedules` those of the programs made of them. What is
    computed nowhere, because a rewrite needs it no more or it is a view, is neither.
    """
    kernels = [_kernels(item) for item in schedules]
    for node in left.nodes:
        for operand in dict.fromkeys(node.operands):
            twin, other = pairs.get(node), pairs.get(operand)
            if twin is None or other is None or other not in twin.operands:
                continue
            ours = kernels[0].get(operand), kernels[0].get(node)
            theirs = kernels[1].get(other), kernels[1].get(twin)
            if None not in ours + theirs and (ours[0] == ours[1]) != (theirs[0] == theirs[1]):
                names = left.names.values[node], left.names.values[operand]
                sentence = f"{names[0]} with {names[1]}: {_said(*ours)} -> {_said(*theirs)}"
                yield Change(Kind.FUSED, node, twin, sentence)


def _kernels(schedule: Schedule) -> dict[Node, int | None]:
    """The kernel that computes what each node as written has become."""
    return {node: schedule.kernel_of.get(now) for node, now in images(schedule.graph).items()}


def _said(first: int | None, last: int | None) -> str:
    return f"both in kernel {last}" if first == last else f"in kernels {first} and {last}"
