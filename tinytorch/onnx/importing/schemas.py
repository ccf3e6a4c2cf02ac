"""What the standard says of a node: its operator's schema, and its attributes with their defaults."""

from __future__ import annotations

import itertools
from functools import lru_cache
from pathlib import Path
from typing import Any

from tinytorch.onnx.calling.values import Unsupported
from tinytorch.onnx.reading.arrays import array_of
from tinytorch.onnx.reading.library import onnx
from tinytorch.onnx.reading.naming import quoted


@lru_cache(maxsize=4096)
def schema_of(name: str, domain: str, opset: int) -> Any:
    """The schema that holds for an operator in an opset. Raises Unsupported where the standard has none."""
    try:
        return onnx.defs.get_schema(name, opset, domain)
    except onnx.defs.SchemaError:
        raise Unsupported(
            f"the standard has no such operator in opset {opset} of {domain or 'ai.onnx'}"
        ) from None


@lru_cache(maxsize=4096)
def required_inputs(name: str, domain: str, opset: int) -> tuple[str, ...]:
    """The names of the inputs that an operator has to have, which stand before the others."""
    every = schema_of(name, domain, opset).inputs
    single = onnx.defs.OpSchema.FormalParameterOption.Single
    return tuple(itertools.takewhile(bool, (i.name if i.option == single else "" for i in every)))


def defaults_of(schema: Any) -> list[Any]:
    """The attributes (AttributeProto) that a node of a schema has where it does not say otherwise."""
    every = [item.default_value for item in schema.attributes.values()]
    return [item for item in every if item.type != onnx.AttributeProto.UNDEFINED]


def attributes_of(node: Any, schema: Any, folder: Path | None) -> dict[str, Any]:
    """The attributes of a node, and the defaults of those that it has not."""
    found = {item.name: _decoded(item, folder) for item in defaults_of(schema)}
    label = f"node {quoted(node.name)} ({quoted(node.op_type)})"
    return found | {item.name: _decoded(item, folder, label) for item in node.attribute}


def _decoded(attribute: Any, folder: Path | None, label: str = "a default") -> Any:
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if attribute.type in (onnx.AttributeProto.TENSOR, onnx.AttributeProto.SPARSE_TENSOR):
        return array_of(value, folder, f"the attribute {quoted(attribute.name)} of {label}")
    if attribute.type == onnx.AttributeProto.STRINGS:
        return [item.decode("utf-8", "replace") for item in value]
    return list(value) if attribute.type in (onnx.AttributeProto.INTS, onnx.AttributeProto.FLOATS) else value


def schemas() -> list[Any]:
    """Every schema of the standard, of all domains and opsets, but for those that it has taken back."""
    return [item for item in onnx.defs.get_all_schemas_with_history() if not item.deprecated]
