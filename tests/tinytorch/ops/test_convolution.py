"""Convolutions against their definition in index notation and PyTorch's, and what they refuse."""

import itertools
import re

import numpy as np
import pytest

import tinytorch as tt
from tests.backends import ALL


def array(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def defined(x, w, stride, pairs, dilation, groups):
    """Sums of products, element by element of the kernel: `x` is `[n, c, h, w]`."""
    padded = np.pad(x, [(0, 0), (0, 0), *pairs])
    n, (o, share) = x.shape[0], w.shape[:2]
    counts = [
        (have - (size - 1) * apart - 1) // step + 1
        for have, size, apart, step in zip(padded.shape[2:], w.shape[2:], dilation, stride, strict=True)
    ]
    found = np.zeros((n, o, *counts))
    for g, taps in itertools.product(range(groups), np.ndindex(*w.shape[2:])):
        inputs, outputs = slice(g * share, (g + 1) * share), slice(g * (o // groups), (g + 1) * (o // groups))
        rows, columns = (
            slice(tap * apart, tap * apart + (count - 1) * step + 1, step)
            for tap, apart, count, step in zip(taps, dilation, counts, stride, strict=True)
        )
        seen = padded[:, inputs, rows, columns]
        found[:, outputs] += np.einsum("ncpq,oc->nopq", seen, w[outputs, :, *taps])
    return found


SETTINGS = [
    ((1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    ((2, 1), ((1, 1), (2, 2)), (1, 2), 2),
    ((1, 2), ((2, 0), (0, 1)), (2, 1), 4),
]


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_a_convolution_and_its_adjoints_are_the_sums_that_define_them(setting):
    """The gradients are checked by what they mean: each is adjoint to a map that is linear in its operand."""
    stride, pairs, dilation, groups = setting
    arrays = array(2, 4, 8, 7), array(8, 4 // groups, 3, 2, seed=1)
    x, w = (tt.input(name, item.shape, "float64") for name, item in zip("xw", arrays, strict=True))
    y = tt.conv2d(x, w, None, stride, pairs, dilation, groups)
    expected = defined(*arrays, stride, pairs, dilation, groups)
    given = array(*expected.shape, seed=2)
    g = tt.input("g", given.shape, "float64")
    slopes = tt.grad((y * g).sum(), [x, w])
    others = array(*arrays[0].shape, seed=3), array(*arrays[1].shape, seed=4)
    for backend in ALL:
        value, by_x, by_w = tt.compile([x, w, g], [y, *slopes], backend=backend)(*arrays, given)
        np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-12)
        for slope, pair in ((by_x, (others[0], arrays[1])), (by_w, (arrays[0], others[1]))):
            other = others[0] if slope is by_x else others[1]
            moved = defined(*pair, stride, pairs, dilation, groups)
            np.testing.assert_allclose((slope * other).sum(), (given * moved).sum(), rtol=1e-11)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_transposed_convolution_is_the_adjoint_of_one(rank):
    extents, taps = (6, 5, 4)[:rank], (3, 2, 1)[:rank]
    settings = {"stride": 2, "padding": (1, 1, 0)[:rank], "dilation": (1, 2, 1)[:rank], "groups": 2}
    convolve, transposed = getattr(tt, f"conv{rank}d"), getattr(tt, f"conv_transpose{rank}d")
    x, w = tt.input("x", (2, 4, *extents)), tt.input("w", (6, 2, *taps))
    y = convolve(x, w, **settings)
    g = tt.input("g", y.shape)
    once = transposed(g, w, **settings)
    more = [have - come for have, come in zip(extents, once.shape[2:], strict=True)]
    again = transposed(g, w, output_padding=more, **settings)
    program = tt.compile([x, w, g], [tt.grad((y * g).sum(), x), again], backend="numpy")
    arrays = (array(*item.shape, seed=k).astype(np.float32) for k, item in enumerate((x, w, g)))
    np.testing.assert_allclose(*program(*arrays), rtol=1e-4, atol=1e-5)


def test_symbolic_extents_stay_symbolic():
    x, w = tt.input("x", ("n", 3, "h", "2*m+1")), tt.input("w", (4, 3, 3, 3))
    assert str(tt.conv2d(x, w, stride=(1, 2), padding=1).node.type) == "f32[n,4,h,m+1]"
    assert str(tt.conv2d(x, w, padding="same").node.type) == "f32[n,4,h,2*m+1]"
    assert (
        str(tt.conv_transpose2d(x, tt.input("v", (3, 5, 2, 2)), stride=2).node.type) == "f32[n,5,2*h,4*m+2]"
    )
    y = tt.conv2d(x, w, padding="same", stride=1)
    program = tt.compile([x, w], [y, tt.grad((y * y).sum(), w)])
    for shape in ((2, 3, 4, 5), (1, 3, 6, 3)):
        arrays = array(*shape).astype(np.float32), array(4, 3, 3, 3).astype(np.float32)
        value, _ = program(*arrays)
        expected = defined(*arrays, (1, 1), ((1, 1), (1, 1)), (1, 1), 1)
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-4)


def test_a_padding_has_any_of_its_forms():
    x, w = tt.input("x", (1, 1, 5, 6)), tt.input("w", (1, 1, 2, 3))
    types = {
        "valid": "f32[1,1,4,4]", "same": "f32[1,1,5,6]", 1: "f32[1,1,6,6]", (0, 2): "f32[1,1,4,8]",
        ((1, 0), 2): "f32[1,1,5,8]",
    }  # fmt: skip
    for padding, found in types.items():
        assert str(tt.conv2d(x, w, padding=padding).node.type) == found
    even = tt.compile([x, w], tt.conv2d(x, w, padding="same"), backend="numpy")
    by_hand = tt.compile([x, w], tt.conv2d(x, w, padding=((0, 1), (1, 1))), backend="numpy")
    arrays = array(1, 1, 5, 6).astype(np.float32), array(1, 1, 2, 3).astype(np.float32)
    np.testing.assert_array_equal(even(*arrays), by_hand(*arrays))


X = tt.input("x", (2, 4, 5, 5))


def weight(*shape):
    return tt.input("w", shape)


REFUSED = {
    "a kernel that is too large": (
        lambda: tt.conv2d(X, weight(3, 4, 7, 3), padding=((0, 1), 0)),
        tt.ShapeError,
        r"a window of 7 elements does not lie in the 5 elements and 0 \+ 1 of padding of axis -2 of %x"
        r"(.|\n)*makes up for the 1 missing",
    ),
    "channels": (
        lambda: tt.conv2d(X, weight(3, 2, 3, 3)),
        tt.ShapeError,
        r"conv2d: the input has 4 channels, and the weight is for 2\n  %x(.|\n)*%w",
    ),
    "channels in groups": (
        lambda: tt.conv2d(X, weight(4, 4, 3, 3), groups=2),
        tt.ShapeError,
        "has 4 channels, and the weight is for 8 in 2 groups",
    ),
    "groups": (
        lambda: tt.conv2d(X, weight(3, 2, 3, 3), groups=2),
        tt.ShapeError,
        r"3 channels are no 2 equal groups: axis 0 of %w(.|\n)*a multiple of groups",
    ),
    "no groups": (
        lambda: tt.conv2d(X, weight(3, 4, 3, 3), groups=0),
        tt.ArgumentError,
        "groups is 1 or more",
    ),
    "a rank": (
        lambda: tt.conv1d(X, weight(3, 4, 3)),
        tt.ShapeError,
        re.escape("conv1d takes [batch, channels, length], or one sample without the axis of the batch"),
    ),
    "a rank of the weight": (
        lambda: tt.conv2d(X, weight(3, 4, 3)),
        tt.ShapeError,
        re.escape("weight of conv2d is [outputs, inputs / groups, height, width of the kernel], not %w"),
    ),
    "a bias": (
        lambda: tt.conv2d(X, weight(3, 4, 3, 3), tt.input("b", (4,))),
        tt.ShapeError,
        r"the bias of conv2d is \[3\], one a channel, not %b",
    ),
    "a stride": (lambda: tt.conv2d(X, weight(3, 4, 3, 3), stride=0), tt.ArgumentError, "stride is 1 or more"),
    "too many strides": (
        lambda: tt.conv2d(X, weight(3, 4, 3, 3), stride=(1, 1, 1)),
        tt.ArgumentError,
        "a number, or one for each of 2 axes",
    ),
    "same with a stride": (
        lambda: tt.conv2d(X, weight(3, 4, 3, 3), stride=2, padding="same"),
        tt.ArgumentError,
        r"stride 1, not \(2, 2\)",
    ),
    "a name of padding": (
        lambda: tt.conv2d(X, weight(3, 4, 3, 3), padding="full"),
        tt.ArgumentError,
        "'same' or 'valid', not 'full'",
    ),
    "an output padding": (
        lambda: tt.conv_transpose2d(X, weight(4, 3, 3, 3), output_padding=1),
        tt.ArgumentError,
        "output_padding is less than the stride or the dilation",
    ),
    "nothing left": (
        lambda: tt.conv_transpose2d(X, weight(4, 3, 1, 1), padding=3),
        tt.ShapeError,
        "padding leaves nothing of what conv_transpose2d makes",
    ),
    "a symbolic axis": (
        lambda: tt.conv2d(tt.input("x", (1, 4, "h", 5)), weight(3, 4, 3, 3), stride=2, padding=1),
        tt.ShapeError,
        r"2 apart, axis -2 has is no polynomial(.|\n)*an extent of 2\*m\+1, or a number",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_said(case):
    make, error, said = REFUSED[case]
    with pytest.raises(error, match=said):
        make()


def test_a_convolution_as_text(golden):
    """Its scope, the window, the contraction, and the fold and the contraction that are its gradients."""
    x, g = tt.input("x", ("n", 2, 6, 6)), tt.input("g", ("n", 4, 3, 3))
    layer = tt.nn.Conv2d(2, 4, 3, stride=2, padding=1, name="conv", seed=0)
    y = layer(x)
    text = str(tt.graph_of([y, *tt.grad((y * g).sum(), [x, layer.weight])]))
    assert str(tt.parse(text)) == text
    golden("conv2d.txt", text)
