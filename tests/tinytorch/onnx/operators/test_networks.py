"""Operators of networks beside ONNX Runtime: symbolic batches, rare settings, old opsets, gradients."""

import numpy as np
import onnx.parser
import pytest

import tinytorch as tt
from compiler.ir.dims import Dim
from tests.tinytorch.onnx.operators.nodes import node_model, normal, ours, theirs

IMAGE = normal(3, 4, 9, 11)
SEQUENCE = normal(5, 3, 4)
HEADS = normal(3, 4, 6, 8)
PAST = normal(3, 2, 4, 8)


def _floats(*numbers):
    return np.array(numbers, np.float32)


def _case(op, inputs, weights=None, **settings):
    positions = range(1, len(inputs)) if weights is None else weights
    kept = [k for k in positions if inputs[k] is not None]
    return pytest.param(op, inputs, kept, settings, id=settings.pop("id", op))


BATCHED = [
    _case(
        "Conv", [IMAGE, normal(6, 2, 3, 2), normal(6)], group=2, strides=[2, 3], auto_pad="SAME_LOWER"
    ),
    _case(
        "Conv", [IMAGE, normal(4, 1, 3, 3)], group=4, dilations=[2, 1], pads=[1, 0, 2, 1], id="depthwise"
    ),
    _case("ConvTranspose", [IMAGE, normal(4, 3, 3, 3), normal(3)], strides=[2, 2], output_shape=[18, 23]),
    _case("ConvTranspose", [IMAGE, normal(4, 3, 2, 3)], strides=[3, 2], auto_pad="SAME_UPPER", id="same"),
    _case(
        "MaxPool", [IMAGE], outputs=2, kernel_shape=[3, 2], strides=[2, 3], pads=[2, 0, 1, 1], ceil_mode=1,
        storage_order=1,
    ),
    _case(
        "AveragePool", [IMAGE], opset=19, kernel_shape=[3, 2], dilations=[2, 3], pads=[2, 1, 0, 1],
        strides=[2, 1],
    ),
    _case("AveragePool", [IMAGE], kernel_shape=[3, 3], pads=[2, 2, 2, 2], strides=[2, 2], id="wide"),
    _case("LpPool", [IMAGE], opset=18, kernel_shape=[3, 2], p=3, pads=[1, 1, 0, 0], dilations=[2, 1]),
    _case("GlobalLpPool", [IMAGE], p=3),
    _case("BatchNormalization", [IMAGE, normal(4), normal(4, seed=1), normal(4, seed=2), normal(4) ** 2]),
    _case("LRN", [IMAGE], size=3, alpha=0.5, beta=0.6, bias=2.0),
    _case("LayerNormalization", [IMAGE, normal(9, 11), normal(9, 11, seed=1)], outputs=3, axis=2),
    _case("Resize", [IMAGE, None, _floats(1, 1, 0.6, 1.7)], opset=18, mode="cubic", antialias=1),
    _case(
        "Resize", [IMAGE, None, None, np.array([20, 7])], opset=18, mode="linear", axes=[2, 3],
        coordinate_transformation_mode="pytorch_half_pixel", keep_aspect_ratio_policy="not_larger",
        id="aspect",
    ),
    _case("Resize", [IMAGE, None, _floats(1, 1, 2, 3)], mode="nearest", id="nearest"),
    _case("GridSample", [IMAGE, normal(3, 5, 6, 2)], [], opset=20, mode="cubic", padding_mode="reflection"),
    _case("Attention", [HEADS, HEADS, HEADS[..., :5]], [], opset=23, is_causal=1, softcap=2.0),
    _case(
        "Attention", [HEADS, HEADS[:, :2], HEADS[:, :2], normal(6, 10), PAST, PAST],
        [3], opset=23, outputs=3, is_causal=1, id="grouped",
    ),
    _case("RoiAlign", [IMAGE, np.abs(normal(2, 4)) * 4, np.array([1, 0])], output_height=3, output_width=2),
    _case(
        "MaxRoiPool", [IMAGE, _floats([0, 1, 2, 6, 7], [2, 0, 0, 9, 3])], pooled_shape=[3, 2],
        spatial_scale=1.0,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("op", "inputs", "weights", "settings"), BATCHED)
def test_a_symbolic_batch_stays_one(op, inputs, weights, settings):
    model, feeds = node_model(op, inputs, weights=weights, batch=True, **settings)
    loaded = tt.onnx.load(model)
    first = loaded.outputs[0].shape[0]
    assert isinstance(first, Dim) or "roi" in op.lower()
    for found, wanted in zip(ours(model, feeds), theirs(model, feeds), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=2e-5)


def _recurrent(gates, **settings):
    hidden, directions = 3, 2
    w, r, b = (
        normal(directions, gates * hidden, *n)
        for n in ((4,), (hidden,), ())
    )  # fmt: skip
    return {"w": w, "r": r, "b": np.concatenate([b, b[:, ::-1]], 1), "hidden_size": hidden, **settings}


@pytest.mark.parametrize(
    ("op", "settings"),
    [
        ("RNN", _recurrent(1, activations=["Elu", "LeakyRelu"], activation_alpha=[0.3, 0.2])),
        ("GRU", _recurrent(3, linear_before_reset=1, clip=0.7)),
        ("GRU", _recurrent(3, activations=["HardSigmoid", "Softsign"] * 2, activation_alpha=[0.3, 0.4])),
        ("LSTM", _recurrent(4, outputs=3, peepholes=True)),
        ("LSTM", _recurrent(4, outputs=3, input_forget=1)),
    ],
    ids=["rnn", "gru", "gru_before", "lstm", "lstm_coupled"],
)
def test_recurrent_networks_in_both_directions(op, settings):
    w, r, b = (settings.pop(name) for name in "wrb") if "w" in settings else (None,) * 3
    has_peepholes = settings.pop("peepholes", False)
    states = [normal(2, 3, 3, seed=k) for k in range(2 if op == "LSTM" else 1)]
    lengths = np.array([5, 2, 4], np.int32)
    inputs = [SEQUENCE, w, r, b, lengths, *states] + [normal(2, 9)] * has_peepholes
    settings = {"outputs": 2, **settings}
    model, feeds = node_model(op, inputs, weights=[1, 2, 3], opset=14, direction="bidirectional", **settings)
    for found, wanted in zip(ours(model, feeds), theirs(model, feeds), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("op", "inputs", "weights", "settings"),
    [
        _case("Softmax", [IMAGE], opset=7),
        _case("LogSoftmax", [IMAGE], opset=11, axis=-2),
        _case("Hardmax", [IMAGE], opset=11, axis=2),
        _case("Upsample", [IMAGE, _floats(1, 1, 2, 1.5)], opset=9, mode="linear"),
        _case("Upsample", [IMAGE], opset=7, mode="nearest", scales=[1.0, 1.0, 1.6, 2.0], id="upsample7"),
        _case("Resize", [IMAGE, _floats(1, 1, 0.6, 3)], opset=10, mode="nearest"),
        _case("BatchNormalization", [IMAGE, *[normal(4) ** 2] * 4], opset=7),
        _case("Dropout", [IMAGE], opset=7, ratio=0.3),
        _case("PRelu", [IMAGE, normal(4, 1, 1)], opset=7),
        _case("AveragePool", [IMAGE], opset=7, kernel_shape=[3, 3], auto_pad="SAME_UPPER"),
    ],
)
def test_meanings_of_old_opsets(op, inputs, weights, settings):
    model, feeds = node_model(op, inputs, weights=weights, **settings)
    np.testing.assert_allclose(ours(model, feeds)[0], theirs(model, feeds)[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("op", "inputs", "weights", "settings"),
    [
        _case("Conv", [normal(2, 2, 5), normal(3, 2, 2)], [], strides=[2], pads=[1, 1]),
        _case("MaxPool", [normal(2, 2, 7)], kernel_shape=[3], strides=[2], pads=[1, 1]),
        _case("AveragePool", [normal(1, 2, 7)], opset=19, kernel_shape=[2], dilations=[3], pads=[1, 1]),
        _case("BatchNormalization", [normal(4, 2, 3), *[normal(2) ** 2 + 1] * 4], [], opset=15,
              outputs=3, training_mode=1),
        _case("LpNormalization", [normal(3, 4)], p=2),
        _case("LRN", [normal(2, 5, 3)], size=3),
        _case("LSTM", [normal(3, 2, 2), normal(1, 8, 2), normal(1, 8, 2), None, None, None, None,
                       normal(1, 6)], [], hidden_size=2),
        _case("Attention", [normal(1, 2, 3, 4)] * 3, [], opset=23, softcap=1.0, is_causal=1),
        _case("RotaryEmbedding", [normal(1, 2, 3, 4), normal(1, 3, 2), normal(1, 3, 2)], [], opset=23),
        _case("Resize", [normal(1, 1, 5), None, _floats(1, 1, 1.5)], [2], opset=19, mode="cubic"),
        _case("GridSample", [normal(1, 2, 4, 3), normal(1, 2, 2, 2) / 2], [], opset=20, mode="linear"),
        _case("DeformConv", [normal(1, 2, 4, 4), normal(2, 2, 2, 2), normal(1, 8, 3, 3) / 2], [], opset=19),
        _case("SoftmaxCrossEntropyLoss", [normal(4, 3), np.array([0, 2, 1, 2]), normal(3) ** 2], [1, 2],
              reduction="mean", ignore_index=1),
        _case("ConvTranspose", [normal(1, 2, 3), normal(2, 2, 3)], [], strides=[2], output_shape=[8]),
    ],
)  # fmt: skip
def test_gradients_are_those_of_finite_differences(op, inputs, weights, settings):
    wide = [None if item is None else item.astype(np.float64) if item.dtype.kind == "f" else item
            for item in inputs]  # fmt: skip
    if op == "Resize":
        wide[2] = inputs[2]
    model, feeds = node_model(op, wide, weights=weights, **settings)
    loaded = tt.onnx.load(model)

    def first(*tensors):
        found = loaded(*tensors)
        return found[0] if isinstance(found, tuple) else found

    tt.testing.check_gradient(first, *feeds.values())


def test_a_convolution_compiles_to_the_kernels_of_the_layer():
    layer = tt.nn.Conv2d(4, 6, 3, stride=2, padding=1, seed=0)
    model, _ = node_model(
        "Conv", [IMAGE, *(tt.value_of(item) for item in (layer.weight, layer.bias))], weights=[1, 2],
        batch=True, strides=[2, 2], pads=[1] * 4,
    )  # fmt: skip
    x = tt.input("x", shape=("batch", 4, 9, 11))
    imported, own = tt.onnx.load(model).compile(), tt.compile([x], layer(x), freeze=True)
    assert len(imported.schedule.kernels) == len(own.schedule.kernels)
    np.testing.assert_array_equal(imported(IMAGE), own(IMAGE))


def test_dropout_in_training_draws_another_mask_in_each_call():
    inputs = [np.ones((40, 50), np.float32), np.float32(0.25), np.array(True)]
    model, feeds = node_model("Dropout", inputs, weights=[1, 2], outputs=2, seed=3)
    program = tt.onnx.load(model).compile()
    (first, mask), (second, _) = (program(*feeds.values()) for _ in range(2))
    np.testing.assert_array_equal(first, np.where(mask, np.float32(1 / 0.75), 0))
    assert abs(mask.mean() - 0.75) < 0.05
    assert (first != second).any()


@pytest.mark.parametrize(
    ("op", "shapes", "settings", "reason"),
    [
        ("Conv", [("n", 2, "h"), (3, 2, 3)], {"strides": [2], "auto_pad": "SAME_UPPER"}, "of an axis of h"),
        ("Conv", [(1, 2, 3, 3, 3, 3), (3, 2, 1, 1, 1, 1)], {}, "there are 1 to 3"),
        ("Conv", [(1, 2, 8), (3, 2, 3)], {"kernel_shape": [5]}, "kernel_shape is"),
        ("RNN", [("time", 1, 2), (1, 3, 2), (1, 3, 3)], {"hidden_size": 3}, "dims=.*time"),
        ("LpPool", [(1, 2, 8)], {"kernel_shape": [2], "pads": [1]}, "no 2 numbers"),
        ("Attention", [(1, 6, 8)] * 3, {"opset": 23}, "no number of heads"),
        ("Softmax", [(1, 2)], {"axis": 2, "opset": 13}, "axis"),
    ],
)
def test_what_is_not_supported_is_said(op, shapes, settings, reason):
    inputs = [np.zeros([3 if isinstance(n, str) else n for n in shape], np.float32) for shape in shapes]
    model, _ = node_model(op, inputs, **settings)
    for info, shape in zip(model.graph.input, shapes, strict=True):
        for dim, extent in zip(info.type.tensor_type.shape.dim, shape, strict=True):
            if isinstance(extent, str):
                dim.dim_param = extent
    with pytest.raises(tt.TinytorchError, match=f"(?s)the_node.*{reason}"):
        tt.onnx.load(model)


def test_gradients_that_a_model_asks_for_are_derived():
    text = """
    network (float[n, 3] a, float[n, 3] b) => (float[n, 3] da, float[n, 3] db) {
        s = Sigmoid(a)
        y = Mul(s, b)
        da, db = ai.onnx.preview.training.Gradient<xs = ["a", "b"], y = "y">(a, b)
    }
    """
    model = onnx.parser.parse_model(
        f'<ir_version: 9, opset_import: ["" : 17, "ai.onnx.preview.training" : 1]>\n{text}'
    )
    a, b = normal(2, 3), normal(2, 3, seed=1)
    share = 1 / (1 + np.exp(-a))
    found = tt.onnx.load(model).compile()(a, b)
    np.testing.assert_allclose(found, [share * (1 - share) * b, share], rtol=1e-5)
