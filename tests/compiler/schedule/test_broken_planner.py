"""Planners that are broken on purpose: each is caught on some random graph, and never wrong unseen."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.analysis import aliasing, liveness
from compiler.errors import LawError
from compiler.schedule import addresses, lifetimes, overwriting, parts, planner, slab, updates
from compiler.schedule.proof import prove_plan
from tests.compiler.schedule.byte_machine import run_plan
from tests.compiler.schedule.programs import PASSES, Busy, scheduled
from tests.properties.comparing import difference, oracle


def always(value):
    return lambda *arguments: value


def shorter(first, last, size):
    return slab.Request(first, max(first, last - 1), size)


def own_names(graph):
    """Parameters of two names as two memories."""
    found = liveness.liveness_of(graph)
    owners = {node: found.regions[node].base for node in graph.nodes}
    readers = {owner: [] for owner in owners}
    for node in graph.nodes:
        for operand in () if found.is_view(node) else node.operands:
            readers[owners[operand]].append(node)
    return replace(found, owners=owners, readers={owner: tuple(nodes) for owner, nodes in readers.items()})


def blind_to_views(graph):
    """Reads through views are forgotten."""
    found = liveness.liveness_of(graph)
    seen = {
        owner: tuple(node for node in nodes if owner in node.operands)
        for owner, nodes in found.readers.items()
    }
    return replace(found, readers=seen)


def all_at_the_start(requests):
    offsets, peak = slab.lay_out(requests)
    return [0] * len(offsets), peak


def one_line_off(requests):
    offsets, peak = slab.lay_out(requests)
    return [max(0, offset - 64) for offset in offsets], peak


def last_is_forgotten(requests):
    offsets, peak = slab.lay_out(requests)
    return offsets, peak - 8 if peak else 0


def without_commits(time, commits):
    return dict(time.last_read)


def without_copies(schedule, live):
    return lifetimes.output_copies(schedule, live)[0], ()


def copies_for_nobody(schedule, copies, live):
    return lifetimes.timeline_of(schedule, (), live)


def too_late(schedule, time, returned):
    found = updates.plan_updates(schedule, time, returned)
    return replace(found, commits=[replace(item, after=item.after + 1) for item in found.commits])


def too_early(schedule, time, returned):
    found = updates.plan_updates(schedule, time, returned)
    return replace(found, commits=[replace(item, after=max(-1, item.after - 1)) for item in found.commits])


def backward(schedule, time, returned):
    found = updates.plan_updates(schedule, time, returned)
    turned = list(reversed(found.commits))
    return replace(found, commits=sorted(turned, key=lambda item: item.after))


def straight_swaps(schedule, time, returned):
    return replace(updates.plan_updates(schedule, time, returned), swapped=frozenset())


def shared_with_the_last(schedule, live, fixed):
    found = planner_shared(schedule, live, fixed)
    nodes = [node for node in schedule.graph.nodes if node not in fixed]
    return {**found, **({nodes[-1]: nodes[0]} if len(nodes) > 1 else {})}


def same_place(member, value, position, axes, nest, regions):
    found = true_access(member, value, position, axes, nest, regions)
    return replace(found, offset=0, strides=tuple(range(len(found.strides), 0, -1)))


def parts_at_the_start(whole):
    for operand, starts in true_pieces(whole):
        yield operand, (0,) * len(starts)


def parts_of_parameters(schedule, live, uses, placed):
    return parts.parts_of(schedule, live, uses, {})


@pytest.fixture(autouse=True)
def short_runs(monkeypatch):
    """Small arrays are parts of others."""
    monkeypatch.setattr(parts, "RUN", 1)


true_pieces = parts.pieces
true_access = addresses._access
planner_shared = planner._shared

FAULTS = {
    "lifetimes one kernel short": (planner, "Request", shorter),
    "all values at offset 0": (planner, "lay_out", all_at_the_start),
    "offsets 64 bytes short": (planner, "lay_out", one_line_off),
    "a peak that is too small": (planner, "lay_out", last_is_forgotten),
    "commits do not read": (planner, "last_uses", without_commits),
    "no copies to outputs": (planner, "output_copies", without_copies),
    "every view is all of what it views": (lifetimes, "is_whole", always(True)),
    "copies do not read": (planner, "timeline_of", copies_for_nobody),
    "commits one kernel late": (planner, "plan_updates", too_late),
    "commits one kernel early": (planner, "plan_updates", too_early),
    "commits in reverse": (planner, "plan_updates", backward),
    "swaps without a third place": (planner, "plan_updates", straight_swaps),
    "values share a slot": (planner, "_shared", shared_with_the_last),
    "two names are two memories": (planner, "liveness_of", own_names),
    "reads through views are no reads": (planner, "liveness_of", blind_to_views),
    "nothing can fail": (lifetimes, "can_fail", always([])),
    "everything may be overwritten": (updates, "access_refusal", always(None)),
    "all accesses go to the same place": (addresses, "_access", same_place),
    "any member may read": (overwriting, "_reads_elsewhere", always(None)),
    "slices begin at 0": (aliasing, "_start", always(0)),
    "views are not turned": (aliasing, "_strides", lambda op, shape, strides: strides[: len(shape)]),
    "parts begin where their whole does": (parts, "pieces", parts_at_the_start),
    "parts lie densely": (parts, "_by_axis", lambda value, *_: aliasing.dense_strides(value.type.shape)),
    "a whole begins when it is complete": (planner, "parts_by_whole", always({})),
    "everything may be a part": (planner, "parts_of", parts_of_parameters),
    "every reshape is a view": (
        aliasing,
        "_reshape",
        lambda new, shape, strides: aliasing.dense_strides(new),
    ),
    "broadcasts walk on": (
        aliasing,
        "_broadcast",
        lambda op, shape, strides: aliasing.dense_strides(op.shape),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_planner_is_caught(fault, monkeypatch):
    module, name, broken = FAULTS[fault]
    monkeypatch.setattr(module, name, broken)
    caught = 0
    for seed in range(400):
        if caught == 3:
            break
        busy = Busy(seed)
        side = busy.shape[0]
        numbers = np.random.default_rng(seed)
        arguments = [numbers.normal(size=(side, side)), numbers.integers(0, side, side)]
        try:
            schedule = scheduled(busy.graph, list(PASSES)[seed % 4], busy.donated)
            plan = planner.make_plan(schedule)
        except (KeyError, ValueError):
            continue
        try:
            prove_plan(plan)
        except LawError:
            caught += 1
            continue
        assert difference(oracle(busy.graph, arguments, {}), run_plan(plan, arguments, {})) == "", seed
    assert caught > 0


def test_without_a_fault_nothing_is_caught():
    for seed in range(60):
        busy = Busy(seed)
        prove_plan(planner.make_plan(scheduled(busy.graph, list(PASSES)[seed % 4], busy.donated)))
