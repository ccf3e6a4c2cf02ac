"""Products of nodes by loop indices: matmul and einsum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from compiler.errors import ShapeError
from compiler.ir.build import contract
from compiler.ir.dims import Extent, evaluate, symbols
from compiler.ir.node import Node, describe, make_node
from compiler.ir.op import Diagonal, Transpose


def matmul_node(left: Node, right: Node) -> Node:
    """`left @ right` with NumPy's rules: a vector is a row or a column, leading axes broadcast."""
    if not left.type.shape or not right.type.shape:
        raise ShapeError(
            f"matmul needs axes; multiply by a scalar with *\n  {describe(left)}\n  {describe(right)}"
        )
    ranks = left.type.rank, right.type.rank
    batch = max(ranks[0], ranks[1]) - 2
    letters = "".join(chr(ord("A") + k) for k in range(max(batch, 0)))
    row = "" if ranks[0] == 1 else "m"
    column = "" if ranks[1] == 1 else "n"
    first = letters[len(letters) - max(ranks[0] - 2, 0) :] + row + "k"
    second = letters[len(letters) - max(ranks[1] - 2, 0) :] + "k" + column
    return einsum_node([first, second], letters + row + column, [left, right], "matmul", letters)


def einsum_node(
    inputs: Sequence[str],
    output: str,
    nodes: Sequence[Node],
    what: str,
    broadcasting: str,
    shown: Sequence[str] = (),
) -> Node:
    """The sum over letters that the output has not of the product of the nodes, whose axes the letters name.

    A unit axis broadcasts under a letter in `broadcasting` only. Raises ShapeError naming the letter and
    operands, with the letters that a user has written, `shown`, if somebody has.
    """
    extents = _extents(inputs, nodes, what, broadcasting, shown)
    pairs = [_without_twins(letters, node) for letters, node in zip(inputs, nodes, strict=True)]
    if len(pairs) > 2:
        pairs = _by_pairs(pairs, output, extents)
        extents = {letter: extents[letter] for letters, _ in pairs for letter in letters}
    order = [*output, *sorted(set(extents) - set(output))]
    loops = {letter: k for k, letter in enumerate(order)}
    axes = [
        [
            None if n == 1 and extents[letter] != 1 else loops[letter]
            for letter, n in zip(letters, node.type.shape, strict=True)
        ]
        for letters, node in pairs
    ]
    operands = [node for _, node in pairs]
    if len(operands) == 1 and len(order) == len(output):
        return _permuted(operands[0], pairs[0][0], output)
    return contract(
        operands, axes, [loops[letter] for letter in output], [extents[letter] for letter in order]
    )


def _by_pairs(
    pairs: list[tuple[str, Node]], output: str, extents: Mapping[str, Extent]
) -> list[tuple[str, Node]]:
    """The operands with two of them contracted first, again and again, where that saves half of the work.

    The order is that of `numpy.einsum_path`, greedy; a symbol is taken to be 64.
    """
    broadcasts = any(
        n == 1 != extents[letter] for letters, node in pairs for letter, n in _axes(letters, node)
    )
    dtypes = {node.type.dtype for _, node in pairs}
    if broadcasts or len(dtypes) > 1 or not all(dtype.is_float for dtype in dtypes):
        return pairs
    numbers = {letter: number for number, letter in enumerate(extents)}
    sizes = {name: 64 for extent in extents.values() for name in symbols(extent)}
    size = {letter: max(1, evaluate(extent, sizes)) for letter, extent in extents.items()}
    given: list[Any] = []
    for letters, _ in pairs:
        given += [np.broadcast_to(np.float32(0), [size[x] for x in letters]), [numbers[x] for x in letters]]
    asked: Any = np.einsum_path  # whose type knows no numbers for letters
    path: list[tuple[int, ...]] = asked(*given, [numbers[x] for x in output], optimize="greedy")[0][1:]
    if not _saves(path, [letters for letters, _ in pairs], output, size):
        return pairs
    for chosen in path[:-1]:
        taken = [pairs[k] for k in chosen]
        pairs = [pair for k, pair in enumerate(pairs) if k not in chosen]
        needed = {*output, *(letter for letters, _ in pairs for letter in letters)}
        letters = "".join(dict.fromkeys(x for item, _ in taken for x in item if x in needed))
        node = einsum_node([item for item, _ in taken], letters, [node for _, node in taken], "einsum", "")
        pairs.append((letters, node))
    return pairs


def _saves(
    path: Sequence[Sequence[int]], inputs: Sequence[str], output: str, size: Mapping[str, int]
) -> bool:
    """Whether pairs have half as many iterations as a loop over all letters, or fewer."""
    left, iterations = list(inputs), 0
    for chosen in path:
        taken = {x for k in chosen for x in left[k]}
        left = [letters for k, letters in enumerate(left) if k not in chosen]
        iterations += prod(size[x] for x in taken)
        left.append("".join(x for x in taken if x in {*output, *"".join(left)}))
    return 2 * iterations <= prod(size.values())


def _axes(letters: str, node: Node) -> Iterable[tuple[str, Extent]]:
    return zip(letters, node.type.shape, strict=True)


def _permuted(node: Node, letters: str, output: str) -> Node:
    order = tuple(letters.index(letter) for letter in output)
    return node if order == tuple(range(len(order))) else make_node(Transpose(order), [node])


def _without_twins(letters: str, node: Node) -> tuple[str, Node]:
    """Takes the diagonal of axes with the same letter."""
    while len(set(letters)) != len(letters):
        letter = next(item for item in letters if letters.count(item) > 1)
        first, second = (
            k for k, item in enumerate(letters) if item == letter and letters[:k].count(letter) < 2
        )
        node = make_node(Diagonal(first, second), [node])
        letters = "".join(item for k, item in enumerate(letters) if k not in (first, second)) + letter
    return letters, node


def _extents(
    inputs: Sequence[str], nodes: Sequence[Node], what: str, broadcasting: str, shown: Sequence[str]
) -> dict[str, Extent]:
    extents: dict[str, Extent] = {}
    for letters, node in zip(inputs, nodes, strict=True):
        for letter, extent in zip(letters, node.type.shape, strict=True):
            known = extents.setdefault(letter, extent)
            if letter in broadcasting and known == 1:
                extents[letter] = extent
            elif known != extent and not (letter in broadcasting and extent == 1):
                having = [k for k, item in enumerate(inputs) if letter in item]
                place = (
                    f"{what}: {_place(letter, broadcasting, shown)} different extents, {known} and {extent}"
                )
                rows = [f"\n  {describe(nodes[k])}" + (f" at {shown[k]!r}" if shown else "") for k in having]
                raise ShapeError(f"{place}{''.join(rows)}\n  fix: transpose or reshape an operand")
    return extents


def _place(letter: str, broadcasting: str, shown: Sequence[str]) -> str:
    if not shown:
        return "the axes that meet have"
    return "an axis under '...' has" if letter in broadcasting else f"index {letter!r} has"
