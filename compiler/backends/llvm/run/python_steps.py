"""Nodes that NumPy computes between native steps, and the native parts around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from compiler.backends.llvm.run.binding import Binding
from compiler.backends.llvm.run.driver import driver
from compiler.backends.llvm.run.sharing import write_shared
from compiler.backends.llvm.steps.launches import PythonStep
from compiler.backends.reference import compute
from compiler.ir.node import Node
from compiler.ir.op import Call

Array: TypeAlias = np.ndarray[Any, Any]


def run_segments(binding: Binding, frame: Any, look: Callable[[Node], Array]) -> int:
    """Runs all of a binding on a frame: the driver's answer, and nothing behind a part that is refused."""
    run_part = driver().run_part
    for segment in binding.segments:
        if isinstance(segment, PythonStep):
            run_python_step(segment, look, binding.sizes)
        elif (answer := run_part(binding.address, frame, *segment)) != 0:
            return answer
    return 0


def run_python_step(step: PythonStep, look: Callable[[Node], Array], sizes: Mapping[str, int]) -> None:
    """Computes a step's nodes and writes those that are stored."""
    values: dict[Node, Array] = {}
    with np.errstate(all="ignore"):
        for node in step.nodes:
            for operand in node.operands:
                if operand not in values:
                    values[operand] = look(operand)
            operands = [values[operand] for operand in node.operands]
            if isinstance(node.op, Call) and node in step.stored:
                values[node] = look(node)
                write_shared(node, node.op, operands, sizes, values[node])
            else:
                values[node] = compute(node, operands, sizes)
    for node in step.stored:
        if not isinstance(node.op, Call):
            np.copyto(look(node), values[node])
