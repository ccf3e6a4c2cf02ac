"""Zeros that a pad put around an operand of a product: where they are left out, and that nothing else is."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import tinytorch as tt
from compiler.analysis.aliasing import regions_of
from compiler.backends.llvm.steps.launches import Scratch
from compiler.ir.op import Trait
from compiler.loops.borders import Border, Side, border_of
from compiler.loops.sparing import Spared, distances, tables_of


def terms_of_rows(spared):
    """For each row as it is walked, the terms that the tables say."""
    tables = tables_of(spared)
    blocks = -(-len(distances(spared.terms)) // spared.block)
    spans = list(zip(tables.begins, tables.ends, strict=True))
    for kind in tables.kinds:
        found = [
            tables.live[begin:end] + spared.block * block
            for block, (begin, end) in enumerate(spans[kind * blocks :][:blocks])
        ]
        yield set(np.concatenate(found).tolist())


def zeros_of(spared):
    """Whether the terms of each row are zeros, by hand."""
    places = spared.offset + distances(spared.rows)[:, None] + distances(spared.terms)[None, :]
    found = np.zeros(places.shape, bool)
    for side in spared.sides:
        at = places // side.stride % side.extent
        found |= (at < side.low) | (at >= side.stop)
    return found


IMAGES = [
    Spared(
        ((3, 100), (8, 10), (8, 1)), ((3, 10), (3, 1)), (Side(10, 10, 2, 8), Side(1, 10, 2, 8)), 0, 4, 256
    ),
    Spared(((2, 400), (9, 40), (9, 4)), ((2, 40), (2, 4), (4, 1)), (Side(40, 10, 1, 9),), 0, 8, 5),
    Spared(((5, 7),), ((3, 1), (2, 14)), (Side(7, 10, 0, 4),), 14, 8, 256),
    Spared(((0, 7),), ((3, 7),), (Side(7, 10, 0, 4),), 0, 8, 256),
    Spared(
        ((8, 100), (8, 10), (8, 1)), ((3, 10), (3, 1)), (Side(10, 10, 2, 8), Side(1, 10, 2, 8)), 0, 4, 256, 64
    ),
]


@pytest.mark.parametrize("spared", IMAGES)
def test_a_tile_has_the_terms_of_its_rows_that_are_no_zeros(spared):
    order, zeros = tables_of(spared).order, zeros_of(spared)
    assert sorted(order) == list(range(len(zeros)))
    for place, terms in enumerate(terms_of_rows(spared)):
        tile = order[place // spared.tile * spared.tile :][: spared.tile]
        assert terms == set(np.nonzero(~zeros[tile].all(axis=0))[0].tolist())


def test_rows_of_equal_terms_follow_each_other():
    order, zeros = tables_of(IMAGES[0]).order, zeros_of(IMAGES[0])
    sorted_zeros = zeros[order]
    changes = (sorted_zeros[1:] != sorted_zeros[:-1]).any(axis=1).sum()
    assert changes == len(np.unique(zeros, axis=0)) - 1
    assert not sorted_zeros[0].any()


def test_rows_are_sorted_in_groups_of_whole_chunks_where_that_costs_few_zeros():
    """A corner of an image is a row of a kind of its own: tiles of four rows are whole in four images."""
    order = tables_of(IMAGES[4]).order
    assert [set(part // 256) for part in np.split(order, 2)] == [{0}, {1}]
    assert len(set(order[:64] // 64)) > 1


def test_a_border_knows_the_share_of_terms_that_are_no_zeros():
    border = Border((Side(10, 10, 2, 8), Side(1, 10, 2, 8)), 0)
    rows, terms = ((3, 100), (8, 10), (8, 1)), ((3, 10), (3, 1))
    assert border.share(rows, terms) == pytest.approx((18 / 24) ** 2)
    assert border.share(((8, 10), (8, -1)), terms) is None
    assert border.share(((9, 10), (8, 1)), terms) is None


def input_gradient(x, w, g, *, is_last, backend="llvm", pad=0, **windows):
    """The gradient of a convolution by its input, and the program."""
    images, weights, cotangent = tt.input("x", x.shape), tt.input("w", w.shape), tt.input("g", g.shape)
    axes, letters = ((1, 2), "nhwcij,ijco->nhwo") if is_last else ((2, 3), "nchwij,ocij->nohw")
    taps = [w.shape[axis - 1 if is_last else axis] for axis in axes]
    result = tt.einsum(letters, tt.sliding_window(images, taps, axes, **windows), weights)
    program = tt.compile(
        [images, weights, cotangent], tt.grad((result * cotangent).sum(), images), backend=backend
    )
    return program(x, w, g), program


def by_hand(w, g, extent, step, dilation):
    """The same in float64, channels first."""
    _, c, taps, _ = w.shape
    n, _, out, _ = g.shape
    found = np.zeros((n, c, extent, extent))
    for i in range(taps):
        for j in range(taps):
            rows = slice(i * dilation, i * dilation + step * (out - 1) + 1, step)
            columns = slice(j * dilation, j * dilation + step * (out - 1) + 1, step)
            found[:, :, rows, columns] += np.einsum("nohw,oc->nchw", g, w[:, :, i, j])
    return found


def data(n, c, o, extent, taps, step, dilation):
    rng = np.random.default_rng(0)
    out = (extent - (taps - 1) * dilation - 1) // step + 1
    shapes = (n, c, extent, extent), (o, c, taps, taps), (n, o, out, out)
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


CASES = [
    (2, 6, 5, 9, 3, 1, 1), (3, 32, 40, 10, 3, 1, 1), (1, 33, 40, 12, 3, 1, 1), (2, 8, 40, 13, 5, 1, 1),
    (2, 40, 33, 15, 3, 2, 1), (2, 40, 33, 15, 3, 1, 2), (5, 32, 32, 7, 3, 1, 1),
]  # fmt: skip


def test_the_tables_of_a_product_are_no_larger_than_is_said():
    x, w, g = data(3, 32, 40, 10, 3, 1, 1)
    _, program = input_gradient(x, w, g, is_last=False)
    (step,) = (
        s for s in program._executable.lowered.steps if hasattr(s, "draft") and hasattr(s.draft, "tables")
    )
    scratch = Scratch()
    step.launches({}, scratch)
    taken = sum(numbers.array.nbytes for numbers in scratch.tables)
    (said,) = program._executable.tables().values()
    assert 0 < taken <= said


@pytest.mark.parametrize("is_last", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_input_gradients_are_right_and_leave_zeros_out(case, is_last):
    x, w, g = data(*case)
    expected = by_hand(w.astype(np.float64), g.astype(np.float64), *(case[k] for k in (3, 5, 6)))
    if is_last:
        x, w, g = (
            x.transpose(0, 2, 3, 1).copy(),
            w.transpose(2, 3, 1, 0).copy(),
            g.transpose(0, 2, 3, 1).copy(),
        )
        expected = expected.transpose(0, 2, 3, 1)
    found, program = input_gradient(x, w, g, is_last=is_last, step=case[5], dilation=case[6])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert ("sorted by zeros" in program.source()) or not is_last


def test_an_infinite_weight_makes_nan_at_the_border_alone():
    x, w, g = data(2, 32, 32, 8, 3, 1, 1)
    w[:, :, 2, 2] = np.inf
    found, program = input_gradient(x, w, np.ones_like(g), is_last=False)
    assert "sorted by zeros" in program.source()
    assert np.isinf(found[:, :, 2:6, 2:6]).all()


def padded_forward(is_made):
    """The border of a window of a pad that a user wrote, or that a gradient made."""
    x, w = tt.input("x", (2, 8, 8, 32)), tt.input("w", (3, 3, 32, 32))
    if is_made:
        whole = tt.input("z", (2, 10, 10, 32))
        padded = tt.grad((whole[:, 1:9, 1:9] * x).sum(), whole)
    else:
        padded = tt.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = tt.sliding_window(padded, (3, 3), (1, 2))
    y = tt.einsum("nhwcij,ijco->nhwo", windows, w)
    program = tt.compile([x, w], y, backend="llvm")
    graph = program.graph
    contraction = next(node for node in graph.nodes if node.op.has(Trait.CONTRACTION))
    regions = regions_of(graph)
    return program, [border_of(regions[operand]) for operand in contraction.operands]


def test_what_a_user_pads_is_multiplied():
    program, borders = padded_forward(is_made=False)
    assert borders == [None, None]
    assert "sorted by zeros" not in program.source()


def test_zeros_that_a_gradient_makes_are_left_out():
    program, borders = padded_forward(is_made=True)
    assert borders[0] == Border((Side(320, 10, 1, 9), Side(32, 10, 1, 9)), 0)
    assert "sorted by zeros" in program.source()
