"""Which node of one graph is which of another.

In this order, each step leaving alone what is matched already:

1. the same object, which passes keep and snapshots share; and what a caller knows (`known`);
2. equal values in equal places: the same op of matched-alike operands, read in the same way, down to the
   results;
3. equal values, where each graph has as many of them;
4. one name and one op;
5. neighbours: operands in one place of matched nodes, then users that read matched nodes in one place. Nodes
   of one op go before those of one formula, and those before nodes of one kind; what is of another kind is
   never matched.

The steps treat both graphs alike, so the matching of (b, a) is that of (a, b) turned around. Walks are linear
but for the hashing of keys, and nothing recurses.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Call, Constant, Input, MapReduce, Parameter

Key: TypeAlias = Hashable


def match_graphs(left: Graph, right: Graph, known: Mapping[Node, Node] | None = None) -> dict[Node, Node]:
    """For each node of `left` that has a counterpart in `right` that counterpart."""
    matching = _Matching(left, right)
    theirs = set(right.nodes)
    matching.join((node, node) for node in left.nodes if node in theirs)
    ours = set(left.nodes)
    matching.join((a, b) for a, b in (known or {}).items() if a in ours and b in theirs)
    numbers: dict[Key, int] = {}
    values = [_values(graph, numbers) for graph in (left, right)]
    places = [_places(graph, numbers) for graph in (left, right)]
    whole = [{node: (values[k][node], places[k][node]) for node in places[k]} for k in (0, 1)]
    matching.join_equal(whole[0].get, whole[1].get)
    matching.join_equal(values[0].get, values[1].get, is_counted=True)
    matching.join_equal(_name_key, _name_key, is_counted=True)
    matching.join_results()
    matching.spread()
    return matching.found


def op_key(node: Node) -> Key:
    """What a node does: its op, of inputs and parameters their type and name, of opaque calls the type."""
    op = node.op
    match op:
        case Input():
            return op.name, node.type, node.name, op.low, op.high
        case Parameter():
            return op.name, node.type, node.name
        case Constant():
            return op.name, node.type, op.bits if op.buffer.is_bound else node.name
        case Call():
            return op.name, op.type
        case _:
            return op, op.name


def formula_key(node: Node) -> Key:
    """What a node does but for its literals and loops: of maps the formula, of others their op's name."""
    op = node.op
    return kind_key(node), op.formula if isinstance(op, MapReduce) else op.name


def kind_key(node: Node) -> Key:
    """What sort of node it is: two of one sort may be one node that was changed."""
    op = node.op
    reducer = op.reducer if isinstance(op, MapReduce) else None
    return type(op), reducer, len(node.operands)


_KEYS: Final = (op_key, formula_key, kind_key)
"""From the most alike to the least."""


class _Matching:
    """Pairs found so far, in both directions."""

    def __init__(self, left: Graph, right: Graph) -> None:
        self.left = left
        self.right = right
        self.found: dict[Node, Node] = {}
        self.back: dict[Node, Node] = {}
        self.fresh: deque[tuple[Node, Node]] = deque()

    def join(self, pairs: Iterable[tuple[Node, Node]]) -> None:
        """Match pairs of which neither side is matched."""
        for a, b in pairs:
            if a not in self.found and b not in self.back:
                self.found[a], self.back[b] = b, a
                self.fresh.append((a, b))

    def join_equal(
        self, ours: Callable[[Node], Key], theirs: Callable[[Node], Key], *, is_counted: bool = False
    ) -> None:
        """Match nodes of one key in order; if counted, only where there are as many on both sides."""
        left = _by_key((node for node in self.left.nodes if node not in self.found), ours)
        right = _by_key((node for node in self.right.nodes if node not in self.back), theirs)
        for key, nodes in left.items():
            others = right.get(key, [])
            if others and (not is_counted or len(nodes) == len(others)):
                self.join(zip(nodes, others, strict=False))

    def join_results(self) -> None:
        """Match what stands in one place of the outputs, or is written to one parameter."""
        self._join_alike([*zip(self.left.outputs, self.right.outputs, strict=False)])
        next_value = dict(self.right.updates)
        pairs = [
            (value, next_value[self.found[parameter]])
            for parameter, value in self.left.updates
            if self.found.get(parameter) in next_value
        ]
        self._join_alike(pairs)

    def spread(self) -> None:
        """From every matched pair to its operands and users, of equal ops first, then of one kind."""
        for key in _KEYS:
            self.fresh = deque(self.found.items())
            while self.fresh:
                a, b = self.fresh.popleft()
                if len(a.operands) == len(b.operands):
                    self._join_where(zip(a.operands, b.operands, strict=True), key)
                self._join_users(a, b, key)

    def _join_alike(self, pairs: Sequence[tuple[Node, Node]]) -> None:
        for key in _KEYS:
            self._join_where(pairs, key)

    def _join_where(self, pairs: Iterable[tuple[Node, Node]], key: Callable[[Node], Key]) -> None:
        self.join((a, b) for a, b in pairs if key(a) == key(b))

    def _join_users(self, a: Node, b: Node, key: Callable[[Node], Key]) -> None:
        left = self._free_users(self.left, a, self.found)
        right = self._free_users(self.right, b, self.back)
        ours = _by_key(left, lambda user: (key(user), _positions(user, a)))
        theirs = _by_key(right, lambda user: (key(user), _positions(user, b)))
        for item, users in ours.items():
            self.join(zip(users, theirs.get(item, []), strict=False))

    @staticmethod
    def _free_users(graph: Graph, node: Node, taken: Mapping[Node, Node]) -> Iterator[Node]:
        return (user for user in dict.fromkeys(graph.users[node]) if user not in taken)


def _positions(user: Node, operand: Node) -> tuple[int, ...]:
    return tuple(k for k, item in enumerate(user.operands) if item is operand)


def _by_key(nodes: Iterable[Node], key: Callable[[Node], Key]) -> dict[Key, list[Node]]:
    found: dict[Key, list[Node]] = {}
    for node in nodes:
        item = key(node)
        if item is not None:
            found.setdefault(item, []).append(node)
    return found


def _name_key(node: Node) -> Key:
    return None if node.name is None else (node.name, op_key(node))


def _values(graph: Graph, numbers: dict[Key, int]) -> dict[Node, int]:
    """A number for each node: the same for the same op of operands of the same numbers."""
    found: dict[Node, int] = {}
    for node in graph.nodes:
        key = "value", op_key(node), tuple(found[operand] for operand in node.operands)
        found[node] = numbers.setdefault(key, len(numbers))
    return found


def _places(graph: Graph, numbers: dict[Key, int]) -> dict[Node, int]:
    """A number for each node: the same where the same results are made from it in the same way."""
    roles: dict[Node, list[Key]] = {node: [] for node in graph.nodes}
    for position, node in enumerate(graph.outputs):
        roles[node].append(("output", position))
    for parameter, value in graph.updates:
        roles[value].append(("update", parameter.name))
    found: dict[Node, int] = {}
    for node in reversed(graph.nodes):
        users = sorted((found[user], _positions(user, node)) for user in dict.fromkeys(graph.users[node]))
        key = "place", op_key(node), node.name, tuple(map(repr, roles[node])), tuple(users)
        found[node] = numbers.setdefault(key, len(numbers))
    return found
