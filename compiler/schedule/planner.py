"""From a schedule to a plan: which memory each value gets.

Returned values are computed in the outputs and updates in their parameters, where that is legal; views have
no memory; what is concatenated or padded is computed in its part of the whole; everything else that leaves
its kernel gets a slot of the slab. A result in place shares the slot of the operand that gives it up. One
that is returned and written over a donated input is returned there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from compiler.analysis.liveness import Liveness, liveness_of
from compiler.ir.dims import Extent
from compiler.ir.node import Node
from compiler.ir.op import Trait
from compiler.schedule.lifetimes import given_up, last_uses, may_be_handed, output_copies, timeline_of
from compiler.schedule.parts import parts_of
from compiler.schedule.plan import (
    Commit,
    InInput,
    InLeaf,
    InOutput,
    InParameter,
    InSlab,
    Place,
    Plan,
    View,
    parts_by_whole,
)  # fmt: skip
from compiler.schedule.schedule import Schedule
from compiler.schedule.slab import Request, lay_out
from compiler.schedule.updates import Updates, plan_updates


@dataclass(frozen=True, slots=True)
class _Slot:
    """A value in memory that may be shared: `root` is the first value there."""

    value: Node
    root: Node
    first: int
    last: int


def make_plan(schedule: Schedule) -> Plan:
    """The memory plan of a schedule. Its parts are proved by `compiler.schedule.proof.prove_plan`."""
    live = liveness_of(schedule.graph)
    returned, copies = output_copies(schedule, live)
    handed = _handed(schedule, live, returned)
    time = timeline_of(schedule, copies, live)
    updates = plan_updates(schedule, time, returned)
    uses = last_uses(time, updates.commits)
    fresh = {node: position for node, position in returned.items() if node not in handed}
    fixed = _fixed_places(schedule, live, fresh, updates)
    fixed |= parts_of(schedule, live, uses, fixed)
    shared = _shared(schedule, live, fixed)
    slots = _slots(schedule, live, fixed, shared, uses)
    places, commits, peak = _lay_out(slots, updates)
    everything = {**fixed, **places}
    for value, root in shared.items():
        if root.op.has(Trait.LEAF):
            everything[value] = InInput(root)
    ordered = {node: everything[node] for node in schedule.graph.nodes if node in everything}
    given = {returned[node]: root for node, root in handed.items()}
    return Plan(schedule, ordered, copies, commits, peak, given)


def _handed(schedule: Schedule, live: Liveness, returned: Mapping[Node, int]) -> dict[Node, Node]:
    """The outputs that are written over donated inputs of their type, which the caller gets back."""
    roots = given_up(schedule, live)
    outputs = schedule.graph.outputs
    return {
        node: root
        for node, root in roots.items()
        if node in returned and may_be_handed(outputs[returned[node]], root)
    }


def _fixed_places(
    schedule: Schedule, live: Liveness, returned: Mapping[Node, int], updates: Updates
) -> dict[Node, Place]:
    """The places that need no memory of the slab."""
    found: dict[Node, Place] = {}
    for node in schedule.graph.nodes:
        region = live.regions[node]
        if node.op.has(Trait.LEAF):
            found[node] = InLeaf()
        elif live.is_view(node):
            found[node] = View(region.base, region.offset, region.strides)
        elif node in returned:
            found[node] = InOutput(returned[node])
        elif node in updates.direct:
            found[node] = InParameter(updates.direct[node])
    return found


def _shared(schedule: Schedule, live: Liveness, fixed: Mapping[Node, Place]) -> dict[Node, Node]:
    """For each value that is written in place the first value in the same memory: of the slab, or an input.

    A result that goes to an output or a parameter is written there instead.
    """
    roots: dict[Node, Node] = {}
    for kernel in schedule.kernels:
        for result, operand in kernel.in_place.items():
            owner = live.owners[operand]
            root = roots.get(owner, owner)
            is_given = root in schedule.donated if root.op.has(Trait.LEAF) else root not in fixed
            if is_given and result not in fixed and result.type.bytes == owner.type.bytes:
                roots[result] = root
    return roots


def _slots(
    schedule: Schedule,
    live: Liveness,
    fixed: Mapping[Node, Place],
    shared: Mapping[Node, Node],
    uses: Mapping[Node, int],
) -> list[_Slot]:
    """The values that need memory of the slab, in the order in which they are written, with their parts."""
    parts = parts_by_whole(fixed)
    found: list[_Slot] = []
    for place, kernel in enumerate(schedule.kernels):
        for node in schedule.outputs(kernel):
            root = shared.get(node, node)
            if node not in fixed and not root.op.has(Trait.LEAF):
                inside = parts.get(node, ())
                first = min((schedule.kernel_of[part] for part in inside), default=place)
                last = max(place, uses[live.owners[node]], *(uses[part] for part in inside))
                found.append(_Slot(node, root, first, last))
    return found


def _lay_out(
    slots: Iterable[_Slot], updates: Updates
) -> tuple[dict[Node, Place], tuple[Commit, ...], Extent]:
    slots = list(slots)
    requests: dict[Node, Request] = {}
    for slot in slots:
        begun = requests.get(slot.root)
        first, last = (slot.first, slot.last) if begun is None else (begun.first, max(begun.last, slot.last))
        requests[slot.root] = Request(first, last, slot.value.type.bytes)
    swaps = [item for item in updates.commits if item.parameter in updates.swapped]
    extra = [Request(item.after, item.after, item.value.type.bytes) for item in swaps]
    offsets, peak = lay_out([*requests.values(), *extra])
    offset_of = dict(zip(requests, offsets, strict=False))
    places: dict[Node, Place] = {
        slot.value: InSlab(offset_of[slot.root], slot.value.type.bytes, slot.first, slot.last)
        for slot in slots
    }
    through = {
        item.parameter: InSlab(offset, request.bytes, request.first, request.last)
        for item, request, offset in zip(swaps, extra, offsets[len(requests) :], strict=True)
    }
    commits = tuple(replace(item, through=through.get(item.parameter)) for item in updates.commits)
    return places, commits, peak
