"""Branches, loops, sequences and functions of a model."""

import numpy as np
import onnx
import pytest

import tinytorch as tt
from tests.tinytorch.onnx.models import parsed
from tinytorch.onnx.importing import walk

CHOICE = """
choice (bool flag, float[3] x) => (float[3] y) {
    y = If(flag) <then_branch = yes () => (float[3] a) { a = Exp(x) },
                  else_branch = no () => (float[3] b) { b = Neg(x) }>
}
"""

POWERS = """
powers (float[2] x) => (float[2] last, float[k, 2] every) {
    count = Constant<value_int = 3>()
    start = Constant<value_floats = [1.0, 1.0]>()
    always = Constant<value = bool {1}>()
    last, every = Loop(count, always, start) <body = step (int64 i, bool c, float[2] state)
        => (bool same, float[2] next, float[2] row) {
            same = Identity(c)
            next = Mul(state, x)
            row = Identity(next)
        }>
}
"""

SUMS = """
sums (float[n, 2] x, float[2] start) => (float[2] total, float[n, 2] running) {
    total, running = Scan<num_scan_inputs = 1, scan_input_directions = [1],
        body = step (float[2] state, float[2] row) => (float[2] sum, float[2] kept) {
            sum = Add(state, row)
            kept = Identity(sum)
        }>(start, x)
}
"""


def test_a_condition_that_is_data_chooses_between_both_branches_and_their_gradients():
    model = tt.onnx.load(parsed(CHOICE))
    _, x = model.inputs
    program = tt.compile(model.inputs, (model.outputs[0], tt.grad(model.outputs[0].sum(), x)))
    data = np.array([0.5, 1.0, 2.0], np.float32)
    for chosen, (value, slope) in {True: (np.exp(data), np.exp(data)), False: (-data, -np.ones(3))}.items():
        for found, wanted in zip(program(np.array(chosen), data), (value, slope), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_a_condition_that_is_known_leaves_one_branch():
    for flag in (True, False):
        program = tt.onnx.load(parsed(CHOICE), known={"flag": flag}).compile()
        assert ("exp" in str(program.source_graph)) is flag


def test_a_loop_is_unrolled_and_differentiated():
    model = tt.onnx.load(parsed(POWERS))
    (x,) = model.inputs
    last, every = model.outputs
    data = np.array([2.0, 3.0], np.float32)
    found = tt.compile(x, (last, every, tt.grad(last.sum(), x)))(data)
    for value, wanted in zip(found, (data**3, [data, data**2, data**3], 3 * data**2), strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-6)


def test_a_scan_goes_backward_over_rows_of_a_number():
    x, start = np.arange(6, dtype=np.float32).reshape(3, 2), np.ones(2, np.float32)
    total, running = tt.onnx.load(parsed(SUMS), dims={"n": 3}).compile()(x, start)
    np.testing.assert_array_equal(running, 1 + np.cumsum(x[::-1], axis=0))
    np.testing.assert_array_equal(total, running[-1])
    with pytest.raises(tt.UnsupportedOperatorError, match=r"extent n of axis 0 has to be a number\n.*dims="):
        tt.onnx.load(parsed(SUMS))


HALVING = """
    halving (float x) => (float y) {
        bound = Constant<value_float = 1.0>()
        big = Greater(x, bound)
        half = Constant<value_float = 0.5>()
        none = Identity(x)
        y = Loop("", big, none) <body = step (int64 i, bool c, float state) => (bool more, float next) {
            next = Mul(state, half)
            more = Greater(next, bound)
        }>
    }
    """


def test_a_loop_that_ends_by_data_says_which():
    for bound in ("", "many"):
        text = HALVING.replace('""', bound).replace(
            "bound =", "many = Constant<value_int = 300>() bound =", 1
        )
        with pytest.raises(
            tt.UnsupportedOperatorError, match=r"condition, at iteration 0: .* depends on 'x'"
        ):
            tt.onnx.load(parsed(text))


def test_a_bounded_loop_that_ends_by_data_keeps_what_it_had():
    text = HALVING.replace('""', "few").replace("bound =", "few = Constant<value_int = 4>() bound =", 1)
    model = tt.onnx.load(parsed(text))
    (x,), (y,) = model.inputs, model.outputs
    program = tt.compile(x, (y, tt.grad(y, x)))
    for value, times in ((0.75, 0), (1.0, 0), (1.5, 1), (7.0, 3), (100.0, 4)):
        found = [item.item() for item in program(np.float32(value))]
        assert found == [value / 2**times, 0.5**times]
    rows = text.replace("(bool more, float next)", "(bool more, float next, float row)")
    rows = rows.replace("y = Loop", "y, z = Loop").replace("more = ", "row = Neg(next) more = ")
    with pytest.raises(
        tt.UnsupportedOperatorError, match=r"stacks a row for each iteration, and its cond.*: .* on 'x'"
    ):
        tt.onnx.load(parsed(rows))


def test_a_loop_that_never_runs_has_no_rows():
    text = POWERS.replace("value_int = 3", "value_int = 0")
    last, every = tt.onnx.load(parsed(text)).compile()(np.ones(2, np.float32))
    assert (last.tolist(), every.shape) == ([1.0, 1.0], (0, 2))
    with pytest.raises(tt.ModelError, match=r"gives its graph 'step' 2 inputs, which has 3"):
        tt.onnx.load(parsed(POWERS.replace("always, start)", "always)")))


def test_an_endless_loop_is_refused(monkeypatch):
    monkeypatch.setattr(walk, "MOST_UNROLLED", 5000)
    text = """
    endless (float x) => (float y) {
        count = Constant<value_int = 9000000000000>()
        always = Constant<value = bool {1}>()
        y = Loop(count, always, x) <body = step (int64 i, bool c, float state) => (bool more, float next) {
            more = Identity(c)
            next = Identity(state)
        }>
    }
    """
    with pytest.raises(tt.UnsupportedOperatorError, match=r"more than .* nodes with loops unrolled"):
        tt.onnx.load(parsed(text))


def test_sequences_and_optionals_are_values_of_the_importer():
    text = """
    pieces (float[4] x) => (float[2, 2] y, int64 count, bool there) {
        two = Constant<value_int = 2>()
        parts = SplitToSequence(x, two)
        first = Constant<value_int = -2>()
        again = SequenceAt(parts, first)
        longer = SequenceInsert(parts, again)
        shorter = SequenceErase(longer, first)
        doubled = SequenceMap(shorter) <body = twice (float[2] a) => (float[2] b) { b = Add(a, a) }>
        y = ConcatFromSequence<axis = 0, new_axis = 1>(doubled)
        count = SequenceLength(longer)
        perhaps = Optional(doubled)
        there = OptionalHasElement(perhaps)
    }
    """
    y, count, there = tt.onnx.load(parsed(text)).compile()(np.arange(4, dtype=np.float32))
    np.testing.assert_array_equal(y, [[0, 2], [0, 2]])
    assert (int(count), bool(there)) == (3, True)


def test_a_sequence_and_what_is_no_tensor_may_be_known():
    text = "net (seq(float[2]) x, int64 at) => (float[2] y) { y = SequenceAt(x, at) }"
    known = {"x": [[1.0, 2.0], [3.0, 4.0]], "at": 1}
    assert tt.onnx.load(parsed(text), known=known).compile()().tolist() == [3.0, 4.0]
    with pytest.raises(tt.ModelError, match=r"input 'x' is no tensor\n  fix: load\(..., known="):
        tt.onnx.load(parsed(text))
    text = "net (uint16[2] x) => (int32[2] y) { d = Add(x, x)  y = Cast<to = 6>(d) }"
    found = tt.onnx.load(parsed(text), known={"x": np.array([1, 40000], np.uint16)}).compile()()
    assert found.tolist() == [2, 80000 - 2**16]
    with pytest.raises(tt.ModelError, match=r"input 'x' is of uint16.*\n  fix: load"):
        tt.onnx.load(parsed(text))


def test_functions_of_the_model_are_scopes_and_take_attributes():
    model = onnx.parser.parse_model("""
    <ir_version: 10, opset_import: ["" : 21, "own" : 1]>
    net (float[3] x) => (float[3] y) { h = own.scaled<by = 3.0>(x)  y = own.scaled(h) }
    <opset_import: ["" : 21], domain: "own">
    scaled <by: float = 2.0>(a) => (b) { k = Constant<value_float: float = @by>()  b = Mul(a, k) }
    """)
    model.graph.node[0].name = "first"
    program = tt.onnx.load(model).compile(passes=())
    np.testing.assert_array_equal(program(np.ones(3, np.float32)), np.full(3, 6, np.float32))
