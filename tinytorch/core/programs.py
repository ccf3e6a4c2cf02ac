"""Programs for what was recorded, compiled once for each structure.

Two recordings have one program if they are the same ops on values of the same dtypes and shapes, wherever the
values come from. Python scalars are values, so another learning rate is the same program.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from compiler.errors import SymbolicValueError
from compiler.ir.build import input_node
from compiler.ir.interrupts import hold_back, let_through
from compiler.ir.node import Node, describe, make_node
from compiler.ir.op import Input, Trait
from compiler.program import Program
from tinytorch.api import compile as compile_program
from tinytorch.core.values import Array, Value, new_leaf, value_of_node
from tinytorch.tensor import Tensor

LARGEST: Final = 256
"""How many programs are kept: those used last."""

PART: Final = 1 << 17
"""Elements that are computed at a time where a buffer is changed in place."""

EMPTY: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Recording:
    """What some nodes are made from, down to values that are known. Nodes are in creation order."""

    nodes: tuple[Node, ...]
    leaves: tuple[Node, ...]
    values: tuple[Value, ...]
    """Those of the leaves."""

    @classmethod
    def of(
        cls, roots: Sequence[Node], *, through_results: bool = False, fed: Collection[str] = ()
    ) -> Recording:
        """Stops at results, or goes on to the leaves below them. Raises SymbolicValueError if unfed."""
        found: dict[Node, Value | None] = {}
        pending = list(roots)
        while pending:
            node = pending.pop()
            if node in found:
                continue
            value = value_of_node(node)
            if value is not None and through_results and node.operands:
                value = None
            found[node] = value
            if value is None:
                pending.extend(node.operands)
        nodes = sorted(found, key=lambda node: node.serial)
        _check_fed([node for node in nodes if found[node] is None and node.name not in fed])
        bound = [(node, value) for node in nodes if (value := found[node]) is not None]
        return cls(tuple(nodes), tuple(node for node, _ in bound), tuple(value for _, value in bound))

    @property
    def fed(self) -> list[Node]:
        """The inputs that have no value: what a call gives by name."""
        leaves = set(self.leaves)
        return [node for node in self.nodes if isinstance(node.op, Input) and node not in leaves]

    @property
    def key(self) -> Hashable:
        """Equal for recordings that one program serves."""
        leaves, place = set(self.leaves), {node: k for k, node in enumerate(self.nodes)}
        return tuple(
            (node.type.dtype, node.type.shape)
            if node in leaves
            else (node.op, tuple([place[operand] for operand in node.operands]))
            for node in self.nodes
        )

    def places(self, nodes: Sequence[Node]) -> tuple[int, ...]:
        """Where nodes stand in the recording."""
        place = {node: k for k, node in enumerate(self.nodes)}
        return tuple(place[node] for node in nodes)

    def anew(self) -> tuple[dict[Node, Node], list[Node]]:
        """The same graph on inputs of its own, node for node, and those inputs: it holds on to no value."""
        new: dict[Node, Node] = {}
        inputs: list[Node] = []
        leaves = set(self.leaves)
        for node in self.nodes:
            if node in leaves:
                new[node] = input_node(f"value{len(inputs)}", node.type, node.origin)
                inputs.append(new[node])
            elif node.operands:
                operands = [new[operand] for operand in node.operands]
                new[node] = make_node(node.op, operands, node.name, node.origin)
            else:
                new[node] = node
        return new, inputs


def _check_fed(unknown: Sequence[Node]) -> None:
    inputs = [node for node in unknown if isinstance(node.op, Input)]
    if inputs:
        names = ", ".join(repr(node.name) for node in inputs)
        lines = "".join(f"\n  {describe(node)}" for node in inputs)
        example = ", ".join(f"{node.name}=..." for node in inputs)
        raise SymbolicValueError(
            f"there is no value before {names} {'is' if len(inputs) == 1 else 'are'} fed{lines}\n"
            f"  fix: tensor.fed({example}), or compile it with tt.compile"
        )


class Cache:
    """Programs by key, the `LARGEST` that were used last."""

    def __init__(self) -> None:
        self.compiled = 0
        """How many programs have been compiled so far."""
        self._programs: OrderedDict[Hashable, Program] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._programs)

    def find(self, key: Hashable, make: Callable[[], Program]) -> Program:
        """The program of a key, made if there is none."""
        with self._lock:
            program = self._programs.get(key)
            if program is not None:
                self._programs.move_to_end(key)
                return program
        program = make()
        with self._lock:
            self.compiled += 1
            self._programs[key] = program
            if len(self._programs) > LARGEST:
                self._programs.popitem(last=False)
        return program

    def clear(self) -> None:
        """Forgets every program."""
        with self._lock:
            self._programs.clear()


CACHE: Final = Cache()
"""Every program of `tinytorch.core`."""


def run(
    recording: Recording, roots: Sequence[Node], fed: Mapping[str, Any] = EMPTY
) -> tuple[list[Array], Program]:
    """The values of nodes of a recording as fresh arrays, and the program that computed them.

    `fed` are values of inputs that have none, by name. Raises what a call of a program raises.
    """
    program = _program(recording, roots, tuple(node.name for node in recording.fed) if fed else ())
    arrays = [value.array for value in recording.values]
    given = dict(zip(program.signature.names, arrays, strict=False), **fed) if fed else {}
    return program(**given) if fed else program(*arrays), program


def _program(recording: Recording, roots: Sequence[Node], names: tuple[str | None, ...] = ()) -> Program:
    key = ("values", recording.key, recording.places(roots), names)
    return CACHE.find(key, lambda: _compiled(recording, roots))


def _compiled(recording: Recording, roots: Sequence[Node]) -> Program:
    new, inputs = recording.anew()
    leaves = [Tensor(node) for node in [*inputs, *recording.fed]]
    return compile_program(leaves, [Tensor(new[root]) for root in roots])


def run_in_place(function: Callable[[Node], Node], array: Array, dim: int | None = None) -> None:
    """Replaces an array's values by a function of them, with room for a part where parts do not mix.

    Those of an element-wise function are any; those of one that mixes along `dim` are slices of another dim.
    Ctrl-C waits for the last part.
    """
    works: dict[tuple[int, ...], Callable[[Array], Array]] = {}
    hold_back()
    try:
        for part in (
            _parts(array, dim, _is_elementwise(function(new_leaf(Value(array))))) if array.size else ()
        ):
            if part.shape not in works:
                works[part.shape] = _work(function, part)
            np.copyto(part, works[part.shape](part))
    finally:
        let_through()


def _work(function: Callable[[Node], Node], part: Array) -> Callable[[Array], Array]:
    """A function as a program of arrays that have the shape of a part."""
    leaf = new_leaf(Value(part))
    node = function(leaf)
    recording = Recording.of([node])
    program = _program(recording, [node])
    others = [
        None if found is leaf else value.array
        for found, value in zip(recording.leaves, recording.values, strict=True)
    ]
    return lambda array: program(*[array if other is None else other for other in others])[0]


def _parts(array: Array, dim: int | None, is_elementwise: bool) -> Iterator[Array]:
    """Views that together are the array, of about `PART` elements where it may be cut."""
    if is_elementwise and array.ndim:
        whole, step = array.reshape(-1), PART
    elif dim is not None and array.ndim > 1:
        whole = np.moveaxis(array, 1 if dim % array.ndim == 0 else 0, 0)
        step = max(1, PART * len(whole) // array.size)
    else:
        yield array
        return
    for start in range(0, len(whole), step):
        part = whole[start : start + step]
        yield part if is_elementwise or dim is None or dim % array.ndim else np.moveaxis(part, 0, 1)


def _is_elementwise(node: Node) -> bool:
    return node.op.has(Trait.ELEMENTWISE) and len(node.operands) == 1 and not node.operands[0].operands
