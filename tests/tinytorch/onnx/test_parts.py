"""Nodes are in the parts of a model that its exporter says, in drawings and texts."""

import pytest

import tinytorch as tt
from tests.tinytorch.onnx.models import parsed
from tinytorch.onnx.importing.parts import path_of


def named(*names, note=""):
    """A chain of nodes of some names."""
    steps = "\n".join(f"v{k + 1} = Relu(v{k})" for k in range(len(names)))
    model = parsed(f"network (float[4] v0) => (float[4] v{len(names)}) {{ {steps} }}")
    for node, name in zip(model.graph.node, names, strict=True):
        node.name = name
        if note:
            node.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=note)
    return model


@pytest.mark.parametrize(
    ("name", "note", "path"),
    [
        ("", "", []),
        ("relu", "", ["relu"]),
        ("/Relu", "", []),
        ("/encoder/layers.0/act/Relu", "", ["encoder", "layers.0", "act"]),
        ("model/act/Relu;model/conv/Conv", "", ["model", "act"]),
        ("node_relu", "['', 'encoder', 'encoder.layers.0', 'relu_1']", ["encoder", "layers.0"]),
        ("node_relu", "['', 'relu']", []),
        ("..", "", []),
        ("/a/../b", "", ["a"]),
    ],
)
def test_the_parts_around_a_node(name, note, path):
    assert path_of(named(name, note=note).graph.node[0]) == path


def test_nodes_of_one_part_are_in_one_scope():
    model = tt.onnx.load(named("/a/x/Relu", "/a/y/Relu", "/b/Relu", "/a/x/Relu_1"))
    text = str(model.compile(passes=()).source_graph)
    scopes = [line.removeprefix("scope ") for line in text.splitlines() if line.startswith("scope ")]
    assert scopes == ["a.x", "a.y", "b", "a.x"]
