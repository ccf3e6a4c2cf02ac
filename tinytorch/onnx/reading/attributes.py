"""The laws of an attribute: it has a name and one type, and nothing but what is of that type."""

from __future__ import annotations

from typing import Any, Final

from compiler.errors import ModelError
from tinytorch.onnx.reading.library import onnx
from tinytorch.onnx.reading.naming import quoted
from tinytorch.onnx.reading.storage import check_sparse, check_tensor

_FIELDS: Final[dict[int, str]] = {
    onnx.AttributeProto.FLOAT: "f",
    onnx.AttributeProto.INT: "i",
    onnx.AttributeProto.STRING: "s",
    onnx.AttributeProto.TENSOR: "t",
    onnx.AttributeProto.GRAPH: "g",
    onnx.AttributeProto.SPARSE_TENSOR: "sparse_tensor",
    onnx.AttributeProto.TYPE_PROTO: "tp",
    onnx.AttributeProto.FLOATS: "floats",
    onnx.AttributeProto.INTS: "ints",
    onnx.AttributeProto.STRINGS: "strings",
    onnx.AttributeProto.TENSORS: "tensors",
    onnx.AttributeProto.GRAPHS: "graphs",
    onnx.AttributeProto.SPARSE_TENSORS: "sparse_tensors",
    onnx.AttributeProto.TYPE_PROTOS: "type_protos",
}
"""Where the value of an attribute of each type is."""

_ABOUT: Final = {"name", "ref_attr_name", "doc_string", "type"}
_NEVER_LEFT_OUT: Final = {"t", "g", "sparse_tensor", "tp"}
"""Numbers and texts of nought are left out by writers of the third protobuf; these cannot be."""


def check_attribute(attribute: Any, label: object, known: frozenset[str] | None) -> list[Any]:
    """The graphs in an attribute of a node, its tensors checked.

    `known` are the attributes of the function around the node, which it may refer to. Raises ModelError.
    """
    if not attribute.name:
        raise ModelError(f"{label} has no name")
    if attribute.ref_attr_name:
        if attribute.ref_attr_name not in (known or ()):
            raise ModelError(
                f"{label} refers to the attribute {quoted(attribute.ref_attr_name)} of a function, "
                "and there is none"
            )
        return []
    place = _FIELDS.get(attribute.type)
    if place is None:
        raise ModelError(f"{label} says no type that the standard has\n  fix: export the model again")
    held = {item.name for item, _ in attribute.ListFields()} - _ABOUT
    if held - {place} or (place in _NEVER_LEFT_OUT and not held):
        kind = onnx.AttributeProto.AttributeType.Name(attribute.type)
        raise ModelError(f"{label} is a {kind}, and holds {' and '.join(sorted(held)) or 'nothing'}")
    for number, tensor in enumerate([attribute.t] if place == "t" else attribute.tensors):
        check_tensor(tensor, label if place == "t" else f"tensor {number} of {label}")
    for item in [attribute.sparse_tensor] if place == "sparse_tensor" else attribute.sparse_tensors:
        check_sparse(item, label)
    return [attribute.g] if place == "g" else list(attribute.graphs)
