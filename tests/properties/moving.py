"""How a random graph grows by layout ops."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from compiler.ir.dims import Extent, evaluate, product
from compiler.ir.node import Node, make_node
from compiler.ir.op import (
    Broadcast,
    Combine,
    Concatenate,
    Diagonal,
    Fold,
    Gather,
    Insert,
    Layout,
    Pad,
    Reshape,
    Scatter,
    ScatterAdd,
    Slice,
    Transpose,
    Window,
)  # fmt: skip
from compiler.ir.types import BOOL
from tests.properties.maker import LARGEST, SYMBOLS, Maker, Value, largest_size


def moved(value: Value, op: Layout) -> Value:
    return replace(value, node=make_node(op, [value.node]))


def reshape(maker: Maker) -> Value | None:
    x = maker.pick()
    if x is None:
        return None
    shape = list(x.shape)
    kind = maker.choice(["flat", "unit", "bare", "split", "same"])
    if kind == "flat":
        shape = [product(shape)]
    elif kind == "unit":
        shape.insert(int(maker.random.integers(len(shape) + 1)), 1)
    elif kind == "bare":
        shape = [n for n in shape if n != 1]
    elif kind == "split":
        shape = [part for n in shape for part in ((2, 2) if n == 4 else (n,))]
    return moved(x, Reshape(tuple(shape)))


def transpose(maker: Maker) -> Value | None:
    x = maker.pick(lambda value: len(value.shape) > 0)
    if x is None:
        return None
    return moved(x, Transpose(tuple(int(axis) for axis in maker.random.permutation(len(x.shape)))))


def broadcast(maker: Maker) -> Value | None:
    x = maker.pick(lambda value: len(value.shape) <= 3)
    if x is None:
        return None
    shape: list[Extent] = []
    axes: list[int] = []
    for extent in [*x.shape, None]:
        while maker.chance(0.3):
            shape.append(maker.choice([1, 2, 3, *(n for n in x.shape)]))
        if extent is not None:
            axes.append(len(shape))
            shape.append(maker.choice([1, 2, 3]) if extent == 1 else extent)
    return moved(x, Broadcast(tuple(shape), tuple(axes)))


def diagonal(maker: Maker) -> Value | None:
    x = maker.pick(lambda value: len(set(value.shape)) < len(value.shape))
    if x is None:
        return None
    first, second = (int(axis) for axis in maker.random.choice(len(x.shape), 2, replace=False))
    return moved(x, Diagonal(first, second)) if x.shape[first] == x.shape[second] else None


def slice_of(maker: Maker) -> Value | None:
    """A slice along axes of known extents; all, or backward, along others."""
    x = maker.pick(lambda value: len(value.shape) > 0)
    if x is None:
        return None
    rows = [slice_of_axis(maker, extent) for extent in x.shape]
    starts, sizes, steps = zip(*rows, strict=True)
    return moved(x, Slice(starts, sizes, steps))


def slice_of_axis(maker: Maker, extent: Extent) -> tuple[Extent, Extent, int]:
    if not isinstance(extent, int):
        return maker.choice([(0, extent, 1), (extent - 1, extent, -1), (extent, 0, 1)])
    if extent == 0 or maker.chance(0.3):
        return (0, extent, 1)
    step = maker.choice([1, 1, 2, -1, -2])
    start = int(maker.random.integers(extent))
    room = (extent - 1 - start) // step + 1 if step > 0 else start // -step + 1
    return (start, int(maker.random.integers(room + 1)), step)


def pad(maker: Maker) -> Value | None:
    x = maker.pick(lambda value: 0 < len(value.shape) <= 2)
    if x is None:
        return None
    rank = len(x.shape)
    counts = [tuple(int(n) for n in maker.random.integers(0, 2, rank)) for _ in range(2)]
    inner = tuple(maker.choice([0, 0, 1]) if n in (1, 2, 3, 4) else 0 for n in x.shape)
    values: list[Any] = [0.0, -0.0, 1.0] if x.dtype.is_float else [0]
    return moved(x, Pad(counts[0], counts[1], inner, maker.choice(values)))


def concatenate(maker: Maker) -> Value | None:
    x = maker.pick(lambda value: len(value.shape) > 0)
    if x is None:
        return None
    axis = int(maker.random.integers(len(x.shape)))
    bare = [n for k, n in enumerate(x.shape) if k != axis]

    def fits(value: Value) -> bool:
        same = value.dtype is x.dtype and len(value.shape) == len(x.shape)
        return same and [n for k, n in enumerate(value.shape) if k != axis] == bare

    found = [maker.pick(fits) for _ in range(maker.choice([0, 1, 1, 2]))]
    others = [value for value in found if value is not None]
    values = [x, *others]
    grains = [value.grain for value in values]
    return Value(
        make_node(Concatenate(axis), [value.node for value in values]),
        max(value.bound for value in values),
        None if None in grains else max(grain for grain in grains if grain is not None),
        min(value.low for value in values),
        any(value.special for value in values),
    )


def gather(maker: Maker) -> Value | None:
    x = maker.pick(lambda value: any(isinstance(n, int) and n > 0 for n in value.shape))
    if x is None:
        return None
    axis = maker.choice([k for k, n in enumerate(x.shape) if isinstance(n, int) and n > 0])
    extent = x.shape[axis]
    is_batched = maker.chance(0.5)
    shape = (*x.shape[:axis], 2, *x.shape[axis + 1 :]) if is_batched else maker.shape(2)
    return replace(x, node=make_node(Gather(axis, is_batched), [x.node, maker.index(shape, extent).node]))


def scatter_add(maker: Maker) -> Value | None:
    x = maker.pick(lambda value: value.dtype.is_float and len(value.shape) > 0)
    if x is None:
        return None
    axis = int(maker.random.integers(len(x.shape)))
    is_batched = maker.chance(0.5)
    shape = x.shape if is_batched else x.shape[axis : axis + 1]
    index = maker.index(shape, 3)
    count = evaluate(x.shape[axis], dict.fromkeys(SYMBOLS, LARGEST))
    node = make_node(ScatterAdd(axis, 3, is_batched), [index.node, x.node])
    return Value(node, x.bound * max(1, count), x.grain, special=x.special)


def scatter(maker: Maker) -> Value | None:
    """Values of x's own dtype that meet elements of it: others of the right shape, or some of its own."""
    x = maker.pick(lambda value: any(isinstance(n, int) and n > 0 for n in value.shape))
    if x is None or x.dtype is BOOL:
        return None
    axis = maker.choice([k for k, n in enumerate(x.shape) if isinstance(n, int) and n > 0])
    is_batched = maker.chance(0.5)
    shape = (*x.shape[:axis], 2, *x.shape[axis + 1 :]) if is_batched else maker.shape(2)
    own = make_node(Gather(axis, is_batched), [x.node, maker.index(shape, x.shape[axis]).node])
    found = maker.pick(lambda value: value.shape == own.type.shape and value.dtype is x.dtype)
    values = replace(x, node=own) if found is None else found
    combine = maker.choice([item for item in Combine if item is not Combine.MULTIPLY])
    index = maker.index(shape, x.shape[axis])
    node = make_node(Scatter(axis, combine, is_batched), [x.node, index.node, values.node])
    count = largest_size(shape) if combine is Combine.ADD else 0
    return _of_two(node, x, values, max(x.bound, values.bound) + values.bound * count)


def insert(maker: Maker) -> Value | None:
    """Values in place of a slice: another value, or elements of the same."""
    x = maker.pick(lambda value: len(value.shape) > 0)
    if x is None:
        return None
    rows = [slice_of_axis(maker, extent) for extent in x.shape]
    starts, sizes, steps = zip(*rows, strict=True)
    found = maker.pick(lambda value: value.shape == sizes and value.dtype is x.dtype)
    values = moved(x, Slice(starts, sizes, steps)) if found is None else found
    firsts = [start + (size - 1) * step if step < 0 else start for start, size, step in rows]
    if 0 in sizes:
        firsts = [0] * len(sizes)
    op = Insert(tuple(firsts), tuple(map(abs, steps)))
    return _of_two(make_node(op, [x.node, values.node]), x, values, max(x.bound, values.bound))


def _of_two(node: Node, x: Value, values: Value, bound: float) -> Value:
    grains = [item.grain for item in (x, values) if item.grain is not None]
    grain = max(grains) if len(grains) == 2 else None
    low = min(x.low, values.low) if bound <= max(x.bound, values.bound) else -bound
    return Value(node, bound, grain, low, x.special or values.special)


def window(maker: Maker) -> Value | None:
    """Windows over one or two axes; over a symbolic one as many as it has for certain."""
    x = maker.pick(lambda value: 0 < len(value.shape) <= 3)
    if x is None:
        return None
    count = maker.choice([1, 1, 2]) if 1 < len(x.shape) <= 2 else 1
    axes = tuple(int(axis) for axis in maker.random.choice(len(x.shape), count, replace=False))
    rows = [window_of_axis(maker, x.shape[axis]) for axis in axes]
    positions, taps, steps, dilations = zip(*rows, strict=True)
    return moved(x, Window(axes, positions, taps, steps, dilations))


def window_of_axis(maker: Maker, extent: Extent) -> tuple[Extent, Extent, int, int]:
    if not isinstance(extent, int):
        return maker.choice([(extent, 1, 1, 2), (1, extent, 3, 1), (extent, 0, 1, 1)])
    step, dilation = maker.choice([1, 1, 2, 3]), maker.choice([1, 1, 2])
    taps = int(maker.random.integers(0, (extent - 1) // dilation + 2)) if extent else 0
    room = extent - (taps - 1) * dilation - 1
    positions = int(maker.random.integers(0, room // step + 2)) if taps else 2
    return positions, taps, step, dilation


def fold(maker: Maker) -> Value | None:
    """Windows of one or two axes added up; by phases, what is not finite may be NaN beside a border."""
    x = maker.pick(lambda value: value.dtype.is_float and len(value.shape) >= 2 and not value.special)
    if x is None:
        return None
    count = maker.choice([1, 2]) if len(x.shape) >= 4 else 1
    rank = len(x.shape) - count
    axes = tuple(int(axis) for axis in maker.random.choice(rank, count, replace=False))
    steps, dilations = ([maker.choice([1, 1, 2, 3]) for _ in axes] for _ in range(2))
    extents = [
        (x.shape[axis] - 1) * step + (x.shape[rank + place] - 1) * dilation + 1 + maker.choice([0, 1])
        for place, (axis, step, dilation) in enumerate(zip(axes, steps, dilations, strict=True))
    ]
    if any(not isinstance(n, int) or n < 0 for n in extents):
        return None
    node = make_node(Fold(axes, tuple(extents), tuple(steps), tuple(dilations)), [x.node])
    most = largest_size(x.shape[rank:])
    return Value(node, x.bound * max(1, most), x.grain, special=x.special)


def there_and_back(maker: Maker) -> Value | None:
    """Two layout ops that make one, or none."""
    x = maker.pick(lambda value: len(value.shape) >= 2)
    if x is None or largest_size(x.shape) == 0:
        return None
    order = [int(axis) for axis in maker.random.permutation(len(x.shape))]
    inverse = tuple(order.index(axis) for axis in range(len(order)))
    kind = maker.choice(["transpose", "reshape", "slice"])
    if kind == "transpose":
        return moved(moved(x, Transpose(tuple(order))), Transpose(inverse))
    if kind == "reshape":
        return moved(moved(x, Reshape((product(x.shape),))), Reshape(x.shape))
    back = Slice(tuple(n - 1 for n in x.shape), x.shape, (-1,) * len(x.shape))
    return moved(moved(x, back), back)


MOVES: tuple[Callable[[Maker], Value | None], ...] = (
    reshape, reshape, reshape, transpose, transpose, broadcast, broadcast, broadcast, diagonal,
    slice_of, slice_of, pad, concatenate, gather, scatter_add, scatter, insert,
    window, window, fold, there_and_back,
)  # fmt: skip
