"""Loops over the same columns become one, and what they passed in a room goes through registers."""

import numpy as np
import pytest

from compiler.loops.handing import hand_on
from compiler.loops.source import source
from compiler.loops.verify import verify
from tests.compiler.loops.interpreter import run
from tests.compiler.loops.reading import NAMING, read_kernel

BEFORE = """\
%x : f32 at input %x
%y : f32 at output 0
room0 : f64 at room[16]
for chunk in chunks:
    for i in 0 .. 4:
        for j in 0 .. 9:
            room0[j] = 0.0
        for j in 0 .. 9:
            t0 : f64 = room0[j]
            for k in 0 .. 3:
                next t0 = t0 + f64(%x[27*i + 9*k + j])
            room0[j] = t0
        for j in 0 .. 9:
            %y[9*i + j] = f32(room0[j])
"""

AFTER = """\
%x : f32 at input %x
%y : f32 at output 0
for chunk in chunks:
    for i in 0 .. 4:
        for j in 0 .. 9:
            t0 : f64 = 0.0
            for k in 0 .. 3:
                next t0 = t0 + f64(%x[27*i + 9*k + j])
            %y[9*i + j] = f32(t0)
"""


def test_before_and_after():
    kernel = hand_on(read_kernel(BEFORE))
    verify(kernel)
    assert source(kernel, NAMING) == AFTER
    x, found = np.random.default_rng(0).standard_normal((4, 3, 9)).astype(np.float32), []
    for item in (read_kernel(BEFORE), kernel):
        y = np.zeros((4, 9), np.float32)
        run(item, x, y)
        found.append(y)
    assert found[0].tobytes() == found[1].tobytes()
    np.testing.assert_array_equal(found[0], x.astype(np.float64).sum(1).astype(np.float32))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "        for j in 0 .. 9:\n            room0[j] = 0.0",
            "        for j in 0 .. 8:\n            room0[j] = 0.0",
        ),
        ("room0[j] = 0.0", "room0[2*j] = 0.0"),
        ("            room0[j] = 0.0", "            room0[j] = 0.0\n            %y[j] = 1.0"),
        ("%y : f32 at output 0", "%y : f32 at output 0, overlapping"),
    ],
)
def test_loops_that_pass_more_than_that_stay_apart(old, new):
    """Another extent, another place, memory that is no room; what is left is as it was."""
    text = BEFORE.replace(old, new)
    kernel = read_kernel(text)
    found = source(hand_on(kernel), NAMING)
    assert "room0[" in found
    assert found.count("for j") > 1


def test_a_kernel_without_rooms_is_left_alone():
    kernel = read_kernel(AFTER)
    assert hand_on(kernel) is kernel


CUT = """\
%x : f32 at input %x
%y : f32 at output 0
room0 : f32 at room[512]
for chunk in chunks:
    for i in 0 .. 4:
        for j in 0 .. 500:
            room0[j] = tanh(%x[500*i + j])
        for j in 0 .. 500:
            %y[500*i + j] = tanh(room0[j])
"""


def test_a_chain_that_was_cut_stays_cut():
    kernel = read_kernel(CUT)
    assert source(hand_on(kernel), NAMING) == source(kernel, NAMING)
