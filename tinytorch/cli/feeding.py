"""Values for the inputs of a program: from a file, or random ones of given sizes."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import click
import numpy as np

from compiler.ir.dims import Extent, evaluate, product, symbols
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Layout
from compiler.ir.picking import checked_index

Array = np.ndarray[Any, Any]

_FREE: Final = 10
"""Integers that select nothing are drawn below this."""


@dataclass(frozen=True, slots=True)
class Feed:
    """An array for each input in order, and a sentence about where they come from."""

    arrays: tuple[Array, ...]
    sentence: str


def feed_of(graph: Graph, file: str | None, sizes: Mapping[str, int], seed: int) -> Feed:
    """The arrays of a file, by the inputs' names, or random ones. Raises UsageError for what is missing."""
    if file is not None:
        if sizes:
            raise click.UsageError("the data's own shapes give the sizes: leave out --batch and --size")
        return _from_file(graph, file)
    _check_sizes(graph, sizes)
    generator = np.random.default_rng(seed)
    drawn = [_drawn(node, graph, sizes, generator) for node in graph.inputs]
    said = "; ".join(
        f"{node.name} {node.type.dtype}{list(array.shape)}, {how}"
        for node, (array, how) in zip(graph.inputs, drawn, strict=True)
    )
    return Feed(tuple(array for array, _ in drawn), f"random data, seed {seed}: {said or 'no inputs'}")


def _from_file(graph: Graph, file: str) -> Feed:
    try:
        archive: Any = np.load(file, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise click.UsageError(f"{file} holds one array; save arrays by name: np.savez({file!r}, x=x)")
        with archive:
            arrays: dict[str, Array] = {str(name): archive[name] for name in archive.files}
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise click.UsageError(f"{file} is no .npz file of arrays: {error}") from None
    missing = [str(node.name) for node in graph.inputs if node.name not in arrays]
    if missing:
        raise click.UsageError(
            f"{file} has no array {missing[0]!r}; it has {', '.join(arrays) or 'none'}, and the inputs are "
            f"{', '.join(str(node.name) for node in graph.inputs)}"
        )
    return Feed(tuple(arrays[str(node.name)] for node in graph.inputs), f"data: {file}")


def _check_sizes(graph: Graph, sizes: Mapping[str, int]) -> None:
    known: dict[str, Node] = {}
    for node in graph.inputs:
        for name in sorted(symbols(product(node.type.shape))):
            known.setdefault(name, node)
    for name in sizes:
        if name not in known:
            there = ", ".join(known) or "none"
            raise click.UsageError(f"no input has a symbolic dimension {name!r}; there are: {there}")
    for name, node in known.items():
        if name not in sizes:
            option = "--batch N" if name == "batch" else f"--size {name}=N"
            raise click.UsageError(f"input {node.name!r} is {node.type}: give {option}, or --data FILE.npz")


def _drawn(
    node: Node, graph: Graph, sizes: Mapping[str, int], generator: np.random.Generator
) -> tuple[Array, str]:
    dtype = node.type.dtype
    shape = tuple(evaluate(extent, sizes) for extent in node.type.shape)
    if dtype.is_float:
        return np.asarray(generator.standard_normal(shape)).astype(dtype.numpy), "normal"
    if dtype.is_integer:
        limits = [evaluate(extent, sizes) for extent in _selected(node, graph)]
        limit = max(min(limits, default=_FREE), 1)
        return generator.integers(0, limit, shape).astype(dtype.numpy), f"0 to {limit - 1}"
    return generator.integers(0, 2, shape).astype(bool), "either"


def _selected(node: Node, graph: Graph) -> Iterator[Extent]:
    """The extents of the axes from which an input selects, itself or as a view."""
    seen, pending = {node}, [node]
    while pending:
        value = pending.pop()
        for user in graph.users[value]:
            checked = checked_index(user)
            if checked is not None and checked[0] is value:
                yield checked[1]
            elif isinstance(user.op, Layout) and user not in seen:
                seen.add(user)
                pending.append(user)
