"""How long the memory of each value is needed: from the kernel that writes it to the last that reads it.

Reads through views are reads of their base. A copy to an output reads after the last kernel, a commit after
the kernel that it waits for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from compiler.analysis.aliasing import dense_strides
from compiler.analysis.liveness import Liveness, can_fail
from compiler.ir.node import Node
from compiler.ir.op import Trait
from compiler.schedule.plan import Commit, OutputCopy
from compiler.schedule.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Timeline:
    """When things happen in a schedule, counted in kernels. `end` is the last kernel, -1 if there is none.

    `last_read` gives for each owner of memory the last kernel that reads it, -1 if none does. What is
    `copied` to an output is read after kernel `end`. `last_failure` is the last kernel that can raise, -1 if
    none can; kernels up to `last_exposed` write before something that can raise, which a kernel's own checks
    of indices do not: they come before it writes. `returned` and `committed` are the owners of what is
    returned and of parameters' new values.
    """

    live: Liveness
    kernel_of: Mapping[Node, int]
    last_read: Mapping[Node, int]
    copied: frozenset[Node]
    returned: frozenset[Node]
    committed: frozenset[Node]
    last_failure: int
    last_exposed: int
    end: int


def timeline_of(schedule: Schedule, copies: Iterable[OutputCopy], live: Liveness) -> Timeline:
    """The timeline of a schedule that ends with some copies to outputs."""
    kernel_of = schedule.kernel_of
    end = len(schedule.kernels) - 1
    last_read = {
        owner: max((kernel_of[node] for node in readers), default=-1)
        for owner, readers in live.readers.items()
    }
    copied = frozenset(live.owners[copy.value] for copy in copies)
    last_read.update(dict.fromkeys(copied, end))
    failing = can_fail(node for kernel in schedule.kernels for node in kernel.members)
    last_failure = max((kernel_of[node] for node in failing), default=-1)
    last_exposed = max((kernel_of[node] - (not node.op.has(Trait.OPAQUE)) for node in failing), default=-1)
    returned = frozenset(live.owners[node] for node in schedule.graph.outputs)
    committed = frozenset(live.owners[value] for _, value in schedule.graph.updates)
    return Timeline(live, kernel_of, last_read, copied, returned, committed, last_failure, last_exposed, end)


def output_copies(schedule: Schedule, live: Liveness) -> tuple[dict[Node, int], tuple[OutputCopy, ...]]:
    """Which values are written straight into which output, and which outputs are copied at the end.

    Where a view that has all elements in their order is returned, what it views is written there, unless that
    is returned itself.
    """
    outputs = schedule.graph.outputs
    direct: dict[Node, int] = {}
    for is_view in (False, True):
        for position, node in enumerate(outputs):
            written = live.regions[node].base
            if not written.op.has(Trait.LEAF) and live.is_view(node) is is_view and is_whole(node, live):
                direct.setdefault(written, position)
    positions = set(direct.values())
    copied = [OutputCopy(node, place) for place, node in enumerate(outputs) if place not in positions]
    return direct, tuple(copied)


def is_whole(node: Node, live: Liveness) -> bool:
    """Whether a value has all elements of the memory in which it lies, in their order, from the first on."""
    region = live.regions[node]
    dense = dense_strides(node.type.shape)
    steps = zip(node.type.shape, region.strides, dense, strict=True)
    is_dense = all(extent == 1 or stride == wanted for extent, stride, wanted in steps)
    return is_dense and region.offset == 0 and node.type.bytes == region.base.type.bytes


def last_uses(time: Timeline, commits: Iterable[Commit]) -> dict[Node, int]:
    """For each owner of memory the last kernel after which kernels, copies or commits read it."""
    found = dict(time.last_read)
    for item in commits:
        owner = time.live.owners[item.value]
        found[owner] = max(found[owner], item.after)
    return found


def given_up(schedule: Schedule, live: Liveness) -> dict[Node, Node]:
    """For each value that is marked to be written over a donated input, or over such a value, that input."""
    found: dict[Node, Node] = {}
    for kernel in schedule.kernels:
        for result, operand in kernel.in_place.items():
            owner = live.owners[operand]
            root = found.get(owner, owner)
            if root in schedule.donated:
                found[result] = root
    return found


def may_be_handed(result: Node, root: Node) -> bool:
    """Whether the array of a donated input can be returned for an output that lies in it."""
    return result.type == root.type and result.type.rank > 0
