"""The in-place rule: when may a kernel write a result over memory that it may itself read?

    memory       the result fills it, and it is the program's, or given up by the caller
    afterwards   nobody needs what it held: no later kernel, no output, no parameter, no call that fails
    accesses     every access to it in the kernel, by any name and through any view, reads the element at
                 which the same iteration writes; none is made by a member behind the result, or in a later
                 pass over the row; and the result does not add up what is read there

That is enough for whoever runs kernels as `compiler.backends.contract` promises. Accesses are compared as
addresses: for each common loop the distance in elements between neighbouring iterations.

Whoever marks results asks all of it (`refusal_of`); who plans updates, whose memory and times are their own,
asks for the accesses (`access_refusal`). `compiler.schedule.proof` decides again, by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, TypeAlias

from compiler.analysis.liveness import Liveness
from compiler.ir.dims import Shape
from compiler.ir.node import Node
from compiler.ir.op import Gather, Input, Reducer, Trait
from compiler.rewrite.refusal import Reason, Refusal
from compiler.schedule.addresses import MemoryAccess, sources_of, write_of
from compiler.schedule.frame import called, map_reduce
from compiler.schedule.lifetimes import Timeline
from compiler.schedule.nest import Nest
from compiler.schedule.schedule import Kernel, Schedule


@dataclass(frozen=True, slots=True)
class Overwrite:
    """The question whether the kernel at `place` may write `result` over the memory of an operand.

    `taken` are the owners of memory that other results of the kernel are written over.
    """

    schedule: Schedule
    time: Timeline
    place: int
    result: Node
    operand: Node
    taken: Collection[Node] = ()

    @property
    def kernel(self) -> Kernel:
        return self.schedule.kernels[self.place]

    @property
    def owner(self) -> Node:
        """Whose memory the operand lies in."""
        return self.time.live.owners[self.operand]


def refusal_of(asked: Overwrite) -> Refusal | None:
    """Why a result must not be written there; None if it may be."""
    return furthest_refusal(asked)[1]


def furthest_refusal(asked: Overwrite) -> tuple[int, Refusal | None]:
    """The same, and how many checks were passed before: of several operands the best has passed most."""
    for passed, check in enumerate(CHECKS):
        refusal = check(asked)
        if refusal is not None:
            return passed, refusal
    return len(CHECKS), None


def _fits(asked: Overwrite) -> Refusal | None:
    result, operand, owner = asked.result, asked.operand, asked.owner
    if owner.type.bytes != result.type.bytes or owner.type.dtype.size != result.type.dtype.size:
        sizes = f"{called(owner)} is {owner.type} and {called(result)} {result.type}"
        return Refusal(Reason.NOT_DENSE, (result, operand), f"{sizes}: another number of bytes")
    return None


def _is_ours(asked: Overwrite) -> Refusal | None:
    owner, nodes = asked.owner, (asked.result, asked.operand)
    if not owner.op.has(Trait.LEAF):
        return None
    if not isinstance(owner.op, Input):
        return Refusal(Reason.OUTLIVES_THE_CALL, nodes, f"{called(owner)} is read by the next call too")
    if owner not in asked.schedule.donated:
        sentence = f"{called(owner)} belongs to the caller, who has not donated it"
        return Refusal(Reason.CALLER_OWNS_IT, nodes, sentence)
    if asked.time.last_exposed >= asked.place:
        sentence = f"the call may still fail, and then {called(owner)} must be unharmed"
        return Refusal(Reason.MAY_FAIL, nodes, sentence)
    return None


def _is_kept(asked: Overwrite) -> Refusal | None:
    owner, nodes = asked.owner, (asked.result, asked.operand)
    if owner in asked.time.returned:
        return Refusal(Reason.RETURNED, nodes, f"{called(asked.operand)} is returned")
    if owner in asked.time.committed:
        return Refusal(Reason.OUTLIVES_THE_CALL, nodes, f"{called(asked.operand)} updates a parameter")
    return None


def _is_read_later(asked: Overwrite) -> Refusal | None:
    last = asked.time.last_read[asked.owner]
    if last <= asked.place:
        return None
    sentence = f"kernel {last} reads {called(asked.operand)}"
    return Refusal(Reason.READ_LATER, (asked.result, asked.operand), sentence)


def _is_taken(asked: Overwrite) -> Refusal | None:
    if asked.owner not in asked.taken:
        return None
    sentence = f"another result of the kernel is written over {called(asked.operand)}"
    return Refusal(Reason.TAKEN, (asked.result, asked.operand), sentence)


def _is_read_elsewhere(asked: Overwrite) -> Refusal | None:
    live, operand = asked.time.live, asked.operand
    refusal = access_refusal(asked.kernel, asked.result, asked.owner, live)
    is_index = refusal is not None and refusal.reason is Reason.OTHER_INDEX
    if is_index and not live.regions[operand].covers(operand):
        return Refusal(Reason.NOT_DENSE, (asked.result, operand), f"{called(operand)} is not dense")
    return refusal


def access_refusal(kernel: Kernel, result: Node, owner: Node, live: Liveness) -> Refusal | None:
    """Why a kernel's own accesses forbid to write a result over an owner's memory; None if they allow it."""
    readers = [node for node in kernel.members if any(live.owners[item] is owner for item in node.operands)]
    if not readers or result.type.size == 0:
        return None
    nest, nodes = kernel.nest, (result, owner)
    picking = next((node for node in readers if isinstance(node.op, Gather)), None)
    if picking is not None:
        sentence = f"{called(picking)} picks elements of {called(owner)}, or by them"
        return Refusal(Reason.OTHER_INDEX, nodes, sentence)
    if result.op.has(Trait.PREFIX):  # each element is read where it is written, and not again
        own = [item for item in result.operands if live.owners[item] is owner]
        if all(item.type == result.type and live.regions[item].covers(item) for item in own):
            return None
        sentence = f"{called(result)} reads the buffer of {called(owner)} elsewhere"
        return Refusal(Reason.OTHER_INDEX, nodes, sentence)
    if result.op.has(Trait.UPDATE):
        return _update_refusal(result, owner, live)
    if not isinstance(nest, Nest):
        return nest
    begins_early = result in readers and map_reduce(result).reducer is not Reducer.NONE
    if nest.is_trailing(result) or begins_early:
        sentence = f"{called(result)} is accumulated while operands are still read"
        return Refusal(Reason.ACCUMULATED, nodes, sentence)
    if not nest.is_in_last_pass(result, kernel.members):
        sentence = f"the kernel walks its rows again after {called(result)} is written"
        return Refusal(Reason.READ_LATER, nodes, sentence)
    target = write_of(result, nest, live.regions).strides
    for node in readers:
        refusal = _reads_elsewhere(node, kernel, result, owner, live, target)
        if refusal is not None:
            return refusal
    if kernel.members.index(readers[-1]) > kernel.members.index(result):
        sentence = f"{called(readers[-1])} reads {called(owner)} after {called(result)}"
        return Refusal(Reason.READ_LATER, nodes, sentence)
    return None


def _update_refusal(result: Node, owner: Node, live: Liveness) -> Refusal | None:
    """Why an update is not written over an owner's memory: it is for what it updates alone."""
    target, *others = result.operands
    reads = [item for item in others if live.owners[item] is owner]
    if reads:
        sentence = f"{called(result)} reads {called(reads[0])} while it is written"
        return Refusal(Reason.OTHER_INDEX, (result, owner), sentence)
    if target.type != result.type or not live.regions[target].covers(target):
        return Refusal(Reason.NOT_DENSE, (result, owner), f"{called(target)} is not dense")
    return None


def _reads_elsewhere(
    node: Node, kernel: Kernel, result: Node, owner: Node, live: Liveness, target: Shape
) -> Refusal | None:
    """Why a member does not read an owner's memory only where, and as often as, the result is written."""
    nest = kernel.nest
    assert isinstance(nest, Nest)
    loops = {loop for loop in nest.placement[node] if loop is not None}
    if loops != {loop for loop, stride in enumerate(target) if stride != 0}:
        sentence = f"{called(node)} reads {called(owner)} in iterations that do not write {called(result)}"
        return Refusal(Reason.OTHER_INDEX, (result, owner), sentence)
    for access in sources_of(node, kernel.members, nest, live.regions):
        if not isinstance(access, MemoryAccess) or live.owners[access.value] is not owner:
            continue
        if access.offset != 0 or access.strides != target:
            sentence = f"{called(node)} reads the buffer of {called(owner)} elsewhere"
            return Refusal(Reason.OTHER_INDEX, (result, access.value), sentence)
    return None


Check: TypeAlias = Callable[[Overwrite], Refusal | None]

CHECKS: Final[tuple[Check, ...]] = (_fits, _is_ours, _is_kept, _is_read_later, _is_taken, _is_read_elsewhere)
"""What must hold, in this order."""
