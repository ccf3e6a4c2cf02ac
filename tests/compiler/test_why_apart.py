"""Why two values are not in one kernel, or not in one buffer."""

import json

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError
from compiler.rewrite.refusal import Reason
from tinytorch.testing import PROGRAMS


def codes(causes):
    return [item.reason for item in causes]


def network(**options):
    x = tt.input("x", ("n", 8))
    w = tt.parameter(np.eye(8, dtype=np.float32), "w")
    h = (tt.tanh(x) * 2.0).named("h")
    p = (h @ w).named("p")
    y = tt.softmax(p).named("y")
    return tt.compile([x], y, backend="numpy", **options), h, p, y


def test_a_refusal_between_their_kernels_is_told_with_whom():
    program, h, p, _ = network()
    found = program.why(h, p)
    assert not found.in_one_kernel
    (cause,) = found.kernel_causes
    assert cause.maker == "fuse_elementwise"
    assert cause.reason is Reason.OWN_NEST
    assert cause.names == ("%h", "%p")
    assert "has a nest of its own" in cause.sentence
    assert "fuse_elementwise: OWN_NEST, " in str(found)


def test_the_kernel_between_is_named_with_what_it_computes():
    program, h, _, y = network()
    for pair in ((h, y), ("y", "%h"), (program.schedule.kernels[0], "kernel 2")):
        found = program.why(*pair)
        assert sorted(found.kernels) == [0, 2]
        between, *refused = found.kernel_causes
        assert between.sentence == "kernel 1 stands between them"
        assert between.names == ("%p",)
        assert Reason.OWN_NEST in codes(refused)
        assert "between kernels 0 and 1: " in refused[0].sentence


def test_what_is_together_says_so():
    program, h, _, _ = network()
    tanh = program.graph.nodes[2]
    found = program.why(h, tanh)
    assert found.in_one_kernel
    assert found.kernel_causes == ()
    assert "both in kernel 0" in str(found)
    assert "in two places: " in str(found)
    assert found.buffer_causes[0].sentence == "it never leaves its kernel: it has no memory"


def test_what_has_nothing_in_common():
    x, y = tt.input("x", (4,)), tt.input("y", (4,))
    program = tt.compile([x, y], [tt.exp(x).named("a"), tt.tanh(y).named("b")], backend="numpy")
    (cause,) = program.why("a", "b").kernel_causes
    assert "neither is made from the other" in cause.sentence


def test_loops_that_differ_and_passes_that_do_not_run():
    x = tt.input("x", (4, 4))
    a, c = tt.exp(x).named("a"), x.sum((0, 1)).named("c")
    program = tt.compile([x], [a, c], backend="numpy", passes=())
    (cause,) = program.why("a", c).kernel_causes
    assert cause.sentence == "both read one value, but no pass that ran has tried to join them"
    assert cause.names == ("%x",)
    product = (x @ x).named("product")
    program = tt.compile([x], [a, product], backend="numpy", passes=())
    (cause,) = program.why("a", "product").kernel_causes
    assert cause.reason is Reason.OWN_NEST
    x = tt.input("x", (4,))
    program = tt.compile([x], tt.exp(tt.tanh(x).named("a")).named("b"), backend="numpy", passes=())
    (cause,) = program.why("a", "b").kernel_causes
    assert cause.sentence == "one reads the other, but no pass that ran has tried to join them"


def test_a_backend_that_joins_nothing_says_so():
    x = tt.input("x", (4,))
    program = tt.compile([x], tt.exp(tt.tanh(x).named("a")).named("b"), backend="reference")
    assert set(codes(program.why("a", "b").kernel_causes)) == {Reason.TARGET_CANNOT}
    assert "the backend runs one node at a time" in str(program.why("a", "b"))


def test_what_is_given_or_gone_is_in_no_kernel():
    x = tt.input("x", (4,))
    one, two = tt.tanh(x).named("one"), (x * 1.0).named("two")
    program = tt.compile([x], [one + 0.0, two * 3.0], backend="numpy")
    found = program.why(x, one)
    assert "it is given, as input, and no kernel computes it" in str(found)
    folded = (tt.constant([1.0] * 4) * 2.0).named("folded")
    program = tt.compile([x], [one, x + tt.sqrt(folded)], backend="numpy")
    found = program.why(one, folded)
    assert found.kernels[1] is None
    assert "nothing stands for it in the rewritten graph (%folded)" in str(found)


def test_buffers_whose_lives_overlap_name_the_reader():
    x = tt.input("x", ("n", 4))
    a = tt.exp(x @ x.T).named("a")
    b = (a @ a).named("b")
    c = (b @ a).named("c")
    program = tt.compile([x], (c @ c).sum(), backend="numpy", passes=())
    found = program.why(a, b)
    assert not found.in_one_buffer
    (cause,) = found.buffer_causes
    assert "%a is needed until kernel " in cause.sentence
    assert "%c" in cause.names
    assert found.places == (program.plan[a], program.plan[b])


def test_one_buffer_in_place_by_a_view_and_one_after_the_other():
    x = tt.input("x", (4, 4))
    a = (x @ x).named("a")
    b = (tt.exp(a) * 2.0).named("b")
    program = tt.compile([x], (b @ b).named("c"), backend="numpy", passes=("inplace",))
    exp = program.graph.nodes[2]
    found = program.why(a, exp)
    assert found.in_one_buffer
    assert "written over" in str(found)
    view = a.T.named("v")
    program = tt.compile([x], (view @ a).named("c"), backend="numpy", passes=())
    assert program.why("v", "a").in_one_buffer
    assert "is a view of" in str(program.why("v", "a"))


def test_what_in_place_refused_is_part_of_the_answer():
    x = tt.input("x", ("n", 4))
    column = tt.exp(x.sum(1, keepdims=True)).named("column")
    table = (column * column.T).named("table")
    program = tt.compile([x], tt.exp(table) * 2.0, backend="numpy", passes=("inplace",))
    found = program.why(column, table)
    assert Reason.NOT_DENSE in codes(found.buffer_causes)
    assert "another number of bytes" in str(found)
    y = program.graph.outputs[0]
    outputs = program.why(table, y).buffer_causes
    assert "output 0" in outputs[0].sentence
    assert Reason.RETURNED in codes(outputs)


@pytest.mark.parametrize("name", ["training step", "rows", "layouts", "updates", "shared buffers"])
def test_every_pair_has_an_answer_that_json_can_hold(name):
    made = PROGRAMS[name]()
    program = tt.compile(made.inputs, made.outputs, updates=made.updates, backend="numpy")
    nodes = program.source_graph.nodes
    for one in nodes[:: max(1, len(nodes) // 12)]:
        for other in nodes[:: max(1, len(nodes) // 15)]:
            found = program.why(one, other)
            assert json.loads(json.dumps(found.to_dict()))["in_one_kernel"] == found.in_one_kernel
            assert found.in_one_kernel or found.kernel_causes
            assert found.in_one_buffer or found.buffer_causes
            assert str(found) == repr(found)


def test_a_stranger_is_an_error():
    program, h, _, _ = network()
    with pytest.raises(ArgumentError, match="no value of this program is called 'q'"):
        program.why(h, "q")
    with pytest.raises(ArgumentError, match="no kernel 'kernel 9'"):
        program.why("kernel 9", h)


def test_why_of_one_value_tells_each_refusal_once():
    x = tt.input("x", ("n", 6))
    h = tt.exp(x).named("h")
    outputs = [(h @ h.T).named(f"p{k}") * 1.0 for k in range(3)] + [h[:, ::2] + 1.0]
    program = tt.compile([x], outputs, backend="numpy", passes=("fuse_elementwise",))
    text = str(program.why(h))
    assert text.count("OWN_NEST") == 1
    assert all(f"%p{k}" in text for k in range(3))
