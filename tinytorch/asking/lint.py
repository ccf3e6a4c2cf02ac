"""lint: what is likely to go wrong, before anything runs."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir.graph import Graph
from compiler.lint.finding import LintReport
from compiler.lint.linting import lint_graph
from compiler.program import Program
from tinytorch.api import graph_of
from tinytorch.tensor import Tensor


def lint(what: Tensor | Sequence[Tensor] | Graph | Program) -> LintReport:
    """What is likely to go wrong in a program, a graph, or tensors, each with the user's line and a fix.

    False if nothing is; `print` shows it, `findings` and `to_dict()` are the data. Nothing runs. Exponentials
    that overflow, logarithms, roots and divisions where they have no value, and saturated functions are found
    from declared ranges (`tt.input(..., low=, high=)`), constants and literals: of what is not declared
    nothing is said. Parameters may hold anything. Of types and shapes: float32 that becomes float64, a mean
    over no elements, a softmax or log-sum-exp by hand that is not made stable, a parameter that no update
    writes or no gradient reaches, an update that writes what is there, an input that nothing reads. Raises
    ArgumentError for anything else.
    """
    return lint_graph(graph_of(what))
