"""Summaries: each call of a module, with its shapes, weights and operations."""

import pytest

import tinytorch as tt
from tinytorch import nn


class Twice(nn.Module):
    """Calls one layer twice, holds another in a list, and returns two tensors."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.heads = [nn.Linear(4, 2, bias=False)]

    def forward(self, x, y):
        x = self.layer(self.layer(x) + y)
        return {"head": self.heads[0](x), "x": x}


def test_each_call_is_a_row_and_formulas_are_bound():
    net = Twice()
    net.layer.requires_grad_(False)
    found = tt.summary(net, ("n", 4), tt.input("y", (4,)))
    rows = [(layer.path, layer.kind, layer.outputs, layer.parameters, layer.frozen) for layer in found.layers]
    assert rows == [
        ("", "Twice", ("f32[n,2]", "f32[n,4]"), 28, 20),
        ("layer", "Dense", ("f32[n,4]",), 20, 20),
        ("layer", "Dense", ("f32[n,4]",), 0, 0),
        ("heads.0", "Dense", ("f32[n,2]",), 8, 0),
    ]
    assert [str(layer.flops) for layer in found.layers] == ["92*n", "36*n", "36*n", "16*n"]
    assert found.at(n=10).total.flops == 920
    assert found.to_dict()["layers"][3]["flops"] == "16*n"
    lines = str(found).splitlines()
    assert lines[0].split() == ["layer", "kind", "output", "parameters", "flops"]
    assert lines[2].startswith("  layer    Dense  f32[n,4]")
    assert lines[-1] == "28 parameters, 20 of them frozen"


def test_layers_within_layers_are_indented_and_buffers_counted():
    net = nn.Sequential(nn.Residual(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))))
    found = tt.summary(net, ("n", 3))
    assert [layer.path for layer in found.layers] == [
        "", "residual1", "residual1.inner", "residual1.inner.dense1", "residual1.inner.batchnorm1d1",
    ]  # fmt: skip
    assert "      dense1" in str(found)
    assert "and 7 numbers in buffers" in str(found)


def test_what_is_no_network_or_no_input_is_an_error():
    with pytest.raises(tt.ArgumentError, match=r"a summary is of a tt\.nn\.Module, not of"):
        tt.summary(tt.relu, ("n", 3))
    with pytest.raises(tt.ArgumentError, match=r"given tensors, or shapes as \('batch', 784\), not 3"):
        tt.summary(nn.Linear(3, 3), 3)
