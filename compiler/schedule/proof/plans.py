"""The proof of a plan: what every byte of the slab, and every array, holds from kernel to kernel."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence

from compiler.errors import LawError
from compiler.ir.dims import Extent
from compiler.ir.node import Node, describe
from compiler.ir.op import Parameter, Trait
from compiler.schedule.plan import (
    Commit,
    InInput,
    InLeaf,
    InOutput,
    InParameter,
    InPart,
    InSlab,
    Place,
    Plan,
    View,
)  # fmt: skip
from compiler.schedule.proof.accesses import (
    Spot,
    begins_of_operands,
    home_spot,
    number_of_part,
    overwriting_fault,
    spot_of_view,
)  # fmt: skip
from compiler.schedule.proof.facts import last_exposed, last_failure, need, one_node_a_parameter
from compiler.schedule.proof.memory import Memory, is_at_least, is_multiple
from compiler.schedule.schedule import Kernel


class PlanProof:
    """Runs a plan. A content is the node whose value was written; a parameter's own node is its old value."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.graph = plan.schedule.graph
        self.one = one_node_a_parameter(self.graph.nodes)
        self.spots: dict[Node, Spot] = {}
        self.parts: dict[Node, dict[int, Node]] = {}
        """What is written of each whole before its own kernel, by the number of its operand."""
        self.begins: dict[Node, Mapping[Extent, Sequence[int]]] = {}
        self.memory = Memory(self._extents())
        self.last_failure = last_failure(plan.schedule)
        self.last_exposed = last_exposed(plan.schedule)
        self.updated = {self.one.get(parameter, parameter) for parameter, _ in self.graph.updates}
        self.commits: dict[int, list[Commit]] = {}
        for item in plan.commits:
            self.commits.setdefault(item.after, []).append(item)

    def _extents(self) -> Iterable[Extent]:
        for slot in self.plan.slots:
            yield from (slot.offset, slot.bytes)

    def run(self) -> None:
        end = len(self.plan.schedule.kernels) - 1
        self._begin()
        for place, kernel in enumerate(self.plan.schedule.kernels):
            self._kernel(place, kernel)
            if place < end:
                self._commit(place)
                self._clear(place)
        self._copies(end)
        self._commit(end)
        self._finish(end)

    def _begin(self) -> None:
        for node, place in self.plan.places.items():
            need(isinstance(place, InLeaf) == node.op.has(Trait.LEAF), "leaves are where they are", node)
        for node in self.graph.nodes:
            if node.op.has(Trait.LEAF):
                need(node in self.plan.places, "every value that is read has a place", node)
                self.spots[node] = home_spot(node)
                self.memory.fill(self._whole(node), self.one.get(node, node))
        if self.plan.schedule.kernels:
            self._commit(-1)

    def _whole(self, node: Node) -> Hashable:
        return self.one.get(node, node)

    # Reading

    def _read(self, node: Node, place: int, reader: str) -> Node:
        """Checks that a value is where the plan says. Returns what its memory holds: it, or its whole."""
        need(node in self.spots, f"{reader} reads a value that is not there yet", node)
        home = self._content(node)
        spot = self.plan.places[home]
        if isinstance(spot, InSlab):
            held = spot.bytes == 0 or self.memory.holds(home)
            need(held, f"{reader} reads a value whose memory holds something else", node)
            need(place <= spot.last, f"{reader} reads a value after the end of its lifetime", node)
            return home
        content = self.memory.whole(self._name(home, spot))
        need(content is self.one.get(home, home), f"{reader} reads a value that was overwritten", node)
        return home

    def _content(self, node: Node) -> Node:
        """What the memory of a value holds: the value that has it, or the whole of which it is a part."""
        home = self.spots[node].home
        place = self.plan.places[home]
        return place.whole if isinstance(place, InPart) else home

    def _name(self, home: Node, place: Place) -> Hashable:
        match place:
            case InOutput():
                return place.position
            case InParameter():
                return self._whole(place.parameter)
            case InInput():
                return place.input
            case _:
                return self._whole(home)

    # Kernels

    def _kernel(self, place: int, kernel: Kernel) -> None:
        need(len(kernel.members) > 0, f"kernel {place} has members")
        first = kernel.members[0]
        if len(kernel.members) == 1 and isinstance(self.plan.places.get(first), View):
            self._view(first)
            return
        reader = f"kernel {place}"
        homes = [self._read(operand, place, reader) for operand in kernel.operands]
        read = {self.one.get(home, home) for home in homes}
        written: list[Node] = []
        for node in kernel.members:
            if node in self.plan.schedule.escaping:
                self._write(place, kernel, node, read, written)
                written.append(node)
        for node in written:
            target = self.plan.places[node]
            self.spots[node] = (
                Spot(node, 0, target.strides) if isinstance(target, InPart) else home_spot(node)
            )

    def _view(self, node: Node) -> None:
        place = self.plan.places[node]
        assert isinstance(place, View)
        need(node.op.has(Trait.VIEW), "only ops that move nothing are views", node)
        need(node.operands[0] in self.spots, "a view is taken of a value that is there", node)
        found = spot_of_view(node, self.spots[node.operands[0]])
        if found is None:
            raise LawError(f"no steps describe the elements of this view\n  {describe(node)}")
        need(found.home is place.base, "a view names the memory in which it lies", node)
        if node.type.size != 0:
            is_same = found.start == place.offset and _same_steps(node, found.steps, place.strides)
            need(is_same, "a view has the offset and the strides that its op says", node)
        self.spots[node] = found

    def _write(self, place: int, kernel: Kernel, node: Node, read: set[Node], written: list[Node]) -> None:
        need(node in self.plan.places, "every value that leaves its kernel has a place", node)
        target = self.plan.places[node]
        match target:
            case InSlab() | InOutput():
                lost = [] if self._completes(node, place) else self._write_own(target, node, place)
            case InPart():
                lost = self._write_part(target, node, place)
            case InParameter():
                need(isinstance(target.parameter.op, Parameter), "a parameter is written", target.parameter)
                lost = [self._write_owned(target.parameter, node, place > self.last_exposed)]
            case InInput():
                need(target.input in self.plan.schedule.donated, "an input was not donated", target.input)
                lost = [self._write_owned(target.input, node, place > self.last_exposed)]
            case _:
                raise LawError(f"a computed value is no leaf, and a view runs alone\n  {describe(node)}")
        for other in lost:
            need(other not in written, f"kernel {place} writes two results over each other", node)
            if isinstance(other, Node) and other in read:
                is_part = isinstance(target, InPart)
                need(not is_part, "a part is written over what its kernel reads", node, other)
                self._check_overwriting(kernel, node, other, target)

    def _write_own(self, target: InSlab | InOutput, node: Node, place: int) -> list[Hashable]:
        """Writes a value, or the first part of it, to memory of its own."""
        if isinstance(target, InOutput):
            self._check_output(target.position, node)
            return [self.memory.fill(target.position, node)]
        self._check_slot(target, node, place)
        return self._write_slab(target, node)

    def _write_part(self, target: InPart, node: Node, place: int) -> list[Hashable]:
        whole = target.whole
        own = self.plan.places.get(whole)
        if not isinstance(own, InSlab | InOutput):
            raise LawError(f"a whole has memory of its own\n  {describe(whole)}")
        need(whole not in self.spots, "a part is written before the whole", node, whole)
        if whole not in self.begins:
            self.begins[whole] = begins_of_operands(whole)
        number = number_of_part(whole, Spot(node, target.offset, target.strides), self.begins[whole])
        if number is None:
            raise LawError(f"a part lies where the whole has it\n  {describe(node)}\n  {describe(whole)}")
        parts = self.parts.setdefault(whole, {})
        need(number not in parts, "a part of a whole is written once", node, whole)
        lost = [] if parts else self._write_own(own, whole, place)
        parts[number] = node
        self._check_held(whole, place, "a part")
        return lost

    def _completes(self, node: Node, place: int) -> bool:
        """Whether the kernel of a value writes what is not there yet, which parts before it are."""
        parts = self.parts.get(node, {})
        for number, part in parts.items():
            operand = node.operands[number]
            spot = self.spots[operand]
            is_same = spot.start == 0 and _same_steps(operand, spot.steps, home_spot(node).steps)
            need(spot.home is part and is_same, "a part is what its whole has of it", part, node)
        if parts:
            self._check_held(node, place, "a whole")
        return len(parts) > 0

    def _check_held(self, whole: Node, place: int, writer: str) -> None:
        """The parts that were written must be there still."""
        own = self.plan.places[whole]
        if isinstance(own, InSlab):
            held = own.bytes == 0 or self.memory.holds(whole)
            need(held and place <= own.last, f"{writer} is written where others have been since", whole)
        else:
            content = self.memory.whole(self._name(whole, own))
            need(content is whole, f"{writer} is written where others have been since", whole)

    def _write_slab(self, slot: InSlab, content: Hashable) -> list[Hashable]:
        return [] if slot.bytes == 0 else self.memory.write(slot.offset, slot.offset + slot.bytes, content)

    def _write_owned(self, leaf: Node, value: Node, is_safe: bool) -> Hashable:
        """Writes a parameter, or an input that was donated."""
        need(is_safe, "a parameter or donated array is written before all that can fail", leaf, value)
        if isinstance(leaf.op, Parameter):
            need(self._whole(leaf) in self.updated, "a parameter is written that is not updated", leaf, value)
            need(leaf.type == value.type, "a parameter is written with a value of another type", leaf, value)
        is_same = leaf.type.bytes == value.type.bytes
        need(is_same, "an array is written with a value of another size", leaf, value)
        return self.memory.fill(self._whole(leaf), value)

    def _check_overwriting(self, kernel: Kernel, node: Node, other: Node, target: Place) -> None:
        old = self.plan.places[other]
        if isinstance(target, InSlab) and isinstance(old, InSlab):
            is_same = target.offset == old.offset and target.bytes == old.bytes
            need(is_same, "a result is written over part of what its kernel reads", node, other)
        is_fit = node.type.bytes == other.type.bytes and node.type.dtype.size == other.type.dtype.size
        need(is_fit, "a result is written over a value of another size that its kernel reads", node, other)
        spots = self._merged(kernel, other)
        fault = overwriting_fault(kernel, node, other, spots)
        need(fault is None, f"a result is written over memory that its kernel reads elsewhere: {fault}", node)

    def _merged(self, kernel: Kernel, other: Node) -> Mapping[Node, Spot]:
        """The spots of what a kernel reads, those of one parameter's several names under one."""
        for operand in kernel.operands:
            is_part = isinstance(self.plan.places[self.spots[operand].home], InPart)
            need(not is_part or self._content(operand) is not other, "a part is written over", operand)
        one = self.one.get(other, other)
        found: dict[Node, Spot] = {}
        for operand in kernel.operands:
            spot = self.spots[operand]
            is_same = self.one.get(spot.home, spot.home) is one
            found[operand] = Spot(other, spot.start, spot.steps) if is_same else spot
        return found

    # Slots and outputs

    def _check_slot(self, slot: InSlab, node: Node, place: int) -> None:
        end = slot.offset + slot.bytes
        need(slot.bytes == node.type.bytes, "a slot has the bytes of its value", node)
        need(slot.first == place <= slot.last, "a slot lives from the kernel that writes it", node)
        need(is_at_least(slot.offset, 0), "a slot begins in the slab", node)
        need(is_at_least(self.plan.peak_bytes, end), "a slot ends in the slab", node)
        need(is_multiple(slot.offset, node.type.dtype.size), "a slot is aligned to its elements", node)

    def _check_output(self, position: int, node: Node) -> None:
        outputs = self.graph.outputs
        need(0 <= position < len(outputs), "a value in an output has the output's dtype and size", node)
        kind = outputs[position].type
        is_fit = kind.dtype is node.type.dtype and kind.bytes == node.type.bytes
        need(is_fit, "a value in an output has the output's dtype and size", node)

    # Commits, copies, the end

    def _commit(self, place: int) -> None:
        group = self.commits.pop(place, [])
        reader = f"a commit after kernel {place}"
        for item in group:
            if item.through is not None:
                self._read(item.value, place, reader)
                self._check_slot(item.through, item.value, place)
                self._write_slab(item.through, item)
        for item in group:
            if item.through is None:
                home = self._read(item.value, place, reader)
                name = self._name(home, self.plan.places[home])
                is_apart = isinstance(self.plan.places[home], InSlab) or name is not self._whole(
                    item.parameter
                )
                need(is_apart, "a commit copies a parameter over itself", item.parameter, item.value)
            else:
                held = item.through.bytes == 0 or self.memory.holds(item)
                need(held, "a swapped value was overwritten before its commit", item.value)
            need(isinstance(item.parameter.op, Parameter), "a commit writes a parameter", item.parameter)
            self._write_owned(item.parameter, item.value, place >= self.last_failure)

    def _clear(self, place: int) -> None:
        """A plan says which slots hold nothing any more; whoever fills them must harm nobody."""
        for slot in self.plan.dying.get(place, ()):
            if slot.bytes != 0:
                self.memory.clear(slot.offset, slot.offset + slot.bytes)

    def _copies(self, end: int) -> None:
        for item in self.plan.copies:
            self._read(item.value, end, f"the copy to output {item.position}")
            self._check_output(item.position, item.value)
            self.memory.fill(item.position, item.value)

    def _finish(self, end: int) -> None:
        need(not self.commits, f"a commit waits for one of the kernels -1 .. {end}")
        for position, node in enumerate(self.graph.outputs):
            given = self.plan.handed.get(position)
            if given is not None:
                is_given = given in self.plan.schedule.donated and given.type == node.type
                need(is_given, f"output {position} is the array of an input that was donated", node, given)
            found = self.memory.whole(position if given is None else given)
            is_there = found is node or self._is_all_of(node, found)
            need(is_there, f"output {position} does not hold its value at the end", node)
        for parameter, value in self.graph.updates:
            found = self.memory.whole(self._whole(parameter))
            is_kept = found is self._whole(parameter) and self._is_unchanged(parameter, value)
            need(
                found is value or is_kept,
                "a parameter does not hold its new value at the end",
                parameter,
                value,
            )

    def _is_all_of(self, node: Node, content: Hashable) -> bool:
        """Whether a value is a view of a content that has all its elements in their order."""
        spot = self.spots[node]
        if spot.home is not content or node.type.bytes != spot.home.type.bytes:
            return False
        is_dense = spot.start == 0 and _same_steps(node, spot.steps, home_spot(node).steps)
        return is_dense or node.type.size == 0

    def _is_unchanged(self, parameter: Node, value: Node) -> bool:
        """Whether an update gives a parameter the value that it has."""
        spot = self.spots[value]
        if value.type.size == 0:
            return True
        is_whole = self._whole(spot.home) is self._whole(parameter) and spot.start == 0
        return is_whole and _same_steps(value, spot.steps, home_spot(value).steps)


def _same_steps(node: Node, left: Sequence[Extent], right: Sequence[Extent]) -> bool:
    """Whether two ways to walk a value agree; along an axis of one element nobody walks."""
    rows = zip(node.type.shape, left, right, strict=True)
    return all(extent == 1 or one == other for extent, one, other in rows)
