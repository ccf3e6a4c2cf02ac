"""What runs the tests: the backends, which note the model and the data of the last test."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx.backend.base import Backend, BackendRep

from tinytorch.onnx.backend import TinytorchBackend


@dataclass
class Last:
    """The model that was prepared last, and what it was given."""

    model: Any = None
    inputs: Any = None


LAST = Last()


class Noted(BackendRep):
    """A prepared model that notes what it is given."""

    def __init__(self, prepared: Any) -> None:
        self._prepared = prepared

    def run(self, inputs: Any, **kwargs: Any) -> Any:
        LAST.inputs = inputs
        return self._prepared.run(inputs, **kwargs)


def ours(options: Mapping[str, Any]) -> type[Backend]:
    """Our backend, which compiles with some options."""

    class Ours(TinytorchBackend):
        """Notes what it is given."""

        @classmethod
        def prepare(cls, model: Any, device: str = "CPU", **kwargs: Any) -> Any:
            LAST.model, LAST.inputs = model, None
            return Noted(super().prepare(model, device, **{**options, **kwargs}))

    return Ours


class _Session(BackendRep):
    """A session of ONNX Runtime. Types that NumPy has not are given and read as bytes."""

    def __init__(self, model: Any) -> None:
        import onnxruntime

        self._library: Any = onnxruntime
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        settings.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), settings, providers=["CPUExecutionProvider"]
        )
        ends = (*model.graph.input, *model.graph.output)
        self._types = {item.name: item.type.tensor_type.elem_type for item in ends}

    def run(self, inputs: Any, **kwargs: Any) -> Any:
        names = [item.name for item in self._session.get_inputs()]
        given = {name: item for name, item in zip(names, inputs, strict=False) if item is not None}
        if not any(_is_foreign(kind) for kind in self._types.values()):
            return self._session.run(None, {name: _plain(item) for name, item in given.items()})
        values = {name: self._value(item, self._types[name]) for name, item in given.items()}
        outputs = [item.name for item in self._session.get_outputs()]
        found = self._session.run_with_ort_values(outputs, values)
        return [_array(item, self._types[name]) for name, item in zip(outputs, found, strict=True)]

    def _value(self, item: Any, kind: int) -> Any:
        array = np.asarray(item)
        if not _is_foreign(kind):
            return self._library.OrtValue.ortvalue_from_numpy(array)
        tensor = onnx.numpy_helper.from_array(array)
        data = np.frombuffer(tensor.raw_data, np.uint16 if array.dtype.itemsize == 2 else np.uint8)
        room = np.zeros(array.shape, data.dtype)
        room.reshape(-1)[: data.size] = data
        return self._library.OrtValue.ortvalue_from_numpy_with_onnx_type(room, kind)


def _is_foreign(kind: int) -> bool:
    """Whether NumPy itself has no such type of elements, and ml_dtypes gives it one."""
    return bool(kind) and onnx.helper.tensor_dtype_to_np_dtype(kind).isbuiltin != 1


def _plain(item: Any) -> Any:
    return [np.asarray(each) for each in item] if isinstance(item, list | tuple) else np.asarray(item)


_NARROW = {"UINT4": 4, "INT4": 4, "FLOAT4E2M1": 4, "UINT2": 2, "INT2": 2}
"""Bits of elements of which several are a byte."""


def _array(value: Any, kind: int) -> Any:
    """An output, from its bytes where NumPy has no such type."""
    if not _is_foreign(kind):
        return value.numpy()
    shape = value.shape()
    width = _NARROW.get(onnx.TensorProto.DataType.Name(kind), 8)
    itemsize = onnx.helper.tensor_dtype_to_np_dtype(kind).itemsize
    size = int(np.prod(shape)) * itemsize
    size = size if width == 8 else -(-size * width // 8)
    tensor = onnx.TensorProto(data_type=kind, dims=shape, raw_data=ctypes.string_at(value.data_ptr(), size))
    return onnx.numpy_helper.to_array(tensor)


class OnnxRuntime(Backend):
    """ONNX Runtime on one thread of the CPU."""

    @classmethod
    def prepare(cls, model: Any, device: str = "CPU", **kwargs: Any) -> Any:
        super().prepare(model, device, **kwargs)
        return _Session(model)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        return device == "CPU"
