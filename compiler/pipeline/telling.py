"""What a pass did and refused as a table: alike sentences once, how often, and of which values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from compiler.ir.node import Node, describe
from compiler.rewrite.refusal import Reason
from compiler.schedule.frame import called
from compiler.schedule.tables import aligned

Said = tuple[Reason | None, Sequence[Node], str]
"""A reason where it is a refusal, the nodes concerned, and a sentence."""

_CALLED: Final = re.compile(r"(an? (?:result of [\w'.]+|\w+ without a name|sum of products)|%[\w.'~]+)")
_NUMBER: Final = re.compile(r"(?<![\w.%])\d[\w.+-]*")

_SHOWN: Final = 3
"""How many times of one kind a row names, and how many values of each."""

_WIDEST: Final = 96


def table(said: Iterable[Said], values: Mapping[Node, str]) -> str:
    """A line for each kind of thing that was done or refused; empty if there is none."""
    kinds: dict[object, list[Said]] = {}
    for item in said:
        reason, nodes, sentence = item
        kinds.setdefault(_general(bare(sentence, nodes)) if reason is None else reason, []).append(item)
    return aligned([_row(kind, items, values) for kind, items in kinds.items()], left=1) if kinds else ""


def _row(kind: object, items: Sequence[Said], values: Mapping[Node, str]) -> tuple[str, ...]:
    reason, nodes, sentence = items[0]
    text = bare(sentence, nodes)
    if len(items) > 1:
        text = str(kind) if reason is None else reason.value
    head = "done" if reason is None else f"refused {reason.name}"
    count = f"{len(items)} x"
    shown = text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."
    return (f"  {head:<26} {count:>5}  {shown}{_names(items, values)}",)


def _names(items: Sequence[Said], values: Mapping[Node, str]) -> str:
    """` (%1, %x; %2, %x; 37 more)`."""
    known = [[values[node] for node in dict.fromkeys(nodes) if node in values] for _, nodes, _ in items]
    words = list(dict.fromkeys(_few(names) for names in known if names))
    rest = len(words) - _SHOWN
    shown = [*words[:_SHOWN], *([f"{rest} more"] if rest > 0 else [])]
    return f" ({'; '.join(shown)})" if shown else ""


def _few(names: Sequence[str]) -> str:
    rest = len(names) - _SHOWN
    return ", ".join([*names[:_SHOWN], *([f"... {rest} more"] if rest > 0 else [])])


def bare(sentence: str, nodes: Iterable[Node]) -> str:
    """A sentence without the types and source lines of the nodes that it is about."""
    for node in nodes:
        sentence = sentence.replace(describe(node), called(node))
    return sentence


def _general(sentence: str) -> str:
    """What sentences have in common that differ in values and numbers only."""
    return _NUMBER.sub("n", _CALLED.sub("...", sentence)).removeprefix("...").lstrip(": ")
