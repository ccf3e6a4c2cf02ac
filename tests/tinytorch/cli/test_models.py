"""Files of ONNX are targets of every command, and `run` runs what a target says."""

import numpy as np
import pytest

from tests.tinytorch.onnx.models import parsed
from tinytorch.array_files import read_arrays
from tinytorch.cli.targets import load_target

Y = np.ones((4, 6)) @ np.arange(1, 13).reshape(6, 2)


@pytest.mark.parametrize(
    "arguments",
    [
        *("cost", "memory", "explain", "lint", "passes"),
        *("draw FILE net.dot", "profile FILE --batch 4 --seconds 0.001", "report FILE net.html"),
        "compare FILE --batch 4 --rounds 1 --seconds 0.001",
    ],
)
def test_every_command_takes_a_model(run, arguments):
    name, *rest = arguments.replace("FILE", "net.onnx").split()
    run(name, *(rest or ["net.onnx"]))


def test_two_models_are_compared(run, folder):
    assert run("diff", "net.onnx", "net.onnx").stdout == ""
    changed = parsed("network (float[batch, 6] x) => (float[batch, 6] y) { y = Relu(x) }")
    (folder / "other.onnx").write_bytes(changed.SerializeToString())
    assert "+++ other.onnx" in run("diff", "net.onnx", "other.onnx", code=1).stdout


def test_a_model_of_a_script_is_a_target(data_of, folder):
    (folder / "model.py").write_text(
        "import tinytorch as tt\nnet = tt.onnx.load('net.onnx')\n", encoding="utf-8"
    )
    found = data_of("run", "model.py:net", "--input", "x.npy")
    assert found["outputs"][0]["values"] == Y.tolist()


def test_weights_of_a_model_are_constants_of_its_program(folder):
    target = load_target("net.onnx")
    assert [node.name for node in target.graph.parameters] == ["w"]
    assert target.program().source_graph.parameters == ()


def test_outputs_are_shown_and_written(run, data_of, folder):
    for given in ("x.npy", "x=x.npy"):
        (found,) = data_of("run", "net.onnx", "--input", given)["outputs"]
        assert found == {"name": "y", "dtype": "float32", "shape": [4, 2], "values": Y.tolist()}
    shown = run("run", "net.onnx", "--data", "batch.npz").stdout
    assert "float32[4,2]" in shown
    assert "[[36., 42.], [36., 42.]" in shown
    for place in ("y.npy", "y=again.npy", "all.npz"):
        assert "y" in run("run", "net.onnx", "--input", "x.npy", "--output", place).stdout
    np.testing.assert_array_equal(np.load(folder / "y.npy"), Y)
    np.testing.assert_array_equal(np.load(folder / "again.npy"), Y)
    np.testing.assert_array_equal(read_arrays(folder / "all.npz")[0]["y"], Y)
    (drawn,) = data_of("run", "net.onnx", "--batch", "40")["outputs"]
    assert drawn["shape"] == [40, 2]
    assert drawn["least"] < drawn["mean"] < drawn["greatest"]
    assert "least" in run("run", "train.py:pair", "--batch", "40").stdout
    assert [item["name"] for item in data_of("run", "train.py:pair", "--batch", "4")["outputs"]] == [
        "hidden",
        "loss",
    ]


def test_infinities_are_texts_in_json(data_of, folder):
    np.save(folder / "x.npy", np.full((4, 6), np.inf, np.float32))
    assert data_of("run", "net.onnx", "--input", "x.npy")["outputs"][0]["values"] == [["inf"] * 2] * 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--input none.npy", "there is no file 'none.npy'"),
        ("--input net.onnx", "net.onnx is no file of NumPy"),
        ("--input batch.npz", "batch.npz holds arrays by name: give it as --data"),
        ("--input x.npy --input x.npy", "2 files are for 1 inputs; the inputs are x f32[batch,6]"),
        ("--input x=x.npy --input x=y.npy", "the input 'x' is given twice"),
        ("--input x.npy --batch 3", "choose one"),
        ("--input x.npy --output y.txt", "ends in none of .npy, .npz and .safetensors"),
        ("", "give --batch N"),
    ],
)
def test_what_cannot_be_run_is_one_message(run, arguments, message):
    result = run("run", "net.onnx", *arguments.split(), code=2)
    assert message in " ".join(result.stderr.split())


def test_a_damaged_model_is_one_message(run, folder):
    (folder / "half.onnx").write_bytes((folder / "net.onnx").read_bytes()[:40])
    assert "the model is damaged" in run("cost", "half.onnx", code=2).stderr
