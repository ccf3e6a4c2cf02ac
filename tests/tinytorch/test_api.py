"""The front door: leaves, gradients, compile, values, text."""

import numpy as np
import pytest

import tinytorch as tt


def test_floats_without_a_dtype_are_float32_and_arrays_keep_theirs():
    assert str(tt.constant([1.0]).type) == "f32[1]"
    assert str(tt.constant(1).type) == "i64[]"
    assert str(tt.constant(True).type) == "bool[]"
    assert str(tt.constant(np.zeros(2)).type) == "f64[2]"
    assert str(tt.parameter(np.float64(1)).type) == "f64[]"
    assert str(tt.parameter([1, 2], dtype="float64").type) == "f64[2]"
    assert str(tt.constant(np.zeros(2, ">i4")).type) == "i32[2]"


def test_values_of_parameters_are_copies():
    array = np.ones(2, np.float32)
    w = tt.parameter(array, "w")
    array[:] = 5
    found = tt.value_of(w)
    found[:] = 7
    np.testing.assert_array_equal(tt.value_of(w), [1, 1])
    tt.set_value(w, [2, 3])
    np.testing.assert_array_equal(tt.value_of(w), [2, 3])


def test_a_gradient_has_the_structure_of_what_it_is_by():
    x, y = tt.input("x", (3,)), tt.input("y", (3,))
    loss = (x * y).sum()
    assert isinstance(tt.grad(loss, x), tt.Tensor)
    assert list(tt.grad(loss, {"b": y, "a": x})) == ["b", "a"]
    assert isinstance(tt.grad(loss, (x, y)), tuple)
    assert isinstance(tt.grad(loss, iter([x, y])), list)
    assert tt.grad(loss, []) == []


def test_a_seed_is_the_cotangent():
    x = tt.input("x", (3,), "float64")
    slope = tt.grad(x * x, x, seed=np.array([1.0, 10.0, 100.0]))
    np.testing.assert_array_equal(tt.compile([x], slope)(np.array([1.0, 2.0, 3.0])), [2, 40, 600])


def test_unused_is_zero_where_that_is_allowed():
    x, y = tt.input("x", (2, 3)), tt.input("y")
    loss = (x * 2).sum()
    found = tt.grad(loss, [y, x], allow_unused=True)
    program = tt.compile([x], found)
    zero, two = program(np.zeros((2, 3), np.float32))
    assert zero == 0
    np.testing.assert_array_equal(two, np.full((2, 3), 2))


def test_unused_symbolic_gradients_are_zeros_of_their_shape():
    x, y = tt.input("x", ("n", 3)), tt.input("y")
    (found,) = tt.grad(y * 2, [x], allow_unused=True)
    assert str(found.type) == "f32[n,3]"
    assert tt.compile([x], found)(np.ones((4, 3), np.float32)).sum() == 0


def test_a_text_is_parsed_without_arrays():
    x, w = tt.input("x", ("n", 3)), tt.parameter(np.ones(3, np.float32), "w")
    step = tt.compile([x], x * w, updates={w: w * 0.5})
    graph = tt.parse(str(step.source_graph))
    assert str(graph) == str(step.source_graph)
    assert tt.graph_of(graph) is graph
    assert tt.graph_of(step) is step.source_graph


def test_a_parsed_graph_runs_with_its_arrays():
    x, w = tt.input("x", ("n", 3)), tt.parameter(np.full(3, 2, np.float32), "w")
    source = tt.graph_of(x * w)
    graph = tt.parse(str(source), source.arrays)
    inputs, outputs = map(tt.Tensor, graph.inputs), map(tt.Tensor, graph.outputs)
    program = tt.compile(list(inputs), list(outputs))
    np.testing.assert_array_equal(program(np.ones((1, 3), np.float32))[0], [[2, 2, 2]])


def test_a_parsed_graph_without_its_arrays_says_so_when_it_runs():
    w = tt.parameter(np.ones(3, np.float32), "w")
    graph = tt.parse(str(tt.graph_of(w * 2)))
    program = tt.compile([], tt.Tensor(graph.outputs[0]), backend="reference")
    with pytest.raises(tt.UnboundArrayError, match=r"parse with arrays=\{'w': array\}"):
        program()


def test_default_passes_are_rewrites_then_scheduling():
    kinds = [hasattr(item, "rewrite") for item in tt.default_passes()]
    assert kinds == sorted(kinds, reverse=True)


def test_inputs_may_be_one_tensor_and_updates_may_be_none():
    x = tt.input("x", (2,))
    np.testing.assert_array_equal(tt.compile(x, x * 2)([1.0, 2.0]), [2, 4])


def test_two_tensors_have_one_graph():
    x = tt.input("x", (2,))
    assert len(tt.graph_of([x * 2, x + 1])) == 3


def test_names_that_are_public_exist_once():
    assert len(set(tt.__all__)) == len(tt.__all__)
    assert all(hasattr(tt, name) for name in tt.__all__)


def test_one_pass_may_be_named_alone():
    x = tt.input("x", (2,))
    assert [record.name for record in tt.compile(x, x * 2, passes="dead_code").history] == ["dead_code"]


def test_only_tensors_and_programs_have_graphs():
    with pytest.raises(tt.ArgumentError, match="a graph is of tensors, or that of a program, not of 3"):
        tt.graph_of(3)
