"""Reads the text of a graph. One line at a time and without recursion; nothing in the text is executed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from compiler.errors import ParseError, TinytorchError
from compiler.ir.build import IDENTITY_OF, align, as_argument, atom_formula, product_formula
from compiler.ir.dims import Dim, Shape, parse_extent
from compiler.ir.fields import (
    INT,
    NAME,
    SCANS,
    STRING,
    VALUE,
    WORDS,
    read_field,
    read_layout,
    read_prefix,
    split,
)  # fmt: skip
from compiler.ir.formula.atoms import ATOMS
from compiler.ir.formula.parsing import parse_formula, parse_scalar
from compiler.ir.formula.tape import Formula
from compiler.ir.known_calls import known_call
from compiler.ir.naming import reference, unquoted
from compiler.ir.node import Node, Origin, make_node
from compiler.ir.op import (
    Access,
    Argument,
    Buffer,
    Call,
    Constant,
    Index,
    Input,
    MapReduce,
    Op,
    Parameter,
    Reducer,
    Size,
    constant_of,
)  # fmt: skip
from compiler.ir.printing import loop_name
from compiler.ir.scope import Scope
from compiler.ir.types import TensorType, parse_type

Array: TypeAlias = np.ndarray[Any, Any]

_LINE = re.compile(rf"({VALUE})(\[[\w,]*\])?\s*=\s*(.*)\s:\s([^:]*)\Z", re.ASCII)
_CALL = re.compile(rf"({NAME})\((.*)\)\Z", re.ASCII)
_REDUCERS = "|".join(item.value for item in Reducer if item is not Reducer.NONE)
_REDUCE = re.compile(rf"({_REDUCERS})\[([^\]]*)\]\s*(.*)\Z")
_OPAQUE = re.compile(rf"call\s+({NAME})\((.*)\)\Z", re.ASCII)
_FORMULA = re.compile(rf"op\s+({NAME})(\(.*)\Z")
_ACCESS = re.compile(rf"({VALUE})(\[[\w,]*\])?\Z", re.ASCII)
_UPDATE = re.compile(rf"update\s+({VALUE})\s*<-\s*({VALUE})\Z", re.ASCII)
_PART = rf"(?:{STRING}|\w+)"
_SCOPE = re.compile(rf"scope(?:\s+({_PART}(?:\.{_PART})*))?\Z", re.ASCII)
_LOOPS = {loop_name(loop): loop for loop in range(64)}


class Parts(NamedTuple):
    """What a text describes, in the order of the arguments of `Graph.of`, and what it calls each value."""

    outputs: list[Node]
    updates: list[tuple[Node, Node]]
    inputs: list[Node]
    names: dict[Node, str]


def read_text(
    text: str, arrays: Mapping[str, Array] | None = None, calls: Mapping[str, Call] | None = None
) -> Parts:
    """The nodes that a text describes.

    `arrays` holds what the text names by `@reference`; a parameter or constant whose array is not given
    exists but raises UnboundArrayError when its value is needed. `calls` gives the op for each label of an
    opaque call. Raises ParseError with the line's number for any text that is not a graph.
    """
    reader = _Reader(arrays or {}, calls or {})
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            reader.read(line.strip())
        except ParseError as error:
            raise ParseError(f"line {number}: {error}") from None
        except (TinytorchError, ValueError, OverflowError) as error:
            raise ParseError(f"line {number}: {type(error).__name__}: {error}") from None
    return reader.finish()


class _Reader:
    """What has been read so far; `read` takes the next line."""

    def __init__(self, arrays: Mapping[str, Array], calls: Mapping[str, Call]) -> None:
        self.arrays = arrays
        self.calls = calls
        self.values: dict[str, Node] = {}
        self.formulas: dict[str, Formula] = {}
        self.inputs: list[Node] | None = None
        self.updates: list[tuple[Node, Node]] = []
        self.outputs: list[Node] | None = None
        self.scopes: dict[str, Scope] = {}
        self.origin = Origin()

    def read(self, line: str) -> None:
        if not line or line.startswith("#"):
            return
        if self.outputs is not None:
            raise ParseError("nothing follows the `return` line")
        if line.startswith("op "):
            self._formula(line)
        elif line == "scope" or line.startswith("scope "):
            self._scope(line)
        elif line.startswith("inputs "):
            self._inputs(line)
        elif line.startswith("update "):
            self._update(line)
        elif line == "return" or line.startswith("return "):
            self.outputs = [self._value(item) for item in split(line[6:])]
        else:
            self._define(line)

    def finish(self) -> Parts:
        if self.outputs is None:
            raise ParseError("the text has no `return` line")
        inputs = [node for node in self.values.values() if isinstance(node.op, Input)]
        if self.inputs is not None and (len(self.inputs) != len(inputs) or set(self.inputs) != set(inputs)):
            raise ParseError("the `inputs` line lists each input once, and nothing else")
        names = {node: text for text, node in self.values.items()}
        return Parts(self.outputs, self.updates, inputs if self.inputs is None else self.inputs, names)

    def _formula(self, line: str) -> None:
        match = _FORMULA.match(line)
        if match is None:
            raise ParseError(f"not a formula: {line[:200]!r} (an example of one is `op twice(x) = 2 * x`)")
        label, rest = match.groups()
        if label in self.formulas:
            raise ParseError(f"the formula {label} is defined twice")
        self.formulas[label] = replace(parse_formula("f" + rest), name=unquoted(label)[0])

    def _scope(self, line: str) -> None:
        match = _SCOPE.match(line)
        if match is None:
            raise ParseError(f"not a scope: {line[:200]!r} (an example of one is `scope encoder.block.0`)")
        parts = [unquoted(part)[0] for part in re.findall(_PART, match[1] or "", re.ASCII)]
        if any(not part or "." in part for part in parts):
            raise ParseError(f"a part of a scope has no dot and is not empty: {line[:200]!r}")
        name = ".".join(parts)
        scope = self.scopes.setdefault(name, Scope(name)) if parts else None
        self.origin = Origin(opened=scope)

    def _inputs(self, line: str) -> None:
        if self.inputs is not None:
            raise ParseError("there is one `inputs` line")
        self.inputs = [self._value(item) for item in split(line[6:])]

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
        node = make_node(op, operands, None if name[1:].isdigit() else unquoted(name[1:])[0], self.origin)
        if node.type != found:
            raise ParseError(f"{name} is {node.type}, not {found}")
        if node.op is not op or node.operands != tuple(operands):
            stored = next(
                kind for kind in (found, *(item.type for item in operands)) if kind.dtype.is_storage
            )
            short, wide = stored.dtype.short, stored.dtype.compute.short
            raise ParseError(
                f"{op.name} computes in no {short}\n  fix: cast to {wide}, compute, and cast back"
            )
        self.values[name] = node

    def _right(
        self, name: str, axes: tuple[int | None, ...] | None, right: str, found: TensorType
    ) -> tuple[Op, list[Node]]:
        if right == "input":
            return Input(found), []
        if match := _REDUCE.match(right):
            return self._reduce(Reducer(match[1]), match[2], match[3], axes or (), found)
        if match := _OPAQUE.match(right):
            return self._opaque(match[1], match[2], found)
        match = _CALL.match(right)
        if match is None:
            raise ParseError(f"not the right-hand side of a line: {right[:200]!r}")
        word, inside = match.groups()
        if word == "input" and word not in self.formulas:
            return self._input(inside, found), []
        if word == "parameter":
            return Parameter(found, self._buffer(inside, found)), []
        if word == "constant":
            return self._constant(name, inside, found), []
        if (word in WORDS or word in SCANS) and word not in self.formulas:
            return self._with_fields(word, inside)
        return self._map(word, inside, axes, found)

    def _input(self, inside: str, found: TensorType) -> Input:
        bounds = [read_field(piece) for piece in split(inside)]
        if len(bounds) != 2 or not all(type(bound) in (int, float) for bound in bounds):
            raise ParseError(
                f"an input's range is two numbers, as in `input(0.0, 1.0)`, not {inside[:200]!r}"
            )
        low, high = map(float, bounds)
        if not low <= high:
            raise ParseError(f"an input lies between low and high, and {low!r} <= {high!r} is not so")
        return Input(found, low, high)

    def _value(self, text: str) -> Node:
        if text not in self.values:
            raise ParseError(f"{text} is not defined above")
        return self.values[text]

    def _buffer(self, text: str, found: TensorType) -> Buffer:
        label = _reference(text)
        if label not in self.arrays:
            return Buffer(None, label)
        array = np.array(self.arrays[label], order="C", copy=True)
        if array.shape != found.shape or array.dtype != found.dtype.numpy:
            raise ParseError(f"@{label} is {found} and its array is {array.dtype}{list(array.shape)}")
        return Buffer(array, label)

    def _constant(self, name: str, text: str, found: TensorType) -> Constant:
        if text.startswith("@"):
            buffer = self._buffer(text, found)
            return (
                constant_of(buffer.array, found.dtype)
                if buffer.is_bound
                else Constant(found, buffer, name.encode())
            )
        shape = tuple(n for n in found.shape if not isinstance(n, Dim))
        given = np.array(read_field(text))
        if given.dtype.kind not in "bif" or (
            given.size and given.dtype.kind == "f" and not found.dtype.is_float
        ):
            raise ParseError(f"{text[:200]} is no {found}")
        array = given.astype(found.dtype.numpy)
        if given.dtype.kind != "f" and not np.array_equal(array, given):
            raise ParseError(f"{text[:200]} is out of range for {found}")
        if array.shape != found.shape and (len(shape) < found.rank or array.size or math.prod(shape)):
            raise ParseError(f"{text[:200]} has the shape {list(array.shape)} and is to be {found}")
        return constant_of(array.reshape(shape), found.dtype)

    def _with_fields(self, word: str, inside: str) -> tuple[Op, list[Node]]:
        operands: list[Node] = []
        given: dict[str, Any] = {}
        for piece in split(inside):
            key, equals, value = piece.partition("=")
            if piece.startswith("%"):
                operands.append(self._value(piece))
            elif not equals or key in given:
                raise ParseError(f"{word}: {piece!r} is neither an operand nor a field that is not given yet")
            else:
                given[key] = read_field(value)
        return (read_layout if word in WORDS else read_prefix)(word, given), operands

    def _opaque(self, label: str, inside: str, found: TensorType) -> tuple[Op, list[Node]]:
        key = reference(label)
        op = self.calls.get(key) or known_call(unquoted(label)[0], found)
        if op is None:
            raise ParseError(f"the text calls {key!r}: give its op with calls={{{key!r}: ...}}")
        return op, [self._value(item) for item in split(inside)]

    def _map(
        self, word: str, inside: str, axes: tuple[int | None, ...] | None, found: TensorType
    ) -> tuple[Op, list[Node]]:
        formula = self.formulas.get(word) or (atom_formula(word) if word in ATOMS else None)
        if formula is None:
            raise ParseError(
                f"{word!r} is neither an atom, nor a layout op, nor defined by an `op` line above"
            )
        output = tuple(range(found.rank)) if axes is None else axes
        extents = tuple(n for axis, n in zip(output, found.shape, strict=False) if axis is not None)
        operands: list[Node] = []
        arguments = [self._argument(piece, operands, extents) for piece in split(inside)]
        if len(arguments) != len(formula.parameters):
            raise ParseError(f"{word} takes {len(formula.parameters)} arguments, not {len(arguments)}")
        return MapReduce(formula, tuple(arguments), extents, output, found.dtype), operands

    def _reduce(
        self, reducer: Reducer, loops: str, product: str, axes: tuple[int | None, ...], found: TensorType
    ) -> tuple[Op, list[Node]]:
        kept = [n for axis, n in zip(axes, found.shape, strict=False) if axis is not None]
        reduced = [parse_extent(piece.partition(":")[2]) for piece in split(loops)]
        extents = (*kept, *reduced)
        operands: list[Node] = []
        arguments = [self._argument(piece, operands, extents) for piece in split(product, "*")]
        formula = IDENTITY_OF[reducer] if len(arguments) == 1 else product_formula(len(arguments))
        return MapReduce(formula, tuple(arguments), extents, axes, found.dtype, reducer), operands

    def _argument(self, text: str, operands: list[Node], extents: Shape) -> Argument:
        if text.startswith("{") and text.endswith("}"):
            return Size(parse_extent(text[1:-1]))
        if text in _LOOPS:
            return Index(_LOOPS[text])
        if not text.startswith("%"):
            return as_argument(int(text) if INT.match(text) else parse_scalar(text))
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
    if not re.fullmatch(f"@{NAME}", text, re.ASCII):
        raise ParseError(f"a reference such as @w is expected, not {text[:200]!r}")
    return reference(text[1:])
