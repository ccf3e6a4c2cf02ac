"""Arrays of TensorProtos in every form of storage, and what is refused before memory is taken."""

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import tinytorch as tt
from tinytorch.onnx.reading.arrays import array_of, proto_of

RNG = np.random.default_rng(0)
WHOLE = [
    *("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
]
NARROW = [
    *("bfloat16", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"),
    *("int2", "uint2", "int4", "uint4", "float4_e2m1fn", "float6_e2m3fn", "float6_e3m2fn"),
]


def made(dtype):
    """Fifteen numbers of a dtype, all of which it has."""
    if dtype == np.bool_:
        return RNG.integers(0, 2, (3, 5)).astype(bool)
    if dtype.kind == "c":
        return (RNG.normal(size=(3, 5)) + 1j * RNG.normal(size=(3, 5))).astype(dtype)
    if dtype.name in ("int2", "uint2"):
        return RNG.integers(0, ml_dtypes.iinfo(dtype).max + 1, (3, 5)).astype(dtype)
    return (RNG.integers(0, 8, (3, 5)) / (2 if dtype.kind == "f" else 1)).astype(dtype)


@pytest.mark.parametrize("name", [*WHOLE, *NARROW])
def test_an_array_comes_back_from_bytes_and_from_the_field_of_its_type(name):
    array = made(np.dtype(getattr(ml_dtypes, name)) if name in NARROW else np.dtype(name))
    as_bytes = proto_of(array, "w")
    kind = as_bytes.data_type
    np.testing.assert_array_equal(array_of(as_bytes), array)
    items = array.astype(np.float32) if kind in NUMBERS_BY_VALUE else array
    as_field = helper.make_tensor("w", kind, array.shape, items.reshape(-1).tolist())
    assert not as_field.HasField("raw_data")
    found = array_of(as_field)
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype
    assert found.shape == (3, 5)


NUMBERS_BY_VALUE = {
    getattr(TensorProto, name)
    for name in (
        *("BFLOAT16", "FLOAT16", "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ"),
        *("INT2", "UINT2", "INT4", "UINT4", "FLOAT4E2M1", "FLOAT6E2M3", "FLOAT6E3M2"),
    )
}
"""Types whose elements onnx's helper takes as numbers, and packs."""


def test_strings_are_objects_and_have_to_be_utf8():
    tensor = helper.make_tensor("names", TensorProto.STRING, (2,), ["Ä", "b"])
    found = array_of(tensor)
    assert (found.dtype, list(found)) == (object, ["Ä", "b"])
    np.testing.assert_array_equal(
        array_of(proto_of(np.array([["x", "yz"]]))), np.array([["x", "yz"]], object)
    )
    tensor.string_data[1] = b"\xff"
    with pytest.raises(tt.ModelError, match="'names' holds a string that is no UTF-8, at position 1"):
        array_of(tensor)


def test_a_bool_is_true_or_false_whatever_its_byte():
    tensor = TensorProto(name="b", data_type=TensorProto.BOOL, dims=[3], raw_data=b"\x00\x02\xff")
    assert array_of(tensor).view(np.uint8).tolist() == [0, 1, 1]
    del tensor.dims[:]
    tensor.ClearField("raw_data")
    tensor.int32_data.append(256)
    assert array_of(tensor).view(np.uint8).tolist() == 1


def test_bytes_are_shared_and_not_copied():
    tensor = proto_of(np.zeros((4, 4), np.float32))
    assert array_of(tensor).base is not None
    assert not array_of(tensor).flags.writeable


def test_sparse_tensors_are_written_out():
    values = numpy_helper.from_array(np.array([1.0, 2.0], np.float32), "s")
    flat = numpy_helper.from_array(np.array([1, 5]))
    rows = numpy_helper.from_array(np.array([[0, 1], [1, 2]]))
    for indices in (flat, rows):
        item = onnx.SparseTensorProto(values=values, indices=indices, dims=[2, 3])
        np.testing.assert_array_equal(array_of(item), np.array([[0, 1, 0], [0, 0, 2]], np.float32))
    item = onnx.SparseTensorProto(values=values, indices=flat, dims=[2, 2])
    with pytest.raises(tt.ModelError, match=r"'s' has an index outside its extents \[2, 2\]"):
        array_of(item)
    item.dims[:] = [2**20, 2**20]
    with pytest.raises(tt.ModelError, match="'s' would be 1099511627776 elements"):
        array_of(item)


def tensor(**fields):
    return TensorProto(name="w", **fields)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (tensor(data_type=1, dims=[2, 3], raw_data=b"1234"), r"float\[2,3\], which is 24 bytes, and has 4"),
        (tensor(data_type=1, dims=[2], float_data=[1.0]), "2 entries of float_data, and has 1"),
        (tensor(data_type=1, dims=[2]), "2 entries of float_data, and has 0"),
        (tensor(data_type=1, dims=[2**31, 2**31], raw_data=b"1234"), "claims the extents .*no memory holds"),
        (tensor(data_type=1, dims=[0, 2**62], raw_data=b""), "claims the extents .*no memory holds"),
        (tensor(data_type=1, dims=[-1], raw_data=b""), "none of them negative"),
        (tensor(data_type=1, dims=[1] * 65, raw_data=b"1234"), "at most 64"),
        (tensor(data_type=1, dims=[1], int32_data=[1]), "is of float and has data in int32_data"),
        (tensor(data_type=1, dims=[1], float_data=[1.0], raw_data=b"1234"), "in two places"),
        (tensor(data_type=8, dims=[1], raw_data=b"1234"), "is of strings"),
        (tensor(data_type=0, dims=[1], raw_data=b"1234"), "of undefined, which no tensor can be"),
        (tensor(data_type=99, dims=[1], raw_data=b"1234"), "of the type 99, which no tensor can be"),
        (tensor(data_type=14, dims=[1], float_data=[1.0]), "2 entries of float_data, and has 1"),
        (tensor(data_type=22, dims=[3], raw_data=b"1"), "which is 2 bytes, and has 1"),
        (tensor(data_type=1, segment=TensorProto.Segment(begin=0)), "a segment of a tensor"),
    ],
)
def test_a_tensor_that_claims_what_it_has_not_is_refused_by_name(wrong, message):
    with pytest.raises(tt.ModelError, match=rf"(?s)tensor 'w'.*{message}"):
        array_of(wrong)


def test_arrays_of_no_type_of_the_standard_are_refused():
    with pytest.raises(tt.DTypeError, match="no type for arrays of datetime64"):
        proto_of(np.zeros(2, "datetime64[s]"))
