"""dtypes, promotion and the text of types."""

import itertools

import numpy as np
import pytest

from compiler.errors import DTypeError, ParseError, ShapeError
from compiler.ir.dims import symbol
from compiler.ir.types import (
    BOOL,
    COMPUTE,
    FLOAT32,
    FLOAT64,
    INT32,
    INT64,
    DType,
    TensorType,
    Weak,
    dtype_of,
    floating,
    parse_type,
    promote,
    tensor_type,
)  # fmt: skip


@pytest.mark.parametrize("dtype", DType)
def test_a_dtype_by_any_of_its_names(dtype):
    for name in (
        dtype,
        dtype.value,
        dtype.short,
        dtype.numpy,
        dtype.numpy.type,
        dtype.numpy.newbyteorder(">"),
    ):
        assert dtype_of(name) is dtype
    assert dtype.size == dtype.numpy.itemsize


@pytest.mark.parametrize(("kind", "dtype"), [(bool, BOOL), (float, FLOAT64), (int, INT64)])
def test_pythons_types_are_numpys(kind, dtype):
    assert dtype_of(kind) is dtype


@pytest.mark.parametrize("value", ["float8", "complex64", object, None, "f9", 3, np.uint16, "nonsense"])
def test_another_dtype_is_refused_with_those_there_are(value):
    with pytest.raises(DTypeError, match="is none of bool, uint8, int8, int16, int32, int64, float16, bfl"):
        dtype_of(value)


def test_a_storage_dtype_is_computed_in_one_that_holds_its_numbers():
    of_halves, of_integers = {DType.FLOAT16, DType.BFLOAT16}, {DType.INT8, DType.INT16, DType.UINT8}
    assert {dtype for dtype in DType if dtype.is_storage} == of_halves | of_integers
    assert all(dtype.compute is FLOAT32 for dtype in of_halves)
    assert all(dtype.compute is INT32 for dtype in of_integers)
    assert COMPUTE == (BOOL, INT32, INT64, FLOAT32, FLOAT64)
    assert all(dtype.compute is dtype for dtype in COMPUTE)


APART = {
    frozenset({DType.UINT8, DType.INT8}): DType.INT16,
    frozenset({DType.FLOAT16, DType.BFLOAT16}): FLOAT32,
}


@pytest.mark.parametrize(("left", "right"), list(itertools.product(DType, DType)))
def test_promotion_is_numpys_but_no_integer_widens_a_float(left, right):
    greatest = APART.get(frozenset({left, right})) or max([left, right], key=list(DType).index)
    assert promote([left, right]) is greatest
    is_of_a_kind = left.is_float == right.is_float or BOOL in (left, right)
    if is_of_a_kind and {left, right} != {DType.FLOAT16, DType.BFLOAT16}:
        assert greatest.numpy == np.result_type(left.numpy, right.numpy)


@pytest.mark.parametrize("dtypes", list(itertools.product(DType, repeat=3)))
def test_float64_comes_from_float64_alone(dtypes):
    kinds = [Weak(kind) for kind in (bool, int, float)]
    assert (promote([*dtypes, *kinds]) is FLOAT64) == (FLOAT64 in dtypes)
    assert (floating(promote(dtypes)) is FLOAT64) == (FLOAT64 in dtypes)


@pytest.mark.parametrize(("dtype", "kind"), list(itertools.product(DType, (bool, int, float))))
def test_a_python_scalar_promotes_as_in_numpy_and_is_float32_beside_integers(dtype, kind):
    expected = np.result_type(dtype.numpy, kind(1))
    assert dtype is DType.BFLOAT16 or promote([dtype, Weak(kind)]).numpy == (
        np.float32 if kind is float and not dtype.is_float else expected
    )


@pytest.mark.parametrize(("kind", "dtype"), [(bool, BOOL), (int, INT64), (float, FLOAT32)])
def test_a_python_scalar_alone_has_the_default_dtype(kind, dtype):
    assert promote([Weak(kind)]) is dtype


def test_promotion_needs_an_operand():
    with pytest.raises(DTypeError, match="at least one"):
        promote([])


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(item, item if item.is_float else FLOAT32) for item in DType],
)
def test_a_floating_function(dtype, expected):
    assert floating(dtype) is expected


@pytest.mark.parametrize(
    "text",
    [
        *("f32[batch,64]", "bool[]", "i64[2*batch+1]", "f64[1,0]"),
        *("f16[2]", "bf16[n]", "u8[]", "i8[4,4]", "i16[0]"),
    ],
)
def test_the_text_of_a_type_reads_back(text):
    assert str(parse_type(text)) == text


@pytest.mark.parametrize(
    "text", ["f32", "f8[2]", "u16[2]", "f32[2", "f32[2]]", "f32[a b]", "", "[2]", "f32[x.__class__]"]
)
def test_a_text_that_is_no_type(text):
    with pytest.raises(ParseError, match="not a"):
        parse_type(text)


def test_size_and_bytes_are_polynomials():
    batch = symbol("batch")
    kind = tensor_type("float64", ("batch", 3))
    assert kind == TensorType(FLOAT64, (batch, 3))
    assert (kind.rank, kind.size, kind.bytes) == (2, 3 * batch, 24 * batch)


def test_a_negative_extent_is_refused():
    with pytest.raises(ShapeError, match="not negative: -2"):
        tensor_type("f32", (-2,))
