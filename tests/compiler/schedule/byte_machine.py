"""Runs a plan in the most literal way: values are bytes of one slab, views are strides, dead slots are NaN.

Kernels are computed by the oracle from what their operands' bytes are when they begin, so whatever differs
from the oracle is a fault of the plan: a value in the wrong place, gone too early, or committed too early.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from compiler.backends.reference import compute
from compiler.ir.dims import Extent, Shape, evaluate
from compiler.ir.node import Node
from compiler.ir.op import Constant, Parameter
from compiler.schedule.plan import InInput, InLeaf, InOutput, InParameter, InPart, InSlab, Plan, View
from compiler.schedule.schedule import Kernel

Array = np.ndarray[Any, Any]


class ByteMachine:
    """One call. After `run`, `outputs` and `parameters` hold the results."""

    def __init__(self, plan: Plan, arguments: Sequence[Array], sizes: Mapping[str, int]) -> None:
        self.plan, self.sizes = plan, sizes
        graph = plan.schedule.graph
        self.slab = np.full(evaluate(plan.peak_bytes, sizes), 255, np.uint8)
        self.outputs = [
            np.full(self.shape(node), 0xAB).astype(node.type.dtype.numpy) for node in graph.outputs
        ]
        self.inputs = {node: np.array(array) for node, array in zip(graph.inputs, arguments, strict=True)}
        self.parameters = {
            node.op.buffer: node.op.buffer.array.copy()
            for node in graph.nodes
            if isinstance(node.op, Parameter)
        }

    def run(self) -> None:
        kernels = self.plan.schedule.kernels
        if kernels:
            self.commit(-1)
        for place, kernel in enumerate(kernels):
            self.kernel(kernel)
            if place + 1 < len(kernels):
                self.commit(place)
                self.fill_the_dead(place)
        for item in self.plan.copies:
            self.outputs[item.position][...] = self.value(item.value)
        for position, node in self.plan.handed.items():
            self.outputs[position][...] = self.inputs[node]
        self.commit(len(kernels) - 1)

    def shape(self, node: Node) -> tuple[int, ...]:
        return tuple(evaluate(extent, self.sizes) for extent in node.type.shape)

    def value(self, node: Node) -> Array:
        """The bytes of a value as an array."""
        place = self.plan.places[node]
        if isinstance(place, InPart):
            return self.inside(node, place.whole, place.offset, place.strides)
        if isinstance(place, View):
            base = self.plan.places[place.base]
            is_part = isinstance(base, InPart)
            home, start = (base.whole, base.offset + place.offset) if is_part else (place.base, place.offset)
            return self.inside(node, home, start, place.strides)
        return self.memory(node).view(node.type.dtype.numpy).reshape(self.shape(node))

    def inside(self, node: Node, home: Node, start: Extent, strides: Shape) -> Array:
        """Elements of another value's memory, which can be written there."""
        base = self.memory(home).view(node.type.dtype.numpy)
        size = node.type.dtype.size
        if 0 in self.shape(node):
            return np.empty(self.shape(node), base.dtype)
        steps = [evaluate(stride, self.sizes) * size for stride in strides]
        return np.ndarray(self.shape(node), base.dtype, base, evaluate(start, self.sizes) * size, steps)

    def memory(self, node: Node) -> Array:
        """The bytes that a value which is no view lies in."""
        place = self.plan.places[node]
        match place:
            case InSlab():
                return self.slot(place)
            case InOutput():
                return self.outputs[place.position].reshape(-1).view(np.uint8)
            case InParameter():
                return self.leaf(place.parameter)
            case InInput():
                return self.leaf(place.input)
            case InLeaf():
                return self.leaf(node)
            case _:
                raise AssertionError(f"{node} has no memory")

    def leaf(self, node: Node) -> Array:
        op = node.op
        if isinstance(op, Parameter):
            array = self.parameters[op.buffer]
        else:
            array = op.buffer.array if isinstance(op, Constant) else self.inputs[node]
        return array.reshape(-1).view(np.uint8)

    def slot(self, place: InSlab) -> Array:
        start = evaluate(place.offset, self.sizes)
        return self.slab[start : start + evaluate(place.bytes, self.sizes)]

    def kernel(self, kernel: Kernel) -> None:
        if isinstance(self.plan.places.get(kernel.members[0]), View):
            return
        values = {node: self.value(node).copy() for node in kernel.operands}
        for node in kernel.members:
            values[node] = compute(node, [values[operand] for operand in node.operands], self.sizes)
        for node in self.plan.schedule.outputs(kernel):
            self.write(node, values[node])

    def write(self, node: Node, array: Array) -> None:
        """A value: one that is a part in its whole, and of a whole with parts what these are not."""
        if isinstance(self.plan.places[node], InPart):
            self.value(node)[...] = array
            return
        parts = [(part, place) for part, place in self.plan.places.items() if isinstance(place, InPart)]
        kept = [(part, self.value(part).copy()) for part, place in parts if place.whole is node]
        self.memory(node)[...] = bytes_of(array)
        for part, before in kept:
            self.value(part)[...] = before

    def commit(self, place: int) -> None:
        group = [item for item in self.plan.commits if item.after == place]
        for item in group:
            if item.through is not None:
                self.slot(item.through)[...] = bytes_of(self.value(item.value))
        for item in group:
            is_aside = item.through is not None
            self.leaf(item.parameter)[...] = (
                self.slot(item.through) if is_aside else bytes_of(self.value(item.value))
            )

    def fill_the_dead(self, place: int) -> None:
        for slot in self.plan.dying.get(place, ()):
            self.slot(slot)[...] = 255


def bytes_of(array: Array) -> Array:
    """The elements of an array in row-major order, as bytes."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def run_plan(plan: Plan, arguments: Sequence[Array], sizes: Mapping[str, int]) -> list[Array]:
    """The outputs and the updated parameters after a call, in the order of the graph's results."""
    machine = ByteMachine(plan, arguments, sizes)
    with np.errstate(all="ignore"):
        machine.run()
    updated = [machine.leaf(node).view(node.type.dtype.numpy) for node, _ in plan.schedule.graph.updates]
    shapes = [machine.shape(node) for node, _ in plan.schedule.graph.updates]
    return [*machine.outputs, *(array.reshape(shape) for array, shape in zip(updated, shapes, strict=True))]
