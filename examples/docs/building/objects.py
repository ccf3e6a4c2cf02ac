"""Functions and classes in Sphinx's Python domain, in Markdown, from their signatures and docstrings."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from functools import cached_property
from typing import Any

_SPECIAL = ("__call__", "__getitem__", "__len__", "__bool__", "__iter__")
_OURS = ("tinytorch", "compiler", "passes")


class _Written:
    """An annotation or default that shows as it was written."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def directive(kind: str, signature: str, body: str, *options: str) -> str:
    """A directive; its fence is longer than those inside it."""
    fence = "`" * (max((len(run) for run in body.split() if set(run) == {"`"}), default=2) + 2)
    fence = "`" * max(len(fence), 4 if "```" not in body else 7)
    head = [f"{fence}{{py:{kind}}} {signature}", *(f":{option}:" for option in options)]
    return "\n".join([*head, "", body.strip(), fence, ""])


def text_of(item: object) -> str:
    """A docstring as it is read. Raises ValueError where there is none."""
    found = inspect.getdoc(item)
    if not found:
        raise ValueError(f"{item!r} has no documentation")
    return found


def signature_of(function: Any, *, is_method: bool = False) -> str:
    """The signature as it was written."""
    found = inspect.signature(function)
    given = list(found.parameters.values())[is_method:]
    shown = [
        item.replace(annotation=_as_written(item.annotation), default=_default(item.default))
        for item in given
    ]
    result = _as_written(found.return_annotation)
    return str(found.replace(parameters=shown, return_annotation=result))


def _as_written(annotation: Any) -> Any:
    return _Written(annotation) if isinstance(annotation, str) else annotation


def _default(value: Any) -> Any:
    if value is inspect.Parameter.empty or isinstance(value, int | float | str | bool | tuple | None):
        return value
    return _Written("...")


def function(name: str, item: Any) -> str:
    """A function under the name by which one calls it."""
    return directive("function", f"{name}{signature_of(inspect.unwrap(item))}", text_of(item))


def class_(name: str, kind: type[Any]) -> str:
    """A class with its public fields, properties and methods, those of its bases of ours too."""
    body = text_of(kind)
    members = "\n".join(_members(name.rsplit(".")[-1], kind))
    own = kind.__init__ if "__init__" in vars(kind) else None
    takes = signature_of(inspect.unwrap(own), is_method=True).partition(" -> ")[0] if own is not None else ""
    return directive("class", f"{name}{takes}", f"{body}\n\n{members}")


def _members(owner: str, kind: type[Any]) -> Iterator[str]:
    seen: set[str] = set()
    for base in kind.__mro__:
        if base.__module__.split(".")[0] not in _OURS:
            continue
        fields = _fields(base)
        for name, text in fields.items():
            if name not in seen:
                seen.add(name)
                yield directive("attribute", name, text or " ")
        for name, item in vars(base).items():
            if name in seen or (name.startswith("_") and name not in _SPECIAL):
                continue
            seen.add(name)
            yield from _member(name, item)


def _member(name: str, item: Any) -> Iterator[str]:
    if isinstance(item, property | cached_property):
        getter = item.fget if isinstance(item, property) else item.func
        found = getter.__annotations__.get("return", "")
        text = inspect.getdoc(item) or ""
        yield directive("property", name, text, *([f"type: {found}"] if found else []))
    elif isinstance(item, classmethod | staticmethod) or inspect.isfunction(item):
        plain = item.__func__ if isinstance(item, classmethod | staticmethod) else item
        text = inspect.getdoc(plain)
        if text is None:
            return
        is_static = isinstance(item, staticmethod)
        takes = signature_of(inspect.unwrap(plain), is_method=not is_static)
        options = {classmethod: ("classmethod",), staticmethod: ("staticmethod",)}.get(type(item), ())
        yield directive("method", f"{name}{takes}", text, *options)


def _fields(kind: type[Any]) -> dict[str, str]:
    """The annotated public fields of a class with the texts below them, in the order of its source."""
    if not inspect.get_annotations(kind):
        return {}  # one that is made by a function has no source of its own
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    (definition,) = tree.body
    assert isinstance(definition, ast.ClassDef)
    found: dict[str, str] = {}
    last = ""
    for item in definition.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            last = item.target.id
            if not last.startswith("_"):
                found[last] = ""
        elif isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant) and last in found:
            found[last] = inspect.cleandoc(str(item.value.value))
        else:
            last = ""
    return found
