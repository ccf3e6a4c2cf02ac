"""Networks, their gradients and training steps: valid models that compute the same, for any batch."""

import json

import numpy as np
import onnx
import pytest

import tinytorch as tt
from tests.tinytorch.onnx.exporting.networks import NETWORKS, built
from tests.tinytorch.onnx.exporting.running import assert_close, assert_same, operators_of, session_of

ONE_NODE_A_LAYER = {
    "dense": ["Gemm", "Tanh", "Gemm"],
    "images": ["Conv", "Relu", "MaxPool", "Conv", "Gelu", "Reshape", "Gemm"],
    "normalised": [
        "Conv", "BatchNormalization", "LeakyRelu", "AveragePool", "Reshape", "LayerNormalization", "Gemm",
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_of_a_symbolic_batch_runs_at_two_sizes(name):
    net, x, batch = built(name)
    model = tt.onnx.to_model(net, inputs=[x])
    session = session_of(model)
    program = tt.compile(x, net(x), backend="reference", passes=())
    for count in (1, 3):
        (found,) = session.run(None, {"x": (array := batch(count))})
        assert_close(found, program(array), 1e-5)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    if name in ONE_NODE_A_LAYER:
        assert operators_of(model) == ONE_NODE_A_LAYER[name]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_gradients_of_a_network(name):
    net, x, batch = built(name)
    labels = tt.input("labels", ("batch",), "int64")
    loss = tt.losses.cross_entropy(net(x), labels)
    weights = [item for item in net.parameters() if item.requires_grad]
    gradients = tt.grad(loss, weights)
    arrays = [batch(3), np.array([0, 4, 2])]
    assert_same([x, labels], [loss, *gradients], arrays, tolerance=3e-5)


def test_a_training_step_has_its_states_as_inputs_and_outputs():
    net, x, batch = built("images")
    labels = tt.input("labels", ("batch",), "int64")
    loss = tt.losses.cross_entropy(net(x), labels)
    updates = tt.optim.Adam(net.parameters()).updates(loss)
    step = tt.compile([x, labels], {"loss": loss}, updates=updates, backend="reference", passes=())
    model = tt.onnx.to_model(step)
    session = session_of(model)
    states = json.loads({item.key: item.value for item in model.metadata_props}["tinytorch.states"])
    assert set(states) == {item.name for item in session.get_overridable_initializers()}
    outputs, state = [item.name for item in session.get_outputs()], {}
    assert set(states.values()) | {"loss"} == set(outputs)
    fed = {"x": batch(4), "labels": np.array([0, 1, 2, 3])}
    for _ in range(3):
        found = dict(zip(outputs, session.run(None, {**fed, **state}), strict=True))
        state = {name: found[following] for name, following in states.items()}
        wanted = step(fed["x"], fed["labels"])["loss"]
        assert_close(found["loss"], wanted, 1e-5)
    for name, value in net.state_dict().items():
        np.testing.assert_allclose(state[name], value, rtol=1e-3, atol=1e-5)


def test_updates_may_be_given_with_tensors():
    w = tt.parameter([1.0, 2.0], "w")
    x = tt.input("x", (2,))
    loss = (w * x).sum()
    model = tt.onnx.to_model(inputs=[x], outputs=[loss], updates={w: w - tt.grad(loss, w)})
    found = session_of(model).run(["w.next"], {"x": np.float32([3, 5])})
    np.testing.assert_array_equal(found[0], [-2, -3])


@pytest.mark.parametrize("opset", [18, 19, 20, 21, 23, 24, 26])
def test_older_opsets_say_the_same(opset):
    x = tt.input("x", ("n", 6))
    outputs = [tt.gelu(x), tt.cumprod(x, 1), tt.softmax(x, 1), x.max(1), tt.any(x > 0, 1), tt.mish(x)]
    array = np.linspace(-2, 2, 12, dtype=np.float32).reshape(2, 6)
    model = assert_same([x], outputs, [array], opset=opset)
    assert model.opset_import[0].version == opset


def test_formulas_may_be_written_out():
    x = tt.input("x", ("n", 3))
    outputs = [tt.lgamma(x), tt.hard_shrink(x), tt.grad(tt.gelu(x).sum(), x)]
    array = np.float32([[0.25, -1, 2]])
    plain = assert_same([x], outputs, [array], functions=False)
    assert (list(plain.functions), len(plain.opset_import)) == ([], 1)
    assert len(tt.onnx.to_model(inputs=[x], outputs=outputs).functions) == 3


def test_an_opset_that_nothing_runs_is_refused():
    x = tt.input("x", (2,))
    for opset in (17, 1000):
        with pytest.raises(tt.ArgumentError, match="opset is 18 to"):
            tt.onnx.to_model(inputs=[x], outputs=[x + 1], opset=opset)


def test_the_same_graph_gives_the_same_bytes():
    net, x, _ = built("encoder")
    first, second = (tt.onnx.to_model(net, inputs=[x]).SerializeToString(deterministic=True) for _ in "ab")
    assert first == second


def test_names_scopes_lines_and_documents_survive():
    x = tt.input("x", ("n", 4))
    with tt.scope("encoder"), tt.scope("block.0"):
        h = tt.silu(x).named("h")
        y = tt.hard_shrink(h)
    model = tt.onnx.to_model(
        inputs=[x], outputs={"y": y}, name="net", doc="What it is for.", metadata={"author": "somebody"}
    )
    assert (model.graph.name, model.doc_string, model.graph.doc_string) == ("net", *["What it is for."] * 2)
    assert [(item.key, item.value) for item in model.metadata_props] == [("author", "somebody")]
    names = [node.name for node in model.graph.node]
    assert names == ["/encoder/block.0/Sigmoid", "/encoder/block.0/Mul", "/encoder/block.0/hard_shrink"]
    assert [list(node.output) for node in model.graph.node[1:]] == [["h"], ["y"]]
    assert [item.name for item in model.graph.value_info] == ["h"]
    assert "h = tt.silu(x)" in model.graph.node[0].metadata_props[0].value
    assert model.graph.node[0].doc_string == "silu(x) = x * sigmoid(x)"
    (function,) = model.functions
    assert function.doc_string.startswith("hard_shrink(x, lambd)")


def test_weights_may_lie_beside_the_file(tmp_path):
    x = tt.input("x", ("n", 64))
    w = tt.parameter(np.arange(64 * 32, dtype=np.float32).reshape(64, 32), "w")
    path = tt.onnx.save(tmp_path / "net.onnx", inputs=[x], outputs=[x @ w], external_data=True)
    again = tt.onnx.save(tmp_path / "net.onnx", inputs=[x], outputs=[x @ w], external_data=True)
    assert path == again
    assert sorted(item.name for item in tmp_path.iterdir()) == ["net.onnx", "net.onnx.data"]
    assert path.stat().st_size < 1000 < (tmp_path / "net.onnx.data").stat().st_size < 10_000
    onnx.checker.check_model(str(path), full_check=True)
    rows = np.ones((2, 64), np.float32)
    np.testing.assert_allclose(tt.onnx.load(path).compile()(rows), rows @ tt.value_of(w))


def test_results_that_are_leaves_or_twice_the_same_are_copies():
    x = tt.input("x", (2,))
    y = x + 1
    c = tt.constant([1.0, 2.0])
    assert_same([x], [x, y, y, tt.stop_gradient(y), c], [np.float32([1, 2])])


def test_examples_stand_for_the_inputs_of_a_module(tmp_path):
    net = tt.nn.Sequential(tt.nn.Linear(3, 2))
    model = tt.onnx.to_model(net, inputs=[np.zeros((4, 3), np.float32)])
    (found,) = model.graph.input
    assert (found.name, [item.dim_value for item in found.type.tensor_type.shape.dim]) == ("input", [4, 3])


def test_a_graph_that_was_read_from_text_is_recognised_too():
    x = tt.input("x", ("n", 5))
    text = str(tt.compile(x, tt.softmax(tt.max_pool1d(x, 2, 1), -1)).source_graph)
    assert operators_of(tt.onnx.to_model(tt.parse(text))) == ["Unsqueeze", "MaxPool", "Squeeze", "Softmax"]


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (lambda x: tt.onnx.to_model(), "nothing to export"),
        (lambda x: tt.onnx.to_model(tt.nn.Linear(2, 2)), "a module is exported for inputs"),
        (lambda x: tt.onnx.to_model(tt.compile(x, x + 1), inputs=[x]), "of its own"),
        (lambda x: tt.onnx.to_model([x + 1], outputs=[x]), "given twice"),
        (lambda x: tt.onnx.to_model(outputs=[3]), "are tensors, not 3"),
        (lambda x: tt.onnx.to_model(inputs=[x + 1], outputs=[x + 2]), "made by tt.input"),
        (lambda x: tt.onnx.to_model(x, opset="21"), "opset is 18 to"),
        (lambda x: tt.onnx.to_model(x, updates={x: x + 1}), "only parameters are updated"),
        (lambda x: tt.onnx.to_model(x, updates={tt.parameter([1.0]): x}), "an update keeps the type"),
    ],
)
def test_what_cannot_be_meant_is_an_argument_error(ask, text):
    with pytest.raises(tt.ArgumentError, match=text):
        ask(tt.input("x", (2,)))
