"""A rewriting pass: exp(x) * exp(y) becomes exp(x + y), one call of exp instead of two."""

from dataclasses import dataclass

import numpy as np

import tinytorch as tt
from compiler.ir.build import apply
from compiler.ir.graph import Graph
from compiler.ir.node import Node, Origin, make_node
from compiler.pipeline.contract import Action, Report
from compiler.schedule.target import Target
from tinytorch.testing import check_pass


@dataclass(frozen=True)
class JoinExponentials:
    """A pass is a small frozen value with a name and one method. Its fields are its options."""

    name: str = "join_exponentials"

    def rewrite(self, graph: Graph, target: Target) -> tuple[Graph, Report]:
        actions: list[Action] = []

        def replace(node: Node, operands: tuple[Node, ...]) -> Node:
            if node.op.name == "mul" and all(is_lone_exp(item, graph) for item in node.operands):
                left, right = operands
                joined = apply("add", left.operands[0], right.operands[0], dtype=node.type.dtype)
                origin = Origin(node.origin.source, self.name, "exp(x) exp(y) = exp(x + y)", node)
                made = apply("exp", joined, origin=origin)
                if made.type == node.type:
                    actions.append(Action((node,), "a product of exponentials is one of a sum"))
                    return made
            return node if operands == node.operands else make_node(node.op, operands, node.name, node.origin)

        after = graph.rebuilt(replace)
        return (after, Report(tuple(actions))) if actions else (graph, Report())


def is_lone_exp(node: Node, graph: Graph) -> bool:
    """Whether a value is an exponential that nobody else reads."""
    return node.op.name == "exp" and len(graph.users[node]) == 1 and node not in graph.results


x, y = tt.input("x", ("n",)), tt.input("y", ("n",))
product = tt.exp(x) * tt.exp(y)
program = tt.compile([x, y], product, passes=[JoinExponentials(), "dead_code"])
print(program.graph)
print(*program.history, sep="\n")
print(program.why(product))
print(program(np.float32([0, 1]), np.float32([1, 2])))

# Runs a dozen programs with the pass alone, twice, and before and after the others, against the oracle.
check_pass(JoinExponentials())
print("checked")
