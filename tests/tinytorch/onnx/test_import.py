"""A model from text to a program, and the errors on the way."""

import numpy as np
import onnx
import pytest

import tinytorch as tt
from tests.tinytorch.onnx.models import parsed
from tinytorch.onnx.calling.operator import Operator

NETWORK = """
network (float[batch, 4] x) => (float[batch, 3] y, float[n, m] z)
<float[4, 2] w = {0.5, -1, 2, 0.25, 1, 1, -0.5, 0.125},
 float[3, 2] v = {1, 2, 3, 4, 5, 6}, float[3] b = {1, 2, 3}>
{
    h = MatMul(x, w)
    r = Relu(h)
    y = Gemm<transB = 1>(r, v, b)
    extents = Shape(y)
    first = Constant<value_int = 0>()
    rows = Gather(extents, first)
    at = Constant<value_ints = [0]>()
    alone = Unsqueeze(rows, at)
    rest = Constant<value_ints = [-1]>()
    wanted = Concat<axis = 0>(alone, rest)
    z = Reshape(y, wanted)
}
"""


def test_a_network_is_a_module_whose_batch_stays_symbolic():
    model = tt.onnx.load(parsed(NETWORK))
    assert [str(item.shape) for item in model.outputs] == ["(batch, 3)"] * 2
    assert [name for name, _ in model.named_parameters()] == ["w", "v", "b"]
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    w, v, b = (model.state_dict()[name] for name in "wvb")
    for found in model.compile()(x):
        np.testing.assert_allclose(found, np.maximum(x @ w, 0) @ v.T + b, rtol=1e-5)


def test_every_node_that_is_not_supported_is_named():
    text = """
    network (float[4] x) => (float[4] y) {
        a = Missing(x)
        b = Add(a, x)
        y = AlsoMissing(x)
    }
    """
    with pytest.raises(tt.UnsupportedOperatorError, match=r"(?s)2 nodes.*missing_0.*alsomissing_2"):
        tt.onnx.load(parsed(text))


def test_a_value_that_nothing_makes_is_named():
    with pytest.raises(tt.ModelError, match=r"Add, of 'y'. takes 'nothing'"):
        tt.onnx.load(parsed("network (float[4] x) => (float[4] y) { y = Add(x, nothing) }"))


def test_a_sparse_initialiser_is_a_parameter_written_out():
    model = parsed("network (float[2, 3] x) => (float[2, 3] y) { y = Add(x, w) }")
    values = onnx.numpy_helper.from_array(np.array([2.0, 3.0], np.float32), "w")
    indices = onnx.numpy_helper.from_array(np.array([[0, 1], [1, 2]]))
    model.graph.sparse_initializer.add(values=values, indices=indices, dims=[2, 3])
    found = tt.onnx.load(model).compile()(np.ones((2, 3), np.float32))
    np.testing.assert_array_equal(found, np.array([[1, 3, 1], [1, 1, 4]], np.float32))


PARTS = """
network (float[batch, 4, 6] x) => (float[n, m] y, float[n] z)
<int64[1] zero = {0}, int64[1] one = {1}, int64[1] two = {2}, int64[1] far = {1000000000}> {
    extents = Shape(x)
    first = Slice(extents, zero, one)
    second = Slice(extents, one, two)
    last = Slice(extents, two, far)
    product = Mul(second, last)
    wanted = Concat<axis = 0>(first, product)
    narrow = Cast<to = 6>(wanted)
    wide = Cast<to = 7>(narrow)
    y = Reshape(x, wide)
    part = Slice(y, zero, far, zero)
    z = ReduceSum<keepdims = 0>(part, one)
}
"""


def test_parts_of_a_shape_are_numbers_where_no_extent_is_left():
    model = tt.onnx.load(parsed(PARTS))
    assert [str(item.shape) for item in model.outputs] == ["(batch, 24)", "(batch,)"]


@pytest.mark.parametrize(
    ("name", "symbol"), [("?", "x_0"), ("p2o.Dim.0", "p2o_Dim_0"), ("3d", "_3d"), ("", "x_0")]
)
def test_dimensions_of_odd_names_are_symbols(name, symbol):
    model = parsed("network (float[batch, 4] x) => (float[batch, 4] y) { y = Relu(x) }")
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = name
    assert str(tt.onnx.load(model).inputs[0].shape) == f"({symbol}, 4)"
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -1
    assert str(tt.onnx.load(model).inputs[0].shape) == "(x_0, 4)"


def test_dims_name_dimensions_that_the_model_has():
    model = parsed("network (float[batch, 4, ?] x) => (float[batch, 4, n] y) { y = Relu(x) }")
    assert str(tt.onnx.load(model, dims={"batch": 2, "x_2": "3*m"}).inputs[0].shape) == "(2, 4, 3*m)"
    for name in ("Batch", "n", "x_1", "m"):
        with pytest.raises(tt.ArgumentError, match=rf"'{name}', and the dim.* of .* are 'batch', 'x_2'"):
            tt.onnx.load(model, dims={name: 2})


MASKED = """
network (float[4] x) => (float[4] y, float[4] z)
<float[2] layer_w = {0.5, 2}, float[4] head_w = {1, 2, 3, 4}, float[4] mask = {0, 0, 0, 0},
 float[4] lowest = {0, 0, 0, 0}, float temperature = {2}>
{
    a = Mul(x, head_w)
    b = Add(a, mask)
    c = Add(b, lowest)
    d = Div(c, temperature)
    twice = Concat<axis = 0>(layer_w, layer_w)
    y = Mul(d, twice)
    z = Identity(mask)
}
"""


def masked():
    model = parsed(MASKED)
    named = {item.name: item for item in model.graph.initializer}
    for name, value in (("mask", -np.inf), ("lowest", np.finfo(np.float32).min)):
        named[name].CopyFrom(onnx.numpy_helper.from_array(np.array([0, 0, 0, value], np.float32), name))
    return model


def named(tensors):
    return [item.name for item in tensors]


def test_which_weights_are_trained_is_chosen_by_names_patterns_or_a_function():
    model = tt.onnx.load(masked())
    assert named(model.trainable()) == ["layer_w", "head_w"]
    assert [name for name, _ in model.named_parameters()] == ["layer_w", "head_w", "mask", "lowest"]
    assert named(model.trainable("layer_*")) == named(model.trainable(["layer_w"])) == ["layer_w"]
    assert named(model.trainable(["layer_w", "*"])) == ["layer_w", "head_w"]
    assert named(model.trainable(lambda name, tensor: tensor.shape == (4,))) == ["head_w"]
    for name, text in {
        "mask": "it is frozen", "temperature": "it is a constant", "layer": "there are 'layer_w', ...",
    }.items():  # fmt: skip
        with pytest.raises(tt.ArgumentError, match=f"no weight '{name}' that is trained: {text}"):
            model.trainable(name)
    dict(model.named_parameters())["mask"].requires_grad = True
    assert named(model.trainable("mask")) == ["mask"]


SIGNATURE = """
# inputs
p_w: PARAMETER target='layer_w'
p_t: PARAMETER target='temperature'
b_m: BUFFER target='lowest' persistent=False
x: USER_INPUT
"""


def test_what_pytorchs_exporter_says_of_initialisers_is_what_they_are():
    model = masked()
    model.graph.metadata_props.add(key="pkg.torch.export.ExportedProgram.graph_signature", value=SIGNATURE)
    read = tt.onnx.load(model)
    assert named(read.parameters()) == ["layer_w", "temperature"]
    assert [name for name, _ in read.named_buffers()] == ["lowest"]
    assert list(read.state_dict()) == ["layer_w", "temperature"]
    info = model.graph.value_info.add(name="head_w")
    info.metadata_props.add(key="pkg.onnxscript.optimizer.folded_from", value="['layer_w', 'val_1']")
    assert named(tt.onnx.load(model).trainable()) == ["layer_w", "head_w", "temperature"]


def test_what_python_says_of_an_operator_names_the_node(monkeypatch):
    def wrong(*_):
        raise IndexError("axis 7")

    monkeypatch.setattr(Operator, "__call__", wrong)
    model = parsed("network (float[4] x) => (float[4] y) { y = Relu(x) }")
    with pytest.raises(tt.ModelError, match=r"node 'relu_0' \(Relu\) has inputs or attributes.*: axis 7"):
        tt.onnx.load(model)
