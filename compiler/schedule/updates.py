"""When parameters are written: straight by the kernel that computes the value, or by an early copy.

A parameter is written after the last reader of its old value, by any name, and after everything that can
fail, so that a call that raises has changed nothing. All right-hand sides are old values: `{a: b, b: a}`
swaps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from compiler.ir.dims import evaluate
from compiler.ir.node import Node
from compiler.schedule.lifetimes import Timeline
from compiler.schedule.overwriting import access_refusal
from compiler.schedule.plan import Commit
from compiler.schedule.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Updates:
    """Values that kernels write into the parameters themselves, and copies in their order.

    The commits of `swapped` parameters go through memory of the slab.
    """

    direct: Mapping[Node, Node]
    commits: Sequence[Commit]
    swapped: frozenset[Node]


@dataclass(slots=True)
class _Decisions:
    """What is known so far.

    `values` gives each parameter's new value; `read_until` is for each parameter the last kernel after which
    a commit reads its old value.
    """

    schedule: Schedule
    time: Timeline
    returned: Mapping[Node, int]
    values: dict[Node, Node]
    read_until: dict[Node, int] = field(default_factory=dict[Node, int])
    direct: dict[Node, Node] = field(default_factory=dict[Node, Node])
    commits: list[Commit] = field(default_factory=list[Commit])
    swapped: set[Node] = field(default_factory=set[Node])


def plan_updates(schedule: Schedule, time: Timeline, returned: Mapping[Node, int]) -> Updates:
    """Where each update is written, and when. `returned` are the values that are written into outputs."""
    values = _by_owner(schedule, time)
    state = _Decisions(schedule, time, returned, values)
    waiting = _commits_that_read(state)
    ready = [owner for owner in values if waiting[owner] == 0]
    for owner in ready:  # grows while it is walked
        _write(state, owner)
        source = _source(state, owner)
        if source is not None:
            waiting[source] -= 1
            if waiting[source] == 0:
                ready.append(source)
    for cycle in _cycles(state, waiting):
        _swap(state, cycle)
    return Updates(state.direct, sorted(state.commits, key=lambda item: item.after), frozenset(state.swapped))


def _by_owner(schedule: Schedule, time: Timeline) -> dict[Node, Node]:
    """The new value of each parameter's buffer; one that keeps its value is left out."""
    live = time.live
    found: dict[Node, Node] = {}
    for parameter, value in schedule.graph.updates:
        owner = live.owners[parameter]
        if live.owners[value] is not owner or not live.regions[value].covers(value):
            found[owner] = value
    return found


def _source(state: _Decisions, owner: Node) -> Node | None:
    """The updated parameter whose old value is the new value of another, as it is or in a view."""
    source = state.time.live.owners[state.values[owner]]
    return source if source in state.values else None


def _commits_that_read(state: _Decisions) -> dict[Node, int]:
    counts = dict.fromkeys(state.values, 0)
    for owner in state.values:
        source = _source(state, owner)
        if source is not None:
            counts[source] += 1
    return counts


def _write(state: _Decisions, owner: Node) -> None:
    value = state.values[owner]
    if _can_be_direct(state, owner, value):
        state.direct[value] = owner
        return
    _commit(state, owner, _earliest(state, owner))


def _earliest(state: _Decisions, owner: Node) -> int:
    """The first kernel after which a parameter may be written, and its new value is known."""
    time, value = state.time, state.values[owner]
    made = max(time.kernel_of.get(time.live.regions[value].base, -1), time.kernel_of.get(value, -1))
    return max(time.last_read[owner], time.last_failure, state.read_until.get(owner, -1), made)


def _commit(state: _Decisions, owner: Node, after: int) -> None:
    state.commits.append(Commit(owner, state.values[owner], after))
    source = _source(state, owner)
    if source is not None:
        state.read_until[source] = max(state.read_until.get(source, -1), after)


def _can_be_direct(state: _Decisions, owner: Node, value: Node) -> bool:
    """Whether the kernel that computes a value may write it into the parameter's buffer."""
    time = state.time
    is_taken = value in state.returned or value in state.direct
    if value not in time.kernel_of or time.live.is_view(value) or is_taken or owner in time.copied:
        return False
    place = time.kernel_of[value]
    if place <= max(time.last_exposed, state.read_until.get(owner, -1)) or place < time.last_read[owner]:
        return False
    kernel = state.schedule.kernels[place]
    return place > time.last_read[owner] or access_refusal(kernel, value, owner, time.live) is None


def _cycles(state: _Decisions, waiting: Mapping[Node, int]) -> list[list[Node]]:
    """Parameters that take each other's old values, each the one behind it, the last the first."""
    seen: set[Node] = set()
    found: list[list[Node]] = []
    for start in state.values:
        cycle: list[Node] = []
        owner: Node | None = start
        while owner is not None and waiting[owner] > 0 and owner not in seen:
            seen.add(owner)
            cycle.append(owner)
            owner = _source(state, owner)
        if cycle:
            found.append(cycle)
    return found


def _swap(state: _Decisions, cycle: list[Node]) -> None:
    """Commits of a cycle after one kernel. The smallest value goes through the slab, and is written last."""
    smallest = min(cycle, key=lambda owner: evaluate(owner.type.bytes, {}))
    place = cycle.index(smallest) + 1
    after = max(_earliest(state, owner) for owner in cycle)
    for owner in cycle[place:] + cycle[:place]:
        _commit(state, owner, after)
    state.swapped.add(smallest)
