"""All rules, and a graph under them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.printing import print_path
from compiler.lint.facts import Facts
from compiler.lint.finding import Code, Finding, LintReport, Remark
from compiler.lint.formulas import divides_by_zero, empty_mean, exp_overflows, log_of_zero, root_of_negative
from compiler.lint.interface import unused_input, widened
from compiler.lint.saturation import saturated
from compiler.lint.stability import nearly_stable
from compiler.lint.training import idle_update, no_gradient, not_updated

RULES: Final[Sequence[Callable[[Facts], Iterator[Remark]]]] = (
    exp_overflows,
    log_of_zero,
    root_of_negative,
    divides_by_zero,
    saturated,
    nearly_stable,
    widened,
    not_updated,
    empty_mean,
    no_gradient,
    idle_update,
    unused_input,
)
"""Every rule."""


def lint_graph(graph: Graph) -> LintReport:
    """What is likely to go wrong in a graph, each thing once."""
    facts = Facts(graph)
    names, scopes = graph.names.values, graph.scopes
    place = {node: number for number, node in enumerate(graph.nodes)}
    found: dict[tuple[Code, Node], Finding] = {}
    for rule in RULES:
        for remark in rule(facts):
            node = facts.written(remark.node)
            if node is not None:
                scope = print_path(scopes[node])
                finding = Finding(remark.code, node, names[node], remark.sentence, remark.fix, scope)
                found.setdefault((remark.code, node), finding)
    return LintReport(graph, tuple(sorted(found.values(), key=lambda item: place[item.node])))
