"""Sweeps on two real processes: results, compilations, faults."""

import json
import resource

import numpy as np
import pytest

import tinytorch as tt
from tests.tinytorch.cluster.networks import compiled, faulty, make_run
from tinytorch.cluster.sweeping.data import held_apart
from tinytorch.cluster.sweeping.live import table_rows
from tinytorch.progress import Progress

GRID = {"lr": [0.01, 0.05], "width": [2, 3], "seed": range(2)}


def by_hand(data, lr, width, seed, epochs, **options):
    """What a run is: a fit on the rows that are not held out."""
    rows = held_apart(data, 0.2, None, 0)
    step, judge = compiled(width, seed)
    history = tt.fit(
        step, rows["train"], epochs=epochs, batch_size=16, seed=seed, inputs={"lr": lr},
        validation=(judge, rows["validation"]), **options,
    )  # fmt: skip
    return history, step


@pytest.fixture(scope="module")
def runs(machines, data):
    return machines.sweep(make_run, GRID, data=data, epochs=3, batch_size=16)


def without_seconds(history):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]


def test_a_run_is_a_fit_bit_for_bit(runs, data):
    assert [run.hyperparameters for run in runs][:2] == [
        {"lr": 0.01, "width": 2, "seed": 0}, {"lr": 0.01, "width": 2, "seed": 1},
    ]  # fmt: skip
    assert len(runs) == runs.total == 8
    assert not runs.failures
    for run in (runs[0], runs[7]):
        history, step = by_hand(data, **run.hyperparameters, epochs=3)
        assert without_seconds(run.history) == without_seconds(history)
        assert set(run.weights) == {"dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias"}
        arrays = step.source_graph.arrays
        for name, array in run.weights.items():
            np.testing.assert_array_equal(array, arrays[name])


def test_runs_have_the_same_bits_on_whichever_worker(machines, runs, data):
    again = machines.sweep(make_run, list(reversed([run.hyperparameters for run in runs])), data=data,
                           epochs=3, batch_size=16)  # fmt: skip
    for one, other in zip(runs, reversed(list(again)), strict=True):
        assert without_seconds(one.history) == without_seconds(other.history)
        for name, array in one.weights.items():
            np.testing.assert_array_equal(array, other.weights[name])


def test_the_best_is_the_best_and_tables_and_files_say_the_same(runs, tmp_path):
    best = runs.best("validation")
    assert best.metric("val_loss") == min(run.metric("val_loss") for run in runs)
    assert runs.best("loss", "max").metric("loss") == max(run.metric("loss") for run in runs)
    assert str(runs.table("validation")).splitlines()[1].split()[:2] == [
        str(best.number),
        str(best.row["lr"]),
    ]
    averages = runs.averages(over=("seed",))
    assert [item["runs"] for item in averages] == [2, 2, 2, 2]
    assert averages[0]["loss"] == pytest.approx((runs[0].metric("loss") + runs[1].metric("loss")) / 2)
    runs.save(tmp_path / "sweep")
    found = tt.cluster.Runs.load(tmp_path / "sweep")
    assert str(found) == str(runs)
    assert json.loads(json.dumps(found.to_dict()["runs"])) == json.loads(json.dumps(runs.to_dict()["runs"]))
    for one, other in zip(runs, found, strict=True):
        assert one.weights.keys() == other.weights.keys()
    assert {path.suffix for path in (tmp_path / "sweep").rglob("*") if path.is_file()} == {".json", ".npz"}
    with pytest.raises(tt.ArgumentError, match="no run has a metric 'accuracy'; there are loss, val_loss"):
        runs.best("accuracy")


def test_hyperparameters_reach_inputs_parameters_and_the_fit(machines, data):
    points = [
        {"width": 2, "lr": 0.0, "decay": 0.5, "batch_size": 48},
        {"width": 2, "lr": 0.0},
        {"width": 2, "lr": 0.0, "momentum": 0.5},
    ]
    halved, whole, wrong = machines.sweep(make_run, points, data=data, epochs=1, batch_size=48)
    for name, array in whole.weights.items():
        np.testing.assert_array_equal(halved.weights[name], array * np.float32(0.5))
    assert "nobody takes the hyperparameter 'momentum'" in wrong.failure.message


def test_failures_are_results_and_a_killer_is_named(machines, data):
    points = [{"fault": fault, "seed": n, "lr": 0.1} for n, fault in enumerate(
        ["", "kill", "raise", "", "nothing", ""])]  # fmt: skip
    runs = machines.sweep(faulty, points, data=data, retries=1)
    assert [run.state for run in runs] == ["done", "failed", "failed", "done", "failed", "done"]
    killer, raised, nothing = runs.failures
    assert killer.failure.kind == "WorkerDied"
    assert "its worker died, 2 times" in killer.failure.message
    assert 'raise ValueError("no such network")' in raised.failure.traceback
    assert "run 2 (fault='raise', seed=2, lr=0.1) failed: ValueError: no such network" in str(runs)
    assert "make_run returns a tt.cluster.Training" in nothing.failure.message


def test_a_run_that_hangs_is_ended_with_its_worker(machines, data):
    points = [{"fault": fault, "seed": n, "lr": 0.1} for n, fault in enumerate(["hang", "", "", ""])]
    runs = machines.sweep(faulty, points, data=data, retries=0, deadline=8)
    assert [run.state for run in runs] == ["failed", "done", "done", "done"]
    assert runs[0].failure.kind == "DeadlineError"
    assert runs[0].failure.message == "said nothing for 8 seconds, once; its worker was ended"


def test_folds_are_parts_of_the_rows(machines, data):
    runs = machines.sweep(make_run, {"width": [2], "lr": [0.1, 1e-4]}, data=data, folds=3, batch_size=8)
    assert [run.fold for run in runs] == [0, 1, 2] * 2
    assert runs.best().hyperparameters["lr"] == 0.1
    numbers = held_apart(data, None, 3, 0)["folds"]
    assert sorted(np.bincount(numbers)) == [20, 20, 20]


def test_halving_drops_the_worst_and_the_rest_have_the_bits_of_whole_runs(machines, data, tmp_path):
    grid = {"width": [2], "lr": [0.0, 1e-3, 0.01, 0.1]}
    halving = tt.cluster.Halving(first=1, factor=2)
    runs = machines.sweep(make_run, grid, data=data, epochs=4, halving=halving, resume=tmp_path)
    assert [len(run.history) for run in runs] == [1, 1, 2, 4]
    assert [run.state for run in runs] == ["stopped", "stopped", "stopped", "done"]
    assert runs[0].history.stopped == "4 of 4 after 1 epochs"
    (whole,) = machines.sweep(make_run, [{"width": 2, "lr": 0.1}], data=data, epochs=4)
    assert without_seconds(whole.history) == without_seconds(runs[3].history)
    for name, array in whole.weights.items():
        np.testing.assert_array_equal(array, runs[3].weights[name])
    again = machines.sweep(make_run, grid, data=data, epochs=4, halving=halving, resume=tmp_path)
    assert [run.worker for run in again] == [run.worker for run in runs]
    assert str(again) == str(runs)


def test_adaptive_search_learns_and_asks_the_same_again(machines, data, tmp_path):
    pytest.importorskip("optuna")
    space = {"lr": tt.cluster.Uniform(1e-4, 0.3, log=True), "width": [2]}
    search = tt.cluster.Adaptive(space, count=14, at_once=2)
    runs = machines.sweep(make_run, search, data=data, epochs=2, resume=tmp_path)
    assert runs.total == len(runs) == 14
    rates = [run.hyperparameters["lr"] for run in runs]
    assert np.median(rates[10:]) > np.median(rates[:10])  # the larger ones are better here
    again = machines.sweep(make_run, search, data=data, epochs=2, resume=tmp_path)
    assert str(again) == str(runs)
    with pytest.raises(tt.ArgumentError, match="give one of them"):
        machines.sweep(make_run, search, data=data, halving=tt.cluster.Halving())


def test_draws_are_those_of_their_seed():
    uniform = tt.cluster.Uniform
    space = {"lr": uniform(1e-4, 1.0, log=True), "width": uniform(1, 3, whole=True), "kind": ["a", "b"]}
    draws = tt.cluster.Random(space, count=200, seed=7).draws()
    assert draws[0] == {"lr": pytest.approx(0.0316506, rel=1e-5), "width": 3, "kind": "b"}
    assert {draw["width"] for draw in draws} == {1, 2, 3}
    assert sum(draw["lr"] < 1e-2 for draw in draws) == pytest.approx(100, abs=25)
    with pytest.raises(tt.ArgumentError, match="a range ascends between numbers above zero"):
        uniform(0, 1, log=True)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"lr": []}, "the hyperparameter 'lr' has no values"),
        ({"epochs": [1]}, "a hyperparameter has a name of its own"),
        ({"act": [tt.relu]}, "the values of 'act' are numbers, strings, None or tuples of these"),
        ({"lr": tt.cluster.Uniform(0, 1)}, "a grid lists the values of 'lr'"),
        ([], "the runs of a sweep are a grid"),
        ({"seed": ["a"]}, "a seed is an integer, not 'a'"),
    ],
)
def test_a_space_that_is_none_is_said_first(machines, data, space, message):
    with pytest.raises(tt.ArgumentError, match=message):
        machines.sweep(make_run, space, data=data)


def test_a_sweep_goes_on_from_its_folder(machines, data, tmp_path):
    points = [{"fault": "", "seed": seed, "lr": 0.1} for seed in range(2)]
    first = machines.sweep(faulty, [*points, {"fault": "raise", "lr": 0.1}], data=data, resume=tmp_path)
    said = []
    wider = [{"fault": "", "seed": 5, "lr": 0.1}, *points]
    second = machines.sweep(faulty, wider, data=data, resume=tmp_path, progress=said.append)
    assert [run.seconds for run in second.runs[1:]] == [run.seconds for run in first.runs[:2]]
    assert [item.done for item in said if item.done][-1] == 3
    with pytest.raises(tt.ArgumentError, match="are of a sweep whose epochs was 1, not 2"):
        machines.sweep(faulty, points, data=data, epochs=2, resume=tmp_path)


def test_a_full_disk_loses_nothing(machines, data, tmp_path):
    grid = {"width": [2], "lr": [0.1, 0.2]}

    def fill(progress):
        if not progress.done:  # the folder is there, and the file of no run
            resource.setrlimit(resource.RLIMIT_FSIZE, (512, limits[1]))

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        runs = machines.sweep(make_run, grid, data=data, resume=tmp_path, progress=fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(runs) == 2
    assert "not saved" in str(runs)
    assert "File too large" in runs.unsaved
    assert list((tmp_path / "runs").iterdir()) == []  # and no half of one
    runs.save(tmp_path)
    assert len(tt.cluster.Runs.load(tmp_path)) == 2


def test_what_differs_in_values_is_compiled_once_a_worker(machines, data):
    client = machines.connection.client
    before = client.run(programs)
    grid = {"lr": [0.1, 0.2], "width": [5], "seed": range(4)}
    assert not machines.sweep(make_run, grid, data=data).failures
    assert all(count - before[at] <= 1 for at, count in client.run(programs).items())


def programs():
    """How many programs a worker keeps."""
    from tinytorch.cluster.sweeping import training

    return sum(map(len, training._SHARED._free.values()))


def test_a_bar_and_a_table_show_how_far_it_is(machines, data, capsys):
    said = []
    runs = machines.sweep(make_run, {"width": [2], "lr": [0.1, 0.2]}, data=data, progress=said.append)
    assert [(item.done, item.total) for item in (said[0], said[-1])] == [(0, 2), (2, 2)]
    assert said[-1].text == f"best: {runs.best()}"
    running = {"epoch": 3, "loss": 0.5, "val_loss": 0.25}
    shown = table_rows(Progress(0, 2, "", {"runs": runs, "running": {(7, 1): running}}))
    assert shown[:2] == [
        ("run", "state", "epoch", "loss", "val_loss"), ("7 fold 1", "running", "3", "0.5", "0.25"),
    ]  # fmt: skip
    assert [row[0] for row in shown[2:]] == [str(run.number) for run in runs.ranked()]
    machines.sweep(make_run, {"width": [2], "lr": [0.1]}, data=data, progress=True)
    assert "1/1" in capsys.readouterr().err
