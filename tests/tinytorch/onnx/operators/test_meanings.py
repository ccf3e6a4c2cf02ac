"""Where the standard, NumPy and PyTorch part: integers, dtypes, NaN, indices from the end, older opsets."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

import tinytorch as tt
from tests.tinytorch.onnx.models import parsed


def outputs(name, *arrays, opset=21, count=1, known=(), **attributes):
    """What a model of one node makes of arrays; those at the places `known` are given when it is built."""
    names = [f"x{k}" for k in range(len(arrays))]
    results = [f"y{k}" for k in range(count)]
    node = helper.make_node(name, names, results, **attributes)
    infos = [
        helper.make_tensor_value_info(item, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for item, array in zip(names, arrays, strict=True)
    ]
    values = [helper.make_tensor_value_info(item, TensorProto.UNDEFINED, None) for item in results]
    model = helper.make_model(
        helper.make_graph([node], "one", infos, values), opset_imports=[helper.make_opsetid("", opset)]
    )
    model.ir_version = 10
    found = tt.onnx.load(model, known={names[k]: arrays[k] for k in known})
    given = [array for k, array in enumerate(arrays) if k not in known]
    result = found.compile(backend="numpy")(*given)
    return model, dict(zip(names, arrays, strict=True)), result


def ints(*items, dtype=np.int64):
    return np.array(items, dtype=dtype)


def floats(*items, dtype=np.float32):
    return np.array(items, dtype=dtype)


ROWS = {
    "quotients towards 0": ("Div", [ints(7, -7, 7, -7), ints(2, 2, -2, -2)], {}, ints(3, -3, -3, 3)),
    "remainders of the divisor": ("Mod", [ints(7, -7, 7, -7), ints(3, 3, -3, -3)], {}, ints(1, 2, -2, -1)),
    "remainders of the dividend": (
        "Mod", [ints(7, -7, 7, -7), ints(3, 3, -3, -3)], {"fmod": 1}, ints(1, -1, 1, -1),
    ),
    "powers of integers by floats": (
        "Pow", [ints(2**30, 3, 9, dtype=np.int32), floats(1, 2, 0.5)], {}, ints(2**30, 9, 3, dtype=np.int32),
    ),
    "powers of floats by integers": (
        "Pow", [floats(2, -3, dtype=np.float16), ints(3, 3)], {}, floats(8, -27, dtype=np.float16),
    ),
    "sums of narrow integers wrap": (
        "ReduceSum", [ints(2**31 - 1, 1, dtype=np.int32), ints(0)], {}, ints(-(2**31), dtype=np.int32),
    ),
    "means of integers": ("ReduceMean", [ints(-4, -3), ints(0)], {}, ints(-3)),
    "a mean rounded once": (
        "ReduceMean", [floats(60000, 60000, 30000, dtype=np.float16), ints(0)], {},
        floats(50000, dtype=np.float16),
    ),
    "the largest of nothing": (
        "ReduceMax", [np.zeros((0, 2), np.int32), ints(0)], {"keepdims": 0},
        np.full(2, np.iinfo(np.int32).min, np.int32),
    ),
    "NaN is largest": ("Max", [floats(1, np.nan), floats(np.nan, 0)], {}, floats(np.nan, np.nan)),
    "the upper bound wins": ("Clip", [floats(1, 5), floats(3)[0], floats(2)[0]], {}, floats(2, 2)),
    "integers between bounds": (
        "Clip", [ints(-9, 9, dtype=np.int8), ints(-5, dtype=np.int8)[0]], {}, ints(-5, 9, dtype=np.int8),
    ),
    "products of integers": (
        "MatMul", [np.full((1, 2), 2**20, np.int32), np.full((2, 1), 2**12, np.int32)], {},
        np.full((1, 1), -(2**31) + 2**31, np.int32),
    ),
    "indices from the end": ("Gather", [floats(1, 2, 3), ints(-1, 0, -3)], {}, floats(3, 1, 1)),
    "elements from the end": (
        "GatherElements", [floats([1, 2], [3, 4]), ints([-1, -2])], {"axis": 1}, floats([2, 1]),
    ),
    "tuples from the end": ("GatherND", [floats([1, 2], [3, 4]), ints([-1, 0])], {}, floats(3)),
    "added from the end": (
        "ScatterND", [floats(1, 2, 3), ints([-1], [0], [2]), floats(10, 20, 30)], {"reduction": "add"},
        floats(21, 2, 43),
    ),
    "classes from the end and of nothing": (
        "OneHot", [ints(-1, 5, 0), ints(2), floats(-1, 1)], {}, floats([-1, 1], [-1, -1], [1, -1]),
    ),
    "the last of equal ones": (
        "ArgMax", [floats(3, 1, 3)], {"select_last_index": 1, "axis": 0}, ints(2),
    ),
    "half to even": ("Round", [floats(0.5, 1.5, -2.5)], {}, floats(0, 2, -2)),
    "floats as integers, towards 0": ("Cast", [floats(-1.9, 1.9)], {"to": 7}, ints(-1, 1)),
    "a cast rounded once": (
        "Cast", [np.array([1 + 2**-11 + 2**-40, 1 + 3 * 2**-11 - 2**-40, 1 + 2**-11, 0.1, 1e5])], {"to": 10},
        np.array([1 + 2**-11 + 2**-40, 1 + 3 * 2**-11 - 2**-40, 1 + 2**-11, 0.1, np.inf]).astype(np.float16),
    ),
    "what is not 0 is true": (
        "Cast", [floats(0, -0.0, 0.1, np.nan)], {"to": 9}, np.array([False, False, True, True]),
    ),
    "bits past the width": (
        "BitShift", [ints(3, 255, dtype=np.uint8), ints(7, 9, dtype=np.uint8)], {"direction": "LEFT"},
        ints(128, 0, dtype=np.uint8),
    ),
    "sums before each": (
        "CumSum", [floats(1, 2, 3), ints(0)[0]], {"exclusive": 1, "reverse": 1}, floats(5, 3, 0),
    ),
    "a mirror that comes again": (
        "Pad", [floats(1, 2, 3), ints(4, 0)], {"mode": "reflect"}, floats(1, 2, 3, 2, 1, 2, 3),
    ),
    "padded with less": ("Pad", [ints(1, 2, 3), ints(-1, 1), ints(2**60)], {}, ints(2, 3, 2**60)),
    "rows in reverse, as many as each says": (
        "ReverseSequence", [floats([1, 2, 3], [4, 5, 6]), ints(2, 3)], {"batch_axis": 0, "time_axis": 1},
        floats([2, 1, 3], [6, 5, 4]),
    ),
}  # fmt: skip
KNOWN = {"ReduceSum": [1], "ReduceMean": [1], "ReduceMax": [1], "CumSum": [1], "Pad": [1], "OneHot": [1]}


@pytest.mark.parametrize("row", ROWS)
def test_meanings_are_the_standard_s(row):
    name, arrays, attributes, wanted = ROWS[row]
    _, _, found = outputs(name, *arrays, known=KNOWN.get(name, ()), **attributes)
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(np.reshape(found, np.shape(wanted)), wanted)


X = np.arange(24, dtype=np.float32).reshape(2, 3, 4) - 8
OLDER = {
    "Slice": (9, {"starts": [0, -2], "ends": [2, 2**62], "axes": [0, 2]}, 1),
    "Split": (11, {"axis": 2, "split": [1, 3]}, 2),
    "Unsqueeze": (11, {"axes": [0, -1]}, 1),
    "Clip": (6, {"min": -3.0, "max": 5.0}, 1),
    "Pad": (2, {"pads": [0, 1, 0, 0, 0, 2], "mode": "edge"}, 1),
    "TopK": (1, {"axis": 1, "k": 2}, 2),
    "ReduceLogSumExp": (13, {"axes": [-1, 0], "keepdims": 0}, 1),
    "ReduceSumSquare": (11, {}, 1),
    "ArgMin": (11, {"axis": 2, "keepdims": 0}, 1),
    "DepthToSpace": (1, {"blocksize": 2}, 1),
}


@pytest.mark.parametrize("name", OLDER)
def test_older_meanings_are_kept(name):
    opset, attributes, count = OLDER[name]
    x = X.reshape(1, 12, 1, 2) if name == "DepthToSpace" else X
    model, given, found = outputs(name, x, opset=opset, count=count, **attributes)
    if name == "TopK":
        order = np.argsort(-x, 1, kind="stable")[:, :2]
        wanted = [np.take_along_axis(x, order, 1), order]
    else:
        wanted = ReferenceEvaluator(model).run(None, given)
    for item, expected in zip(found if count > 1 else [found], wanted, strict=True):
        np.testing.assert_allclose(item, expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["Sub", "Div", "Less"])
def test_operands_of_opset_6_broadcast_from_an_axis_on(name):
    row = np.array([2, 4, -8], dtype=np.float32)
    _, _, found = outputs(name, X, row, opset=6, broadcast=1, axis=1)
    wanted = {"Sub": np.subtract, "Div": np.divide, "Less": np.less}[name](X, row[:, None])
    np.testing.assert_array_equal(found, wanted)
    with pytest.raises(tt.UnsupportedOperatorError, match="broadcast where it says so"):
        outputs(name, X, row, opset=6)


def test_transforms_of_many_lengths_are_numpy_s():
    for count in (5, 36, 97):
        x = np.random.default_rng(count).normal(size=(2, count, 1)).astype(np.float32)
        _, _, half = outputs("DFT", x, onesided=1)
        wanted = np.fft.rfft(x[..., 0].astype(np.float64))
        np.testing.assert_allclose(half[..., 0] + 1j * half[..., 1], wanted, rtol=1e-5, atol=1e-5)
        _, _, back = outputs("DFT", half, ints(count), known=[1], onesided=1, inverse=1)
        np.testing.assert_allclose(back, x, rtol=1e-5, atol=1e-6)


def test_draws_follow_from_seeds_and_names():
    text = """g () => (float[3] a, float[3] b, float[3] c) {{
        a = RandomNormal<shape = [3], seed = 1.0>()
        b = RandomNormal<shape = [3]{}>()
        c = RandomNormal<shape = [3]>()
    }}"""
    same, other = (
        tt.onnx.load(parsed(text.format(seed))).compile(backend="numpy")() for seed in (", seed = 1.0", "")
    )
    np.testing.assert_array_equal(same[0], same[1])
    assert not np.array_equal(other[1], other[2])
    np.testing.assert_array_equal(same[2], other[2])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("y = Cast<to = 99>(x)", "99 is the number of no dtype"),
        ("y = Cast<to = 13>(x)", r"it has to be known .*'x'"),
        ("y = DepthToSpace<blocksize = 2>(x)", "2 axes, and 4 are wanted"),
        ('y = BitShift<direction = "UP">(i, i)', "neither LEFT nor RIGHT"),
        ("y = NonZero(x)", r"it has to be known .*'x'"),
        ('y = Pad<mode = "other">(x, i)', "the mode 'other'"),
        ("y = Slice(x, i, i, i, i)", "a step is 0"),
        ("big = Constant<value_ints = [-1]>() y = ConstantOfShape(big)", "is no shape"),
        ("y = DFT(x)", "4 elements, and not the parts of complex numbers"),
        ("y, z = Split<num_outputs = 1000000000000>(x)", "1000000000000 pieces are not 2 outputs"),
    ],
)
def test_what_is_not_supported_says_why(body, message):
    head = "g (float[2, 4] x) => (float[a] y) <int64[4] i = {0, 0, 0, 0}> "
    with pytest.raises(tt.UnsupportedOperatorError, match=message):
        tt.onnx.load(parsed(head + "{" + body + "}"))


def test_texts_that_are_known_go_through_layouts():
    text = """g (float[n] x) => (bool[2] y) {
        a = Constant<value_strings = ["a", "b", "c"]>() b = Constant<value_strings = ["c", "x"]>()
        last = Constant<value_ints = [-1, 0]>() two = Constant<value_ints = [1, 2]>()
        c = Gather(a, last) d = Reshape(c, two) e = Reshape(b, two) f = Concat<axis = 0>(d, e)
        at = Constant<value_int = 1>() g = Gather(f, at) y = Equal(g, b)
    }"""
    np.testing.assert_array_equal(tt.onnx.load(parsed(text)).compile(backend="numpy")(np.zeros(1, "f")), True)


def test_an_output_that_is_no_tensor_is_named():
    text = """g (float[n] x) => (string[1] y) { y = Constant<value_strings = ["a"]>() }"""
    with pytest.raises(tt.UnsupportedOperatorError, match="output 'y' is no tensor of ours: texts"):
        tt.onnx.load(parsed(text))


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*", "a*a*a*b", "(a{1,9}){1,9}"])
def test_patterns_that_could_take_forever_are_refused(pattern):
    text = """g () => (bool[1] y) {
        x = Constant<value_strings = ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]>()
        y = RegexFullMatch<pattern = "PATTERN">(x)
    }""".replace("PATTERN", pattern)
    with pytest.raises(tt.UnsupportedOperatorError, match="too many repetitions"):
        tt.onnx.load(parsed(text))
