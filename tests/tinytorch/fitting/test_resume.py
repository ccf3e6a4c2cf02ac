"""A fit that was interrupted goes on to the same bits: parameters, optimiser, order, history, callbacks."""

import os
import signal

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError, ParseError
from tests.tinytorch.fitting.problem import bits, data, problem, rows_of
from tinytorch.fitting import snapshot


class Press(tt.callbacks.Callback):
    """Presses Ctrl-C after so many steps, between the step and what comes next."""

    def __init__(self, after):
        self.after = after

    def on_settled(self, state):
        if state.steps == self.after and state.step:
            os.kill(os.getpid(), signal.SIGINT)


def trained(path, made, resume=None, press=None, epochs=6, **options):
    """With all that a fit can carry along: Adam, random numbers, shuffling, a rate that falls, the best."""
    x, y = data()
    callbacks = [
        tt.callbacks.ReduceOnPlateau("lr", "val_loss", patience=0, threshold=0.5, factor=0.7),
        tt.callbacks.EarlyStopping(patience=9, restore_best=True),
        tt.callbacks.Checkpoint(path, every=2, **options),
        *([] if press is None else [Press(press)]),
    ]
    return tt.fit(
        made.step, (x[:40], y[:40]), epochs=epochs, batch_size=12, resume=resume, callbacks=callbacks,
        validation=(made.judge, (x[40:], y[40:])), inputs={"lr": 0.1}, record_steps=True,
        seed=4 if resume is None else None,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def heard():
    """Ctrl-C as in a terminal: who runs in the background may have been told to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    made = problem()
    history = trained(tmp_path_factory.mktemp("whole") / "fit.npz", made)
    return rows_of(history), rows_of_steps(history), bits(made)


def rows_of_steps(history):
    return [dict(row) for row in history.steps]


@pytest.mark.parametrize(
    ("press", "options"),
    [(10, {}), (8, {}), (None, {}), (11, {"every_steps": 3})],
    ids=["within an epoch", "after the last step of one", "after the second epoch", "killed at a ninth step"],
)
def test_it_goes_on_to_the_same_bits(whole, tmp_path, press, options):
    path = tmp_path / "fit.npz"
    begun = problem()
    history = trained(path, begun, press=press, epochs=6 if press else 2, **options)
    if press is not None:
        assert history.stopped.startswith("interrupted by the keyboard")
    assert len(history) < 6
    assert [item.name for item in tmp_path.iterdir()] == ["fit.npz"]
    resumed = problem()
    assert bits(resumed) != whole[2]
    history = trained(path, resumed, resume=path)
    assert rows_of(history) == whole[0]
    assert rows_of_steps(history) == whole[1]
    assert bits(resumed) == whole[2]


def test_a_fit_that_had_stopped_stays_so_and_has_its_best(tmp_path):
    x, y = data()
    path = tmp_path / "fit.npz"

    def run(made, resume=None, patience=2):
        stopping = tt.callbacks.EarlyStopping("far", patience, restore_best=True, mode="max")
        saving = tt.callbacks.Checkpoint(path)
        return tt.fit(
            made.step,
            (x, y),
            epochs=9,
            inputs={"lr": 0.05},
            callbacks=[saving, stopping],
            seed=0,
            resume=resume,
        )

    first, again = problem(), problem()
    history = run(first)
    assert history.stopped.startswith("far was best in epoch 1")
    found = run(again, resume=path)
    assert (rows_of(found), found.stopped) == (rows_of(history), history.stopped)
    assert bits(again) == bits(first)
    assert len(run(problem(), resume=path, patience=4)) == 5


def test_what_is_best_is_saved_alone_under_names_with_epochs(tmp_path):
    made = problem()
    saving = tt.callbacks.Checkpoint(
        tmp_path / "fit-{epoch}.npz", monitor="far", mode="max", save_best_only=True
    )
    tt.fit(made.step, data(), epochs=4, inputs={"lr": 0.05}, callbacks=saving, seed=0)
    assert [item.name for item in tmp_path.iterdir()] == ["fit-1.npz"]
    with pytest.raises(ArgumentError, match="no folder"):
        tt.fit(made.step, data(), inputs={"lr": 0.1}, callbacks=tt.callbacks.Checkpoint("nowhere/fit.npz"))


def test_another_fit_is_an_error_that_names_what_differs_and_changes_nothing(tmp_path):
    path = tmp_path / "fit.npz"
    x, y = data()
    options = {"inputs": {"lr": 0.1}, "seed": 0}
    tt.fit(problem().step, (x, y), callbacks=tt.callbacks.Checkpoint(path), **options)
    made = problem()
    before = bits(made)
    for change, message in (
        ({"data": (x[:-1], y[:-1])}, "rows was 50 and is 49"),
        ({"batch_size": 10}, "batch_size was 32 and is 10"),
        ({"seed": 1}, "seed was 0 and is 1"),
    ):
        given = {"data": (x, y), **options, **change}
        with pytest.raises(ArgumentError, match=message):
            tt.fit(made.step, given.pop("data"), resume=path, **given)
    assert bits(made) == before
    w, z = tt.parameter([1.0], "w"), tt.input("z", ("n",))
    other = tt.compile([z], {"loss": z.mean(), "far": z.mean()}, updates={w: w * 2.0})
    with pytest.raises(ArgumentError, match=r"no array for %w : f32\[1\]"):
        tt.fit(other, x[:, 0], resume=path, seed=0)
    tt.fit(made.step, (x, y), epochs=2, resume=path, **options)
    path.write_bytes(path.read_bytes()[:-99])
    with pytest.raises(ParseError, match="is damaged, or holds no arrays"):
        tt.fit(made.step, (x, y), resume=path, **options)


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_a_checkpoint_holds_every_dtype_and_kind_of_state(tmp_path, suffix):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    pytest.importorskip("safetensors")
    arrays = {"w~2": np.arange(3, dtype=ml_dtypes.bfloat16), "b": np.array(True), "file": np.int64(3)[None]}
    state = {"a": [1, 0.1, None, "text", {"deep": arrays["w~2"]}], "nan": float("nan"), "n": np.float32(0.5)}
    path = snapshot.write(tmp_path / f"x.{suffix}", arrays, state)
    found, about = snapshot.read(path)
    assert all(
        found[name].dtype == array.dtype and (found[name] == array).all() for name, array in arrays.items()
    )
    assert about["a"][:4] == [1, 0.1, None, "text"]
    assert about["a"][4]["deep"].dtype == ml_dtypes.bfloat16
    assert np.isnan(about["nan"])
    assert about["n"] == 0.5
    np.savez(tmp_path / "other.npz", w=arrays["b"])
    with pytest.raises(ParseError, match="is no checkpoint of a fit: 'fit'"):
        snapshot.read(tmp_path / "other.npz")
    with pytest.raises(ArgumentError, match=r"\.npz or \.safetensors, not in 'x'"):
        tt.callbacks.Checkpoint("x")
