"""How errors speak of the parts of a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

_SHOWN: Final = 80


def quoted(name: object) -> str:
    """A name in quotation marks with its odd characters escaped; a long one is cut."""
    text = str(name)
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


@dataclass(frozen=True, slots=True)
class Label:
    """What an error calls a part of a model. Its text is made when one is raised: few parts are wrong."""

    text: Callable[..., str]
    arguments: tuple[Any, ...]

    def __str__(self) -> str:
        return self.text(*self.arguments)


def node_label(node: Any, position: int, where: object = "") -> Label:
    """`node 'conv1' (Conv)`, or `node 7 (Conv, of 'y')` for one without a name; and where it is."""
    return Label(_node_text, (node, position, where))


def _node_text(node: Any, position: int, where: object) -> str:
    kind = ".".join(part for part in (_plain(node.domain), _plain(node.op_type)) if part) or "of no operator"
    if node.name:
        return f"node {quoted(node.name)} ({kind}){where}"
    made = next((f", of {quoted(name)}" for name in node.output if name), "")
    return f"node {position} ({kind}{made}){where}"


def named_label(kind: str, name: str, where: object = "", join: str = "") -> Label:
    """`the attribute 'axis' of node 'conv1' (Conv)`: a kind, a name, and where that is."""
    return Label("{} {}{}{}".format, (kind, Label(quoted, (name,)), join, where))


def function_label(domain: str, name: str) -> str:
    """`function 'com.example.Gelu'`."""
    return f"function {quoted(f'{domain}.{name}')}"


def type_name(data_type: int) -> str:
    """`float16` for 10; what the standard has not is given by its number."""
    known = _types()
    return known[data_type].lower() if data_type in known else f"the type {data_type}"


@cache
def _types() -> dict[int, str]:
    from tinytorch.onnx.reading.library import onnx  # noqa: PLC0415  # a name is quoted without it

    return {number: name for name, number in onnx.TensorProto.DataType.items()}


def _plain(name: str) -> str:
    return quoted(name)[1:-1]
