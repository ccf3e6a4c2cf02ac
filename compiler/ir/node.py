"""Nodes and where they come from.

    Node    ::= op, operands, type, name, origin
    Origin  ::= user's source line, maker, rule, the node (and operand) it is the gradient of, scope

A node is an immutable value compared by identity. Its serial number grows with creation, so operands always
have smaller ones: creation order is a topological order.
"""

from __future__ import annotations

import itertools
import linecache
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from compiler.errors import DTypeError, ShapeError
from compiler.ir.conversion import conversion
from compiler.ir.op import Op, Trait
from compiler.ir.scope import Scope, current_scope, reopened
from compiler.ir.types import DType, TensorType

_OURS = ("tinytorch", "compiler", "passes")
_LINES = 4096
_serials = itertools.count()
_asked: Final[ContextVar[SourceLine | None]] = ContextVar("asked", default=None)
"""The line for which nodes are made, where that is another than the one that runs."""


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of the user's program."""

    file: str
    line: int

    @property
    def text(self) -> str:
        """The line itself, or nothing where the file cannot be read."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}"
        return f"{place}: {self.text}" if self.text else place


def source_line() -> SourceLine | None:
    """The innermost line on the stack that is not of this project."""
    return users_origin().source


def users_origin() -> Origin:
    """The origin of what a user makes: one value for each line in each use of a scope."""
    asked = _asked.get()
    if asked is not None:
        return _origin_at(asked.file, asked.line, current_scope())
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # the documented way to a caller's line
    while frame is not None:
        if not _is_ours(frame.f_globals.get("__name__", "")):
            return _origin_at(frame.f_code.co_filename, frame.f_lineno, current_scope())
        frame = frame.f_back
    return Origin(opened=current_scope())


@contextmanager
def asked_at(origin: Origin) -> Generator[None]:
    """What a user asked for there and is made now, inside, has that line and that use of a scope."""
    token = _asked.set(origin.source)
    try:
        with reopened(origin.opened):
            yield
    finally:
        _asked.reset(token)


@lru_cache(maxsize=_LINES)
def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in _OURS


@lru_cache(maxsize=_LINES)
def _origin_at(file: str, line: int, opened: Scope | None) -> Origin:
    return Origin(SourceLine(file, line), opened=opened)


@dataclass(frozen=True, slots=True)
class Origin:
    """Who made a node, and why."""

    source: SourceLine | None = None
    maker: str = "user"
    """`user`, `grad`, or the name of a pass."""
    rule: str = ""
    """What the maker applied, e.g. `gelu' by x`."""
    of: Node | None = None
    """The node that this one is the gradient of, or replaces."""
    operand: int | None = None
    """Which operand of `of` the gradient is by."""
    opened: Scope | None = None
    """The innermost scope that was open where a user made the node."""

    @property
    def scope(self) -> Scope | None:
        """The part of the model that the node belongs to: that of what it is the gradient of or replaces."""
        first = self
        while first.of is not None:
            first = first.of.origin
        return first.opened


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Node:
    """One use of an op. Make it with `make_node`."""

    op: Op
    operands: tuple[Node, ...]
    type: TensorType
    name: str | None
    origin: Origin
    serial: int = field(default_factory=lambda: next(_serials))

    def __repr__(self) -> str:
        return f"<{describe(self)}>"

    def named(self, name: str | None) -> Node:
        """The same node under another name, as a new node."""
        return replace(self, name=name, serial=next(_serials))

    def __reduce__(self) -> str:
        raise TypeError("a node does not pickle alone; pickle the Graph, which pickles as text")


def present_serial() -> int:
    """A number between those of the nodes that are and those that will be made."""
    return next(_serials)


def written_for(node: Node) -> Node:
    """The node of a user or of `grad` that one stands for, through what passes made of it; perhaps itself.

    One that a pass made for nothing stands for itself.
    """
    while node.origin.maker not in ("user", "grad") and node.origin.of is not None:
        node = node.origin.of
    return node


def is_gradient(node: Node) -> bool:
    """Whether a node was made by differentiation, or stands for one that was."""
    return written_for(node).origin.maker == "grad"


def make_node(
    op: Op,
    operands: Sequence[Node] = (),
    name: str | None = None,
    origin: Origin | None = None,
    *,
    type: TensorType | None = None,
) -> Node:
    """A node, with its type inferred unless who makes it has done so.

    Where an op computes with storage dtypes, the nodes are three: the operands in their compute dtype, the op
    over those, and its result converted, which is the one returned. Raises ShapeError or DTypeError that
    names the operands and their lines.
    """
    try:
        found = op.infer([operand.type for operand in operands]) if type is None else type
    except (ShapeError, DTypeError) as error:
        raise naming(error, operands) from None
    origin = origin or users_origin()
    for operand in operands:
        if operand.type.dtype.is_storage:
            return _stored(op, operands, found, name, origin)
    if found.dtype.is_storage and op.computed() is not op:
        return _stored(op, operands, found, name, origin)
    return Node(op, tuple(operands), found, name, origin)


def _stored(op: Op, operands: Sequence[Node], type: TensorType, name: str | None, origin: Origin) -> Node:
    """A node whose op computes in no storage dtype."""
    given = tuple(
        converted(operand, operand.type.dtype.compute, None, origin) if op.computes(k) else operand
        for k, operand in enumerate(operands)
    )
    inner = op.computed()
    found = inner.infer([operand.type for operand in given])
    if found == type:
        return Node(inner, given, type, name, origin)
    return converted(Node(inner, given, found, None, origin), type.dtype, name, origin)


def converted(node: Node, dtype: DType, name: str | None, origin: Origin) -> Node:
    """The node in a dtype; itself if it has it."""
    if node.type.dtype is dtype:
        return node
    return Node(conversion(node.type, dtype), (node,), replace(node.type, dtype=dtype), name, origin)


def naming(error: ShapeError | DTypeError, operands: Sequence[Node]) -> ShapeError | DTypeError:
    """The error with the operands, their types and their lines below it."""
    return type(error)(str(error) + "".join(f"\n  {describe(operand)}" for operand in operands))


def describe(node: Node, text: str = "") -> str:
    """One line for messages: name, op, type and the user's line; `text` is what a graph's text calls it."""
    name = (text or f"%{node.name}") if node.name else ", ".join(filter(None, [text, _nameless(node.op)]))
    source = f", from {node.origin.source}" if node.origin.source else ""
    return f"{name} : {node.type}{source}"


def _nameless(op: Op) -> str:
    if op.has(Trait.LEAF):
        return f"a {op.name} without a name"
    return "a sum of products" if op.has(Trait.CONTRACTION) else f"a result of {op.name}"
