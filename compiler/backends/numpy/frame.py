"""A frame: everything that one running call needs, for one value of every symbol.

The slab, an array for each stored value, scratch for tiles, and the generated function that runs the kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from compiler.backends.numpy.source import Source
from compiler.backends.numpy_layout import view
from compiler.ir.dims import evaluate
from compiler.ir.node import Node
from compiler.ir.op import Constant, Layout, Parameter
from compiler.ir.types import DType
from compiler.schedule.plan import InLeaf, InOutput, InParameter, InSlab, Plan, View

Array: TypeAlias = np.ndarray[Any, Any]


class Storage:
    """The arrays of a plan for given sizes, and the names under which the generated code knows them.

    Values in the slab, in parameters and in constants are arrays that stay; inputs and outputs come with each call,
    and views of those are made anew in each call.
    """

    def __init__(self, plan: Plan, sizes: Mapping[str, int], source: Source) -> None:
        self.plan = plan
        self.sizes = sizes
        self.source = source
        self.slab = np.empty(evaluate(plan.peak_bytes, sizes), np.uint8)
        self.fixed: dict[Node, Array] = {}
        self.names: dict[Node, str] = {}
        self.parameters: list[str] = []
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
                start, size = evaluate(place.offset, self.sizes), self._bytes(node)
                return self.slab[start : start + size].view(node.type.dtype.numpy).reshape(self.shape(node))
            case InParameter() as place:
                return _buffer(place.parameter)
            case InLeaf():
                return _buffer(node) if isinstance(node.op, Parameter | Constant) else None
            case View():
                base = self.array(node.operands[0])
                return None if base is None else self._view(node, base)
            case InOutput():
                return None

    def _bytes(self, node: Node) -> int:
        return evaluate(node.type.bytes, self.sizes)

    def _view(self, node: Node, base: Array) -> Array:
        assert isinstance(node.op, Layout)
        return view(node.op, base, self.sizes)

    def _dynamic(self, node: Node) -> str:
        place = self.plan.places[node]
        if isinstance(place, InOutput):
            return f"out_{place.position}"
        op, name = node.op, self.source.fresh("view_")
        assert isinstance(op, Layout)
        sizes = self.sizes
        make: Callable[[Array], Array] = lambda base: view(op, base, sizes)  # noqa: E731
        self.source.write(f"{name} = {self.source.bind(make, 'make_')}({self.name(node.operands[0])})")
        return name

    def scratch(self, dtype: DType, shape: Sequence[int], place: int) -> Array:
        """Scratch array number `place` of a dtype, which grows to the largest shape asked and is shared by kernels."""
        arrays = self._scratch.setdefault(dtype, [])
        size = int(np.prod(shape, dtype=np.int64))
        while len(arrays) <= place:
            arrays.append(np.empty(0, dtype.numpy))
        if arrays[place].size < size:
            arrays[place] = np.empty(size, dtype.numpy)
        return arrays[place][:size].reshape(shape)


def _buffer(node: Node) -> Array:
    assert isinstance(node.op, Parameter | Constant)
    return node.op.buffer.array
