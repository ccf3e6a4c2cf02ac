"""`tt.compile(graph)`: what was loaded, parsed or taken from a program is compiled as it is."""

import copy
import pickle

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError, NameClashError, UnboundArrayError, UndeclaredInputError
from tinytorch.testing import PROGRAMS


def arrays_of(program, data):
    """The outputs of a call and the parameters after it."""
    found = program(*data)
    outputs = [found] if isinstance(found, np.ndarray) else list(found)
    return [*outputs, *(node.op.buffer.array.copy() for node in program.source_graph.parameters)]


@pytest.mark.parametrize(
    ("passes", "backend"), [(None, "reference"), (None, "numpy"), (None, "llvm"), ((), "numpy")]
)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_saved_program_computes_what_the_program_does(tmp_path, name, passes, backend):
    made = PROGRAMS[name]()
    graph = tt.compile(made.inputs, made.outputs, updates=made.updates, passes=()).source_graph
    loaded = tt.load(tt.save(graph, tmp_path / "a.tt"))
    options = {"passes": passes, "backend": backend}
    expected = tt.compile(made.inputs, made.outputs, updates=made.updates, **options)
    again = tt.compile(loaded, **options)
    assert again.source_graph is loaded
    assert [item.type for item in loaded.outputs] == [item.type for item in made.outputs]
    for a, b in zip(arrays_of(again, made.data), arrays_of(expected, made.data), strict=True):
        np.testing.assert_array_equal(a, b)


def test_one_output_is_an_array_and_several_are_a_tuple():
    assert tt.compile(tt.parse("%x = input : f32[n]\nreturn %x\n"))([1, 2]).tolist() == [1, 2]
    two = tt.compile(tt.parse("%x = input : f32[n]\n%y = neg(%x) : f32[n]\nreturn %y, %x\n"))([1, 2])
    assert isinstance(two, tuple)
    assert [item.tolist() for item in two] == [[-1, -2], [1, 2]]


def test_names_of_the_text_are_the_names_of_the_program():
    text = "%a = input : f32[n]\n%7 = exp(%a) : f32[n]\n%b = neg(%7) : f32[n]\nreturn %b\n"
    program = tt.compile(tt.parse(text))
    assert str(program.source_graph) == text
    assert program.why("%7").title.startswith("%7")
    assert program.explain(7).formula == "exp(x) = exp(x)"


def test_a_graph_of_a_program_shares_its_parameters_and_a_copy_has_its_own():
    x, w = tt.input("x", (2,)), tt.parameter(np.zeros(2, np.float32), "w")
    step = tt.compile([x], w + x, updates={w: w + x})
    tt.compile(step.source_graph)([1, 2])
    np.testing.assert_array_equal(tt.value_of(w), [1, 2])
    tt.compile(copy.copy(step.source_graph))([1, 2])
    np.testing.assert_array_equal(tt.value_of(w), [1, 2])


@pytest.mark.parametrize("name", ["training step", "layouts", "updates"])
def test_a_rewritten_graph_is_a_graph(name):
    made = PROGRAMS[name]()
    program = tt.compile(made.inputs, made.outputs, updates=made.updates)
    values = {node: node.op.buffer.array.copy() for node in program.source_graph.parameters}
    expected = arrays_of(program, made.data)
    for node, value in values.items():
        node.op.buffer.array[...] = value
    found = arrays_of(tt.compile(program.graph), made.data)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_it_pickles_and_takes_donations_and_debugging():
    graph = tt.parse(
        "op relu(x) = where(x <= 0, 0, x)\n%x = input : f32[n]\n%y = relu(%x) : f32[n]\nreturn %y\n"
    )
    program = pickle.loads(pickle.dumps(tt.compile(graph)))  # noqa: S301  # our own bytes
    assert program([-1, 2]).tolist() == [0, 2]
    assert tt.compile(graph, debug=True)([-1, 2]).tolist() == [0, 2]
    assert tt.compile(graph, donate="x").signature.donated == {"x"}
    with pytest.raises(ArgumentError, match="no input is named 'y'"):
        tt.compile(graph, donate="y")


def test_a_graph_has_outputs_and_updates_of_its_own():
    x = tt.input("x", (2,))
    graph = tt.graph_of(tt.exp(x))
    with pytest.raises(ArgumentError, match=r"outputs and updates of its own.*given outputs[^$]*fix"):
        tt.compile(graph, tt.exp(x))
    with pytest.raises(ArgumentError, match=r"given updates"):
        tt.compile(graph, updates={})
    with pytest.raises(ArgumentError, match=r"<Program .* is compiled already[^$]*source_graph"):
        tt.compile(tt.compile([x], x), x)
    with pytest.raises(ArgumentError, match="outputs one tensor, a sequence or a dict"):
        tt.compile(x, None)


def test_what_no_call_could_give_is_refused():
    with pytest.raises(UndeclaredInputError, match="'m' stands in the shape of no input"):
        tt.compile(tt.parse("%x = input : f32[n]\n%y = parameter(@y) : f32[m]\nreturn %x, %y\n"))
    clash = tt.graph_of([tt.input("x", ()), tt.input("x", (2,))])
    with pytest.raises(NameClashError, match="two inputs are named 'x'"):
        tt.compile(clash)


def test_parameters_without_arrays_are_an_error_when_they_are_needed():
    program = tt.compile(
        tt.parse("%w = parameter(@w) : f32[2]\n%y = exp(%w) : f32[2]\nreturn %y\n"), backend="numpy"
    )
    assert len(program.schedule.kernels) == 1
    with pytest.raises(UnboundArrayError, match="w"):
        program()
