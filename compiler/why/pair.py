"""Why two values are not in one kernel, or not in one buffer, and which node keeps them apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from compiler.analysis.aliasing import regions_of
from compiler.ir.dims import Extent
from compiler.ir.finding import image, trail
from compiler.ir.node import Node
from compiler.ir.op import Trait
from compiler.pipeline.contract import Record
from compiler.pipeline.telling import bare
from compiler.rewrite.refusal import Reason, Refusal
from compiler.schedule.finding import find
from compiler.schedule.nest import nest_of
from compiler.schedule.plan import InSlab, Place, Plan, View
from compiler.schedule.schedule import Schedule

_JOINING: Final = frozenset(
    {
        Reason.NOT_CONVEX, Reason.OTHER_LOOPS, Reason.OWN_NEST, Reason.UNIT_LOOPS, Reason.TOO_MANY_MEMBERS,
        Reason.NOT_FASTER, Reason.ORDER_IS_FIXED, Reason.SCHEDULED, Reason.OPAQUE, Reason.VIEW,
        Reason.MOVES_ELEMENTS, Reason.TARGET_CANNOT,
    }
)  # fmt: skip
"""Reasons for which passes leave nodes in kernels of their own."""

_LISTED: Final = 3


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that keeps two values apart."""

    maker: str
    """The pass that refused, or `graph`, `schedule` or `planner` for what follows from them."""
    reason: Reason | None
    sentence: str
    nodes: tuple[Node, ...]
    """The nodes that block, and those with which it was tried."""
    names: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The cause, with names for nodes."""
        return {
            "maker": self.maker,
            "reason": None if self.reason is None else self.reason.name,
            "values": list(self.names),
            "sentence": self.sentence,
        }

    def __str__(self) -> str:
        code = "" if self.reason is None else f"{self.reason.name}, "
        names = f" ({', '.join(self.names)})" if self.names else ""
        return f"{self.maker}: {code}{self.sentence}{names}"


@dataclass(frozen=True, slots=True)
class Apart:
    """Why two values, or kernels, are not computed together and do not share memory.

    `str` says it in words. Buffers are asked about where both are values.
    """

    titles: tuple[str, str]
    kernels: tuple[int | None, int | None]
    """Of each the kernel that computes it; None where none does."""
    in_one_kernel: bool
    kernel_causes: tuple[Cause, ...]
    """Empty where they are in one kernel."""
    places: tuple[Place | None, Place | None] | None
    """Where each lives, None for what stays in its kernel; None for kernels."""
    in_one_buffer: bool
    buffer_causes: tuple[Cause, ...]
    is_exact: bool
    """Whether every pass kept account of what became of what; else this is a guess."""

    def to_dict(self) -> dict[str, Any]:
        """The answer, with names and places as text."""
        shown = [None if place is None else str(place) for place in self.places or ()]
        return {
            "titles": list(self.titles),
            "kernels": list(self.kernels),
            "in_one_kernel": self.in_one_kernel,
            "kernel_causes": [item.to_dict() for item in self.kernel_causes],
            "places": None if self.places is None else shown,
            "in_one_buffer": self.in_one_buffer,
            "buffer_causes": [item.to_dict() for item in self.buffer_causes],
            "is_exact": self.is_exact,
        }

    def __str__(self) -> str:
        one, other = ("none" if number is None else str(number) for number in self.kernels)
        together = f"both in kernel {one}" if self.in_one_kernel else f"in two kernels, {one} and {other}"
        rows = [*self.titles, *([] if self.is_exact else ["  a guess: a pass kept no account"])]
        rows += [f"  {together}", *(f"    {cause}" for cause in self.kernel_causes)]
        if self.places is not None:
            left, right = ("in its kernel only" if place is None else str(place) for place in self.places)
            memory = (
                f"both in one buffer: {right}" if self.in_one_buffer else f"in two places: {left}; {right}"
            )
            rows += [f"  {memory}", *(f"    {cause}" for cause in self.buffer_causes)]
        return "\n".join(rows)

    __repr__ = __str__


def why_apart(one: Any, other: Any, plan: Plan, history: Sequence[Record]) -> Apart:
    """Why two values or kernels are apart; each is anything that `why` takes. Raises ArgumentError."""
    return _Pair(one, other, plan, history).answer()


class _Pair:
    """Two things that were asked about, in one program."""

    def __init__(self, one: Any, other: Any, plan: Plan, history: Sequence[Record]) -> None:
        self.plan, self.history, self.schedule = plan, history, plan.schedule
        self.graph, self.names = plan.schedule.graph, plan.schedule.graph.names
        found = [find(self.schedule, what) for what in (one, other)]
        self.asked = [item if isinstance(item, Node) else None for item in found]
        self.images = [None if item is None else image(self.graph, item) for item in self.asked]
        self.kernels = [
            self.schedule.kernel_of.get(now) if now is not None else item if isinstance(item, int) else None
            for item, now in zip(found, self.images, strict=True)
        ]
        self.titles = [
            self.names.describe(item) if isinstance(item, Node) else f"kernel {item}" for item in found
        ]

    def answer(self) -> Apart:
        """Both questions."""
        first, second = self.kernels
        in_one_kernel = first is not None and first == second
        is_value = all(item is not None for item in self.asked)
        left, right = self.images
        shared, causes = self._memory(left, right) if is_value else (False, [])
        exact = all(record.is_exact for record in self.history)
        return Apart(
            titles=(self.titles[0], self.titles[1]),
            kernels=(first, second),
            in_one_kernel=in_one_kernel,
            kernel_causes=() if in_one_kernel else tuple(self._kernel_causes()),
            places=(self._place(left), self._place(right)) if is_value else None,
            in_one_buffer=shared,
            buffer_causes=tuple(causes),
            is_exact=exact or all(a is b for a, b in zip(self.asked, self.images, strict=True)),
        )

    def _cause(
        self, maker: str, sentence: str, nodes: Iterable[Node] = (), reason: Reason | None = None
    ) -> Cause:
        nodes = tuple(dict.fromkeys(nodes))
        known = tuple(self.names.values[node] for node in nodes if node in self.names.values)
        return Cause(maker, reason, bare(sentence, nodes), nodes, known)

    # Kernels

    def _kernel_causes(self) -> list[Cause]:
        missing = list(self._not_computed())
        first, second = self.kernels
        if missing or first is None or second is None:
            return missing
        refused = self._refused(first, second)
        if refused:
            return refused
        path = self._path(first, second) or self._path(second, first)
        if len(path) > 2:
            return self._between(path)
        return self._untried(first, second, is_read=bool(path))

    def _not_computed(self) -> Iterator[Cause]:
        for asked, now, kernel in zip(self.asked, self.images, self.kernels, strict=True):
            if kernel is not None or asked is None:
                continue
            if now is None:
                yield self._gone(asked)
            else:
                yield self._cause("graph", f"it is given, as {now.op.name}, and no kernel computes it", [now])

    def _gone(self, asked: Node) -> Cause:
        nodes = [asked, *trail(self.graph, asked)[-1:]]
        return self._cause("schedule", "nothing stands for it in the rewritten graph", nodes)

    def _refused(self, first: int, second: int) -> list[Cause]:
        """What passes refused between members of two kernels, each reason once."""
        left, right = (set(self.schedule.kernels[k].members) for k in (first, second))
        found: dict[tuple[str, Reason], list[Refusal]] = {}
        for record, refusal in self._refusals():
            nodes = set(refusal.nodes)
            if nodes & left and nodes & right:
                found.setdefault((record.name, refusal.reason), []).append(refusal)
        causes: list[Cause] = []
        for (maker, reason), items in found.items():
            is_one = len({item.sentence for item in items}) == 1
            nodes = [node for item in items for node in item.nodes]
            causes.append(self._cause(maker, items[0].sentence if is_one else reason.value, nodes, reason))
        return causes

    def _refused_everywhere(self) -> list[Cause]:
        """What the backend cannot do at all, if no kernel has two nodes."""
        if any(len(kernel.members) > 1 for kernel in self.schedule.kernels):
            return []
        return [
            self._cause(record.name, refusal.sentence, (), refusal.reason)
            for record, refusal in self._refusals()
            if not refusal.nodes
        ]

    def _refusals(self) -> Iterator[tuple[Record, Refusal]]:
        for record in self.history:
            if isinstance(record.before, Schedule):
                yield from ((record, item) for item in record.report.refusals if item.reason in _JOINING)

    def _path(self, start: int, end: int) -> list[int]:
        """The fewest kernels through which one's values reach another; empty if they do not."""
        came: dict[int, int] = {start: start}
        pending = [start]
        for kernel in pending:
            if kernel == end:
                break
            for node in self.schedule.kernels[kernel].members:
                readers = (self.schedule.kernel_of[user] for user in self.graph.users[node])
                for reader in readers:
                    if reader not in came:
                        came[reader] = kernel
                        pending.append(reader)
        if end not in came:
            return []
        path = [end]
        while path[-1] != start:
            path.append(came[path[-1]])
        return path[::-1]

    def _between(self, path: Sequence[int]) -> list[Cause]:
        """The kernels on the way, and why the first of them is not joined with what it reads."""
        inner = path[1:-1]
        stored = [node for k in inner for node in self.schedule.outputs(self.schedule.kernels[k])]
        words = f"kernel{'s' * (len(inner) > 1)} {', '.join(map(str, inner))}"
        verb = "stand" if len(inner) > 1 else "stands"
        causes = [self._cause("schedule", f"{words} {verb} between them", stored[:_LISTED])]
        for pair in pairwise(path):
            refused = self._refused(*pair)
            if refused:
                where = f"between kernels {pair[0]} and {pair[1]}: "
                return [*causes, *(replace(item, sentence=where + item.sentence) for item in refused)]
        return [*causes, *self._refused_everywhere()]

    def _untried(self, first: int, second: int, *, is_read: bool) -> list[Cause]:
        """Of kernels of which no pass has said anything: whether they have common loops at all."""
        kernels = [self.schedule.kernels[k] for k in (first, second)]
        common = [node for node in kernels[0].operands if node in set(kernels[1].operands)]
        if not is_read and not common:
            return [self._cause("graph", "neither is made from the other, and they read nothing in common")]
        everywhere = self._refused_everywhere()
        if everywhere:
            return everywhere
        inside = {*kernels[0].members, *kernels[1].members}
        nest = nest_of([node for node in self.graph.nodes if node in inside])
        if isinstance(nest, Refusal):
            return [self._cause("schedule", nest.sentence, nest.nodes, nest.reason)]
        what = "one reads the other" if is_read else "both read one value"
        sentence = f"{what}, but no pass that ran has tried to join them"
        return [self._cause("schedule", sentence, common[:_LISTED])]

    # Memory

    def _place(self, node: Node | None) -> Place | None:
        return None if node is None else self.plan.places.get(node)

    def _memory(self, left: Node | None, right: Node | None) -> tuple[bool, list[Cause]]:
        """Whether two values lie in one buffer, and what says so, or why they do not."""
        if left is None or right is None:
            return False, [
                self._gone(asked)
                for asked, now in zip(self.asked, (left, right), strict=True)
                if now is None and asked is not None
            ]
        for node in (left, right):
            if node not in self.plan.places:
                return False, [
                    self._cause("schedule", "it never leaves its kernel: it has no memory", [node])
                ]
        regions = regions_of(self.graph)
        owners = [regions[node].base for node in (left, right)]
        roots = [self._root(owner) for owner in owners]
        if roots[0] is roots[1]:
            kind = "is a view of" if owners[0] is owners[1] else "is written over"
            return True, [self._cause("planner", f"the one {kind} the other's memory", (left, right))]
        return self._slots(left, right, owners)

    def _root(self, owner: Node) -> Node:
        """The value whose buffer the owner's is written over, through a chain of kernels in place."""
        regions = regions_of(self.graph)
        marks: Mapping[Node, Node] = {
            result: operand for kernel in self.schedule.kernels for result, operand in kernel.in_place.items()
        }
        while owner in marks:
            owner = regions[marks[owner]].base
        return owner

    def _slots(self, left: Node, right: Node, owners: Sequence[Node]) -> tuple[bool, list[Cause]]:
        order = sorted(zip((left, right), owners, strict=True), key=lambda item: self._written(item[1]))
        (early, first), (late, second) = order
        refused = self._not_over(first, second)
        places = self.plan.places[first], self.plan.places[second]
        if not all(isinstance(place, InSlab) for place in places):
            kinds = [
                self._cause("planner", f"it lives elsewhere than in the slab: {self._shown(place)}", [node])
                for node, place in zip((early, late), places, strict=True)
                if not isinstance(place, InSlab)
            ]
            return False, [*kinds, *refused]
        assert isinstance(places[0], InSlab)
        assert isinstance(places[1], InSlab)
        if places[0].last >= places[1].first:
            return False, [self._overlap(first, second, places[0], places[1]), *refused]
        if _meet(places[0], places[1]):
            return True, [self._cause("planner", "they share bytes, one after the other", (early, late))]
        sentence = "they are never needed at once; the planner has laid others over each"
        return False, [self._cause("planner", sentence, (early, late))]

    def _shown(self, place: Place) -> str:
        return f"view of {self.names.values[place.base]}" if isinstance(place, View) else str(place)

    def _written(self, owner: Node) -> int:
        return self.schedule.kernel_of.get(owner, -1)

    def _overlap(self, first: Node, second: Node, early: InSlab, late: InSlab) -> Cause:
        """Who reads the earlier value when the later one is there already."""
        regions = regions_of(self.graph)
        readers = [
            node
            for node in self.graph.nodes
            if not node.op.has(Trait.LEAF)
            and self.schedule.kernel_of[node] >= late.first
            and any(regions[operand].base is first for operand in node.operands)
        ]
        names = self.names.values
        when = (
            f"{names[first]} is needed until kernel {early.last}, {names[second]} from kernel {late.first} on"
        )
        return self._cause("planner", f"{when}; it is read by", readers[:_LISTED] or [first])

    def _not_over(self, first: Node, second: Node) -> list[Cause]:
        """What passes said when they looked for memory that the later value could be written over."""
        found: list[Cause] = []
        for record in self.history:
            if isinstance(record.before, Schedule):
                for item in record.report.refusals:
                    if item.reason not in _JOINING and item.nodes[:1] == (second,):
                        found.append(self._cause(record.name, item.sentence, item.nodes, item.reason))
        exact = [item for item in found if first in item.nodes]
        return exact or found


def _meet(one: InSlab, other: InSlab) -> bool:
    """Whether two slots have bytes in common, as far as numbers tell; slots at one offset do."""
    if one.offset == other.offset:
        return True
    ends: list[Extent] = [one.offset, one.offset + one.bytes, other.offset, other.offset + other.bytes]
    numbers = [end for end in ends if isinstance(end, int)]
    return len(numbers) == len(ends) and numbers[0] < numbers[3] and numbers[2] < numbers[1]
