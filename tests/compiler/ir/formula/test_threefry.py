"""The generator has the published values, and means the same in every arithmetic."""

import numpy as np
import pytest

from compiler.backends.reference.random_bits import random32, random64
from compiler.ir.formula.precise import mpmath_context, table
from compiler.ir.formula.threefry import of_numbers, signed

KNOWN = [
    (0x0000000000000000, 0x0000000000000000, 0x6B200159, 0x99BA4EFE),
    (0xFFFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF, 0x1CB996FC, 0xBB002BE7),
    (0x13198A2E03707344, 0x243F6A8885A308D3, 0xC4923A9C, 0x483DF7A0),
]
"""Key, counter and words of threefry2x32 in 20 rounds: Random123's file kat_vectors."""


@pytest.mark.parametrize(("key", "counter", "first", "second"), KNOWN)
def test_the_published_vectors(key, counter, first, second):
    assert of_numbers(key, counter) == (first, second)
    given = [np.array([x], np.uint64).view(np.int64) for x in (key, counter)]
    assert random64(*given).view(np.uint64)[0] == first << 32 | second
    assert random32(*given).view(np.uint32)[0] == first ^ second


@pytest.mark.parametrize("atom", [random32, random64], ids=lambda item: item.__name__)
def test_arrays_numbers_and_150_digits_agree(atom):
    mp, rng = mpmath_context(), np.random.default_rng(0)
    keys, counters = rng.integers(-(2**63), 2**63 - 1, (2, 20))
    width = 8 * atom(0, 0).itemsize
    for key, counter, found in zip(keys, counters, atom(keys, counters), strict=True):
        first, second = of_numbers(int(key), int(counter))
        assert found == signed(first ^ second if width == 32 else first << 32 | second, width)
        assert table()[atom.__name__](mp.mpf(int(key)), mp.mpf(int(counter))) == found


def test_keys_and_counters_broadcast():
    keys, counters = np.arange(3)[:, None], np.arange(4)
    found = random64(keys, counters)
    assert found.shape == (3, 4)
    np.testing.assert_array_equal(found[2], random64(2, counters))
    assert random32(1, 2).shape == ()


def test_a_pattern_is_a_signed_number():
    assert [signed(x, 8) for x in (0, 127, 128, 255)] == [0, 127, -128, -1]
