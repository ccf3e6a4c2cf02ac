"""The loop nest of a kernel is a claim: what is wrong in it the proof finds from the ops' own indices."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from compiler.errors import LawError
from compiler.ir.graph import Graph
from compiler.ir.op import Trait
from compiler.schedule.nest import Nest
from compiler.schedule.planner import make_plan
from compiler.schedule.proof import prove_plan, prove_schedule
from compiler.schedule.schedule import Kernel, Schedule
from compiler.schedule.verify import verify_schedule

SOFTMAX = """
%x = input : f32[6,6]
%m[i,_] = max[j:6] %x[i,j] : f32[6,1]
%d = sub(%x, %m) : f32[6,6]
%e = exp(%d) : f32[6,6]
%s[i,_] = sum[j:6] %e[i,j] : f32[6,1]
%y = div(%e, %s) : f32[6,6]
return %y
"""
MAPS = """
%x = input : f32[6,6]
%d = tanh(%x) : f32[6,6]
%e = exp(%d) : f32[6,6]
%y = neg(%e) : f32[6,6]
return %y
"""
WINNERS = """
%x = input : f32[6,6]
%d = tanh(%x) : f32[6,6]
%e = exp(%d) : f32[6,6]
%y = argmax[i:6,j:6] %e[i,j] : i64[]
return %y
"""


def one_kernel(text: str) -> Schedule:
    graph = Graph.parse(text)
    members = tuple(node for node in graph.nodes if not node.op.has(Trait.LEAF))
    return Schedule(graph, (Kernel(members),))


def claimed(text: str, change: Callable[[Nest], Nest]) -> Schedule:
    schedule = one_kernel(text)
    (kernel,) = schedule.kernels
    assert isinstance(kernel.nest, Nest)
    vars(kernel)["nest"] = change(kernel.nest)
    return schedule


def placed(name: str, *loops: int | None) -> Callable[[Nest], Nest]:
    """A nest with one member elsewhere."""
    return lambda nest: replace(
        nest, placement={node: loops if node.name == name else old for node, old in nest.placement.items()}
    )


def renumbered(order: Sequence[int]) -> Callable[[Nest], Nest]:
    """A nest whose every member has the loops in another order."""

    def change(nest: Nest) -> Nest:
        moved = {
            node: tuple(None if k is None else order[k] for k in old) for node, old in nest.placement.items()
        }
        return replace(nest, placement=moved)

    return change


def without(name: str) -> Callable[[Nest], Nest]:
    return lambda nest: replace(
        nest, placement={node: old for node, old in nest.placement.items() if node.name != name}
    )


def with_a_stranger(nest: Nest) -> Nest:
    stranger = next(node for member in nest.placement for node in member.operands if node.op.has(Trait.LEAF))
    return replace(nest, placement={**nest.placement, stranger: (0, 1)})


EXACTLY = "exactly the members"
MEMBERS = "those of its members"
ROWS = "all loops of its kernel or exactly the rows"
PLACE = "reads another where it is made"
COLUMNS = "reduces the columns"
MUTATIONS = {
    "all loops are rows": (SOFTMAX, lambda nest: replace(nest, rows=2), COLUMNS),
    "all loops are columns": (SOFTMAX, lambda nest: replace(nest, rows=0), COLUMNS),
    "rows and columns are exchanged": (SOFTMAX, renumbered([1, 0]), COLUMNS),
    "one map is turned": (SOFTMAX, placed("e", 1, 0), PLACE),
    "a result is turned": (SOFTMAX, placed("y", 1, 0), PLACE),
    "a first reduction is turned": (SOFTMAX, placed("m", 1, 0), PLACE),
    "a second reduction is turned": (SOFTMAX, placed("s", 1, 0), PLACE),
    "a reduction has no column": (SOFTMAX, placed("s", 0, None), ROWS),
    "a map has no row": (SOFTMAX, placed("d", None, 1), ROWS),
    "a map has one loop twice": (SOFTMAX, placed("d", 0, 0), ROWS),
    "a map has too few loops": (SOFTMAX, placed("d", 0), ROWS),
    "a map has too many loops": (SOFTMAX, placed("d", 0, 1, None), ROWS),
    "a row is one element longer": (SOFTMAX, lambda nest: replace(nest, loops=(6, 7)), ROWS),
    "a row too few": (SOFTMAX, lambda nest: replace(nest, loops=(5, 6)), ROWS),
    "a loop is missing": (SOFTMAX, lambda nest: replace(nest, loops=(6,)), MEMBERS),
    "a loop that nobody has": (MAPS, lambda nest: replace(nest, loops=(6, 6, 3), rows=2), MEMBERS),
    "a loop before the first": (MAPS, placed("d", -2, -1), MEMBERS),
    "a loop behind the last": (MAPS, placed("d", 0, 2), MEMBERS),
    "fewer rows than none": (MAPS, lambda nest: replace(nest, rows=-1), MEMBERS),
    "more rows than loops": (MAPS, lambda nest: replace(nest, rows=3), MEMBERS),
    "a member is forgotten": (MAPS, without("e"), EXACTLY),
    "an operand from outside is a member": (MAPS, with_a_stranger, EXACTLY),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_wrong_claim_is_caught(name: str) -> None:
    text, change, sentence = MUTATIONS[name]
    with pytest.raises(LawError, match=sentence):
        prove_schedule(claimed(text, change))


@pytest.mark.parametrize("text", [SOFTMAX, MAPS, WINNERS])
def test_the_true_claim_is_let_through(text: str) -> None:
    schedule = claimed(text, lambda nest: nest)
    prove_schedule(schedule)
    prove_plan(make_plan(schedule))


@pytest.mark.parametrize("text", [MAPS, WINNERS])
def test_a_claim_that_only_names_the_loops_otherwise_is_let_through(text: str) -> None:
    """An argmax counts in the order of its op, whatever order the common loops have."""
    prove_schedule(claimed(text, renumbered([1, 0])))


def test_a_kernel_without_members_breaks_a_law() -> None:
    schedule = one_kernel(MAPS)
    plan = make_plan(schedule)
    empty = replace(schedule, kernels=(*schedule.kernels, Kernel(())))
    with pytest.raises(LawError, match="0 members"):
        verify_schedule(empty)
    with pytest.raises(LawError, match="kernel 1 has members"):
        prove_schedule(empty)
    with pytest.raises(LawError, match="kernel 1 has members"):
        prove_plan(replace(plan, schedule=empty))


def test_a_kernel_keeps_its_nest_when_it_is_marked() -> None:
    (kernel,) = one_kernel(MAPS).kernels
    nest = kernel.nest
    assert kernel.marked({kernel.members[-1]: kernel.operands[0]}).nest is nest
