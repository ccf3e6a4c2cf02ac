"""What is written for a node: which nodes are read, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Access, MapReduce, Reducer, Reshape, Transpose
from compiler.ir.scope import Scope
from tinytorch.onnx.exporting.context import Context
from tinytorch.onnx.exporting.values import Value


@dataclass(frozen=True, slots=True)
class Plan:
    """How a node is written. What lies between it and what it reads is not, unless others need it."""

    reads: Sequence[Node]
    write: Callable[[Context, Sequence[Value]], Value]


class Uses:
    """Who reads what in a graph."""

    def __init__(self, graph: Graph, opset: int) -> None:
        self.opset = opset
        """The version of the standard's operators that is written."""
        self._users = graph.users
        self._results = set(graph.results)
        self.layers: dict[Scope, object] = {}
        """What was found in a use of a scope from which others read several values."""
        self._seen: dict[Scope | None, Sequence[Node]] = {}
        self._made: dict[Scope | None, list[Node]] = {}
        for node in graph.nodes:
            if node.origin.of is None:
                for part in _around(node.origin.opened):
                    self._made.setdefault(part, []).append(node)

    def is_inner(self, node: Node) -> bool:
        """Whether one node reads a value, once, and nobody else sees it."""
        return len(self._users[node]) == 1 and node not in self._results

    def made_in(self, scope: Scope | None) -> Sequence[Node]:
        """What was built in one use of a scope, and of those in it, but for gradients."""
        return self._made.get(scope, ())

    def seen_of(self, scope: Scope | None) -> Sequence[Node]:
        """The nodes of a use of a scope that others see."""
        if scope not in self._seen:
            inside = set(self.made_in(scope))
            self._seen[scope] = [
                node
                for node in self.made_in(scope)
                if self.is_result(node) or any(user not in inside for user in self._users[node])
            ]
        return self._seen[scope]

    def result_of(self, scope: Scope | None) -> Node | None:
        """The one node of a use of a scope that others see; None where they see several."""
        seen = self.seen_of(scope)
        return seen[0] if len(seen) == 1 else None

    def is_result(self, node: Node) -> bool:
        """Whether a call returns a value."""
        return node in self._results


def _around(part: Scope | None) -> Iterator[Scope | None]:
    """A scope and those that it is in; None alone for no scope."""
    yield part
    while part is not None and part.parent is not None:
        part = part.parent
        yield part


@dataclass(frozen=True, slots=True)
class Products:
    """A sum of products, of operands that are not transposed: the op walks over their axes as they are."""

    op: MapReduce
    operands: tuple[Node, ...]


def products_of(node: Node) -> Products | None:
    """The sum of products of several operands that a node is; None for another one."""
    op = node.op
    if not isinstance(op, MapReduce) or op.reducer is not Reducer.SUM or len(op.accesses) < 2:
        return None
    if len(op.accesses) != len(op.arguments) or op.formula.factors is None:
        return None
    pairs = [_as_stored(item, access) for item, access in zip(node.operands, op.accesses, strict=True)]
    arguments = tuple(access for _, access in pairs)
    return Products(replace(op, arguments=arguments), tuple(item for item, _ in pairs))


def _as_stored(node: Node, access: Access) -> tuple[Node, Access]:
    """What a transposed operand is made of, and how it is walked over."""
    while isinstance(node.op, Transpose):
        axes = dict(zip(node.op.order, access.axes, strict=True))
        node, access = node.operands[0], Access(tuple(axes[k] for k in range(len(axes))))
    return node, access


def atom_of(node: Node) -> str:
    """The atom that a map is, of all its operands; nothing for another node."""
    op = node.op
    if not isinstance(op, MapReduce) or op.reducer is not Reducer.NONE or op.formula.atom is None:
        return ""
    return op.formula.atom.name


def added(node: Node) -> tuple[Node, Node] | None:
    """The operands of a sum that has the type of the first, to which the second broadcasts."""
    op = node.op
    if atom_of(node) != "add" or not isinstance(op, MapReduce) or len(node.operands) != 2:
        return None
    left, right = node.operands
    rank = node.type.rank
    places = enumerate(op.accesses[1].axes, start=rank - right.type.rank)
    is_aligned = all(axis in (None, place) for place, axis in places)
    is_whole = op.accesses[0].axes == tuple(range(rank)) == op.output
    is_plain = node.type == left.type and right.type.dtype is node.type.dtype
    return (left, right) if is_plain and is_aligned and is_whole else None


def vector_along(node: Node, like: Node, axis: int) -> Node | None:
    """The vector of which a value has one number for each place along an axis of another, and no other."""
    if node.type.dtype is not like.type.dtype or node.type.rank > like.type.rank:
        return None
    behind = like.type.rank - axis
    if node.type.shape[-behind:] != (like.type.shape[axis], *[1] * (behind - 1)):
        return None
    if node.type.rank == 1:
        return node
    vector = node.operands[0] if isinstance(node.op, Reshape) else node
    return vector if vector.type.shape == (like.type.shape[axis],) else None
