"""Windows with steps over an axis of `4*m`: as many as over the number, and the same values and slopes."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.ir.dims import divide_down, parse_extent

WEIGHT = np.random.default_rng(0).normal(size=(3, 2, 3, 3)).astype(np.float32)

CASES = {
    "convolution": (lambda x: tt.conv2d(x, tt.constant(WEIGHT), stride=2, padding=1), "(1, 3, 2*m, 3)"),
    "dilated": (
        lambda x: tt.conv2d(x, tt.constant(WEIGHT), stride=(4, 1), padding=2, dilation=2),
        "(1, 3, m, 5)",
    ),
    "largest": (lambda x: tt.max_pool2d(x, 3, 2, 1), "(1, 2, 2*m, 3)"),
    "largest, the last one too": (lambda x: tt.max_pool2d(x, 3, 2, ceil_mode=True), "(1, 2, 2*m, 2)"),
    "mean, the last one too": (
        lambda x: tt.avg_pool2d(x, (2, 3), (4, 2), 1, ceil_mode=True),
        "(1, 2, m+1, 3)",
    ),
    "windows": (lambda x: tt.sliding_window(x, 3, 2, 4), "(1, 2, m, 5, 3)"),
}


@pytest.mark.parametrize("case", CASES)
def test_windows_of_a_multiple_are_those_of_the_number(case):
    function, shape = CASES[case]
    x = tt.input("x", (1, 2, "4*m", 5))
    y = function(x)
    assert str(y.shape) == shape
    program = tt.compile([x], [y, tt.grad((y * y).sum(), x)])
    for m in (1, 3):
        array = np.random.default_rng(m).normal(size=(1, 2, 4 * m, 5)).astype(np.float32)
        fixed = tt.input("x", array.shape)
        z = function(fixed)
        wanted = tt.compile([fixed], [z, tt.grad((z * z).sum(), fixed)])(array)
        for found, expected in zip(program(array), wanted, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("text", "divisor", "quotient", "rest"),
    [("2*m-1", 2, "m-1", 1), ("6*m*n+4", 3, "2*m*n+1", 1), ("4*m", 4, "m", 0)],
)
def test_polynomials_are_divided_down_where_all_but_the_constant_term_is_divisible(
    text, divisor, quotient, rest
):
    assert divide_down(parse_extent(text), divisor) == (parse_extent(quotient), rest)
    assert divide_down(parse_extent(text), 5) is None
