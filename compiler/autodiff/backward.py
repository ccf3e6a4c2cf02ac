"""The backward walk: the cotangent of an output becomes those of its operands, in reverse creation order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compiler.autodiff.masks import Cotangent
from compiler.autodiff.rules import adjoint, sum_of
from compiler.errors import GradientError
from compiler.ir.build import constant_node
from compiler.ir.graph import reachable
from compiler.ir.node import Node, Origin, describe
from compiler.rewrite.stable import stabilised


def gradient(output: Node, wrt: Sequence[Node], seed: Node | None = None) -> list[Node | None]:
    """The cotangent of each node of `wrt` when the output's is `seed` (1 for a scalar), None if unreachable.

    What is differentiated is the stabilised twin of the graph; nodes in `wrt` stay as they are in it.
    Raises GradientError for an output that is not floating, or not scalar without a seed of its type.
    """
    _check_output(output, seed)
    twin = stabilised(output, set(wrt))
    wrt = [twin.get(node, node) for node in wrt]
    cotangents = {twin[output]: Cotangent(seed or _one(output))}
    active = _active(twin[output], wrt)
    for node in sorted(active, key=lambda node: node.serial, reverse=True):
        if node in cotangents:
            _pass_on(node, cotangents, active)
    return [cotangents[node].node if node in cotangents else None for node in wrt]


def _pass_on(node: Node, cotangents: dict[Node, Cotangent], active: set[Node]) -> None:
    for position, operand in enumerate(node.operands):
        if operand not in active or not operand.type.dtype.is_float:
            continue
        share = adjoint(node, position, cotangents[node])
        if share is not None:
            known = cotangents.get(operand)
            cotangents[operand] = share if known is None else sum_of(known, share, operand)


def _active(output: Node, wrt: Sequence[Node]) -> set[Node]:
    """The nodes of the output's graph that depend on something in `wrt`."""
    active = set(wrt)
    for node in sorted(reachable([output]), key=lambda node: node.serial):
        if any(operand in active for operand in node.operands):
            active.add(node)
    return active


def _one(output: Node) -> Node:
    return constant_node(
        np.ones(()), output.type.dtype, origin=Origin(output.origin.source, "grad", "seed", output)
    )


def _check_output(output: Node, seed: Node | None) -> None:
    if not output.type.dtype.is_float:
        raise GradientError(f"only floating values have gradients: {describe(output)}")
    if seed is None and output.type.shape != ():
        raise GradientError(
            f"a gradient without a seed is of a scalar: {describe(output)}\n"
            "  fix: reduce it first (for example .sum() or .mean()), or pass seed="
        )
    if seed is not None and seed.type != output.type:
        raise GradientError(f"the seed is {seed.type} and the output is {output.type}: {describe(output)}")
