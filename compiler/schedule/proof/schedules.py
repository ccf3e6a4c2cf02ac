"""The proof of a schedule: which value every buffer holds, from kernel to kernel."""

from __future__ import annotations

from compiler.ir.node import Node
from compiler.ir.op import Input, Trait
from compiler.schedule.proof.accesses import Spot, home_spot, loops_of, overwriting_fault, spot_of_view
from compiler.schedule.proof.facts import last_exposed, need, one_node_a_parameter
from compiler.schedule.schedule import Kernel, Schedule


class ScheduleProof:
    """`inside` gives for each value the node whose buffer holds it; `content` what each buffer holds now."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.one = one_node_a_parameter(schedule.graph.nodes)
        self.spots: dict[Node, Spot] = {}
        self.inside: dict[Node, Node] = {}
        self.content: dict[Node, Node] = {}
        self.last_exposed = last_exposed(schedule)

    def run(self) -> None:
        for node in self.schedule.graph.nodes:
            if node.op.has(Trait.LEAF):
                self._store(node, self.one.get(node, node))
        for place, kernel in enumerate(self.schedule.kernels):
            self._kernel(place, kernel)
        count = sum(len(kernel.members) for kernel in self.schedule.kernels)
        leaves = sum(node.op.has(Trait.LEAF) for node in self.schedule.graph.nodes)
        need(count + leaves == len(self.schedule.graph.nodes), "every node that is no leaf is computed once")
        for node in self.schedule.graph.results:
            self._read(node, "a result of the program is written over before the end")

    def _store(self, node: Node, buffer: Node) -> None:
        self.spots[node] = home_spot(node)
        self.inside[node] = buffer
        self.content[buffer] = self.one.get(node, node)

    def _read(self, node: Node, sentence: str) -> None:
        need(node in self.spots, "a value is computed before it is read", node)
        home = self.spots[node].home
        need(self.content[self.inside[home]] is self.one.get(home, home), sentence, node)

    def _kernel(self, place: int, kernel: Kernel) -> None:
        need(len(kernel.members) > 0, f"kernel {place} has members")
        known = set(kernel.members)
        need(len(known) == len(kernel.members), "a kernel computes a node once", kernel.members[0])
        for operand in kernel.operands:
            self._read(operand, f"kernel {place} reads a value after another was written over it")
        for node in kernel.members:
            need(not node.op.has(Trait.LEAF) and node not in self.spots, "a node is computed once", node)
            need(not known & set(node.operands), "a member comes after those that it reads", node)
            known.discard(node)
        if len(kernel.members) > 1:
            loops_of(kernel)
        self._marks(place, kernel)
        for node in kernel.members:
            if node not in self.spots:
                self._compute(node)

    def _compute(self, node: Node) -> None:
        seen = spot_of_view(node, self.spots[node.operands[0]]) if node.op.has(Trait.VIEW) else None
        if seen is None:
            self._store(node, node)
        else:
            self.spots[node] = seen

    def _marks(self, place: int, kernel: Kernel) -> None:
        outside = set(kernel.operands)
        taken: set[Node] = set()
        for result, operand in kernel.in_place.items():
            need(result in kernel.members, "a mark names a member of its kernel", result)
            need(operand in outside, "a mark names an operand of its kernel", result, operand)
            stored = result in self.schedule.escaping
            need(stored, "a mark names a value that leaves its kernel", result)
            home = self.spots[operand].home
            buffer = self.inside[home]
            need(buffer not in taken, "two results are written over one buffer", result, operand)
            taken.add(buffer)
            self._may_give_up(place, buffer, result)
        for result, operand in kernel.in_place.items():
            self._fits(kernel, result, operand)
        for result, operand in kernel.in_place.items():
            self._store(result, self.inside[self.spots[operand].home])

    def _may_give_up(self, place: int, buffer: Node, result: Node) -> None:
        if not buffer.op.has(Trait.LEAF):
            return
        is_given = isinstance(buffer.op, Input) and buffer in self.schedule.donated
        need(is_given, "a result is written over memory that is not the program's", result, buffer)
        need(place > self.last_exposed, "a donated array is written before all that can fail", result, buffer)

    def _fits(self, kernel: Kernel, result: Node, operand: Node) -> None:
        home = self.spots[operand].home
        is_fit = result.type.bytes == home.type.bytes and result.type.dtype.size == home.type.dtype.size
        need(is_fit, "a result is written over a buffer of another size", result, home)
        fault = overwriting_fault(kernel, result, home, self.spots)
        need(
            fault is None, f"a result is written over memory that its kernel reads elsewhere: {fault}", result
        )
