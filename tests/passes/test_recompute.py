"""Draws are made again where their readers lie apart, and kept where nothing is gained."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.rewrite.refusal import Reason
from compiler.schedule.memory import Kind
from passes.recompute import Recompute
from tests.backends import FAST
from tests.passes.before_after import check_change, check_no_change, reasons
from tests.passes.before_after import rewritten as rewritten_text

RECOMPUTE = Recompute()
MASK = """
    op uniform(key, i, j, nj) = (random32(key, i * nj + j) >> 9 & 8388607) * 1.1920928955078125e-07
    %key = input : i64[]
    %x = input : f32[n,8]
    %w = input : f32[8,8]
    %u[i,j] = uniform(%key[], i, j, 8) : f32[n,8]
    %m = lt(%u, 0.5) : bool[n,8]
"""


def test_no_change_without_draws():
    check_no_change(
        RECOMPUTE,
        """
        %x = input : f32[n,8]
        %y = exp(%x) : f32[n,8]
        %s = cumsum(%y, axis=0, reverse=false) : f32[n,8]
        %z = mul(%s, %y) : f32[n,8]
        return %z
        """,
    )


def test_no_change_where_a_draw_has_one_reader():
    check_no_change(RECOMPUTE, f"{MASK}    %y = where(%m, %x, 0.0) : f32[n,8]\n    return %y\n")


def test_many_readers_at_one_depth_share_a_draw():
    lines = [f"    %y{k} = where(%m, %x, {k}.0) : f32[n,8]\n" for k in range(5)]
    returned = "    return %y0, %y1, %y2, %y3, %y4\n"
    check_no_change(RECOMPUTE, MASK + "".join(lines) + returned)
    _, after, _ = rewritten_text(Recompute(most_places=5), MASK + "".join(lines) + returned)
    assert str(after).count("= lt(") == 5


def test_a_mask_is_drawn_again_with_what_it_is_made_of():
    report = check_change(
        RECOMPUTE,
        f"""{MASK}
    %y = where(%m, %x, 0.0) : f32[n,8]
    %h[i,j] = sum[k:8] %y[i,k] * %w[k,j] : f32[n,8]
    %z = where(%m, %h, 0.0) : f32[n,8]
    return %z
        """,
        """
    op uniform(key, i, j, nj) = (random32(key, i * nj + j) >> 9 & 8388607) * 1.1920928955078125e-07
    %key = input : i64[]
    %x = input : f32[n,8]
    %w = input : f32[8,8]
    %u[i,j] = uniform(%key[], i, j, 8) : f32[n,8]
    %m = lt(%u, 0.5) : bool[n,8]
    %y = where(%m, %x, 0.0) : f32[n,8]
    %h[i,j] = sum[k:8] %y[i,k] * %w[k,j] : f32[n,8]
    %0[i,j] = uniform(%key[], i, j, 8) : f32[n,8]
    %1 = lt(%0, 0.5) : bool[n,8]
    %z = where(%1, %h, 0.0) : f32[n,8]
    return %z
""",
    )
    assert sorted(str(action).split(" : ")[0] for action in report.actions) == ["%m", "%u"]
    assert all("drawn 2 times rather than kept" in str(action) for action in report.actions)


def test_each_reader_has_the_draw_of_its_own_place():
    """Of two draws from the same bits one is read early and late, the other only late."""
    _, after, _ = rewritten_text(
        RECOMPUTE,
        f"""{MASK}
    %v = mul(%u, 2.0) : f32[n,8]
    %y = where(%m, %x, 0.0) : f32[n,8]
    %h[i,j] = sum[k:8] %y[i,k] * %w[k,j] : f32[n,8]
    %z = mul(%v, %h) : f32[n,8]
    return %z
        """,
    )
    text = str(after)
    assert text.count("= uniform(") == 2
    assert text.count("= lt(") == 1
    assert "%v = mul(%0, 2.0)" in text.replace("%u", "%0") or "%v = mul(%" in text
    v = next(node for node in after.nodes if node.name == "v")
    assert v.operands[0].name != "u"


KEPT = {
    "returned": (
        f"""{MASK}
    %y = where(%m, %x, 0.0) : f32[n,8]
    %h[i,j] = sum[k:8] %y[i,k] * %w[k,j] : f32[n,8]
    %z = where(%m, %h, 0.0) : f32[n,8]
    return %z, %m
        """,
        Reason.RETURNED,
    ),
    "read by a contraction": (
        f"""{MASK}
    %h[i,j] = sum[k:8] %u[i,k] * %w[k,j] : f32[n,8]
    %z = mul(%u, %h) : f32[n,8]
    return %z
        """,
        Reason.OWN_NEST,
    ),
}


@pytest.mark.parametrize("case", KEPT)
def test_what_is_in_memory_anyway_is_read_from_there(case):
    text, reason = KEPT[case]
    assert reason in reasons(check_no_change(RECOMPUTE, text))


def test_a_draw_that_is_read_at_many_places_is_kept():
    text = MASK + "    %h0 = where(%m, %x, 0.0) : f32[n,8]\n"
    for step in range(5):
        text += f"    %p{step}[i,j] = sum[k:8] %h{step}[i,k] * %w[k,j] : f32[n,8]\n"
        text += f"    %h{step + 1} = where(%m, %p{step}, 0.0) : f32[n,8]\n"
    text += "    return %h5\n"
    assert reasons(check_no_change(RECOMPUTE, text)) == [Reason.NOT_FASTER]
    _, after, report = rewritten_text(Recompute(most_places=6), text)
    assert str(after).count("= uniform(") == 6
    assert not report.refusals


@pytest.mark.parametrize("backend", FAST)
def test_masks_of_the_forward_and_the_backward_pass_are_not_saved(backend):
    x, key = tt.input("x", ("n", 64)), tt.input("key", (), "int64")
    w = tt.parameter(np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32) / 8, "w")
    h = x
    for layer in range(3):
        kept = tt.random.bernoulli(tt.random.fold_in(key, layer), 0.8, h.shape)
        h = tt.where(kept, tt.tanh(h @ w) / 0.8, 0.0)
    results = [h.sum(), tt.grad(h.sum(), w)]
    drawn = tt.compile([x, key], results, backend=backend)
    without = tt.default_passes(without=("recompute",))
    stored = tt.compile([x, key], results, backend=backend, passes=without)
    data = np.random.default_rng(1).standard_normal((30, 64)).astype(np.float32)
    for left, right in zip(drawn(data, 5), stored(data, 5), strict=True):
        np.testing.assert_array_equal(left, right)

    kept = [item for item in stored.memory.holders if item.value.type.dtype == "bool"]
    assert sum(item.kind is Kind.SAVED for item in kept) >= 2
    assert not [item for item in drawn.memory.holders if item.value.type.dtype == "bool"]
