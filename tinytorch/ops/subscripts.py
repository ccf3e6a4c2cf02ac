"""The subscripts of einsum and map_reduce: read, checked, and shown in errors as they were written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.node import Node, describe

LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
DOTS: Final = "..."


@dataclass(frozen=True, slots=True)
class Subscripts:
    """What a text says: the letters of each operand and, if it has `->`, of the output."""

    text: str
    inputs: tuple[str, ...]
    output: str | None

    def error(self, sentence: str) -> ArgumentError:
        """The error that says what is wrong with the text."""
        return ArgumentError(f"subscripts {self.text!r}: {sentence}")


def read_subscripts(text: Any, count: int) -> Subscripts:
    """The parts of a text, one for each of `count` operands. Raises ArgumentError."""
    if not isinstance(text, str):
        raise ArgumentError(f"subscripts are a str such as 'ij,jk->ik', and come first, not {text!r}")
    left, arrow, right = text.replace(" ", "").partition("->")
    inputs = left.split(",") if left or count else []
    found = Subscripts(text, tuple(inputs), right if arrow else None)
    if "->" in right:
        raise found.error("'->' stands there twice")
    if "," in right:
        raise found.error("there is one output, and ',' stands behind '->'")
    for letters in (*inputs, right):
        _check_characters(found, letters)
    if len(inputs) != count:
        raise ArgumentError(f"subscripts {text!r} name {len(inputs)} operands and {count} are given")
    if twice := [letter for letter in right if letter in LETTERS and right.count(letter) > 1]:
        raise found.error(f"index {twice[0]!r} stands twice in the output")
    return found


def _check_characters(found: Subscripts, letters: str) -> None:
    rest = letters.replace(DOTS, "", 1)
    if DOTS in rest:
        raise found.error(f"'...' stands twice in {letters!r}")
    for character in rest:
        if character == ".":
            raise found.error(f"three dots stand for axes, as in '...ij', and not those in {letters!r}")
        if character not in LETTERS:
            raise found.error(f"{character!r} is no letter, ',', '->' or '...'")


def check_output(found: Subscripts) -> None:
    """Raises ArgumentError for an index of the output that no operand has."""
    used = "".join((*found.inputs, DOTS))
    if unknown := [letter for letter in found.output or "" if letter not in used]:
        raise found.error(f"index {unknown[0]!r} of the output stands in no operand")


def check_ranks(found: Subscripts, nodes: Sequence[Node]) -> None:
    """Raises ShapeError naming each operand that has not one axis for each letter, `...` aside."""
    rows = [
        f"\n  {letters!r} for {describe(node)}"
        for letters, node in zip(found.inputs, nodes, strict=True)
        if not _fits(letters, node.type.rank)
    ]
    if rows:
        raise ShapeError(f"subscripts {found.text!r} do not have one letter for each axis{''.join(rows)}")


def _fits(letters: str, rank: int) -> bool:
    return len(letters) - len(DOTS) <= rank if DOTS in letters else len(letters) == rank


def without_dots(found: Subscripts, nodes: Sequence[Node]) -> tuple[list[str], str, str]:
    """The letters of the operands and of the output with others in place of `...`, and those others.

    Without `->` the output has what `...` stands for, and then the letters that occur once, in order.
    """
    used = "".join((*found.inputs, found.output or "")).replace(DOTS, "")
    spare = [letter for letter in reversed(LETTERS) if letter not in used]
    counts = [
        node.type.rank - len(letters) + len(DOTS) if DOTS in letters else 0
        for letters, node in zip(found.inputs, nodes, strict=True)
    ]
    dots = "".join(spare[: max(counts, default=0)])
    inputs = [
        letters.replace(DOTS, dots[len(dots) - count :])
        for letters, count in zip(found.inputs, counts, strict=True)
    ]
    once = "".join(letter for letter in sorted(set(used)) if used.count(letter) == 1)
    output = dots + once if found.output is None else found.output.replace(DOTS, dots)
    return inputs, output, dots
