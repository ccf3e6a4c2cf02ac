"""Large constants are equal by all their bytes, and none of them is copied for it."""

import numpy as np

from compiler.ir.content import Content
from compiler.ir.leaf import FEW_BYTES, constant_of
from compiler.ir.types import FLOAT32
from compiler.rewrite.reading import only_value


def large():
    return np.arange(FEW_BYTES, dtype=np.float32)


def test_contents_are_equal_by_every_byte():
    one, other = large(), large()
    other[FEW_BYTES // 2 + 1] += 1
    assert Content(one) == Content(one.copy())
    assert Content(one) != Content(other)
    assert Content(one) != Content(one[:-1])
    assert hash(Content(one)) == hash(Content(one.copy()))
    assert len(Content(one)) == one.nbytes
    assert Content(one)[-4:] == one[-1:].tobytes()


def test_large_constants_are_equal_and_small_ones():
    for array in (large(), large()[:7]):
        changed = array + 1
        assert constant_of(array, FLOAT32) == constant_of(array, FLOAT32)
        assert hash(constant_of(array, FLOAT32)) == hash(constant_of(array, FLOAT32))
        assert constant_of(array, FLOAT32) != constant_of(changed, FLOAT32)
    assert constant_of(large(), FLOAT32) != constant_of(large().reshape(2, -1), FLOAT32)


def test_the_one_number_of_a_large_constant_is_known():
    threes = np.full(FEW_BYTES, 3, np.float32)
    assert only_value(constant_of(threes, FLOAT32)) == 3
    threes[FEW_BYTES // 2] = 4
    assert only_value(constant_of(threes, FLOAT32)) is None
