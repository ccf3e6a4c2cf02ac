"""The operators of the standard, each as it is here."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from tinytorch.onnx.calling.operator import find_operator
from tinytorch.onnx.importing.schemas import schemas
from tinytorch.onnx.operators import load_all
from tinytorch.onnx.support import OperatorSupport, OperatorTable

_ABSENT: Final = {
    "ImageDecoder": "Decoders of pictures are libraries of their own.",
    "CastMap": "Maps are no tensors.",
    "CategoryMapper": "Texts are no tensors.",
    "DictVectorizer": "Maps are no tensors.",
}
"""Why some are not to be had."""


def supported_operators() -> OperatorTable:
    """The operators of the ONNX standard, as the installed library `onnx` knows them, and which are here.

    Raises MissingLibraryError without the library.
    """
    load_all()
    versions: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for schema in schemas():
        versions[schema.domain, schema.name].append(schema)
    rows = (_row(*key, sorted(found, key=_since)) for key, found in sorted(versions.items()))
    return OperatorTable(tuple(rows))


def _since(schema: Any) -> int:
    return int(schema.since_version)


def _row(domain: str, name: str, schemas: list[Any]) -> OperatorSupport:
    opsets = [_since(schema) for schema in schemas]
    found = {opset: find_operator(name, domain, opset) for opset in opsets}
    bodies = [_since(item) for item in schemas if item.has_function or item.has_context_dependent_function]
    supported = [opset for opset in opsets if found[opset] or opset in bodies]
    newest = found[opsets[-1]]
    by = "function" if newest else "body" if opsets[-1] in bodies else "absent"
    note = newest.limits if newest else _ABSENT.get(name, "No function for it.") if by == "absent" else ""
    return OperatorSupport(domain, name, tuple(opsets), tuple(supported), by, note)
