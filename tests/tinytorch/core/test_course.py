"""Activations, layers, losses, optimisers, training, profiler and pictures, as a learner checks them."""

import importlib.util
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import tinytorch as tt
from tinytorch import plots
from tinytorch.core.activations import (
    ACTIVATIONS,
    ELU,
    GELU,
    ActivationProfiler,
    LeakyReLU,
    ReLU,
    Sigmoid,
    Softmax,
    Softplus,
    Tanh,
    benchmark_activation_suite,
)
from tinytorch.core.autograd import Variable
from tinytorch.core.layers import Dense, Flatten, Linear, Sequential
from tinytorch.core.losses import BinaryCrossEntropyLoss, CrossEntropyLoss, MeanSquaredError
from tinytorch.core.optimizers import SGD, Adam
from tinytorch.core.profiler import exponent
from tinytorch.core.tensor import Tensor
from tinytorch.core.training import CompiledStep, accuracy, through, train

COURSE = Path(__file__).parents[3] / "examples" / "course"
XOR = np.float32([[0, 0], [0, 1], [1, 0], [1, 1]]), np.float32([[0], [1], [1], [0]])


@pytest.mark.parametrize("kind", ACTIVATIONS, ids=lambda kind: kind.__name__)
def test_kinds_shapes_and_empty_arrays_are_kept(kind) -> None:
    for make in (Tensor, Variable):
        found = kind()(make(np.zeros((2, 0, 3), np.float32)))
        assert isinstance(found, make)
        assert found.shape == (2, 0, 3)
    assert kind().forward(Tensor([1, 2])).dtype == (np.int64 if kind is ReLU else np.float32)


@pytest.mark.parametrize("kind", ACTIVATIONS, ids=lambda kind: kind.__name__)
def test_backward_is_the_gradient_of_the_last_forward(kind) -> None:
    data, weights = np.array([[-1.5, 0.4, 2.0]]), np.array([[1.0, -2.0, 3.0]])
    activation, x = kind(), Variable(data)
    activation(Tensor(data))
    activation(x).backward(weights)
    np.testing.assert_allclose(activation.backward(weights).data, np.array(x.grad), rtol=1e-12)


def test_values_that_a_learner_checks() -> None:
    np.testing.assert_allclose(
        Softmax()(Tensor([1000, 1001, 1002])).data, [0.0900, 0.2447, 0.6652], atol=1e-4
    )
    assert Sigmoid()(Tensor([-1000.0, 1000.0])).tolist() == [0, 1]
    assert np.isnan(ReLU()(Tensor([np.nan])).data).all()
    assert GELU()(Tensor([1.0])).item() == pytest.approx(0.8413, abs=1e-4)
    assert GELU("sigmoid")(Tensor([1.0])).item() == pytest.approx(0.8458, abs=1e-4)
    assert LeakyReLU(0.1)(Tensor([-1.0])).item() == pytest.approx(-0.1)
    x = Tensor([[1.0, 2.0], [3.0, 5.0]])
    np.testing.assert_allclose(Softmax().forward(x, dim=0).data.sum(axis=0), [1, 1], rtol=1e-6)
    np.testing.assert_allclose(Softmax()(x).data.sum(axis=1), [1, 1], rtol=1e-6)
    for found in (Softmax().forward(x), Softmax().forward_(Tensor(x)), Softmax().forward(x, None)):
        np.testing.assert_array_equal(found.data, Softmax()(x).data)


def test_what_activations_refuse() -> None:
    with pytest.raises(tt.ShapeError, match="out of range"):
        Softmax(dim=3)(Tensor([1.0, 2.0]))
    with pytest.raises(tt.GradientError, match="needs a forward"):
        ReLU().backward([1.0])
    relu = ReLU()
    relu(Tensor([1.0, 2.0]))
    with pytest.raises(tt.ShapeError, match="same shape"):
        relu.backward([1.0])
    with pytest.raises(tt.ArgumentError, match="approximate"):
        GELU("erf")(Tensor([1.0]))


def test_dense_layers() -> None:
    layer = Dense(3, 2, seed=1)
    assert (layer.weights.shape, layer.bias.shape) == ((3, 2), (2,))
    assert Linear is Dense
    assert Dense(3, 2, use_bias=False).bias is None
    assert np.array_equal(Dense(3, 2, seed=1).weights, layer.weights)
    x = np.ones((4, 3), np.float32)
    np.testing.assert_allclose(layer(Tensor(x)).data, x @ np.array(layer.weights), rtol=1e-5)
    assert isinstance(layer(Variable(x)), Variable)
    assert set(np.array(Dense(2, 2, initialiser="ones").weights).ravel()) == {1}
    assert Flatten()(Tensor(np.zeros((2, 3, 4)))).shape == (2, 12)


def test_what_layers_and_losses_refuse() -> None:
    with pytest.raises(tt.ShapeError, match=r"takes \[\.\.\., 3\], not \[4, 1\]"):
        Dense(3, 2)(Tensor(np.ones((4, 1))))
    with pytest.raises(tt.ArgumentError, match="inputs and outputs"):
        Dense(0, 2)
    with pytest.raises(tt.ArgumentError, match="no initialiser"):
        Dense(1, 1, initialiser="nothing")
    with pytest.raises(tt.ShapeError, match="different shapes"):
        MeanSquaredError()(Variable(np.ones((4, 1))), np.ones(4))
    with pytest.raises(tt.ArgumentError, match="not negative"):
        SGD([Variable([1.0])], -1)
    with pytest.raises(tt.ArgumentError, match="variables"):
        Adam([])


def test_losses() -> None:
    logits = Variable(np.array([[1.0, 2.0], [0.5, -1.0]]))
    loss = CrossEntropyLoss()(logits, np.array([1, 0]))
    loss.backward()
    soft = np.array(Softmax()(Tensor(np.array(logits))))
    assert loss.item() == pytest.approx(-np.log(soft[[0, 1], [1, 0]]).mean())
    np.testing.assert_allclose(np.array(logits.grad), (soft - [[0, 1], [1, 0]]) / 2, rtol=1e-10)
    assert BinaryCrossEntropyLoss()(Variable([0.5]), [1.0]).item() == pytest.approx(np.log(2))


@pytest.mark.parametrize("make", [SGD, Adam])
def test_optimisers_follow_the_gradient_and_their_learning_rate(make) -> None:
    x = Variable([5.0])
    buffer, optimizer = id(x.data._data), make([x], 0.1)
    optimizer.step()
    assert x.item() == 5
    (x * x).sum().backward()
    optimizer.step()
    assert x.item() == pytest.approx({SGD: 4.0, Adam: 4.9}[make], abs=1e-5)
    optimizer.learning_rate = 0.0
    optimizer.step()
    assert x.item() == pytest.approx({SGD: 4.0, Adam: 4.9}[make], abs=1e-5)
    optimizer.zero_grad()
    assert x.grad.tolist() == [0]
    assert id(x.data._data) == buffer


def test_the_course_and_the_compiled_step_learn_the_same() -> None:
    x, y = XOR
    networks = [[Dense(2, 8, seed=1), Tanh(), Dense(8, 1, seed=2), Sigmoid()] for _ in range(2)]
    optimizer = Adam(
        [item for layer in (networks[0][0], networks[0][2]) for item in layer.parameters()], 0.05
    )
    history = train(networks[0], x, y, loss=MeanSquaredError(), optimizer=optimizer, epochs=60)
    step = CompiledStep(networks[1], MeanSquaredError(), x, y, lambda held: tt.optim.Adam(held, lr=0.05))
    losses = [step(x, y) for _ in range(60)]
    step.finish()
    np.testing.assert_allclose(losses, history, rtol=1e-3)
    assert history[-1] < history[0] / 2
    np.testing.assert_allclose(
        *[np.array(through(item, Tensor(x))) for item in networks], rtol=1e-2, atol=1e-3
    )


def test_training_in_batches_and_accuracy() -> None:
    generator = np.random.default_rng(0)
    x = generator.standard_normal((60, 2)).astype(np.float32)
    labels = (x[:, 0] > 0).astype(np.int64)
    network = Sequential(Dense(2, 2, seed=0))
    optimizer = SGD(network.parameters(), 0.5)
    history = train(
        network, x, labels, loss=CrossEntropyLoss(), optimizer=optimizer, epochs=8, batch_size=20, seed=0
    )
    assert len(history) == 8
    assert accuracy(network, x, labels) > 0.9
    with pytest.raises(tt.ArgumentError, match="at least one epoch"):
        train(network, x, labels, loss=CrossEntropyLoss(), optimizer=optimizer, epochs=0)
    with pytest.raises(tt.ShapeError, match="60 rows and 3 labels"):
        accuracy(network, x, [1, 2, 3])


@pytest.fixture
def quiet() -> ActivationProfiler:
    return ActivationProfiler(Console(file=io.StringIO(), width=150))


def test_the_profiler_returns_data_and_prints_tables(quiet) -> None:
    taken = quiet.time_activation(ReLU(), Tensor([1.0, 2.0]), "ReLU", 3)
    assert taken > 0
    times = quiet.compare_activations((8, 8), 2, GELU=GELU())
    assert set(times) == {"ReLU", "Sigmoid", "Tanh", "Softmax", "GELU"}
    rows = quiet.analyze_scaling(Sigmoid(), "Sigmoid", [10, (4, 250), 100], 2)
    assert set(rows[0]) >= {"size", "elements", "time_ms", "time_per_element_us", "fitted_exponent"}
    assert [(row["size"], row["elements"]) for row in rows] == [(10, 100), ((4, 250), 1000), (100, 10000)]
    assert rows[0]["formula_exponent"] == pytest.approx(1)
    assert rows[1]["time_per_element_us"] == pytest.approx(rows[1]["time_ms"])
    assert quiet.results == {"times": {"ReLU": taken}, "activations": times, "scaling": {"Sigmoid": rows}}
    text = quiet.console.file.getvalue()
    assert "GELU" in text
    assert "us an element" in text


def test_memory_is_measured(quiet) -> None:
    found = quiet.compare_inplace_vs_regular((1024, 1024), 1, GELU=GELU())
    assert list(found) == ["ReLU", "Sigmoid", "Tanh", "Softmax", "GELU"]
    assert quiet.results["inplace"] is found
    for row in found.values():
        assert 4 * 2**20 <= row["regular_bytes"] < 6 * 2**20
        assert row["inplace_bytes"] < 2**21
        assert set(row) == {"regular_ms", "inplace_ms", "regular_bytes", "inplace_bytes"}
    text = quiet.console.file.getvalue()
    assert all(f"{name}.forward_" in text for name in found)


def test_the_suite_returns_what_the_courses_does_and_keeps_everything(quiet) -> None:
    found = benchmark_activation_suite((30, 30), 1, quiet)
    assert list(found) == ["ReLU", "Sigmoid", "Tanh", "Softmax"]
    assert all(taken > 0 for taken in found.values())
    kept = quiet.results
    assert set(kept) == {"activations", "inplace", "scaling", "fused"}
    assert kept["activations"] is found
    assert kept["fused"]["fused"].kernels < kept["fused"]["unfused"].kernels
    assert list(kept["scaling"]) == ["ReLU", "Sigmoid", "Tanh"]
    assert [row["size"] for row in kept["scaling"]["Tanh"]] == [7, 15, 30]


def test_what_the_profiler_refuses(quiet) -> None:
    for iterations in (0, -1, 1.5, "3", True):
        with pytest.raises(tt.ArgumentError, match="at least one iteration"):
            quiet.time_activation(ReLU(), Tensor([1.0]), "ReLU", iterations)
    for size in (0, 1.5, (2, -1), "ab"):
        with pytest.raises(tt.ArgumentError, match="positive int"):
            quiet.compare_activations(size)


def test_names_and_titles_are_printed_as_they_are(quiet) -> None:
    quiet.time_activation(ReLU(), [1.0], "[bold]mine[/nope]", 1)
    quiet.compare_inplace_vs_regular(3, 1, **{"[red]GELU[/no]": GELU()})
    lines = quiet.console.file.getvalue().splitlines()
    assert any("[bold]mine[/nope]" in line for line in lines)
    assert any("[red]GELU[/no].forward_" in line for line in lines)
    assert "in place and not, of [3, 3]" in lines


def test_what_objects_are_called() -> None:
    network = Sequential(Dense(2, 1), Flatten(), Softmax(0), LeakyReLU())
    assert (
        repr(network) == "Sequential(Dense(2, 1), Flatten(), Softmax(dim=0), LeakyReLU(negative_slope=0.01))"
    )
    assert repr(Adam(network.parameters())) == "Adam(2 parameters, learning_rate=0.001)"
    with pytest.raises(tt.ArgumentError, match="a learning rate is a number and not negative: 'fast'"):
        SGD(network.parameters(), "fast")  # pyright: ignore[reportArgumentType]  # what is tested


def test_the_exponent_is_that_of_a_power() -> None:
    assert exponent([1, 10, 100], [3, 300, 30000]) == pytest.approx(2)
    assert np.isnan(exponent([1], [1]))


def test_pictures_have_formula_derivative_range_and_saturation(tmp_path) -> None:
    pytest.importorskip("matplotlib")
    figure = plots.plot_activations("sigmoid", tt.gelu, path=tmp_path / "a.svg", columns=2)
    assert (tmp_path / "a.svg").stat().st_size > 1000
    first = figure.axes[0]
    assert r"\sigma(x)" in first.get_title()
    assert [line.get_label() for line in first.lines if line.get_label() == "derivative"] == ["derivative"]
    dotted = [line.get_ydata()[0] for line in first.lines if line.get_linestyle() == ":"]
    assert dotted == pytest.approx([0, 1], abs=1e-6)
    with pytest.raises(tt.ArgumentError, match="no activation is named 'nothing'"):
        plots.plot_activations("nothing")


def shape_of(text: str) -> str:
    """A page without its figures, and without what depends on what is installed."""
    lines = [line for line in text.splitlines() if "torch, eager" not in line and not set(line) & set("━─")]
    return re.sub(r"\s+", " ", re.sub(r"[-+]?\d[\d.e+-]*|inf", "#", "\n".join(lines)))


@pytest.mark.slow
def test_the_page_for_learners_is_what_its_script_writes() -> None:
    spec = importlib.util.spec_from_file_location("course_page", COURSE / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    written, found = (COURSE / "README.md").read_text(encoding="utf-8"), build.page()
    for text in (written, found):
        assert "| unfused" in text.replace("│", "|")
    head, tail = "# From the course", "**What the course could not show:**"
    assert shape_of(found[found.index(head) : found.index(tail)]) == shape_of(
        written[written.index(head) : written.index(tail)]
    )


def test_the_page_states_what_was_found() -> None:
    text = (COURSE / "README.md").read_text(encoding="utf-8")
    for figure in ("1.7017", "0.0095", "0.8413", "0.8458", "-0.1700", "exp(500) is inf"):
        assert figure in text


def test_settings_are_checked_when_they_are_given() -> None:
    with pytest.raises(tt.ArgumentError, match="approximate is 'none', 'tanh' or 'sigmoid', not 'foo'"):
        GELU("foo")  # type: ignore[arg-type]  # what is tested
    with pytest.raises(tt.ArgumentError, match=r"not 1\.5 and 4"):
        Dense(1.5, 4)  # type: ignore[arg-type]  # what is tested


def test_what_is_no_number_or_dim_is_refused_when_it_is_given() -> None:
    for make in (LeakyReLU, ELU, Softplus):
        with pytest.raises(tt.ArgumentError, match="is a number, not 'a'"):
            make("a")
    for dim in (1.0, "a", True, None):
        with pytest.raises(tt.ArgumentError, match="a dim is an int"):
            Softmax(dim)
    with pytest.raises(tt.ArgumentError, match="not True and 4"):
        Dense(True, 4)
    with pytest.raises(tt.ShapeError, match="not a scalar"):
        Flatten()(Tensor(3.0))


def test_what_training_refuses() -> None:
    network = [Dense(1, 1, seed=0)]
    optimizer = SGD([network[0].weights])

    def run(inputs: Any, targets: Any, epochs: Any = 1) -> None:
        train(
            network,
            inputs,
            targets,
            loss=MeanSquaredError(),
            optimizer=optimizer,
            epochs=epochs,
            batch_size=1,
        )

    three, two = np.ones((3, 1), np.float32), np.ones((2, 1), np.float32)
    for inputs, targets in ((three, two), (two, three), (three[:0], three[:0])):
        with pytest.raises(tt.ShapeError, match=r"a target for each input: \[\d, 1\] and"):
            run(inputs, targets)
    with pytest.raises(tt.DTypeError, match="not a rectangular array"):
        run([[1.0], [2.0, 3.0]], two)
    for epochs in (0, 1.5, True):
        with pytest.raises(tt.ArgumentError, match="at least one epoch"):
            run(three, three, epochs)


def test_the_lines_of_the_courses_page_are_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (COURSE.parent / "docs" / "course.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(block, names)  # noqa: S102  # our own page
    assert names["y"].item() == -4
    assert names["x"].tolist() == [[1, 0], [3, 0]]
    assert names["w"].grad.tolist() == [6, 15]
    assert names["loss"].item() < 0.01
    assert Path("sigmoid.svg").stat().st_size


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (r"\frac{x}{1 + \left|x\right|}", "x / (1 + |x|)"),
        (r"\frac{1}{1 + e^{-x}}", "1 / (1 + e^{-x})"),
        (
            r"\begin{cases} x & x > 0 \\ 0 & \text{otherwise} \end{cases}",
            r"(x \;\mathrm{if}\; x > 0 \;\mathrm{else}\; 0)",
        ),
    ],
)
def test_formulas_in_titles_stand_in_one_line(text: str, plain: str) -> None:
    assert plots.plain_latex(text) == plain
