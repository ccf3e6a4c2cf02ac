"""What PyTorch saved is loaded through it, and whatever is no tensor is refused by name and not executed."""

import pickle
import sys

import numpy as np
import pytest

import tinytorch as tt
from tinytorch import nn
from tinytorch.array_files import read_arrays

torch = pytest.importorskip("torch")


class Mischief:
    def __reduce__(self):
        return exec, ("raise AssertionError('executed')",)


def peers():
    torch.manual_seed(0)
    theirs = torch.nn.Sequential(
        torch.nn.Linear(6, 8), torch.nn.BatchNorm1d(8), torch.nn.ReLU(), torch.nn.Linear(8, 3)
    )
    return theirs, nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))


@pytest.mark.parametrize("suffix", ["pt", "pth"])
def test_a_network_loads_what_pytorch_saved_of_the_same(tmp_path, suffix):
    theirs, ours = peers()
    path = tmp_path / f"net.{suffix}"
    torch.save(theirs.state_dict(), path)
    assert ours.load(path) == ([], [])
    x = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    tensor = tt.input("x", ("n", 6))
    found = tt.compile(tensor, ours.eval()(tensor))(x)
    np.testing.assert_allclose(found, theirs.eval()(torch.from_numpy(x)).detach(), atol=1e-6)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(tt.ParseError, match="damaged"):
        ours.load(path)
    with pytest.raises(tt.ArgumentError, match="no file"):
        ours.load(tmp_path / f"none.{suffix}")


def test_arrays_keep_their_dtypes(tmp_path):
    path = tmp_path / "all.pt"
    kinds = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64")
    tensors = {kind: torch.arange(6).reshape(2, 3).to(getattr(torch, kind)).T for kind in kinds}
    torch.save(tensors, path)
    arrays, notes = read_arrays(path)
    assert notes == {}
    for kind, array in arrays.items():
        assert str(array.dtype) == kind
        np.testing.assert_array_equal(array.astype(np.float64), tensors[kind].double().numpy())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"epoch": 3, "model": {"w": torch.ones(2)}}, r"epoch.*int.*model.*dict(.|\n)*\)\['model'\]"),
        ([torch.ones(2)], "holds list, not tensors by name"),
        ({1: torch.ones(2)}, r"1 \(torch.Tensor\)"),
        ({"s": torch.eye(2).to_sparse()}, r"'s' \(torch.Tensor\)"),
        (torch.nn.Linear(2, 2), "more than tensors(.|\n)*state_dict"),
        ({"w": Mischief()}, "more than tensors"),
    ],
)
def test_what_is_no_dict_of_tensors_is_refused(tmp_path, content, message):
    path = tmp_path / "net.pt"
    torch.save(content, path)
    with pytest.raises(tt.ParseError, match=message):
        read_arrays(path)


def test_a_bare_pickle_is_not_executed(tmp_path):
    path = tmp_path / "net.pth"
    path.write_bytes(pickle.dumps({"w": Mischief()}))
    with pytest.raises(tt.ParseError, match="more than tensors"):
        nn.Linear(2, 2).load(path)


def test_without_pytorch_the_library_is_named(tmp_path, monkeypatch):
    path = tmp_path / "net.pt"
    path.write_bytes(b"")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(tt.MissingLibraryError, match="needs PyTorch"):
        nn.Linear(2, 2).load(path)
