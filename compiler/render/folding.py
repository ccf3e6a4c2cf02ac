"""How a graph folds: the tree of its scopes, with what belongs to each, as pictures and reports have it.

    Member ::= scope, the numbers of what it reads, kind
    Tree   ::= path, number, members and trees inside, in the order in which they stand

Members are numbered; nothing here knows nodes. Linear in members and what they read, but for sorting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, TypeAlias

from compiler.ir.scope import Path


class Kind(Enum):
    """Where a member stands among those that were made before and after it."""

    PLAIN = auto()
    INPUT = auto()
    """Before its first reader, in the scope in which it was made."""
    LEAF = auto()
    """Before its first reader, and in the scope of that if it was made in none."""
    GRADIENT = auto()
    """Beside what it is the gradient of."""
    UPDATE = auto()
    """Beside the parameter that it changes, and in the scope of that."""


_BEFORE: Final = (Kind.INPUT, Kind.LEAF)
"""What stands before its first reader, inputs first: a leaf may open the scope of the reader."""

_BEHIND: Final = (Kind.GRADIENT, Kind.UPDATE)
"""What stands behind what it is of."""


@dataclass(frozen=True, slots=True)
class Member:
    """What is folded. `of` is the number of what it is the gradient of, or of the parameter it changes."""

    path: Path
    reads: tuple[int, ...]
    kind: Kind = Kind.PLAIN
    of: int | None = None


@dataclass(slots=True)
class Tree:
    """A scope with its members and the scopes inside, both in the order of their first members.

    Numbers count scopes as they are met, from the root, 0, whose parent is -1.
    """

    path: Path
    number: int
    parent: int
    items: list[int | Tree] = field(default_factory=list["int | Tree"])

    def walk(self) -> Iterator[Tree]:
        """The tree and all inside, each before what is inside it, without recursion."""
        pending: list[Tree] = [self]
        while pending:
            tree = pending.pop()
            yield tree
            inside = [item for item in tree.items if isinstance(item, Tree)]
            pending += inside[::-1]


Run: TypeAlias = "list[int] | Tree"
"""Members that follow each other, or a scope between them."""


def tree_of(members: Sequence[Member]) -> Tree:
    """The scopes of all members, the root first."""
    readers = _first_readers(members)
    root = Tree((), 0, -1)
    trees: dict[Path, Tree] = {(): root}
    for number in _order(members, readers):
        path = _home(members, readers, number)
        for depth in range(1, len(path) + 1):
            if path[:depth] not in trees:
                above = trees[path[: depth - 1]]
                trees[path[:depth]] = Tree(path[:depth], len(trees), above.number)
                above.items.append(trees[path[:depth]])
        trees[path].items.append(number)
    return root


def runs_of(tree: Tree) -> list[Run]:
    """The members that follow each other, and the scopes between them."""
    found: list[Run] = []
    for item in tree.items:
        if isinstance(item, Tree):
            found.append(item)
        elif found and isinstance(found[-1], list):
            found[-1].append(item)
        else:
            found.append([item])
    return found


def lines_of(
    tree: Tree, rows: Callable[[list[int]], Mapping[int, int]]
) -> tuple[dict[int, int], dict[int, tuple[int, int]]]:
    """A line for each member, and the first and the last line of each scope by number.

    Every line belongs to one scope, and a scope's lines, with those of all inside it, are consecutive. A run
    stands on as many lines as `rows`, which counts from 0, gives it.
    """
    lines: dict[int, int] = {}
    first, spans = {tree.number: 0}, dict[int, tuple[int, int]]()
    line = 0
    pending = [(tree, iter(runs_of(tree)))]
    while pending:
        current, rest = pending[-1]
        run = next(rest, None)
        if run is None:
            spans[current.number] = first[current.number], line - 1
            pending.pop()
        elif isinstance(run, Tree):
            first[run.number] = line
            pending.append((run, iter(runs_of(run))))
        else:
            found = rows(run)
            lines |= {number: line + found[number] for number in run}
            line += 1 + max(found.values())
    return lines, spans


def _first_readers(members: Sequence[Member]) -> dict[int, int]:
    readers: dict[int, int] = {}
    for number, member in enumerate(members):
        for read in member.reads:
            readers.setdefault(read, number)
    return readers


def _home(members: Sequence[Member], readers: dict[int, int], number: int) -> Path:
    """The scope to which a member belongs: a leaf outside all scopes goes to whoever reads it first."""
    member = members[number]
    if member.kind is Kind.UPDATE and member.of is not None:
        number = member.of
        member = members[number]
    if member.path or member.kind is not Kind.LEAF or number not in readers:
        return member.path
    return members[readers[number]].path


def _order(members: Sequence[Member], readers: dict[int, int]) -> Iterable[int]:
    """Members as they were made, but leaves before their first readers, and gradients by what they are of."""
    place: list[tuple[int, int]] = []
    for number, member in enumerate(members):
        of = member.of
        if member.kind in _BEFORE:
            place.append((readers.get(number, number), _BEFORE.index(member.kind)))
        elif member.kind in _BEHIND and of is not None and of < number:
            place.append((place[of][0], len(_BEFORE) + 1 + _BEHIND.index(member.kind)))
        else:
            place.append((number, len(_BEFORE)))
    return sorted(range(len(place)), key=place.__getitem__)
