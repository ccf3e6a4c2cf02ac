"""Operations in place: the values, the buffers, and the gradients, against the same without in place."""

import gc
import signal
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinytorch as tt
from tinytorch.core import programs
from tinytorch.core.activations import ACTIVATIONS, GELU, Activation, ReLU, Sigmoid, Softmax, Softplus, Tanh
from tinytorch.core.autograd import Variable, exp
from tinytorch.core.programs import PART
from tinytorch.core.tensor import Tensor

DATA = np.array([[-2.5, -0.5, 0.0], [0.3, 1.5, 4.0]])

Step = Callable[[Variable, Activation, bool], Variable]


def changed(x: Variable, activation: Activation, in_place: bool) -> Variable:
    return activation.forward_(x) if in_place else activation.forward(x)


def only(x: Variable, activation: Activation, in_place: bool) -> Variable:
    return (changed(x, activation, in_place) * 3).sum()


def used_before(x: Variable, activation: Activation, in_place: bool) -> Variable:
    y = x * x
    x = changed(x, activation, in_place)
    return (y * x).sum()


def read_before(x: Variable, activation: Activation, in_place: bool) -> Variable:
    y = x * x
    y.data.tolist()
    x = changed(x, activation, in_place)
    return (exp(x * 0.1) * y).sum()


def used_between(x: Variable, activation: Activation, in_place: bool) -> Variable:
    x = changed(x, activation, in_place)
    y = x * x
    x = changed(x, activation, in_place)
    return (x + y).sum()


def twice_and_before(x: Variable, activation: Activation, in_place: bool) -> Variable:
    y = x * 2
    x = changed(x, activation, in_place)
    x = changed(x, Tanh(), in_place)
    return (y * x).sum() + x.sum()


def values_read_between(x: Variable, activation: Activation, in_place: bool) -> Variable:
    x = changed(x, activation, in_place)
    np.array(x)
    x.data.data.sum()
    return (x * x).sum()


def several(x: Variable, activation: Activation, in_place: bool) -> Variable:
    y, z = x * x, exp(x * 0.2)
    x = changed(x, activation, in_place)
    w = x / 2
    x = changed(x, Sigmoid(), in_place)
    return (y + z * x + w * x).mean()


USES = [only, used_before, read_before, used_between, twice_and_before, values_read_between, several]


KINDS = [(kind, use) for kind in ACTIVATIONS for use in USES]
IDS = [f"{kind.__name__}-{use.__name__}" for kind, use in KINDS]


@pytest.mark.parametrize(("kind", "use"), KINDS, ids=IDS)
@pytest.mark.parametrize("where", ["leaf", "computed", "recorded"])
def test_gradients_are_those_of_the_same_without_in_place(
    where: str, kind: type[Activation], use: Step
) -> None:
    found: list[Any] = []
    for in_place in (True, False):
        leaf = Variable(DATA.copy())
        x = leaf if where == "leaf" else leaf * 0.9 + 0.01
        if where == "computed":
            x.data.tolist()
        loss = use(x, kind(), in_place)
        loss.backward()
        loss.backward()
        found.append((loss.item(), np.array(leaf.grad)))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-12)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", ACTIVATIONS, ids=lambda kind: kind.__name__)
def test_the_object_and_its_buffer_stay(kind: type[Activation]) -> None:
    expected = kind()(Tensor(DATA)).tolist()
    for make in (Tensor, Variable):
        x = make(DATA)
        tensor = x if isinstance(x, Tensor) else x.data
        buffer = id(tensor._data)
        assert kind().forward_(x) is x
        assert id(tensor._data) == buffer
        assert tensor.tolist() == expected


def test_an_expression_keeps_the_value_from_before() -> None:
    x = Tensor([-1.0, 2.0])
    y = x * 2
    ReLU().forward_(x)
    assert y.tolist() == [-2.0, 4.0]
    assert x.tolist() == [0.0, 2.0]
    assert (x * 2).tolist() == [0.0, 4.0]


def test_several_expressions_of_one_buffer_keep_their_own_versions() -> None:
    x = Tensor([-4.0, 1.0])
    first = x + 1
    x._data[1] = 5
    second = x + 1
    ReLU().forward_(x)
    third = x + 1
    assert [first.tolist(), second.tolist(), third.tolist()] == [[-3.0, 2.0], [-3.0, 6.0], [1.0, 6.0]]


def test_an_array_that_somebody_holds_is_read_when_it_is_recorded() -> None:
    x = Tensor([1.0, 2.0])
    held = x.data
    y = x * 2
    held[0] = 100
    assert y.tolist() == [2.0, 4.0]
    assert (x * 2).tolist() == [200.0, 4.0]
    view = x.numpy()[1:]
    del held
    z = x * 2
    view[0] = 7
    assert z.tolist() == [200.0, 4.0]
    assert (x * 2).tolist() == [200.0, 14.0]


def test_an_expression_built_before_an_assignment_keeps_its_value() -> None:
    w = Variable([1.0, 2.0])
    before = (w * w).sum()
    w.data._data -= 1.0
    after = (w * w).sum()
    assert [before.item(), after.item()] == [5.0, 1.0]
    before.backward()
    assert np.array_equal(w.grad, [2, 4])
    after.backward()
    assert np.array_equal(w.grad, [2, 6])


def test_a_leaf_changed_in_place_and_then_assigned_begins_anew() -> None:
    w = Variable([-1.0, 2.0])
    ReLU().forward_(w)
    w.data._data[:] = [3.0, 4.0]
    (w * w).sum().backward()
    assert np.array_equal(w.grad, [6, 8])


def test_reading_a_changed_leaf_changes_no_gradient() -> None:
    w = Variable([-1.0, 2.0])
    ReLU().forward_(w)
    assert w.data.data.sum() == 2.0
    (w * w).sum().backward()
    assert np.array_equal(w.grad, [0, 4])


def test_the_array_of_a_computed_variable_is_read_only() -> None:
    y = Variable([1.0, 2.0]) * 2
    with pytest.raises(ValueError, match="read-only"):
        y.data._data[0] = 1


def test_in_place_of_integers_is_an_error_where_the_result_is_none() -> None:
    x = Tensor([-1, 2])
    with pytest.raises(tt.DTypeError, match=r"sigmoid of i64\[2\] is f32\[2\], which the buffer cannot hold"):
        Sigmoid().forward_(x)
    assert ReLU().forward_(x).tolist() == [0, 2]


def test_in_place_of_something_else_is_an_error() -> None:
    with pytest.raises(tt.ArgumentError, match="only a Tensor or a Variable"):
        ReLU().forward_([1.0])  # type: ignore[type-var]


def test_where_the_slope_follows_from_the_value_nothing_is_kept() -> None:
    saved = {kind.__name__ for kind in ACTIVATIONS if "keeps nothing" in kind().why()}
    assert {"ReLU", "Sigmoid", "Tanh", "Softmax", "LeakyReLU", "ELU", "Softplus"} <= saved
    assert not saved & {"GELU", "SiLU", "Mish", "Hardswish"}


@pytest.mark.parametrize("kind", [ReLU, Sigmoid, GELU, Softplus])
def test_the_old_value_is_kept_only_where_it_is_needed(kind: type[Activation]) -> None:
    from tinytorch.core.values import _VALUES

    data = DATA + 0.015625 * (1 + len(kind.__name__))  # values that no other test holds
    x = Variable(data)
    loss = (x * 1).sum()
    loss.backward()
    del loss
    gc.collect()
    kind().forward_(x)
    is_kept = any(np.array_equal(value.array, data) for value in _VALUES.values())
    assert is_kept == ("keeps the old value" in kind().why())


def test_why_names_two_arguments_of_one_value() -> None:
    assert "have the same value, and the slopes" in GELU().why()


@pytest.mark.parametrize("kind", [Tanh, Softmax])
def test_a_second_change_copies_what_the_first_one_left(kind: type[Activation]) -> None:
    from tinytorch.core.values import _VALUES

    assert "a second change in place copies that value first" in kind().why()
    x = Variable(np.linspace(-1.0, 1.0, 12, dtype=np.float32).reshape(3, 4))
    kind().forward_(x)
    first = np.array(x)

    def is_kept() -> bool:
        gc.collect()
        others = [value.array for value in _VALUES.values() if value is not x.data._value]
        return any(np.array_equal(array, first) for array in others)

    assert not is_kept()
    Tanh().forward_(x)
    assert is_kept()


def test_a_large_buffer_is_changed_in_parts() -> None:
    data = np.random.default_rng(0).standard_normal(300_001).astype(np.float32)
    x = Tensor(data)
    Tanh().forward_(x)
    np.testing.assert_array_equal(x.numpy(), Tanh()(Tensor(data)).numpy())


def _bytes_of(change: Callable[[], object]) -> tuple[int, int]:
    """The most that a change had allocated at a time, and what it left allocated."""
    gc.collect()
    tracemalloc.start()
    try:
        change()
        left, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak, left


@pytest.mark.parametrize("make", [Tensor, Variable])
@pytest.mark.parametrize("kind", ACTIVATIONS, ids=lambda kind: kind.__name__)
def test_in_place_copies_the_array_only_where_why_says_so(kind: type[Activation], make: Any) -> None:
    data = np.random.default_rng(0).standard_normal((1024, 1024)).astype(np.float32)
    kind().forward_(make(data))  # compiled
    x = make(data)
    peak, left = _bytes_of(lambda: kind().forward_(x))
    is_kept = make is Variable and "keeps the old value" in kind().why()
    assert (left > 0.9 * data.nbytes) == is_kept
    assert peak < (1.5 if is_kept else 0.5) * data.nbytes


@pytest.mark.parametrize("dim", [0, 1, 2, -1, -3])
def test_softmax_in_place_in_parts_is_softmax(dim: int) -> None:
    data = np.random.default_rng(0).standard_normal((70, 61, 67))
    x = Tensor(data)
    assert Softmax().forward_(x, dim=dim) is x
    np.testing.assert_allclose(x.numpy(), Softmax(dim).forward(Tensor(data)).numpy(), rtol=1e-13)


def test_parts_of_one_shape_are_recorded_once() -> None:
    calls: list[Any] = []

    def relu(node: Any) -> Any:
        calls.append(node.type.shape)
        return tt.relu(tt.Tensor(node)).node

    x = Tensor(np.linspace(-1, 1, 5 * PART + 3, dtype=np.float32))
    x.change(relu)
    assert sorted(calls) == [(3,), (PART,), x.shape, x.shape]
    assert x.data.min() == 0


def test_ctrl_c_waits_for_the_last_part(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = programs._parts

    def pressed(*given: Any) -> Any:
        for part in parts(*given):
            signal.raise_signal(signal.SIGINT)
            yield part

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(programs, "_parts", pressed)
    x = Tensor(np.full(2 * PART, -1.0))
    with pytest.raises(KeyboardInterrupt):
        ReLU().forward_(x)
    signal.signal(signal.SIGINT, before)
    assert not x.data.any()


def test_plus_a_variable_is_another_one() -> None:
    x = Variable([-1.0, 2.0])
    y = ReLU().forward_(+x)
    assert x.tolist() == [-1, 2]
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 1]
