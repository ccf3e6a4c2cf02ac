"""Long sums of products in parts: texts, refusals, numbers, gradients, convolutions that stay."""

import re
from textwrap import dedent

import numpy as np
import pytest

import tinytorch as tt
from compiler.ir.graph import Graph
from compiler.rewrite.refusal import Reason
from passes import split_sums as module
from passes.split_sums import DEEP, LARGEST, SplitSums, split_sums
from tests.backends import NATIVE
from tests.threads import by_threads

GENERATOR = np.random.default_rng(9)


def normal(*shape, dtype="float32"):
    """An array of the normal distribution."""
    return GENERATOR.standard_normal(shape).astype(dtype)


def changed(text):
    """The report of the pass on a graph, which stays itself where nothing is done."""
    graph = Graph.parse(dedent(text))
    after, report = split_sums(graph)
    assert (after is graph) == (not report.actions)
    return after, report


def product(terms, rows, columns, dtype="f32"):
    return changed(
        f"""\
        %x = input : {dtype}[{terms},{rows}]
        %y = input : {dtype}[{terms},{columns}]
        %z[i,j] = sum[k:{terms}] %x[k,i] * %y[k,j] : {dtype}[{rows},{columns}]
        return %z
        """
    )


def test_the_example_in_the_docstring_is_what_happens():
    before, after = re.findall(r"((?:    %.*\n)+    return %w\n)", module.__doc__ or "")
    found, _ = split_sums(Graph.parse(dedent(before)))
    assert str(found).split() == dedent(after).split()


@pytest.mark.parametrize(
    ("terms", "parts"), [(2048, 4), (4096, 8), (8192, 8), (5000, 8), (3000, 4), (100_000, 8)]
)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_parts_are_equal_and_long(terms, parts, dtype):
    after, report = product(terms, 32, 48, dtype)
    assert [action.sentence for action in report.actions] == [f"%z is added up in {parts} parts"]
    assert after.outputs[0].operands[0].type.shape == (parts, 32, 48)
    assert str(after.outputs[0].type.dtype.short) == dtype


@pytest.mark.parametrize(
    ("terms", "parts", "rest"), [(2049, 4, "1 term"), (3003, 4, "3 terms"), (86_721, 8, "1 term")]
)
def test_terms_that_are_left_over_are_a_product_of_their_own(terms, parts, rest):
    after, report = product(terms, 32, 48)
    assert [action.sentence for action in report.actions] == [f"%z is added up in {parts} parts and {rest}"]
    total, last = after.outputs[0].operands
    assert total.operands[0].type.shape == (parts, 32, 48)
    assert last.operands[0].type.shape == (terms % parts, 32)


def test_short_axes_fall_into_any_equal_parts_or_none():
    def parts_of(extent):
        x, y = tt.input("x", (extent, 512, 32)), tt.input("y", (extent, 512, 48))
        after, report = split_sums(tt.graph_of(tt.einsum("ijk,ijl->kl", x, y)))
        return after.outputs[0].operands[0].type.shape[0] if report.actions else str(report.refusals[0])

    assert [parts_of(extent) for extent in (12, 9, 21)] == [6, 3, 7]
    assert "no equal parts" in parts_of(11)


def test_of_several_summed_axes_the_first_is_split():
    x, y = tt.input("x", (64, 64, 32)), tt.input("y", (64, 64, 48))
    after, report = split_sums(tt.graph_of(tt.einsum("ijk,ijl->kl", x, y)))
    assert len(report.actions) == 1
    assert after.outputs[0].operands[0].type.shape == (8, 32, 48)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((DEEP, 256, LARGEST // 128), "has 32768 elements"),
        ((DEEP, 4, 4), "adds up only 32768 products"),
        ((4096, "n", 32), "has 32*n elements"),
    ],
)
def test_what_stays_whole_says_why(given, words):
    _, report = product(*given)
    (refusal,) = report.refusals
    assert refusal.reason is Reason.NOT_FASTER
    assert words in str(refusal)


@pytest.mark.parametrize("given", [(1000, 32, 32), ("n", 32, 32), (4096, 1, 64), (4096, 64, 1)])
def test_short_open_and_narrow_sums_are_not_asked_about(given):
    _, report = product(*given)
    assert not report.actions
    assert not report.refusals


@pytest.mark.parametrize("rows", [1, 3, 16])
@pytest.mark.parametrize(("side", "dtype", "parts"), [(1024, "f32", 4), (1024, "f64", 8), (2048, "f32", 16)])
@pytest.mark.parametrize("is_left", [True, False])
def test_few_rows_are_multiplied_by_parts_of_a_large_matrix(rows, side, dtype, parts, is_left):
    equation = "%x[i,k] * %y[k,j]" if is_left else "%y[k,j] * %x[i,k]"
    after, report = changed(
        f"""\
        %x = input : {dtype}[{rows},{side}]
        %y = input : {dtype}[{side},{side}]
        %z[i,j] = sum[k:{side}] {equation} : {dtype}[{rows},{side}]
        return %z
        """
    )
    assert len(report.actions) == 1
    assert after.outputs[0].operands[0].type.shape == (parts, rows, side)


def test_more_rows_smaller_matrices_rows_of_terms_and_constants_stay():
    texts = ["x[i,k] * y[k,j]", "x[i,k] * y[k,j]", "x[i,k] * y[j,k]"]
    for rows, side, text in zip((17, 8, 8), (1024, 512, 1024), texts, strict=True):
        _, report = changed(
            f"""\
            %x = input : f32[{rows},{side}]
            %y = input : f32[{side},{side}]
            %z[i,j] = sum[k:{side}] {text.replace("x", "%x").replace("y", "%y")} : f32[{rows},{side}]
            return %z
            """
        )
        assert not report.actions
    x = tt.input("x", (2, 1024))
    weights = tt.constant(normal(1024, 1024))
    _, report = split_sums(tt.graph_of(x @ weights))
    assert not report.actions


def test_windows_are_read_as_they_are():
    x, w = tt.input("x", (32, 8, 12, 12)), tt.input("w", (8, 8, 3, 3))
    loss = tt.conv2d(x, w, padding=1).sum()
    program = tt.compile([x, w], tt.grad(loss, w))
    assert re.search(r"^split_sums +0 +0 ", str(program.history), re.MULTILINE)


def test_a_backend_that_copies_no_panels_refuses():
    x, y = tt.input("x", (4096, 32)), tt.input("y", (4096, 32))
    program = tt.compile([x, y], x.T @ y, backend="numpy")
    assert "copies no panels" in str(program.why(program.graph.outputs[0]))
    assert SplitSums().name == "split_sums"


@pytest.mark.parametrize("backend", NATIVE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("terms", [3000, 3001])
def test_numbers_and_gradients(backend, dtype, terms):
    x, y = tt.input("x", (40, terms), dtype), tt.input("y", (terms, 20), dtype)
    z = tt.tanh(x @ y / 100)
    program = tt.compile([x, y], [z, *tt.grad(z.sum(), [x, y])], backend=backend)
    a, b = normal(40, terms, dtype=dtype), normal(terms, 20, dtype=dtype)
    found = program(a, b)
    wide = np.tanh(a.astype("float64") @ b.astype("float64") / 100)
    slope = (1 - wide**2) / 100
    tolerance = {"float32": 2e-6, "float64": 1e-13}[dtype]
    for mine, expected in zip(found, [wide, slope @ b.T, a.T @ slope], strict=True):
        np.testing.assert_allclose(mine, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def test_bits_do_not_depend_on_threads():
    x, y = tt.input("x", (4096, 33)), tt.input("y", (4096, 17))
    program = tt.compile([x, y], x.T @ y)
    a, b = normal(4096, 33), normal(4096, 17)
    found = by_threads(lambda: program(a, b))
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])
