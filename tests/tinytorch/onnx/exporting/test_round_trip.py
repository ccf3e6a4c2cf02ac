"""Export, import, export again: the same text, names and all; formulas are the same op again."""

import json

import numpy as np
import onnx
import pytest

import tinytorch as tt
from tests.tinytorch.onnx.exporting.networks import NETWORKS, built
from tests.tinytorch.onnx.exporting.running import operators_of


def text_of(model, *, with_names=True):
    """A model's text without the lines that say where a node was written; initialisers by name."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.initializer.sort(key=lambda item: item.name)
    for node in copy.graph.node:
        del node.metadata_props[:]
        node.name = node.name if with_names else ""
    return onnx.printer.to_text(copy)


def numbered(model):
    """A model whose values between are numbered in their order, and not listed."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.value_info[:]
    kept = {item.name for item in (*copy.graph.input, *copy.graph.initializer, *copy.graph.output)}
    names = {}
    for node in copy.graph.node:
        for place in node.input, node.output:
            place[:] = [name if name in kept else names.setdefault(name, str(len(names))) for name in place]
    return copy


def again(model):
    return tt.onnx.to_model(tt.onnx.load(model))


TURNED = {"encoder", "recurrent"}
"""Networks that transpose operands of products, which are part of the products when they come back."""


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_comes_back_as_it_was(name):
    net, x, _ = built(name)
    model = tt.onnx.to_model(net, inputs=[x])
    both = [model, again(model)]
    if name == "recurrent":  # what prepares its weights has no name at first
        both = [numbered(item) for item in both]
        assert operators_of(model).count("LSTM") == 1
    mine, theirs = (text_of(item, with_names=name not in TURNED) for item in both)
    assert theirs == mine


def test_weights_buffers_and_constants_come_back_as_what_they_were():
    net = tt.nn.Sequential(tt.nn.Linear(4, 3), tt.nn.BatchNorm1d(3)).eval()
    net[0].bias.requires_grad = False
    x = tt.input("x", ("n", 4))
    y = net(x) * tt.parameter(2.0, "scale") + tt.constant([0.5, 1.0, 2.0])
    back = tt.onnx.load(tt.onnx.to_model(inputs=[x], outputs=[y]))
    named = {item.name: item for item in back.parameters()}
    assert len(named) == len(net.parameters()) + 1
    frozen = {name for name, item in named.items() if not item.requires_grad}
    assert (frozen, len(back.buffers())) == ({net[0].bias.name}, 2)
    model = tt.onnx.to_model(inputs=[x], outputs=[tt.parameter([1.0, 2, 3, 4], "w") * x])
    assert not model.metadata_props
    model.metadata_props.add(key="tinytorch.parameters", value='{"w": "weight"}')
    with pytest.raises(tt.ModelError, match=r"'tinytorch.parameters' say by name whether .* trained, frozen"):
        tt.onnx.load(model)


def formulas(x):
    ours = tt.elementwise("bump", lambda x, *, height=2.0: tt.exp(-x * x) * height + tt.tanh(x) / (1 + x * x))
    y = ours(x, height=3.0)
    return {"y": tt.hard_shrink(y) + tt.lgamma(x * x + 1), "slope": tt.grad(tt.tanh_shrink(y).sum(), x)}


def test_formulas_are_the_same_ops_again():
    x = tt.input("x", ("n", 3))
    model = tt.onnx.to_model(inputs=[x], outputs=formulas(x))
    back = tt.onnx.load(model)
    texts = [str(tt.compile(x, list(outputs), backend="reference").source_graph)
             for x, outputs in ((x, formulas(x).values()), (back.inputs[0], back.outputs))]  # fmt: skip
    for name in ("bump", "hard_shrink"):
        mine, theirs = (next(i for i in text.splitlines() if i.startswith(f"op {name}(")) for text in texts)
        assert mine == theirs
    assert text_of(again(model)) == text_of(model)


def test_a_training_step_goes_on_where_it_was_written():
    net, x, batch = built("dense")
    labels = tt.input("labels", ("batch",), "int64")
    loss = tt.losses.cross_entropy(net(x), labels)
    updates = tt.optim.Adam(net.parameters()).updates(loss)
    step = tt.compile([x, labels], {"loss": loss}, updates=updates, backend="reference", passes=())
    step(fed := batch(4), numbers := np.array([0, 1, 2, 3]))
    model = tt.onnx.to_model(step, doc="One step.", metadata={"author": "somebody"})
    back = tt.onnx.load(model)
    assert (back.document, back.metadata["author"], len(back.outputs)) == ("One step.", "somebody", 1)
    further = back.compile(backend="reference", passes=())
    for _ in range(2):
        np.testing.assert_allclose(further(fed, numbers), step(fed, numbers)["loss"], rtol=1e-6)
    once_more = again(model)
    assert once_more.doc_string == "One step."
    states, kept = (json.loads({i.key: i.value for i in item.metadata_props}["tinytorch.states"])
                    for item in (model, once_more))  # fmt: skip
    assert states == kept


def test_states_of_what_is_not_there_are_refused():
    x = tt.input("x", (2,))
    model = tt.onnx.to_model(inputs=[x], outputs=[x + 1])
    for text in ('{"w": "w.next"}', "[", "3", '{"x": []}'):
        del model.metadata_props[:]
        entry = model.metadata_props.add()
        entry.key, entry.value = "tinytorch.states", text
        with pytest.raises(tt.ModelError, match="are not an output and an initialiser"):
            tt.onnx.load(model)


def test_polynomials_of_extents_come_back():
    x = tt.input("x", ("2*n+1", "m"))
    model = tt.onnx.to_model(inputs=[x], outputs=[x * 2])
    assert str(tt.onnx.load(model).inputs[0].shape) == "(2*n+1, m)"


def test_a_function_that_is_not_what_it_says_is_taken_as_it_is():
    x = tt.input("x", (3,))
    model = tt.onnx.to_model(inputs=[x], outputs={"y": tt.hard_shrink(x)})
    (function,) = model.functions
    assert function.node[-1].op_type == "Where"
    chosen = function.node[-1].input
    chosen[1], chosen[2] = chosen[2], chosen[1]
    found = tt.onnx.load(model).compile()(np.float32([-2, 0.25, 3]))
    np.testing.assert_array_equal(found, [0, 0.25, 0])
    assert "hard_shrink" not in operators_of(again(model))
