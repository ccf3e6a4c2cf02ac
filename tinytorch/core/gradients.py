"""Gradients of what was recorded, through changes in place.

    owner   of a leaf: the variable whose gradient is wanted at it
    change  of a leaf: it is what a buffer held after an operation in place; `parent` is what it held before

A leaf with a change is an ordinary leaf of the graphs recorded after it. Its cotangent becomes the
parent's: by the slope as a function of the new value where there is one, so that the old value need not
be kept; otherwise the operation is recorded on the old value, which is kept, and the cotangent is passed on
as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Final
from weakref import WeakKeyDictionary, ref

import numpy as np

from compiler.autodiff.backward import gradient
from compiler.ir.build import apply, cast, input_node
from compiler.ir.formula.tape import natural_dtype
from compiler.ir.node import Node, make_node
from compiler.ir.op import Input, MapReduce, Op, Reducer, reduced_dtype
from compiler.ir.picking import checked_index
from compiler.ir.types import TensorType, floating
from compiler.program import Program
from tinytorch.api import compile as compile_program
from tinytorch.core.programs import CACHE
from tinytorch.core.values import Array, Value, new_leaf, value_of_node
from tinytorch.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Rule:
    """How a cotangent passes from the value after a change to the one before: `pull(after, cotangent)`."""

    key: Hashable
    pull: Callable[[Node, Node], Node]


@dataclass(frozen=True, slots=True)
class Change:
    """What an operation in place did. Without a rule `parent` has the same value and cotangent."""

    parent: Node
    rule: Rule | None


class Owner:
    """Something that receives gradients."""

    __slots__ = ("__weakref__",)


_OWNERS: Final[WeakKeyDictionary[Node, ref[Owner]]] = WeakKeyDictionary()
_CHANGES: Final[WeakKeyDictionary[Node, Change]] = WeakKeyDictionary()


def owned_leaf(owner: Owner, value: Value) -> Node:
    """A leaf at which an owner's gradient is wanted."""
    node = new_leaf(value)
    _OWNERS[node] = ref(owner)
    return node


def owner_of(leaf: Node) -> Owner | None:
    """Whose gradient is wanted at a leaf."""
    entry = _OWNERS.get(leaf)
    return None if entry is None else entry()


def before(node: Node) -> Node:
    """What stands for a leaf's old value in a change with a rule: it needs no value if it is only owned."""
    if node not in _OWNERS:
        return node
    alias = input_node("before", node.type, node.origin)
    _OWNERS[alias] = _OWNERS[node]
    return alias


def changed_leaf(value: Value, change: Change) -> Node:
    """A leaf for what a buffer holds after a change."""
    node = new_leaf(value)
    _CHANGES[node] = change
    return node


def is_changed(node: Node) -> bool:
    """Whether a leaf is what an in-place operation made."""
    return node in _CHANGES


@dataclass(frozen=True, slots=True)
class _History:
    """Everything that a node was made from, through changes."""

    nodes: tuple[Node, ...]
    place: dict[Node, int]
    owners: tuple[Owner, ...]
    owned: dict[Node, int]
    """The leaves at which gradients are wanted, each with the position of its owner."""

    @classmethod
    def of(cls, root: Node) -> _History:
        nodes = tuple(sorted(_sources_of(root, _sources), key=lambda node: node.serial))
        owners: dict[Owner, int] = {}
        owned: dict[Node, int] = {}
        for node in nodes:
            owner = owner_of(node)
            if owner is not None:
                owned[node] = owners.setdefault(owner, len(owners))
        return cls(nodes, {node: k for k, node in enumerate(nodes)}, tuple(owners), owned)

    @property
    def key(self) -> Hashable:
        return tuple(map(self._entry, self.nodes))

    def _entry(self, node: Node) -> Hashable:
        if node.operands or not isinstance(node.op, Input):
            return node.op, tuple([self.place[operand] for operand in node.operands])
        change = _CHANGES.get(node)
        by = None if change is None else (self.place[change.parent], change.rule and change.rule.key)
        return node.type.dtype, node.type.shape, self.owned.get(node), by, value_of_node(node) is None

    def valued(self) -> list[Node]:
        return [node for node in self.nodes if isinstance(node.op, Input) and value_of_node(node) is not None]


def _sources(node: Node) -> Sequence[Node]:
    change = _CHANGES.get(node)
    return node.operands if change is None else (change.parent,)


def _differentiable_sources(node: Node) -> Sequence[Node]:
    """The sources, but for those that an op holds still."""
    op = node.op
    is_still = isinstance(op, MapReduce) and op.formula.atom is not None and op.formula.atom.name == "stop"
    return () if is_still else _sources(node)


def _sources_of(root: Node, sources: Callable[[Node], Sequence[Node]]) -> set[Node]:
    """A node, its sources, theirs, and so on."""
    found, pending = {root}, [root]
    while pending:
        for other in sources(pending.pop()):
            if other not in found:
                found.add(other)
                pending.append(other)
    return found


@dataclass(frozen=True, slots=True)
class Gradients:
    """What a backward pass found: the gradient for each owner, zeros where the slope is 0.

    None where the value does not depend on it, or only through the tensor of a Variable.
    """

    owners: tuple[Owner, ...]
    arrays: tuple[Array | None, ...]
    value: Array
    """The value of what was differentiated."""


def gradients_of(root: Node, seed: Array) -> Gradients:
    """The gradients of a recorded value by every owner that it was made from."""
    history = _History.of(root)
    key = ("gradients", history.key, history.place[root])
    program = CACHE.find(key, lambda: _compiled(history, root))
    given = [value.array for node in history.valued() if (value := value_of_node(node)) is not None]
    typed = [
        _typed(array, node) for array, node in zip([*given, seed], program.signature.inputs, strict=True)
    ]
    results = program(*typed)
    arrays: list[Array | None] = [results.get(f"gradient{k}") for k in range(len(history.owners))]
    if any(array is None for array in arrays):
        for node in _sources_of(root, _differentiable_sources):
            place = history.owned.get(node)
            if place is not None and arrays[place] is None:
                arrays[place] = np.zeros(_counts(node), floating(node.type.dtype).numpy)
    return Gradients(history.owners, tuple(arrays), results["value"])


def _counts(node: Node) -> tuple[int, ...]:
    return tuple([extent for extent in node.type.shape if isinstance(extent, int)])


def _typed(array: Array, node: Node) -> Array:
    wanted = node.type.dtype.numpy
    return array if array.dtype == wanted else array.astype(wanted)


def _compiled(history: _History, root: Node) -> Program:
    walk = _Backward(history)
    seed = input_node("seed", walk.twin[root].type)
    walk.spread(root, seed)
    for node in reversed(history.nodes):
        if node in _CHANGES:
            walk.pass_on(node, _CHANGES[node])
    outputs = {"value": Tensor(walk.twin[root])}
    for node, owner in history.owned.items():
        share = walk.cotangents.get(node)
        if share is not None:
            name = f"gradient{owner}"
            outputs[name] = outputs[name] + Tensor(share) if name in outputs else Tensor(share)
    return compile_program([Tensor(node) for node in [*walk.inputs, seed]], outputs)


class _Backward:
    """The backward pass over a twin of the history: leaves are inputs there, and owned ones floating."""

    def __init__(self, history: _History) -> None:
        self.history = history
        self.inputs: list[Node] = []
        self.twin: dict[Node, Node] = {}
        self.cotangents: dict[Node, Node] = {}
        """Of the owned and changed leaves."""
        for node in history.nodes:
            self.twin[node] = self._leaf(node) if isinstance(node.op, Input) else self._again(node)

    def _leaf(self, node: Node) -> Node:
        is_active = node in self.history.owned or node in _CHANGES
        kind = TensorType(floating(node.type.dtype), node.type.shape) if is_active else node.type
        if value_of_node(node) is None:
            return input_node("before", kind)
        leaf = input_node(f"value{len(self.inputs)}", kind, node.origin)
        self.inputs.append(leaf)
        return leaf

    def _again(self, node: Node) -> Node:
        if not node.operands:
            return node
        operands = [self.twin[operand] for operand in node.operands]
        checked = checked_index(node)
        if checked is not None:
            place = node.operands.index(checked[0])
            operands[place] = cast(operands[place], node.operands[place].type.dtype)
        op = _retyped(node, operands)
        if _is_nothing(op, operands[0]):
            return operands[0]
        return make_node(op, operands, node.name, node.origin)

    def spread(self, node: Node, seed: Node) -> None:
        """Adds what a cotangent of a node brings to the leaves below it."""
        targets = [item for item in self.history.nodes if item in self.history.owned or item in _CHANGES]
        shares = gradient(self.twin[node], [self.twin[item] for item in targets], seed)
        for target, share in zip(targets, shares, strict=True):
            if share is not None:
                known = self.cotangents.get(target)
                self.cotangents[target] = share if known is None else apply("add", known, share)

    def pass_on(self, node: Node, change: Change) -> None:
        """From the value after an in-place operation to the value before it."""
        share = self.cotangents.get(node)
        if share is None:
            return
        if change.rule is not None:
            share = change.rule.pull(self.twin[node], share)
        self.spread(change.parent, share)


def _is_nothing(op: Op, operand: Node) -> bool:
    """Whether an op was a conversion of integers that have become floating."""
    is_conversion = isinstance(op, MapReduce) and op.reducer is Reducer.NONE and op.formula.is_identity
    return is_conversion and op.infer([operand.type]) == operand.type


def _retyped(node: Node, operands: Sequence[Node]) -> Op:
    """The op where integer operands have become floating: so does its result, unless it is a condition."""
    op, types = node.op, [operand.type for operand in operands]
    was_integer = not any(operand.type.dtype.is_float for operand in node.operands)
    if not isinstance(op, MapReduce) or not was_integer or op.dtype.is_float:
        return op
    dtype = reduced_dtype(op.reducer, natural_dtype(op.formula, op.operand_dtypes(types)))
    return replace(op, dtype=dtype) if dtype.is_float else op
