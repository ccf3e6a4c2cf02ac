"""Constant weights that take over what scales their product: texts, refusals, and how far numbers move."""

import re
from textwrap import dedent

import numpy as np
import pytest

import tinytorch as tt
from compiler.analysis.affine import affine_of, regrouped
from compiler.ir.dims import symbol
from compiler.ir.graph import Graph
from compiler.rewrite.refusal import Reason
from passes import scale_constants as module
from passes.scale_constants import scale_constants
from tinytorch.testing import check_pass

GENERATOR = np.random.default_rng(7)


def normal(*shape, dtype="float32"):
    return GENERATOR.standard_normal(shape).astype(dtype)


def actions(program):
    (record,) = (item for item in program.history if item.name == "scale_constants")
    return record.report.actions


def test_the_example_in_the_docstring_is_what_happens():
    before, after = re.findall(r"((?:    %.*\n)+    return %y\n)", module.__doc__ or "")
    w, mean, scale, bias = normal(4, 3, 3), normal(4, 1), normal(4, 1), normal(4, 1)
    arrays = {"w": w, "mean": mean, "scale": scale, "bias": bias}
    graph, report = scale_constants(Graph.parse(dedent(before), arrays))
    anew = Graph(graph.nodes, graph.inputs, graph.outputs, graph.updates)
    mine, theirs = (re.sub(r"constant\(.*?\) :", "constant :", text) for text in (str(anew), dedent(after)))
    assert mine.split() == theirs.split()
    assert report.actions[0].sentence == "%c has what 3 maps behind it scaled in its weights"
    arrays = [node.op.buffer.array for node in graph.nodes if node.op.name == "constant"]
    np.testing.assert_array_equal(arrays[0], np.float32(w * np.float64(scale[..., None])))
    np.testing.assert_array_equal(arrays[1], np.float32(bias - np.float64(mean) * scale))


def _normalised(groups, dtype):
    x, nn = tt.input("x", ("n", 4, 6, 6), dtype), tt.nn
    net = nn.Sequential(
        nn.Conv2d(4, 8, 3, padding=1, groups=groups, bias=groups == 1, dtype=dtype),
        nn.BatchNorm2d(8, dtype=dtype), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10, dtype=dtype),
        nn.BatchNorm1d(10, dtype=dtype),
    ).eval()  # fmt: skip
    for part in net[1], net[5]:
        for tensor in (part.weight, part.bias, part.running_mean, part.running_var):
            tt.set_value(tensor, np.abs(normal(*tensor.shape, dtype=dtype)) + 0.25)
    return x, net


@pytest.mark.parametrize(("groups", "dtype"), [(1, "float32"), (2, "float32"), (4, "float64")])
def test_normalisations_behind_products_are_part_of_frozen_weights(groups, dtype):
    x, net = _normalised(groups, dtype)
    y = net(x)
    plain, folded = tt.compile(x, y), tt.compile(x, y, freeze=True)
    assert [len(item.nodes) for item in actions(folded)] == [12 if groups == 1 else 10, 12]
    assert not any(item.name == "scale_constants" for item in plain.history)
    kept = tt.compile(x, y, freeze=True, passes=tt.default_passes())
    value = normal(3, 4, 6, 6, dtype=dtype)
    tolerance = 40 * np.finfo(dtype).eps
    np.testing.assert_array_equal(kept(value), plain(value))
    np.testing.assert_allclose(folded(value), plain(value), rtol=tolerance, atol=tolerance)
    assert len(folded.graph.nodes) < len(kept.graph.nodes) - 6
    assert "scale_constants: a result of sum has what 5 maps" in str(folded.why("%dense1.weight"))
    tt.compile(x, y, freeze=True, debug="passes")(value)


def test_any_formula_of_a_scale_and_a_shift_is_one():
    ours = tt.elementwise("standardised", lambda x, mean, width: -((x - mean) / width) * 2.0 + 1.0)
    x, w, mean, width = tt.input("x", ("n", 5)), normal(5, 3), normal(3), np.abs(normal(3)) + 1
    y = ours(x @ tt.parameter(w), tt.constant(mean), tt.constant(width))
    value = normal(4, 5)
    for output, count in (
        (y, 1),
        (ours(x @ tt.parameter(w), x[:, :3], tt.constant(width)), 0),
        (y * x[:, :3], 1),
    ):
        program = tt.compile(x, output, freeze=True)
        assert len(actions(program)) == count
        wanted = tt.compile(x, output, passes=(), backend="reference")(value)
        np.testing.assert_allclose(program(value), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        (lambda c: [c * 2.0, c + 1.0], Reason.READ_LATER),
        (lambda c: [c, c * 2.0], Reason.READ_LATER),
        (lambda c: [c * 1e38 * 1e38], Reason.NOT_EXACT),
        (lambda c: [c * 1e-44], Reason.NOT_EXACT),
        (lambda c: [c + 1.0], None),
        (lambda c: [c * c], None),
        (lambda c: [c * tt.constant(normal(7, 1))], None),
        (lambda c: [tt.relu(c) * 2.0], None),
    ],
)
def test_what_is_left_as_it_is(outputs, reason):
    x = tt.input("x", (7, 5))
    c = x @ tt.parameter(normal(5, 3), "w")
    program = tt.compile(x, outputs(c), freeze=True)
    (record,) = (item for item in program.history if item.name == "scale_constants")
    assert record.report.actions == ()
    assert [item.reason for item in record.report.refusals] == ([reason] if reason else [])


def test_the_pass_is_right_anywhere():
    check_pass("scale_constants", names=["rows", "layouts", "training step"])


def test_numbers_beside_a_reshape():
    n = symbol("n")
    value = np.arange(8.0).reshape(1, 8, 1)
    for shape, other, wanted in (
        ((n, 8, 6), (n, 2, 4, 6), (1, 2, 4, 1)),
        ((n, 8, 6), (n, 8, 2, 3), (1, 8, 1, 1)),
        ((n, 8, 6), (n, 1, 8, 1, 6), (1, 1, 8, 1, 1)),
        ((n, 8, 6), (8 * n, 6), None),
        ((n, 8, 6), (n, 48), None),
        ((n, 8, 6), (n, 8, 7), None),
    ):
        found = regrouped(value, shape, other)
        assert (found if found is None else found.shape) == wanted
    assert regrouped(np.ones(()), (), ()).shape == ()


def test_what_a_formula_does_to_its_operand():
    x, c = tt.input("x", ("n", 3)), tt.input("c", (3,))
    for y, wanted in (
        (c - x, (-1, 5)), (x / c, (1 / 5, 0)), (x * c, (5, 0)), (-x, (-1, 0)), (c / x, None),
        (tt.exp(x), None),
    ):  # fmt: skip
        place = y.node.operands.index(x.node)
        found = affine_of(y.node.op, place, [np.full(3, 5.0)] * (len(y.node.operands) - 1))
        assert (found is None) is (wanted is None)
        if found is not None:
            np.testing.assert_array_equal(np.broadcast_to(found.scale, (1, 3)), np.full((1, 3), wanted[0]))
            np.testing.assert_array_equal(np.broadcast_to(found.shift, (1, 3)), np.full((1, 3), wanted[1]))
