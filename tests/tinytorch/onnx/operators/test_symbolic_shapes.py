"""Shapes that are computed from shapes stay extents, and what is computed with them is the standard's."""

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

import tinytorch as tt
from tests.tinytorch.onnx.models import parsed

HEAD = "g (float[n, 4, h] x) => ({kind}[a] y) "
NUMBERS = """
    at0 = Constant<value_ints = [0]>()
    at1 = Constant<value_ints = [1]>()
    at2 = Constant<value_ints = [2]>()
    last = Constant<value_ints = [-1]>()
    two = Constant<value_ints = [2]>()
    four = Constant<value_ints = [4]>()
    zero = Constant<value_int = 0>()
    one = Constant<value_int = 1>()
    nine = Constant<value_int = 9>()
    most = Constant<value_ints = [9223372036854775807]>()
    least = Constant<value_ints = [-9223372036854775807]>()
    s = Shape(x)
    n = Gather(s, at0)
    h = Gather(s, at2)
"""

CASES = {
    "0 keeps an extent, -1 is the rest": (
        "w = Constant<value_ints = [0, -1]>() y = Reshape(x, w)",
        "(n, 4*h)",
    ),
    "a batch of heads": ("w = Concat<axis = 0>(n, two, two, h) y = Reshape(x, w)", "(n, 2, 2, h)"),
    "flattened in the middle": ("y = Flatten<axis = 2>(x)", "(4*n, h)"),
    "expanded to what a shape and ones make": (
        """row = ReduceSum<keepdims = 1>(x, at2) minus = Constant<value_ints = [-1, -1, 5]>()
        is = Equal(minus, last) ones = ConstantOfShape<value = int64[1] {1}>(at1) w = Where(is, ones, minus)
        y = Expand(row, w)""",
        "(n, 4, 5)",
    ),
    "expanded along a batch": (
        "v = Constant<value_float = 2.0>() w = Concat<axis = 0>(n, four) y = Expand(v, w)",
        "(n, 4)",
    ),
    "beside itself": ("w = Constant<value_ints = [2, 1, 3]>() y = Tile(x, w)", "(2*n, 4, 3*h)"),
    "beside itself as often as the batch": (
        "w = Concat<axis = 0>(n, at1, at1) y = Tile(x, w)",
        "(n^2, 4, h)",
    ),
    "turned round": ("y = Slice(x, last, least, at2, last)", "(n, 4, h)"),
    "up to ends beyond the end": ("y = Slice(x, at1, most, at2)", "(n, 4, h-1)"),
    "up to an extent less one": ("e = Sub(h, at1) y = Slice(x, at0, e, at2)", "(n, 4, h-1)"),
    "a table up to the batch": (
        "t = Range(zero, nine, one) p = Slice(t, at0, n, at0) y = Cast<to = 1>(p)",
        "(n,)",
    ),
    "a table from the batch back": (
        "t = Range(zero, nine, one) p = Slice(t, n, least, at0, last) y = Cast<to = 1>(p)",
        "(n+1,)",
    ),
    "the first of a batch": ("p = Slice(x, at0, at1, at0) y = Squeeze(p, at0)", "(4, h)"),
    "the last but one": ("minus = Constant<value_ints = [-2]>() y = Slice(x, minus, last, at2)", "(n, 4, 1)"),
    "places of ones": (
        "o = ConstantOfShape<value = int64[1] {1}>(h) p = NonZero(o) q = Squeeze(p, at0) y = Cast<to = 1>(q)",
        "(h,)",
    ),
    "the last half of a doubled axis": (
        """d = Concat<axis = 2>(x, x) sd = Shape<start = 2>(d) k = Div(sd, two)
        y = Slice(d, k, most, at2)""",
        "(n, 4, h)",
    ),
    "split in the middle": ("y, z = Split<axis = 1, num_outputs = 2>(x)", "(n, 2, h)"),
    "padded by a mirror": (
        'w = Constant<value_ints = [0, 0, 1, 0, 0, 2]>() y = Pad<mode = "reflect">(x, w)',
        "(n, 4, h+3)",
    ),
    "padded up to twice": (
        """w = Concat<axis = 0>(at0, at0, at0, at0, at0, h) z = Constant<value_float = 7.0>()
        y = Pad(x, w, z)""",
        "(n, 4, 2*h)",
    ),
    "numbers of a batch": (
        """e = Squeeze(n, at0)
        r = Range(zero, e, one) y = Cast<to = 1>(r)""",
        "(n,)",
    ),
    "scaled as a float": (
        """f = Cast<to = 1>(h) k = Constant<value_float = 2.0>() m = Mul(f, k) g = Floor(m)
        e = Cast<to = 7>(g) w = Concat<axis = 0>(n, four, e) v = Concat<axis = 2>(x, x) y = Reshape(v, w)""",
        "(n, 4, 2*h)",
    ),
    "rounded up, of a whole": (
        """k = Constant<value_ints = [7]>() f = Mul(n, four) g = Add(f, k) q = Div(g, four) r = Mod(g, four)
        w = Concat<axis = 0>(q, r) z = Constant<value_float = 1.0>() y = Expand(z, w)""",
        "(n+1, 3)",
    ),
    "put together by scatters and reductions": (
        """i = Constant<value = int64[1, 1] {1}>() u = Constant<value = int64[1] {1}>()
        w = ScatterND(s, i, u) p = ReduceProd<keepdims = 1>(w)
        v = Constant<value_floats = [3.0]>() y = Expand(v, p)""",
        "(h*n,)",
    ),
    "what is larger for every batch": (
        """m = Max(n, at0) q = Add(n, at1) g = Greater(q, n) k = Where(g, q, m)
        v = Constant<value_floats = [3.0]>() y = Expand(v, k)""",
        "(n+1,)",
    ),
    "as data": (
        "f = Cast<to = 1>(h) r = Sqrt(f) q = Div(x, r) e = Shape(q) g = Cast<to = 1>(e) y = Div(g, r)",
        "(3,)",
    ),
    "no polynomial, as data": ("q = Div(h, two) f = Cast<to = 1>(q) y = Mul(x, f)", "(n, 4, h)"),
}


@pytest.mark.parametrize("case", CASES)
def test_extents_stay_symbolic(case):
    body, shape = CASES[case]
    text = parsed(HEAD.format(kind="float") + "{" + NUMBERS + body + "}")
    model = tt.onnx.load(text)
    assert str(model.outputs[0].shape) == shape
    predict = model.compile(backend="numpy")
    for n, h in ((1, 5), (3, 4)):
        x = np.random.default_rng(0).normal(size=(n, 4, h)).astype(np.float32)
        (wanted,) = ReferenceEvaluator(text).run(None, {"x": x})
        np.testing.assert_allclose(predict(x), wanted, rtol=1e-6)


def test_a_shape_that_is_no_polynomial_names_the_extent_to_fix():
    body = "q = Div(h, two) w = Concat<axis = 0>(n, q, last) y = Reshape(x, w)"
    text = parsed(HEAD.format(kind="float") + "{" + NUMBERS + body + "}")
    with pytest.raises(
        tt.UnsupportedOperatorError, match=r"(?s)no polynomial of h, n\n.*dims=\{'h': number\}"
    ):
        tt.onnx.load(text)
    for h, shape in ((6, "(n, 3, 8)"), ("2*m", "(n, m, 8)")):
        assert str(tt.onnx.load(text, dims={"h": h}).outputs[0].shape) == shape
    text = parsed(HEAD.format(kind="float") + "{" + NUMBERS + "y = Slice(x, at0, most, at2, two)}")
    with pytest.raises(tt.UnsupportedOperatorError, match=r"by 2 is no polynomial of h\n.*dims=\{'h'"):
        tt.onnx.load(text)


def test_a_shape_that_an_input_gives_is_asked_for():
    text = parsed("g (float[n, 4] x, int64[2] w) => (float[a, b] y) { y = Reshape(x, w) }")
    with pytest.raises(tt.UnsupportedOperatorError, match=r"(?s)input extents.*'w'.*known=\{'w': array\}"):
        tt.onnx.load(text)
    assert str(tt.onnx.load(text, known={"w": np.array([2, -1])}).outputs[0].shape) == "(2, 2*n)"


RESIZED = """
g (float[1, 2, h, w] x) => (float[a, b, c, d] y) <float[4] scales = {{1, 1, {0}, 2}}> {{
    y = Resize<mode = "{1}", coordinate_transformation_mode = "{2}">(x, , scales)
}}
"""


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("transformation", ["half_pixel", "pytorch_half_pixel", "asymmetric"])
@pytest.mark.parametrize("times", [2, 3])
def test_images_of_any_size_are_enlarged_as_those_of_known_ones(mode, transformation, times):
    model = parsed(RESIZED.format(times, mode, transformation))
    found = tt.onnx.load(model)
    assert [str(item.shape) for item in found.outputs] == [f"(1, 2, {times}*h, 2*w)"]
    program = found.compile()
    for rows, columns in ((5, 4), (1, 3)):
        x = np.random.default_rng(rows).normal(size=(1, 2, rows, columns)).astype(np.float32)
        wanted = tt.onnx.load(model, dims={"h": rows, "w": columns}).compile()(x)
        np.testing.assert_allclose(program(x), wanted, atol=2e-6)


def test_a_transformation_that_asks_for_a_length_is_refused_where_that_is_symbolic():
    with pytest.raises(
        tt.UnsupportedOperatorError, match=r"align_corners asks .* which is h\n.*dims=\{'h': 224"
    ):
        tt.onnx.load(parsed(RESIZED.format(2, "linear", "align_corners")))
