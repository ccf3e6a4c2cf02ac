"""Which operand of a contraction is left and which right, what its loops are, and where tables are needed."""

import pytest

from compiler.ir.op import Trait
from compiler.loops.drafts import UnsupportedError
from compiler.loops.places import Places
from compiler.loops.roles import roles, stride_of
from compiler.schedule.addresses import memory_accesses
from tests.compiler.loops.test_alike import plan_of


def roles_of(text):
    """The roles of the last contraction of a graph."""
    plan = plan_of(text)
    kernel = next(k for k in plan.schedule.kernels[::-1] if k.members[0].op.has(Trait.CONTRACTION))
    stored = frozenset(plan.schedule.outputs(kernel))
    regions = Places(plan).regions
    accesses = list(memory_accesses(kernel.members, stored, kernel.nest, regions))
    return roles(kernel.members, kernel.nest, accesses, regions)


def said(found):
    """Left and right by name; extents of outside, rows and columns; whether rows, left, right need tables."""
    names = found.left.value.name, found.right.value.name
    tables = bool(found.rows.walk), *(stride_of(walk) is None for walk in found.terms)
    outside = tuple(loop.extent for loop in found.outside)
    return names, (outside, found.rows.extent, found.columns.extent), tables


PRODUCT = "%x = input : f32[5,30]\n%w = input : f32[30,7]\n%y[i,j] = sum[k:30] %x[i,k] * %w[k,j] : f32[5,7]\n"
SLICED = """\
%x = input : f32[4,9,30]
%w = input : f32[30,7]
%s = slice(%x, starts=[0, 1, 0], sizes=[4, 7, 30], steps=[1, 1, 1]) : f32[4,7,30]
"""
WINDOW = """\
%x = input : f32[2,{c},20,20]
%w = input : f32[{o},{c},3,3]
%g = input : f32[2,{o},18,18]
%s = window(%x, axes=[2, 3], positions=[18, 18], taps=[3, 3], steps=[1, 1], dilations=[1, 1]) : {windows}
""".replace("{windows}", "f32[2,{c},18,18,3,3]")
FORWARD = WINDOW + (
    "%y[i,j,k,l] = sum[m:{c}, n:3, o:3] %s[i,m,k,l,n,o] * %w[j,m,n,o] : f32[2,{o},18,18]\nreturn %y\n"
)
WEIGHTS = WINDOW + (
    "%y[i,j,k,l] = sum[m:2, n:18, o:18] %g[m,i,n,o] * %s[m,j,n,o,k,l] : f32[{o},{c},3,3]\nreturn %y\n"
)


def test_a_product_of_matrices_needs_no_tables():
    assert said(roles_of(PRODUCT + "return %y\n")) == (("x", "w"), ((), 5, 7), (False, False, False))


def test_rows_and_terms_of_a_slice_follow_tables():
    rows = SLICED + "%y[i,j,k] = sum[l:30] %s[i,j,l] * %w[l,k] : f32[4,7,7]\nreturn %y\n"
    assert said(roles_of(rows)) == (("s", "w"), ((), 28, 7), (True, False, False))
    terms = SLICED + "%y[i,j] = sum[k:4, l:7] %s[k,l,i] * %g[k,l,j] : f32[30,11]\nreturn %y\n"
    terms = "%g = input : f32[4,7,11]\n" + terms
    assert said(roles_of(terms)) == (("s", "g"), ((), 30, 11), (False, True, False))


def test_a_convolution_of_few_channels_reads_its_window_as_columns():
    found = roles_of(FORWARD.format(c=3, o=8))
    assert said(found) == (("w", "s"), ((2, 18), 8, 18), (False, False, True))
    assert found.batch is found.outside[0]


def test_one_of_many_channels_reads_its_window_as_rows():
    assert said(roles_of(FORWARD.format(c=32, o=64))) == (("s", "w"), ((2,), 324, 64), (True, True, False))


def test_weights_whose_columns_are_neighbours_make_rows_of_windows():
    text = FORWARD.replace("f32[{o},{c},3,3]", "f32[{c},3,3,{o}]").replace("[j,m,n,o]", "[m,n,o,j]")
    assert said(roles_of(text.format(c=32, o=64))) == (("s", "w"), ((2,), 324, 64), (True, True, False))


@pytest.mark.parametrize("channels", [3, 64])
def test_taps_of_a_window_are_no_columns(channels):
    found = said(roles_of(WEIGHTS.format(c=channels, o=16)))
    assert found == (("s", "g"), ((), 9 * channels, 16), (True, True, True))


def few_columns(left, right, terms=64, rows=100, columns=6):
    """The extents of rows and columns of a product whose operands have the terms k where they say."""
    shapes = {
        name: ",".join(str({"k": terms, "i": rows, "j": columns}[axis]) for axis in axes)
        for name, axes in (("x", left), ("w", right))
    }
    return said(
        roles_of(
            f"%x = input : f32[{shapes['x']}]\n%w = input : f32[{shapes['w']}]\n%y[i,j] = sum[k:{terms}] "
            f"%x[{','.join(left)}] * %w[{','.join(right)}] : f32[{rows},{columns}]\nreturn %y\n"
        )
    )[1][1:]


@pytest.mark.parametrize(
    ("left", "right", "sizes", "expected"),
    [
        ("ik", "jk", {}, (6, 100)),
        ("ik", "jk", {"rows": 7}, (6, 7)),
        ("ik", "jk", {"rows": 6}, (6, 6)),
        ("ik", "jk", {"columns": 13}, (100, 13)),
        ("ik", "jk", {"terms": 63}, (100, 6)),
        ("ik", "jk", {"rows": "n"}, ("n", 6)),
        ("ik", "kj", {}, (100, 6)),
        ("ki", "kj", {}, (6, 100)),
        ("ki", "kj", {"rows": 31}, (31, 6)),
        ("ki", "kj", {"terms": 31}, (100, 6)),
    ],
)
def test_few_columns_are_rows_where_the_others_fill_vectors(left, right, sizes, expected):
    assert tuple(map(str, few_columns(left, right, **sizes))) == tuple(map(str, expected))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("%x = input : f32[4,5]\n%y[i] = sum[j:5] %x[i,j] * %x[i,j] : f32[4]\n", "one of both operands"),
        ("%x = input : f32[5]\n%y[] = sum[i:5] %x[i] * %x[i] : f32[]\n", "one number"),
        ("%x = input : f32[4,5]\n%w = input : f64[5]\n%y[i] = sum[j:5] %x[i,j] * %w[j] : f64[4]\n", "dtype"),
    ],
)
def test_what_is_no_product_of_matrices_is_refused(text, reason):
    with pytest.raises(UnsupportedError, match=reason):
        roles_of(text + "return %y\n")
