"""Reads the text of a graph. One line at a time and without recursion; nothing in the text is executed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from compiler.errors import ParseError, UserError
from compiler.ir.build import align
from compiler.ir.dims import Extent, Shape, parse_extent
from compiler.ir.formula.atoms import ATOMS
from compiler.ir.formula.parsing import parse_formula, parse_scalar
from compiler.ir.formula.tape import Formula
from compiler.ir.graph import Graph
from compiler.ir.build import IDENTITY_OF, as_argument, atom_formula, product_formula
from compiler.ir.node import Node, Origin, make_node
from compiler.ir.op import (
    LAYOUTS, Access, Argument, Buffer, Call, Constant, Index, Input, MapReduce, Op, Parameter, Reducer, Size,
    constant_of,
)  # fmt: skip
from compiler.ir.printing import loop_name
from compiler.ir.types import TensorType, parse_type

_VALUE = r'%(?:"(?:[^"\\]|\\.)*"|[A-Za-z_0-9][\w.]*)'
_LINE = re.compile(rf"({_VALUE})(\[[\w,]*\])?\s*=\s*(.*)\s:\s([^:]*)\Z", re.ASCII)
_CALL = re.compile(r"([A-Za-z_][\w.'~]*)\((.*)\)\Z", re.ASCII)
_REDUCE = re.compile(r"(sum|max|min|argmax)\[([^\]]*)\]\s*(.*)\Z")
_OPAQUE = re.compile(r'call\s+("(?:[^"\\]|\\.)*"|[A-Za-z_0-9][\w.]*)\((.*)\)\Z', re.ASCII)
_ACCESS = re.compile(rf"({_VALUE})(\[[\w,]*\])?\Z", re.ASCII)
_PIECE = re.compile(rf'{_VALUE}|"(?:[^"\\]|\\.)*"|.', re.ASCII | re.DOTALL)
_UPDATE = re.compile(rf"update\s+({_VALUE})\s*<-\s*({_VALUE})\Z", re.ASCII)
_LOOPS = {loop_name(loop): loop for loop in range(64)}
_WORDS = {layout.word: layout for layout in LAYOUTS}


def parse_graph(
    text: str,
    arrays: Mapping[str, np.ndarray[Any, Any]] | None = None,
    calls: Mapping[str, Call] | None = None,
) -> Graph:
    """The graph that a text describes.

    `arrays` holds what the text names by `@reference`; a parameter or constant whose array is not given exists but
    raises UnboundArrayError when its value is needed. `calls` gives the function for each label of an opaque call.
    Raises ParseError with the line's number for any text that is not a graph.
    """
    reader = _Reader(arrays or {}, calls or {})
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            reader.read(line.strip())
        except ParseError as error:
            raise ParseError(f"line {number}: {error}") from None
        except UserError as error:
            raise ParseError(f"line {number}: {type(error).__name__}: {error}") from None
    return reader.finish()


class _Reader:
    def __init__(self, arrays: Mapping[str, np.ndarray[Any, Any]], calls: Mapping[str, Call]) -> None:
        self.arrays = arrays
        self.calls = calls
        self.values: dict[str, Node] = {}
        self.formulas: dict[str, Formula] = {}
        self.updates: list[tuple[Node, Node]] = []
        self.outputs: list[Node] | None = None

    def read(self, line: str) -> None:
        if not line or line.startswith("#"):
            return
        if self.outputs is not None:
            raise ParseError("nothing follows the `return` line")
        if line.startswith("op "):
            formula = parse_formula(line[3:])
            self.formulas[formula.name] = formula
        elif line.startswith("update "):
            self._update(line)
        elif line == "return" or line.startswith("return "):
            self.outputs = [self._value(item) for item in _split(line[6:])]
        else:
            self._define(line)

    def finish(self) -> Graph:
        if self.outputs is None:
            raise ParseError("the text has no `return` line")
        inputs = [node for node in self.values.values() if isinstance(node.op, Input)]
        graph = Graph.of(self.outputs, self.updates, inputs)
        return graph

    def _update(self, line: str) -> None:
        match = _UPDATE.match(line)
        if match is None:
            raise ParseError(f"not an update: {line!r} (an example of one is `update %w <- %w.next`)")
        self.updates.append((self._value(match[1]), self._value(match[2])))

    def _define(self, line: str) -> None:
        match = _LINE.match(line)
        if match is None:
            raise ParseError(f"not a line of a graph: {line[:200]!r}")
        name, axes, right, type_text = match.groups()
        if name in self.values:
            raise ParseError(f"{name} is defined twice")
        found = parse_type(type_text)
        op, operands = self._right(name, _loops(axes) if axes else None, right.strip(), found)
        bare = json.loads(name[1:]) if name.startswith('%"') else name[1:]
        node = make_node(op, operands, None if bare.isdigit() else bare, Origin())
        if node.type != found:
            raise ParseError(f"{name} is {node.type}, not {found}")
        self.values[name] = node

    def _right(
        self, name: str, axes: tuple[int | None, ...] | None, right: str, found: TensorType
    ) -> tuple[Op, list[Node]]:
        if right == "input":
            return Input(found), []
        if match := _REDUCE.match(right):
            return self._reduce(Reducer(match[1]), match[2], match[3], axes or (), found)
        if match := _OPAQUE.match(right):
            return self._opaque(match[1], match[2])
        match = _CALL.match(right)
        if match is None:
            raise ParseError(f"not the right-hand side of a line: {right[:200]!r}")
        word, inside = match.groups()
        if word == "parameter":
            return Parameter(found, self._buffer(inside, found)), []
        if word == "constant":
            return self._constant(name, inside, found), []
        if word in _WORDS and word not in self.formulas:
            return self._layout(word, inside)
        return self._map(word, inside, axes, found)

    def _value(self, text: str) -> Node:
        if text not in self.values:
            raise ParseError(f"{text} is not defined above")
        return self.values[text]

    def _buffer(self, text: str, found: TensorType) -> Buffer:
        label = _reference(text)
        array = self.arrays.get(label)
        if array is not None and (array.shape != found.shape or array.dtype != found.dtype.numpy):
            raise ParseError(f"@{label} is {found} and its array is {array.dtype}{list(array.shape)}")
        return Buffer(array, label)

    def _constant(self, name: str, text: str, found: TensorType) -> Constant:
        if text.startswith("@"):
            buffer = self._buffer(text, found)
            return constant_of(buffer.array, found.dtype) if buffer.is_bound else Constant(found, buffer, name.encode())
        array = np.array(_field(text), dtype=found.dtype.numpy)
        if array.size == 0:
            array = array.reshape([0 if isinstance(n, int) else -1 for n in found.shape] or [0])
            array = np.zeros([n for n in found.shape if isinstance(n, int)], found.dtype.numpy)
        return constant_of(array, found.dtype)

    def _layout(self, word: str, inside: str) -> tuple[Op, list[Node]]:
        operands: list[Node] = []
        given: dict[str, Any] = {}
        for piece in _split(inside):
            if piece.startswith("%"):
                operands.append(self._value(piece))
            else:
                key, _, value = piece.partition("=")
                given[key] = _field(value)
        try:
            return _WORDS[word](**given), operands
        except (TypeError, ValueError) as error:
            raise ParseError(f"{word}: {error}") from None

    def _opaque(self, label: str, inside: str) -> tuple[Op, list[Node]]:
        bare = json.loads(label) if label.startswith('"') else label
        if bare not in self.calls:
            raise ParseError(f"the text calls {bare!r}: give its function with calls={{{bare!r}: ...}}")
        return self.calls[bare], [self._value(item) for item in _split(inside)]

    def _map(
        self, word: str, inside: str, axes: tuple[int | None, ...] | None, found: TensorType
    ) -> tuple[Op, list[Node]]:
        formula = self.formulas.get(word) or (atom_formula(word) if word in ATOMS else None)
        if formula is None:
            raise ParseError(f"{word!r} is neither an atom, nor a layout op, nor defined by an `op` line above")
        output = tuple(range(found.rank)) if axes is None else axes
        extents = tuple(n for axis, n in zip(output, found.shape, strict=False) if axis is not None)
        operands: list[Node] = []
        arguments = [self._argument(piece, operands, extents) for piece in _split(inside)]
        if len(arguments) != len(formula.parameters):
            raise ParseError(f"{word} takes {len(formula.parameters)} arguments, not {len(arguments)}")
        return MapReduce(formula, tuple(arguments), extents, output, found.dtype), operands

    def _reduce(
        self, reducer: Reducer, loops: str, product: str, axes: tuple[int | None, ...], found: TensorType
    ) -> tuple[Op, list[Node]]:
        kept = [n for axis, n in zip(axes, found.shape, strict=False) if axis is not None]
        reduced = [parse_extent(piece.partition(":")[2]) for piece in _split(loops)]
        extents = (*kept, *reduced)
        operands: list[Node] = []
        arguments = [self._argument(piece, operands, extents) for piece in _split(product, "*")]
        formula = IDENTITY_OF[reducer] if len(arguments) == 1 else product_formula(len(arguments))
        return MapReduce(formula, tuple(arguments), extents, axes, found.dtype, reducer), operands

    def _argument(self, text: str, operands: list[Node], extents: Shape) -> Argument:
        if text.startswith("{") and text.endswith("}"):
            return Size(parse_extent(text[1:-1]))
        if text in _LOOPS:
            return Index(_LOOPS[text])
        if not text.startswith("%"):
            return as_argument(parse_scalar(text))
        match = _ACCESS.match(text)
        if match is None:
            raise ParseError(f"not an operand: {text!r}")
        operands.append(self._value(match[1]))
        shape = operands[-1].type.shape
        if match[2] is None and len(shape) > len(extents):
            raise ParseError(f"{text} has more axes than the result")
        return Access(_loops(match[2]) if match[2] else align(shape, extents))


def _loops(text: str) -> tuple[int | None, ...]:
    names = [item for item in text[1:-1].split(",") if item]
    unknown = [item for item in names if item != "_" and item not in _LOOPS]
    if unknown:
        raise ParseError(f"{unknown[0]!r} is no loop index")
    return tuple(None if item == "_" else _LOOPS[item] for item in names)


def _reference(text: str) -> str:
    if not text.startswith("@"):
        raise ParseError(f"a reference such as @w is expected, not {text!r}")
    return json.loads(text[1:]) if text.startswith('@"') else text[1:]


def _split(text: str, separator: str = ",") -> list[str]:
    """The pieces of a list, split at separators that stand in no brackets and no quotes."""
    pieces, depth, current = list[str](), 0, ""
    for match in _PIECE.finditer(text):
        piece = match[0]
        depth += (piece in "([{") - (piece in ")]}")
        if piece == separator and depth == 0:
            pieces.append(current.strip())
            current = ""
        else:
            current += piece
    if depth:
        raise ParseError(f"brackets do not match in {text[:200]!r}")
    return [*pieces, current.strip()] if pieces or current.strip() else []


def _field(text: str) -> Any:
    """A number, an extent, or a list of such; lists nest as deep as arrays have axes."""
    stack: list[list[Any]] = [[]]
    for token in re.findall(r"[\[\]]|[^\[\],]+", text):
        item = token.strip()
        if token == "[":
            stack.append([])
        elif token == "]":
            if len(stack) == 1:
                _bad_field(text)
            done = tuple(stack.pop())
            stack[-1].append(done)
        elif item:
            stack[-1].append(_number(item))
    if len(stack) != 1 or len(stack[0]) != 1:
        _bad_field(text)
    return stack[0][0]


def _bad_field(text: str) -> NoReturn:
    raise ParseError(f"not a number or a list of numbers: {text[:200]!r}")


def _number(text: str) -> Extent | bool | float:
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if text in ("true", "false") or re.fullmatch(r"-?(inf|nan|[\d.]+(e[-+]?\d+)?)", text):
        return parse_scalar(text)
    return parse_extent(text)
