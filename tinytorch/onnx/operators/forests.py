"""Trees as arrays, and where rows of features come to in them.

Where each row is in each tree is an integer `[rows, trees]`. A step looks up the feature and the split of the
node that it is at, and goes to one of two nodes; a leaf leads to itself. There are as many steps as the
deepest tree has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, NamedTuple

import numpy as np

from tinytorch.onnx.calling.values import Array, Unsupported
from tinytorch.ops.elementwise import isnan, where
from tinytorch.ops.layout import take, take_along_axis
from tinytorch.ops.making import zeros
from tinytorch.tensor import Tensor

_MODES: Final = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")
_EQUAL, MEMBER = 4, 6
_MANY: Final = 2**28
"""Numbers of leaves up to which they are laid out, so that a file cannot ask for any memory."""


@dataclass(slots=True)
class Trees:
    """The nodes of all trees in one list, and where each tree begins."""

    features: Array
    splits: Array
    modes: Array
    """Numbers of comparisons; those of leaves are never looked at."""
    yes: Array
    no: Array
    tracks: Array
    """Whether NaN goes where a comparison holds."""
    roots: Array
    values: Array
    """Of leaves, for each target `[nodes, targets]`."""
    has_value: Array

    def depth(self) -> int:
        """How many steps lead to the deepest leaf. Raises Unsupported for what is no tree."""
        here = np.unique(self.roots)
        for steps in range(len(self.features) + 1):
            here = here[(self.yes[here] != here) | (self.no[here] != here)]
            if not here.size:
                return steps
            here = np.unique(np.concatenate([self.yes[here], self.no[here]]))
            if here.min() < 0 or here.max() >= len(self.features):
                raise Unsupported("a node leads to one that is not there")
        raise Unsupported("its nodes are no trees: one leads back to itself")

    def leaves(self, x: Tensor) -> Tensor:
        """The leaf of each row in each tree, `[rows, trees]`."""
        here = zeros([x.shape[0], len(self.roots)], dtype="int64") + self.roots
        for _ in range(self.depth()):
            given = take_along_axis(x, take(self.features, here), 1)
            holds = self._holds(given, take(self.splits.astype(x.dtype.numpy), here), here)
            here = where(holds, take(self.yes, here), take(self.no, here))
        return here

    def _holds(self, given: Tensor, split: Tensor, here: Tensor) -> Tensor:
        found: Any = None
        own = np.arange(len(self.yes))
        is_branch = (self.yes != own) | (self.no != own)
        for mode in sorted({int(mode) for mode in self.modes[is_branch]}):
            holds = _compared(mode, given, split)
            found = holds if found is None else where(take(self.modes, here) == mode, holds, found)
        if self.tracks.any():
            found = found | (isnan(given) & take(self.tracks, here))
        return found

    def summed(self, x: Tensor, how: str) -> Tensor:
        """What the leaves of each row have for each target, put together."""
        wide = x if str(x.dtype) == "float64" else x.astype("float32")
        leaves = self.leaves(wide)
        if how in ("SUM", "AVERAGE"):
            total = take(self.values.astype(wide.dtype.numpy), leaves, 0).sum(1)
            return total if how == "SUM" else total / len(self.roots)
        if how not in ("MIN", "MAX"):
            raise Unsupported(f"there is no aggregate_function {how!r}")
        limits = np.finfo(wide.dtype.numpy)
        none = float(limits.max if how == "MIN" else limits.min)
        filled = np.where(self.has_value, self.values, none).astype(wide.dtype.numpy)
        every = take(filled, leaves, 0)
        found = every.min(1) if how == "MIN" else every.max(1)
        return where(found == none, 0.0, found)  # no leaf has anything for the target


def _compared(mode: int, given: Tensor, split: Tensor) -> Tensor:
    if mode == 0:
        return given <= split
    if mode == 1:
        return given < split
    if mode == 2:
        return given >= split
    if mode == 3:
        return given > split
    if mode == _EQUAL:
        return given == split
    return given != split


def with_members(trees: Trees, members: Any) -> Trees:
    """Nodes that ask for a member of a set, as rows of nodes that ask for one number each."""
    sets: list[list[float]] = [[]]
    for item in np.asarray(members).tolist():
        if np.isnan(item):
            sets.append([])
        else:
            sets[-1].append(item)
    for node in np.flatnonzero(trees.modes == MEMBER):
        chosen = sets.pop(0) if sets else []
        if not chosen:
            raise Unsupported("a node asks for a member of a set that has none")
        trees.modes[node], trees.splits[node] = _EQUAL, chosen[0]
        last = int(node)
        for item in chosen[1:]:
            last = _appended(trees, last, item)
    return trees


def _appended(trees: Trees, last: int, split: float) -> int:
    """A node that is asked where the comparison of another one does not hold; it leads where that did."""
    number = len(trees.features)
    for field in fields(trees):
        if field.name != "roots":
            array = getattr(trees, field.name)
            setattr(trees, field.name, np.concatenate([array, array[last : last + 1]]))
    trees.splits[number] = split
    trees.no[last] = number
    return number


class Lists(NamedTuple):
    """Nodes as attributes list them: each has the number of its tree, and its own in it."""

    trees: Sequence[int]
    numbers: Sequence[int]
    features: Sequence[int]
    modes: Sequence[str]
    yes: Sequence[int]
    no: Sequence[int]
    splits: Any
    tracks: Sequence[int] | None


def trees_of(lists: Lists, targets: int, of: Sequence[tuple[int, int]], ids: Any, weights: Any) -> Trees:
    """The trees, whose nodes `of` (tree, number) have weights for targets `ids`. Raises Unsupported."""
    keys = list(zip(lists.trees, lists.numbers, strict=True))
    place = {key: number for number, key in enumerate(keys)}
    if unknown := sorted(set(lists.modes) - {*_MODES, "LEAF"}):
        raise Unsupported(f"there is no mode {unknown[0]!r} of a node")
    try:
        yes, no = (_led(keys, place, lists.modes, row) for row in (lists.yes, lists.no))
        leaves = np.array([place[key] for key in of], np.int64)
    except KeyError as error:
        raise Unsupported(f"there is no node {error} (tree, number)") from error
    own = np.arange(len(keys))
    roots = np.setdiff1d(own, np.concatenate([yes[yes != own], no[no != own]]))
    if len(roots) != len(set(lists.trees)) or not _reached(roots, yes, no).all():
        raise Unsupported("its nodes are no trees, of which each has one root that leads to all")
    values, has_value = of_targets(len(keys), targets, leaves, ids, weights)
    return Trees(
        np.asarray(lists.features, np.int64),
        np.asarray(lists.splits),
        np.array([0 if mode == "LEAF" else _MODES.index(mode) for mode in lists.modes]),
        yes,
        no,
        np.zeros(len(keys), bool) if lists.tracks is None else np.asarray(lists.tracks, bool),
        roots,
        values,
        has_value,
    )


def of_targets(nodes: int, targets: int, leaves: Array, ids: Any, weights: Any) -> tuple[Array, Array]:
    """What each node has for each target, and whether it has anything. Raises Unsupported."""
    if not 0 < nodes * targets <= _MANY:
        raise Unsupported(f"{targets} targets of {nodes} nodes")
    values: Array = np.zeros((nodes, targets))
    has_value: Array = np.zeros((nodes, targets), bool)
    np.add.at(values, (leaves, ids), weights)
    has_value[leaves, ids] = True
    return values, has_value


def _reached(roots: Array, yes: Array, no: Array) -> Array:
    """Which nodes a way leads to from a root."""
    seen: Array = np.zeros(len(yes), bool)
    here = roots
    while here.size:
        seen[here] = True
        after = np.unique(np.concatenate([yes[here], no[here]]))
        here = after[~seen[after]]
    return seen


def _led(keys: Any, place: Any, modes: Sequence[str], row: Sequence[int]) -> Array:
    """Where each node leads, among all nodes; a leaf to itself."""
    rows = enumerate(zip(keys, modes, row, strict=True))
    return np.array([n if mode == "LEAF" else place[key[0], to] for n, (key, mode, to) in rows], np.int64)
