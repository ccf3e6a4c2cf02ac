"""Folds of products, phase by phase: texts, refusals, every small case against the fold, and convolutions."""

import itertools
import re
from textwrap import dedent

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.reference import run
from compiler.ir.graph import Graph
from compiler.ir.verify import verify
from compiler.pipeline.contract import Report
from compiler.rewrite.refusal import Reason
from compiler.schedule.target import Target
from passes import phase_folds as module
from passes.phase_folds import PhaseFolds, phase_folds
from tests.passes.before_after import check_change, check_no_change, reasons
from tinytorch.api import default_passes

PASS = PhaseFolds()
HEAD = """\
%g = input : f32[n,4,50]
%w = input : f32[4,4]
"""
PRODUCT = HEAD + "%c[i,j,k] = sum[l:4] %g[i,l,j] * %w[l,k] : f32[n,50,4]\n"
FOLD = "%x = fold(%c, axes=[1], extents=[102], steps=[2], dilations=[1]) : f32[n,102]\n"


def test_the_example_in_the_docstring_is_what_happens() -> None:
    before, after = re.findall(r"((?:    %.*\n)+    return %x\n)", module.__doc__ or "")
    report = check_change(PASS, dedent(before), dedent(after))
    assert str(report.actions[0].sentence).startswith("%x adds up no windows")


def test_phases_that_differ_are_products_of_their_own() -> None:
    """Of three taps the even phase has two and the odd one has one."""
    check_change(
        PhaseFolds(always=True),
        """
        %g = input : f32[50]
        %w = input : f32[3]
        %c[i,j] = mul(%g[i], %w[j]) : f32[50,3]
        %x = fold(%c, axes=[0], extents=[101], steps=[2], dilations=[1]) : f32[101]
        return %x
        """,
        """
        %g = input : f32[50]
        %w = input : f32[3]
        %0 = pad(%g, low=[1], high=[1], interior=[0], value=0.0) : f32[52]
        %1 = window(%0, axes=[0], positions=[51], taps=[2], steps=[1], dilations=[1]) : f32[51,2]
        %2 = slice(%w, starts=[2], sizes=[2], steps=[-2]) : f32[2]
        %3[i] = sum[j:2] %1[i,j] * %2[j] : f32[51]
        %4 = reshape(%3, shape=[1, 51]) : f32[1,51]
        %5 = slice(%0, starts=[1], sizes=[51], steps=[1]) : f32[51]
        %6 = window(%5, axes=[0], positions=[51], taps=[1], steps=[1], dilations=[1]) : f32[51,1]
        %7 = slice(%w, starts=[1], sizes=[1], steps=[-2]) : f32[1]
        %8[i] = sum[j:1] %6[i,j] * %7[j] : f32[51]
        %9 = reshape(%8, shape=[1, 51]) : f32[1,51]
        %10 = concatenate(%4, %9, axis=0) : f32[2,51]
        %11 = transpose(%10, order=[1, 0]) : f32[51,2]
        %12 = reshape(%11, shape=[102]) : f32[102]
        %x = slice(%12, starts=[0], sizes=[101], steps=[1]) : f32[101]
        return %x
        """,
    )


def test_channels_are_last_where_they_are_many() -> None:
    check_change(
        PASS,
        """
        %g = input : f32[n,8,50]
        %w = input : f32[8,6,3]
        %c[i,j,k,l] = sum[m:8] %g[i,m,k] * %w[m,j,l] : f32[n,6,50,3]
        %x = fold(%c, axes=[2], extents=[52], steps=[1], dilations=[1]) : f32[n,6,52]
        return %x
        """,
        """
        %g = input : f32[n,8,50]
        %w = input : f32[8,6,3]
        %0 = transpose(%g, order=[0, 2, 1]) : f32[n,50,8]
        %1 = pad(%0, low=[0, 2, 0], high=[0, 2, 0], interior=[0, 0, 0], value=0.0) : f32[n,54,8]
        %2 = window(%1, axes=[1], positions=[52], taps=[3], steps=[1], dilations=[1]) : f32[n,52,8,3]
        %3 = slice(%w, starts=[0, 0, 2], sizes=[8, 6, 3], steps=[1, 1, -1]) : f32[8,6,3]
        %4 = transpose(%3, order=[0, 2, 1]) : f32[8,3,6]
        %5 = reshape(%4, shape=[24, 6]) : f32[24,6]
        %6 = reshape(%5, shape=[8, 3, 6]) : f32[8,3,6]
        %7[i,j,k] = sum[l:8, m:3] %2[i,j,l,m] * %6[l,m,k] : f32[n,52,6]
        %x = transpose(%7, order=[0, 2, 1]) : f32[n,6,52]
        return %x
        """,
    )


def test_a_fold_of_something_else_stays() -> None:
    text = FOLD.replace("%c", "%a")
    report = check_no_change(PASS, f"%a = input : f32[n,50,4]\n{text}return %x\n")
    assert not report.refusals


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PRODUCT + FOLD + "return %x, %c\n", Reason.RETURNED),
        (PRODUCT + FOLD + "%y = exp(%c) : f32[n,50,4]\nreturn %x, %y\n", Reason.READ_LATER),
        (
            "%g = input : f32[n,4,50,4]\n%w = input : f32[4,4]\n"
            "%c[i,j,k] = sum[l:4] %g[i,l,j,k] * %w[l,k] : f32[n,50,4]\n" + FOLD + "return %x\n",
            Reason.OTHER_LOOPS,
        ),
        (
            PRODUCT.replace("50", "m") + FOLD.replace("102", "r").replace("n,102", "n,r") + "return %x\n",
            Reason.NOT_KNOWN,
        ),
        (
            "%g = input : f32[50]\n%w = input : f32[2]\n%c[i,j] = mul(%g[i], %w[j]) : f32[50,2]\n"
            "%x = fold(%c, axes=[0], extents=[352], steps=[7], dilations=[1]) : f32[352]\nreturn %x\n",
            Reason.NOT_FASTER,
        ),
        (
            "%g = input : f32[50]\n%w = input : f32[3]\n%c[i,j] = mul(%g[i], %w[j]) : f32[50,3]\n"
            "%x = fold(%c, axes=[0], extents=[900], steps=[17], dilations=[1]) : f32[900]\nreturn %x\n",
            Reason.TOO_LARGE,
        ),
    ],
)
def test_refused(text: str, reason: Reason) -> None:
    report = check_no_change(PASS, text)
    assert reasons(report) == [reason]
    assert report.refusals[0].nodes[0].name == "x"


def test_a_backend_that_copies_windows_keeps_its_folds() -> None:
    graph = Graph.parse(PRODUCT + FOLD + "return %x\n")
    after, report = PASS.rewrite(graph, Target())
    assert after is graph
    assert reasons(report) == [Reason.TARGET_CANNOT]
    other = Graph.parse(HEAD + "return %g\n")
    assert PASS.rewrite(other, Target()) == (other, Report())


def test_symbolic_positions_whose_phases_are_known() -> None:
    text = PRODUCT.replace("50", "m") + FOLD.replace("102", "2*m+2") + "return %x\n"
    graph = Graph.parse(text)
    after, report = phase_folds(graph)
    assert report.actions
    verify(after)
    random = np.random.default_rng(0)
    for n, m in ((2, 3), (1, 1), (3, 0), (0, 2)):
        given = [random.standard_normal(shape).astype(np.float32) for shape in ((n, 4, m), (4, 4))]
        sizes = {"n": n, "m": m}
        np.testing.assert_allclose(value(after, given, sizes), value(graph, given, sizes), atol=1e-5)


def value(graph: Graph, given: list[np.ndarray], sizes: dict[str, int]) -> np.ndarray:
    return run(graph, dict(zip(graph.inputs, given, strict=True)), sizes)[graph.outputs[0]]


@pytest.mark.parametrize("dilation", [1, 2, 3, 6])
@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_every_small_case_is_the_fold(step: int, dilation: int) -> None:
    random = np.random.default_rng(0)
    kinds = set()
    for taps, positions, more in itertools.product(range(1, 8), (1, 4), (0, 1, 5)):
        extent = (positions - 1) * step + dilation * (taps - 1) + 1 + more
        g, w = tt.input("g", (2, 3, positions), "float64"), tt.input("w", (3, taps, 2), "float64")
        x = tt.fold(tt.einsum("nop,okc->ncpk", g, w), extent, 2, step, dilation)
        graph = Graph.of([x.node])
        after, report = phase_folds(graph, always=True)
        verify(after)
        assert report.actions
        kinds.add(any(node.op.name == "concatenate" for node in after.nodes))
        given = [random.standard_normal((2, 3, positions)), random.standard_normal((3, taps, 2))]
        np.testing.assert_allclose(value(after, given, {}), value(graph, given, {}), rtol=1e-11, atol=1e-12)
    assert kinds == ({False} if step == 1 else {True} if dilation % 2 == 0 and step != 3 else kinds)


PAIRS = [
    ((4, 4), (2, 2), (1, 1)),
    ((3, 3), (2, 2), (1, 1)),
    ((3, 3), (1, 1), (2, 2)),
    ((3, 2), (2, 3), (2, 1)),
]


@pytest.mark.parametrize(("sizes", "strides", "dilations"), PAIRS)
def test_the_gradient_of_a_convolution_is_torchs(
    sizes: tuple[int, int], strides: tuple[int, int], dilations: tuple[int, int]
) -> None:
    torch = pytest.importorskip("torch")
    x, w = tt.input("x", (2, 3, 17, 16), "float64"), tt.input("w", (4, 3, *sizes), "float64")
    windows = tt.sliding_window(x, sizes, (2, 3), strides, dilations)
    y = tt.einsum("ncpqkl,ockl->nopq", windows, w)
    slope = tt.grad((y * y).sum(), x)
    always = PhaseFolds(always=True)
    passes = [always if item.name == always.name else item for item in default_passes()]
    random = np.random.default_rng(0)
    given = random.standard_normal((2, 3, 17, 16)), random.standard_normal((4, 3, *sizes))
    tx, tw = (torch.tensor(item, requires_grad=True) for item in given)
    ty = torch.nn.functional.conv2d(tx, tw, stride=strides, dilation=dilations)
    (expected,) = torch.autograd.grad((ty * ty).sum(), tx)
    program = tt.compile([x, w], slope, passes=passes, backend="numpy")
    assert not any(node.op.name == "fold" for node in program.graph.nodes)
    np.testing.assert_allclose(program(*given), expected.numpy(), rtol=1e-10, atol=1e-10)


def test_long_chains_of_folds_are_linear_work() -> None:
    x, w = tt.input("x", (40,), "float64"), tt.input("w", (2,), "float64")
    for _ in range(30):
        x = tt.fold(tt.einsum("p,k->pk", x, w), x.shape[0] + 1, 0)
    after, report = phase_folds(Graph.of([x.node]))
    assert len(report.actions) + len(report.refusals) == 30
    verify(after)
