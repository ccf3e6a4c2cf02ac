"""Rules about what a graph is given: dtypes that widen, inputs that nobody reads."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.ir.node import written_for
from compiler.ir.op import Input, MapReduce
from compiler.ir.types import FLOAT32, FLOAT64
from compiler.lint.facts import Facts
from compiler.lint.finding import Code, Remark


def widened(facts: Facts) -> Iterator[Remark]:
    """Maps of float32 that become float64 beside a float64 value."""
    for node in facts.graph.nodes:
        if (
            node.type.dtype is not FLOAT64
            or not isinstance(node.op, MapReduce)
            or written_for(node).origin.maker != "user"
        ):
            continue
        narrow = [item for item in node.operands if item.type.dtype is FLOAT32]
        wide = [item for item in node.operands if item.type.dtype is FLOAT64]
        if narrow and wide:
            called = facts.graph.names.values[wide[0]]
            yield Remark(
                Code.WIDENED,
                node,
                f"{node.op.name} of {narrow[0].type} and {wide[0].type} is float64, because {called} is",
                f'give {called} as float32 (dtype="float32", array.astype(np.float32)), or cast on purpose',
            )


def unused_input(facts: Facts) -> Iterator[Remark]:
    """Inputs that nothing reads."""
    results = {*facts.graph.outputs, *(value for _, value in facts.graph.updates)}
    for node in facts.graph.inputs:
        if isinstance(node.op, Input) and not facts.graph.users[node] and node not in results:
            yield Remark(
                Code.UNUSED_INPUT,
                node,
                "nothing reads this input, and every call has to give it",
                "leave it out of the inputs, or use it",
            )
