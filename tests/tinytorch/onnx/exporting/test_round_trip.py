"""Export, import, export again: the same text, names and all; formulas are the same op again."""

import numpy as np
import onnx
import pytest

import tinytorch as tt
from tests.tinytorch.onnx.exporting.networks import built
from tests.tinytorch.onnx.exporting.running import operators_of


def text_of(model):
    """A model's text without the lines that say where a node was written; initialisers by name."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.initializer.sort(key=lambda item: item.name)
    for node in copy.graph.node:
        del node.metadata_props[:]
    return onnx.printer.to_text(copy)


def again(model):
    return tt.onnx.to_model(tt.onnx.load(model))


@pytest.mark.parametrize("name", ["dense"])
def test_a_network_comes_back_as_it_was(name):
    net, x, _ = built(name)
    model = tt.onnx.to_model(net, inputs=[x])
    assert text_of(again(model)) == text_of(model)


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
