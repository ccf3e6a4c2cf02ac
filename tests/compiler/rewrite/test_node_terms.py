"""The terms of nodes do not show how an axis was kept, and show what must not be read through."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.rewrite.node_terms import NodeReader

X = tt.input("x", ("n", 3))


def key(reader: NodeReader, x: tt.Tensor) -> str:
    return reader.reading(x.node).term.key


COLUMNS = {
    "keepdims": lambda e: e.sum(1, keepdims=True),
    "None": lambda e: e.sum(1)[:, None],
    "unsqueeze": lambda e: e.sum(1).unsqueeze(-1),
    "reshape": lambda e: e.sum(1).reshape(-1, 1),
    "of a transpose": lambda e: e.T.sum(0).reshape(-1, 1),
    "in two steps": lambda e: e.reshape(-1, 3, 1).sum(2).sum(1)[:, None],
    "mean": lambda e: e.mean(1, keepdims=True) * 3,
    "product": lambda e: e @ tt.constant(np.ones((3, 1), np.float32)),
    "another exponential": lambda e: tt.exp(X.T).sum(0)[:, None],
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_of_sums_is_one_term(name):
    reader, e = NodeReader(), tt.exp(X)
    assert key(reader, COLUMNS[name](e)) == key(reader, COLUMNS["keepdims"](e))


def test_other_sums_are_other_terms():
    reader, e = NodeReader(), tt.exp(X)
    sums = [e.sum(1, keepdims=True), e.sum(0, keepdims=True), e.sum(), (e * e).sum(1), tt.exp(-X).sum(1)]
    assert len({key(reader, item) for item in sums}) == len(sums)


def test_a_sum_over_rows_of_a_transpose_is_not_one_of_the_value_itself():
    x, reader = tt.input("x", (3, 3)), NodeReader()
    assert key(reader, tt.exp(x).sum(1)) != key(reader, tt.exp(x.T).sum(1))


def test_nothing_is_read_through_what_is_kept_stopped_or_converted():
    e = tt.exp(X)
    assert key(NodeReader(), e).startswith("1 e^[")
    for reader, value in (
        (NodeReader({e.node}), e),
        (NodeReader(), tt.stop_gradient(e)),
        (NodeReader(), e.astype("float64")),
    ):
        assert "e^[" not in key(reader, value).split("stop")[0]


@pytest.mark.parametrize(
    ("shift", "is_shifted"),
    [
        (lambda: X.max(1, keepdims=True), True),
        (lambda: X.max(1)[:, None], True),
        (lambda: tt.stop_gradient(X.T.max(0).unsqueeze(1)), True),
        (lambda: X.max(0), False),
        (lambda: X.max(), False),
        (lambda: X.min(1, keepdims=True), False),
        (lambda: (-X).max(1, keepdims=True), False),
    ],
)
def test_a_sum_is_shifted_by_the_largest_exponent_of_its_own_row(shift, is_shifted):
    reader, total = NodeReader(), tt.exp(X - shift()).sum(1)
    assert reader.reading(total.node).is_hot is not is_shifted


def test_our_softmax_overflows_nowhere():
    reader, p = NodeReader(), tt.softmax(X)
    assert not reader.reading(p.node).is_hot
    e = tt.exp(X)
    assert key(reader, p) == key(reader, e / e.sum(1, keepdims=True))
    assert reader.reading(e.node).is_hot
