"""Layers of images: PyTorch's arguments, parameters, texts and results, with PyTorch's weights."""

import pickle

import numpy as np
import pytest

import tinytorch as tt
from tinytorch import nn

LAYERS = {
    "Conv1d": ((4, 6, 3), {"stride": 2, "padding": 1}),
    "Conv2d": ((4, 6, (3, 2)), {"padding": "same", "groups": 2, "padding_mode": "circular"}),
    "Conv3d": ((4, 2, 2), {"bias": False, "dilation": (1, 2, 1)}),
    "ConvTranspose1d": ((4, 2, 3), {"stride": 2, "output_padding": 1}),
    "ConvTranspose2d": ((4, 6, 2), {"stride": 2, "groups": 2, "dilation": 2}),
    "ConvTranspose3d": ((4, 2, 2), {"padding": 1, "bias": False}),
    "MaxPool1d": ((2,), {"ceil_mode": True}),
    "MaxPool2d": ((3,), {"stride": 2, "padding": 1}),
    "MaxPool3d": ((2,), {"dilation": 2}),
    "AvgPool1d": ((2,), {"stride": 1}),
    "AvgPool2d": ((2,), {"padding": 1, "count_include_pad": False}),
    "AvgPool3d": ((2,), {"divisor_override": 3}),
    "LPPool1d": ((2, 2), {}),
    "LPPool2d": ((2, 2), {"stride": 1}),
    "LPPool3d": ((2, 2), {"ceil_mode": True}),
    "AdaptiveAvgPool1d": ((2,), {}),
    "AdaptiveAvgPool2d": (((2, None),), {}),
    "AdaptiveAvgPool3d": ((1,), {}),
    "AdaptiveMaxPool1d": ((3,), {}),
    "AdaptiveMaxPool2d": (((2, 3),), {}),
    "AdaptiveMaxPool3d": ((2,), {}),
    "Upsample": ((), {"scale_factor": 2, "mode": "bilinear"}),
    "PixelShuffle": ((2,), {}),
    "PixelUnshuffle": ((2,), {}),
    "Unfold": ((2,), {"padding": 1}),
    "ReflectionPad1d": ((2,), {}),
    "ReflectionPad2d": (((1, 2, 0, 3),), {}),
    "ReflectionPad3d": ((1,), {}),
    "ReplicationPad1d": (((1, 2),), {}),
    "ReplicationPad2d": ((1,), {}),
    "ReplicationPad3d": ((1,), {}),
    "CircularPad1d": ((1,), {}),
    "CircularPad2d": (((1, 2, 3, 0),), {}),
    "CircularPad3d": ((1,), {}),
    "ZeroPad1d": ((1,), {}),
    "ZeroPad2d": (((1, 0, 2, 0),), {}),
    "ZeroPad3d": ((1,), {}),
    "ConstantPad1d": ((1, 2.5), {}),
    "ConstantPad2d": (((1, 0, 2, 0), -1.0), {}),
    "ConstantPad3d": ((1, 2.0), {}),
}


def rank_of(name):
    return int(name[-2]) if name[-1] == "d" and name[-2].isdigit() else 2


def test_every_layer_has_pytorchs_weights_and_results():
    """All in one program: first as made, with PyTorch's state, then as they print and as copies."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    inputs = {rank: tt.input(f"x{rank}", ("n", 4, *(4, 6, 4)[:rank])) for rank in (1, 2, 3)}
    arrays = [
        np.random.default_rng(rank).standard_normal((2, *item.shape[1:])).astype(np.float32)
        for rank, item in inputs.items()
    ]
    outputs, expected = [], []
    for name, (given, named) in LAYERS.items():
        ours, theirs = getattr(nn, name)(*given, **named), getattr(torch.nn, name)(*given, **named)
        ours.load_state_dict(theirs.state_dict(), layout="torch")
        assert repr(pickle.loads(pickle.dumps(ours))) == repr(ours)  # noqa: S301  # pickled here
        rank = rank_of(name)
        outputs.append(ours(inputs[rank]))
        expected.append(theirs(torch.from_numpy(arrays[rank - 1])).detach().numpy())
    found = tt.compile(list(inputs.values()), outputs, backend="numpy")(*arrays)
    for name, mine, wanted in zip(LAYERS, found, expected, strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-5, atol=1e-5, err_msg=name)


def test_layers_print_as_they_are_written():
    texts = [
        "Conv2d(4, 6, (3, 2), padding='same', groups=2, bias=False, padding_mode='circular')",
        "ConvTranspose1d(4, 2, 3, stride=2, output_padding=1)", "MaxPool2d(2)", "MaxPool2d(3, stride=2)",
        "AvgPool2d(2, count_include_pad=False)", "LPPool2d(2, 3)", "AdaptiveAvgPool2d((2, None))",
        "Upsample(scale_factor=2, mode='bilinear')", "ReflectionPad2d((1, 2, 0, 3))", "ConstantPad1d(1, 2.5)",
        "Unfold(2, stride=2)",
    ]  # fmt: skip
    for text in texts:
        assert repr(eval(f"nn.{text}")) == text  # noqa: S307  # written here


def test_folds_undo_unfolds():
    x = tt.input("x", ("n", 2, 4, 6))
    apart = nn.Fold((4, 6), 2, stride=2)(nn.Unfold(2, stride=2)(x))
    data = np.random.default_rng(0).standard_normal((3, 2, 4, 6)).astype(np.float32)
    np.testing.assert_array_equal(tt.compile(x, apart)(data), data)


def test_all_layers_of_images_are_tried():
    mine = {"convolution", "pooling", "resampling", "padding"}
    layers = {name for name in nn.__all__ if getattr(nn, name).__class__ is type(nn.Conv2d)}
    here = {name for name in layers if getattr(nn, name).__module__.rpartition(".")[2] in mine}
    assert here == {*LAYERS, "Fold"}


@pytest.mark.parametrize("name", ["Conv1d", "Conv2d", "ConvTranspose2d", "ConvTranspose3d"])
def test_first_values_are_spread_as_pytorchs(name):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    ours, theirs = (
        getattr(nn, name)(64, 32, 3, groups=2, seed=0),
        getattr(torch.nn, name)(64, 32, 3, groups=2),
    )
    for kind in ("weight", "bias"):
        mine, wanted = tt.value_of(getattr(ours, kind)), getattr(theirs, kind).detach().numpy()
        assert mine.shape == wanted.shape
        np.testing.assert_allclose(np.abs(mine).max(), np.abs(wanted).max(), rtol=0.1)
        np.testing.assert_allclose(mine.std(), wanted.std(), rtol=0.3)


def test_an_initialiser_is_told_the_shape_of_the_kernel():
    layer = nn.Conv2d(3, 3, 3, padding=1, initialiser="dirac", bias_initialiser="zeros")
    x = tt.input("x", (1, 3, 5, 5))
    data = np.random.default_rng(0).standard_normal((1, 3, 5, 5)).astype(np.float32)
    np.testing.assert_allclose(tt.compile(x, layer(x))(data), data, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: nn.Conv2d(4, 6, 3, groups=4), tt.ArgumentError, "multiples of groups=4, not 4 and 6"),
        (lambda: nn.Conv2d(4, 6, 0), tt.ArgumentError, "kernel_size is 1 or more"),
        (lambda: nn.Conv2d(4, 6, 3, padding_mode="mirror"), tt.ArgumentError, "not 'mirror'"),
        (lambda: nn.ReflectionPad2d((1, 2)), tt.ArgumentError, "a width, or 4 of them"),
        (lambda: nn.MaxPool2d(kernel=2), tt.KeywordError, "fix: kernel_size=2"),
        (
            lambda: nn.Conv2d(4, 6, 3)(tt.input("x", (1, 3, 8, 8))),
            tt.ShapeError,
            "the input has 3 channels, and the weight is for 4(.|\n)*%weight",
        ),
    ],
)
def test_what_cannot_be_is_said(make, error, said):
    with pytest.raises(error, match=said):
        make()
