"""A frame: everything that one running call needs, for one value of every symbol.

The slab, an array for each stored value, scratch for tiles, and the generated function that runs the kernels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from compiler.analysis.aliasing import regions_of
from compiler.backends.numpy.source import Source
from compiler.ir.dims import Extent, Shape, evaluate
from compiler.ir.node import Node
from compiler.ir.op import Constant, Parameter
from compiler.ir.types import DType
from compiler.schedule.plan import InInput, InLeaf, InOutput, InParameter, InPart, InSlab, Plan, View

Array: TypeAlias = np.ndarray[Any, Any]


class Storage:
    """The arrays of a plan for given sizes, and the names under which the generated code knows them.

    Values in the slab, in parameters and in constants are arrays that stay; inputs and outputs come with each
    call, and views of those are made anew in each call.
    """

    def __init__(self, plan: Plan, sizes: Mapping[str, int], source: Source) -> None:
        self.plan = plan
        self.sizes = sizes
        self.source = source
        self.regions = regions_of(plan.schedule.graph, plan.strides)
        self.slab = aligned(evaluate(plan.peak_bytes, sizes))
        self.fixed: dict[Node, Array] = {}
        self.names: dict[Node, str] = {}
        self.parameters: list[str] = []
        self._aside: dict[tuple[InSlab, Node], str] = {}
        self._scratch: dict[DType, list[Array]] = {}
        for place, node in enumerate(plan.schedule.graph.inputs):
            self.names[node] = f"in_{place}"
        self.parameters += [f"in_{place}" for place in range(len(plan.schedule.graph.inputs))]
        self.parameters += [f"out_{place}" for place in range(len(plan.schedule.graph.outputs))]

    def shape(self, node: Node) -> tuple[int, ...]:
        """The extents of a value."""
        return tuple(evaluate(extent, self.sizes) for extent in node.type.shape)

    def array(self, node: Node) -> Array | None:
        """The array of a value that stays between calls; None for one that comes with a call."""
        if node not in self.fixed:
            found = self._array(node)
            if found is None:
                return None
            self.fixed[node] = found
        return self.fixed[node]

    def name(self, node: Node) -> str:
        """The name of a value in the generated code."""
        array = self.array(node)
        if array is not None:
            return self.source.bind(array, "v")
        if node not in self.names:
            self.names[node] = self._dynamic(node)
        return self.names[node]

    def comes_dense(self, node: Node) -> bool:
        """Whether a value that comes with each call is dense: an input or an output, not a view of one."""
        return isinstance(self.plan.places[node], InLeaf | InOutput)

    def _array(self, node: Node) -> Array | None:
        match self.plan.places[node]:
            case InSlab() as place:
                return self.in_slab(place, node)
            case InParameter() as place:
                return _buffer(place.parameter)
            case InLeaf():
                return _buffer(node) if isinstance(node.op, Parameter | Constant) else None
            case View() as place:
                found = self._inside(node, place)
                if found is not None:
                    found.flags.writeable = False  # its elements may overlap
                return found
            case InPart() as place:
                return self._inside(node, place)
            case InOutput() | InInput():
                return None

    def _inside(self, node: Node, place: View | InPart) -> Array | None:
        """The array of a view or a part of another value; None if that comes with a call."""
        home, offset = _home(self.plan, place)
        array = self.array(home)
        if array is None:
            return None
        shape, start, strides = self._walk(node, offset, place.strides)
        return (
            np.empty(shape, array.dtype)
            if 0 in shape
            else np.ndarray(shape, array.dtype, array, start, strides)
        )

    def _walk(
        self, node: Node, offset: Extent, strides: Shape
    ) -> tuple[tuple[int, ...], int, tuple[int, ...]]:
        """Shape, offset in bytes and strides in bytes of a view or a part."""
        width = node.type.dtype.size
        steps = tuple(width * evaluate(stride, self.sizes) for stride in strides)
        return self.shape(node), width * evaluate(offset, self.sizes), steps

    def in_slab(self, place: InSlab, node: Node) -> Array:
        """The array of a value at a place of the slab."""
        start, size = evaluate(place.offset, self.sizes), evaluate(node.type.bytes, self.sizes)
        return self.slab[start : start + size].view(node.type.dtype.numpy).reshape(self.shape(node))

    def aside(self, place: InSlab, node: Node) -> str:
        """The name of a place of the slab to which a value is moved while its own is written."""
        if (place, node) not in self._aside:
            self._aside[place, node] = self.source.bind(self.in_slab(place, node), "aside_")
        return self._aside[place, node]

    def _dynamic(self, node: Node) -> str:
        place = self.plan.places[node]
        match place:
            case InOutput():
                return self._in_output(node, place.position)
            case InInput():
                return self._over_input(node, place.input)
            case View() | InPart():
                return self._strided(node, place)
            case _:
                raise TypeError(f"{place} does not come with a call")

    def _in_output(self, node: Node, position: int) -> str:
        """The array of an output, in the shape of the value that it holds: a view of that may be returned."""
        name = f"out_{position}"
        if node.type == self.plan.schedule.graph.outputs[position].type:
            return name
        made = self.source.fresh("in_out_")
        self.source.write(f"{made} = {name}.reshape({self.shape(node)})")
        return made

    def _over_input(self, node: Node, donor: Node) -> str:
        name = self.name(donor)
        if node.type == donor.type:
            return name
        made = self.source.fresh("over_")
        dtype = self.source.bind(node.type.dtype.numpy, "dtype_")
        self.source.write(f"{made} = {name}.reshape(-1).view({dtype}).reshape({self.shape(node)})")
        return made

    def _strided(self, node: Node, place: View | InPart) -> str:
        made = self.source.fresh("view_")
        home, start = _home(self.plan, place)
        shape, offset, strides = self._walk(node, start, place.strides)
        if 0 in shape:
            return self.source.bind(np.empty(shape, node.type.dtype.numpy), "empty_")
        dtype = self.source.bind(node.type.dtype.numpy, "dtype_")
        array = self.source.bind(np.ndarray, "ndarray_")
        self.source.write(f"{made} = {array}({shape}, {dtype}, {self.name(home)}, {offset}, {strides})")
        if isinstance(place, View):
            self.source.write(f"{made}.flags.writeable = False")
        return made

    def scratch(self, dtype: DType, shape: Sequence[int], place: int) -> Array:
        """Scratch array number `place` of a dtype, as large as the largest shape asked; kernels share it."""
        arrays = self._scratch.setdefault(dtype, [])
        size = int(np.prod(shape, dtype=np.int64))
        while len(arrays) <= place:
            arrays.append(np.empty(0, dtype.numpy))
        if arrays[place].size < size:
            arrays[place] = np.empty(size, dtype.numpy)
        return arrays[place][:size].reshape(shape)


def _home(plan: Plan, place: View | InPart) -> tuple[Node, Extent]:
    """The dense value in whose memory a view or a part lies, and at which element it begins."""
    if isinstance(place, InPart):
        return place.whole, place.offset
    base = plan.places[place.base]
    return (
        (base.whole, base.offset + place.offset) if isinstance(base, InPart) else (place.base, place.offset)
    )


def aligned(size: int) -> Array:
    """Uninitialised bytes that begin at a multiple of 64."""
    room = np.empty(size + 64, np.uint8)
    start = -room.ctypes.data % 64
    return room[start : start + size]


def _buffer(node: Node) -> Array:
    assert isinstance(node.op, Parameter | Constant)
    return node.op.buffer.array
