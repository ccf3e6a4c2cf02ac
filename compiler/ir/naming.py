"""What things are called: one name for each value of a graph, which it keeps through every rewrite.

A value with a name of its own is called by it, any other by its number (`%34`). A graph that was made from
another goes on from the names of that: what it keeps is called as before, what is new gets a name or a number
that nothing had. So a name in any view of a program means one value, and its text reads back with it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol

from compiler.ir.formula.atoms import ATOMS
from compiler.ir.formula.tape import Formula
from compiler.ir.node import Node, describe
from compiler.ir.op import LAYOUTS, Call, MapReduce, Reducer, Scan

RESERVED: Final = frozenset({
    "input", "parameter", "constant", *(layout.word for layout in LAYOUTS), *(scan.value for scan in Scan),
})  # fmt: skip
"""Words that begin a right-hand side of their own."""

_MOST_DIGITS: Final = 16
_PLAIN = re.compile(r"[A-Za-z_0-9][\w.']*\Z", re.ASCII)


class Text(Protocol):
    """What has a text: a graph, which `compiler.ir.graph` defines above this module."""

    @property
    def nodes(self) -> tuple[Node, ...]: ...
    @property
    def inputs(self) -> tuple[Node, ...]: ...
    @property
    def outputs(self) -> tuple[Node, ...]: ...
    @property
    def updates(self) -> tuple[tuple[Node, Node], ...]: ...
    @property
    def lineage(self) -> Lineage | None: ...
    @property
    def given(self) -> Mapping[Node, str] | None: ...
    @cached_property
    def names(self) -> Names: ...


@dataclass(frozen=True, slots=True)
class Lineage:
    """From which graph a graph was made, and which node became which.

    `became` leads from nodes of the graph before to those that have taken their places; what is gone is not
    in it. Where nobody kept account it is a guess (`compiler.rewrite.lineage`), and not exact.
    """

    before: Text
    became: Mapping[Node, Node]
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class Used:
    """What has been given: how often each name, and how many numbers."""

    names: Counter[str]
    numbers: int

    @classmethod
    def of(cls, texts: Iterable[str]) -> Used:
        """What a text has given, whatever marks and numbers it skips."""
        names: Counter[str] = Counter()
        numbers = 0
        for text in texts:
            bare = text.removeprefix("%")
            if bare.isdigit():
                numbers = max(numbers, _counted(bare) + 1)
            else:
                name, mark = unquoted(bare)
                names[name] = max(names[name], _counted(mark[1:]), 1)
        return cls(names, numbers)


def _counted(digits: str) -> int:
    """A number that counting may reach; 0 for one that it cannot, or none."""
    return int(digits) if digits.isdigit() and len(digits) < _MOST_DIGITS else 0


@dataclass(frozen=True, slots=True)
class Names:
    """What a text calls things: each value, each formula of a map, and each opaque call."""

    values: Mapping[Node, str]
    """Also those of the graphs from which this one was made."""
    formulas: Mapping[Formula, str]
    calls: Mapping[Call, str]
    used: Used

    def describe(self, node: Node) -> str:
        """One line for messages, with the name that views have for the node where there is one."""
        text = self.values.get(node)
        return describe(node) if text is None else describe(node, text)


def names_of(graph: Text) -> Names:
    """Unique names: a node's own where it has one, else a number; `~2`, `~3` tell twins apart.

    Those that a text gave are kept, and so are those of the graph from which this one was made.
    """
    nodes = graph.nodes
    values, used = _value_names(graph)
    return Names(values, _formula_names(nodes), _call_names(nodes), used)


def _value_names(graph: Text) -> tuple[Mapping[Node, str], Used]:
    if graph.given is not None:
        return graph.given, Used.of(graph.given.values())
    if graph.lineage is None:
        return _fresh(graph.nodes, {}, Used(Counter(), 0))
    before = graph.lineage.before.names
    kept = _inherited(graph.nodes, graph.lineage.became, before.values)
    return _fresh(graph.nodes, {**before.values, **kept}, before.used)


def _fresh(nodes: Iterable[Node], known: Mapping[Node, str], used: Used) -> tuple[dict[Node, str], Used]:
    """Names that nothing had, for the nodes that have none yet."""
    counts, number = Counter(used.names), used.numbers
    names = dict(known)
    new = [node for node in nodes if node not in known]
    # Leaves keep their names before everything else: callers use them.
    for node in sorted(new, key=lambda node: bool(node.operands)):
        if node.name is not None:
            names[node] = f"%{_unique(node.name, counts)}"
    for node in new:
        if node.name is None:
            names[node] = f"%{number}"
            number += 1
    return names, Used(counts, number)


def _inherited(
    nodes: Iterable[Node], became: Mapping[Node, Node], values: Mapping[Node, str]
) -> dict[Node, str]:
    """Names that go on: of nodes that stay, and of those made again in the place of the same."""
    found = {node: values[node] for node in nodes if node in values}
    there, taken = set(nodes), set(found.values())
    for old, new in became.items():
        if new in there and new not in found and values[old] not in taken and _is_same(old, new):
            found[new] = values[old]
            taken.add(values[old])
    return found


def _is_same(old: Node, new: Node) -> bool:
    """Whether a node in the place of another is still called the same.

    A name goes with the place. A number belongs to what somebody made, which the origin says.
    """
    if new.name is not None or old.name is not None:
        return old.name == new.name
    return old.origin is new.origin and old.op == new.op


def _formula_names(nodes: tuple[Node, ...]) -> dict[Formula, str]:
    counts = Counter({*RESERVED, *ATOMS})
    names: dict[Formula, str] = {}
    for node in nodes:
        op = node.op
        if isinstance(op, MapReduce) and op.reducer is Reducer.NONE and op.formula not in names:
            formula = op.formula
            names[formula] = formula.name if is_atom(formula) else _unique(formula.name, counts)
    return names


def is_atom(formula: Formula) -> bool:
    """Whether a formula is what its name means without a definition."""
    atom = formula.atom
    return (
        atom is not None and atom.name == formula.name and formula.parameters == ("x", "y", "z")[: atom.arity]
    )


def _call_names(nodes: tuple[Node, ...]) -> dict[Call, str]:
    counts: Counter[str] = Counter()
    calls = dict.fromkeys(node.op for node in nodes if isinstance(node.op, Call))
    return {op: _unique(op.label, counts) for op in calls}


def _unique(name: str, counts: Counter[str]) -> str:
    counts[name] += 1
    return quoted(name) + (f"~{counts[name]}" if counts[name] > 1 else "")


def quoted(name: str) -> str:
    """A name as it stands in text: itself if it is a plain word and no number, else a JSON string."""
    return name if _PLAIN.match(name) and not name.isdigit() else json.dumps(name)


def unquoted(text: str) -> tuple[str, str]:
    """The name that a text stands for, and its mark: `h`, `~2` for `h~2`.

    Raises ValueError for a bad JSON string.
    """
    if text.startswith('"'):
        bare, quote, mark = text.rpartition('"')
        return json.loads(bare + quote), mark
    bare, tilde, number = text.partition("~")
    return bare, tilde + number


def reference(text: str) -> str:
    """The name under which a value, an array or a call is given for what a text calls it.

    `a b~2` for `%"a b"~2`. A name that is a number or has a `~` of its own keeps its quotes, so that no two
    are alike.
    """
    bare = text.removeprefix("%")
    name, mark = unquoted(bare)
    is_alone = not bare.startswith('"') or not (name.isdigit() or "~" in name)
    return name + mark if is_alone else bare
