"""NumPy's functions build the graph of ours, with NumPy's numbers, or say what to write instead."""

import operator
import re

import numpy as np
import pytest
from numpy.testing.overrides import get_overridable_numpy_array_functions, get_overridable_numpy_ufuncs

import tinytorch as tt
from tests.tinytorch.test_hints import OWNERS
from tinytorch import numpy_names, protocols
from tinytorch.core.tensor import Tensor as CourseTensor
from tinytorch.handle import Handle

UFUNCS = sorted(get_overridable_numpy_ufuncs(), key=lambda ufunc: ufunc.__name__)
FUNCTIONS = sorted(
    {function for function in get_overridable_numpy_array_functions() if not hasattr(function, "nin")},
    key=lambda function: (function.__module__, function.__name__),
)
A = np.linspace(-1.9, 2.3, 12).reshape(3, 4)
"""Neither whole nor equal, of both signs."""
B = np.linspace(0.1, 0.9, 12)[::-1].reshape(3, 4)
"""Where inverse functions are defined."""
INT = np.arange(-6, 6).reshape(3, 4)
SHIFTS = np.arange(12).reshape(3, 4) % 5
SQUARE = np.array([[2.0, 0.5, 0.1], [0.5, 1.5, 0.2], [0.1, 0.2, 1.0]])

OPERANDS = {
    "arccosh": (B + 1,), "bitwise_and": (INT, SHIFTS), "bitwise_or": (INT, SHIFTS),
    "bitwise_xor": (INT, SHIFTS), "invert": (INT,), "left_shift": (INT, SHIFTS), "matmul": (A, B.T),
    "ldexp": (A, SHIFTS), "right_shift": (INT, SHIFTS), "power": (B, A), "vecdot": (A, B),
}  # fmt: skip
"""Of universal functions that are not for two tables of numbers as good as any."""

CALLS = {
    "all": lambda x, y: np.all(x > -1, axis=0),
    "amax": lambda x, y: np.amax(x, axis=1, keepdims=True),
    "amin": lambda x, y: np.amin(x, 0),
    "any": lambda x, y: np.any(x > 2, 1),
    "argmax": lambda x, y: np.argmax(x, axis=1),
    "argmin": lambda x, y: np.argmin(x),
    "argsort": lambda x, y: np.argsort(x, axis=0),
    "around": lambda x, y: np.around(x),
    "array_split": lambda x, y: np.array_split(x, 3, axis=1)[1],
    "atleast_1d": lambda x, y: np.atleast_1d(x[0, 0]),
    "atleast_2d": lambda x, y: np.atleast_2d(x[0]),
    "atleast_3d": lambda x, y: np.atleast_3d(x),
    "bincount": lambda x, y: np.bincount((x.flatten() > 0).astype("int64"), minlength=2),
    "broadcast_arrays": lambda x, y: np.broadcast_arrays(x, y[0])[1],
    "broadcast_to": lambda x, y: np.broadcast_to(x, (2, 3, 4)),
    "cholesky": lambda x, y: np.linalg.cholesky(x @ x.T + 1.0 * np.eye(3)),
    "clip": lambda x, y: np.clip(x, -0.5, 0.5),
    "column_stack": lambda x, y: np.column_stack([x, y[:, 0]]),
    "concatenate": lambda x, y: np.concatenate([x, y], axis=1),
    "corrcoef": lambda x, y: np.corrcoef(y * y),
    "count_nonzero": lambda x, y: np.count_nonzero(x > 0, axis=0, keepdims=True),
    "cov": lambda x, y: np.cov(y),
    "cross": lambda x, y: np.cross(x[:, :3], y[:, 1:]),
    "cumprod": lambda x, y: np.cumprod(x, 1),
    "cumsum": lambda x, y: np.cumsum(x),
    "diag": lambda x, y: np.diag(x, 1),
    "det": lambda x, y: np.linalg.det(x @ y.T),
    "diagonal": lambda x, y: np.diagonal(x, 1),
    "digitize": lambda x, y: np.digitize(x, [-1.0, 0.0, 0.5]),
    "dot": lambda x, y: np.dot(x, y.T),
    "dstack": lambda x, y: np.dstack([x, y]),
    "eigh": lambda x, y: np.linalg.eigh(x @ x.T)[0],
    "eigvalsh": lambda x, y: np.linalg.eigvalsh(x @ x.T),
    "einsum": lambda x, y: np.einsum("ij,kj->ik", x, y, optimize=True),
    "expand_dims": lambda x, y: np.expand_dims(x, 1),
    "fix": lambda x, y: np.fix(x),
    "flip": lambda x, y: np.flip(x, axis=1),
    "full_like": lambda x, y: np.full_like(x, 3.5),
    "histogram": lambda x, y: np.histogram(x, 3, (-2.0, 2.0))[0],
    "hstack": lambda x, y: np.hstack([x, y]),
    "inner": lambda x, y: np.inner(x, y),
    "inv": lambda x, y: np.linalg.inv(x @ x.T + 1.0 * np.eye(3)),
    "isclose": lambda x, y: np.isclose(x, x + 1e-6, atol=1e-5),
    "isneginf": lambda x, y: np.isneginf(x / (x - x)),
    "isposinf": lambda x, y: np.isposinf(x / (x - x)),
    "kron": lambda x, y: np.kron(x, y),
    "matrix_transpose": lambda x, y: np.matrix_transpose(x),
    "matrix_power": lambda x, y: np.linalg.matrix_power(x @ y.T, 3),
    "matrix_norm": lambda x, y: np.linalg.matrix_norm(x, ord=1),
    "norm": lambda x, y: np.linalg.norm(x, axis=1),
    "vector_norm": lambda x, y: np.linalg.vector_norm(x, ord=3, axis=0),
    "max": lambda x, y: np.max(x, axis=(0, 1)),
    "mean": lambda x, y: np.mean(x, axis=-1),
    "meshgrid": lambda x, y: np.meshgrid(x[0], y[:, 0])[1],
    "min": lambda x, y: np.min(x, axis=-1, keepdims=True),
    "moveaxis": lambda x, y: np.moveaxis(x, 0, -1),
    "nan_to_num": lambda x, y: np.nan_to_num(x / (x > 0), nan=7.0),
    "nanmean": lambda x, y: np.nanmean(np.where(x > 0, np.nan, y), axis=0),
    "nanquantile": lambda x, y: np.nanquantile(x, 0.3, axis=1),
    "nansum": lambda x, y: np.nansum(np.where(x > 0, x, np.nan), 0),
    "ndim": lambda x, y: np.ndim(x),
    "ones_like": lambda x, y: np.ones_like(x),
    "outer": lambda x, y: np.outer(x[0], y[1]),
    "pad": lambda x, y: np.pad(x, 1, constant_values=2.5),
    "pad edge": lambda x, y: np.pad(x, ((0, 1), (2, 0)), mode="edge"),
    "pad reflect": lambda x, y: np.pad(x, 1, mode="reflect"),
    "prod": lambda x, y: np.prod(x, axis=1, keepdims=True),
    "quantile": lambda x, y: np.quantile(x, 0.3, axis=1),
    "qr": lambda x, y: np.linalg.qr(x)[1],
    "ravel": lambda x, y: np.ravel(x),
    "repeat": lambda x, y: np.repeat(x, 2, axis=0),
    "reshape": lambda x, y: np.reshape(x, (2, -1)),
    "roll": lambda x, y: np.roll(x, 1, axis=1),
    "rot90": lambda x, y: np.rot90(x, 3),
    "round": lambda x, y: np.round(x),
    "searchsorted": lambda x, y: np.searchsorted(np.sort(x[0]), y, side="right"),
    "shape": lambda x, y: np.shape(x),
    "sinc": lambda x, y: np.sinc(x),
    "size": lambda x, y: np.size(x, 1),
    "sort": lambda x, y: np.sort(x),
    "slogdet": lambda x, y: np.linalg.slogdet(x @ y.T + 1.0 * np.eye(3))[1],
    "solve": lambda x, y: np.linalg.solve(x @ x.T + 1.0 * np.eye(3), y),
    "split": lambda x, y: np.split(x, [1, 3], axis=1)[1],
    "squeeze": lambda x, y: np.squeeze(x[:1], axis=0),
    "stack": lambda x, y: np.stack([x, y], axis=1),
    "std": lambda x, y: np.std(x, axis=0),
    "sum": lambda x, y: np.sum(x, axis=1, keepdims=True),
    "swapaxes": lambda x, y: np.swapaxes(x, 0, 1),
    "take": lambda x, y: np.take(x, [2, 0], axis=1),
    "take_along_axis": lambda x, y: np.take_along_axis(x, SHIFTS % 3, axis=0),
    "tensordot": lambda x, y: np.tensordot(x, y, axes=([0, 1], [0, 1])),
    "tile": lambda x, y: np.tile(x, (2, 1)),
    "trace": lambda x, y: np.trace(x, offset=1),
    "transpose": lambda x, y: np.transpose(x, (1, 0)),
    "trapezoid": lambda x, y: np.trapezoid(x, dx=0.5, axis=0),
    "tril": lambda x, y: np.tril(x, -1),
    "triu": lambda x, y: np.triu(x, k=1),
    "unstack": lambda x, y: np.unstack(x, axis=1)[3],
    "vander": lambda x, y: np.vander(x[0], 3),
    "var": lambda x, y: np.var(x, axis=1, ddof=1),
    "vdot": lambda x, y: np.vdot(x, y),
    "vstack": lambda x, y: np.vstack([x, y[0]]),
    "where": lambda x, y: np.where(x > 0, x, y),
    "zeros_like": lambda x, y: np.zeros_like(x),
}  # fmt: skip
"""A call of each of NumPy's other functions that builds a graph, for two tables of numbers."""


def computed(result, arrays, inputs):
    """The value of what was built; what is no tensor is a value."""
    if not isinstance(result, tt.Tensor):
        return result
    return tt.compile(inputs, result)(*arrays)


def refusal(call):
    with pytest.raises((tt.MissingNameError, tt.ArgumentError)) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda ufunc: ufunc.__name__)
def test_a_universal_function_builds_a_graph_or_says_what_to_write(ufunc):
    name = ufunc.__name__
    operands = OPERANDS.get(name, (B, A, A, A, A)[: ufunc.nin])
    inputs = [tt.input(f"x{k}", x.shape, dtype=str(x.dtype)) for k, x in enumerate(operands)]

    def call():
        return inputs[0].__array_ufunc__(ufunc, "__call__", *inputs)

    if not protocols.is_known(ufunc):
        assert re.search(r"\n  fix: .", refusal(call))
        return
    found = call()
    expected = ufunc(*operands)
    for ours, theirs in zip(*((x if ufunc.nout > 1 else (x,)) for x in (found, expected)), strict=True):
        value = computed(ours, operands, inputs)
        np.testing.assert_allclose(value, theirs, rtol=1e-12, atol=1e-14)
        assert value.dtype == theirs.dtype


@pytest.mark.parametrize(
    "function", FUNCTIONS, ids=lambda function: f"{function.__module__}.{function.__name__}"
)
def test_another_function_has_a_call_here_or_says_what_to_write(function):
    x = tt.input("x", (3, 4))
    if protocols.is_known(function):
        assert function.__name__ in CALLS
    else:
        message = refusal(lambda: x.__array_function__(function, (tt.Tensor,), (x,), {}))
        assert re.search(r"\n  fix: .", message), message


@pytest.mark.parametrize("name", CALLS)
def test_a_function_gives_the_numbers_that_numpy_gives(name):
    x, y = tt.input("x", A.shape, dtype="float64"), tt.input("y", B.shape, dtype="float64")
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = CALLS[name](A, B)
    value = computed(CALLS[name](x, y), (A, B), [x, y])
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-14)


def test_what_the_tables_tell_to_write_is_there():
    for fix in [*numpy_names.INSTEAD.values(), *numpy_names.METHODS.values(), *numpy_names.HONOURED.values()]:
        for name in re.findall(r"\btt\.(\w+)", fix):
            assert name in tt.__all__, fix
        for name in re.findall(r"\bx\.(\w+)", fix):
            assert hasattr(tt.Tensor, name), fix
    assert not set(numpy_names.INSTEAD) & (set(tt.__all__) - numpy_names.UNLIKE)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: np.add(x, 1, out=np.ones(3)), "numpy.add of tensors cannot honour out="),
        (lambda x: np.exp(x, where=True), "cannot honour where="),
        (lambda x: np.sum(x, where=x > 0), "tt.where(mask, x, 0)"),
        (lambda x: np.mean(x, dtype="float64"), "x.astype(dtype)"),
        (lambda x: np.max(x, initial=0), "cannot honour initial="),
        (lambda x: np.round(x, 2), "cannot honour decimals="),
        (lambda x: np.cumsum(x, out=np.ones(3)), "cannot honour out="),
        (lambda x: np.reshape(x, (3,), order="F"), "cannot honour order="),
        (lambda x: np.linspace(x[0], 1), "tt.linspace(0, 1, count)"),
        (lambda x: np.pad(x, 1, mode="linear_ramp"), "no mode 'linear_ramp'"),
        (lambda x: np.where(x), "tt.where(condition, x, y)"),
        (lambda x: np.einsum(x, [0], [0]), "tt.einsum('ij,jk', x, y)"),
        (lambda x: np.add.reduce(x), "tt.sum(x, axis)"),
        (lambda x: np.add.at(np.ones(3), [0], x), "numpy.add.at is not for tensors"),
        (lambda x: np.subtract.outer(x, x), "numpy.subtract.outer is not for tensors"),
        (lambda x: np.zeros((3,), like=x), "tt.zeros"),
        (lambda x: np.append(x, x), "tt.concatenate([x, y], axis)"),
        (lambda x: np.unique(x), "numpy.unique"),
        (lambda x: np.fft.fft(x), "numpy.fft.fft of what a program returns"),
        (lambda x: np.diff(x), "x.diff(n, axis)"),
        (lambda x: np.linalg.qr(x, mode="complete"), "cannot honour mode="),
        (lambda x: np.linalg.trace(x), "tt.trace"),
        (lambda x: np.linalg.svd(x), "numpy.linalg.svd of what a program returns"),
        (lambda x: operator.iadd(np.ones(3), x), "y = y + x"),
        (lambda x: x.__array_function__(np.sum, (tt.Tensor,), (x, 0, 1, 2, 3, 4, 5, 6, 7), {}), "numpy.sum"),
    ],
)
def test_what_a_graph_cannot_honour_is_an_error(call, words):
    message = refusal(lambda: call(tt.input("x", (3,))))
    assert words in message
    assert "fix: " in message or "too many" in message


def test_a_tensor_is_still_no_array():
    with pytest.raises(tt.SymbolicValueError):
        np.asarray(tt.input("x", (3,)))


@pytest.mark.parametrize("stem", ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "lt", "ge", "eq"])
@pytest.mark.parametrize("dtype", ["int32", "float32", "float64"])
@pytest.mark.parametrize("kind", [tt.Tensor, CourseTensor])
def test_arrays_and_numbers_at_the_left_meet_a_tensor_as_its_own_operator_has_it(stem, dtype, kind):
    leaf = tt.constant(np.ones(3, np.float32)) if kind is tt.Tensor else CourseTensor(np.ones(3, np.float32))
    reflected = {"lt": "__gt__", "ge": "__le__", "eq": "__eq__"}.get(stem, f"__r{stem}__")
    for value in (np.full(3, 2, dtype), np.dtype(dtype).type(2)):
        found = getattr(operator, stem)(value, leaf)
        assert type(found) is kind
        expected = getattr(leaf, reflected)(value)
        if kind is CourseTensor:
            np.testing.assert_array_equal(found.data, expected.data, strict=True)
        else:
            assert str(tt.graph_of(found)) == str(tt.graph_of(expected))


def test_products_with_an_array_at_the_left_have_its_dtype():
    x = tt.input("x", (3, 2))
    assert str((np.ones(3) @ x).type) == "f64[2]"
    assert str((np.ones((4, 3), np.float32) @ x).type) == "f32[4,2]"


def test_extents_stay_symbolic():
    x = tt.input("x", ("n", 3))
    assert str(np.concatenate([x, x]).shape) == str((x.shape[0] * 2, 3))
    assert np.mean(x, axis=1).shape == (x.shape[0],)


def test_the_tensor_of_the_course_records_operators_and_gives_other_functions_its_values():
    x = CourseTensor([1.0, 2.0])
    assert type(np.exp(x)) is CourseTensor
    np.testing.assert_allclose(np.exp(x).data, np.exp([1, 2]), rtol=1e-6)
    assert np.array_equal(x, [1, 2])
    assert type(np.concatenate([x, x])) is np.ndarray


def test_a_stranger_may_answer_for_itself():
    class Stranger:
        def __array_function__(self, function, types, arguments, named):
            return "answered"

    x = tt.input("x", (3,))
    assert np.concatenate([x, Stranger()]) == "answered"
    assert x.__array_function__(np.concatenate, (Stranger,), ([x],), {}) is NotImplemented


def test_every_place_that_is_asked_is_a_handle():
    assert issubclass(type(OWNERS["Tensor"]), Handle)
