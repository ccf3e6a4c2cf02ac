"""fit: means over batches of any size, every kind of data, and errors before the first step."""

import json
import math

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError, DTypeError, NumericsError, ShapeError
from tests.tinytorch.fitting.problem import ROWS, bits, data, problem, rows_of

LR = {"lr": 0.01}


def test_an_epoch_is_the_steps_one_would_write_and_its_row_their_mean_by_rows():
    x, y = data()
    before = x.copy(), y.copy()
    ours, theirs = problem(), problem()
    history = tt.fit(
        ours.step, (x, y), epochs=2, batch_size=16, shuffle=False, inputs=LR, record_steps=True,
        validation=(ours.judge, {"y": y[:20], "x": x[:20]}),
    )  # fmt: skip
    for epoch in (1, 2):
        parts = [slice(k, k + 16) for k in range(0, ROWS, 16)]
        found = [theirs.step(x[part], y[part], 0.01) for part in parts]
        sizes = [len(x[part]) for part in parts]
        row, steps = history.rows[epoch - 1], [item for item in history.steps if item["epoch"] == epoch]
        assert row["loss"] == pytest.approx(np.average([float(f["loss"]) for f in found], weights=sizes))
        assert [item["far"] for item in steps] == [float(f["far"]) for f in found]
        judged = [(theirs.judge(x[a:b], y[a:b]), b - a) for a, b in ((0, 16), (16, 20))]
        assert row["val_far"] == pytest.approx(sum(float(f["far"]) * n for f, n in judged) / 20)
    assert bits(ours) == bits(theirs)
    assert list(history.rows[0]) == ["epoch", "loss", "far", "val_loss", "val_far", "seconds"]
    assert history.stopped is None
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])


def test_all_kinds_of_data_are_the_same_batches():
    x, y = data()
    plain = {"batch_size": 16, "shuffle": False}
    batches = [(x[k : k + 16], y[k : k + 16]) for k in range(0, ROWS, 16)]
    found = [
        tt.fit(problem().step, given, epochs=2, inputs=LR, **options)
        for given, options in (
            ((x, y), plain),
            ([x, y], plain),
            ({"y": y, "x": x}, plain),
            (tt.DataLoader((x, y), 16), {}),
            (tt.DataLoader(list(zip(x, y, strict=True)), 16), {}),
            (batches, {}),
            ([{"x": a, "y": b} for a, b in batches], {}),
        )
    ]
    assert all(rows_of(item) == rows_of(found[0]) for item in found[1:])


def test_the_order_depends_on_the_seed_and_a_loader_goes_on_where_it_was():
    x, y = data()
    once = tt.fit(problem().step, (x, y), epochs=4, inputs=LR, seed=2)
    other = tt.fit(problem().step, (x, y), epochs=4, inputs=LR, seed=3)
    assert rows_of(once) != rows_of(other)
    made, loader = problem(), tt.DataLoader((x, y), 32, shuffle=True, seed=2)
    twice = [row for _ in range(2) for row in rows_of(tt.fit(made.step, loader, epochs=2, inputs=LR))]
    assert [row["loss"] for row in twice] == once["loss"]


def test_inputs_may_be_functions_of_the_state_and_callbacks_functions():
    x, y = data()
    rates, logged = [], []

    def rate(state):
        rates.append((state.epoch, state.step))
        return 0.1 / (state.epoch + 1)

    def log(state):
        state.log("rate", 0.1 / (state.epoch + 1))
        logged.append(dict(state.metrics))

    history = tt.fit(
        problem().step, (x, y), epochs=2, batch_size=25, inputs={"lr": rate}, callbacks=log, progress=False
    )
    assert rates[1:] == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert history["rate"] == [0.05, 0.1 / 3]
    assert [row["loss"] for row in logged] == history["loss"]
    with pytest.raises(ArgumentError, match="no metric is named 'acc'; there are loss, far, rate, epoch"):
        history["acc"]


def test_a_history_is_data_a_table_and_a_picture(tmp_path):
    history = tt.fit(
        problem().step, data(), epochs=30, inputs=LR, callbacks=[lambda s: s.log("val_loss", 1 / s.epoch)]
    )
    assert json.loads(json.dumps(history.to_dict()))["rows"] == history.rows
    lines = str(history).splitlines()
    assert lines[0].split() == ["epoch", "loss", "far", "val_loss", "seconds"]
    assert [line.split()[0] for line in lines[1:]] == [
        *map(str, range(1, 11)),
        "...",
        *map(str, range(21, 31)),
    ]
    assert history.best("val_loss")["epoch"] == 30
    assert history.best("loss", "max") is history.rows[0]
    figure = history.plot(tmp_path / "history.svg")
    titles = [cell.get_title() for cell in figure.axes]
    assert titles == ["loss", "far"]
    assert [len(cell.get_lines()) for cell in figure.axes] == [2, 1]
    assert (tmp_path / "history.svg").read_text().startswith("<?xml")
    history.plot(tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_bytes() == (tmp_path / "history.svg").read_bytes()


def test_a_donated_input_is_a_copy_of_the_users():
    x, y = data()
    kept, batch = x.copy(), {"x": x, "y": y}
    tt.fit(problem(donate=["x"]).step, (x, y), batch_size=50, shuffle=False, inputs=LR)
    tt.fit(problem(donate=["x"]).step, [batch], shuffle=False, inputs=LR)
    assert batch["x"] is x
    np.testing.assert_array_equal(x, kept)


def test_progress_is_told_of_every_step_and_drawn_on_demand(capsys):
    told = []
    tt.fit(problem().step, data(), epochs=2, batch_size=20, inputs=LR, progress=told.append)
    steps = [item for item in told if item.data["step"]]
    assert [(item.done, item.total) for item in steps] == [(k, 6) for k in range(1, 7)]
    assert steps[-1].text.startswith("epoch 2/2  loss ")
    assert capsys.readouterr() == ("", "")
    tt.fit(problem().step, data(), inputs=LR, progress=True)
    found = capsys.readouterr()
    assert found.out == ""
    assert "epoch 1/1  loss" in found.err


def test_a_fixed_batch_is_an_error_before_the_first_step_that_says_the_fix():
    x, y = data()
    made = problem(16)
    before = bits(made)
    with pytest.raises(
        ShapeError, match=r"input 'x' is f32\[16,4\], and batches of data have 32 rows\n.*batch_size=16"
    ):
        tt.fit(made.step, (x, y), inputs=LR)
    message = r'last batch of data has 2 rows\n  fix: tt.input\("x", \("batch", 4\)\), or drop_last=True'
    with pytest.raises(ShapeError, match=message):
        tt.fit(made.step, (x, y), inputs=LR, batch_size=16)
    assert bits(made) == before
    assert len(tt.fit(made.step, (x, y), inputs=LR, batch_size=16, drop_last=True)) == 1


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"data": (data()[0], data()[1][:-1])}, ShapeError, "'x' has 50 rows and 'y' has 49"),
        ({"data": (data()[0],)}, ArgumentError, "input 'y' has no data: %y : "),
        ({"data": {"x": data()[0]}}, ArgumentError, "input 'y' has no data"),
        ({"inputs": {}}, ArgumentError, r"input 'lr' has no data(.|\n)*fix: inputs={'lr': ...}"),
        ({"inputs": {"lr": 0.1, "rate": 1}}, ArgumentError, "no input is named 'rate'"),
        ({"data": (*data(), data()[1])}, ArgumentError, "data have 3 arrays for the inputs x, y"),
        ({"data": {"x": data()[0], "y": data()[1], "lr": 1}}, ArgumentError, "'lr', which is given by inp"),
        ({"data": (data()[0].astype("float64"), data()[1])}, DTypeError, r"'x' .*\n.*astype\(np.float32\)"),
        ({"data": (data()[0][:, :3], data()[1])}, ShapeError, "x"),
        ({"data": (data()[0][:0], data()[1][:0])}, ShapeError, "there are no data"),
        ({"data": []}, ArgumentError, "epoch 1 has no batch"),
        ({"data": 3}, ArgumentError, "not 3"),
        ({"data": iter([data()]), "epochs": 2}, ArgumentError, "can be read once"),
        ({"data": tt.DataLoader(data(), 8), "batch_size": 9}, ArgumentError, "batch_size=9 is for arrays"),
        ({"data": [data()], "seed": 1}, ArgumentError, r"arrays, and a list(.|\n)*fix: leave seed"),
        ({"epochs": -1}, ArgumentError, "epochs is a whole number"),
        ({"callbacks": [3]}, ArgumentError, "a callback is"),
        ({"callbacks": [tt.callbacks.EarlyStopping]}, ArgumentError, r"fix: EarlyStopping\(...\)"),
        ({"callbacks": tt.callbacks.EarlyStopping()}, ArgumentError, r"named 'val_loss'(.|\n)*validation="),
        ({"validation": data()}, ArgumentError, "a pair of a program and its data"),
        ({"validation": (problem().step, data())}, ArgumentError, "it would change what it judges"),
        ({"validation": (problem().judge, (data()[0],))}, ArgumentError, "a column of validation data"),
        ({"step": problem().judge, "inputs": {}}, ArgumentError, "changes no parameter"),
        ({"step": problem().network}, ArgumentError, r"a compiled program(.|\n)*fix: tt.compile"),
        ({"progress": 3}, ArgumentError, "progress is True"),
        ({"resume": "nowhere.npz"}, ArgumentError, "there is no file 'nowhere.npz'"),
    ],
)  # fmt: skip
def test_bad_input(change, error, message):
    given = {"step": problem().step, "data": data(), "inputs": LR, **change}
    with pytest.raises(error, match=message):
        tt.fit(given.pop("step"), given.pop("data"), **given)


def test_what_a_step_returns_are_numbers_with_names():
    x = tt.input("x", ("n",))
    w = tt.parameter(1.0, "w")
    loss = ((x * w) ** 2.0).mean()
    update = {w: w - 0.1 * tt.grad(loss, w)}
    rows = np.ones(4, np.float32)
    named = tt.compile([x], (loss, (w * 1.0).named("weight")), updates=update)
    assert tt.fit(named, rows).names == ("loss", "weight")
    for outputs, message in (
        (x * w, r"metrics, numbers of no axes, not (.|\n)*fix: .mean"),
        ((loss, w * 1.0), "output 1 of the step has no name"),
    ):
        with pytest.raises(ArgumentError, match=message):
            tt.fit(tt.compile([x], outputs, updates=update), rows)


def test_a_loss_that_is_nan_ends_the_fit_with_the_step_and_the_history():
    x, y = data()
    y[20] = math.nan
    with pytest.raises(
        NumericsError, match=r"'loss' is NaN in epoch 1, step 3 of it(.|\n)*debug=\"numbers\""
    ) as caught:
        tt.fit(problem().step, (x, y), batch_size=10, shuffle=False, inputs=LR, record_steps=True)
    assert [row["step"] for row in caught.value.found.steps] == [1, 2, 3]
