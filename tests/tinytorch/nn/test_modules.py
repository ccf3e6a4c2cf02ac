"""Modules: parameters in order, names from places, one seed for a network, layers equal to torch's."""

import pickle

import numpy as np
import pytest

from compiler.errors import ArgumentError, ShapeError
from tinytorch import api, losses, nn, optim
from tinytorch.nn import initialisers
from tinytorch.ops.activations import relu


def values(module):
    return [api.value_of(p) for p in module.parameters()]


def digits(seed):
    return nn.Sequential(nn.Dense(64, 32), nn.GELU(), nn.Dense(32, 10), seed=seed)


def test_names_are_places():
    names = [p.name for p in digits(0).parameters()]
    assert names == ["dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias"]


def test_a_name_goes_before_the_places():
    net = nn.Sequential(
        nn.Dense(2, 2), nn.Sequential(nn.Dense(2, 2, name="head"), nn.LayerNorm(2)), name="student"
    )
    assert [p.name for p in net.parameters()] == [
        "student.dense1.weight",
        "student.dense1.bias",
        "student.sequential1.head.weight",
        "student.sequential1.head.bias",
        "student.sequential1.layernorm1.weight",
        "student.sequential1.layernorm1.bias",
    ]


def test_parameters_of_a_lone_layer_are_named_after_it_if_it_has_a_name():
    assert [p.name for p in nn.Dense(1, 2).parameters()] == ["weight", "bias"]
    assert [p.name for p in nn.Dense(1, 2, name="out").parameters()] == ["out.weight", "out.bias"]


class Residual(nn.Module):
    def __init__(self):
        super().__init__(seed=4)
        self.scale = api.parameter([2.0], "scale")
        self.inner = nn.Dense(3, 3)
        self.branches = [nn.Dense(3, 3), {"last": nn.Dense(3, 3, bias=False)}]
        self.again = self.inner

    def forward(self, x):
        for branch in (self.inner, self.branches[0], self.branches[1]["last"]):
            x = x + relu(branch(x)) * self.scale
        return x


def test_a_module_of_ones_own():
    net = Residual()
    names = [p.name for p in net.parameters()]
    assert names == [
        "scale",
        "inner.weight",
        "inner.bias",
        "branches.0.weight",
        "branches.0.bias",
        "branches.1.last.weight",
    ]
    x = api.input("x", ("n", 3))
    loss = net(x).sum()
    updates = optim.SGD(net.parameters(), 0.01).updates(loss)
    before = values(net)
    api.compile(x, loss, updates=updates)(np.ones((2, 3), "float32"))
    assert any((a != b).any() for a, b in zip(before, values(net), strict=True))


def test_parameters_are_the_same_tensors_each_time():
    net = digits(0)
    first = net.parameters()
    net(api.input("x", ("n", 64)))
    assert all(a is b for a, b in zip(first, net.parameters(), strict=True))


def test_a_seed_decides_every_value():
    for a, b in zip(values(digits(1)), values(digits(1)), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (values(digits(1))[0] != values(digits(2))[0]).any()
    twins = values(nn.Sequential(nn.Dense(3, 3), nn.Dense(3, 3), seed=0))
    assert (twins[0] != twins[2]).any()


def test_values_do_not_depend_on_what_is_read_first():
    one, other = digits(1), digits(1)
    assert other[2].bias is not None
    np.testing.assert_array_equal(values(one)[0], values(other)[0])
    np.testing.assert_array_equal(values(one)[3], values(other)[3])


def test_a_generator_goes_on():
    def both(seed):
        generator = np.random.default_rng(seed)
        return nn.Dense(3, 3, seed=generator), nn.Dense(3, 3, seed=generator)

    first, second = both(0)
    again, _ = both(0)
    assert (values(first)[0] != values(second)[0]).any()
    np.testing.assert_array_equal(values(first)[0], values(again)[0])


def test_without_a_seed_layers_differ():
    assert (values(nn.Dense(3, 3))[0] != values(nn.Dense(3, 3))[0]).any()


MATRICES = [name for name in nn.INITIALISERS if name != "dirac"]

BOUNDS = {
    "torch_linear": 1 / np.sqrt(100),
    "kaiming_uniform": np.sqrt(6 / 100),
    "xavier_uniform": np.sqrt(6 / 300),
    "he_uniform": np.sqrt(6 / 100),
    "glorot_uniform": np.sqrt(6 / 300),
    "lecun_uniform": np.sqrt(3 / 100),
    "random_uniform": 0.05,
    "trunc_normal": 2.0,
    "truncated_normal": 0.1,
    "eye": 1.0,
    "identity": 1.0,
    "zeros": 0.0,
    "ones": 1.0,
}


DEVIATIONS = {
    "kaiming_normal": np.sqrt(2 / 100),
    "xavier_normal": np.sqrt(2 / 300),
    "he_normal": np.sqrt(2 / 100),
    "glorot_normal": np.sqrt(2 / 300),
    "lecun_normal": np.sqrt(1 / 100),
    "normal": 1.0,
    "random_normal": 0.05,
    "orthogonal": np.sqrt(1 / 200),
}


@pytest.mark.parametrize("name", MATRICES)
def test_initialisers(name):
    weight = values(nn.Dense(100, 200, initialiser=name, seed=0))[0]
    assert weight.shape == (100, 200)
    if name in BOUNDS:
        assert np.abs(weight).max() <= np.float32(BOUNDS[name])
        assert np.abs(weight).max() >= 0.99 * BOUNDS[name]
    else:
        assert abs(weight.std() / DEVIATIONS[name] - 1) < 0.02
    if name not in ("zeros", "ones", "eye", "identity"):
        assert abs(weight.mean()) < 3 * weight.std() / np.sqrt(weight.size)


def test_initialisers_of_kernels_count_their_elements():
    torch = pytest.importorskip("torch")
    generator = np.random.default_rng(0)
    shape = (40, 20, 3, 5)
    fans = {"fan_in": 20 * 15, "fan_out": 40 * 15, "fan_avg": 30 * 15}
    for mode, fan in fans.items():
        drawn = initialisers.variance_scaling(3.0, mode, "uniform")(shape, generator)
        assert np.abs(drawn).max() == pytest.approx(np.sqrt(9 / fan), rel=1e-3)
        assert abs(drawn.std() / np.sqrt(3 / fan) - 1) < 0.02
    wide = initialisers.orthogonal(2.0)(shape, generator).reshape(40, 300)
    np.testing.assert_allclose(wide @ wide.T, 4 * np.eye(40), atol=1e-12)
    np.testing.assert_array_equal(
        initialisers.dirac((4, 3, 3, 5), generator), torch.nn.init.dirac_(torch.empty(4, 3, 3, 5)).numpy()
    )
    thin = initialisers.sparse(0.25)((40, 6), generator)
    assert ((thin == 0).sum(0) == 10).all()
    for wrong, shape in (
        (initialisers.dirac, (3, 3)),
        (initialisers.eye, (3,)),
        (initialisers.orthogonal(), (3,)),
    ):
        with pytest.raises(ShapeError, match="the initialiser"):
            wrong(shape, generator)
    with pytest.raises(ArgumentError, match="takes a mode, fan_in, fan_out, fan_avg"):
        initialisers.variance_scaling(1.0, "fan")


def test_an_initialiser_of_ones_own():
    layer = nn.Dense(
        2, 2, initialiser=lambda shape, generator: np.eye(*shape), bias_initialiser="ones", dtype="float64"
    )
    assert values(layer)[0].dtype == "float64"
    np.testing.assert_array_equal(values(layer)[0], np.eye(2))
    np.testing.assert_array_equal(values(layer)[1], [1, 1])


def test_an_unknown_initialiser():
    with pytest.raises(ArgumentError, match="no initialiser is named 'uniform_'; there are torch_linear"):
        nn.Dense(1, 1, initialiser="uniform_")


def test_negative_counts():
    with pytest.raises(ArgumentError, match="counts of inputs and outputs, not -1 and 2"):
        nn.Dense(-1, 2)


def test_an_unknown_attribute():
    with pytest.raises(AttributeError, match="Dense has no attribute 'gain'"):
        print(nn.Dense(1, 1).gain)


def test_a_module_without_forward():
    with pytest.raises(NotImplementedError, match="Module defines no forward"):
        nn.Module()(api.input("x"))


def test_what_modules_say_of_themselves():
    net = nn.Sequential(
        nn.Dense(2, 3, bias=False), nn.LeakyReLU(negative_slope=0.1), nn.LayerNorm(3), nn.Flatten()
    )
    assert (
        repr(net)
        == "Sequential(Dense(2, 3, bias=False), LeakyReLU(negative_slope=0.1), LayerNorm(3), Flatten())"
    )
    assert len(net) == 4
    assert list(net)[1] is net[1]


ACTIVATIONS = [
    layer
    for layer in vars(nn).values()
    if isinstance(layer, type) and issubclass(layer, nn.Activation) and layer is not nn.Activation
]


@pytest.mark.parametrize("layer", ACTIVATIONS, ids=lambda layer: layer.__name__)
def test_activations_equal_torch(layer):
    torch = pytest.importorskip("torch")
    settings = {"dim": -1} if layer.__name__ in ("Softmax", "LogSoftmax") else {}
    array = np.random.default_rng(0).standard_normal((4, 5))
    x = api.input("x", (4, 5), "float64")
    found = api.compile(x, layer()(x))(array)
    expected = getattr(torch.nn, layer.__name__)(**settings)(torch.tensor(array))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    assert layer().parameters() == []


def test_there_are_activations():
    assert len(ACTIVATIONS) == 16


def test_settings_of_activations():
    x = api.input("x", (1,), "float64")
    found = api.compile(x, [nn.ELU(alpha=2.0)(x), nn.GELU(approximate="tanh")(x), nn.Softmax(axis=0)(x)])(
        np.array([-1.0])
    )
    np.testing.assert_allclose(found[0], 2 * np.expm1(-1))
    assert found[2] == 1


@pytest.mark.parametrize("shape", [(4,), (3, 4)])
def test_layer_norm_equals_torch(shape):
    torch = pytest.importorskip("torch")
    array = np.random.default_rng(0).standard_normal((2, 3, 4))
    x = api.input("x", (2, 3, 4), "float64")
    layer = nn.LayerNorm(shape, dtype="float64")
    np.testing.assert_allclose(
        api.compile(x, layer(x))(array),
        torch.nn.LayerNorm(shape, dtype=torch.float64)(torch.tensor(array)).detach(),
    )
    plain = nn.LayerNorm(shape[-1], affine=False)
    assert plain.parameters() == []


def test_flatten():
    assert str(nn.Flatten()(api.input("x", ("n", 2, 3))).type) == "f32[n,6]"


def test_a_network_learns():
    generator = np.random.default_rng(0)
    array = generator.standard_normal((64, 2)).astype("float32")
    labels = (array[:, 0] * array[:, 1] > 0).astype("int64")
    net = nn.Sequential(nn.Dense(2, 16), nn.Tanh(), nn.Dense(16, 2), seed=0)
    x, y = api.input("x", ("n", 2)), api.input("y", ("n",), "int64")
    loss = losses.cross_entropy(net(x), y)
    step = api.compile([x, y], loss, updates=optim.Adam(net.parameters(), 0.05).updates(loss))
    first = step(array, labels)
    for _ in range(60):
        last = step(array, labels)
    assert last < first / 5


def adversaries():
    x = api.input("x", ("n", 2))
    maker, judge = nn.Sequential(nn.Dense(2, 2), seed=0), nn.Sequential(nn.Dense(2, 1), seed=1)
    loss = judge(maker(x)).mean()
    updates = optim.Adam(judge.parameters()).updates(loss) | optim.Adam(maker.parameters()).updates(-loss)
    return maker, judge, api.compile(x, loss, updates=updates)


def test_two_networks_and_two_optimisers_of_the_same_names_train_in_one_program():
    maker, judge, step = adversaries()
    before = [api.value_of(p) for p in (*maker.parameters(), *judge.parameters())]
    step(np.ones((3, 2), "float32"))
    after = [api.value_of(p) for p in (*maker.parameters(), *judge.parameters())]
    assert all((old != new).all() for old, new in zip(before, after, strict=True))
    text = str(step.source_graph)
    assert "%dense1.weight~2 = parameter(@dense1.weight~2) : f32[2,1]" in text
    assert "%adam.step~2 = parameter(@adam.step~2) : i64[]" in text
    assert str(api.parse(text, step.source_graph.arrays)) == text


def test_parameters_of_one_name_keep_their_values_through_pickling():
    _, _, step = adversaries()
    copy = pickle.loads(pickle.dumps(step))  # noqa: S301  # pickled here
    array = np.ones((3, 2), "float32")
    assert [copy(array) for _ in range(3)] == [step(array) for _ in range(3)]


def test_settings_of_activations_may_be_positional_and_are_checked_when_the_layer_is_made():
    assert nn.LeakyReLU(0.2).settings == {"negative_slope": 0.2}
    assert nn.Softplus(2, threshold=5).settings == {"beta": 2, "threshold": 5}
    for wrong in (lambda: nn.ReLU(3), lambda: nn.ELU(1.0, alpha=2.0), lambda: nn.LeakyReLU(slope=0.2)):
        with pytest.raises(ArgumentError, match=r"takes \w+.* each once, not "):
            wrong()


def test_a_layer_of_a_sequence_is_callable():
    with pytest.raises(ArgumentError, match="a layer is a module or a function of a tensor, not 3"):
        nn.Sequential(nn.ReLU(), 3)


@pytest.mark.parametrize("initialiser", MATRICES)
@pytest.mark.parametrize("is_drawn", [True, False])
def test_a_network_pickles_with_its_parameters(initialiser: str, is_drawn: bool) -> None:
    network = nn.Sequential(nn.Dense(3, 2, initialiser=initialiser), nn.LayerNorm(2), seed=0)
    if is_drawn:
        network.parameters()
    twin = pickle.loads(pickle.dumps(network))  # noqa: S301  # pickled here
    for item, other in zip(network.parameters(), twin.parameters(), strict=True):
        assert item.name == other.name
        np.testing.assert_array_equal(api.value_of(item), api.value_of(other))
