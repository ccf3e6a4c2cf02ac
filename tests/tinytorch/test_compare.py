"""`tt.compare`: one graph under several schedules."""

import math
import re

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError
from tinytorch.compare import VARIANTS, bytes_text, table_text, time_text


def example():
    x = tt.input("x", ("n", 64))
    return (
        x,
        tt.tanh(x * 2.0 + 1.0) @ tt.constant(np.eye(64, dtype=np.float32)),
        np.ones((300, 64), np.float32),
    )


def quick(*arguments, **named):
    return tt.compare(*arguments, rounds=2, seconds=0.002, **named)


def test_three_schedules_of_one_graph():
    x, y, argument = example()
    found = quick(x, [y, y * 2.0], data=[argument])
    assert [item.name for item in found.variants] == list(VARIANTS)
    unfused, fused, last = found.variants
    assert unfused.kernels > fused.kernels == last.kernels
    assert fused.peak_bytes.at(n=300) == fused.predicted_bytes
    assert unfused.predicted_bytes > fused.predicted_bytes >= last.predicted_bytes
    for item in found.variants:
        assert item.measured_bytes > item.predicted_bytes
        assert item.difference < 1e-6
        assert item.seconds > 0
        assert item.spread >= 0
    assert found["fused"] is fused
    with pytest.raises(ArgumentError, match="no variant is named 'best'; there are unfused, fused, fused"):
        found["best"]


def test_parameters_have_their_values_again():
    x = tt.input("x", (4,))
    w = tt.parameter(np.arange(4, dtype=np.float32), "w")
    found = quick(x, [w * x], data={"x": np.ones(4, np.float32)}, updates={w: w + x})
    np.testing.assert_array_equal(tt.value_of(w), np.arange(4))
    assert all(item.difference == 0 for item in found.variants)


def test_parameters_have_their_values_again_after_an_error():
    x, w = tt.input("x", (4,)), tt.parameter(np.zeros(4, np.float32), "w")
    with pytest.raises(tt.TinytorchError):
        quick(x, [w * x], data=[np.ones(5, np.float32)], updates={w: w + x})
    np.testing.assert_array_equal(tt.value_of(w), np.zeros(4))


class Doubles:
    """A pass that is wrong: it changes a literal of a multiplication."""

    name = "doubles"

    def rewrite(self, graph, target):
        from compiler.ir.build import apply
        from compiler.pipeline.contract import Report

        def double(node, operands):
            if node.op.name == "mul" and len(operands) == 1:
                return apply("mul", operands[0], 2.002)
            return node if operands == node.operands else type(node)(node.op, operands)

        made = graph.rebuilt(lambda node, operands: double(node, operands) if node.op.name == "mul" else node)
        return made, Report()


def test_what_differs_is_shown():
    x = tt.input("x", (4,))
    argument = np.arange(4, dtype=np.float32)
    found = quick(x, x * 2.0, data=[argument], variants={"right": (), "wrong": [Doubles()]})
    assert found["right"].difference == 0
    assert found["wrong"].difference == pytest.approx(1e-3, rel=1e-3)


def test_nan_in_another_place_is_an_infinite_difference():
    from tinytorch.compare import _difference

    nan, inf = math.nan, math.inf
    assert _difference(np.array([1, nan]), np.array([1, nan])) == 0
    assert _difference(np.array([nan, nan]), np.array([1, nan])) == inf
    assert _difference(np.array([1, 1.0]), np.array([1, nan])) == inf
    assert _difference(np.array([1, inf]), np.array([1, -inf])) == inf
    assert _difference(np.array([nan]), np.array([nan])) == 0
    assert _difference(np.array([0.5, 4]), np.array([0, 4])) == 0.125


def test_the_table_has_a_line_for_each():
    x, y, argument = example()
    found = quick(x, y, data=[argument])
    text = str(found)
    assert text == table_text(found)
    for item in found.variants:
        assert re.search(
            rf"{re.escape(item.name)} .* {item.kernels} .*{re.escape(str(item.peak_bytes))} B", text
        )
    for heading in (
        "schedule",
        "time of a call",
        "spread",
        "kernels",
        "slab",
        "predicted",
        "measured",
        "difference",
    ):
        assert heading in text


@pytest.mark.parametrize(("rounds", "seconds"), [(0, 0.1), (1, 0.0)])
def test_no_time_is_an_error(rounds, seconds):
    x, y, argument = example()
    with pytest.raises(ArgumentError, match="at least one round"):
        tt.compare(x, y, data=[argument], rounds=rounds, seconds=seconds)


def test_units():
    assert [time_text(n) for n in (2.0, 1.25e-3, 3e-6, 4e-8)] == ["2 s", "1.25 ms", "3 us", "40 ns"]
    assert [bytes_text(n) for n in (7, 64_000, 1.5e6, 2e9)] == ["7 B", "64 kB", "1.5 MB", "2 GB"]


def test_the_last_variant_is_what_compile_makes():
    x, w = tt.input("x", ("n", 8)), tt.parameter(np.ones((8, 8), np.float32), "w")
    y = tt.relu(x @ w + 1.0)
    found = quick([x], y, data=[np.ones((3, 8), np.float32)])
    assert str(found["fused + in place"].program.schedule) == str(tt.compile([x], y).schedule)


def test_one_input_may_be_given_as_it_is_and_a_variant_as_one_name():
    x = tt.input("x", (3,))
    found = quick(
        x, tt.exp(x) * 2.0, data=np.ones(3, np.float32), variants={"a": (), "b": "fuse_elementwise"}
    )
    assert [item.kernels for item in found.variants] == [2, 1]
    assert repr(found) == str(found)


@pytest.mark.parametrize(
    "wrong", [{"rounds": 1.5}, {"rounds": 0}, {"seconds": 0}, {"seconds": float("nan")}, {"variants": {}}]
)
def test_what_cannot_be_measured_is_refused(wrong):
    x = tt.input("x", (3,))
    with pytest.raises(ArgumentError, match="at least one"):
        tt.compare(x, x * 2.0, data=np.ones(3, np.float32), **wrong)
