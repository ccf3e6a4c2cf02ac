"""Views by offset and strides, against NumPy's own."""

import random

import numpy as np
import pytest

from compiler.analysis.aliasing import covered, dense_strides, regions_of
from compiler.backends.reference.layout import view
from compiler.ir.build import input_node
from compiler.ir.dims import evaluate, symbol
from compiler.ir.graph import Graph
from compiler.ir.node import Node, make_node
from compiler.ir.op import Broadcast, Concatenate, Diagonal, Layout, Reshape, Slice, Transpose, Window
from compiler.ir.types import FLOAT64, TensorType

BATCH, SEQ = symbol("batch"), symbol("seq")


def leaf(*shape):
    return input_node("x", TensorType(FLOAT64, tuple(shape)))


def region(node):
    return regions_of(Graph.of([node]))[node]


def at(node, sizes):
    """A view's elements, read from its base by offset and strides; the base counts from 0."""
    found = region(node)
    shape = [evaluate(n, sizes) for n in node.type.shape]
    base = np.arange(float(np.prod([evaluate(n, sizes) for n in found.base.type.shape])))
    if 0 in shape:
        return np.zeros(shape)
    steps = [evaluate(stride, sizes) for stride in found.strides]
    places = evaluate(found.offset, sizes) + sum(
        k * step for k, step in zip(np.ogrid[tuple(slice(n) for n in shape)], steps, strict=True)
    )
    return base[np.broadcast_to(places, shape)]


def by_numpy(node, sizes):
    """The same by NumPy's views."""
    if not node.operands:
        shape = [evaluate(n, sizes) for n in node.type.shape]
        return np.arange(float(np.prod(shape))).reshape(shape)
    assert isinstance(node.op, Layout)
    return view(node.op, by_numpy(node.operands[0], sizes), sizes)


@pytest.mark.parametrize(
    ("op", "offset", "strides"),
    [
        (Transpose((2, 0, 1)), 0, (1, 4 * BATCH, 4)),
        (Reshape((3 * BATCH, 4)), 0, (4, 1)),
        (Reshape((3, BATCH, 2, 2)), 0, (4 * BATCH, 4, 2, 1)),
        (Reshape((1, 3, 1, BATCH, 4)), 0, (0, 4 * BATCH, 0, 4, 1)),
        (Broadcast((5, 3, BATCH, 4), (1, 2, 3)), 0, (0, 4 * BATCH, 4, 1)),
        (Slice((2, 0, 3), (3, BATCH, 2), (-1, 1, -2)), 8 * BATCH + 3, (-4 * BATCH, 4, -2)),
        (Window((0, 2), (1, 2), (2, 3), (5, 1), (2, 1)), 0, (20 * BATCH, 4, 1, 8 * BATCH, 1)),
        (Window((1,), (BATCH - 1,), (2,), (1,), (1,)), 0, (4 * BATCH, 4, 1, 4)),
        (Slice((0, BATCH - 1, 0), (3, BATCH, 4), (1, -1, 1)), 4 * BATCH - 4, (4 * BATCH, -4, 1)),
    ],
    ids=str,
)
def test_a_view_of_something_dense_has_an_offset_and_strides(op, offset, strides):
    x = leaf(3, BATCH, 4)
    found = region(make_node(op, [x]))
    assert (found.base, found.offset, found.strides) == (x, offset, strides)


def test_a_diagonal_walks_two_axes_at_once():
    x = leaf(3, BATCH, 3)
    assert region(make_node(Diagonal(0, 2), [x])).strides == (3, 3 * BATCH + 1)


def test_broadcasting_a_unit_axis_stands_still_and_a_full_axis_does_not():
    x = leaf(1, 4)
    assert region(make_node(Broadcast((3, 4), (0, 1)), [x])).strides == (0, 1)


def test_only_views_lie_in_other_memory():
    x = leaf(2, 3)
    joined = make_node(Concatenate(0), [x, x])
    found = region(joined)
    assert (found.base, found.offset, found.strides) == (joined, 0, (3, 1))
    assert region(make_node(Transpose((1, 0)), [joined])).base is joined


def test_a_reshape_of_a_transpose_is_a_copy_and_later_views_are_views_of_that_copy():
    x = leaf(BATCH, 4)
    copy = make_node(Reshape((4 * BATCH,)), [make_node(Transpose((1, 0)), [x])])
    later = make_node(Slice((1,), (3,), (1,)), [copy])
    assert region(copy).base is copy
    assert (region(later).base, region(later).offset) == (copy, 1)


@pytest.mark.parametrize(
    ("order", "shape", "strides"),
    [
        ((1, 2, 0), (12, BATCH), (1, 12)),  # the turned axis stays apart
        ((2, 0, 1), (4, 3 * BATCH), (1, 4)),
        ((2, 0, 1), (2, 2, BATCH, 3), (2, 1, 12, 4)),
        ((0, 2, 1), (BATCH, 2, 2, 3), (12, 2, 1, 4)),
    ],
)
def test_a_reshape_cuts_and_joins_what_lies_evenly(order, shape, strides):
    turned = make_node(Transpose(order), [leaf(BATCH, 3, 4)])
    assert region(make_node(Reshape(shape), [turned])).strides == strides


def test_a_reshape_that_would_be_a_view_for_some_sizes_only_is_a_copy():
    turned = make_node(Transpose((1, 0)), [leaf(BATCH, SEQ)])
    flat = make_node(Reshape((BATCH * SEQ,)), [turned])
    assert region(flat).base is flat


def test_repeated_elements_stay_repeated_through_a_reshape():
    repeated = make_node(Broadcast((6, 4), (1,)), [leaf(4)])
    assert region(make_node(Reshape((2, 3, 4)), [repeated])).strides == (0, 0, 1)
    assert region(make_node(Reshape((24,)), [repeated])).offset == 0
    assert region(make_node(Reshape((24,)), [repeated])).base is not repeated.operands[0]


def test_a_view_covers_its_base_if_it_is_all_of_it_in_order():
    x = leaf(BATCH, 4)
    whole = make_node(Reshape((BATCH, 2, 2)), [x])
    part = make_node(Slice((0, 0), (BATCH, 2), (1, 1)), [x])
    assert region(x).covers(x)
    assert region(whole).covers(whole)
    assert not region(part).covers(part)
    turned = make_node(Transpose((1, 0)), [x])
    assert not region(turned).covers(turned)


def test_dense_strides_are_row_major():
    assert dense_strides((3, BATCH, 4)) == (4 * BATCH, 4, 1)
    assert dense_strides(()) == ()


class Chain:
    """A random chain of views, with extents that are small numbers or symbols."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        extents = [1, 2, 3, 4, 6, BATCH, SEQ] if self.random.random() < 0.5 else [0, 1, 2, 3, 4, 6]
        self.node: Node = leaf(*(self.random.choice(extents) for _ in range(self.random.randint(1, 4))))
        for _ in range(self.random.randint(1, 5)):
            op = self.random.choice(
                [self.transpose, self.reshape, self.slice, self.broadcast, self.diagonal, self.window]
            )()
            self.node = make_node(op, [self.node]) if op is not None else self.node

    def transpose(self):
        order = list(range(self.node.type.rank))
        self.random.shuffle(order)
        return Transpose(tuple(order))

    def reshape(self):
        shape = list(self.node.type.shape)
        for _ in range(self.random.randint(1, 3)):
            place = self.random.randrange(len(shape) + 1)
            kind = self.random.choice(["unit", "join", "cut", "drop"])
            if kind == "unit":
                shape.insert(place, 1)
            elif kind == "join" and place + 1 < len(shape):
                shape[place : place + 2] = [shape[place] * shape[place + 1]]
            elif kind == "cut" and place < len(shape) and shape[place] in (4, 6, 12):
                shape[place : place + 1] = [2, shape[place] // 2]
            elif kind == "drop" and place < len(shape) and shape[place] == 1:
                del shape[place]
        return Reshape(tuple(shape))

    def slice(self):
        rows = [self.random.choice([self.whole, self.turned, self.part])(n) for n in self.node.type.shape]
        return Slice(*(tuple(column) for column in zip(*rows, strict=True))) if rows else None

    def whole(self, extent):
        return 0, extent, 1

    def turned(self, extent):
        return extent - 1, extent, -1

    def part(self, extent):
        return (1, 2, 2) if extent in (4, 6) else (0, extent, 1)

    def broadcast(self):
        shape = tuple(self.random.choice([2, BATCH]) if n == 1 else n for n in self.node.type.shape)
        return Broadcast((3, *shape), tuple(range(1, len(shape) + 1))) if len(shape) < 5 else None

    def diagonal(self):
        shape = self.node.type.shape
        pairs = [
            (a, b) for a in range(len(shape)) for b in range(len(shape)) if a != b and shape[a] == shape[b]
        ]
        return Diagonal(*self.random.choice(pairs)) if pairs else None

    def window(self):
        places = [k for k, n in enumerate(self.node.type.shape) if n in (3, 4, 6)]
        if not places or self.node.type.rank > 4:
            return None
        axis = self.random.choice(places)
        positions, taps, step, dilation = self.random.choice([(2, 2, 1, 1), (1, 2, 1, 2), (2, 1, 2, 1)])
        return Window((axis,), (positions,), (taps,), (step,), (dilation,))


@pytest.mark.parametrize("first", range(0, 600, 50))
def test_random_chains_of_views_read_what_numpy_reads(first):
    for seed in range(first, first + 50):
        node = Chain(seed).node
        if region(node).base.operands:
            continue  # a copy somewhere: what comes after it is a shorter chain of another seed
        for sizes in ({"batch": 2, "seq": 3}, {"batch": 1, "seq": 4}, {"batch": 5, "seq": 1}):
            assert np.array_equal(at(node, sizes), by_numpy(node, sizes)), (seed, sizes)


def test_a_reshape_is_a_copy_exactly_where_numpy_copies():
    copies = views = 0
    for seed in range(1500):
        node = Chain(seed).node
        while not isinstance(node.op, Reshape) and node.operands:
            node = node.operands[0]
        is_plain = all(isinstance(n, int) and n > 0 for item in _chain(node) for n in item.type.shape)
        if not node.operands or not is_plain or region(node.operands[0]).base.operands:
            continue
        before = by_numpy(node.operands[0], {})
        is_copy = not np.shares_memory(before.reshape(node.type.shape), before)
        assert (region(node).base is node) == is_copy, seed
        copies, views = copies + is_copy, views + (not is_copy)
    assert copies > 10
    assert views > 20


def _chain(node):
    while node.operands:
        yield node
        node = node.operands[0]
    yield node


def some_windows(random, extent):
    step, dilation = random.randint(1, 4), random.randint(1, 3)
    taps = random.randint(1, min(3, (extent - 1) // dilation + 1))
    return random.randint(1, (extent - (taps - 1) * dilation - 1) // step + 1), taps, step, dilation


def test_what_windows_cover_is_counted_once():
    """Exactly for one window in each of two axes, whatever overlaps, as counting the elements finds."""
    overlapping = 0
    for seed in range(400):
        random_ = random.Random(seed)
        height, width = random_.randint(1, 9), random_.randint(1, 9)
        rows = [some_windows(random_, height), some_windows(random_, width)]
        positions, taps, steps, dilations = zip(*rows, strict=True)
        node = make_node(Window((0, 1), positions, taps, steps, dilations), [leaf(height, width)])
        seen = len(np.unique(by_numpy(node, {})))
        assert covered(node.type.shape, region(node).strides) == seen, seed
        overlapping += seen < node.type.size
    assert overlapping > 50


def test_what_a_view_covers_is_a_polynomial():
    assert covered((BATCH, 5, 3, 3), (7, 1, 7, 1)) == 7 * (BATCH + 2)
    assert covered((BATCH, 3), (2, 1)) == 2 * BATCH + 1
    assert covered((BATCH, 3), (4, 1)) == 3 * BATCH, "windows that do not meet"
    assert covered((BATCH, 3), (-SEQ, 2 * SEQ)) == BATCH + 4
    assert covered((BATCH, 4), (0, 1)) == 4
    assert covered((BATCH, 0), (1, 1)) == 0
    assert covered((4, 3), (2, 3)) == 12, "multiples of 2 and of 3: 13 places, of which 12 at most are read"
