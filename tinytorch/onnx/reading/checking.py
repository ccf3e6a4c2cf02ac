"""The laws of a whole model: its version, the opsets that it is written for, its functions, its graphs.

a model's version is known                      the opset of every domain that is used is named, once
a function is defined once, and calls no one    written out, functions make no more nodes than are allowed
that calls it
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from compiler.errors import ModelError
from tinytorch.onnx.reading.bodies import Body, Key, checked_calls
from tinytorch.onnx.reading.library import onnx
from tinytorch.onnx.reading.limits import MOST_NODES
from tinytorch.onnx.reading.naming import function_label, quoted
from tinytorch.onnx.reading.storage import check_type

STANDARD: Final = ("", "ai.onnx")
"""The two spellings of the standard's own domain."""

Calls: TypeAlias = "Counter[Key]"
"""How often each function is called."""


def check_model(model: Any) -> None:
    """Raises ModelError for a model that breaks a law of the standard; the message names the node."""
    if not model.HasField("graph"):
        raise ModelError("the model holds no graph\n  fix: fetch or export it again")
    if not 1 <= model.ir_version <= onnx.IR_VERSION:
        raise ModelError(
            f"the model is of version {model.ir_version} of the format, and onnx {onnx.__version__} knows "
            f"1 to {onnx.IR_VERSION}\n  fix: pip install --upgrade onnx"
        )
    opsets = _opsets(model.opset_import, "the model")
    functions = _functions(model.functions)
    sizes: dict[Key, int] = {}
    calls: dict[Key, Calls] = {}
    for key, function in functions.items():
        sizes[key], calls[key] = checked_calls(_function_body(function, opsets), functions)
    for key in functions:
        _written_out(key, sizes, calls)
    size, called = checked_calls(_main_body(model, opsets), functions)
    _check_size(size + sum(count * sizes[key] for key, count in called.items()), "the model is")


def _opsets(imports: Iterable[Any], of: str) -> dict[str, int]:
    """The opset of each domain that is named."""
    found: dict[str, int] = {}
    newest: Mapping[str, tuple[int, int]] = onnx.defs.C.schema_version_map()
    for item in imports:
        domain = "" if item.domain in STANDARD else item.domain
        if found.setdefault(domain, item.version) != item.version:
            raise ModelError(f"{of} names the opset of the domain {quoted(domain)} twice, and differently")
        latest = newest.get(domain, (1, item.version))[1]
        if not 1 <= item.version <= latest:
            raise ModelError(
                f"{of} is for opset {item.version} of the domain {quoted(domain)}, and onnx "
                f"{onnx.__version__} knows 1 to {latest}\n  fix: pip install --upgrade onnx"
            )
    return found


def _functions(functions: Iterable[Any]) -> dict[Key, Any]:
    found: dict[Key, Any] = {}
    for function in functions:
        key = function.domain, function.name, function.overload
        if not function.name:
            raise ModelError("a function of the model has no name")
        if key in found:
            raise ModelError(f"the {function_label(function.domain, function.name)} is defined twice")
        found[key] = function
    return found


def _main_body(model: Any, opsets: Mapping[str, int]) -> Body:
    for value in model.graph.input:
        if not value.type.WhichOneof("value"):
            raise ModelError(f"the input {quoted(value.name)} has no type")
        if value.type.HasField("tensor_type"):
            check_type(value.type.tensor_type.elem_type, f"the input {quoted(value.name)}")
    return Body.of_graph(model.graph, "", opsets)


def _function_body(function: Any, opsets: Mapping[str, int]) -> Body:
    """What a function computes; one that names no opsets of its own has those of the model."""
    label = function_label(function.domain, function.name)
    own = _opsets(function.opset_import, f"the {label}") or opsets
    names = [*function.attribute, *(item.name for item in function.attribute_proto)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ModelError(f"the {label} has the attribute {quoted(twice[0])} twice")
    return Body(
        where=f" in the {label}",
        inputs=list(function.input),
        tensors=[],
        nodes=function.node,
        outputs=list(function.output),
        opsets=own,
        attributes=frozenset(names),
    )


def _written_out(first: Key, sizes: dict[Key, int], calls: Mapping[Key, Calls]) -> None:
    """Makes `sizes` how many nodes a function is when those that it calls are written out; no calls are left.

    Raises ModelError for one that calls itself, and for one that is too large.
    """
    path: dict[Key, Any] = {first: iter(calls[first])}
    while path:
        key = next(reversed(path))
        callee = next((item for item in path[key] if calls[item]), None)
        if callee is None:
            sizes[key] += sum(count * sizes[item] for item, count in calls[key].items())
            _check_size(sizes[key], f"the {function_label(*key[:2])} is")
            calls[key].clear()
            del path[key]
        elif callee in path:
            raise ModelError(f"the {function_label(*callee[:2])} calls itself")
        else:
            path[callee] = iter(calls[callee])


def _check_size(size: int, what: str) -> None:
    if size > MOST_NODES:
        raise ModelError(
            f"{what} {size} nodes when functions are written out; at most {MOST_NODES} are allowed"
        )
