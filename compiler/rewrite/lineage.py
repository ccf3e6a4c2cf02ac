"""Which node became which between two graphs: as whoever rewrote them kept account, or a guess.

`sweep` and `Graph.rebuilt` keep account. A graph that somebody made by hand is matched with the one before: a
node that is still there is itself; the results stand in the same order; what a pass made says in its origin
for whom; what was only made again over new operands has the same op over what the old operands became.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping

from compiler.ir.graph import Graph
from compiler.ir.naming import Lineage, Text
from compiler.ir.node import Node, Origin


def traced(before: Graph, after: Graph) -> Graph:
    """The graph after, whose lineage leads straight to the one before; itself where it does so already."""
    if after is before or (after.lineage is not None and after.lineage.before is before):
        return after
    steps = _steps(before, after)
    if steps is None:
        return after.descended(Lineage(before, guessed(before, after), is_exact=False))
    became = {node: node for node in before.nodes}
    for step in steps:
        became = {old: step.became[node] for old, node in became.items() if node in step.became}
    return after.descended(Lineage(before, became, all(step.is_exact for step in steps)))


def _steps(before: Graph, after: Graph) -> list[Lineage] | None:
    """The lineages that lead from one graph to another, if they do."""
    found: list[Lineage] = []
    graph: Text = after
    while graph is not before:
        if graph.lineage is None:
            return None
        found.append(graph.lineage)
        graph = graph.lineage.before
    return found[::-1]


def guessed(before: Graph, after: Graph) -> dict[Node, Node]:
    """For nodes of one graph those that seem to have taken their places in another. Linear."""
    there, known = set(after.nodes), set(before.nodes)
    new = [node for node in after.nodes if node not in known]
    results = _results(before, after)
    made = _made_for(known, new)
    again: dict[Hashable, Node] = {(node.op, node.operands): node for node in reversed(new)}
    became: dict[Node, Node] = {}
    for old in before.nodes:
        operands = tuple(became.get(operand, operand) for operand in old.operands)
        found = old if old in there else results.get(old, made.get(old, again.get((old.op, operands))))
        if found is not None and found.type == old.type:
            became[old] = found
    return became


def _results(before: Graph, after: Graph) -> dict[Node, Node]:
    pairs = [*zip(before.results, after.results, strict=False)]
    return dict(reversed(pairs))


def _made_for(known: set[Node], new: Iterable[Node]) -> dict[Node, Node]:
    """The last node that says in an origin of its own that it was made for an old one."""
    handed_on = {id(node.origin) for node in known}
    ends: dict[Node, Node | None] = {}
    found: dict[Node, Node] = {}
    for node in new:
        origin = node.origin
        of = (
            None if origin.maker in ("user", "grad") or id(origin) in handed_on else _old(origin, ends, known)
        )
        ends[node] = of
        if of is not None and of.type == node.type:
            found[of] = node
    return found


def _old(origin: Origin, ends: Mapping[Node, Node | None], known: set[Node]) -> Node | None:
    """For which old node something was made, perhaps by way of another new one."""
    of = origin.of
    return of if of is None or of in known else ends.get(of)
