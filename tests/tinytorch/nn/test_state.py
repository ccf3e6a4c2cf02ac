"""What a network carries: running statistics, masks, modes, frozen weights, and states as dicts and files."""

import copy
import pickle

import numpy as np
import pytest

import tinytorch as tt
from tests.backends import ALL
from tinytorch import nn

X = np.random.default_rng(0).standard_normal((64, 6)).astype(np.float32)


def network(p=0.5, seed=0):
    return nn.Sequential(
        nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(p), nn.Linear(8, 3), seed=seed
    )


def training(net, **options):
    x = tt.input("x", ("n", 6))
    loss = (net(x) * net(x)).mean()
    return tt.compile(x, loss, updates=tt.optim.SGD(net.parameters(), 0.1).updates(loss), **options)


def mask_of(layer, x=None, **options):
    """A program that gives what a layer leaves of ones."""
    x = tt.input("x", (64, 6)) if x is None else x
    left = layer(x)
    return tt.compile(x, left, updates=nn.state_updates(left), **options)


# Updates


def test_a_program_that_forgets_state_is_an_error_that_says_where_and_what_to_do():
    net = network()
    x = tt.input("x", ("n", 6))
    y = net(x)
    with pytest.raises(tt.MissingUpdateError, match=r"batchnorm1d1.num_batches_tracked(.|\n)*net.eval\(\)"):
        tt.compile(x, y)
    updates = nn.state_updates(y)
    assert [p.name for p in updates] == [
        "batchnorm1d1.num_batches_tracked",
        "batchnorm1d1.running_mean",
        "batchnorm1d1.running_var",
        "dropout1.counter",
    ]
    del updates[net[3].counter]
    with pytest.raises(tt.MissingUpdateError, match=r"dropout1.counter(.|\n)*test_state.py"):
        tt.compile(x, y, updates=updates)
    weight = net[0].weight
    with pytest.raises(tt.MissingUpdateError):  # through gradients alone
        tt.compile(x, tt.grad(y.sum(), weight), updates={weight: weight * 2})
    assert nn.state_updates(net.eval()(x)) == {}
    tt.compile(x, net(x))


def test_an_optimiser_brings_state_along_and_clipped_gradients_need_it_said():
    net = network()
    x = tt.input("x", ("n", 6))
    loss = net(x).mean()
    optimiser = tt.optim.Adam(net.parameters())
    assert {*nn.state_updates(loss)} < {*optimiser.updates(loss)}
    clipped = optimiser.updates_from(tt.optim.clip_grad_norm(tt.grad(loss, net.parameters()), 1.0))
    with pytest.raises(tt.MissingUpdateError):
        tt.compile(x, loss, updates=clipped)
    tt.compile(x, loss, updates={**clipped, **nn.state_updates(loss)})


def test_a_layer_of_ones_own_with_a_buffer():
    class Counted(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("largest", np.float32(0))

        def forward(self, x):
            if self.training:
                nn.advance(self.largest, x, lambda old, new: tt.maximum(old, new.max()))
            return x / tt.maximum(self.largest, 1)

    layer = Counted()
    x = tt.input("x", (3,))
    y = layer(x)
    run = tt.compile(x, y, updates=nn.state_updates(y))
    for value in ([1, 5, 2], [4, 0, 0]):
        run(np.array(value, np.float32))
    assert tt.value_of(layer.largest) == 5
    assert layer.parameters() == []
    assert [path for path, _ in layer.named_buffers()] == ["largest"]


# Batch statistics


@pytest.mark.parametrize(
    ("name", "shape", "options"),
    [
        ("BatchNorm1d", (5, 3), {}),
        ("BatchNorm1d", (4, 3, 2), {"momentum": None, "eps": 1e-3}),
        ("BatchNorm2d", (2, 3, 4, 2), {"momentum": 0.3}),
        ("BatchNorm3d", (2, 3, 2, 2, 2), {"affine": False}),
        ("BatchNorm2d", (2, 3, 4, 2), {"track_running_stats": False}),
        ("InstanceNorm1d", (3, 4), {}),
        ("InstanceNorm2d", (2, 3, 4, 2), {"affine": True, "track_running_stats": True}),
    ],
)
def test_batches_are_normalised_and_tracked_as_by_torch(name, shape, options):
    torch = pytest.importorskip("torch")
    ours, theirs = (
        getattr(nn, name)(3, **options, dtype="float64"),
        getattr(torch.nn, name)(3, **options).double(),
    )
    x, seed = tt.input("x", shape, "float64"), tt.input("seed", shape, "float64")
    out = ours(x)
    wrt = [x, *ours.parameters()]
    step = tt.compile([x, seed], [out, *tt.grad(out, wrt, seed=seed)], updates=nn.state_updates(out))
    generator = np.random.default_rng(1)
    for _ in range(3):
        value, slope = generator.standard_normal(shape) * 2 + 1, generator.standard_normal(shape)
        given = torch.tensor(value, requires_grad=True)
        wanted = theirs(given)
        grads = torch.autograd.grad(wanted, [given, *theirs.parameters()], torch.tensor(slope))
        for found, right in zip(step(value, slope), [wanted, *grads], strict=True):
            np.testing.assert_allclose(found, right.detach().numpy(), rtol=1e-10, atol=1e-11)
    for key, array in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key], array.numpy(), rtol=1e-12)
    ours.eval(), theirs.eval()
    found = tt.compile(x, ours(x))(value)
    np.testing.assert_allclose(found, theirs(given).detach().numpy(), rtol=1e-10, atol=1e-12)


def test_variances_of_symbolic_batches_are_exact_and_finite_of_a_single_row():
    torch = pytest.importorskip("torch")
    ours, theirs = nn.BatchNorm1d(6, dtype="float64"), torch.nn.BatchNorm1d(6).double()
    x = tt.input("x", ("n", 6), "float64")
    y = ours(x)
    step = tt.compile(x, y, updates=nn.state_updates(y))
    rows = X[:7].astype(np.float64)
    step(rows), theirs(torch.tensor(rows))
    seen = tt.value_of(ours.running_var)
    np.testing.assert_allclose(seen, theirs.running_var.numpy(), rtol=1e-14)
    step(rows[:1])  # a last short batch, whose variance is 0
    np.testing.assert_allclose(tt.value_of(ours.running_var), 0.9 * seen, rtol=1e-14)


@pytest.mark.parametrize("backend", ALL)
def test_two_uses_of_a_norm_are_two_batches(backend):
    torch = pytest.importorskip("torch")
    ours, theirs = nn.BatchNorm1d(6), torch.nn.BatchNorm1d(6)
    x = tt.input("x", ("n", 6))
    y = ours(x) + ours(x * 2)
    step = tt.compile(x, y, updates=nn.state_updates(y), backend=backend)
    step(X)
    wanted = theirs(torch.tensor(X)) + theirs(torch.tensor(X) * 2)
    np.testing.assert_allclose(step(X), wanted.detach().numpy(), rtol=1e-4, atol=1e-5)
    theirs(torch.tensor(X)), theirs(torch.tensor(X) * 2)
    for key, array in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key], array.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "shape", "error"),
    [
        (nn.BatchNorm2d(3), (2, 3), r"BatchNorm2d takes \[n, channels, h, w\], not %x"),
        (nn.BatchNorm1d(3), (2, 4), "BatchNorm1d of 3 channels finds 4 in axis 1 of %x"),
        (nn.BatchNorm1d(3), (1, 3), "needs more than one value for each channel"),
        (nn.GroupNorm(2, 4), (2, 3, 5), "2 groups of equal size, not"),
        (nn.Dropout2d(), (2, 3), "Dropout2d takes"),
    ],
)
def test_shapes_that_do_not_fit_are_named(layer, shape, error):
    with pytest.raises(tt.ShapeError, match=error):
        layer(tt.input("x", shape))


# Masks


def test_dropout_keeps_the_mean_and_is_another_mask_each_time_place_and_use():
    layers = nn.Sequential(nn.Dropout(0.25), nn.Dropout(0.25), seed=3)
    x = tt.input("x", (64, 600))
    outs = [layers[0](x), layers[1](x), layers[0](x)]
    run = tt.compile(x, outs, updates=nn.state_updates(*outs))
    ones = np.ones((64, 600), np.float32)
    masks = [*run(ones), *run(ones)]
    for mask in masks:
        assert {*np.unique(mask)} == {np.float32(0), np.float32(1 / 0.75)}
        assert abs(mask.mean() - 1) < 0.01
    kept = np.array([mask.ravel() > 0 for mask in masks], float)
    assert np.abs(np.corrcoef(kept) - np.eye(6)).max() < 0.02
    assert tt.value_of(layers[0].counter) == 4  # two draws a call
    again = nn.Sequential(nn.Dropout(0.25), nn.Dropout(0.25), seed=3)
    np.testing.assert_array_equal(mask_of(again[0], tt.input("x", (64, 600)))(ones), masks[0])


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("passes", [None, ()])
def test_the_backward_pass_drops_what_the_forward_pass_did(backend, passes):
    layer = nn.Dropout(0.5, seed=1)
    x = tt.input("x", (64, 6))
    y = layer(x)
    run = tt.compile(
        x, [y, tt.grad((y * y).sum(), x)], updates=nn.state_updates(y), backend=backend, passes=passes
    )
    first, slope = run(X)
    np.testing.assert_allclose(slope, 2 * first * 2, rtol=1e-6)
    np.testing.assert_array_equal(first, mask_of(nn.Dropout(0.5, seed=1))(X))


def test_channels_are_dropped_whole_and_alpha_keeps_two_moments():
    ones = np.ones((8, 50, 4, 3), np.float32)
    left = mask_of(nn.Dropout2d(0.4, seed=0), tt.input("x", ones.shape))(ones)
    channels = left.reshape(8, 50, -1)
    assert (channels == channels[:, :, :1]).all()
    assert 0.3 < (channels[:, :, 0] == 0).mean() < 0.5
    many = np.random.default_rng(0).standard_normal((200, 500)).astype(np.float32)
    left = mask_of(nn.AlphaDropout(0.3, seed=0), tt.input("x", many.shape))(many)
    assert abs(left.mean()) < 0.02
    assert abs(left.var() - 1) < 0.03


def test_probabilities_at_the_ends_and_beyond():
    assert (mask_of(nn.Dropout(1.0, seed=0))(X) == 0).all()
    x = tt.input("x", (2,))
    assert nn.Dropout(0.0)(x) is x
    assert nn.Dropout().eval()(x) is x
    with pytest.raises(tt.ArgumentError, match="between 0 and 1"):
        nn.Dropout(1.5)


# Modes and freezing


def test_modes_reach_every_module_and_stay_in_programs():
    net = nn.Sequential(
        nn.Residual(nn.Sequential(nn.Linear(6, 6), nn.Dropout())), nn.ModuleList([nn.Dropout()])
    )
    assert all(module.training for module in net.modules())
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    net.train()
    assert all(module.training for module in net.modules())
    copied = copy.deepcopy(net.eval())
    assert not copied[0].inner[1].training


def test_frozen_weights_are_left_as_they_are():
    net = network(0.0)
    net[0].requires_grad_(False)
    assert [p.requires_grad for p in net.parameters()] == [False, False, True, True, True, True]
    assert [p.requires_grad for p in pickle.loads(pickle.dumps(net)).parameters()][:3] == [False, False, True]  # noqa: S301  # our own bytes
    before = net.state_dict()
    training(net)(X)
    after = net.state_dict()
    same = [key for key in before if np.array_equal(before[key], after[key])]
    assert same == ["dense1.weight", "dense1.bias"]
    net.requires_grad_(False)
    with pytest.raises(tt.ArgumentError, match="no parameter has requires_grad"):
        tt.optim.SGD(net.parameters())
    with pytest.raises(tt.ArgumentError, match="no buffer"):
        net[1].running_mean.requires_grad = True


# Dicts and files


def test_a_state_goes_to_torch_and_back():
    torch = pytest.importorskip("torch")
    net = network()
    theirs = torch.nn.Sequential(
        torch.nn.Linear(6, 8),
        torch.nn.BatchNorm1d(8),
        torch.nn.ReLU(),
        torch.nn.Dropout(),
        torch.nn.Linear(8, 3),
    )
    assert net.load_state_dict(theirs.state_dict()) == ([], [])
    x = tt.input("x", ("n", 6))
    found = tt.compile(x, net.eval()(x))(X)
    np.testing.assert_allclose(found, theirs.eval()(torch.tensor(X)).detach().numpy(), rtol=1e-4, atol=1e-6)
    for key, array in net.state_dict(layout="torch").items():
        np.testing.assert_array_equal(array, theirs.state_dict()[key].numpy())
    with pytest.raises(tt.StateError, match="layout='torch'"):
        net.load_state_dict({key: array.numpy() for key, array in theirs.state_dict().items()})


def test_what_does_not_fit_is_named_and_nothing_is_written():
    net = network()
    before = net.state_dict()
    state = {key: array + 1 for key, array in before.items()}
    state["dense1.weight"] = state["dense1.weight"].T
    state["batchnorm1d1.num_batches_tracked"] = np.array(1.5)
    state["old"] = state.pop("dense2.bias")
    with pytest.raises(tt.StateError) as caught:
        net.load_state_dict(state)
    for line in (
        "dense1.weight is [6, 8], and was given [8, 6]; its transpose fits",
        "batchnorm1d1.num_batches_tracked is int64, and was given float64",
        "dense2.bias is missing",
        "old is no part of the network",
    ):
        assert line in str(caught.value)
    assert all(np.array_equal(array, before[key]) for key, array in net.state_dict().items())
    with pytest.raises(tt.StateError, match=r"dense1.bias cannot be loaded.*complex"):
        net.load_state_dict({"dense1.bias": before["dense1.bias"].astype(complex)})
    del state["dense1.weight"], state["batchnorm1d1.num_batches_tracked"]
    fit = net.load_state_dict(state, strict=False)
    assert fit == (["dense1.weight", "batchnorm1d1.num_batches_tracked", "dense2.bias"], ["old"])
    np.testing.assert_array_equal(net.state_dict()["dense2.weight"], before["dense2.weight"] + 1)


def test_shared_weights_are_saved_once_and_load_from_either_place():
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    state = net.state_dict()
    assert [*state] == ["dense1.weight", "dense1.bias", "dense2.bias"]
    moved = {**state, "dense2.weight": state["dense1.weight"]}
    assert net.load_state_dict(moved) == ([], [])
    del moved["dense1.weight"]
    assert net.load_state_dict(moved) == ([], [])
    with pytest.raises(tt.StateError, match="one tensor here, and differ"):
        net.load_state_dict({**state, "dense2.weight": state["dense1.weight"] + 1})


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_files_hold_states_whole_or_not_at_all(tmp_path, suffix, dtype):
    if suffix == "safetensors":
        pytest.importorskip("safetensors")
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    net, other = (
        nn.Sequential(nn.Linear(4, 3, dtype=dtype), nn.BatchNorm1d(3), seed=seed) for seed in (0, 1)
    )
    path = net.save(tmp_path / f"net.{suffix}")
    other.load(path)
    for key, array in net.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[key], array)
        assert other.state_dict()[key].dtype == array.dtype
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(tt.ParseError, match="damaged"):
        other.load(path)
    with pytest.raises(tt.ArgumentError, match=r"\.npz or \.safetensors"):
        net.save(tmp_path / "net.pt")
    assert [item.name for item in tmp_path.iterdir()] == [path.name]
    with pytest.raises(tt.ArgumentError, match="no file"):
        net.load(tmp_path / f"none.{suffix}")


# Containers


def test_lists_and_dicts_of_modules_are_lists_and_dicts():
    layers = nn.ModuleList([nn.Linear(2, 2)]).append(nn.Tanh())
    layers.insert(0, nn.Identity("whatever", it="is"))
    layers.extend([nn.Linear(2, 2)])
    assert [type(layer).__name__ for layer in layers] == ["Identity", "Dense", "Tanh", "Dense"]
    assert len(layers[1:]) == 3
    layers[3] = nn.Linear(2, 1)
    net = nn.Module()
    net.layers, net.heads = layers, nn.ModuleDict({"a": nn.Linear(2, 2)})
    net.heads["b"] = nn.Linear(2, 3)
    assert [path for path, _ in net.named_parameters()] == [
        "layers.1.weight", "layers.1.bias", "layers.3.weight", "layers.3.bias",
        "heads.a.weight", "heads.a.bias", "heads.b.weight", "heads.b.bias",
    ]  # fmt: skip
    assert "b" in net.heads
    assert [*net.heads] == [*net.heads.keys()] == ["a", "b"]
    with pytest.raises(tt.ArgumentError, match="only modules"):
        layers.append(np.tanh)


def test_a_residual_adds_what_went_around():
    net = nn.Residual(nn.Linear(2, 3), nn.Linear(2, 3))
    x = tt.input("x", ("n", 2))
    ones = np.ones((1, 2), np.float32)
    inner, shortcut = (tt.compile(x, layer(x))(ones) for layer in (net.inner, net.shortcut))
    np.testing.assert_allclose(tt.compile(x, net(x))(ones), inner + shortcut, rtol=1e-6)
