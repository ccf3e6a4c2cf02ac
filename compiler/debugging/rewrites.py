"""Whether a rewriting pass has kept what a graph computes, on the arguments of a call.

Both graphs are evaluated by the oracle. What the pass has made is compared with what it stands for, and then
the old value takes its place: so each rewrite is judged by itself, on equal operands, and small differences
do not add up. Only a rewrite by which a result becomes another can be wrong.

**Wrong or stabilising.** Where old and new differ by more than rounding usually does, an element is computed
at 150 digits, as the graph before the pass writes it. The new value may be nearer to this than the old one
was; it may be away from it as far as rounding each step of either form by a unit can explain; where no number
is the result (0/0, an argument that is NaN) it must be what it was. Anything else is no rewrite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from compiler.backends.contract import Array
from compiler.backends.reference import compute, run
from compiler.debugging.arithmetic import TooFarError
from compiler.debugging.margins import Values, apart, margins, relative_margin, tolerances, worst
from compiler.debugging.truth import truth_of
from compiler.errors import PassError
from compiler.ir.graph import Graph, reachable
from compiler.ir.node import Node
from compiler.ir.op import Constant, Parameter
from compiler.ir.printing import print_node
from compiler.pipeline.contract import Record


def evaluated(graph: Graph, known: Values, sizes: Mapping[str, int]) -> dict[Node, Array]:
    """The oracle's values of a graph, of which those of inputs, and maybe of others, are known."""
    leaves = {node: known[node] for node in graph.nodes if node in known}
    for node in graph.nodes:
        if node not in leaves and isinstance(node.op, Parameter | Constant):
            leaves[node] = node.op.buffer.array.copy()
    return run(graph, leaves, sizes)


def check_rewrite(record: Record, values: Values, sizes: Mapping[str, int]) -> None:
    """Compares the graphs before and after a pass; `values` are those of the graph before.

    Raises PassError naming the pass, its rule, and the first node that is another.
    """
    rewrite = _Rewrite(record, values, sizes)
    with np.errstate(all="ignore"):
        wrong = rewrite.results_apart(rewrite.evaluate(lambda node, value: False))
        if wrong:
            rewrite.judge(wrong)


class _Rewrite:
    """One pass on one call."""

    def __init__(self, record: Record, values: Values, sizes: Mapping[str, int]) -> None:
        assert isinstance(record.before, Graph)
        assert isinstance(record.after, Graph)
        self.record, self.before, self.after = record, record.before, record.after
        self.old, self.sizes = values, sizes
        self.kept = set(self.before.nodes)
        self.stands = counterparts(record)
        self.tolerances = tolerances(self.before)
        self.new: dict[Node, Array] = {}
        self.settled: set[Node] = set()
        """Nodes in whose place the values stand that they stand for."""

    def evaluate(self, settle: Callable[[Node, Array], bool]) -> Values:
        """The values of the graph after the pass, where old ones take the place of those that agree.

        `settle` says whether they do all the same.
        """
        self.new, self.settled = {}, set()
        for node in self.after.nodes:
            if node in self.kept:
                self.new[node] = self.old[node]
                continue
            self.new[node] = value = self._value(node)
            stands_for = self.stands.get(node)
            if stands_for is not None and (self._agree(value, stands_for) or settle(node, value)):
                self.new[node] = self.old[stands_for]
                self.settled.add(node)
        return self.new

    def _value(self, node: Node) -> Array:
        if isinstance(node.op, Parameter | Constant):
            return node.op.buffer.array
        return compute(node, [self.new[operand] for operand in node.operands], self.sizes)

    def _agree(self, value: Array, old: Node) -> bool:
        return not self._differs(value, old).any()

    def _differs(self, value: Array, old: Node) -> Array:
        was = self.old[old]
        return apart(value, was, relative_margin(value, was, self.tolerances[old]))

    def results_apart(self, values: Values) -> list[int]:
        """The positions of results that are not what they were."""
        pairs = enumerate(zip(self.after.results, self.before.results, strict=True))
        return [k for k, (new, old) in pairs if new is not old and not self._agree(values[new], old)]

    def judge(self, wrong: Sequence[int]) -> None:
        """Looks at what the results that are apart are made from, first things first."""
        suspects = reachable([self.after.results[k] for k in wrong])

        def settle(node: Node, value: Array) -> bool:
            if node in suspects:
                self._require(node, value, self.stands[node], wrong)
            return node in suspects

        self.evaluate(settle)
        for k in self.results_apart(self.new):
            node = self.after.results[k]
            self._require(node, self.new[node], self.before.results[k], [k])

    # One value

    def _require(self, node: Node, value: Array, old: Node, wrong: Sequence[int]) -> None:
        """Raises PassError if a value is wrong."""
        differs = self._differs(value, old)
        frontier = self._frontier(node)
        for place in worst(value, self.old[old], differs):
            exact = self._wrong(node, value, old, place, frontier)
            if exact is not None:
                raise PassError(self._sentence(node, value, old, place, differs, exact, wrong))

    def _frontier(self, node: Node) -> set[Node]:
        """Where what the pass has made ends: kept nodes, and nodes in whose place old values stand."""
        found, pending = set[Node](), [node]
        seen = set(pending)
        while pending:
            current = pending.pop()
            if current in self.kept or (current in self.settled and current is not node):
                found.add(current)
                continue
            fresh = [item for item in current.operands if item not in seen]
            seen.update(fresh)
            pending += fresh
        return found

    def _wrong(
        self, node: Node, value: Array, old: Node, place: tuple[int, ...], frontier: set[Node]
    ) -> str | None:
        """What an element is exactly, if it is wrong; empty if that is too long to compute."""
        before = {self.stands[item] if item in self.settled else item for item in frontier} - {old}
        try:
            exact = truth_of((old, place), self.old, before, self.sizes)
            made = truth_of((node, place), self.new, frontier, self.sizes)
        except TooFarError:
            margin = margins(self.before, self.old)[old]
            found, was = value[place], self.old[old][place]
            is_fit = not np.isfinite(was) or bool(abs(found - was) <= margin)
            return None if is_fit else ""
        is_right = exact.allows(value[place], self.old[old][place], self.tolerances[old], made.spread)
        return None if is_right else str(exact)

    # Words

    def _sentence(
        self, node: Node, value: Array, old: Node, place: tuple[int, ...], differs: Array, exact: str,
        wrong: Sequence[int],
    ) -> str:  # fmt: skip
        rules = self._rules(node, old)
        by = f" by its rule `{'`, `'.join(rules)}`" if rules else ", and says no rule by which"
        was, found = self.old[old][place], value[place]
        shown = f"\n  exactly it is {exact}" if exact else ""
        return (
            f"pass {self.record.name} changes the value of {self.before.names.describe(old)}{by}"
            f"\n  before: {print_node(old, self.before.names)}"
            f"\n  after:  {print_node(node, self.after.names)}"
            f"\n  of {differs.size} elements {int(differs.sum())} differ, the most at {list(place)}: "
            f"it was {was} and is {found}{shown}"
            f"\n  so {', '.join(self._result(k) for k in wrong)} would be wrong"
        )

    def _result(self, position: int) -> str:
        first = len(self.before.outputs)
        if position < first:
            return f"output {position}"
        return f"the next value of {self.before.names.values[self.before.updates[position - first][0]]}"

    def _rules(self, node: Node, old: Node) -> list[str]:
        """The rules by which a pass made a node and what it needs; else what the pass says it did."""
        made = _between(node, self._frontier(node))
        rules = [item.origin.rule for item in made if item.origin.maker == self.record.name]
        gone = {old, *_between(old, self.kept & set(self.after.nodes))}
        said = [item.sentence for item in self.record.report.actions if not gone.isdisjoint(item.nodes)]
        return list(dict.fromkeys(rule for rule in rules if rule)) or said[:1]


def counterparts(record: Record) -> dict[Node, Node]:
    """For nodes that a pass has made the nodes of the graph before whose places they have taken.

    Results stand for results, whatever else is known.
    """
    before, after = record.before, record.after
    assert isinstance(before, Graph)
    assert isinstance(after, Graph)
    kept = set(before.nodes)
    stands: dict[Node, Node] = {}
    for old, new in record.became.items():
        if new not in kept and new.type == old.type:
            stands.setdefault(new, old)
    results = zip(after.results, before.results, strict=True)
    return stands | {new: old for new, old in results if new not in kept}


def _between(node: Node, frontier: set[Node]) -> list[Node]:
    """A node and what it is made from, up to a frontier; the latest first."""
    found, pending = {node}, [node]
    while pending:
        for item in pending.pop().operands:
            if item not in found and item not in frontier:
                found.add(item)
                pending.append(item)
    return sorted(found, key=lambda item: -item.serial)
