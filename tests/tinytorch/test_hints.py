"""Names and keywords of other libraries raise errors that say what to write, and what they say is there."""

import copy
import inspect
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest

import tinytorch as tt
from tests.contracts.test_imports import TRAINING
from tinytorch.core.tensor import Tensor as CourseTensor
from tinytorch.hints import KEYWORDS, NAMES, SAID

X = tt.input("x", (3, 4))
W = tt.parameter(np.zeros(4, np.float32), "w")
LOSS = (X @ W).sum()
OWNERS = {
    "tinytorch": tt,
    "tinytorch.nn": tt.nn,
    "tinytorch.losses": tt.losses,
    "tinytorch.random": tt.random,
    "tinytorch.linalg": tt.linalg,
    "tinytorch.data": tt.data,
    "tinytorch.callbacks": tt.callbacks,
    "tinytorch.optim": tt.optim,
    "Tensor": X,
    "core.Tensor": CourseTensor([1.0]),
    "Optimiser": tt.optim.SGD([W]),
    "Module": tt.nn.Dense(2, 3),
}
ROWS = [(place, name, fix) for place, rows in NAMES.items() for names, fix in rows for name in names.split()]


def test_every_place_has_an_owner():
    assert set(NAMES) == set(OWNERS)


@pytest.mark.parametrize(("place", "name", "fix"), ROWS)
def test_a_name_of_the_table_is_missing_and_says_what_to_write(place, name, fix):
    assert not hasattr(OWNERS[place], name)
    with pytest.raises(tt.MissingNameError) as caught:
        getattr(OWNERS[place], name)
    sentence, last = str(caught.value).splitlines()
    assert sentence.endswith(f" has no attribute {name!r}")
    assert last == f"  fix: {fix}"
    assert caught.value.name == name


@pytest.mark.parametrize("fix", sorted({fix for _, _, fix in ROWS} | set(SAID.values())))
def test_what_is_to_be_written_is_there(fix):
    for path in re.findall(r"\btt((?:\.[A-Za-z_]\w*)+)", fix):
        found = tt
        for name in path[1:].split("."):
            found = getattr(found, name)
    for name in re.findall(r"\bx\.(\w+)", fix):
        assert hasattr(tt.Tensor, name)


def test_no_name_stands_twice_at_one_place():
    for place in NAMES:
        names = [name for where, name, _ in ROWS if where == place]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("owner", "name", "fix"),
    [
        (tt, "Dense", "tt.nn.Dense"),
        (tt, "SGD", "tt.optim.SGD"),
        (tt, "cross_entropy", "tt.losses.cross_entropy"),
        (tt.nn, "relu", "tt.relu"),
        (tt.nn, "Adam", "tt.optim.Adam"),
        (tt.losses, "softmax", "tt.softmax"),
        (X, "exp", "tt.exp(x)"),
        (X, "softmax", "tt.softmax(x)"),
        (X, "mse", "tt.losses.mse(x)"),
        (X, "add_", "leave it out: tensors never change"),
    ],
)
def test_a_name_that_stands_elsewhere_says_where(owner, name, fix):
    with pytest.raises(tt.MissingNameError, match=re.escape(f"has no attribute {name!r}\n  fix: {fix}")):
        getattr(owner, name)


@pytest.mark.parametrize("owner", [*OWNERS.values()])
@pytest.mark.parametrize("name", ["nonsense", "_private", "__array_interface__", "_repr_html_"])
def test_other_names_are_plainly_missing(owner, name):
    assert not hasattr(owner, name)
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'$") as caught:
        getattr(owner, name)
    assert isinstance(caught.value, tt.MissingNameError) == (not name.startswith("_"))


def test_a_condition_alone_has_no_static_shape():
    with pytest.raises(
        tt.ArgumentError, match=r"where takes 3 operands .*, not 1\n  fix: tt.where\(mask, x, y\); how"
    ):
        tt.where(X > 0)


def test_tensors_are_copied_and_pickled_as_before():
    assert copy.copy(X).type == copy.deepcopy(LOSS).type.__class__(X.dtype, X.shape)
    assert pickle.loads(pickle.dumps(LOSS)).type == LOSS.type  # noqa: S301  # our own bytes
    assert pickle.loads(pickle.dumps(tt.optim.SGD([W]))).lr == 1e-3  # noqa: S301  # our own bytes


def test_a_constructor_of_values_is_none_of_tensors():
    with pytest.raises(tt.ArgumentError, match=r"handle on a node(.|\n)*fix: tt.constant\(array\), tt.param"):
        tt.Tensor([1.0, 2.0])  # type: ignore[arg-type]
    with pytest.raises(tt.MissingNameError, match=r"fix: tt.constant\(array\) for a fixed value"):
        tt.tensor  # noqa: B018  # it is the test


WRONG_KEYWORDS = [
    (lambda: X.sum(dim=1), "sum has no parameter 'dim'; its parameters are: axis, keepdims\n  fix: axis=1"),
    (lambda: X.max(1, keepdim=True), "max has no parameter 'keepdim'; .*\n  fix: keepdims=True"),
    (lambda: X.argmin(dim=-1), "argmin has no parameter 'dim'; .*\n  fix: axis=-1"),
    (lambda: X.flatten(start_dim=1), "flatten has no parameter 'start_dim'; .*\n  fix: start=1"),
    (lambda: X.reshape(shape=(4, 3)), "reshape has no parameter 'shape'; .*\n  fix: give it by position"),
    (lambda: tt.softmax(X, dim=1), "softmax has no parameter 'dim'; .*: x, axis\n  fix: axis=1"),
    (lambda: tt.concatenate([X], dim=0), "concatenate has no parameter 'dim'; .*\n  fix: axis=0"),
    (lambda: tt.var(X, unbiased=False), "var has no parameter 'unbiased'; .*\n  fix: correction=1 if it is"),
    (lambda: tt.var(X, ddof=0), "var has no parameter 'ddof'; .*\n  fix: correction=0"),
    (lambda: tt.relu(X, inplace=True), "relu has no parameter 'inplace'; .*\n  fix: leave it out: a program"),
    (lambda: tt.leaky_relu(X, slope=0.1), "has no parameter 'slope'; .*\n  fix: negative_slope=0.1"),
    (lambda: tt.nn.ReLU(inplace=True), "ReLU takes no settings.*\n  fix: leave it out: a program"),
    (lambda: tt.nn.Softmax(dim=1), "Softmax takes axis.*\n  fix: axis=1"),
    (lambda: tt.nn.Dense(in_features=3, out_features=4), "Dense has no .*'in_features'; .*\n  fix: inputs=3"),
    (lambda: tt.optim.SGD([W], learning_rate=0.1), "SGD has no .* 'learning_rate'; .*\n  fix: lr=0.1"),
    (lambda: tt.optim.Adam(params=[W]), "Adam has no .* 'params'; .*\n  fix: parameters="),
    (lambda: tt.losses.cross_entropy(input=X, target=X), "'input'; .*\n  fix: logits=Tensor"),
    (lambda: tt.losses.mse(X, X, size_average=True), "'size_average'; .*\n  fix: reduction='mean' or 'sum'"),
    (lambda: tt.parameter([1.0], requires_grad=True), "'requires_grad'; .*\n  fix: p.requires_grad = False"),
    (lambda: tt.constant([1.0], device="cpu"), "'device'; .*\n  fix: leave it out: programs run on the CPU"),
    (lambda: tt.grad(outputs=LOSS, inputs=W), r"'outputs'; .*\n  fix: loss=Tensor\(sum : f32\[\]\)"),
    (lambda: tt.compile([X], LOSS, update={}), "'update'; .*\n  fix: updates={}"),
    (lambda: tt.softmax(X, axsi=1), "'axsi'; .*\n  fix: axis=1"),
    (lambda: tt.softmax(X, nonsense=1), "softmax has no parameter 'nonsense'; its parameters are: x, axis$"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), WRONG_KEYWORDS)
def test_a_keyword_that_is_not_there_says_what_to_write(call, message):
    with pytest.raises(tt.ArgumentError, match=message):
        call()


def test_it_is_the_type_error_that_python_has():
    with pytest.raises(TypeError, match="has no parameter 'dim'") as caught:
        tt.mean(X, dim=1)
    assert type(caught.value) is tt.KeywordError
    assert caught.value.__suppress_context__


def test_other_type_errors_stay_as_they_are():
    for call in (
        lambda: tt.sum(),
        lambda: tt.sum(X, 1, False, 3),
        lambda: tt.softmax(axis=1),
    ):  # it is called under a guard
        with pytest.raises(TypeError, match="positional argument") as caught:
            call()
        assert not isinstance(caught.value, tt.TinytorchError)
    with pytest.raises(tt.DTypeError, match="not an array of"):
        tt.sum("text", axis=0)


def parameters() -> list[set[str]]:
    """The names of the parameters of each public function, method and constructor."""
    rooms = (tt, tt.losses, tt.optim, tt.nn, tt.callbacks)
    found = [getattr(room, name) for room in rooms for name in room.__all__]
    found += [value for name, value in inspect.getmembers(tt.Tensor) if not name.startswith("_")]
    return [
        set(inspect.signature(item).parameters) for item in found if inspect.isroutine(item) or item in MADE
    ]


MADE = (
    tt.optim.SGD, tt.nn.Dense, tt.nn.LayerNorm, tt.DataLoader, tt.callbacks.EarlyStopping,
    tt.callbacks.Checkpoint, tt.callbacks.ReduceOnPlateau,
)  # fmt: skip


@pytest.mark.parametrize("theirs", KEYWORDS)
def test_a_keyword_of_ours_is_one_of_some_function_that_has_not_theirs(theirs):
    known = parameters()
    for ours in KEYWORDS[theirs]:
        assert any(ours in names and theirs not in names for names in known)


def test_updates_are_no_optimiser():
    for wrong in (tt.optim.SGD([W]), tt.optim.Adam):
        with pytest.raises(tt.ArgumentError, match=r"fix: give optimiser.updates\(loss\), not the optimiser"):
            tt.compile([X], LOSS, updates=wrong)  # type: ignore[arg-type]


def test_a_guarded_function_is_the_function_to_everybody_else():
    for function in (tt.sum, tt.compile, tt.losses.cross_entropy, tt.optim.clip_grad_norm):
        assert pickle.loads(pickle.dumps(function)) is function  # noqa: S301  # our own bytes
        assert function.__doc__
        assert "named" not in inspect.signature(function).parameters
    assert list(inspect.signature(tt.nn.Dense).parameters)[:2] == ["inputs", "outputs"]
    assert str(inspect.signature(tt.nn.Flatten)) == "(start: 'int' = 1, end: 'int' = -1)"
    assert tt.clip_grad_norm.__wrapped__.__name__ == "clip_grad_norm"


def test_data_is_there_and_loaded_when_it_is_asked_for():
    code = (
        "import sys, tinytorch as tt\n"
        "assert 'tinytorch.data' not in sys.modules\n"
        "images, labels = tt.data.load_digits()\n"
        "assert images.shape == (1797, 64)\n"
        "from tinytorch import data\n"
        "assert data is tt.data"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_hints_are_loaded_for_errors_only():
    code = TRAINING + "import sys; hasattr(tt, '_x'); assert 'tinytorch.hints' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def _with_axes():
    """Every public function, and method of a tensor, that has an axis or keeps one."""
    for room in (tt, tt.nn, tt.losses, tt.random, tt.linalg):
        for name in room.__all__:
            value = getattr(room, name)
            if inspect.isfunction(value):
                yield f"{room.__name__}.{name}", value
    for name in dir(tt.Tensor):
        if not name.startswith("_") and callable(getattr(tt.Tensor, name)):
            yield f"Tensor.{name}", getattr(X, name)


AXES = [
    (name, function, theirs, ours)
    for name, function in _with_axes()
    for theirs, ours in (("dim", "axis"), ("keepdim", "keepdims"))
    if ours in inspect.signature(function).parameters
]


def test_most_functions_of_axes_are_found():
    assert len(AXES) > 90


@pytest.mark.parametrize(
    ("name", "function", "theirs", "ours"), AXES, ids=[f"{n}-{t}" for n, _, t, _ in AXES]
)
def test_pytorch_s_words_for_axes_are_answered_with_ours_everywhere(name, function, theirs, ours):
    with pytest.raises(tt.KeywordError, match=f"\n  fix: {ours}=1$"):
        function(**{theirs: 1})
