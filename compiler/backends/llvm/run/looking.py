"""Where the values of a plan lie in a call, as arrays for what is no native code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from compiler.backends.llvm.run.binding import Binding, Seen
from compiler.backends.llvm.run.context import NativeContext
from compiler.ir.dims import evaluate
from compiler.ir.node import Node
from compiler.loops.places import Places, Region

Array: TypeAlias = np.ndarray[Any, Any]


def seen_of(places: Places, node: Node, sizes: Mapping[str, int]) -> Seen:
    """Where a value lies in calls of some sizes."""
    located, dtype = places[node], node.type.dtype
    pointer = located.pointer
    return Seen(
        pointer.region,
        pointer.number,
        evaluate(pointer.offset, sizes),
        tuple(evaluate(n, sizes) for n in node.type.shape),
        tuple(evaluate(n, sizes) * dtype.size for n in located.strides),
        dtype.numpy,
    )


@dataclass(slots=True)
class Looking:
    """One call: its binding, its frame, and the memory in which the values of the plan lie."""

    places: Places
    context: NativeContext
    binding: Binding
    frame: Any
    inputs: Sequence[Array]
    outputs: Sequence[Array]

    def look(self, node: Node) -> Array:
        """The array of a stored value."""
        seen = self.binding.seen.get(node)
        if seen is None:
            seen = self.binding.seen[node] = seen_of(self.places, node, self.binding.sizes)
        if 0 in seen.shape:
            return np.empty(seen.shape, seen.dtype)
        root = self._root(seen)
        if root.shape == seen.shape and root.strides == seen.strides and root.dtype == seen.dtype:
            return root  # what lies in an argument or a result from its beginning, mostly all of it
        whole = root.reshape(-1).view(np.uint8)
        return np.ndarray(seen.shape, seen.dtype, whole, seen.offset, seen.strides)

    def _root(self, seen: Seen) -> Array:
        """The array in which a value lies."""
        match seen.region:
            case Region.SLAB:
                return self.context.slab
            case Region.INPUT:
                return self.inputs[seen.number]
            case Region.OUTPUT:
                return self.outputs[seen.number]
            case _:
                return self.binding.arrays[seen.number]
