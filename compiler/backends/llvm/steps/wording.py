"""The words of kernels' texts: what a program calls its values and its memory, indices, expressions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from compiler.ir.dims import Dim, Extent, symbols
from compiler.ir.formula.printing import HIGHEST, Piece, print_line, print_ref
from compiler.ir.formula.tape import Const, Line, Ref, TypedLine
from compiler.ir.naming import Names
from compiler.ir.node import Node
from compiler.ir.op import Constant, Parameter
from compiler.ir.printing import loop_name
from compiler.ir.types import BOOL, DType
from compiler.loops.places import Places, Pointer, Region

Label: TypeAlias = Node | str
"""What memory is called after: the value in it, or a word."""


@dataclass(frozen=True)
class Words:
    """What a program calls its values and its memory."""

    places: Places

    @cached_property
    def names(self) -> Names:
        """As in the texts of the graph, the schedule and the plan."""
        return self.places.plan.schedule.graph.names

    @cached_property
    def symbols(self) -> frozenset[str]:
        """The symbolic dimensions, whose names nothing else may have."""
        graph = self.places.plan.schedule.graph
        return frozenset(name for node in graph.nodes for n in node.type.shape for name in symbols(n))

    def called(self, label: Label) -> str:
        """The name of memory."""
        return self.names.values[label] if isinstance(label, Node) else label

    def place(self, pointer: Pointer) -> str:
        """`slab + 64*n`, `input %x`, `parameter %w`, `output 1`; offsets are in bytes."""
        offset = "" if pointer.offset == 0 else f" + {count(pointer.offset)}"
        return self._region(pointer) + offset

    def _region(self, pointer: Pointer) -> str:
        graph = self.places.plan.schedule.graph
        if pointer.region is Region.INPUT:
            return f"input {self.called(graph.inputs[pointer.number])}"
        if pointer.region is Region.BUFFER:
            return self._leaves[pointer.number]
        return pointer.region.value + (f" {pointer.number}" if pointer.region is Region.OUTPUT else "")

    @cached_property
    def _leaves(self) -> dict[int, str]:
        numbers = {buffer: number for number, buffer in enumerate(self.places.buffers)}
        leaves = [node for node in self.places.plan.schedule.graph.nodes if node.op.name in _KEPT]
        found: dict[int, str] = {}
        for node in leaves:
            assert isinstance(node.op, Parameter | Constant)
            if node.op.buffer in numbers:
                found.setdefault(numbers[node.op.buffer], f"{node.op.name} {self.called(node)}")
        return found


_KEPT = ("parameter", "constant")


class Page:
    """Lines at an indent, with names that nothing else has."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.lines: list[str] = []
        self._indent = 0
        self._taken = set(words.symbols)
        self._declared: dict[str, str] = {}

    @property
    def text(self) -> str:
        """All lines."""
        return "".join(f"{line}\n" for line in self.lines)

    def line(self, text: str) -> None:
        """One line."""
        self.lines.append("    " * self._indent + text)

    @contextmanager
    def block(self, head: str, remark: str = "") -> Generator[None]:
        """A statement with a body."""
        self.line(f"{head}:" + (f"  # {remark}" if remark else ""))
        self._indent += 1
        yield
        self._indent -= 1

    @contextmanager
    def loop(self, name: str, first: str, stop: str, how: str = "", remark: str = "") -> Generator[None]:
        """A counted loop; `how` says that it takes steps or vectors."""
        with self.block(f"for {name} in {first} .. {stop}{how}", remark):
            yield

    def enter(
        self, stack: ExitStack, name: str | None, extent: Extent, how: str = "", remark: str = ""
    ) -> None:
        """A loop from 0 on that ends with a stack; none for a loop of one turn, which has no name."""
        if name is not None:
            stack.enter_context(self.loop(name, "0", count(extent), how, remark))

    # Names

    def fresh(self, stem: str) -> str:
        """`stem0`, `stem1`, ..., and no symbol."""
        number = 0
        while f"{stem}{number}" in self._taken:
            number += 1
        self._taken.add(f"{stem}{number}")
        return f"{stem}{number}"

    def index(self) -> str:
        """The next of i, j, k, ... that is no symbol."""
        number = 0
        while loop_name(number) in self._taken:
            number += 1
        self._taken.add(loop_name(number))
        return loop_name(number)

    def memory(self, name: str, dtype: DType, place: str) -> str:
        """Declares memory whose elements are counted from a place on."""
        said = f"{dtype.short} at {place}"
        if self._declared.get(name, said) != said:
            name = self.fresh("m")
        if name not in self._declared:
            self.line(f"{name} : {said}")
        self._declared[name] = said
        return name

    # Expressions

    def value(
        self, lines: Sequence[TypedLine], result: Ref, wanted: DType, sources: Sequence[Piece | Const],
        dtypes: Sequence[DType],
    ) -> Piece:  # fmt: skip
        """A formula's value in the dtype `wanted`; what it uses more than once stands in lines before."""
        known: list[tuple[Piece, DType] | Const] = [
            source if isinstance(source, Const) else (source, dtype)
            for source, dtype in zip(sources, dtypes, strict=True)
        ]
        uses = Counter(ref for typed in lines for ref in typed.line.arguments)
        uses[result] += 1
        for number, typed in enumerate(lines, start=len(sources)):
            arguments = [known[ref] if isinstance(ref, int) else ref for ref in typed.line.arguments]
            piece = _cast(_applied(typed, arguments), _natural(typed), typed.dtype)
            if uses[number] > 1:
                name = self.fresh("t")
                self.line(f"{name} : {typed.dtype.short} = {piece.text}")
                piece = Piece(name, HIGHEST)
            known.append((piece, typed.dtype))
        found = known[result] if isinstance(result, int) else result
        return print_ref(found, ()) if isinstance(found, Const) else _cast(*found, wanted)


def _applied(typed: TypedLine, arguments: Sequence[tuple[Piece, DType] | Const]) -> Piece:
    """An atom of values that are converted to the dtype in which it reads them.

    A literal takes the dtype of what stands beside it, and says its own where nothing does.
    """
    atom = typed.line.atom
    first = 1 if atom == "where" else 0
    is_alone = all(isinstance(item, Const) for item in arguments[first:])
    shown: list[Piece] = []
    for place, item in enumerate(arguments):
        wanted = BOOL if place < first else typed.reads
        if not isinstance(item, Const):
            shown.append(_cast(*item, wanted))
        else:
            literal = print_ref(item, ())
            shown.append(_call(wanted, literal) if is_alone and place >= first else literal)
    if atom == "fms":
        atom, shown[2] = "fma", print_line(Line("neg", (0,)), shown[2:])
    if atom == "fma":
        return Piece(f"fma({', '.join(piece.text for piece in shown)})", HIGHEST)
    return print_line(Line(atom, tuple(range(len(shown)))), shown)


_LOGICAL = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "isnan", "and", "or", "xor", "not"})


def _natural(typed: TypedLine) -> DType:
    """The dtype of an atom of arguments in the dtype that it reads."""
    return BOOL if typed.line.atom in _LOGICAL else typed.reads


def _cast(piece: Piece, given: DType, wanted: DType) -> Piece:
    return piece if given is wanted else _call(wanted, piece)


def _call(dtype: DType, piece: Piece) -> Piece:
    return Piece(f"{dtype.short}({piece.text})", HIGHEST)


def count(extent: Extent) -> str:
    """An extent as an expression, in which `^` is another operator than in a type."""
    return str(extent).replace("^", "**")


def vectors(lanes: int) -> str:
    """How a loop of vectors is walked."""
    return f" in vectors of {lanes}"


def cast(text: str, given: DType, wanted: DType) -> str:
    """A value in another dtype."""
    return text if given is wanted else f"{wanted.short}({text})"


def affine(strides: Sequence[Extent], loops: Sequence[str | None], *, as_value: bool = False) -> str:
    """`64*i + k`: where loops are in memory, or a number. A loop of one turn has no name."""
    text = ""
    for stride, loop in zip(strides, loops, strict=True):
        if loop is None or stride == 0:
            continue
        sign, term = _term(stride, loop, as_value=as_value)
        text += f" {sign} {term}" if text else ("-" if sign == "-" else "") + term
    return text or "0"


def _term(stride: Extent, loop: str, *, as_value: bool) -> tuple[str, str]:
    if isinstance(stride, Dim):
        shown = f"{{{count(stride)}}}" if as_value else count(stride)
        return "+", f"({shown})*{loop}" if len(stride.terms) > 1 or shown.startswith(
            "-"
        ) else f"{shown}*{loop}"
    return "-" if stride < 0 else "+", loop if abs(stride) == 1 else f"{abs(stride)}*{loop}"
