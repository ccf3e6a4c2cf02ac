"""The backward walk: the cotangent of an output becomes those of its operands, in reverse creation order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compiler.autodiff.joining import joined, may_join
from compiler.autodiff.masks import Cotangent
from compiler.autodiff.rules import adjoint, sum_of
from compiler.errors import GradientError
from compiler.ir.build import broadcast, constant_node
from compiler.ir.node import Node, Origin, describe
from compiler.ir.op import MapReduce
from compiler.rewrite.stable import stabilised


def gradient(output: Node, wrt: Sequence[Node], seed: Node | None = None) -> list[Node | None]:
    """The cotangent of each node of `wrt` when the output's is `seed` (1 for a scalar), None if unreachable.

    Zeros where the output depends on a node and every path has a slope of 0. `stop` cuts a path. What is
    differentiated is the stabilised twin of the graph; nodes in `wrt` stay as they are in it. Raises
    GradientError for an output that is not floating, or not scalar without a seed of its type.
    """
    _check_output(output, seed)
    twin = stabilised(output, set(wrt))
    return _Walk(twin[output], [twin.get(node, node) for node in wrt]).gradients(seed or _one(output))


class _Walk:
    """From an output to the nodes by which it is differentiated, along the nodes that are on a path."""

    def __init__(self, output: Node, wrt: Sequence[Node]) -> None:
        self.output = output
        self.wrt = wrt
        self.active: set[Node] = _active(output, wrt)
        self.shares: dict[Node, list[Cotangent]] = {}
        """What the uses of a node have passed to it: a sum, or what is waiting to be joined."""
        self.cotangents: dict[Node, Cotangent] = {}

    def gradients(self, seed: Node) -> list[Node | None]:
        """The gradient by each node. Made once."""
        self.shares[self.output] = [Cotangent(seed)]
        for node in sorted(self.active, key=lambda node: node.serial, reverse=True):
            if node in self.shares:
                self.cotangents[node] = joined(self.shares[node], node)
                self._pass_on(node)
        return [self._gradient(node) for node in self.wrt]

    def _pass_on(self, node: Node) -> None:
        for position in _varied(node):
            operand = node.operands[position]
            if operand not in self.active or not operand.type.dtype.is_float:
                continue
            share = adjoint(node, position, self.cotangents[node])
            if share is not None:
                self._add(share, operand)

    def _add(self, share: Cotangent, operand: Node) -> None:
        waiting = self.shares.setdefault(operand, [])
        if not waiting or may_join(waiting, share):
            waiting.append(share)
        else:
            self.shares[operand] = [sum_of(joined(waiting, operand), share, operand)]

    def _gradient(self, node: Node) -> Node | None:
        if node in self.cotangents:
            return self.cotangents[node].node
        return self._zeros(node) if node in self.active and node.type.dtype.is_float else None

    def _zeros(self, node: Node) -> Node:
        """What a node gets that the output depends on, but nowhere with a slope."""
        last, operand = self._where_it_ends(node)
        origin = Origin(last.origin.source, "grad", f"nothing passes through {last.op.name}", last, operand)
        return broadcast(
            constant_node(np.zeros(()), node.type.dtype, origin=origin), node.type.shape, origin=origin
        )

    def _where_it_ends(self, node: Node) -> tuple[Node, int]:
        """The first node on a path to the output that passes nothing on, and to which operand."""
        users: dict[Node, tuple[Node, int]] = {}
        for user in sorted(self.active, key=lambda node: node.serial):
            for position in _varied(user):
                users.setdefault(user.operands[position], (user, position))
        user, position = users[node]
        while user.type.dtype.is_float and user not in self.cotangents:
            user, position = users[user]
        return user, position


def _active(output: Node, wrt: Sequence[Node]) -> set[Node]:
    """The nodes on the paths from those in `wrt` to the output, their ends included."""
    below, pending = {output}, [output]
    while pending:
        node = pending.pop()
        for position in _varied(node):
            operand = node.operands[position]
            if operand not in below:
                below.add(operand)
                pending.append(operand)
    active = below.intersection(wrt)
    for node in sorted(below, key=lambda node: node.serial):
        if any(node.operands[position] in active for position in _varied(node)):
            active.add(node)
    return active


def _varied(node: Node) -> Sequence[int]:
    """The operands that a node's value varies with: all, but for those that it reads through `stop` alone."""
    op = node.op
    if not isinstance(op, MapReduce) or not any(line.atom == "stop" for line in op.formula.lines):
        return range(len(node.operands))
    return [k for k, parameter in enumerate(op.positions) if op.formula.varies_with(parameter)]


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
