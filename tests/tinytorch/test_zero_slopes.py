"""A slope of 0 is 0 beside an infinite cotangent, and what has no slope at all has zeros."""

from functools import cache

import numpy as np
import pytest

import tinytorch as tt
from tests.backends import NATIVE
from tinytorch.core.activations import ReLU
from tinytorch.core.variable import Variable

OUTER = {
    "sqrt": tt.sqrt,
    "log": tt.log,
    "1/v": lambda v: 1 / v,
    "v**.5": lambda v: v**0.5,
    "rsqrt": tt.rsqrt,
    "v**-2": lambda v: v**-2,
    "v**1.5": lambda v: v**1.5,
}
"""Functions whose slope is infinite at 0, first or second."""

POINTS = np.array([-7.0, -3.0, -2.0, -0.5, 0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 7.0])


def pairs(v):
    return v.reshape(-1, 2)


def relu6(v):
    return tt.where(v <= 0, 0, tt.where(v >= 6, 6, v))


INNER = {
    "relu": tt.relu,
    "clip": lambda v: tt.clip(v, 0, 1),
    "clip below": lambda v: tt.clip(v, 0),
    "maximum": lambda v: tt.maximum(v, 0),
    "hard_sigmoid": tt.hard_sigmoid,
    "hard_swish": tt.hard_swish,
    "where": lambda v: tt.where(v > 0, v, 0),
    "relu6": relu6,
    "held": lambda v: tt.minimum(tt.maximum(v, 0), 6),
    "square of relu": lambda v: tt.relu(v) * tt.relu(v),
    "relu of relu": lambda v: tt.relu(tt.relu(v) - 1),
    "relu of max": lambda v: tt.relu(tt.max(pairs(v), axis=1)),
    "max of relu": lambda v: tt.max(tt.relu(pairs(v)), axis=1),
    "relu of min": lambda v: tt.relu(tt.min(pairs(v), axis=1)),
}
ALONE = {"leaky without a slope": lambda v: tt.leaky_relu(v, negative_slope=0.0), "abs": tt.abs}
"""Where PyTorch has NaN."""

BACKENDS = [
    ("reference", ()),
    ("reference", None),
    ("numpy", ()),
    ("numpy", None),
    *((name, None) for name in NATIVE),
]


@cache
def derivatives(name, backend, passes):
    """Of each outer function of an inner one: the first gradient and one of its gradients."""
    inner = (INNER | ALONE)[name]
    x = tt.input("x", POINTS.shape, "float64")
    weights = tt.constant(np.linspace(1, 2, len(POINTS)))
    outputs = {}
    for name, outer in OUTER.items():
        first = tt.grad(outer(inner(x)).sum(), x)
        outputs[name, 1], outputs[name, 2] = first, tt.grad((first * weights).sum(), x)
    names = {f"{name} {order}": value for (name, order), value in outputs.items()}
    found = tt.compile([x], names, backend=backend, passes=passes)(POINTS)
    return {key: found[f"{key[0]} {key[1]}"] for key in outputs}


@pytest.mark.parametrize("inner", INNER)
def test_gradients_are_torchs(inner):
    torch = pytest.importorskip("torch")
    for backend, passes in BACKENDS:
        found = derivatives(inner, backend, passes)
        for (outer, order), mine in found.items():
            theirs = of_torch(torch, outer, inner)[order - 1]
            known = ~np.isnan(theirs)
            assert known.sum() >= 8
            np.testing.assert_allclose(
                mine[known], theirs[known], rtol=1e-12, err_msg=f"{outer} {order} {backend}"
            )


def of_torch(torch, outer, inner):
    zero = torch.tensor(0.0, dtype=torch.float64)
    outers = OUTER | {"sqrt": torch.sqrt, "log": torch.log, "rsqrt": torch.rsqrt}
    relu = torch.relu
    inners = {
        "relu": relu,
        "clip": lambda v: v.clamp(0, 1),
        "clip below": lambda v: v.clamp(min=0),
        "maximum": lambda v: torch.maximum(v, zero),
        "hard_sigmoid": lambda v: torch.where(v <= -3, zero, torch.where(v >= 3, zero + 1, (v + 3) / 6)),
        "hard_swish": lambda v: torch.where(v <= -3, zero, torch.where(v >= 3, v, v * (v + 3) / 6)),
        "where": lambda v: torch.where(v > 0, v, zero),
        "relu6": torch.nn.functional.relu6,
        "held": lambda v: torch.minimum(torch.maximum(v, zero), zero + 6),
        "square of relu": lambda v: relu(v) * relu(v),
        "relu of relu": lambda v: relu(relu(v) - 1),
        "relu of max": lambda v: relu(pairs(v).max(1).values),
        "max of relu": lambda v: relu(pairs(v)).max(1).values,
        "relu of min": lambda v: relu(pairs(v).min(1).values),
    }
    x = torch.tensor(POINTS, requires_grad=True)
    (first,) = torch.autograd.grad(outers[outer](inners[inner](x)).sum(), x, create_graph=True)
    weights = torch.linspace(1, 2, len(POINTS), dtype=torch.float64)
    (second,) = torch.autograd.grad((first * weights).sum(), x)
    return first.detach().numpy(), second.detach().numpy()


@pytest.mark.parametrize("inner", [*INNER, *ALONE])
def test_nothing_passes_where_the_slope_is_0(inner):
    flat = POINTS == 0 if inner == "abs" else POINTS <= -3
    for backend, passes in BACKENDS:
        for key, found in derivatives(inner, backend, passes).items():
            np.testing.assert_array_equal(found[flat], 0, f"{key} {backend}")


ONE = ["sqrt of relu", "log of clip", "reciprocal of maximum", "root of where", "rsqrt of relu6"]


@pytest.mark.parametrize("name", ONE)
def test_one_formula_has_the_gradients_of_its_parts(name):
    functions = {
        "sqrt of relu": lambda v: tt.sqrt(tt.relu(v)),
        "log of clip": lambda v: tt.log(tt.clip(v, 0, 1)),
        "reciprocal of maximum": lambda v: 1 / tt.maximum(v, 0),
        "root of where": lambda v: tt.where(v > 0, v, 0) ** 0.5,
        "rsqrt of relu6": lambda v: tt.rsqrt(relu6(v)),
    }
    x = tt.input("x", POINTS.shape, "float64")
    whole, parts = (f(x) for f in (tt.elementwise("f", functions[name]), functions[name]))
    found, expected = tt.compile([x], [tt.grad(value.sum(), x) for value in (whole, parts)])(POINTS)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_array_equal(found[POINTS < 0], 0)


def test_a_step_of_training_leaves_numbers():
    generator = np.random.default_rng(0)
    w = tt.parameter(generator.standard_normal((4, 5)), "w")
    x = tt.input("x", (8, 4), "float64")
    loss = tt.sqrt(tt.relu(x @ w)).mean()
    step = tt.compile([x], loss, updates=tt.optim.SGD([w], lr=0.1).updates(loss))
    step(generator.standard_normal((8, 4)))
    assert np.isfinite(tt.value_of(w)).all()


def test_in_place_too():
    x = Variable([-2.0, 4.0])
    y = x * 1.0
    ReLU().forward_(y)
    (y**0.5).sum().backward()
    assert x.grad.numpy().tolist() == [0.0, 0.25]


FLAT = {
    "sign": tt.sign,
    "floor": tt.floor,
    "ceil": tt.ceil,
    "round": tt.round,
    "x ** 0": lambda x: x**0,
    "0 x": lambda x: 0.0 * x,
    "comparison": lambda x: (x > 0).astype("float64"),
    "condition": lambda x: tt.where(x > 0, 1.0, 2.0),
    "index": lambda x: tt.take(tt.constant(np.ones(9)), tt.clip(x, 0, 8).astype("int64"), axis=0),
    "largest": lambda x: x.argmax().astype("float64").broadcast_to(x.shape),
    "exp of floor": lambda x: tt.exp(tt.floor(tt.sin(x))),
}


@pytest.mark.parametrize("name", FLAT)
def test_what_has_no_slope_has_zeros(name):
    x = tt.input("x", ("n",), "float64")
    slope = tt.grad(FLAT[name](x).sum(), x)
    assert tt.compile([x], slope)(np.array([1.5, -2.0, 0.0])).tolist() == [0, 0, 0]
    assert tt.explain(slope).rule.startswith("nothing passes through ")
    both = tt.grad((FLAT[name](x) + 3 * x).sum(), x)
    assert tt.compile([x], both)(np.array([1.5, -2.0, 0.0])).tolist() == [3, 3, 3]


def test_the_explanation_says_where_it_ends():
    x = tt.input("x", ("n",))
    floor = tt.explain(tt.grad((tt.floor(tt.sin(x)) * 2).sum(), x))
    assert floor.derivation[0] == "floor(x) = floor(x)"
    assert floor.derivation[-1] == "the derivative is 0: nothing is passed on"
    cast = tt.explain(tt.grad((x > 0.5).astype("float32").sum(), x))
    assert cast.derivation == ("gt(x, y) = x > y", "the value is bool and has no slope: nothing is passed on")


def test_a_path_that_is_cut_is_no_path():
    x = tt.input("x", ("n",))
    for cut in (
        tt.stop_gradient(x),
        tt.floor(tt.stop_gradient(x)),
        tt.elementwise("f", lambda v: tt.stop_gradient(v) * 2)(x),
    ):
        with pytest.raises(
            tt.GradientError, match=r"does not depend on %x(.|\n)*or only through tt.stop_gradient"
        ):
            tt.grad(cut.sum(), x)
    assert tt.compile([x], tt.grad((tt.stop_gradient(x) * tt.floor(x)).sum(), x))(
        np.ones(2, "float32")
    ).tolist() == [0, 0]


@pytest.mark.parametrize(
    "power", [lambda x: (-2.0) ** x, lambda x: tt.pow(-2.0, x), tt.elementwise("f", lambda x: (-2.0) ** x)]
)
def test_a_power_of_a_negative_number_has_the_slope_nan(power):
    x = tt.input("x", (3,), "float64")
    program = tt.compile([x], [power(x), tt.grad(power(x).sum(), x)])
    value, slope = program(np.array([2.0, 3.0, -1.0]))
    assert value.tolist() == [4, -8, -0.5]
    assert np.isnan(slope).all()
