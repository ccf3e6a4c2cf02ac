"""`tinytorch sweep`: what it prints, and what is wrong with a line."""

import pytest

pytest.importorskip("distributed")


def test_runs_are_printed_best_first_and_a_failure_is_an_answer(data_of, folder):
    # a width that is a word is the fault of a run, not of the sweep
    found = data_of(
        "sweep", "train.py:make_run", "--grid", "lr=0.1", "--grid", "width=2,wide", "--epochs", "2",
        "--validation", "0.5", "--workers", "1", "--folder", "swept", code=1,
    )  # fmt: skip
    assert found["runs"][found["best"]]["hyperparameters"] == {"lr": 0.1, "width": 2}
    assert [run["failure"] and run["failure"]["kind"] for run in found["runs"]] == [None, "ArgumentError"]
    assert len(list((folder / "swept" / "runs").iterdir())) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--grid", "lr"], "'lr' is no line of a grid; write NAME=A,B as in lr=1e-3,3e-3"),
        (["--range", "lr=1"], "write NAME=LOW:HIGH, or NAME=LOW:HIGH:log"),
        (["--grid", "lr=1", "--data", "rows"], "there is no 'rows' beside train.py:make_run"),
        (["--grid", "lr=1", "--data", "rows.npz"], "there is no file 'rows.npz'"),
        (["--grid", "seed=1", "--seeds", "2"], "--seeds and --grid seed=... say the same"),
        (["--grid", "lr=1", "--scheduler", "tcp://10.0.0.1:1"], "is without TLS: whoever reaches it"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_started(run, arguments, message):
    said = " ".join(run("sweep", "train.py:make_run", *arguments, code=2).output.split())
    assert message in said


def test_what_is_no_function_is_said(run):
    assert "train.py:number is int; what is swept is path.py:NAME" in " ".join(
        run("sweep", "train.py:number", "--grid", "lr=1", code=2).output.split()
    )
