"""Modules of PyTorch: opened with their weights under their own names, and handed back."""

import sys

import numpy as np
import pytest

import tinytorch as tt

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

RNG = np.random.default_rng(0)


class Tied(torch.nn.Module):
    """Two layers that share one matrix, a buffer, a scale without axes, a frozen bias, and counters."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(3, 3)
        self.second = torch.nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.second.bias.requires_grad = False
        self.scale = torch.nn.Parameter(torch.tensor(0.5))
        self.register_buffer("shift", torch.arange(3.0))
        self.register_buffer("table", torch.tensor([2, 0, 1]))
        self.register_buffer("counted", torch.tensor(7))
        self.register_buffer("scratch", torch.ones(3), persistent=False)
        self.dropout = torch.nn.Dropout(0.5)

    def forward(self, x):
        y = self.dropout(self.second(torch.relu(self.first(x)))) * self.scale
        return y + self.shift * self.scratch


def test_states_go_both_ways_under_pytorchs_own_keys():
    torch.manual_seed(0)
    theirs = Tied()
    model = tt.from_torch(theirs, np.zeros((2, 3), np.float32), dynamic_shapes=({0: "batch"},))
    assert theirs.training  # as it was
    assert theirs.dropout.training
    assert [str(item.shape) for item in (*model.inputs, *model.outputs)] == ["(batch, 3)"] * 2
    trained = [name for name, item in model.named_parameters() if item.requires_grad]
    assert trained == ["scale", "first.weight", "first.bias"]
    assert len(model.trainable()) == 3
    assert [name for name, _ in model.named_buffers()] == ["shift", "table", "counted"]
    x = RNG.normal(size=(5, 3)).astype(np.float32)
    check(model, theirs, x)

    state = model.state_dict(layout="torch")
    assert {key: (array.shape, str(array.dtype)) for key, array in state.items()} == {
        key: (tuple(item.shape), str(item.dtype).removeprefix("torch."))
        for key, item in theirs.state_dict().items()
    }
    changed = {key: torch.from_numpy(np.asarray(array + array.dtype.type(1))) for key, array in state.items()}
    changed["table"] = state["table"][::-1].copy()
    theirs.load_state_dict({key: torch.as_tensor(value) for key, value in changed.items()})
    assert model.load_state_dict(theirs.state_dict()) == ([], [])
    check(model, theirs, x)


def check(model, theirs, x):
    with torch.no_grad():
        wanted = theirs.eval()(torch.from_numpy(x)).numpy()
    theirs.train()
    np.testing.assert_allclose(model.compile()(x), wanted, atol=1e-6)


class Parts(torch.nn.Module):
    """A weight that the exporter transposes, one without axes, buffers, and constants of three kinds."""

    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.ones(3, 4))
        self.scale = torch.nn.Parameter(torch.tensor(0.5))
        self.register_buffer("shift", torch.ones(4), persistent=False)
        self.register_buffer("table", torch.ones(4, 3))
        self.plain = torch.ones(3)

    def forward(self, x):
        mask = torch.ones(3, 3).tril().log()
        y = (x + self.shift) @ self.w.T * self.scale + torch.tensor([1.0, 2, 3]) + self.plain
        return y.unsqueeze(1) + mask + (x @ (self.table * 2)).unsqueeze(1)


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # PyTorch's exporter warns of PyTorch
def test_a_file_that_pytorch_has_optimised_still_says_what_is_trained():
    program = torch.onnx.export(Parts().eval(), (torch.zeros(2, 4),), dynamo=True, verbose=False)
    model = tt.onnx.load(program.model_proto)
    assert sorted(item.shape for item in model.trainable()) == [(), (4, 3)]
    assert [name for name, _ in model.named_buffers()] == ["shift"]
    assert len(model.parameters()) == 2


def test_what_is_no_module_or_cannot_be_exported_is_said():
    with pytest.raises(tt.ArgumentError, match=r"takes a torch.nn.Module, not list"):
        tt.from_torch([], torch.zeros(2))
    net = torch.nn.Linear(3, 2)
    with pytest.raises(tt.ArgumentError, match=r"an example is a torch.Tensor or an array.*not int"):
        tt.from_torch(net, (3,))
    with pytest.raises(tt.ModelError, match="PyTorch cannot export Linear"):
        tt.from_torch(net, torch.zeros(2, 4))


@pytest.mark.parametrize("library", ["torch", "onnxscript"])
def test_a_missing_library_is_named(monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(tt.MissingLibraryError, match=rf"(?i)needs.*{library}.*\n.*pip install"):
        tt.from_torch(torch.nn.Linear(3, 2), torch.zeros(2, 3))
