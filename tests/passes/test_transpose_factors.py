"""Left factors of large products: texts, refusals, bits."""

import re
from textwrap import dedent

import numpy as np
import pytest

import tinytorch as tt
from compiler.ir.graph import Graph
from compiler.rewrite.refusal import Reason
from compiler.schedule.target import Target
from passes import transpose_factors as module
from passes.transpose_factors import TransposeFactors, transpose_factors
from tests.backends import NATIVE

GENERATOR = np.random.default_rng(5)


def normal(*shape, dtype="float32"):
    """An array of the normal distribution."""
    return GENERATOR.standard_normal(shape).astype(dtype)


def graph_of(left, right, output, equation, dtype="f32"):
    """The graph of a product."""
    given = [", ".join(map(str, shape)) for shape in (left, right, output)]
    return Graph.parse(
        f"%x = input : f32[{given[0]}]\n%g = input : f32[{given[1]}]\n"
        f"%w{equation} : {dtype}[{given[2]}]\nreturn %w\n"
    )


def changed(*shapes, dtype="f32"):
    """The text of such a graph after the pass, and the report."""
    found = graph_of(*shapes, dtype)
    after, report = transpose_factors(found)
    assert (after is found) == (not report.actions)
    return str(after), report


def product(terms=2048, rows=512, columns=512, **options):
    """A product whose left factor has its rows last."""
    return changed(
        (terms, rows),
        (terms, columns),
        (rows, columns),
        f"[i,j] = sum[k:{terms}] %x[k,i] * %g[k,j]",
        **options,
    )


def test_the_example_in_the_docstring_is_what_happens() -> None:
    before, after = re.findall(r"((?:    %.*\n)+    return %w\n)", module.__doc__ or "")
    found, _ = transpose_factors(Graph.parse(dedent(before)))
    assert str(found).split() == dedent(after).split()


def test_a_large_factor_with_rows_last_is_copied() -> None:
    for rows, order, kind in ((512, "[1, 0, 2]", "a copy in panels"), (513, "[1, 0]", "a transposed copy")):
        text, report = product(rows=rows)
        assert f"order={order}" in text
        assert ("reshape(%x" in text) == (rows == 512)
        assert [item.sentence for item in report.actions] == [f"%w reads {kind}"]


def test_of_a_transposed_result_the_other_factor_is_the_left_one() -> None:
    text, report = changed((2048, 512), (2048, 600), (600, 512), "[i,j] = sum[k:2048] %x[k,j] * %g[k,i]")
    assert "reshape(%g, shape=[2048, 75, 8])" in text
    assert len(report.actions) == 1


@pytest.mark.parametrize(
    "sizes",
    [
        {"terms": 511},
        {"columns": 255},
        {"rows": 513, "columns": 511},
        {"terms": "n"},
        {"rows": 100, "terms": 2048},
        {"columns": "m"},
        {"terms": 2**18},
    ],
)
def test_what_is_small_or_unknown_or_too_large_to_copy_stays(sizes) -> None:
    _, report = product(**sizes)
    assert [item.reason for item in report.refusals] == [Reason.NOT_FASTER]


def test_factors_with_terms_last_are_none_of_its_business() -> None:
    _, report = changed((512, 2048), (2048, 512), (512, 512), "[i,j] = sum[k:2048] %x[i,k] * %g[k,j]")
    assert not report.actions
    assert not report.refusals


def few(rows=256, terms=256, columns=10, *, is_turned=False):
    """A product with a right factor of few columns."""
    row, column = ("j", "i") if is_turned else ("i", "j")
    return changed(
        (rows, terms),
        (terms, columns),
        (columns, rows) if is_turned else (rows, columns),
        f"[i,j] = sum[k:{terms}] %x[{row},k] * %g[k,{column}]",
    )


@pytest.mark.parametrize("is_turned", [False, True])
def test_few_columns_are_copied_with_their_terms_last(is_turned) -> None:
    text, report = few(is_turned=is_turned)
    assert "transpose(%g, order=[1, 0])" in text
    assert [item.sentence for item in report.actions] == ["%w reads a transposed copy"]


@pytest.mark.parametrize(
    "sizes",
    [
        {"columns": 1, "terms": 1024},
        {"columns": 13, "rows": 4096},
        {"terms": 159, "rows": 4096},
        {"rows": 31, "terms": 4096},
        {"rows": 40, "terms": 160, "columns": 2},
        {"rows": "n"},
        {"columns": "n"},
        {"terms": "n"},
    ],
)
def test_columns_that_are_not_few_or_of_few_terms_or_rows_stay(sizes) -> None:
    _, report = few(**sizes)
    assert not report.actions


def test_axes_of_one_element_stay_where_they_are() -> None:
    x, y = tt.input("x", (1, 600, 512)), tt.input("y", (600, 1, 300))
    a, b = (GENERATOR.integers(-9, 9, shape).astype("float32") for shape in ((1, 600, 512), (600, 1, 300)))
    for output in ("ij", "abij"):
        program = tt.compile([x, y], tt.einsum(f"aki,kbj->{output}", x, y))
        assert np.array_equal(program(a, b).reshape(512, 300), a[0].T @ b[:, 0])


def test_batches_stay() -> None:
    _, report = changed(
        (3, 2048, 512), (3, 2048, 512), (3, 512, 512), "[i,j,k] = sum[l:2048] %x[i,l,j] * %g[i,l,k]"
    )
    assert not report.actions


def test_windows_stay() -> None:
    image, kernel = tt.input("image", (8, 64, 64, 64)), tt.input("kernel", (64, 64, 3, 3))
    loss = tt.conv2d(image, kernel, padding=1).sum()
    program = tt.compile([image, kernel], tt.grad(loss, kernel), passes=["transpose_factors"])
    (record,) = program.history
    assert not record.report.actions


def test_a_product_of_several_dtypes_stays() -> None:
    _, report = product(dtype="f64")
    assert [item.reason for item in report.refusals] == [Reason.OTHER_LOOPS]


def test_a_backend_that_copies_no_panels_is_told_so() -> None:
    equation = "[i,j] = sum[k:2048] %x[k,i] * %g[k,j]"
    graph = graph_of((2048, 512), (2048, 512), (512, 512), equation)
    after, report = TransposeFactors().rewrite(graph, Target(fuses=True))
    assert after is graph
    assert [item.reason for item in report.refusals] == [Reason.TARGET_CANNOT]


@pytest.mark.parametrize("backend", NATIVE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [530, 536])
def test_the_same_bits(backend, dtype, rows) -> None:
    x, y = tt.input("x", (1100, rows), dtype), tt.input("y", (1100, 517), dtype)
    outputs = [tt.matmul(x.T, y), tt.matmul(y.T, x), tt.matmul(x.T, y).T + 1]
    for output in outputs:
        program = tt.compile([x, y], output, backend=backend)
        (record,) = (item for item in program.history if item.name == "transpose_factors")
        assert record.report.actions
        plain = tt.compile(
            [x, y], output, backend=backend, passes=tt.default_passes(without="transpose_factors")
        )
        values = normal(1100, rows, dtype=dtype), normal(1100, 517, dtype=dtype)
        assert np.array_equal(program(*values), plain(*values))
