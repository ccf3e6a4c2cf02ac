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

SETTINGS = {
    "sgd": (optim.SGD, torch.optim.SGD, {"lr": 0.1}),
    "sgd decayed": (optim.SGD, torch.optim.SGD, {"lr": 0.1, "weight_decay": 0.2}),
    "sgd momentum": (optim.SGD, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    "sgd damped": (
        optim.SGD,
        torch.optim.SGD,
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1},
    ),
    "sgd nesterov": (
        optim.SGD,
        torch.optim.SGD,
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    ),
    "adam": (optim.Adam, torch.optim.Adam, {"lr": 0.05}),
    "adam decayed": (
        optim.Adam,
        torch.optim.Adam,
        {"lr": 0.05, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.1},
    ),
    "adamw": (optim.AdamW, torch.optim.AdamW, {"lr": 0.05}),
    "adamw decayed": (
        optim.AdamW,
        torch.optim.AdamW,
        {"lr": 0.05, "betas": (0.5, 0.99), "weight_decay": 0.3},
    ),
}


def network(dtype):
    first, second = api.parameter(FIRST.astype(dtype), "first"), api.parameter(SECOND.astype(dtype), "second")
    x, y = api.input("x", (8, 3), dtype), api.input("y", (8, 2), dtype)
    return [x, y], [first, second], losses.mse(tanh(x @ first) @ second, y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SETTINGS)
def test_twenty_steps_equal_those_of_torch(name, dtype):
    mine, theirs, settings = SETTINGS[name]
    inputs, parameters, loss = network(dtype)
    step = api.compile(inputs, loss, updates=mine(parameters, **settings).updates(loss))
    peers = [torch.tensor(p.astype(dtype), requires_grad=True) for p in (FIRST, SECOND)]
    x, y = (torch.tensor(item.astype(dtype)) for item in (X, Y))
    optimiser = theirs(peers, **settings, foreach=False)
    tolerance = 2e-4 if dtype == "float32" else 1e-10
    for _ in range(20):
        optimiser.zero_grad()
        expected = torch.nn.functional.mse_loss(torch.tanh(x @ peers[0]) @ peers[1], y)
        expected.backward()
        optimiser.step()
        found = step(X.astype(dtype), Y.astype(dtype))
        np.testing.assert_allclose(found, expected.item(), rtol=tolerance)
        for p, peer in zip(parameters, peers, strict=True):
            np.testing.assert_allclose(api.value_of(p), peer.detach(), rtol=tolerance, atol=tolerance)


def test_the_learning_rate_may_be_an_input():
    for make in (optim.SGD, optim.Adam, optim.AdamW):
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
    clipped = optim.clip_grad_norm(api.grad(loss, parameters), limit)
    found = api.compile(inputs, [*clipped, optim.grad_norm(api.grad(loss, parameters))])(X, Y)
    peers = [torch.tensor(p, requires_grad=True) for p in (FIRST, SECOND)]
    torch.nn.functional.mse_loss(
        torch.tanh(torch.tensor(X) @ peers[0]) @ peers[1], torch.tensor(Y)
    ).backward()
    norm = torch.nn.utils.clip_grad_norm_(peers, limit)
    np.testing.assert_allclose(found[2], norm)
    for a, b in zip(found, peers, strict=False):
        np.testing.assert_allclose(a, b.grad)


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
