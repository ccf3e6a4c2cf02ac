"""Constant weights in panels: texts, refusals, bits, and what goes along."""

import re
from textwrap import dedent

import numpy as np
import pytest

import tinytorch as tt
from compiler.ir.graph import Graph
from compiler.rewrite.refusal import Reason
from compiler.schedule.target import Target
from passes import panel_constants as module
from passes.panel_constants import PanelConstants, panel_constants
from tests.backends import NATIVE

GENERATOR = np.random.default_rng(5)
PANELS = Target(fuses=True, fuses_contractions=True, copies_panels=True)


def normal(*shape, dtype="float32"):
    """An array of the normal distribution."""
    return GENERATOR.standard_normal(shape).astype(dtype)


def changed(text, **arrays):
    """The text of a graph after the pass, and its report."""
    graph, report = panel_constants(Graph.parse(dedent(text), arrays))
    return str(graph), report


def actions(program):
    """What the pass did."""
    (record,) = (item for item in program.history if item.name == "panel_constants")
    return record.report.actions


def test_the_example_in_the_docstring_is_what_happens() -> None:
    before, after = re.findall(r"((?:    %.*\n)+    return %a\n)", module.__doc__ or "")
    found, report = changed(before, w=normal(2048, 1024), b=normal(1024))
    assert re.sub(r"@\d", "@0", found).split() == dedent(after).split()
    assert report.actions[0].sentence == "%h reads its weights in panels"


@pytest.mark.parametrize("backend", NATIVE)
@pytest.mark.parametrize(
    ("terms", "columns"), [(256, 512), (2048, 96), (784, 336), (1024, 784), (300, 480), (300, 1000)]
)
@pytest.mark.parametrize("rows", [1, 3, 8, 40, "n"])
def test_the_same_bits(backend, terms, columns, rows) -> None:
    x, w, b = tt.input("x", (rows, terms)), normal(terms, columns), normal(columns)
    outputs = [tt.relu(tt.matmul(x, value) + bias) for value, bias in _both(w, b)]
    whole = tt.default_passes(without="split_sums")  # weights that are no constants may be added up in parts
    programs = [tt.compile([x], output, backend=backend, passes=whole) for output in outputs]
    assert [len(actions(program)) for program in programs] == [0, 1]
    for count in (1, 5, 64) if rows == "n" else (rows,):
        value = normal(count, terms)
        plain, laid = (program(value) for program in programs)
        assert np.array_equal(plain, laid)


def _both(w, b):
    return (tt.parameter(w), tt.parameter(b)), (tt.constant(w), tt.constant(b))


@pytest.mark.parametrize("backend", NATIVE)
def test_weights_in_double_precision_and_turned(backend) -> None:
    x, w = tt.input("x", ("n", 256), "float64"), normal(512, 256, dtype="float64")
    program = tt.compile([x], tt.matmul(x, tt.transpose(tt.constant(w))), backend=backend)
    assert "f64[32,256,16]" in str(program.graph)
    value = normal(7, 256, dtype="float64")
    np.testing.assert_allclose(program(value), value @ w.T, rtol=1e-12)


def test_gradients_by_what_is_multiplied_read_panels_too() -> None:
    x, w = tt.input("x", (9, 512)), normal(512, 256)
    for weights in (tt.constant(w), tt.parameter(w)):
        loss = tt.tanh(tt.matmul(x, weights)).sum()
        program = tt.compile([x], tt.grad(loss, x))
        value = normal(9, 512)
        expected = (1 - np.tanh(value @ w) ** 2) @ w.T
        np.testing.assert_allclose(program(value), expected, rtol=2e-3, atol=2e-3)


def test_maps_that_are_written_go_along_and_others_do_not() -> None:
    x, w = tt.input("x", ("n", 256)), tt.constant(normal(256, 512))
    program = tt.compile([x], tt.gelu(tt.matmul(x, w) * 2.0), backend="llvm")
    assert len([kernel for kernel in program.schedule.kernels if len(kernel.members) > 1]) == 1
    program = tt.compile([x], tt.softmax(tt.matmul(x, w) * 2.0), backend="llvm")
    assert [len(kernel.members) for kernel in program.schedule.kernels] == [2, 1, 6]


TEXT = """
    %x = input : f32[n,{terms}]
    %w = constant(@w) : f32[{terms},{columns}]
    %h[i,j] = sum[k:{terms}] %x[i,k] * %w[k,j] : f32[n,{columns}]
    return %h
    """


@pytest.mark.parametrize(("terms", "columns"), [(32, 4096), (4096, 10), (128, 96), (8192, 40)])
def test_what_is_not_faster_stays(terms, columns) -> None:
    text = TEXT.format(terms=terms, columns=columns)
    found, report = changed(text, w=normal(terms, columns))
    assert found == str(Graph.parse(dedent(text)))
    assert [item.reason for item in report.refusals] == [Reason.NOT_FASTER]


def test_a_constant_with_other_loops_stays() -> None:
    text = """
        %x = input : f32[8,n,256]
        %w = constant(@w) : f32[8,256,512]
        %h[i,j,k] = sum[l:256] %x[i,j,l] * %w[i,l,k] : f32[8,n,512]
        %g[i,j] = sum[k:8, l:256] %w[k,l,i] * %x[k,j,l] : f32[512,n]
        return %h, %g
        """
    _, report = changed(text, w=normal(8, 256, 512))
    assert [item.reason for item in report.refusals] == [Reason.OTHER_LOOPS] * 2


def test_several_summed_axes_and_rows_are_one_panel() -> None:
    text = """
        %x = input : f32[n,3,16,16]
        %w = constant(@w) : f32[16,640,16]
        %h[i,j,k] = sum[l:16, m:16] %x[i,j,l,m] * %w[m,k,l] : f32[n,3,640]
        return %h
        """
    found, report = changed(text, w=normal(16, 640, 16))
    assert "f32[20,16,16,32]" in found
    assert len(report.actions) == 1


def test_weights_that_are_unknown_or_whose_array_is_not_there_stay() -> None:
    text = TEXT.format(terms=1024, columns=1024)
    assert changed(text) == (str(Graph.parse(dedent(text))), changed(text)[1])
    assert "panels" not in changed(text.replace("constant", "parameter"), w=normal(1024, 1024))[0]


def test_a_constant_that_is_repeated_as_often_as_a_call_says_stays() -> None:
    x, w = tt.input("x", ("n", 3)), tt.parameter(normal(4, 5))
    program = tt.compile(x, x.sum() + tt.zeros((2, "n", 4))[0] @ w + tt.ones(("n", 4)) @ w)
    found = program(np.zeros((6, 3), np.float32))
    np.testing.assert_allclose(found, np.ones((6, 4)) @ tt.value_of(w), rtol=1e-6)


def test_a_backend_that_reads_no_panels() -> None:
    graph = Graph.parse(dedent(TEXT.format(terms=1024, columns=1024)), {"w": normal(1024, 1024)})
    after, report = PanelConstants().rewrite(graph, Target())
    assert after is graph
    assert [item.reason for item in report.refusals] == [Reason.TARGET_CANNOT]


@pytest.mark.parametrize("backend", NATIVE)
def test_filters_of_a_convolution_are_moved_once(backend) -> None:
    x, w = tt.input("x", (2, 48, 12, 12)), normal(64, 48, 3, 3)
    outputs = []
    for filters in (tt.constant(w), tt.parameter(w)):
        seen = tt.sliding_window(x, (3, 3), axis=(2, 3))
        program = tt.compile([x], tt.einsum("nchwij,ocij->nohw", seen, filters), backend=backend)
        outputs.append((program, program(normal_image)))
    assert np.array_equal(outputs[0][1], outputs[1][1])
    assert "transpose(%" not in "".join(
        line for line in str(outputs[0][0].graph).split("\n") if "48,3,3" in line
    )


normal_image = normal(2, 48, 12, 12)
