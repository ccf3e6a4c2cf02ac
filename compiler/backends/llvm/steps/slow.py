"""Which kernels are on a slow path, why, and what would take them off it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from compiler.backends.contract import Slow
from compiler.backends.llvm.steps.launches import PythonStep, Step
from compiler.backends.llvm.steps.loops import LoopStep
from compiler.ir.dims import evaluate, symbols
from compiler.ir.node import Node
from compiler.ir.op import ArrayFunction, Call, Trait

REUSED: Final = 4
"""How often an element is read, on average, from where on tiles keep much of memory's time."""


def slow_kernels(of_kernel: Sequence[Sequence[Step | PythonStep]]) -> Iterator[Slow]:
    """Those of a program whose kernels have these steps."""
    for number, steps in enumerate(of_kernel):
        for step in steps:
            match step:
                case PythonStep(nodes=nodes, reason=reason) if not _is_known(nodes[0]):
                    yield _by_python(number, nodes[0], reason)
                case LoopStep(no_product=reason) if reason and _reuses(step):
                    yield Slow(
                        number, f"a contraction that is computed without tiles: {reason}",
                        "make it a product of two operands of its dtype, each with a loop of the result that "
                        "the other has not",
                    )  # fmt: skip
                case _:
                    pass


def _is_known(node: Node) -> bool:
    """Whether it is a call of ours, which is as fast as loops of ours would be, or faster."""
    return isinstance(node.op, Call) and isinstance(node.op.function, ArrayFunction)


def _by_python(number: int, node: Node, reason: str) -> Slow:
    if node.op.has(Trait.OPAQUE):
        return Slow(
            number, f"{node.op.name} is a Python function, called between native kernels",
            "write it with ops, which are compiled, fused and differentiated",
        )  # fmt: skip
    return Slow(
        number, f"NumPy computes it between native kernels: {reason}",
        "split it into ops that have native kernels",
    )  # fmt: skip


def _reuses(step: LoopStep) -> bool:
    """Whether elements are read again and again, so that tiles would help; symbols are taken to be 64."""
    draft = step.draft
    extents = [draft.iterations, *(count for _, count in draft.moves)]
    sizes = {name: 64 for extent in extents for name in symbols(extent)}
    iterations, *moved = (evaluate(extent, sizes) for extent in extents)
    return iterations > REUSED * sum(moved)
