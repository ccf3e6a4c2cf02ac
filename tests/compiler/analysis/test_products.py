import pytest

import tinytorch as tt
from compiler.analysis.products import ProductLoops, loops_of_contraction, product_loops
from compiler.ir.op import MapReduce

SIZES = dict(zip("abcdefgu", (2, 3, 4, 5, 6, 7, 8, 1), strict=True))


def of(subscripts: str) -> str:
    """The groups as letters: batch, rows, columns, summed, alone left, alone right, repeated."""
    left, rest = subscripts.split(",")
    right, output = rest.split("->")
    letters = [*output, *(letter for letter in dict.fromkeys(left + right) if letter not in output)]
    numbers = {letter: number for number, letter in enumerate(letters)}
    found = product_loops(*([numbers[letter] for letter in item] for item in (left, right, output)))
    groups = (found.batch, found.rows, found.columns, found.summed, *found.alone, found.repeated)
    return " ".join("".join(letters[loop] for loop in group) or "-" for group in groups)


@pytest.mark.parametrize(
    ("subscripts", "groups"),
    [
        ("ab,bc->ac", "- a c b - - -"),
        ("ab,bc->ca", "- a c b - - -"),
        ("gab,gbc->gac", "g a c b - - -"),
        ("agbd,cdgb->gac", "g a c bd - - -"),
        ("ab,ab->", "- - - ab - - -"),
        ("ab,ab->a", "a - - b - - -"),
        ("a,b->ab", "- a b - - - -"),
        ("abe,bcf->ac", "- a c b e f -"),
        ("ab,bc->acd", "- a c b - - d"),
    ],
)
def test_what_each_loop_is(subscripts, groups):
    assert of(subscripts) == groups


@pytest.mark.parametrize(
    ("subscripts", "is_of_matrices"),
    [("ab,bc->ac", True), ("a,b->ab", False), ("abe,bc->ac", False), ("ab,bc->acd", False)],
)
def test_a_product_of_matrices_sums_what_both_have(subscripts, is_of_matrices):
    left, rest = subscripts.split(",")
    right, output = rest.split("->")
    found = product_loops(*(["abcdef".index(letter) for letter in item] for item in (left, right, output)))
    assert found.is_of_matrices is is_of_matrices


def test_loops_of_a_contraction_leave_out_those_of_extent_1():
    x, y = tt.input("x", (2, 3, 1)), tt.input("y", (1, 3, 4))
    op = tt.einsum("abu,ubc->auc", x, y).node.op
    assert isinstance(op, MapReduce)
    assert loops_of_contraction(op) == ProductLoops((), (0,), (2,), (3,), ((), ()), ())


def test_a_sum_of_more_than_two_factors_has_no_sides():
    x = tt.input("x", (3, 3))
    op = tt.einsum("ab,bc,cd->ad", x, x, x).node.op
    assert isinstance(op, MapReduce)
    assert loops_of_contraction(op) is None
