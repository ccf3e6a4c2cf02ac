"""Schedule: what is computed together, in which order, and over whose buffer. The graph is not changed by it.

    Schedule  ::= graph, kernels in order
    Kernel    ::= members in order (a convex set of nodes), the buffers that it writes over

An op in place prints with a trailing underscore, `relu_`, as PyTorch names them.

Strip every kernel to one member and every in-place mark, and the answer is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

from compiler.ir.graph import Graph
from compiler.ir.naming import Names
from compiler.ir.node import Node
from compiler.ir.op import MapReduce, Trait
from compiler.ir.printing import print_node
from compiler.rewrite.refusal import Refusal
from compiler.schedule.nest import Nest, nest_of


@dataclass(frozen=True)
class Kernel:
    """Nodes that are computed by one loop nest.

    `in_place` says for a member whose value leaves the kernel which operand gives up its buffer to it.
    """

    members: tuple[Node, ...]
    in_place: Mapping[Node, Node] = field(default_factory=lambda: MappingProxyType({}))

    def __repr__(self) -> str:
        return f"<Kernel of {', '.join(node.op.name for node in self.members)}>"

    @cached_property
    def operands(self) -> tuple[Node, ...]:
        """What the members read from outside, in the order of first use."""
        inside = set(self.members)
        found = dict.fromkeys(operand for node in self.members for operand in node.operands)
        return tuple(node for node in found if node not in inside)

    @cached_property
    def nest(self) -> Nest | Refusal:
        """The loop nest of the members, or why they have none."""
        return nest_of(self.members)

    def marked(self, in_place: Mapping[Node, Node]) -> Kernel:
        """The kernel with other marks; its nest, once known, stays known."""
        kernel = replace(self, in_place=MappingProxyType(dict(in_place)))
        return kernel.nested(self.nest) if "nest" in vars(self) else kernel

    def nested(self, nest: Nest | Refusal) -> Kernel:
        """The kernel, whose nest is known to be what `nest_of` says of its members."""
        vars(self)["nest"] = nest
        return self


@dataclass(frozen=True)
class Schedule:
    """Kernels in the order in which they run; every node that is no leaf is a member of exactly one."""

    graph: Graph
    kernels: tuple[Kernel, ...]
    donated: frozenset[Node] = frozenset()
    """The inputs whose arrays the caller gives up to the call."""

    @classmethod
    def of(cls, graph: Graph, donated: Iterable[Node] = ()) -> Schedule:
        """One kernel a node, in creation order."""
        kernels = tuple(Kernel((node,)) for node in graph.nodes if not node.op.has(Trait.LEAF))
        return cls(graph, kernels, frozenset(donated))

    def __repr__(self) -> str:
        return f"<Schedule of {len(self.kernels)} kernels, {len(self.graph.nodes)} nodes>"

    @cached_property
    def kernel_of(self) -> dict[Node, int]:
        """The position of the kernel that computes each node."""
        return {node: place for place, kernel in enumerate(self.kernels) for node in kernel.members}

    @cached_property
    def escaping(self) -> frozenset[Node]:
        """The nodes whose values are read outside their kernel, returned, or written to a parameter."""
        found = set(self.graph.results)
        for place, kernel in enumerate(self.kernels):
            found.update(node for node in kernel.operands if self.kernel_of.get(node, place) != place)
        return frozenset(found)

    def outputs(self, kernel: Kernel) -> tuple[Node, ...]:
        """The members of a kernel whose values must be stored, in order."""
        return tuple(node for node in kernel.members if node in self.escaping)

    def __str__(self) -> str:
        names = self.graph.names
        return "".join(_print_kernel(place, kernel, names) for place, kernel in enumerate(self.kernels))


def _print_kernel(place: int, kernel: Kernel, names: Names) -> str:
    lines = [_print_member(node, kernel, names) for node in kernel.members]
    if len(lines) == 1:
        return f"kernel {place}: {lines[0]}\n"
    return f"kernel {place}:\n" + "".join(f"    {line}\n" for line in lines)


def _print_member(node: Node, kernel: Kernel, names: Names) -> str:
    given, op = kernel.in_place.get(node), node.op
    if given is None:
        return print_node(node, names)
    if isinstance(op, MapReduce) and op.formula in names.formulas:
        names = replace(names, formulas={op.formula: names.formulas[op.formula] + "_"})
    return f"{print_node(node, names)}  # over {names.values[given]}"
