"""Optimisers equal torch.optim step by step, keep their state, and refuse what makes no sense."""

import numpy as np
import pytest

from compiler.errors import ArgumentError, GradientError
from tinytorch import api, losses, optim
from tinytorch.ops.elementwise import tanh

torch = pytest.importorskip("torch")

R = np.random.default_rng(5)
X, Y = R.standard_normal((8, 3)), R.standard_normal((8, 2))
FIRST, SECOND = R.standard_normal((3, 4)), R.standard_normal((4, 2))

T = torch.optim
MOMENTS = {"mean": "exp_avg", "square": "exp_avg_sq"}
BUFFER = {"momentum": "momentum_buffer"}
SETTINGS = {
    "sgd": (optim.SGD, T.SGD, {"lr": 0.1}, {}),
    "sgd decayed": (optim.SGD, T.SGD, {"lr": 0.1, "weight_decay": 0.2}, {}),
    "sgd upwards": (optim.SGD, T.SGD, {"lr": 1e-3, "weight_decay": 0.2, "maximize": True}, {}),
    "sgd momentum": (optim.SGD, T.SGD, {"lr": 0.1, "momentum": 0.9}, BUFFER),
    "sgd damped": (
        optim.SGD, T.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}, BUFFER
    ),
    "sgd nesterov": (
        optim.SGD, T.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, BUFFER
    ),
    "adam": (optim.Adam, T.Adam, {"lr": 0.05}, MOMENTS),
    "adam decayed": (
        optim.Adam, T.Adam, {"lr": 0.05, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.1}, MOMENTS
    ),
    "adam amsgrad": (
        optim.Adam, T.Adam, {"lr": 0.05, "betas": (0.5, 0.6), "amsgrad": True, "maximize": True},
        {**MOMENTS, "largest": "max_exp_avg_sq"},
    ),
    "adamw": (optim.AdamW, T.AdamW, {"lr": 0.05}, MOMENTS),
    "adamw decayed": (
        optim.AdamW, T.AdamW, {"lr": 0.05, "betas": (0.5, 0.99), "weight_decay": 0.3, "amsgrad": True},
        {**MOMENTS, "largest": "max_exp_avg_sq"},
    ),
    "adamax": (optim.Adamax, T.Adamax, {"weight_decay": 0.1}, {"mean": "exp_avg", "largest": "exp_inf"}),
    "nadam": (optim.NAdam, T.NAdam, {"lr": 0.02, "weight_decay": 0.1}, MOMENTS),
    "nadam decoupled": (
        optim.NAdam, T.NAdam,
        {"momentum_decay": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True},
        MOMENTS,
    ),
    "radam": (optim.RAdam, T.RAdam, {"lr": 0.02, "weight_decay": 0.1}, MOMENTS),
    "radam decoupled": (
        optim.RAdam, T.RAdam,
        {"betas": (0.7, 0.9), "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}, MOMENTS,
    ),
    "rmsprop": (optim.RMSprop, T.RMSprop, {"weight_decay": 0.1, "maximize": True}, {"square": "square_avg"}),
    "rmsprop centered": (
        optim.RMSprop, T.RMSprop, {"alpha": 0.9, "eps": 1e-3, "momentum": 0.5, "centered": True},
        {"square": "square_avg", "mean": "grad_avg", "momentum": "momentum_buffer"},
    ),
    "adagrad": (
        optim.Adagrad, T.Adagrad, {"lr": 0.1, "lr_decay": 0.01, "initial_accumulator_value": 0.1},
        {"sum": "sum"},
    ),
    "adagrad decayed": (optim.Adagrad, T.Adagrad, {"weight_decay": 0.1, "maximize": True}, {"sum": "sum"}),
    "adadelta": (
        optim.Adadelta, T.Adadelta, {"weight_decay": 0.1, "rho": 0.8},
        {"square": "square_avg", "step": "acc_delta"},
    ),
}  # fmt: skip
"""Ours, torch's, settings, and by what ours keeps what torch calls it."""


def network(dtype):
    first, second = api.parameter(FIRST.astype(dtype), "first"), api.parameter(SECOND.astype(dtype), "second")
    x, y = api.input("x", (8, 3), dtype), api.input("y", (8, 2), dtype)
    return [x, y], [first, second], losses.mse(tanh(x @ first) @ second, y)


@pytest.fixture
def double():
    """Torch keeps scalars of its state in its default dtype."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Peer:
    """The same network in torch, with an optimiser."""

    def __init__(self, make, dtype="float64"):
        self.weights = [torch.tensor(p.astype(dtype), requires_grad=True) for p in (FIRST, SECOND)]
        self.x, self.y = (torch.tensor(item.astype(dtype)) for item in (X, Y))
        self.optimiser = make(self.weights)

    def backward(self, scale=1.0):
        loss = torch.nn.functional.mse_loss(torch.tanh(self.x @ self.weights[0]) @ self.weights[1], self.y)
        (loss * scale).backward()
        return loss.item()

    def step(self):
        self.optimiser.zero_grad()
        loss = self.backward()
        self.optimiser.step()
        return loss

    def check(self, parameters, rtol=1e-9):
        for p, peer in zip(parameters, self.weights, strict=True):
            np.testing.assert_allclose(api.value_of(p), peer.detach(), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_hundred_steps_and_the_state_after_them_equal_those_of_torch(name, double):
    mine, theirs, settings, kept = SETTINGS[name]
    inputs, parameters, loss = network("float64")
    optimiser = mine(parameters, **settings)
    step = api.compile(inputs, loss, updates=optimiser.updates(loss))
    peer = Peer(lambda weights: theirs(weights, **settings, foreach=False))
    for _ in range(100):
        np.testing.assert_allclose(step(X, Y), peer.step(), rtol=1e-9)
    peer.check(parameters)
    values = {item.name: api.value_of(item) for item in optimiser.state}
    for p, weight in zip(parameters, peer.weights, strict=True):
        state = peer.optimiser.state[weight]
        for what, torchs in kept.items():
            value = values[f"{name.split()[0]}.{p.name}.{what}"]
            key = torchs if torchs in state else f"{torchs}s"
            np.testing.assert_allclose(value, state[key], rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("name", ["sgd nesterov", "adamw decayed", "nadam", "radam", "rmsprop centered"])
def test_twenty_steps_of_float32_stay_near_those_of_torch(name):
    mine, theirs, settings, _ = SETTINGS[name]
    inputs, parameters, loss = network("float32")
    step = api.compile(inputs, loss, updates=mine(parameters, **settings).updates(loss))
    peer = Peer(lambda weights: theirs(weights, **settings, foreach=False), "float32")
    for _ in range(20):
        np.testing.assert_allclose(step(X.astype("f4"), Y.astype("f4")), peer.step(), rtol=2e-4)
    peer.check(parameters, 2e-4)


def test_lion_is_that_of_its_paper():
    inputs, parameters, loss = network("float64")
    lion = optim.Lion(parameters, 0.01, betas=(0.8, 0.95), weight_decay=0.1)
    step = api.compile(inputs, api.grad(loss, parameters), updates=lion.updates(loss))
    weights, means = [FIRST, SECOND], [0.0 * FIRST, 0.0 * SECOND]
    for _ in range(30):
        gradients = step(X, Y)
        signs = [np.sign(0.8 * m + 0.2 * g) for m, g in zip(means, gradients, strict=True)]
        weights = [w - 0.01 * (s + 0.1 * w) for w, s in zip(weights, signs, strict=True)]
        means = [0.95 * m + 0.05 * g for m, g in zip(means, gradients, strict=True)]
    for p, expected in zip(parameters, weights, strict=True):
        np.testing.assert_allclose(api.value_of(p), expected, rtol=1e-12)


def test_clipped_and_scheduled_steps_equal_those_of_torch(double):
    inputs, parameters, loss = network("float64")
    adam = optim.AdamW(parameters, 0.05 * optim.schedules.one_cycle(30))
    clipped = optim.clip_grad_norm(api.grad(loss, parameters), 0.2)
    step = api.compile(inputs, loss, updates=adam.updates_from(clipped))
    peer = Peer(lambda weights: T.AdamW(weights, 0.05))
    scheduler = T.lr_scheduler.OneCycleLR(peer.optimiser, 0.05, 30, cycle_momentum=False)
    for k in range(30):
        peer.optimiser.zero_grad()
        np.testing.assert_allclose(step(X, Y), peer.backward(), rtol=1e-9)
        torch.nn.utils.clip_grad_norm_(peer.weights, 0.2)
        peer.optimiser.step()
        if k < 29:
            scheduler.step()
    peer.check(parameters)


def test_groups_have_settings_of_their_own(double):
    inputs, parameters, loss = network("float64")
    rows = [{"lr": 0.02, "weight_decay": 0.1}, {"betas": (0.5, 0.9), "amsgrad": True}]
    mine = optim.AdamW([{"params": [p], **row} for p, row in zip(parameters, rows, strict=True)], 0.01)
    step = api.compile(inputs, loss, updates=mine.updates(loss))
    peer = Peer(
        lambda weights: T.AdamW([{"params": [w], **row} for w, row in zip(weights, rows, strict=True)], 0.01)
    )
    for _ in range(20):
        np.testing.assert_allclose(step(X, Y), peer.step(), rtol=1e-9)
    peer.check(parameters)
    assert repr(mine) == "AdamW(parameters=2, lr=0.01, groups=2)"
    assert [item.name for item in mine.state][-1] == "adamw.second.largest"
    assert mine.groups[1].settings["lr"] == 0.01


def test_frozen_parameters_are_left_out_of_groups():
    _, parameters, loss = network("float64")
    parameters[0].requires_grad = False
    sgd = optim.SGD([{"params": [p]} for p in parameters])
    assert sgd.parameters == [parameters[1]]
    assert list(sgd.updates(loss)) == [parameters[1]]


@pytest.mark.parametrize(
    "change", [None, lambda sums: optim.clip_grad_norm(sums, 0.1)], ids=["plain", "clipped"]
)
def test_accumulated_gradients_step_as_in_torch(change, double):
    inputs, parameters, loss = network("float64")
    mine = optim.Accumulated(optim.Adam(parameters, 0.05), every=3, change=change)
    step = api.compile(inputs, loss, updates=mine.updates(loss / 3))
    peer = Peer(lambda weights: T.Adam(weights, 0.05))
    for k in range(10):
        step(X * (1 + k % 2), Y)
        peer.x = torch.tensor(X * (1 + k % 2))
        peer.backward(1 / 3)
        if k % 3 == 2:
            if change is not None:
                torch.nn.utils.clip_grad_norm_(peer.weights, 0.1)
            peer.optimiser.step()
            peer.optimiser.zero_grad()
        peer.check(parameters)
    assert {item.name: int(api.value_of(item)) for item in mine.state if item.ndim == 0} == {
        "adam.step": 3, "accumulated.count": 1,
    }  # fmt: skip
    assert repr(mine) == "Accumulated(Adam(parameters=2, lr=0.05), every=3)"


@pytest.mark.parametrize("decay", [0.9, None])
def test_averages_of_weights_are_those_of_torch(decay, double):
    inputs, parameters, loss = network("float64")
    average = optim.Average(parameters, decay)
    updates = average.updates(optim.SGD(parameters, 0.1).updates(loss))
    step = api.compile(inputs, loss, updates=updates)
    peer = Peer(lambda weights: T.SGD(weights, 0.1))
    how = None if decay is None else torch.optim.swa_utils.get_ema_multi_avg_fn(decay)
    averaged = torch.optim.swa_utils.AveragedModel(torch.nn.ParameterList(peer.weights), multi_avg_fn=how)
    peer.optimiser = T.SGD(list(peer.weights), 0.1)
    for _ in range(12):
        step(X, Y)
        peer.step()
        averaged.update_parameters(torch.nn.ParameterList(peer.weights))
    for kept, expected in zip(average.averages, averaged.parameters(), strict=True):
        np.testing.assert_allclose(api.value_of(kept), expected.detach(), rtol=1e-12)
    before = [api.value_of(p) for p in parameters]
    average.swap()
    np.testing.assert_array_equal(api.value_of(average.averages[0]), before[0])
    np.testing.assert_allclose(api.value_of(parameters[0]), next(averaged.parameters()).detach(), rtol=1e-12)
    average.swap()
    np.testing.assert_array_equal(api.value_of(parameters[0]), before[0])
    assert [item.name for item in average.state] == ["average.count", "average.first", "average.second"]


def test_a_step_of_adam_is_one_kernel_a_parameter_and_one_of_scalars():
    inputs, parameters, loss = network("float32")
    decayed = optim.AdamW(parameters, lr=0.1 * optim.schedules.cosine(100, warmup=10))
    program = api.compile(inputs, loss, updates=decayed.updates(loss))
    updated = [node for _, node in program.graph.updates if node.type.rank]
    makers = [k for k in program.schedule.kernels if any(node in k.members for node in updated)]
    assert len(updated) == 6
    assert len(makers) == 2
    scalars = [k for k in program.schedule.kernels if all(not node.type.rank for node in k.members)]
    assert len(scalars) <= 2  # those of the step; and what divides the loss


def test_the_learning_rate_may_be_an_input():
    for make in (optim.SGD, optim.AdamW, optim.Adadelta):
        inputs, parameters, loss = network("float32")
        rate = api.input("rate", (), "float64")
        step = api.compile([*inputs, rate], loss, updates=make(parameters, rate).updates(loss))
        before = api.value_of(parameters[0])
        step(X.astype("f4"), Y.astype("f4"), 0.0)
        np.testing.assert_array_equal(api.value_of(parameters[0]), before)
        step(X.astype("f4"), Y.astype("f4"), 0.5)
        assert np.abs(api.value_of(parameters[0]) - before).max() > 1e-3


def test_state_is_named_after_its_parameter_and_lasts():
    inputs, parameters, loss = network("float64")
    adam = optim.Adam(parameters)
    assert [s.name for s in adam.state] == [
        "adam.step",
        "adam.first.mean",
        "adam.second.mean",
        "adam.first.square",
        "adam.second.square",
    ]
    step = api.compile(inputs, loss, updates=adam.updates(loss))
    for _ in range(3):
        step(X, Y)
    assert api.value_of(adam.state[0]) == 3
    api.set_value(adam.state[0], 0)
    assert api.value_of(adam.state[0]) == 0


def test_saved_state_continues_where_it_was():
    inputs, parameters, loss = network("float64")
    adam = optim.Adam(parameters)
    step = api.compile(inputs, loss, updates=adam.updates(loss))
    step(X, Y)
    saved = [api.value_of(item) for item in [*parameters, *adam.state]]
    first = step(X, Y)
    for item, value in zip([*parameters, *adam.state], saved, strict=True):
        api.set_value(item, value)
    assert step(X, Y) == first


@pytest.mark.parametrize("limit", [0.05, 1e6])
def test_clipping_equals_torch(limit):
    inputs, parameters, loss = network("float64")
    gradients = api.grad(loss, parameters)
    found = []
    for order in (2.0, 1, 3, np.inf):
        found += [*optim.clip_grad_norm(gradients, limit, order), optim.grad_norm(gradients, order)]
    found += [*optim.clip_grad_value(gradients, limit / 10), api.constant(limit)]
    found = iter(api.compile(inputs, found)(X, Y))
    for order in (2.0, 1, 3, np.inf, None):
        peer = Peer(lambda _: None)
        peer.backward()
        if order is None:
            torch.nn.utils.clip_grad_value_(peer.weights, limit / 10)
        else:
            norm = torch.nn.utils.clip_grad_norm_(peer.weights, limit, order)
        for weight in peer.weights:
            np.testing.assert_allclose(next(found), weight.grad)
        np.testing.assert_allclose(next(found), limit if order is None else norm)


def test_clipped_gradients_make_updates():
    inputs, parameters, loss = network("float64")
    sgd = optim.SGD(parameters, 1.0)
    updates = sgd.updates_from(optim.clip_grad_norm(api.grad(loss, parameters), 0.1))
    before = [api.value_of(p) for p in parameters]
    api.compile(inputs, loss, updates=updates)(X, Y)
    moved = sum(np.square(api.value_of(p) - b).sum() for p, b in zip(parameters, before, strict=True))
    np.testing.assert_allclose(np.sqrt(moved), 0.1, rtol=1e-4)


def refusals():
    _, parameters, loss = network("float32")
    other = api.parameter([1.0], "other")
    return [
        (lambda: optim.SGD(parameters, -1.0), ArgumentError, "a learning rate is not negative"),
        (lambda: optim.SGD(parameters, momentum=-1.0), ArgumentError, "not negative"),
        (
            lambda: optim.SGD(parameters, nesterov=True),
            ArgumentError,
            "nesterov needs a momentum and no dampening",
        ),
        (lambda: optim.Adam(parameters, betas=(0.9, 1.0)), ArgumentError, "betas lie in"),
        (lambda: optim.Adam(parameters, eps=-1.0), ArgumentError, "not negative"),
        (lambda: optim.SGD([loss]), ArgumentError, "an optimiser updates parameters"),
        (lambda: optim.SGD([api.parameter([1], "n")]), ArgumentError, "floating"),
        (lambda: optim.SGD([other, other]), ArgumentError, "a parameter is given twice"),
        (lambda: optim.SGD(parameters).updates_from([]), ArgumentError, "0 gradients for 2 parameters"),
        (lambda: optim.SGD([3.0]), ArgumentError, "an optimiser updates parameters, not 3.0"),
        (
            lambda: optim.SGD([{"params": parameters}, other]),
            ArgumentError,
            "or groups of them as dicts",
        ),
        (
            lambda: optim.SGD([{"lr": 0.1}]),
            ArgumentError,
            "a group names its parameters, and has 'lr'",
        ),
        (
            lambda: optim.SGD([{"params": other, "beta": 1}]),
            ArgumentError,
            "no setting 'beta'; there are lr",
        ),
        (lambda: optim.SGD([{"params": other, "lr": -1}]), ArgumentError, "a learning rate is not negative"),
        (lambda: optim.SGD([other], lr=other), ArgumentError, "a learning rate is one number: %other"),
        (lambda: optim.SGD([other], maximize=1), ArgumentError, "maximize is True or False, not 1"),
        (lambda: optim.RMSprop([other], alpha=2), ArgumentError, r"alpha lies in \[0, 1\]: 2"),
        (lambda: optim.Accumulated(optim.SGD([other]), 0), ArgumentError, "at every so many, not every=0"),
        (lambda: optim.Average([other], 2.0), ArgumentError, r"decay lies in \[0, 1\]"),
        (lambda: optim.clip_grad_value([other], -1), ArgumentError, "clip_value is not negative"),
        (lambda: optim.grad_norm([other], 0), ArgumentError, "norm_type is above 0"),
        (lambda: optim.SGD([other]).updates(loss), GradientError, "does not depend on %other"),
        (lambda: optim.grad_norm([]), ArgumentError, "the norm of no gradients"),
    ]


@pytest.mark.parametrize("position", range(len(refusals())))
def test_what_is_refused(position):
    call, error, wording = refusals()[position]
    with pytest.raises(error, match=wording):
        call()


def test_an_optimiser_says_what_it_is():
    w = api.parameter([1.0], "w")
    assert repr(optim.SGD([w], 0.5)) == "SGD(parameters=1, lr=0.5)"
