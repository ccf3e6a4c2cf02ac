"""Plan: where every value that leaves its kernel lives, known before anything runs.

    Plan   ::= schedule, place of each stored value, commits, copies, peak
    Place  ::= InSlab(offset, bytes, first, last) | InOutput(position) | InParameter(parameter) |
    InInput(input)
             | InPart(whole, offset, strides) | InLeaf | View(base, offset, strides)

Offsets and the peak are polynomials in the symbolic dimensions: they hold for every batch size. The slab
itself is to begin at a multiple of 64 bytes. `compiler.schedule.planner` makes plans,
`compiler.schedule.proof` proves them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from compiler.errors import ArgumentError
from compiler.ir.dims import Extent, Shape
from compiler.ir.finding import find_value, image
from compiler.ir.naming import Names
from compiler.ir.node import Node
from compiler.ir.plain import plain
from compiler.schedule.schedule import Schedule
from compiler.schedule.tables import Table


@dataclass(frozen=True, slots=True)
class InSlab:
    """Dense, at a byte offset of the slab. `first` and `last` are the kernels between which it must stay.

    It, or the first part of it, is written by kernel `first` (-1 stands for a copy before all kernels), and
    nobody reads it after kernel `last` and the commits that wait for that kernel.
    """

    offset: Extent
    bytes: Extent
    first: int
    last: int

    def __str__(self) -> str:
        return f"slab {self.offset} .. {self.offset + self.bytes}"


@dataclass(frozen=True, slots=True)
class InOutput:
    """Dense, written straight into an output of the call, which is the value or a view of all of it."""

    position: int

    def __str__(self) -> str:
        return f"output {self.position}"


@dataclass(frozen=True, slots=True)
class InParameter:
    """Dense, written straight into the buffer of the parameter that it updates."""

    parameter: Node

    def __str__(self) -> str:
        return "parameter"


@dataclass(frozen=True, slots=True)
class InInput:
    """Dense, written over the array of an input that the caller has donated."""

    input: Node

    def __str__(self) -> str:
        return "donated input"


@dataclass(frozen=True, slots=True)
class InPart:
    """Written where `whole`, a concatenation of it or padding around it, has it: from an element of that on.

    `strides` are in elements, one for each axis. The kernel of `whole` writes the rest alone.
    """

    whole: Node
    offset: Extent
    strides: Shape

    def __str__(self) -> str:
        return f"part from {self.offset} by [{', '.join(map(str, self.strides))}]"


@dataclass(frozen=True, slots=True)
class InLeaf:
    """An input, a parameter or a constant, where it is."""

    def __str__(self) -> str:
        return "leaf"


@dataclass(frozen=True, slots=True)
class View:
    """No memory of its own: elements of `base` from an offset on, with a stride (in elements) for each axis.

    `base` is no view; the offset counts from its first element.
    """

    base: Node
    offset: Extent
    strides: Shape

    def __str__(self) -> str:
        return f"view from {self.offset} by [{', '.join(map(str, self.strides))}]"


Place: TypeAlias = InSlab | InOutput | InParameter | InInput | InPart | InLeaf | View


@dataclass(frozen=True, slots=True)
class Commit:
    """Copies a value to the parameter that it updates, after kernel `after` has run (-1: before the first).

    With `through`, the value lies in memory that another commit after the same kernel writes to (parameters
    that are swapped): it is first copied there, dense, before any commit after that kernel writes.
    """

    parameter: Node
    value: Node
    after: int
    through: InSlab | None = None


@dataclass(frozen=True, slots=True)
class OutputCopy:
    """Copies a value to an output after the last kernel: a leaf, a view, or a value returned twice."""

    value: Node
    position: int


@dataclass(frozen=True, repr=False)
class Plan:
    """Every stored value has a place: leaves, views, and the values that leave a kernel.

    In which order a call runs kernels, copies and commits is said by `compiler.schedule.execution`: after
    kernel k come the commits with `after == k`, in the order in which they stand here. A kernel may write
    over memory that it reads where each element is read by the iterations that write it (see the in-place
    rule in `compiler.schedule.overwriting`).

    `handed` are outputs that are computed in donated inputs, whose arrays the caller gets back.

    `peak_bytes` is the size of the slab: an int, or a polynomial in the symbolic dimensions, of which
    `at(batch=64)` gives a number.
    """

    schedule: Schedule
    places: Mapping[Node, Place]
    copies: tuple[OutputCopy, ...]
    commits: tuple[Commit, ...]
    peak_bytes: Extent
    handed: Mapping[int, Node] = field(default_factory=dict[int, Node])

    def __getitem__(self, what: Any) -> Place | None:
        """Where a value lives: a tensor, a node, a name or number from any view; None if in its kernel only.

        Raises ArgumentError for what is no value, or has nothing that stands for it in the rewritten graph.
        """
        graph = self.schedule.graph
        node = find_value(graph, what)
        now = image(graph, node)
        if now is None:
            raise ArgumentError(
                f"nothing in the rewritten graph stands for {graph.names.describe(node)}: see program.why"
            )
        return self.places.get(now)

    def at(self, **symbols: int) -> int:
        """The bytes of the slab for some values of the symbolic dimensions, also where they do not matter.

        Raises ArgumentError naming a symbol that has none.
        """
        return self.peak_bytes if isinstance(self.peak_bytes, int) else self.peak_bytes.at(**symbols)

    @cached_property
    def unshared_bytes(self) -> Extent:
        """What the slab would take if no two values shared memory, and no kernel ran in place."""
        total: Extent = 0
        for slot in self.slots:
            total = total + slot.bytes
        return total

    @cached_property
    def slots(self) -> tuple[InSlab, ...]:
        """The slots of values in the slab, in creation order, then those of swapped values."""
        found = [place for place in self.places.values() if isinstance(place, InSlab)]
        return (*found, *(item.through for item in self.commits if item.through is not None))

    @cached_property
    def parts(self) -> Mapping[Node, tuple[Node, ...]]:
        """For each value that has parts those, in creation order."""
        return parts_by_whole(self.places)

    def moved(self, whole: Node) -> tuple[Node, ...]:
        """The operands of a value that its kernel moves: all but its parts, each of which is there once."""
        there = set(self.parts.get(whole, ()))
        found: list[Node] = []
        for operand in whole.operands:
            owner = self._owner(operand)
            if owner in there:
                there.remove(owner)
            else:
                found.append(operand)
        return tuple(found)

    def _owner(self, node: Node) -> Node:
        place = self.places.get(node)
        return place.base if isinstance(place, View) else node

    @cached_property
    def strides(self) -> Mapping[Node, Shape]:
        """The strides of computed values that may have gaps though they are no views: parts of others."""
        return {node: place.strides for node, place in self.places.items() if isinstance(place, InPart)}

    @cached_property
    def dying(self) -> Mapping[int, tuple[InSlab, ...]]:
        """For each kernel the slots that hold nothing any more when it and the commits after it have run.

        A mode that looks for faults fills their bytes with NaN then. A slot that is written in place of
        another takes it over; the other does not die.
        """
        found: dict[int, list[InSlab]] = {}
        taken = {id(slot) for slot in self._taken_over()}
        for slot in self.slots:
            if id(slot) not in taken:
                found.setdefault(slot.last, []).append(slot)
        return {place: tuple(slots) for place, slots in found.items()}

    def _taken_over(self) -> list[InSlab]:
        found: list[InSlab] = []
        for kernel in self.schedule.kernels:
            for result, operand in kernel.in_place.items():
                place = self.places[operand]
                old = self.places[place.base] if isinstance(place, View) else place
                new = self.places[result]
                if isinstance(old, InSlab) and isinstance(new, InSlab) and old.offset == new.offset:
                    found.append(old)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Where every value lives, what is copied when, and the size of the slab."""
        names = self.schedule.graph.names.values
        kernel_of = self.schedule.kernel_of
        return {
            "peak_bytes": plain(self.peak_bytes),
            "unshared_bytes": plain(self.unshared_bytes),
            "values": [
                {
                    "name": names[node],
                    "type": str(node.type),
                    "kernel": kernel_of.get(node),
                    "place": place_dict(place, names),
                }
                for node, place in self.places.items()
            ],
            "commits": [
                {
                    "parameter": names[item.parameter],
                    "value": names[item.value],
                    "after": item.after,
                    "through": None if item.through is None else place_dict(item.through, names),
                }
                for item in self.commits
            ],
            "copies": [{"value": names[item.value], "output": item.position} for item in self.copies],
            "handed": [{"output": position, "input": names[node]} for position, node in self.handed.items()],
        }

    @property
    def tables(self) -> tuple[Table, ...]:
        """One: a row a value that is no leaf; commits, copies and the size of the slab below."""
        return (plan_table(self),)

    def __str__(self) -> str:
        return str(plan_table(self))

    def __repr__(self) -> str:
        kernels, commits = len(self.schedule.kernels), len(self.commits)
        return f"<Plan of {kernels} kernels and {commits} commits in a slab of {self.peak_bytes} bytes>"


def parts_by_whole(places: Mapping[Node, Place]) -> dict[Node, tuple[Node, ...]]:
    """For each value that has parts those, in the order of the places."""
    found: dict[Node, list[Node]] = {}
    for node, place in places.items():
        if isinstance(place, InPart):
            found.setdefault(place.whole, []).append(node)
    return {whole: tuple(nodes) for whole, nodes in found.items()}


def place_dict(place: Place, names: Mapping[Node, str]) -> dict[str, Any]:
    """A place as JSON can hold it: its kind, and what the kind has."""
    match place:
        case InSlab():
            where = {"offset": plain(place.offset), "bytes": plain(place.bytes)}
            return {"kind": "slab", **where, "first": place.first, "last": place.last}
        case InOutput():
            return {"kind": "output", "position": place.position}
        case InParameter():
            return {"kind": "parameter", "name": names[place.parameter]}
        case InInput():
            return {"kind": "donated input", "name": names[place.input]}
        case InPart():
            strides = [plain(stride) for stride in place.strides]
            return {
                "kind": "part", "of": names[place.whole], "offset": plain(place.offset), "strides": strides
            }  # fmt: skip
        case InLeaf():
            return {"kind": "leaf"}
        case View():
            strides = [plain(stride) for stride in place.strides]
            return {
                "kind": "view", "of": names[place.base], "offset": plain(place.offset), "strides": strides
            }  # fmt: skip


def plan_table(plan: Plan) -> Table:
    """The plan as a table: a row a value that is no leaf, then commits, copies and the size of the slab."""
    names = plan.schedule.graph.names
    rows: list[tuple[str, ...]] = []
    kernel_of = plan.schedule.kernel_of
    for node, place in plan.places.items():
        if isinstance(place, InLeaf):
            continue
        until = str(place.last) if isinstance(place, InSlab) else ""
        kernel = str(kernel_of[node]) if node in kernel_of else ""
        rows.append((kernel, names.values[node], str(node.type), place_text(place, names), until))
    lines = [f"after kernel {item.after}: {_commit(item, names)}" for item in plan.commits]
    lines += [f"at the end: output {item.position} <- {names.values[item.value]}" for item in plan.copies]
    lines += [f"output {position} is {names.values[node]}" for position, node in plan.handed.items()]
    lines.append(f"slab: {plan.peak_bytes} bytes ({plan.unshared_bytes} without sharing)")
    headings = ("kernel", "value", "type", "place", "until")
    return Table(headings, tuple(rows), left=5, notes=tuple(lines))


def place_text(place: Place, names: Names) -> str:
    """A place with the name of whose memory it is in, where it is no memory of its own."""
    match place:
        case View():
            return f"view of {names.values[place.base]}{str(place).removeprefix('view')}"
        case InPart():
            return f"part of {names.values[place.whole]}{str(place).removeprefix('part')}"
        case InParameter():
            return f"parameter {names.values[place.parameter]}"
        case InInput():
            return f"donated {names.values[place.input]}"
        case _:
            return str(place)


def _commit(item: Commit, names: Names) -> str:
    through = f" through {item.through}" if item.through is not None else ""
    return f"{names.values[item.parameter]} <- {names.values[item.value]}{through}"
