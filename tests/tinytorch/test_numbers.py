"""A NumPy scalar given where a Python number may stand is that number: the same text, the same program."""

import enum
import operator
import pickle
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import tinytorch as tt
from tests.backends import ALL
from tinytorch.core.autograd import Variable
from tinytorch.core.tensor import Tensor
from tinytorch.nn.initialisers import constant, normal, uniform

X = tt.input("x", ("n", 4))
I = tt.input("i", ("n", 4), "int32")  # noqa: E741  # an input of integers
W = tt.parameter(np.ones((4, 4), np.float32), "w")
LOSS = (X @ W).mean()
HALF = np.float32(0.5)
SLOPED = tt.elementwise("sloped", lambda x, *, slope=HALF: x * slope)

FLOATS = [np.float64(0.1), np.float32(0.1), np.float16(0.1), np.longdouble(0.25)]
INTS = [np.int8(2), np.int32(2), np.int64(2), np.uint8(2), np.uint64(2)]
BOOLS = [np.True_, np.False_]

OPERATORS = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.lt, operator.le, operator.gt,
    operator.ge, operator.eq, operator.ne,
]  # fmt: skip

OF_NUMBERS = {
    **{f"x {item.__name__} n": lambda n, item=item: item(X, n) for item in OPERATORS},
    **{f"n {item.__name__} x": lambda n, item=item: item(n, X) for item in OPERATORS},
    "x ** n": lambda n: X**n,
    "n ** x": lambda n: n**X,
    "maximum": lambda n: tt.maximum(X, n),
    "maximum of a number first": lambda n: tt.maximum(n, X),
    "function of a number alone": lambda n: tt.exp(n),
    "where": lambda n: tt.where(n < X, n, X),
    "clip": lambda n: tt.clip(X, n, 5),
    "pow": lambda n: tt.pow(n, X),
    "setting": lambda n: tt.leaky_relu(X, negative_slope=n),
    "default": lambda n: SLOPED(X, slope=n),
    "formula": lambda n: tt.elementwise("f", lambda x: n * x + n)(X),
    "formula's default": lambda n: tt.elementwise("f", lambda x, *, k=n: x * k)(X),
    "map_reduce": lambda n: tt.map_reduce("sum", "ij->i", X, map=lambda x: x * n),
    "correction": lambda n: tt.std(X, 1, correction=n),
    "layer_norm": lambda n: tt.layer_norm(X, eps=n),
    "pad": lambda n: tt.pad(X, [1, 2], value=n),
    "constant in a list": lambda n: tt.constant([n, n], "c"),
    "list beside a tensor": lambda n: X * [n, n, n, n],
    "list beside integers": lambda n: I * [n, n, n, n],
    "stack": lambda n: tt.stack([n, X.sum()]),
    "einsum": lambda n: tt.einsum("ij,->ij", X, n),
    "arange": lambda n: tt.arange(4, start=n, step=n),
    "seed": lambda n: tt.grad(X.sum(), X, seed=n),
    "layer": lambda n: tt.nn.LeakyReLU(n)(X),
    "nn.LayerNorm": lambda n: tt.nn.LayerNorm(4, eps=n)(X),
    "SGD": lambda n: updated(tt.optim.SGD([W], lr=n, momentum=n, weight_decay=n, dampening=n)),
    "Adam": lambda n: updated(tt.optim.AdamW([W], lr=n, eps=n, weight_decay=n)),
    "clip_grad_norm": lambda n: tt.optim.clip_grad_norm([X], n)[0],
}  # fmt: skip

OF_COUNTS = {
    "x ** n": lambda n: I**n,
    "pow": lambda n: tt.pow(I, n),
    "axis": lambda n: X.sum(n - 1),
    "axes": lambda n: X.mean((n - 2, n - 1)),
    "axes in a list": lambda n: X.max([n - 1]),
    "softmax": lambda n: tt.softmax(X, n - 1),
    "transpose": lambda n: X.transpose(n - 1, n - 2),
    "swapaxes": lambda n: X.swapaxes(n - 2, n - 1),
    "unsqueeze": lambda n: X.unsqueeze(n),
    "flatten": lambda n: X.flatten(n - 2, n - 1),
    "reshape": lambda n: X.reshape(-1, n),
    "reshape with a hole": lambda n: X.reshape(n * 0 - 1 if n.dtype.kind == "i" else -1, 4),
    "input": lambda n: tt.input("y", ("n", n)),
    "broadcast_to": lambda n: X.broadcast_to((n, "n", 4)),
    "index": lambda n: X[:, n],
    "slice": lambda n: X[n:, 1:n],
    "step": lambda n: X[:, ::n],
    "arange": lambda n: tt.arange(n, start=n, step=n),
    "one_hot": lambda n: tt.one_hot(I, n),
    "tril": lambda n: tt.tril(X, n),
    "diagonal": lambda n: tt.diagonal(tt.input("y", (3, 5)), n),
    "split": lambda n: tt.split(X, n, 1)[1],
    "pieces": lambda n: tt.split(X, [n, n], 1)[1],
    "pad": lambda n: tt.pad(X, [n, n]),
    "pad pairs": lambda n: tt.pad(X, [(n, 0), (0, n)]),
    "pad by an extent": lambda n: tt.pad(X, [0, X.shape[0] * n]),
    "extent": lambda n: X.unsqueeze(1).broadcast_to((X.shape[0], n * X.shape[0], 4)),
    "sizes": lambda n: tt.map_reduce(None, "ij->ijk", X, map=lambda x, k: k * x, sizes={"k": n}),
    "flip": lambda n: tt.flip(X, n - 1),
    "loss": lambda n: tt.losses.cross_entropy(X, I[:, 0], axis=n - 1),
    "Dense": lambda n: tt.nn.Dense(4, n, seed=n)(X),
    "LayerNorm": lambda n: tt.nn.LayerNorm(n + n)(X),
    "Flatten": lambda n: tt.nn.Flatten(n - 2)(X),
}  # fmt: skip


def updated(optimiser: tt.optim.Optimiser) -> tt.Tensor:
    return optimiser.updates(LOSS)[W]


def text(tensor: tt.Tensor) -> str:
    return str(tt.Graph.of([tensor.node]))


def outcome(function, value) -> str:
    """The text of what a function makes, or the error that it raises."""
    try:
        return text(function(value))
    except tt.TinytorchError as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("value", [*FLOATS, *INTS, *BOOLS], ids=repr)
@pytest.mark.parametrize("name", OF_NUMBERS)
def test_it_is_the_python_number(name, value):
    found, expected = (outcome(OF_NUMBERS[name], item) for item in (value, value.item()))
    if isinstance(value, np.longdouble):
        expected = outcome(OF_NUMBERS[name], float(value))
    assert found == expected
    assert "np." not in found
    if "Error: " not in found:
        assert str(tt.parse(found, arrays_of(found))) == found


def arrays_of(found: str) -> dict[str, np.ndarray]:
    return {"w": np.ones((4, 4), np.float32)} if "@w)" in found else {}


@pytest.mark.parametrize("value", INTS, ids=repr)
@pytest.mark.parametrize("name", OF_COUNTS)
def test_it_is_the_python_count(name, value):
    plain = np.array(2)[()] if "hole" in name else 2
    assert outcome(OF_COUNTS[name], value) == outcome(OF_COUNTS[name], plain)
    assert "Error: " not in outcome(OF_COUNTS[name], value)


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("passes", [None, ()], ids=["passes", "none"])
def test_it_computes_in_the_dtype_of_the_tensor(backend, passes):
    slope = np.float64(0.1)
    results = [
        X / np.sqrt(64), np.float64(2) * X, tt.maximum(X, slope), tt.leaky_relu(X, negative_slope=slope),
        I + np.int64(3), np.bool_(True) * I,
    ]  # fmt: skip
    x = np.linspace(-2, 2, 8, dtype=np.float32).reshape(2, 4)
    i = np.arange(8, dtype=np.int32).reshape(2, 4)
    found = tt.compile([X, I], results, backend=backend, passes=passes)(x, i)
    expected = [x / 8, 2 * x, np.maximum(x, 0.1), np.where(x > 0, x, 0.1 * x), i + 3, i]
    for one, other, dtype in zip(found, expected, ["float32"] * 4 + ["int32"] * 2, strict=True):
        assert one.dtype == dtype
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_pickles_and_argument_of_a_call():
    scale = tt.input("scale")
    program = tt.compile([X, scale], tt.softplus(X, beta=np.float32(0.5)) * scale)
    x = np.ones((1, 4), np.float32)
    for item in (program, pickle.loads(pickle.dumps(program))):  # noqa: S301  # our own bytes
        np.testing.assert_array_equal(item(x, np.float64(2)), item(x, 2.0))
        np.testing.assert_array_equal(item(x, np.int64(2)), item(x, 2))
    with pytest.raises(tt.DTypeError, match="given float64"):
        program(x, np.array(2.0))
    layer = pickle.loads(pickle.dumps(tt.nn.ELU(np.float64(0.5))))  # noqa: S301  # our own bytes
    assert repr(layer) == "ELU(alpha=0.5)"


def test_values_of_parameters_and_initialisers():
    assert tt.constant(np.float64(0.1)).dtype == tt.parameter(np.array(0.1)).dtype == "float64"  # data
    assert tt.constant([np.float64(0.1)]).dtype == tt.constant([np.float16(0.1)]).dtype == "float32"
    assert tt.constant([np.longdouble(1)]).dtype == "float32"
    assert tt.constant([np.int8(1), np.uint8(2)]).dtype == "int64"
    held = tt.parameter([1.0, 2.0])
    tt.set_value(tt.parameter(1.0), np.float64(0.1))
    for initialiser in (constant(np.float64(3)), uniform(np.float32(0.5)), normal(np.int64(1))):
        layer = tt.nn.Dense(np.int64(3), 2, initialiser=initialiser)
        assert layer.weight.shape == (3, 2)
    assert repr(tt.optim.SGD([held], lr=np.float64(0.1))) == "SGD(parameters=1, lr=0.1)"


def test_the_course_takes_them_as_numbers():
    for make in (Tensor, Variable):
        x = make(np.float32([1, 2]))
        for number in (np.float64(2), np.int64(2), np.float16(2)):
            for found in (x * number, number * x, x + number, number - x, x**number, x / number):
                assert found.data.dtype == np.float32
        np.testing.assert_array_equal((x ** np.int64(2)).data.data, [1, 4])


class Level(enum.IntEnum):
    HIGH = 3


def test_what_else_is_like_a_number():
    assert text(X * Level.HIGH) == text(X * 3)
    assert text(X.sum(Level.HIGH - 2)) == text(X.sum(1))
    for value in (Fraction(1, 2), Decimal("0.5")):
        with pytest.raises(tt.DTypeError, match=r"of object: .*\n  fix: float\("):
            X * value
    for value in (1j, np.complex64(1), np.datetime64("2020"), np.str_("1"), "1", None):
        with pytest.raises(tt.DTypeError):
            X * value


BAD = {
    "lr": (lambda: tt.optim.SGD([W], lr="fast"), tt.ArgumentError, "lr is a number, not 'fast'"),
    "negative lr": (
        lambda: tt.optim.Adam([W], lr=np.float64(-1)),
        tt.ArgumentError,
        "a learning rate is not negative: lr=-1.0",
    ),
    "momentum": (
        lambda: tt.optim.SGD([W], momentum=None),
        tt.ArgumentError,
        "momentum is a number, not None",
    ),
    "betas": (lambda: tt.optim.Adam([W], betas=(0.9, "b")), tt.ArgumentError, "a beta is a number, not 'b'"),
    "eps": (lambda: tt.layer_norm(X, eps="tiny"), tt.ArgumentError, "eps is a number, not 'tiny'"),
    "axis": (lambda: X.sum(np.float64(1)), tt.ShapeError, r"an axis is an int, not np.float64\(1.0\): %x"),
    "bool axis": (lambda: X.sum(np.True_), tt.ShapeError, "an axis is an int, not np.True_"),
    "nested axes": (lambda: X.sum(np.array([[0, 1]])), tt.ShapeError, r"an axis is an int, not \[0, 1\]"),
    "float axes": (lambda: X.sum(np.array([0.0])), tt.ShapeError, r"an axis is an int, not 0\.0"),
    "shape": (lambda: tt.input("x", np.array(3)), tt.ShapeError, r"a shape is a sequence .* not array\(3\)"),
    "extent": (lambda: tt.input("x", [np.float64(3)]), tt.ShapeError, r"an extent is an int"),
    "extent array": (lambda: X.reshape([np.array([3, 4])]), tt.ShapeError, r"an extent is an int"),
    "extent bool": (lambda: tt.input("x", (np.True_,)), tt.ShapeError, r"an extent is an int"),
    "slice": (lambda: X[1.5:], tt.ShapeError, r"1\.5 is no place on axis 0"),
    "static slice": (lambda: X[:, 1.5:], tt.ShapeError, r"slice indices must be integers"),
    "pieces": (lambda: tt.split(X, 2.0, 1), tt.ArgumentError, "the number of pieces is an int, not 2.0"),
    "width": (lambda: tt.pad(X, [1.5, 1]), tt.ArgumentError, "a width is an int, not 1.5"),
    "Dense": (lambda: tt.nn.Dense(4.0, 2), tt.ArgumentError, "a count of inputs is an int, not 4.0"),
    "list out of range": (lambda: I + [2**40] * 4, tt.DTypeError, "not within int32"),
    "bound": (lambda: uniform("wide"), tt.ArgumentError, "bound is a number, not 'wide'"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_number_is_a_typed_error(name):
    function, kind, match = BAD[name]
    with pytest.raises(kind, match=match):
        function()


def test_arrays_of_axes_and_extents_are_sequences():
    assert text(X.sum(np.array([0, 1]))) == text(X.sum([0, 1]))
    assert text(X.sum(np.array(1))) == text(X.sum(1))
    assert text(X.reshape(np.array([-1, 2]))) == text(X.reshape(-1, 2))
    assert (
        text(X.transpose(np.array([1, 0])))
        == text(X.transpose(1, 0))
        == text(tt.transpose(X, np.array([1, 0])))
    )
    assert text(tt.reshape(X, "n*4")) == text(X.reshape("n*4"))
    assert text(tt.split(X, np.array([1, 3]), 1)[1]) == text(tt.split(X, [1, 3], 1)[1])
    assert text(tt.pad(X, np.array([[0, 0], [1, 2]]))) == text(tt.pad(X, [(0, 0), (1, 2)]))
    assert text(tt.input("y", np.array([2, 3]))) == text(tt.input("y", (2, 3)))
