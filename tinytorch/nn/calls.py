"""Which parameters a call of a module used: what its result is made from, up to the arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from compiler.ir.node import Node
from compiler.ir.op import Parameter
from tinytorch.nn.parts import Whole
from tinytorch.tensor import Tensor


def parameters_read(results: Any, arguments: Any) -> dict[Node, Node | None]:
    """The parameters from which results are made other than through the arguments, each with a reader."""
    given = {tensor.node for tensor in _held(arguments, into_objects=False) if isinstance(tensor, Tensor)}
    roots = [item.node for item in _held(results, into_objects=True) if isinstance(item, Tensor)]
    found: dict[Node, Node | None] = {}
    pending: list[tuple[Node, Node | None]] = [(node, None) for node in roots]
    seen = set(given)
    while pending:
        node, reader = pending.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node.op, Parameter):
            found[node] = reader
        pending.extend((operand, node) for operand in node.operands)
    return found


def parameters_given(arguments: Any) -> set[Any]:
    """The parameters (their ops) of whatever is in the arguments: of tensors, of modules, of objects."""
    found: set[Any] = set()
    pending = _held(arguments, into_objects=True, into_modules=True)
    nodes = {item.node for item in pending if isinstance(item, Tensor)}
    for node in parameters_read([Tensor(node) for node in nodes], ()):
        found.add(node.op)
    return found


def _held(value: Any, *, into_objects: bool, into_modules: bool = False) -> list[Any]:
    """The tensors in a value: in containers, and, if asked for, in the attributes of objects and modules."""
    found: list[Any] = []
    seen: set[int] = set()
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, Tensor):
            found.append(item)
        elif id(item) not in seen:
            seen.add(id(item))
            pending.extend(_inside(item, into_objects, into_modules))
    return found


def _inside(item: Any, into_objects: bool, into_modules: bool) -> Iterable[Any]:
    if isinstance(item, Mapping):
        return list(cast("Mapping[Any, Any]", item).values())
    if isinstance(item, list | tuple | set | frozenset):
        return list(cast("Iterable[Any]", item))
    if isinstance(item, Whole):
        return [value for _, value in item.attributes()] if into_modules else ()
    if into_objects and not isinstance(item, type):
        return list(cast("dict[str, Any]", getattr(item, "__dict__", {})).values())
    return ()
