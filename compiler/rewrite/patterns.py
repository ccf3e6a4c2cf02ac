"""Rules between single atoms: a pattern and what takes its place, both in the language of formulas.

A pattern is matched against nodes: each of its lines is a map of one atom, and a map may read another
through any index map. `c` and `d` stand for literals, every other letter for any value. Commutative atoms
match in either order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from compiler.errors import DTypeError
from compiler.ir.build import IDENTITY, atom_formula
from compiler.ir.formula.atoms import COMMUTATIVE
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.tape import Const, Formula, Line, Ref, natural_dtype
from compiler.ir.node import Node, Origin, make_node
from compiler.ir.op import Access, Argument, Index, MapReduce, Reducer, Size
from compiler.ir.types import BOOL, DType, Scalar
from compiler.rewrite.accesses import Axes, fill, moved, read, through_map


class Kind(Enum):
    """What a rule promises."""

    EXACT = "the same bits for every argument, of which NaN counts as one"
    STABILISING = "nearer to the real number, or as near"


def always(value: Scalar) -> bool:
    """The condition of a rule for every literal."""
    return True


@dataclass(frozen=True, slots=True)
class Rule:
    """`pattern = replacement`, where `accepts` holds for the literal `c`, and `when` says so in words."""

    pattern: Formula
    replacement: Formula
    kind: Kind
    text: str
    accepts: Callable[[Scalar], bool] = always
    dtypes: frozenset[DType] | None = None
    """The dtypes of the result, before it is converted too, for which the rule holds; None for all."""

    @property
    def root(self) -> str:
        """The outermost atom of the pattern."""
        return self.pattern.lines[-1].atom

    def __str__(self) -> str:
        return self.text


BOOLS: Final = frozenset({DType.BOOL})
INTEGERS: Final = frozenset({DType.INT32, DType.INT64})
FLOATS: Final = frozenset({DType.FLOAT32, DType.FLOAT64})


def rule(
    pattern: str, replacement: str, kind: Kind = Kind.EXACT, *, when: str = "",
    accepts: Callable[[Scalar], bool] = always, dtypes: frozenset[DType] | None = None,
) -> Rule:  # fmt: skip
    """A rule from its two sides as text."""
    letters = ", ".join(sorted(set(re.findall(r"\b[a-z]\b", pattern))))
    left = parse_formula(f"pattern({letters}) = {pattern}")
    right = parse_formula(f"replacement({letters}) = {replacement}")
    text = f"{pattern} = {replacement}" + (f" where {when}" if when else "")
    return Rule(left, right, kind, text, accepts, dtypes)


def by_root(rules: Iterable[Rule]) -> dict[str, tuple[Rule, ...]]:
    """Rules by the outermost atom of their patterns, in order."""
    found: dict[str, tuple[Rule, ...]] = {}
    for item in rules:
        found[item.root] = (*found.get(item.root, ()), item)
    return found


Leaf: TypeAlias = tuple[Node, Axes] | Index | Size
"""What a matched map reads: a value at some loops of the root, the value of a loop, or an extent."""


def apply_rule(item: Rule, site: Site, origin: Origin) -> Node | None:
    """What a rule makes of a node; None where the pattern is something else or a dtype would change."""
    found = site.match(item)
    return None if found is None else _replaced(item, found, site, origin)


def single_atom(node: Node) -> str:
    """The atom that a map is, at whatever places it reads; empty for everything else."""
    op = node.op
    if not isinstance(op, MapReduce) or op.reducer is not Reducer.NONE or op.formula.atom is None:
        return ""
    return op.formula.atom.name


class Site:
    """A map of one atom and the values around it by number, at which rules are tried; 0 is the map itself."""

    def __init__(self, root: Node) -> None:
        assert isinstance(root.op, MapReduce)
        self.op = root.op
        self.root = root
        self.leaves: list[Leaf] = [(root, root.op.output)]
        self.numbers: dict[Leaf, int] = {self.leaves[0]: 0}
        self.lines: dict[Leaf, Line | None] = {}

    @property
    def natural(self) -> DType | None:
        """The dtype that the root has before it is converted."""
        return _natural(self.root)

    def match(self, item: Rule) -> dict[int, Ref] | None:
        """The values of the pattern's parameters for which it is the root; None where it is not."""
        if item.dtypes is not None and not item.dtypes.issuperset({self.op.dtype, self.natural}):
            return None
        return _match(item, item.pattern.result, 0, self, {})

    def number(self, leaf: Leaf) -> int:
        if leaf not in self.numbers:
            self.numbers[leaf] = len(self.leaves)
            self.leaves.append(leaf)
        return self.numbers[leaf]

    def line(self, ref: Ref, atom: str) -> Line | None:
        """What computes a value, if that is a certain atom without a conversion."""
        leaf = self.leaves[ref] if isinstance(ref, int) else None
        if not isinstance(leaf, tuple) or single_atom(leaf[0]) != atom:
            return None
        if leaf not in self.lines:
            self.lines[leaf] = self._line(atom, *leaf)
        return self.lines[leaf]

    def _line(self, atom: str, node: Node, axes: Axes) -> Line | None:
        if not isinstance(node.op, MapReduce):
            return None
        if node is not self.root and not self._is_plain(node, node.op.dtype):
            return None
        arguments = self._arguments(node, node.op, axes)
        return None if arguments is None else Line(atom, arguments)

    def _is_plain(self, node: Node, dtype: DType) -> bool:
        """Whether nothing is converted on its way from a map to the root: integers wrap, floats do not."""
        return dtype is _natural(node) and dtype in (BOOL, self.natural)

    def _arguments(self, node: Node, op: MapReduce, axes: Axes) -> tuple[Ref, ...] | None:
        place = through_map(op, axes)
        operands = iter(node.operands)
        found: list[Ref] = []
        for item in op.arguments:
            match item:
                case Access():
                    found.append(self.number((next(operands), moved(item.axes, place))))
                case Index():
                    loop = place[item.loop]
                    if loop is None:
                        return None
                    found.append(self.number(Index(loop)))
                case Size():
                    found.append(Const(item.extent) if isinstance(item.extent, int) else self.number(item))
                case Const():
                    found.append(item)
        return tuple(found)


def _natural(node: Node) -> DType | None:
    op = node.op
    if not isinstance(op, MapReduce):
        return None
    return natural_dtype(op.formula, op.operand_dtypes([operand.type for operand in node.operands]))


def _match(item: Rule, wanted: Ref, ref: Ref, site: Site, known: dict[int, Ref]) -> dict[int, Ref] | None:
    pattern = item.pattern
    if isinstance(wanted, Const):
        return known if isinstance(ref, Const) and _is_same(ref.value, wanted.value) else None
    if wanted < len(pattern.parameters):
        is_literal = pattern.parameters[wanted] in ("c", "d")
        if is_literal and not (isinstance(ref, Const) and item.accepts(ref.value)):
            return None
        if wanted in known:
            return known if known[wanted] == ref else None
        return {**known, wanted: ref}
    expected = pattern.line(wanted)
    line = site.line(ref, expected.atom)
    if line is None:
        return None
    orders = [line.arguments, line.arguments[::-1]] if line.atom in COMMUTATIVE else [line.arguments]
    for arguments in orders:
        found: dict[int, Ref] | None = known
        for want, argument in zip(expected.arguments, arguments, strict=True):
            found = None if found is None else _match(item, want, argument, site, found)
        if found is not None:
            return found
    return None


def _is_same(left: Scalar, right: Scalar) -> bool:
    """Equal numbers of any type; true is no number."""
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _replaced(item: Rule, found: Mapping[int, Ref], site: Site, origin: Origin) -> Node | None:
    values: list[Ref | Line] = [found[k] for k in range(len(item.pattern.parameters))]
    for line in item.replacement.lines:
        values.append(
            _folded(line.atom, [values[ref] if isinstance(ref, int) else ref for ref in line.arguments])
        )
    result = item.replacement.result
    value = values[result] if isinstance(result, int) else result
    op = site.op
    if isinstance(value, Const):
        return fill(value.value, site.root.type, origin)
    if isinstance(value, int):
        return _bare(site.leaves[value], site, origin)
    arguments, operands = _looked_up(value.arguments, site)
    new = MapReduce(atom_formula(value.atom), arguments, op.extents, op.output, op.dtype)
    try:
        node = make_node(new, operands, origin=origin)
    except DTypeError:
        return None
    return node if _natural(node) is site.natural else None


def _folded(atom: str, arguments: list[Ref | Line]) -> Ref | Line:
    """A line of the replacement; literals are computed at once, which the rule's condition makes exact."""
    literals = [item.value for item in arguments if isinstance(item, Const)]
    if len(literals) == len(arguments) and atom in ("neg", "div"):
        return Const(-literals[0] if atom == "neg" else literals[0] / literals[1])
    refs = [item for item in arguments if not isinstance(item, Line)]
    if len(refs) < len(arguments):
        raise ValueError("a rule replaces its pattern by one atom")
    return Line(atom, tuple(refs))


def _looked_up(refs: tuple[Ref, ...], site: Site) -> tuple[tuple[Argument, ...], list[Node]]:
    arguments: list[Argument] = []
    operands: list[Node] = []
    for ref in refs:
        leaf = ref if isinstance(ref, Const) else site.leaves[ref]
        if isinstance(leaf, tuple):
            operands.append(leaf[0])
            arguments.append(Access(leaf[1]))
        else:
            arguments.append(leaf)
    return tuple(arguments), operands


def _bare(leaf: Leaf, site: Site, origin: Origin) -> Node | None:
    """A value alone in the root's shape: itself, a view of it, or its conversion."""
    if not isinstance(leaf, tuple) or leaf[0].type.dtype is not site.natural:
        return None
    node, axes = leaf
    op = site.op
    if node.type.dtype is op.dtype:
        return read(node, axes, op.extents, op.output, origin)
    return make_node(
        MapReduce(IDENTITY, (Access(axes),), op.extents, op.output, op.dtype), [node], origin=origin
    )
