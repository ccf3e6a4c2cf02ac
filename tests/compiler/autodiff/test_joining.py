"""What the uses of a value pass to it together: pieces one behind the other, one product for many."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.autodiff import joining
from compiler.ir.graph import reachable
from compiler.ir.op import Concatenate, MapReduce, Pad, Trait
from tinytorch.testing import check_gradient


def gradient_of(function, *shapes):
    """The nodes of its gradients, which are compared with differences up to the second order."""
    inputs = [tt.input(f"x{k}", shape) for k, shape in enumerate(shapes)]
    found = tt.grad(function(*inputs).sum(), inputs)
    generator = np.random.default_rng(0)
    check_gradient(function, *(generator.standard_normal(shape) for shape in shapes), order=2)
    return reachable([slope.node for slope in found])


def counts(nodes):
    """Concatenations and pads."""
    return tuple(sum(isinstance(node.op, kind) for node in nodes) for kind in (Concatenate, Pad))


def weight_products(nodes, shape):
    return [
        node for node in nodes
        if node.op.has(Trait.CONTRACTION) and len(node.operands) == 2 and node.type.shape == shape
        and node.origin.maker == "grad"
    ]  # fmt: skip


def test_slices_side_by_side_pass_on_what_lies_one_behind_the_other():
    nodes = gradient_of(lambda x: tt.sin(x[:, :2]) + tt.cos(x[:, 2:4]) * x[:, 4:], (2, 6))
    assert counts(nodes) == (1, 0)


def test_what_is_left_beside_them_is_zero_and_what_lies_elsewhere_is_added():
    def function(x):
        pieces = [x[1:3], x[3:5], x[2:4], x[6:8]]
        return sum(k * piece**2 for k, piece in enumerate(pieces, 1))

    assert counts(gradient_of(function, (9,))) == (1, 3)


@pytest.mark.parametrize("axis", [0, 1])
def test_the_steps_of_a_sequence_are_one_copy(axis):
    def function(x):
        first, second, third = (x[step] if axis == 0 else x[:, step] for step in range(3))
        return first * tt.sin(second) - third**3

    assert counts(gradient_of(function, (3, 3, 2))) == (1, 0)


def repeated(times, *, is_transposed=False):
    def function(h, w):
        for _ in range(times):
            h = tt.tanh(h @ (w.T if is_transposed else w))
        return h

    return function


@pytest.mark.parametrize("is_transposed", [False, True])
def test_a_weight_of_many_steps_has_one_product_over_all_of_them(is_transposed):
    nodes = gradient_of(repeated(4, is_transposed=is_transposed), (1, 4), (4, 4))
    (one,) = weight_products(nodes, (4, 4))
    assert isinstance(one.op, MapReduce)
    assert one.op.extents == (4, 4, 4)


def test_a_weight_with_fewer_elements_than_it_meets_has_a_product_for_each():
    nodes = gradient_of(repeated(3), (5, 2), (2, 2))
    assert len(weight_products(nodes, (2, 2))) == 3
    assert counts(nodes) == (0, 0)


def test_shares_are_compared_with_the_first_ones_alone(monkeypatch):
    asked = []
    way = joining._way
    monkeypatch.setattr(joining, "_way", lambda nodes: asked.append(len(nodes)) or way(nodes))
    x = tt.input("x", (300,))
    tt.grad(tt.concatenate([x[k : k + 1] * float(k) for k in range(300)]).sum(), x)
    assert sum(asked) < 2000
