"""State that a network carries from call to call: what its buffers become where a value was computed.

A layer in training reads a tensor (a batch's mean, a mask) and says with `advance` what a buffer becomes with
it. Nothing is written then. `state_updates` of a loss collects what is due for all that it is made from, an
optimiser's `updates` include it, and `check_updates` lets no program leave it out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias
from weakref import WeakKeyDictionary

from compiler.errors import MissingUpdateError
from compiler.ir.node import Node, describe
from compiler.ir.op import Op, Parameter
from tinytorch.tensor import Tensor

Rule: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""The next value of a buffer, from its present one and what was observed.

It is kept as long as what was observed, so it holds no tensor but parameters and numbers.
"""


@dataclass(frozen=True, slots=True)
class _Due:
    buffer: Tensor
    rule: Rule


_DUE: Final[WeakKeyDictionary[Node, tuple[_Due, ...]]] = WeakKeyDictionary()
"""What is due where a node is computed."""


def advance(buffer: Tensor, observed: Tensor, rule: Rule) -> None:
    """Says what a buffer becomes in a program that computes `observed`: `rule(buffer, observed)`.

    Observed more than once, as by a layer that is called twice, each follows the one made before it.
    """
    node = observed.node
    _DUE[node] = (*_DUE.get(node, ()), _Due(buffer, rule))


def state_updates(*roots: Tensor) -> dict[Tensor, Tensor]:
    """The next value of every buffer that advances where these tensors are computed.

    Empty where no layer in training was called, as after `net.eval()`.
    """
    found: dict[Parameter, tuple[Tensor, Tensor]] = {}
    for node in _observed([root.node for root in roots]):
        for due in _DUE[node]:
            op = _op(due.buffer)
            buffer, current = found.get(op, (due.buffer, due.buffer))
            found[op] = buffer, due.rule(current, Tensor(node))
    return dict(found.values())


def check_updates(nodes: Iterable[Node], updated: Collection[Op]) -> None:
    """Raises MissingUpdateError where one of a program's nodes advances a buffer that it does not update."""
    if not _DUE:
        return
    for node in nodes:
        for due in _DUE.get(node, ()):
            if _op(due.buffer) not in updated:
                raise MissingUpdateError(_missing(node, due.buffer))


def _observed(roots: Iterable[Node]) -> list[Node]:
    """The nodes below roots at which something is due, in the order in which they were made."""
    pending, seen = list(roots) if _DUE else [], set[Node]()
    while pending:
        node = pending.pop()
        if node not in seen:
            seen.add(node)
            pending.extend(node.operands)
    return sorted((node for node in seen if node in _DUE), key=lambda node: node.serial)


def _op(buffer: Tensor) -> Parameter:
    assert isinstance(buffer.node.op, Parameter)
    return buffer.node.op


def _missing(node: Node, buffer: Tensor) -> str:
    source = node.origin.source
    return "\n  ".join(
        [
            "a layer was called in training, and the program would not carry its state on:",
            describe(buffer.node),
            *([] if source is None else [f"it advances at {source}"]),
            "fix: net.eval() before net(x) in a program that predicts; in one that trains "
            "updates=optimiser.updates(loss), or updates={**updates, **tt.nn.state_updates(loss)}",
        ]
    )
