"""What nodes cost: operations, expensive atoms, and bytes moved, as polynomials in the symbolic dimensions.

A group that is computed by one loop nest reads each operand once and writes each stored value once; what
passes between its members moves no bytes. These are the bytes that must move: what a cache too small for the
loops fetches again is not in them.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

from compiler.analysis.aliasing import Region, covered
from compiler.ir.dims import Dim, Extent, evaluate, product
from compiler.ir.formula.atoms import ATOMS
from compiler.ir.formula.tape import infer_dtypes, natural_dtype
from compiler.ir.node import Node
from compiler.ir.op import Combine, Fold, Gather, MapReduce, Prefix, Reducer, Scatter, ScatterAdd, Trait
from compiler.ir.plain import Plain, plain

EXPENSIVE: Final = frozenset(name for name, atom in ATOMS.items() if atom.instructions > 10)
"""Atoms that take ten times as long as an addition and more: exponentials, logarithms and their kin."""

_FREE: Final = "stop"
"""The atom that computes nothing: it only stops gradients."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A quotient of two extents that depends on the symbols."""

    numerator: Extent
    denominator: Extent

    def at(self, **symbols: int) -> float:
        """The value with every symbol bound; NaN where the denominator is 0. Raises as `Dim.at`."""
        below = evaluate(self.denominator, symbols)
        return evaluate(self.numerator, symbols) / below if below else math.nan

    def __str__(self) -> str:
        return f"{_factor(self.numerator)}/{_factor(self.denominator)}"


@dataclass(frozen=True, slots=True)
class Cost:
    """Counts for one call, each an int or a polynomial in the symbols, and 0 unless given."""

    operations: Extent = 0
    """Atoms evaluated, values reduced, and elements that a scatter or a fold combines."""
    flops: Extent = 0
    """Those of them on floating values, whatever an atom takes: `exp` is one, a product of (m, k) and (k, n)
    2*m*k*n."""
    expensive: Extent = 0
    """Those of them that are slow: see EXPENSIVE."""
    bytes_read: Extent = 0
    bytes_written: Extent = 0
    opaque: int = 0
    """Calls of Python functions, whose operations nobody can count."""

    @property
    def bytes_moved(self) -> Extent:
        return self.bytes_read + self.bytes_written

    @property
    def intensity(self) -> float | Ratio:
        """Arithmetic intensity: flops a byte moved. NaN where no bytes move.

        Williams, Waterman and Patterson, Roofline (2009), with the bytes that must move.
        """
        return _ratio(self.flops, self.bytes_moved)

    @property
    def work(self) -> Extent:
        """An estimate of time, in bytes moved: an operation takes as long as 4, an expensive one as 40."""
        return (self.operations + self.expensive * 9) * 4 + self.bytes_moved

    def at(self, **symbols: int) -> Cost:
        """The counts with every symbol bound. Raises ArgumentError naming one that is not."""
        return Cost(*(evaluate(getattr(self, item.name), symbols) for item in fields(self)))

    def to_dict(self) -> dict[str, Plain]:
        """The counts, what follows from them included: numbers, or polynomials and quotients as text."""
        names = (*(item.name for item in fields(self)), "bytes_moved", "intensity", "work")
        return {name: plain(getattr(self, name)) for name in names}

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(getattr(self, item.name) + getattr(other, item.name) for item in fields(self)))


def cost_of(
    members: Sequence[Node], stored: Collection[Node], regions: Mapping[Node, Region] | None = None
) -> Cost:
    """The cost of members in one loop nest, of which those in `stored` are written to memory.

    `regions` says where values lie (`regions_of`): memory that is read under two names is then counted once,
    what a broadcast or a window repeats too, and a reshape that has to copy as the copy that it is. Without
    it every operand is memory of its own, and what can be a view is one.
    """
    return sum(costs_of(members, stored, regions).values(), start=Cost())


def costs_of(
    members: Sequence[Node], stored: Collection[Node], regions: Mapping[Node, Region] | None = None
) -> dict[Node, Cost]:
    """What each member has of `cost_of`: its operations, the bytes that it reads first, and its result's.

    Views have none.
    """
    known: Mapping[Node, Region] = {} if regions is None else regions
    found: dict[Node, Cost] = {}
    for node in members:
        if not is_view(node, known):
            written = node.type.bytes if node in stored else 0
            found[node] = _operations(node) + Cost(bytes_written=written)
    for node, _, size in reads_of(members, known):
        found[node] += Cost(bytes_read=size)
    return found


def reads_of(members: Sequence[Node], regions: Mapping[Node, Region]) -> Iterator[tuple[Node, Node, Extent]]:
    """What members read from outside: who reads, what, and how many bytes; each memory once."""
    inside = set(members)
    read: set[Hashable] = set()
    for node in members:
        if is_view(node, regions):
            continue
        for operand, memory, size in _reads(node, inside, regions):
            if memory not in read:
                read.add(memory)
                yield node, operand, size


def copy_cost(value: Node, regions: Mapping[Node, Region]) -> Cost:
    """The cost of copying a value to dense memory."""
    _, size = _memory(value, regions)
    return Cost(bytes_read=size, bytes_written=value.type.bytes)


def is_view(node: Node, regions: Mapping[Node, Region]) -> bool:
    """Whether a node moves nothing: its value lies in the memory of another one."""
    return regions[node].base is not node if node in regions else node.op.has(Trait.VIEW)


def _reads(
    node: Node, inside: Collection[Node], regions: Mapping[Node, Region]
) -> Iterator[tuple[Node, Hashable, Extent]]:
    """The operands that a node reads from outside, what stands for their memory, and how many bytes of it."""
    for position, operand in enumerate(node.operands):
        if operand in inside:
            continue
        if isinstance(node.op, Gather) and position == 0:
            yield operand, (node, operand), node.type.bytes  # the rows that it picks, not the table
        else:
            yield operand, *_memory(operand, regions)


def _memory(value: Node, regions: Mapping[Node, Region]) -> tuple[Hashable, Extent]:
    """What stands for the memory of a value, and its bytes: of a view only the elements that it covers."""
    region = regions.get(value)
    if region is None:
        return value, value.type.bytes
    size = covered(value.type.shape, region.strides)
    is_whole = size == region.base.type.size
    return (region.base if is_whole else (region, value.type.shape)), size * value.type.dtype.size


def _operations(node: Node) -> Cost:
    """The operations of a node. Those of opaque calls are unknown and count as none."""
    op = node.op
    if isinstance(op, ScatterAdd | Fold):
        added = node.operands[-1].type.size
        return Cost(added, added if node.type.dtype.is_float else 0)
    if isinstance(op, Scatter) and op.combine is not Combine.SET:
        met = node.operands[-1].type.size
        return Cost(met, met if node.type.dtype.is_float else 0)
    if isinstance(op, Prefix):
        steps = node.type.size * len(node.operands)
        return Cost(steps, steps if node.type.dtype.is_float else 0)
    if not isinstance(op, MapReduce):
        return Cost(opaque=int(op.has(Trait.OPAQUE)))
    iterations = product(op.extents)
    lines, reduces = op.formula.lines, op.reducer is not Reducer.NONE
    slow = sum(line.atom in EXPENSIVE for line in lines)
    return Cost(iterations * (len(lines) + reduces), iterations * _flops(node, op), iterations * slow)


def _flops(node: Node, op: MapReduce) -> int:
    """The operations on floating values in one iteration of a node's loops."""
    dtypes = op.operand_dtypes([operand.type for operand in node.operands])
    typed = infer_dtypes(op.formula, dtypes, op.dtype)
    counted = sum(item.reads.is_float and item.line.atom != _FREE for item in typed)
    reduces = op.reducer is not Reducer.NONE and natural_dtype(op.formula, dtypes).is_float
    return counted + reduces


def _ratio(above: Extent, below: Extent) -> float | Ratio:
    """A quotient in lowest terms: a number where the two are proportional."""
    if below == 0:
        return math.nan
    if above == 0:
        return 0.0
    (top, over), (bottom, under) = _leading(above), _leading(below)
    if top == bottom and above * under == below * over:
        return over / under
    content = math.gcd(*_coefficients(above), *_coefficients(below))
    return Ratio(above // content, below // content)


def _factor(value: Extent) -> str:
    return (
        f"({value})" if isinstance(value, Dim) and (len(value.terms) > 1 or "*" in str(value)) else str(value)
    )


def _leading(value: Extent) -> tuple[object, int]:
    return value.terms[-1] if isinstance(value, Dim) else ((), value)


def _coefficients(value: Extent) -> list[int]:
    return [count for _, count in value.terms] if isinstance(value, Dim) else [value]


def is_at_most(extent: Extent, limit: int) -> bool:
    """Whether a count is known to be at most a limit. A symbolic one never is."""
    return isinstance(extent, int) and extent <= limit
