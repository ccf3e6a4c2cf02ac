"""Tensors of the course: data, recording, evaluation, what a buffer promises."""

import gc
import operator
import sys
import threading
from typing import Any

import numpy as np
import pytest

import tinytorch as tt
from tinytorch.core.activations import ReLU
from tinytorch.core.autograd import Variable
from tinytorch.core.programs import CACHE, LARGEST
from tinytorch.core.tensor import Tensor


def compiled_by(work):
    before = CACHE.compiled
    work()
    return CACHE.compiled - before


@pytest.mark.parametrize(
    ("data", "dtype"),
    [(2, np.int64), (2.0, np.float32), ([1.5, 2], np.float32), ([True], np.bool_), (np.ones(2), np.float64)],
)
def test_dtypes_of_data(data, dtype) -> None:
    tensor = Tensor(data)
    assert tensor.dtype == dtype
    assert tensor.data.dtype == dtype
    assert np.array_equal(np.array(tensor), np.array(data))


@pytest.mark.parametrize(
    ("narrow", "kept"),
    [
        ("int8", "int32"), ("uint8", "int32"), ("int16", "int32"), ("uint16", "int32"), ("uint32", "int64"),
        ("float16", "float32"), (">i8", "int64"), (">f4", "float32"),
    ],
)  # fmt: skip
def test_narrow_arrays_are_kept_as_the_next_wider(narrow: str, kept: str) -> None:
    limits = np.finfo(narrow) if np.dtype(narrow).kind == "f" else np.iinfo(narrow)
    array = np.array([limits.min, 0, limits.max], narrow)
    tensor = Tensor(array)
    assert tensor.dtype == kept
    assert np.array_equal(tensor.data, array)
    assert (tensor + 1).dtype == kept
    assert Tensor(array[0]).dtype == kept
    with pytest.raises(tt.DTypeError, match="'uint64' is none of"):
        Tensor(np.array([1], np.uint64))


def test_what_a_tensor_says() -> None:
    x = Tensor([[1, 2, 3], [4, 5, 6]])
    assert (x.shape, x.size, x.ndim, x.requires_grad, x.grad) == ((2, 3), 6, 2, False, None)
    assert x.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert x._data is x.data
    assert isinstance(x, tt.Tensor)
    assert repr(Tensor([1.0])) == "Tensor([1.], shape=(1,), dtype=float32)"


def test_operators_on_either_side() -> None:
    x = Tensor([1.0, 2.0, 4.0])
    for found, expected in [
        (x + 1, [2, 3, 5]), (1 + x, [2, 3, 5]), (x - 1, [0, 1, 3]), (1 - x, [0, -1, -3]), (2 * x, [2, 4, 8]),
        (x / 2, [0.5, 1, 2]), (4 / x, [4, 2, 1]), (x**2, [1, 4, 16]), (x**-1, [1, 0.5, 0.25]),
        (2**x, [2, 4, 16]), (x**0.5, [1, 2**0.5, 2]), (-x, [-1, -2, -4]), (x > 1, [False, True, True]),
        (x > 1, [False, True, True]), (x == 2, [False, True, False]), (x != 2, [True, False, True]),
        (np.float32([1, 1, 1]) + x, [2, 3, 5]), ([1, 1, 1] - x, [0, -1, -3]), (x @ x, 21), (x @ [1, 1, 1], 7),
    ]:  # fmt: skip
        np.testing.assert_allclose(found.data, expected, rtol=1e-6)


def test_integers_stay_until_a_result_is_fractional() -> None:
    x = Tensor([1, 2])
    assert (x + 1).dtype == (x**2).dtype == x.sum().dtype == np.int64
    assert (x / 2).dtype == x.mean().dtype == (x * 0.5).dtype == (x**0.5).dtype == np.float32


def test_shapes_and_reductions() -> None:
    x = Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert x.reshape(3, 2).tolist() == [[1, 2], [3, 4], [5, 6]]
    assert x.T.tolist() == x.transpose(1, 0).tolist() == [[1, 4], [2, 5], [3, 6]]
    assert [x.sum().item(), x.mean().item(), x.max().item()] == [21, 3.5, 6]
    assert x.sum(dim=0).tolist() == x.sum(axis=0).tolist() == [5, 7, 9]
    assert x.max(dim=1, keepdims=True).tolist() == [[3], [6]]
    assert x[1, 1:].tolist() == [5, 6]
    assert [row.tolist() for row in x] == x.tolist()


def test_nothing_runs_before_it_is_read() -> None:
    x = Tensor([1.0, 2.0])
    y = x * 3 + 1
    assert not y.is_computed
    assert "mul" in str(y.graph())
    assert y.tolist() == [4, 7]
    assert y.is_computed
    assert "mul" in str(y.graph())


def test_a_drawing_is_made(tmp_path) -> None:
    y = Tensor([1.0]) * 2
    try:
        path = y.draw(tmp_path / "y.dot")
    except tt.DrawingError:
        path = tmp_path / "y.dot"
    assert "mul" in path.read_text()


def test_one_structure_is_compiled_once_whatever_the_numbers() -> None:
    x = Tensor(np.arange(7.0))
    (x * 0.25 - 1.5).tolist()
    assert compiled_by(lambda: [(x * (k / 7) - k).tolist() for k in range(20)]) == 0
    assert compiled_by(lambda: (x * 0.25 + 1.5).tolist()) > 0


def test_exponents_are_structure() -> None:
    x = Tensor(np.arange(5.0))
    (x**2).tolist()
    assert compiled_by(lambda: (x**3).tolist()) == 1


def test_the_cache_keeps_the_programs_used_last() -> None:
    CACHE.clear()
    for key in range(LARGEST + 3):
        CACHE.find(("test", key), lambda: tt.compile([], tt.constant(1.0)) if key == 0 else program)  # noqa: B023  # at once
        program = CACHE.find(("test", 0), lambda: pytest.fail("used last and gone"))
    assert len(CACHE) == LARGEST
    CACHE.clear()


def test_long_loops_do_not_grow() -> None:
    x = Tensor(np.ones(3, np.float32))

    def turn():
        nonlocal x
        x = x * 0.99
        return (x * x).sum().item()

    for _ in range(10):
        turn()
    assert compiled_by(lambda: [turn() for _ in range(50)]) == 0
    assert len((x * 1.0).graph()) < 12


def test_values_are_freed_with_the_last_who_could_read_them() -> None:
    from tinytorch.core.values import _VALUES

    x = Tensor(np.ones(3, np.float32))
    (x * 2 + 1).tolist()
    gc.collect()
    before = len(_VALUES)
    for _ in range(20):
        y = x * 2 + 1
        y.tolist()
    del y
    gc.collect()
    assert len(_VALUES) <= before


def test_data_is_copied() -> None:
    array = np.ones(2)
    x = Tensor(array)
    array[0] = 5
    assert x.tolist() == [1, 1]
    y = Tensor(x)
    x.data[0] = 7
    assert y.tolist() == [1, 1]
    np.array(x)[0] = 9
    assert x.tolist() == [7, 1]


@pytest.mark.parametrize(
    "same",
    [
        lambda x: x.reshape(2, 2),
        lambda x: x.transpose(0, 1),
        lambda x: x.flatten(1),
        lambda x: x.squeeze(),
        lambda x: x.sum(()),
        lambda x: +x,
        lambda x: x[...],
        lambda x: tt.flip(x, ()),
        lambda x: tt.pad(x, ((0, 0), (0, 0))),
        lambda x: tt.split(x, [2])[0],
    ],
)
def test_what_changes_nothing_is_a_tensor_of_its_own(same) -> None:
    x = Tensor([[1.0, -2.0], [3.0, -4.0]])
    y = same(x)
    ReLU().forward_(y)
    assert y.tolist() == [[1, 0], [3, 0]]
    assert x.tolist() == [[1, -2], [3, -4]]


def test_identity_hash_and_truth() -> None:
    x, y = Tensor([1.0, 2.0]), Tensor([1.0, 2.0])
    assert len({x, y}) == 2
    assert (x == y).tolist() == [True, True]
    assert bool(x.sum() > 2)
    with pytest.raises(tt.SymbolicValueError, match="neither true nor false"):
        bool(x == y)
    with pytest.raises(tt.SymbolicValueError):
        bool(Tensor([1.0]) * tt.input("x", (1,)))


def test_what_is_not_fed_is_named() -> None:
    z = Tensor([1.0, 2.0]) * tt.input("rate", (2,))
    with pytest.raises(
        tt.SymbolicValueError, match=r"before 'rate' is fed(.|\n)*fix: tensor.fed\(rate=\.\.\.\)"
    ):
        _ = z.data
    assert z.fed(rate=np.float32([3, 4])).tolist() == [3, 8]
    assert "not fed" in repr(z)


@pytest.mark.parametrize("data", [[[1, 2], [3]], "text", ["a"], object(), [None], np.array([1j])])
def test_what_is_no_array_of_numbers_is_an_error(data) -> None:
    with pytest.raises(tt.DTypeError):
        Tensor(data)


def test_bad_axes_shapes_and_items() -> None:
    x = Tensor([[1.0, 2.0]])
    with pytest.raises(tt.ShapeError, match="axis 2 is out of range"):
        x.sum(dim=2)
    with pytest.raises(tt.ShapeError):
        x + Tensor([1.0, 2.0, 3.0])
    with pytest.raises(tt.ShapeError, match="2"):
        x.item()
    with pytest.raises(tt.ArgumentError, match="two names of one thing"):
        x.sum(dim=0, axis=0)


def test_functions_of_tt_take_it() -> None:
    x = Tensor([[1.0, 2.0]])
    assert isinstance(tt.relu(x), Tensor)
    np.testing.assert_allclose(np.array(tt.softmax(x)).sum(), 1, rtol=1e-6)


@pytest.mark.parametrize("sign", ["add", "sub", "mul", "truediv", "pow", "matmul", "lt", "eq"])
def test_an_unfed_input_beside_a_tensor_gives_a_tensor_in_either_order(sign: str) -> None:
    x, tensor = tt.input("x", (2,)), Tensor([1.0, 2.0])
    apply = getattr(operator, sign)
    for result in (apply(x, tensor), apply(tensor, x)):
        assert isinstance(result, Tensor)
        with pytest.raises(tt.SymbolicValueError, match="before 'x' is fed"):
            _ = result.data


def test_an_input_before_a_variable_keeps_its_gradient() -> None:
    x, variable = tt.input("x", (2,)), Variable([1.0, 2.0])
    for result in (x + variable, x * variable, x**variable, x @ variable):
        assert isinstance(result, Variable)
        assert result.requires_grad


def test_several_threads_may_read_what_is_recorded() -> None:
    wrong: list[Any] = []

    def read(tensors: list[Tensor], together: threading.Barrier) -> None:
        together.wait()
        try:
            wrong.extend(x for x in tensors if x.tolist() != [6] * 9)
        except AssertionError as error:
            wrong.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    for _ in range(40):
        shared, together = Tensor([1.0] * 9) * 2, threading.Barrier(4)
        tensors = [shared + 4, shared * 3, shared + shared + 2]
        threads = [threading.Thread(target=read, args=(tensors, together)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    sys.setswitchinterval(before)
    assert wrong == []
