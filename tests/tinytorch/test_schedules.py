"""Schedules are those of torch, step by step, and optimisers follow them by their own count."""

import pickle

import numpy as np
import pytest

from compiler.errors import ArgumentError
from tinytorch import api, optim
from tinytorch.optim import schedules

torch = pytest.importorskip("torch")
L = torch.optim.lr_scheduler
STEPS = 24
PAIRS = {
    "constant": (schedules.constant(0.5, 7), lambda o: L.ConstantLR(o, 0.5, 7)),
    "step": (schedules.step(5, 0.3), lambda o: L.StepLR(o, 5, 0.3)),
    "multi_step": (schedules.multi_step([3, 8, 9], 0.5), lambda o: L.MultiStepLR(o, [3, 8, 9], 0.5)),
    "exponential": (schedules.exponential(0.9), lambda o: L.ExponentialLR(o, 0.9)),
    "linear": (schedules.linear(0.2, 0.9, 6), lambda o: L.LinearLR(o, 0.2, 0.9, 6)),
    "polynomial": (schedules.polynomial(20, 1.7), lambda o: L.PolynomialLR(o, 20, 1.7)),
    "cosine": (schedules.cosine(STEPS), lambda o: L.CosineAnnealingLR(o, STEPS)),
    "cosine above 0": (
        0.1 + 0.9 * schedules.cosine(STEPS), lambda o: L.CosineAnnealingLR(o, STEPS, eta_min=0.05)
    ),
    "one_cycle": (schedules.one_cycle(STEPS), lambda o: L.OneCycleLR(o, 0.5, STEPS, cycle_momentum=False)),
    "one_cycle of lines": (
        schedules.one_cycle(STEPS, 0.4, "linear", 10, 100, three_phase=True),
        lambda o: L.OneCycleLR(o, 0.5, STEPS, None, None, 0.4, "linear", False, 0, 0, 10, 100, True),
    ),
    "sequential": (
        schedules.sequential([schedules.linear(0.1, 1, 6), schedules.cosine(18)], [6]),
        lambda o: L.SequentialLR(o, [L.LinearLR(o, 0.1, 1, 6), L.CosineAnnealingLR(o, 18)], [6]),
    ),
    "product": (
        schedules.exponential(0.9) * schedules.step(4),
        lambda o: L.ChainedScheduler([L.ExponentialLR(o, 0.9), L.StepLR(o, 4)]),
    ),
    "any function": (lambda t: 0.97**t, lambda o: L.LambdaLR(o, lambda t: 0.97**t)),
}  # fmt: skip


def rates(schedule, count=STEPS):
    step = api.input("step", ("n",), "int64")
    tensor = schedule(step) if isinstance(schedule, schedules.Schedule) else schedule(step.astype("float64"))
    return api.compile(step, tensor)(np.arange(count))


@pytest.mark.filterwarnings("ignore")  # torch's own
@pytest.mark.parametrize("name", PAIRS)
def test_each_step_has_the_rate_of_torch(name):
    mine, theirs = PAIRS[name]
    optimiser = torch.optim.SGD([torch.zeros(1, dtype=torch.float64, requires_grad=True)], 0.5)
    scheduler, expected = theirs(optimiser), []
    for _ in range(STEPS):
        expected.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    found = rates(mine)
    assert found.dtype == "float64"
    np.testing.assert_allclose(0.5 * found, expected, rtol=1e-12, atol=1e-17)


def test_those_that_torch_has_not():
    np.testing.assert_allclose(rates(schedules.warmup(4), 6), [0.25, 0.5, 0.75, 1, 1, 1])
    np.testing.assert_allclose(rates(schedules.cosine(6, warmup=2, minimum=0.1), 8)[[0, 1, 2, 4, 6, 7]],
                               [0.5, 1, 1, 0.55, 0.1, 0.1])  # fmt: skip
    np.testing.assert_allclose(rates(schedules.inverse_sqrt(4), 16)[[0, 3, 15]], [0.25, 1, 0.5])
    np.testing.assert_allclose(rates(schedules.step(2).every(3), 9), [1] * 6 + [0.1] * 3)
    np.testing.assert_allclose(rates(2 * schedules.constant(0.5), 2), [1, 1])


def test_an_optimiser_follows_its_own_count_and_goes_on_from_it():
    w = api.parameter(np.zeros(()), "w", "float64")
    sgd = pickle.loads(pickle.dumps(optim.SGD([w], 0.5 * schedules.cosine(4))))  # noqa: S301  # our own bytes
    (w,) = sgd.parameters
    step = api.compile([], w, updates=sgd.updates(w))
    positions = [float(step()) for _ in range(5)]
    np.testing.assert_allclose(-np.diff(positions), 0.5 * (1 + np.cos(np.pi * np.arange(4) / 4)) / 2)
    (count,) = sgd.state
    assert (count.name, int(api.value_of(count))) == ("sgd.step", 5)
    api.set_value(count, 0)
    before = float(step())
    assert float(step()) - before == -0.5
    assert repr(sgd) == "SGD(parameters=1, lr=0.5 * cosine(4, 0, 0.0))"


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"mode": "max", "threshold_mode": "abs", "threshold": 0.05},
        {"cooldown": 3, "min_lr": 0.03, "eps": 0.02},
    ],
)  # fmt: skip
def test_a_plateau_is_that_of_torch(settings):
    values = [5.0, 4.0, 4.0, 4.0, 3.99, 3.9899, 3.9, 4.1, 4.2, np.nan, 4.0, 4.0, 3.0, 3.1, 3.2, 3.3, 3.4, 3.5]
    plateau = optim.Plateau(0.4, factor=0.3, patience=2, **settings)
    measure = api.input("measure", (), "float64")
    follow = api.compile(measure, plateau.lr, updates=plateau.updates(measure))
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.4)
    scheduler = L.ReduceLROnPlateau(optimiser, factor=0.3, patience=2, **settings)
    for value in values:
        follow(value)
        scheduler.step(value)
        np.testing.assert_allclose(api.value_of(plateau.lr), optimiser.param_groups[0]["lr"], rtol=1e-15)
    assert api.value_of(plateau.lr) < 0.4
    w = api.parameter(np.zeros((), "f4"), "w")
    api.compile([], w, updates=optim.SGD([w], plateau.lr).updates(w))()
    np.testing.assert_allclose(api.value_of(w), -api.value_of(plateau.lr), rtol=1e-6)


REFUSED = [
    (lambda: schedules.step(0), "size is at least 1, not 0"),
    (lambda: schedules.cosine(10, warmup=10), "a warm-up is shorter than the schedule: 10 of 10 steps"),
    (lambda: schedules.one_cycle(10, anneal_strategy="cosine"), "anneal_strategy is 'cos' or 'linear'"),
    (lambda: schedules.one_cycle(10, 1.5), r"pct_start lies in \[0, 1\]"),
    (lambda: schedules.sequential([schedules.warmup(3)], [3]), "1 schedules have 0 milestones between them"),
    (lambda: schedules.step(3).every(0), "a schedule advances at every so many steps, not 0"),
    (lambda: optim.Plateau(0.1, mode="least"), "mode is 'min' or 'max'"),
    (lambda: optim.Plateau(0.1, factor=1.0), r"factor lies in \[0, 1\)"),
]


@pytest.mark.parametrize("position", range(len(REFUSED)))
def test_what_is_refused(position):
    call, wording = REFUSED[position]
    with pytest.raises(ArgumentError, match=wording):
        call()
