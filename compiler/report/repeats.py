"""Parts of a model that repeat: neighbours that compute alike become one part, `0 … 11`, that opens to them.

Alike are parts of which each value that is no gradient has the same op and type as its counterpart, in one
order, in parts of the same names. Gradients are left out: those of the last layer are added up of fewer.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final

from compiler.render.folding import Tree
from compiler.report.scopes import Scope

FEWEST: Final = 3
"""How many parts are a repetition: two are read as they are."""


def with_repeats(
    scopes: Sequence[Scope], tree: Tree, key_of: Callable[[int], Hashable]
) -> tuple[list[Scope], list[int]]:
    """The scopes with a part around each repetition, and the new number of each scope.

    `key_of` is what a member is known by, None for one that does not count. Linear in scopes and members.
    """
    looks = _looks(tree, key_of)
    around: dict[int, Scope] = {}
    starts: dict[int, Scope] = {}
    for item in tree.walk():
        inside = sorted(
            (each.number for each in item.items if isinstance(each, Tree)), key=lambda k: scopes[k].first
        )
        for run in _runs(inside, scopes, looks):
            first, last = scopes[run[0]], scopes[run[-1]]
            name = f"{first.name} … {last.name}"
            whole = Scope((*item.path, name), first.parent, first.first, last.last, len(run))
            around |= dict.fromkeys(run, whole)
            starts[min(run)] = whole
    return _numbered(scopes, around, starts)


def _looks(tree: Tree, key_of: Callable[[int], Hashable]) -> dict[int, int]:
    """A number for each scope, the same for those that are alike."""
    numbers: dict[Hashable, int] = {}
    found: dict[int, int] = {}
    for item in reversed([*tree.walk()]):
        keys = [
            (each.path[-1], found[each.number]) if isinstance(each, Tree) else key_of(each)
            for each in item.items
        ]
        look = tuple(key for key in keys if key is not None)
        found[item.number] = numbers.setdefault(look, len(numbers))
    return found


def _runs(inside: Sequence[int], scopes: Sequence[Scope], looks: dict[int, int]) -> Iterable[list[int]]:
    """Scopes on consecutive lines that are alike, where there are enough of them."""
    run: list[int] = []
    for number in inside:
        if run and (looks[run[-1]] != looks[number] or scopes[run[-1]].last + 1 != scopes[number].first):
            if len(run) >= FEWEST:
                yield run
            run = []
        run.append(number)
    if len(run) >= FEWEST:
        yield run


def _numbered(
    scopes: Sequence[Scope], around: dict[int, Scope], starts: dict[int, Scope]
) -> tuple[list[Scope], list[int]]:
    """All scopes, each behind the one around it; a new part stands before the first that is inside."""
    found: list[Scope] = []
    number = [0] * len(scopes)
    places: dict[int, int] = {}
    for old, scope in enumerate(scopes):
        if old in starts:
            places[id(starts[old])] = len(found)
            found.append(starts[old])
        number[old] = len(found)
        found.append(scope)
    for old, scope in enumerate(scopes):
        outer = number[scope.parent] if scope.parent >= 0 else scope.parent
        scope.parent = places[id(around[old])] if old in around else outer
    for whole in starts.values():
        whole.parent = number[whole.parent]
    return found, number
