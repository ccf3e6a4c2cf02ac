"""Who holds memory during a call: what makes up the peak, what fits, and what sharing is worth.

    Memory ::= plan, holders                      every value that has memory of its own during a call
    Holder ::= value, kind, bytes, from which kernel to which
    Moment ::= the kernel at which the slab is fullest for some sizes, and who is in it

Bytes are polynomials in the symbolic dimensions, as in the plan; a moment has numbers. A backend's tables of
distances are counted with the value that it computes by them. What Python, NumPy and the compiled code take
themselves is not counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from typing import Any, Final, cast

from compiler.analysis.liveness import liveness_of
from compiler.analysis.parts import Part, Parts, parts_of
from compiler.errors import ArgumentError
from compiler.ir.dims import Dim, Extent, symbols
from compiler.ir.node import Node
from compiler.ir.numbers import whole_number
from compiler.ir.op import Constant, Parameter
from compiler.ir.plain import plain
from compiler.ir.printing import print_path
from compiler.ir.scope import Path
from compiler.schedule.plan import InSlab, Plan
from compiler.schedule.planner import make_plan
from compiler.schedule.schedule import Schedule
from compiler.schedule.slab import Request, lay_out
from compiler.schedule.tables import Table, scaled

_LISTED: Final = 12
"""How many holders a text names; the rest are counted."""

_ASSUMED: Final = 1024
"""The size of each symbol for which a text names the holders of the peak, where none is given."""

_UNITS: Final = {"B": 1} | {
    f"{prefix}{infix}B": base**power
    for infix, base in (("", 1000), ("i", 1024))
    for power, prefix in enumerate("KMGT", start=1)
}
_BUDGET = re.compile(r"\s*(\d+(?:\.\d*)?)\s*([A-Za-z]+)\s*\Z")


class Kind(Enum):
    """What memory is held for."""

    PARAMETER = "parameters"
    CONSTANT = "constants"
    INPUT = "inputs"
    OUTPUT = "outputs"
    TABLE = "tables"
    SAVED = "saved for backward"
    TEMPORARY = "temporaries"
    SWAP = "swapped parameters"

    @property
    def is_in_slab(self) -> bool:
        return self in (Kind.SAVED, Kind.TEMPORARY, Kind.SWAP)


@dataclass(frozen=True, slots=True)
class Holder:
    """A value with memory of its own, from kernel `first` to kernel `last`, both included."""

    value: Node
    name: str
    scope: Path
    kind: Kind
    bytes: Extent
    first: int
    last: int

    def to_dict(self) -> dict[str, Any]:
        """The holder; its bytes are a number or the text of a polynomial."""
        return {
            "value": self.name,
            "scope": print_path(self.scope),
            "kind": self.kind.value,
            "bytes": plain(self.bytes),
            "first": self.first,
            "last": self.last,
        }


@dataclass(frozen=True, repr=False)
class Memory:
    """The memory of a call. `str` is a table.

    A value that gives its memory to another in place holds it until then. Views hold none.
    """

    plan: Plan
    holders: tuple[Holder, ...]

    @property
    def peak_bytes(self) -> Extent:
        """The size of the slab."""
        return self.plan.peak_bytes

    @cached_property
    def total_bytes(self) -> Extent:
        """All that a call needs: parameters, constants, inputs, outputs, tables and the slab."""
        return sum((item.bytes for item in self.holders if not item.kind.is_in_slab), start=self.peak_bytes)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbolic dimensions on which it depends, sorted."""
        return tuple(sorted(symbols(self.total_bytes).union(*(symbols(item.bytes) for item in self.holders))))

    def of_kind(self, kind: Kind) -> Extent:
        """The bytes of all holders of a kind; in the slab they need not live at the same time."""
        return sum((item.bytes for item in self.holders if item.kind is kind), start=0)

    @cached_property
    def in_place_saves(self) -> Extent:
        """By how much the slab would grow if no kernel wrote over an operand."""
        schedule = self.plan.schedule
        plain = replace(schedule, kernels=tuple(item.marked({}) for item in schedule.kernels))
        return make_plan(plain).peak_bytes - self.peak_bytes

    @cached_property
    def worth(self) -> Mapping[Node, Extent]:
        """For each saved value by how much the slab would shrink if it were dropped and computed again.

        That is, if its memory were free between its last forward reader and its first backward one.
        """
        parts = parts_of(self.plan.schedule.graph)
        saved = [item for item in self.holders if item.kind is Kind.SAVED]
        requests = {
            item: Request(item.first, item.last, item.bytes)
            for item in self.holders
            if item.kind.is_in_slab and item.last >= item.first
        }
        _, before = lay_out(list(requests.values()))
        found: dict[Node, Extent] = {}
        for item in saved:
            rest = [request for other, request in requests.items() if other is not item]
            _, after = lay_out([*rest, *_around(item, self.plan.schedule, parts)])
            found[item.value] = before - after
        return found

    def at(self, **sizes: int) -> Moment:
        """The moment at which the slab is fullest. Raises ArgumentError for a symbol without a number."""
        slab = [(item, _count(item.bytes, sizes)) for item in self.holders if item.kind.is_in_slab]
        steps = range(max(len(self.plan.schedule.kernels), 1))
        live = [0] * (len(steps) + 1)
        for item, count in slab:
            if item.last >= item.first:
                live[max(item.first, 0)] += count
                live[item.last + 1] -= count
        fullest, now, most = 0, 0, -1
        for step in steps:
            now += live[step]
            if now > most:
                fullest, most = step, now
        held = [(item, count) for item, count in slab if item.first <= fullest <= item.last]
        held += [(item, _count(item.bytes, sizes)) for item in self.holders if not item.kind.is_in_slab]
        held.sort(key=lambda pair: -pair[1])
        return Moment(self, dict(sizes), fullest, tuple(held), _count(self.peak_bytes, sizes))

    def fits(self, budget: int | str, **sizes: int) -> bool:
        """Whether a call takes at most a budget: bytes, or a text such as "256 MB" or "1 GiB"."""
        return _count(self.total_bytes, sizes) <= bytes_of(budget)

    def largest(self, budget: int | str, symbol: str | None = None, **sizes: int) -> int:
        """The largest value of a symbol with which a call fits; 0 if not even 1 does.

        `symbol` may be left out where there is one alone, or one named `batch`. Raises ArgumentError for a
        symbol on which nothing depends, and for another symbol that has no value in `sizes`.
        """
        name = self._symbol(symbol, sizes)
        limit = bytes_of(budget)

        def fits(count: int) -> bool:
            return _count(self.total_bytes, {**sizes, name: count}) <= limit

        if not fits(1):
            return 0
        low, high = 1, 2
        while fits(high):
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if fits(middle) else (low, middle)
        return low

    def _symbol(self, given: str | None, sizes: Mapping[str, int]) -> str:
        known = symbols(self.total_bytes)
        free = sorted(known - set(sizes))
        name = given if given is not None else free[0] if len(free) == 1 else "batch"
        if name in known and name not in sizes:
            return name
        listed = ", ".join(sorted(known)) or "none: its memory has one size"
        asked = (
            f"{name!r} is no free symbolic dimension" if given or free else "no symbolic dimension is free"
        )
        raise ArgumentError(f"{asked} of this program's memory; there are {listed}")

    def to_dict(self) -> dict[str, Any]:
        """Totals, and every holder in the order of the plan; `worth` says what dropping it would save."""
        return {
            "symbols": list(self.symbols),
            "total_bytes": plain(self.total_bytes),
            "peak_bytes": plain(self.peak_bytes),
            "in_place_saves": plain(self.in_place_saves),
            "by_kind": {kind.value: plain(self.of_kind(kind)) for kind in Kind},
            "holders": [
                item.to_dict() | ({"worth": plain(self.worth[item.value])} if item.kind is Kind.SAVED else {})
                for item in self.holders
            ],
        }

    @property
    def tables(self) -> tuple[Table, ...]:
        """The bytes by kind, and who makes up the peak where each symbol is a thousand or so."""
        moment = self.at(**dict.fromkeys(self.symbols, _ASSUMED))
        return (_table(self), *moment.tables)

    def __str__(self) -> str:
        return "\n".join(map(str, self.tables))

    def __repr__(self) -> str:
        return f"<Memory of {len(self.holders)} values: {self.total_bytes} bytes, slab {self.peak_bytes}>"


@dataclass(frozen=True, repr=False)
class Moment:
    """Who holds how many bytes while kernel `kernel` runs, the largest first. `str` is a table."""

    memory: Memory
    sizes: Mapping[str, int]
    kernel: int
    holders: tuple[tuple[Holder, int], ...]
    slab_bytes: int

    @property
    def total_bytes(self) -> int:
        """All that a call of these sizes needs."""
        return sum(count for item, count in self.holders if not item.kind.is_in_slab) + self.slab_bytes

    @property
    def unused_bytes(self) -> int:
        """What of the slab nobody holds at this moment."""
        return self.slab_bytes - sum(count for item, count in self.holders if item.kind.is_in_slab)

    def by_kind(self) -> dict[Kind, int]:
        """Bytes by kind, the most first."""
        return _summed((item.kind, count) for item, count in self.holders)

    def by_scope(self, depth: int | None = None) -> dict[Path, int]:
        """Bytes by scope, or by its first `depth` names, the most first."""
        return _summed((item.scope[:depth], count) for item, count in self.holders)

    def to_dict(self) -> dict[str, Any]:
        """Totals for the sizes, and who holds how many bytes, the largest first."""
        return {
            "sizes": dict(self.sizes),
            "kernel": self.kernel,
            "total_bytes": self.total_bytes,
            "slab_bytes": self.slab_bytes,
            "unused_bytes": self.unused_bytes,
            "by_kind": {kind.value: count for kind, count in self.by_kind().items()},
            "by_scope": {print_path(path): count for path, count in self.by_scope().items()},
            "holders": [item.to_dict() | {"bytes": count} for item, count in self.holders],
        }

    @property
    def tables(self) -> tuple[Table, ...]:
        """One, of the largest holders."""
        return (_moment_table(self),)

    def __str__(self) -> str:
        return str(_moment_table(self))

    def __repr__(self) -> str:
        return f"<Moment of {self.total_bytes} bytes at kernel {self.kernel}>"


def memory_of(plan: Plan, tables: Mapping[Node, Extent] | None = None) -> Memory:
    """Everything that holds memory during a call of a plan, and of `tables` by which values are computed."""
    graph = plan.schedule.graph
    names, scopes, parts = graph.names.values, graph.scopes, parts_of(graph)
    end = max(len(plan.schedule.kernels) - 1, 0)

    def holder(value: Node, kind: Kind, size: Extent, first: int = 0, last: int = end) -> Holder:
        return Holder(value, names[value], scopes[value], kind, size, first, last)

    found: list[Holder] = []
    for node in graph.nodes:
        kind = Kind.PARAMETER if isinstance(node.op, Parameter) else Kind.CONSTANT
        if isinstance(node.op, Parameter | Constant):
            found.append(holder(node, kind, node.type.bytes))
    found += [holder(node, Kind.INPUT, node.type.bytes) for node in graph.inputs]
    fresh = [node for position, node in enumerate(graph.outputs) if position not in plan.handed]
    found += [holder(node, Kind.OUTPUT, node.type.bytes) for node in fresh]
    found += [holder(node, Kind.TABLE, size) for node, size in (tables or {}).items()]
    taken = _taken_over(plan)
    for node, place in plan.places.items():
        if isinstance(place, InSlab):
            kind = Kind.SAVED if node in parts.saved else Kind.TEMPORARY
            found.append(holder(node, kind, place.bytes, place.first, taken.get(node, place.last)))
    for item in plan.commits:
        if item.through is not None:
            slot = item.through
            found.append(holder(item.parameter, Kind.SWAP, slot.bytes, max(slot.first, 0), max(slot.last, 0)))
    return Memory(plan, tuple(found))


def _taken_over(plan: Plan) -> dict[Node, int]:
    """The last kernel before the one that writes over a value's memory in place, for each such value."""
    live = liveness_of(plan.schedule.graph)
    found: dict[Node, int] = {}
    for place, kernel in enumerate(plan.schedule.kernels):
        for result, operand in kernel.in_place.items():
            owner = live.owners[operand]
            old, new = plan.places[owner], plan.places[result]
            if isinstance(old, InSlab) and isinstance(new, InSlab) and old.offset == new.offset:
                found[owner] = place - 1
    return found


def _around(item: Holder, schedule: Schedule, parts: Parts) -> Iterator[Request]:
    """The requests of a saved value that is dropped after its last forward reader and made again later."""
    readers = [
        (schedule.kernel_of[user], parts.part[user] is Part.FORWARD)
        for user in schedule.graph.users[item.value]
    ]
    forward = max((place for place, is_forward in readers if is_forward), default=item.first)
    backward = min((place for place, is_forward in readers if not is_forward), default=item.last)
    last = max(item.first, min(forward, item.last))
    if backward <= last + 1:
        yield Request(item.first, item.last, item.bytes)
        return
    yield Request(item.first, last, item.bytes)
    if backward <= item.last:
        yield Request(backward, item.last, item.bytes)


def bytes_of(budget: int | str) -> int:
    """A budget in bytes: an int, or a text such as "256 MB" (powers of ten) or "1 GiB" (of two).

    Raises ArgumentError for anything else.
    """
    given = cast(Any, budget)
    if isinstance(given, str):
        match = _BUDGET.match(given)
        unit = match[2].upper().replace("I", "i") if match is not None else ""
        if match is not None and unit in _UNITS:
            return int(float(match[1]) * _UNITS[unit])
    elif (count := whole_number(given)) is not None and count >= 0:
        return count
    raise ArgumentError(
        f'a budget is a number of bytes, or a text such as "256 MB" or "1 GiB", not {budget!r}'
    )


def _count(size: Extent, sizes: Mapping[str, int]) -> int:
    return size.at(**sizes) if isinstance(size, Dim) else size


def _summed(pairs: Iterable[tuple[Any, int]]) -> dict[Any, int]:
    total: dict[Any, int] = {}
    for key, count in pairs:
        total[key] = total.get(key, 0) + count
    return dict(sorted(total.items(), key=lambda pair: -pair[1]))


def _table(memory: Memory) -> Table:
    kinds = [(kind, memory.of_kind(kind)) for kind in Kind]
    rows = [(kind.value, str(size)) for kind, size in kinds if size != 0 and not kind.is_in_slab]
    rows.append(("slab", str(memory.peak_bytes)))
    rows += [(f"  {kind.value}", str(size)) for kind, size in kinds if size != 0 and kind.is_in_slab]
    rows.append(("a call", str(memory.total_bytes)))
    rows.append(("in place saves", str(memory.in_place_saves)))
    return Table(("", "bytes"), tuple(rows), left=1)


def _moment_table(moment: Moment) -> Table:
    given = ", ".join(f"{name}={size}" for name, size in moment.sizes.items())
    title = f"fullest at kernel {moment.kernel}{f' for {given}' if given else ''}:"
    total = moment.total_bytes or 1
    rows = [
        (item.name, print_path(item.scope), item.kind.value, scaled(count, "B"), f"{count / total:.1%}")
        for item, count in moment.holders[:_LISTED]
    ]
    rest = moment.holders[_LISTED:]
    if rest:
        count = sum(count for _, count in rest)
        rows.append((f"{len(rest)} more", "", "", scaled(count, "B"), f"{count / total:.1%}"))
    if moment.unused_bytes:
        unused = moment.unused_bytes
        rows.append(("nobody", "", "gaps in the slab", scaled(unused, "B"), f"{unused / total:.1%}"))
    rows.append(("all", "", "", scaled(moment.total_bytes, "B"), ""))
    return Table(("value", "scope", "kind", "bytes", "share"), tuple(rows), left=3, title=title)
