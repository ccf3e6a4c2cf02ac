"""Products of many small matrices: texts, refusals, numbers, gradients."""

import re
from textwrap import dedent

import numpy as np
import pytest

import tinytorch as tt
from compiler.ir.build import contract, input_node
from compiler.ir.graph import Graph
from compiler.ir.types import FLOAT32, FLOAT64, TensorType
from compiler.rewrite.refusal import Reason
from passes import REWRITES
from passes import unroll_products as module
from passes.unroll_products import UnrollProducts, unroll_products
from tests.backends import NATIVE

GENERATOR = np.random.default_rng(8)


def normal(*shape, dtype="float32"):
    """An array of the normal distribution."""
    return GENERATOR.standard_normal(shape).astype(dtype)


def changed(equation, left, right, result, dtype="f32"):
    """The report of the pass on one product, whose graph stays itself where nothing is done."""
    given = [", ".join(map(str, shape)) for shape in (left, right, result)]
    graph = Graph.parse(
        f"%x = input : {dtype}[{given[0]}]\n%y = input : {dtype}[{given[1]}]\n"
        f"%z{equation} : {dtype}[{given[2]}]\nreturn %z\n"
    )
    after, report = unroll_products(graph)
    assert (after is graph) == (not report.actions)
    return after, report


def square(side, count=1000, **options):
    equation = f"[i,j,k] = sum[l:{side}] %x[i,j,l] * %y[i,l,k]"
    return changed(equation, *[(count, side, side)] * 3, **options)


def test_the_example_in_the_docstring_is_what_happens():
    before, after = re.findall(r"((?:    (?:%|op).*\n)+    return %z\n)", module.__doc__ or "")
    found, _ = unroll_products(Graph.parse(dedent(before)))
    assert str(found).split() == dedent(after).split()


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("side", [2, 3, 4])
def test_products_of_few_terms_are_written_out(side, dtype):
    after, report = square(side, dtype=dtype)
    assert len(report.actions) == 1
    assert report.actions[0].sentence == "%z is written out, term by term"
    assert sum(node.op.name == "slice" for node in after.nodes) == 2 * side
    assert after.outputs[0].op.formula.name == "f"


@pytest.mark.parametrize("count", ["n", 16])
def test_their_number_is_open_or_large_enough(count):
    assert square(3, count)[1].actions


def test_few_matrices_and_single_ones_stay_products():
    for count in (1, 15):
        _, report = square(3, count)
        assert not report.actions
        assert not report.refusals


def test_more_terms_are_refused():
    (refusal,) = square(5)[1].refusals
    assert (refusal.reason, refusal.sentence) == (Reason.NOT_FASTER, "%z adds up 5 terms")


def test_products_of_several_dtypes_are_refused():
    x, y = (input_node(name, TensorType(FLOAT32, (100, 2, 2))) for name in "xy")
    axes = [(0, 1, 3), (0, 3, 2)], (0, 1, 2), (100, 2, 2, 2)
    graph = Graph.of([contract([x, y], *axes, dtype=FLOAT64, name="z")], [])
    after, report = unroll_products(graph)
    (refusal,) = report.refusals
    assert after is graph
    assert (refusal.reason, refusal.sentence) == (Reason.OTHER_LOOPS, "%z is a product of several dtypes")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int32", "int64"])
def test_other_dtypes_are_what_products_make_of_them(dtype):
    x, y = tt.input("x", (50, 3, 3), dtype), tt.input("y", (50, 3, 3), dtype)
    z = tt.compile([x, y], x @ y)
    left, right = (np.trunc(4 * normal(50, 3, 3)).astype(x.type.dtype.numpy) for _ in range(2))
    found, expected = z(left, right), tt.compile([x, y], x @ y, backend="reference", passes=[])(left, right)
    assert found.dtype == expected.dtype
    assert (found == expected).all()


def test_large_matrices_and_wide_rows_stay_products():
    for rows, columns, dtype in ((4, 17, "f32"), (4, 9, "f64"), (65, 4, "f32"), (1, 1, "f32")):
        shapes = (100, rows, 3), (100, 3, columns), (100, rows, columns)
        report = changed("[i,j,k] = sum[l:3] %x[i,j,l] * %y[i,l,k]", *shapes, dtype=dtype)[1]
        assert not report.actions
        assert not report.refusals


def test_rows_that_lie_apart_may_be_wide():
    shapes = (16, 3, 1000), (3, 16, 1000), (16, 16, 1000)
    assert changed("[i,j,k] = sum[l:3] %x[i,l,k] * %y[l,j,k]", *shapes)[1].actions


def test_a_product_without_a_batch_stays_one():
    assert not changed("[i,j] = sum[k:3] %x[i,k] * %y[k,j]", (100, 3), (3, 4), (100, 4))[1].actions


def test_it_is_one_of_the_passes():
    assert UnrollProducts() in REWRITES


CASES = {
    "matrices": ((700, 3, 2), (700, 2, 3), "nij,njk->nik"),
    "a vector": ((700, 4, 4), (700, 4), "nij,nj->ni"),
    "a transposed factor": ((700, 3, 4), (700, 3, 4), "nij,nkj->nik"),
    "a batch that is last": ((2, 3, 700), (3, 2, 700), "ijn,jkn->ikn"),
    "two summed axes": ((700, 2, 2, 3), (700, 2, 2), "nijk,nij->nk"),
    "two axes of batches": ((20, 30, 2, 2), (20, 30, 2, 2), "abij,abjk->abik"),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_numbers_and_gradients_are_those_of_products(case, dtype):
    left, right, equation = CASES[case]
    x, y = tt.input("x", left, dtype), tt.input("y", right, dtype)
    z = tt.einsum(equation, x, y)
    outputs = [z, *tt.grad((z * z).sum(), [x, y])]
    program = tt.compile([x, y], outputs)
    assert any(node.origin.maker == "unroll_products" for node in program.graph.nodes)
    arrays = normal(*left, dtype=dtype), normal(*right, dtype=dtype)
    expected = tt.compile([x, y], outputs, backend="reference", passes=[])(*arrays)
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    for found, wanted in zip(program(*arrays), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * np.abs(wanted).max())


@pytest.mark.parametrize("backend", ["numpy", *NATIVE])
def test_infinities_and_nan_come_through(backend):
    x, y = tt.input("x", (20, 2, 2)), tt.input("y", (20, 2, 2))
    left, right = normal(20, 2, 2), normal(20, 2, 2)
    left[0, 0, 0], left[1, 1, 1], right[2, 0, 1] = np.inf, np.nan, -np.inf
    found = tt.compile([x, y], x @ y, backend=backend)(left, right)
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(found, left @ right, rtol=1e-5, atol=1e-6)


def test_what_is_around_a_product_shares_its_loops():
    x, y = tt.input("x", ("n", 3, 3)), tt.input("y", ("n", 3))
    program = tt.compile([x, y], tt.relu((x @ tt.unsqueeze(y, 2)).squeeze(2) + y))
    kernels = [kernel for kernel in program.schedule.kernels if kernel.members[0].op.name not in ("slice",)]
    assert sum(len(kernel.members) > 1 for kernel in kernels) == 1
