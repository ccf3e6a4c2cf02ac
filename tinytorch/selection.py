"""What a key selects of a tensor, by NumPy's rules, in layout ops: read it, or write there.

    x[1]   x[:, ::-1]   x[..., None]   x[index]   x[i, :, j]   x[mask]

Slices and places come first, as a view. Indices of several axes broadcast, and are one flat index of those
axes as one, each checked against its own; an axis between them that is not indexed is walked by the flat
index too, so that nothing is transposed. The axes of the indices stand where the first index does if the
indices are neighbours, else in front. Beside indices a place (an int, a tensor of no axes) picks first, as in
PyTorch, and parts no neighbours: NumPy counts it as an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, cast

from compiler.errors import DTypeError, ShapeError
from compiler.ir.build import apply, broadcast, broadcast_shape
from compiler.ir.dims import Extent, Shape, product
from compiler.ir.flat_index import Walked, flat_index
from compiler.ir.node import Node, describe, make_node
from compiler.ir.op import Combine, Gather, Insert, Reshape, Scatter, Slice, Transpose
from compiler.ir.types import BOOL
from tinytorch.indexing import fitting, index_node, is_index, mask_of, picked_by
from tinytorch.slices import Row, is_place, row_of

Label: TypeAlias = tuple[str, int]
"""An axis of what is selected: `("axis", k)` of the operand, `("index", k)` of the indices."""


def take_key(node: Node, key: Any) -> Node:
    """`node[key]`. Raises ShapeError for a key without a static meaning, IndexRangeError for one outside."""
    return Selection.of(node, key).read()


@dataclass(frozen=True)
class Selection:
    """The items of a key, one for each axis of the operand besides None for new ones; indices as nodes."""

    node: Node
    items: tuple[Any, ...]

    @classmethod
    def of(cls, node: Node, key: Any) -> Selection:
        """What a key selects of a node."""
        given = cast("tuple[Any, ...]", key) if isinstance(key, tuple) else (key,)
        return cls(node, tuple(_with_indices(node, _expanded(node, given))))

    # What is selected

    @cached_property
    def by_axis(self) -> tuple[Any, ...]:
        """The item of each axis."""
        return tuple(item for item in self.items if item is not None)

    @cached_property
    def indexed(self) -> tuple[int, ...]:
        """The axes that are indexed."""
        return tuple(axis for axis, item in enumerate(self.by_axis) if isinstance(item, Node))

    @cached_property
    def span(self) -> range:
        """The axes from the first that is indexed to the last."""
        return range(self.indexed[0], self.indexed[-1] + 1) if self.indexed else range(0)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """What is selected of each axis; all of one that is indexed."""
        extents = self.node.type.shape
        return tuple(
            (0, extents[axis], 1) if isinstance(item, Node) else row_of(self.node, axis, item)
            for axis, item in enumerate(self.by_axis)
        )

    @cached_property
    def sliced_rows(self) -> tuple[Row, ...]:
        """What a view selects: all of the axes that the flat index walks."""
        extents = self.node.type.shape
        return tuple((0, extents[k], 1) if k in self.span else row for k, row in enumerate(self.rows))

    def index(self) -> Node:
        """The index along the axes of the span as one: a node, which has the line of whoever asks."""
        if len(self.span) == 1:
            return self.by_axis[self.span[0]]
        items = [
            item if isinstance(item, Node) else Walked(*self.rows[axis])
            for axis, item in enumerate(self.by_axis)
            if axis in self.span
        ]
        return flat_index(items, tuple(self.node.type.shape[axis] for axis in self.span))

    @cached_property
    def index_shape(self) -> Shape:
        """The shape of the indices, which broadcast."""
        return broadcast_shape("an index", [self.by_axis[axis] for axis in self.indexed])

    @cached_property
    def walked(self) -> tuple[int, ...]:
        """The axes between indices that are not indexed."""
        return tuple(axis for axis in self.span if axis not in self.indexed)

    # Its axes

    @cached_property
    def gathered(self) -> tuple[Label, ...]:
        """The axes of what is gathered, in order."""
        rank = self.node.type.rank
        if not self.indexed:
            return tuple(("axis", k) for k in range(rank))
        before = [("axis", k) for k in range(self.span.start)]
        picked = [("index", k) for k in range(len(self.index_shape))]
        behind = [("axis", k) for k in (*self.walked, *range(self.span.stop, rank))]
        return (*before, *picked, *behind)

    @cached_property
    def shown(self) -> tuple[Label | None, ...]:
        """The axes of the result, in order; None for a new one."""
        found: list[Label | None] = []
        places: list[int] = []
        axis = turn = start = 0
        for item in self.items:
            if isinstance(item, Node) and item.type.rank:
                start = start if places else len(found)
                places.append(turn)
            elif item is None or isinstance(item, slice):
                found.append(None if item is None else ("axis", axis))
            axis += item is not None
            turn += item is None or isinstance(item, slice) or (isinstance(item, Node) and item.type.rank > 0)
        picked = [("index", k) for k in range(len(self.index_shape))] if self.indexed else []
        is_together = bool(places) and places[-1] - places[0] == len(places) - 1
        place = start if is_together else 0
        return (*found[:place], *picked, *found[place:])

    def extent(self, label: Label) -> Extent:
        """How long an axis is."""
        kind, number = label
        return self.rows[number][1] if kind == "axis" else self.index_shape[number]

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The order of the gathered axes in the result; those of places, which it lacks, may stand last."""
        kept = [label for label in self.shown if label is not None]
        gone = [label for label in self.gathered if label not in kept]
        if [label for label in self.gathered if label in kept] == kept:
            return tuple(range(len(self.gathered)))
        return tuple(self.gathered.index(label) for label in [*kept, *gone])

    @property
    def shape(self) -> Shape:
        """The shape of the result."""
        return tuple(1 if label is None else self.extent(label) for label in self.shown)

    # Reading

    def read(self) -> Node:
        """What is selected."""
        found = self._sliced()
        if self.indexed:
            found = make_node(Gather(self.span.start), [self._merged(found), self.index()])
        if self.order != tuple(range(len(self.order))):
            found = make_node(Transpose(self.order), [found])
        return _reshaped(found, self.shape)

    def _sliced(self) -> Node:
        node, rows = self.node, self.sliced_rows
        starts, sizes, steps = (tuple(column) for column in zip(*rows, strict=True)) if rows else ((), (), ())
        if self._is_whole:
            return node
        return make_node(Slice(starts, sizes, steps), [node])

    @property
    def _is_whole(self) -> bool:
        extents = self.node.type.shape
        return all(row == (0, n, 1) for row, n in zip(self.sliced_rows, extents, strict=True))

    def _merged(self, node: Node) -> Node:
        """With the axes of the span as one."""
        shape = node.type.shape
        merged = product(shape[axis] for axis in self.span)
        return _reshaped(node, (*shape[: self.span.start], merged, *shape[self.span.stop :]))

    # Writing

    def written(self, values: Node, combine: Combine) -> Node:
        """The whole operand with what is selected combined with values, which broadcast to its shape.

        Raises ShapeError where they do not, DTypeError where the operand's dtype cannot hold them.
        """
        if self.node.type.dtype is BOOL and combine is not Combine.SET:
            raise DTypeError(f"bools are set, and have no {combine.value}: {describe(self.node)}")
        values = self._laid(self._fitting(values))
        part = self._sliced()
        if self.indexed:
            op = Scatter(self.span.start, combine, spans=len(self.span))
            values = make_node(op, [part, self.index(), values])
        elif combine.atom is not None:
            values = apply(combine.atom, part, values)
        return values if self._is_whole else self._inserted(values)

    def _fitting(self, values: Node) -> Node:
        """The values in the operand's dtype and in the shape of what is selected."""
        try:
            return broadcast(fitting(self.node, values), self.shape)
        except ShapeError:
            raise ShapeError(
                f"values do not broadcast to the {list(self.shape)} the key selects: {describe(values)}\n"
                f"  {describe(self.node)}"
            ) from None

    def _laid(self, values: Node) -> Node:
        """Values of the result's shape with the axes in the order in which they are gathered."""
        extents = [self.extent(label) for label in self.gathered]
        found = _reshaped(values, tuple(extents[k] for k in self.order))
        if self.order == tuple(range(len(self.order))):
            return found
        return make_node(Transpose(tuple(self.order.index(k) for k in range(len(self.order)))), [found])

    def _inserted(self, values: Node) -> Node:
        """The operand with values in place of the slice; those of axes that are walked down are turned."""
        rows = self.sliced_rows
        if any(step < 0 for _, _, step in rows):
            sizes = values.type.shape
            starts = tuple(n - 1 if row[2] < 0 else 0 for n, row in zip(sizes, rows, strict=True))
            steps = tuple(-1 if step < 0 else 1 for _, _, step in rows)
            values = make_node(Slice(starts, sizes, steps), [values])
        firsts = tuple(start + (size - 1) * step if step < 0 else start for start, size, step in rows)
        return make_node(Insert(firsts, tuple(abs(step) for _, _, step in rows)), [self.node, values])


def _reshaped(node: Node, shape: Shape) -> Node:
    return node if node.type.shape == shape else make_node(Reshape(shape), [node])


def _expanded(node: Node, key: Sequence[Any]) -> list[Any]:
    """One item for each axis of the operand, a mask for several, besides the None that make new ones."""
    rank = node.type.rank
    masks = [mask_of(item) if is_index(item) else None for item in key]
    taken = [0 if item is None or item is Ellipsis else 1 for item in key]
    used = sum(count if mask is None else max(1, mask.ndim) for count, mask in zip(taken, masks, strict=True))
    items = [item if mask is None else mask for item, mask in zip(key, masks, strict=True)]
    if sum(item is Ellipsis for item in key) > 1 or used > rank:
        raise ShapeError(f"too many indices for {rank} axes: {describe(node)}")
    rest = [slice(None)] * (rank - used)
    place = next((k for k, item in enumerate(key) if item is Ellipsis), None)
    return [*items, *rest] if place is None else [*items[:place], *rest, *items[place + 1 :]]


def _with_indices(node: Node, items: Sequence[Any]) -> list[Any]:
    """The items with a node for each tensor, list or array, and for each axis of a mask."""
    found: list[Any] = []
    axis = 0
    for item in items:
        mask = mask_of(item) if is_index(item) else None
        if mask is not None:
            picked = picked_by(mask, node, axis)
            found += [index_node(places, node, axis + k) for k, places in enumerate(picked)]
            axis += len(picked)
            continue
        if is_index(item):
            item = _integers(item, node, axis)
        elif item is not None and not isinstance(item, slice) and not is_place(item):
            raise ShapeError(f"{item!r} is no index of axis {axis} of {describe(node)}")
        found.append(item)
        axis += item is not None
    return found


def _integers(item: Any, node: Node, axis: int) -> Node:
    index = index_node(item, node, axis)
    if not index.type.dtype.is_integer:
        raise ShapeError(f"an index is an int32 or int64 tensor: {describe(index)}; for a mask use tt.where")
    return index
