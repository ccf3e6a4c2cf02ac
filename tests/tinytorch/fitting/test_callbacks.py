"""Callbacks: stopping, reducing as torch does, and what they are told."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError
from tests.tinytorch.fitting.problem import bits, data, problem

LOSSES = [
    3.0,
    2.0,
    2.5,
    2.0,
    1.9999,
    2.1,
    float("nan"),
    0.5,
    0.6,
    0.6,
    0.6,
    0.6,
    0.6,
    0.4,
    0.4,
    0.4,
    0.4,
    0.4,
]


def replayed(losses, callbacks, **options):
    """A fit whose validation is what a list says."""
    metric = tt.parameter(0.0, "metric")
    x = tt.input("x", ("n",))
    w = tt.parameter(0.0, "w")
    step = tt.compile([x], x.mean(), updates={w: w + 1.0}, backend="numpy")
    judge = tt.compile([x], {"loss": metric + 0.0 * x.mean()}, backend="numpy")

    class Replay(tt.callbacks.Callback):
        def on_epoch_begin(self, state):
            tt.set_value(metric, np.float32(losses[state.epoch - 1]))

    rows = np.zeros(2, np.float32)
    history = tt.fit(
        step, rows, epochs=len(losses), validation=(judge, rows), callbacks=[Replay(), *callbacks], **options
    )
    return history, float(tt.value_of(w))


@pytest.mark.parametrize(
    ("options", "epochs", "best"),
    [
        ({}, 3, 2),
        ({"patience": 2}, 4, 2),
        ({"patience": 3}, 11, 8),
        ({"patience": 3, "min_delta": 0.01}, 5, 2),
        ({"patience": 5}, 13, 8),
        ({"patience": 2, "mode": "max"}, 3, 1),
    ],
)
def test_early_stopping(options, epochs, best):
    stopping = tt.callbacks.EarlyStopping(restore_best=True, **options)
    history, steps = replayed(LOSSES, [stopping])
    assert (len(history), stopping.best_epoch) == (epochs, best)
    assert history.stopped.startswith(f"val_loss was best in epoch {best} (")
    assert str(history).endswith(f"stopped: {history.stopped}\n")
    assert steps == best  # one step an epoch: w counts those that are kept
    history, _ = replayed(LOSSES[:2], [stopping])
    assert history.stopped is None


@pytest.mark.parametrize(
    "options",
    [
        {"patience": 1},
        {"patience": 0, "cooldown": 2, "factor": 0.5},
        {"patience": 2, "threshold": 0.1, "threshold_mode": "abs"},
        {"patience": 0, "mode": "max", "min_lr": 0.003},
        {"patience": 0, "factor": 0.01, "eps": 1e-4},
    ],
)
def test_reduce_on_plateau_is_torch_s(options):
    torch = pytest.importorskip("torch")
    optimiser = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, **options)
    wanted = []
    for loss in LOSSES:
        wanted.append(optimiser.param_groups[0]["lr"])
        schedule.step(float(np.float32(loss)))
    rate = tt.parameter(np.float64(0.1), "rate")
    history, _ = replayed(LOSSES, [tt.callbacks.ReduceOnPlateau(rate, **options)])
    assert history["rate"] == wanted
    assert len(set(wanted)) > 1


def test_an_input_is_reduced():
    callback = tt.callbacks.ReduceOnPlateau("lr", "loss", patience=0, threshold=0.99)
    history = tt.fit(problem().step, data(), epochs=3, inputs={"lr": 1e-3}, callbacks=callback)
    assert history["lr"] == pytest.approx([1e-3, 1e-3, 1e-4])
    for made, given in (("rate", {}), ("lr", {"lr": lambda state: 0.1})):
        with pytest.raises(ArgumentError, match=f"no input {made!r} has a number that can be reduced"):
            tt.fit(
                problem().step, data(), inputs={"lr": 0.1, **given},
                callbacks=tt.callbacks.ReduceOnPlateau(made, "loss"),
            )  # fmt: skip
    with pytest.raises(ArgumentError, match=r"a scalar parameter, not %w(.|\n)*fix: lr = tt.parameter"):
        tt.callbacks.ReduceOnPlateau(tt.parameter([1.0], "w"))


def test_callbacks_are_told_in_order_and_stop_within_an_epoch():
    told = []

    class Told(tt.callbacks.Callback):
        def __getattribute__(self, name):
            if name.startswith("on_"):
                return lambda state: told.append((name[3:], state.epoch, state.step))
            return super().__getattribute__(name)

    class Stop(tt.callbacks.Callback):
        def on_step_end(self, state):
            if (state.epoch, state.step) == (2, 1):
                state.stop("enough")
                state.stop("more than enough")

    history = tt.fit(
        problem().step, data(), epochs=3, batch_size=25, inputs={"lr": 0.1}, callbacks=[Told(), Stop()]
    )
    assert told == [
        ("fit_begin", 1, 0),
        ("epoch_begin", 1, 0), ("step_end", 1, 1), ("settled", 1, 1), ("step_end", 1, 2), ("settled", 1, 2),
        ("epoch_end", 1, 0), ("settled", 1, 0),
        ("epoch_begin", 2, 0), ("step_end", 2, 1), ("settled", 2, 1), ("epoch_end", 2, 0), ("settled", 2, 0),
        ("fit_end", 2, 0),
    ]  # fmt: skip
    assert (len(history), history.stopped) == (2, "enough")


def test_ctrl_c_leaves_everything_usable_and_returns_the_history():
    made, twin = problem(), problem()

    class Press(tt.callbacks.Callback):
        def on_step_end(self, state):
            if state.steps == 3:
                raise KeyboardInterrupt

    options = {"batch_size": 25, "seed": 0, "inputs": {"lr": 0.1}}
    history = tt.fit(made.step, data(), epochs=5, callbacks=[Press()], **options)
    assert history.stopped == "interrupted by the keyboard in epoch 2, after 1 steps of it"
    assert len(history) == 1

    class Stop(tt.callbacks.Callback):
        def on_step_end(self, state):
            if state.steps == 3:
                state.stop("the same place")

    tt.fit(twin.step, data(), epochs=5, callbacks=[Stop()], **options)
    assert bits(made) == bits(twin)
    assert len(tt.fit(made.step, data(), **options)) == 1
