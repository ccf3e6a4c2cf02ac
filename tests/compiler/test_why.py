"""`program.why`: what became of a value."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError
from compiler.rewrite.refusal import Reason
from compiler.schedule.plan import InOutput, InSlab


def test_a_fused_value_names_its_kernel_and_its_companions():
    x = tt.input("x", ("n", 4))
    y = tt.tanh(x)
    z = y * 2.0
    program = tt.compile([x], z, backend="numpy")
    found = program.why(y)
    assert found.node is y.node
    assert found.is_fused
    assert found.kernels == (0,)
    assert found.places == (None,)
    assert [node.op.name for node in found.fused_with] == ["mul"]
    assert "lives: in its kernel only" in str(found)
    assert "kernel 0, fused with 1 other node" in str(found)
    (place,) = program.why(z).places
    assert isinstance(place, InOutput)


def test_a_value_alone_and_in_place():
    x = tt.input("x", (4, 4))
    y = tt.exp(x @ x)
    program = tt.compile([x], y @ y, passes=["inplace"], backend="numpy")
    found = program.why(y)
    assert not found.is_fused
    assert [node.op.name for node in found.in_place_of] == [program.why(y).in_place_of[0].op.name]
    assert isinstance(found.places[0], InSlab)
    assert f"kernel {found.kernels[0]}, alone" in str(found)
    assert "written in place of" in str(found)
    assert found.decisions
    assert all(item.maker == "inplace" for item in found.decisions)


def test_a_refusal_has_its_reason():
    x = tt.input("x", (4, 4))
    y = tt.exp(x @ x)
    program = tt.compile([x], [tt.tanh(y), y], passes=["inplace"], backend="numpy")
    reasons = {item.reason for item in program.why(tt.Tensor(program.graph.outputs[0])).decisions}
    assert reasons & {Reason.RETURNED, Reason.READ_LATER}
    assert any(
        reason and reason.name in str(program.why(y)) + str(program.why(program.graph.outputs[0]))
        for reason in reasons
    )


def test_what_is_folded_has_no_image():
    x = tt.input("x", (4,))
    gone = tt.constant(np.ones(4, np.float32)) + tt.constant(np.ones(4, np.float32))
    program = tt.compile([x], x * gone, backend="numpy")
    found = program.why(gone)
    folded = [item for item in found.decisions if item.maker == "fold_constants"]
    assert folded
    assert found.kernels == ()


def test_what_is_dead_says_so():
    x = tt.input("x", (4,))
    one, two = tt.tanh(x), tt.tanh(x)
    program = tt.compile([x], one + two, backend="numpy")
    images = program.why(two).images
    assert images == program.why(one).images or not images
    assert "common_subexpressions" in {item.maker for item in program.why(two).decisions}


def test_what_backward_reads_is_saved():
    x = tt.input("x", (4, 4))
    y = tt.tanh(x @ x)
    slope = tt.grad(y.sum(), x)
    program = tt.compile([x], [y, slope], backend="numpy", passes=())
    read = [node for node in program.graph.nodes if program.why(node).read_by_backward]
    assert any("saved: a backward node reads it" in str(program.why(node)) for node in read)
    assert not program.why(slope).read_by_backward
    alone = tt.compile([x], y, backend="numpy", passes=())
    assert not alone.why(y).read_by_backward


def test_a_stranger_is_an_error():
    x = tt.input("x", (4,))
    program = tt.compile([x], x * 2, backend="numpy")
    for what in (tt.exp(x), tt.exp(x).node, 3.5, None, program):
        with pytest.raises(ArgumentError, match="is no part of this program"):
            program.why(what)


def test_what_a_sentence_speaks_of_has_the_names_of_the_final_graph():
    x = tt.input("x", ("n", 4))
    column = tt.exp(x.sum(1, keepdims=True))
    table = column * column.T
    program = tt.compile([x], tt.exp(table) * 2.0, backend="numpy", passes=("inplace",))
    text = str(program.why(column))
    assert repr(program.why(column)) == text
    assert "inplace: a result of exp is written over a result of sum (%1, %0)" in text
    assert "exp is f32[n,1] and a result of mul f32[n,n]: another number of bytes (%3, %1)" in text


def test_schedules_kernels_and_records_are_short_where_they_are_shown():
    x = tt.input("x", (4,))
    program = tt.compile([x], tt.exp(tt.tanh(x)), backend="numpy")
    assert repr(program.schedule) == "<Schedule of 1 kernels, 3 nodes>"
    assert repr(program.schedule.kernels) == "(<Kernel of tanh, exp>,)"
    assert repr(program.history[0]).startswith("<dead_code: 0 done, 0 refused, ")
