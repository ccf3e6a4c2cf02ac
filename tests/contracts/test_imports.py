"""What is slow or optional is loaded only by those who use it."""

import subprocess
import sys

import pytest

SLOW = (
    "sympy", "mpmath", "networkx", "llvmlite", "matplotlib", "graphviz", "pygraphviz", "rich", "torch",
    "dask", "distributed", "tinytorch.asking", "compiler.difference", "tinytorch.comparing.ablation",
)  # fmt: skip

REPORT = f"""
import sys
print(*(name for name in {SLOW!r} if name in sys.modules))
"""

NETWORK = """
import numpy as np, tinytorch as tt
x = tt.input("x", ("batch", 8))
labels = tt.input("labels", ("batch",), "int64")
net = tt.nn.Sequential(tt.nn.Dense(8, 6), tt.nn.GELU(), tt.nn.LayerNorm(6), tt.nn.Dense(6, 3))
loss = tt.losses.cross_entropy(net(x), labels)
"""

TRAINING = (
    NETWORK
    + """
step = tt.compile([x, labels], loss, updates=tt.optim.Adam(net.parameters()).updates(loss), backend="numpy")
step(np.zeros((4, 8), np.float32), np.zeros(4, np.int64))
str(step.source_graph); str(step.schedule)
"""
)

FITTING = (
    TRAINING
    + """
tt.fit(step, tt.DataLoader((np.zeros((4, 8), np.float32), np.zeros(4, np.int64)), 3, shuffle=True, seed=0))
"""
)

PREDICTING = (
    NETWORK
    + """
predict = tt.compile([x], tt.argmax(net(x), axis=1), backend="numpy")
predict(np.zeros((4, 8), np.float32))
"""
)


def loaded_by(code: str) -> list[str]:
    run = subprocess.run([sys.executable, "-c", code + REPORT], capture_output=True, text=True, check=True)
    return run.stdout.split()


@pytest.mark.parametrize("package", ["tinytorch", "passes", "compiler.driver"])
def test_an_import_loads_nothing_slow(package):
    assert loaded_by(f"import {package}") == []


def test_an_import_loads_neither_what_compiles_nor_what_draws():
    rooms = (
        "passes", "compiler.driver", "compiler.pipeline.manager", "compiler.render", "tinytorch.builtin",
        "compiler.backends.numpy", "compiler.backends.reference", "compiler.loops.language",
    )  # fmt: skip
    code = f"import sys, tinytorch.onnx; print(*(name for name in {rooms!r} if name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_predicting_loads_nothing_slow():
    assert loaded_by(PREDICTING) == []


def test_training_a_built_in_network_derives_nothing():
    assert loaded_by(TRAINING) == []


def test_fitting_in_a_pipe_loads_no_bar():
    assert loaded_by(FITTING) == []


def test_what_is_loaded_would_be_seen():
    assert loaded_by("import networkx") == ["networkx"]


def test_a_gradient_that_does_not_ship_is_derived():
    code = "import tinytorch as tt; x = tt.input('x'); f = tt.elementwise('f', lambda a: a / (3 + a * a))"
    assert "sympy" in loaded_by(code + "; tt.grad(f(x), x)")


def test_a_model_loads_the_families_of_its_own_operators():
    onnx = pytest.importorskip("onnx")
    value = onnx.helper.make_tensor_value_info
    node, kinds = onnx.helper.make_node("Relu", ["x"], ["y"]), (onnx.TensorProto.FLOAT, [3])
    graph = onnx.helper.make_graph([node], "g", [value("x", *kinds)], [value("y", *kinds)])
    content = onnx.helper.make_model(graph).SerializeToString()
    code = f"""
import sys, tinytorch as tt
tt.onnx.load({content!r})
room = "tinytorch.onnx.operators."
print(*(name.removeprefix(room) for name in sys.modules if name.startswith(room)))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(run.stdout.split()) == {"activations", "casts"}  # folding reads dtypes as casts do
