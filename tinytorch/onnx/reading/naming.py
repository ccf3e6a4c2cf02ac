"""How errors speak of the parts of a model."""

from __future__ import annotations

from typing import Any, Final

from tinytorch.onnx.reading.library import onnx

_SHOWN: Final = 80
_TYPES: Final[dict[int, str]] = {number: name for name, number in onnx.TensorProto.DataType.items()}


def quoted(name: object) -> str:
    """A name in quotation marks with its odd characters escaped; a long one is cut."""
    text = str(name)
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def node_label(node: Any, position: int) -> str:
    """`node 'conv1' (Conv)`, or `node 7 (Conv, of 'y')` for one without a name."""
    kind = ".".join(part for part in (_plain(node.domain), _plain(node.op_type)) if part) or "of no operator"
    if node.name:
        return f"node {quoted(node.name)} ({kind})"
    made = next((name for name in node.output if name), None)
    return f"node {position} ({kind}, of {quoted(made)})" if made else f"node {position} ({kind})"


def function_label(domain: str, name: str) -> str:
    """`function 'com.example.Gelu'`."""
    return f"function {quoted(f'{domain}.{name}')}"


def type_name(data_type: int) -> str:
    """`float16` for 10; what the standard has not is given by its number."""
    return _TYPES[data_type].lower() if data_type in _TYPES else f"the type {data_type}"


def _plain(name: str) -> str:
    return quoted(name)[1:-1]
