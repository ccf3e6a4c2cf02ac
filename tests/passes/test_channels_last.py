"""Products with windows: texts, refusals, bits, and where copies go."""

import re
from textwrap import dedent

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.reference import run
from compiler.ir.graph import Graph
from compiler.rewrite.refusal import Reason
from compiler.schedule.target import Target
from passes import REWRITES, SCHEDULING
from passes import channels_last as module
from passes.channels_last import ChannelsLast
from tests.passes.before_after import check_change, check_no_change, reasons, rewritten

PASS = ChannelsLast()
WINDOWS = (
    "%s = window(%x, axes=[2], positions=[{n}], taps=[3], steps=[1], dilations=[1]) : f32[2,{c},{n},3]\n"
)
CONVOLUTION = (
    "%x = input : f32[2,{c},{m}]\n%w = input : f32[{o},{c},3]\n"
    + WINDOWS
    + "%y[i,j,k] = sum[l:{c}, m:3] %s[i,l,k,m] * %w[j,l,m] : f32[2,{o},{n}]\nreturn %y\n"
)


def convolution(c, o, n):
    """A convolution of channels to filters at positions."""
    return CONVOLUTION.format(c=c, o=o, n=n, m=n + 2)


def test_the_example_in_the_docstring_is_what_happens() -> None:
    before, after = re.findall(r"((?:    %.*\n)+    return %y\n)", module.__doc__ or "")
    report = check_change(PASS, dedent(before), dedent(after))
    assert str(report.actions[0].sentence) == "%y has the weights' own axes last"


def test_weights_alone_are_copied_where_positions_fill_vectors() -> None:
    graph = str(rewritten(PASS, convolution(48, 16, 64))[1])
    assert "sum[l:48, m:3] %s[i,l,k,m]" in graph
    assert "[48,3,16]" in graph
    graph = str(rewritten(PASS, convolution(96, 32, 64))[1])
    assert "sum[l:96, m:3] %s[i,l,j,m]" in graph, "vectors would run along the columns anyway"


def test_a_gradient_by_weights_is_stored_as_it_was() -> None:
    text = """
        %x = input : f32[40,20,60]
        %g = input : f32[40,32,58]
        %s = window(%x, axes=[2], positions=[58], taps=[3], steps=[1], dilations=[1]) : f32[40,20,58,3]
        %y[i,j,k] = sum[l:40, m:58] %g[l,i,m] * %s[l,j,m,k] : f32[32,20,3]
        return %y
        """
    check_change(
        PASS,
        text,
        """
        %x = input : f32[40,20,60]
        %g = input : f32[40,32,58]
        %s = window(%x, axes=[2], positions=[58], taps=[3], steps=[1], dilations=[1]) : f32[40,20,58,3]
        %0 = transpose(%g, order=[0, 2, 1]) : f32[40,58,32]
        %1 = reshape(%0, shape=[74240]) : f32[74240]
        %2 = reshape(%1, shape=[40, 58, 32]) : f32[40,58,32]
        %y[i,j,k] = sum[l:40, m:58] %2[l,m,i] * %s[l,j,m,k] : f32[32,20,3]
        return %y
        """,
    )


def test_terms_that_are_no_one_run() -> None:
    check_change(
        PASS,
        """
        %x = input : f32[4,20,60]
        %g = input : f32[4,32,60]
        %y[i,j] = sum[k:4, l:60] %g[k,i,l] * %x[k,j,l] : f32[32,20]
        return %y
        """,
        """
        %x = input : f32[4,20,60]
        %g = input : f32[4,32,60]
        %0 = transpose(%x, order=[0, 2, 1]) : f32[4,60,20]
        %1 = reshape(%0, shape=[4800]) : f32[4800]
        %2 = reshape(%1, shape=[4, 60, 20]) : f32[4,60,20]
        %y[i,j] = sum[k:4, l:60] %g[k,i,l] * %2[k,l,j] : f32[32,20]
        return %y
        """,
    )


def test_what_is_written_once_is_not_written_again() -> None:
    _, graph, _ = rewritten(PASS, convolution(48, 64, 58))
    again, report = PASS.rewrite(graph, Target(copies_panels=True))
    assert again is graph
    assert reasons(report) == [Reason.NOT_FASTER]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (convolution(42, 64, 58), Reason.NOT_FASTER),
        (convolution(48, 15, 58), Reason.NOT_FASTER),
        (convolution(48, 64, 7), Reason.NOT_FASTER),
        (
            convolution(48, 64, 58)
            .replace("%w = input : f32", "%w = input : f64")
            .replace("f32[2,64", "f64[2,64"),
            Reason.OTHER_LOOPS,
        ),
    ],
)
def test_refused(text, reason):
    assert reasons(check_no_change(PASS, text)) == [reason]


def test_a_product_of_matrices_is_left_alone():
    text = "%x = input : f32[200,300]\n%w = input : f32[40,300]\n"
    text += "%y[i,j] = sum[k:300] %x[i,k] * %w[j,k] : f32[200,40]\nreturn %y\n"
    assert not check_no_change(PASS, text).refusals


def test_a_backend_that_copies_no_panels_keeps_its_layout():
    graph = Graph.parse(convolution(48, 64, 58))
    after, report = PASS.rewrite(graph, Target(reads_windows=True))
    assert after is graph
    assert reasons(report) == [Reason.TARGET_CANNOT]


@pytest.mark.parametrize("text", [convolution(48, 64, 58), convolution(96, 33, 9)])
def test_the_oracle_finds_the_same(text):
    source, graph, _ = rewritten(PASS, text)
    rng = np.random.default_rng(0)
    given = [rng.standard_normal(node.type.shape).astype(np.float32) for node in source.inputs]
    found = [
        run(item, dict(zip(item.inputs, given, strict=True)), {})[item.results[0]] for item in (source, graph)
    ]
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-4)


def test_native_code_has_the_bits_that_it_had():
    """With an epilogue, whose map reads a view of the result."""
    pytest.importorskip("llvmlite")
    x, w, b = tt.input("x", (3, 20, 11, 11)), tt.input("w", (18, 20, 3, 3)), tt.input("b", (18, 1, 1))
    y = tt.relu(tt.einsum("nchwij,ocij->nohw", tt.sliding_window(x, (3, 3), (2, 3)), w) + b)
    before = [item for item in REWRITES if item.name != "channels_last"]
    rng = np.random.default_rng(0)
    given = [
        rng.standard_normal(shape).astype(np.float32)
        for shape in ((3, 20, 11, 11), (18, 20, 3, 3), (18, 1, 1))
    ]
    programs = [tt.compile([x, w, b], y, passes=(*items, *SCHEDULING)) for items in (before, REWRITES)]
    texts = [str(program.schedule.graph) for program in programs]
    assert "transpose" in texts[1]
    assert "transpose" not in texts[0]
    np.testing.assert_array_equal(*(program(*given) for program in programs))


LAYER = """
        %x = input : f32[2,48,60]
        %w = input : f32[64,48,3]
        %b = input : f32[64]
        %r = input : f32[2,64,58]
        %s = window(%x, axes=[2], positions=[58], taps=[3], steps=[1], dilations=[1]) : f32[2,48,58,3]
        %y[i,j,k] = sum[l:48, m:3] %s[i,l,k,m] * %w[j,l,m] : f32[2,64,58]
        %a[i,j,k] = add(%y[i,j,k], %b[j]) : f32[2,64,58]
        %c = mul(%a, %r) : f32[2,64,58]
        %m[i] = sum[j:2, k:58] %c[j,i,k] : f32[64]
        %p = pad(%c, low=[0, 0, 1], high=[0, 0, 2], interior=[0, 0, 0], value=0.0) : f32[2,64,61]
        %q = slice(%p, starts=[0, 0, 1], sizes=[2, 64, 60], steps=[1, 1, 1]) : f32[2,64,60]
        %t = window(%q, axes=[2], positions=[58], taps=[3], steps=[1], dilations=[1]) : f32[2,64,58,3]
        %z[i,j] = max[k:58, l:3] %t[i,j,k,l] : f32[2,64]
        %e = exp(%c) : f32[2,64,58]
        %n = neg(%m) : f32[64]
        %o = neg(%z) : f32[2,64]
        return %n, %o, %e
        """


def test_what_is_made_of_a_product_lies_as_it_does_and_results_as_they_did():
    check_change(
        PASS,
        LAYER,
        """
        %x = input : f32[2,48,60]
        %w = input : f32[64,48,3]
        %b = input : f32[64]
        %r = input : f32[2,64,58]
        %s = window(%x, axes=[2], positions=[58], taps=[3], steps=[1], dilations=[1]) : f32[2,48,58,3]
        %0 = transpose(%w, order=[1, 2, 0]) : f32[48,3,64]
        %1 = reshape(%0, shape=[9216]) : f32[9216]
        %2 = reshape(%1, shape=[48, 3, 64]) : f32[48,3,64]
        %3[i,j,k] = sum[l:48, m:3] %s[i,l,j,m] * %2[l,m,k] : f32[2,58,64]
        %4 = add(%3, %b) : f32[2,58,64]
        %5[i,j,k] = mul(%4[i,j,k], %r[i,k,j]) : f32[2,58,64]
        %c = transpose(%5, order=[0, 2, 1]) : f32[2,64,58]
        %m[i] = sum[j:2, k:58] %5[j,k,i] : f32[64]
        %6 = pad(%5, low=[0, 1, 0], high=[0, 2, 0], interior=[0, 0, 0], value=0.0) : f32[2,61,64]
        %7 = slice(%6, starts=[0, 1, 0], sizes=[2, 60, 64], steps=[1, 1, 1]) : f32[2,60,64]
        %8 = window(%7, axes=[1], positions=[58], taps=[3], steps=[1], dilations=[1]) : f32[2,58,64,3]
        %z[i,j] = max[k:58, l:3] %8[i,k,j,l] : f32[2,64]
        %e = exp(%c) : f32[2,64,58]
        %n = neg(%m) : f32[64]
        %o = neg(%z) : f32[2,64]
        return %n, %o, %e
        """,
    )


def test_what_lies_otherwise_is_the_same():
    graph = Graph.parse(dedent(LAYER))
    generator = np.random.default_rng(0)
    arguments = [generator.standard_normal(node.type.shape, np.float32) for node in graph.inputs]
    expected = tt.compile(graph, passes=(), backend="reference")(*arguments)
    for found in (tt.compile(graph, passes=[PASS], backend="reference"), tt.compile(graph)):
        for ours, theirs in zip(found(*arguments), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
