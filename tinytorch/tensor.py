"""Tensor: a handle on one node of the graph. Operators and methods make nodes; nothing is computed."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from typing import Any, NoReturn, Self

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.build import broadcast, cast
from compiler.ir.dims import Dim, Extent, product, shape_of
from compiler.ir.node import Node, describe, make_node
from compiler.ir.op import Concatenate, Parameter, Reshape, Role, Transpose
from compiler.ir.types import BOOL
from tinytorch.arithmetic import as_node, as_nodes, of_extents
from tinytorch.at import At
from tinytorch.axes import Axis, counted, normalised_axes, normalised_axis, resolved_shape, spread
from tinytorch.guards import raise_missing
from tinytorch.orders import Orders
from tinytorch.rows import left_of
from tinytorch.scattering import Scattering
from tinytorch.selection import take_key
from tinytorch.windowing import window


class Tensor(Orders, Scattering):
    """A symbolic array. Make one with `tt.input`, `tt.parameter`, `tt.constant`, or an operation on tensors.

    Arithmetic and comparison broadcast as in NumPy and promote as in PyTorch. `==` compares element by
    element; two handles are the same dictionary key if they are the same object.
    """

    __slots__ = ()
    _hints = "Tensor"
    """Where `tinytorch.hints` looks for names that are missing."""

    @property
    def requires_grad(self) -> bool:
        """Whether optimisers move it: true of a parameter until it is set to False; false of anything else.

        Gradients by any tensor can be asked for, whatever this is.
        """
        op = self.node.op
        return isinstance(op, Parameter) and op.buffer.role is Role.TRAINED

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        op = self.node.op
        if isinstance(op, Parameter) and op.buffer.role.is_weight:
            op.buffer.role = Role.TRAINED if value else Role.FROZEN
        elif value:
            raise ArgumentError(
                f"only a parameter that is no buffer is trained, not {describe(self.node)}\n"
                "  fix: tt.parameter(array); a gradient is tt.grad(loss, tensor), by any tensor"
            )

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Sets `requires_grad`, and returns the tensor (torch.Tensor.requires_grad_)."""
        self.requires_grad = requires_grad
        return self

    def reshape(self, *shape: Any) -> Self:
        """The elements in row-major order under another shape; one extent may be -1."""
        wanted = resolved_shape(self.node, spread(shape))
        node = self.node
        return self._wrap(node if wanted == node.type.shape else make_node(Reshape(wanted), [node]))

    def transpose(self, *axes: Any) -> Self:
        """The axes in another order; reversed if none is given, as in NumPy."""
        order = tuple(normalised_axis(k, self.ndim, self.node) for k in spread(axes)) or tuple(
            reversed(range(self.ndim))
        )
        is_same = order == tuple(range(self.ndim))
        return self._wrap(self.node if is_same else make_node(Transpose(order), [self.node]))

    @property
    def T(self) -> Self:  # noqa: N802  # NumPy's name
        """The axes in reverse order."""
        return self.transpose()

    def swapaxes(self, first: int, second: int) -> Self:
        """Two axes exchanged."""
        order = list(range(self.ndim))
        a, b = normalised_axis(first, self.ndim, self.node), normalised_axis(second, self.ndim, self.node)
        order[a], order[b] = order[b], order[a]
        return self.transpose(order)

    def squeeze(self, axis: Axis = None) -> Self:
        """Without the unit axes given, or without all of them.

        Raises ShapeError for an axis that is not 1.
        """
        found = [k for k, n in enumerate(self.shape) if n == 1]
        gone = found if axis is None else normalised_axes(axis, self.ndim, self.node)
        if any(k not in found for k in gone):
            raise ShapeError(f"only unit axes can be squeezed: axes {list(gone)} of {describe(self.node)}")
        return self.reshape([n for k, n in enumerate(self.shape) if k not in gone])

    def unsqueeze(self, axis: int) -> Self:
        """With a new unit axis before `axis`; -1 puts it last."""
        place = normalised_axis(axis, self.ndim + 1, self.node)
        return self.reshape([*self.shape[:place], 1, *self.shape[place:]])

    def flatten(self, start: int = 0, end: int = -1) -> Self:
        """The axes from `start` to `end` (inclusive, as in torch.flatten) made into one."""
        if not self.shape:
            return self.reshape([1])
        first, last = normalised_axis(start, self.ndim, self.node), normalised_axis(end, self.ndim, self.node)
        merged = product(self.shape[first : last + 1])
        return self.reshape([*self.shape[:first], merged, *self.shape[last + 1 :]])

    def broadcast_to(self, shape: Sequence[Extent | str]) -> Self:
        """Repeated to a shape as NumPy broadcasts."""
        return self._wrap(broadcast(self.node, shape_of(shape)))

    def unfold(self, axis: int, size: Extent | str, step: int) -> Self:
        """Windows of `size` elements, `step` apart, along an axis, in a new last axis (torch.Tensor.unfold).

        A view. `tt.sliding_window` has several axes and dilations, `tt.fold` adds windows back.
        """
        return self._wrap(window(self.node, normalised_axis(axis, self.ndim, self.node), size, step, 1))

    def __getitem__(self, key: Any) -> Self:
        """Ints, slices, None, Ellipsis, integer tensors, arrays, lists, and known masks, as in NumPy.

        Indices of several axes broadcast; their axes stand where the first one does if they are neighbours,
        else in front. Beside them an int, or a tensor of no axes, picks first, as in PyTorch. An index that
        is known when the graph is built (in a list, an array, a constant) counts from the end if it is
        negative, and raises IndexRangeError if it is outside; another raises IndexRangeError outside `0 ..
        extent - 1` of its own axis when the program runs. A mask of which only a call knows how many elements
        it selects raises ShapeError.
        """
        return self._wrap(take_key(self.node, key))

    def diff(self, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Self:
        """Each element less the one before it along an axis, `n` times over; of bools whether they differ.

        `prepend` and `append` come before and behind the elements; a number is one of them in each row.
        `tt.diff` compares graphs.
        """
        place, times = normalised_axis(axis, self.ndim, self.node), counted("n", n)
        if times < 0:
            raise ArgumentError(f"diff takes a number of times that is not negative, not {n!r}")
        if not times:
            return self
        pieces = [self._end(prepend, place), self.node, self._end(append, place)]
        found = [item for item in pieces if item is not None]
        x = self._wrap(make_node(Concatenate(place), found) if len(found) > 1 else self.node)
        for _ in range(times):
            later, earlier = (
                x[tuple(part if k == place else slice(None) for k in range(x.ndim))]
                for part in (slice(1, None), slice(None, -1))
            )
            x = later != earlier if x.dtype is BOOL else later - earlier
        return x

    def _end(self, given: Any, axis: int) -> Node | None:
        """What is given as the elements at an end of an axis."""
        if given is None:
            return None
        node = cast(as_nodes(given, self)[0], self.dtype)
        return node if node.type.rank else broadcast(node, left_of(self.shape, (axis,), keepdims=True))

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        raise ArgumentError(
            f"tensors never change: {describe(self.node)}\n"
            "  fix: x = x.at[key].set(value), which makes another; a program writes it in place where it can"
        )

    @property
    def at(self) -> At[Self]:
        """Updates that make another tensor: `x.at[key].set(values)`, and `add`, `multiply`, `max`, `min`."""
        return At(self)

    if not typing.TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """For names that are missing alone: raises MissingNameError, which says what to write."""
            raise_missing(type(self)._hints, name, self)

    def __iter__(self) -> Any:
        for position in range(len(self)):
            yield self[position]


def as_tensor(value: Any) -> Tensor:
    """A tensor as it is; a number, an extent (int64), a list or an array as one. Raises DTypeError."""
    return value if isinstance(value, Tensor) else Tensor(as_node(value))


def as_tensors(*values: Any) -> list[Tensor]:
    """The same of operands that meet: numbers and lists have the dtype that they take beside the others."""
    nodes = as_nodes(*values)
    return [
        value if isinstance(value, Tensor) else Tensor(node)
        for value, node in zip(values, nodes, strict=True)
    ]


def _of_extents(atom: str, left: Any, right: Any) -> Any:
    node = of_extents(atom, left, right)
    return NotImplemented if node is None else Tensor(node)


Dim.beyond = staticmethod(_of_extents)
