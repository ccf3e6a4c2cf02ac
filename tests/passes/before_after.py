"""A rewriting pass as a text before and a text after."""

import re
from textwrap import dedent
from typing import Any

from compiler.ir.graph import Graph
from compiler.ir.verify import verify
from compiler.pipeline.contract import Report, RewritingPass
from compiler.rewrite.refusal import Reason
from compiler.schedule.target import Target


def rewritten(pass_: RewritingPass, before: str, **given: Any) -> tuple[Graph, Graph, Report]:
    """The graph of a text, what a pass makes of it, and the report."""
    graph = Graph.parse(dedent(before), **given)
    after, report = pass_.rewrite(graph, Target(reads_windows=True, copies_panels=True))
    verify(after, pass_.name)
    return graph, after, report


def check_change(pass_: RewritingPass, before: str, after: str, **given: Any) -> Report:
    """Asserts that a pass makes one text of another, and says so. Returns its report."""
    source, graph, report = rewritten(pass_, before, **given)
    anew = Graph(graph.nodes, graph.inputs, graph.outputs, graph.updates)
    assert str(anew) == dedent(after).lstrip("\n"), "numbered anew"
    assert report.actions, "what was done is not said"
    assert all(set(action.nodes) <= set(source.nodes) for action in report.actions)
    return report


def check_no_change(pass_: RewritingPass, text: str, **given: Any) -> Report:
    """Asserts that a pass returns the very graph that it was given. Returns its report."""
    source, graph, report = rewritten(pass_, text, **given)
    assert graph is source
    assert not report.actions
    return report


def reasons(report: Report) -> list[Reason]:
    """The codes of what was refused."""
    return [refusal.reason for refusal in report.refusals]


def docstring_example(docstring: str) -> tuple[str, str]:
    """The texts in the two columns of a pass's docstring, between which `->` stands."""
    block = docstring.split("\n\n")[1].split("\n")
    start = re.search(r"\S\s{4,}(?=\S)", block[0])
    assert start is not None, "the first line has two columns"
    column = start.end()
    left = [line[:column].replace(" -> ", " ").rstrip() for line in block]
    right = [line[column:].rstrip() for line in block]
    return "\n".join(left), "\n".join(line for line in right if line) + "\n"
