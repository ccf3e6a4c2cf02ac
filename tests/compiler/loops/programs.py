"""The kernels of a compiled program, after each trick, and a whole call of it run by hand."""

import re

import numpy as np

from compiler.analysis.extents import bind_sizes
from compiler.backends.llvm.run.python_steps import run_python_step
from compiler.backends.llvm.steps.launches import PythonStep, Scratch
from compiler.backends.llvm.steps.loops import join_of
from compiler.ir.dims import evaluate
from compiler.ir.node import Node
from compiler.loops.lowering import lower
from compiler.loops.pipeline import PASSES
from compiler.loops.places import Pointer, Region
from compiler.loops.source import Naming
from tests.compiler.loops.interpreter import run


def bound(step):
    """The kernels of a step by key, as they are before all tricks."""
    found = {step.bound.key: step.bound.kernel}
    for item in getattr(step.draft, "partials", ()):
        found |= [join_of(item.reducer, item.memory.dtype, item.dtype)]
    return found


def stages(kernel, machine):
    """A kernel after each trick, by name."""
    yield "bound", kernel
    for trick in PASSES:
        kernel = trick.run(kernel, machine)
        yield trick.name, kernel
    yield "lowered", lower(kernel, machine)


def naming(program):
    """The user's names, as far as labels are nodes."""
    values = program.graph.names.values

    def called(label):
        return values.get(label, "%gone") if isinstance(label, Node) else re.sub(r"\W", "_", f"of {label}")

    return Naming(called, lambda label: (called(label), "memory"))


class Memory:
    """All that a call of a program reads and writes, as bytes."""

    def __init__(self, program, arguments):
        graph = program.graph
        self.places = program._executable.lowered.places
        self.sizes = bind_sizes(graph.inputs, [array.shape for array in arguments])
        self.regions = {(Region.INPUT, k): bytes_of(array) for k, array in enumerate(arguments)}
        self.regions |= {(Region.BUFFER, k): bytes_of(x.array) for k, x in enumerate(self.places.buffers)}
        for k, node in enumerate(graph.outputs):
            count = evaluate(node.type.size, self.sizes) * node.type.dtype.size
            self.regions[Region.OUTPUT, k] = np.full(count, 255, np.uint8)
        self.regions[Region.SLAB, 0] = np.full(evaluate(program.plan.peak_bytes, self.sizes), 255, np.uint8)
        self.regions[Region.STATUS, 0] = np.zeros(8, np.uint8)

    def reserve(self, scratch):
        self.regions[Region.SCRATCH, 0] = np.full(scratch.bytes, 255, np.uint8)
        for number, item in enumerate(scratch.tables):
            self.regions[Region.TABLE, number] = bytes_of(item.array)

    def at(self, pointer, dtype):
        """The elements of a region, and which of them an address is of."""
        flat, offset = self.regions[pointer.region, pointer.number], evaluate(pointer.offset, self.sizes)
        assert offset % dtype.size == 0
        return flat[: flat.size // dtype.size * dtype.size].view(dtype.numpy), offset // dtype.size

    def address(self, pointer):
        """The address of a place in a region, for native code."""
        return self.regions[pointer.region, pointer.number].ctypes.data + evaluate(pointer.offset, self.sizes)

    def results(self, program):
        """The outputs of a call, and the parameters that it updates."""
        graph = program.graph
        found = [(self.places.output(k), node.type) for k, node in enumerate(graph.outputs)]
        found += [(self.places.parameter(parameter), parameter.type) for parameter, _ in graph.updates]
        for pointer, type_ in found:
            shape = [evaluate(n, self.sizes) for n in type_.shape]
            yield self.at(pointer, type_.dtype)[0].reshape(shape)

    def value(self, node):
        """The array of a stored value."""
        located, dtype = self.places[node], node.type.dtype
        shape, strides = ([evaluate(n, self.sizes) for n in x] for x in (node.type.shape, located.strides))
        if 0 in shape:
            return np.empty(shape, dtype.numpy)
        flat, start = self.at(located.pointer, dtype)
        return np.ndarray(shape, dtype.numpy, flat, start * dtype.size, [n * dtype.size for n in strides])


def bytes_of(array):
    return np.array(array).reshape(-1).view(np.uint8)


def call(program, arguments, stage, machine):
    """The memory after a call, all of whose kernels are run by hand as they are after a trick.

    The one that refuses its data is the last.
    """
    memory, scratch = Memory(program, arguments), Scratch()
    for step in program._executable.lowered.steps:
        if not hasattr(step, "bound"):
            stored = getattr(step, "stored", step.nodes)
            run_python_step(PythonStep(step.nodes, stored, ""), memory.value, memory.sizes)
            continue
        scratch.begin()
        kernels = bound(step)
        launches = step.launches(memory.sizes, scratch)
        memory.reserve(scratch)
        for launch in launches:
            kernel = dict(stages(launch.kernel or kernels[launch.key], machine))[stage]
            numbers = [
                memory.at(given, item.dtype) if isinstance(given, Pointer) else given
                for item, given in zip(kernel.arguments, launch.numbers, strict=True)
            ]
            how = {"is_fused": machine.has_fma, "is_lowered": stage == "lowered"}
            if not run(kernel, *numbers, chunks=launch.chunks, **how):
                return memory
    return memory
