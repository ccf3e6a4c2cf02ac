"""The text of a graph, which `parsing.py` reads back exactly.

    graph       ::= { "op" formula } { line } [ "inputs" value, ... ] { "update" value "<-" value }
                    "return" [ value, ... ]
    line        ::= value [ "[" loop, ... "]" ] "=" right ":" type
                  | "scope" [ part "." ... ]                               of the lines from here on
    right       ::= "input" | "parameter" "(" @reference ")" | "constant" "(" @reference | array ")"
                  | name "(" argument, ... ")"                               map
                  | reducer "[" loop ":" extent, ... "]" access "*" ...      reduction, contraction
                  | layout-name "(" value, ... field "=" field-value, ... ")"
                  | prefix-name "(" value, ... field "=" field-value, ... ")"
                  | "call" name "(" value, ... ")"
    argument    ::= access | loop | "{" extent "}" | literal
    access      ::= value [ "[" loop or "_", ... "]" ]                       "_" is a unit axis
    value       ::= "%" name | "%" number                          a number for a value without a name
    name        ::= ( word | json-string ) [ "~" number ]          "~2", "~3" tell things of one name apart
    part        ::= word | json-string                             without dots; or the number of a use

A map whose operands broadcast as in NumPy shows no loops. Formulas that are one atom need no definition.
`inputs` is there where a call takes them in another order than that of the lines. Arrays of parameters, and
large constants, stand outside the text under their references (a graph pickles as text plus arrays).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.ir.build import align
from compiler.ir.dims import Dim
from compiler.ir.formula.printing import print_body, print_scalar
from compiler.ir.formula.tape import Const, Formula
from compiler.ir.naming import Names, Text, is_atom, reference
from compiler.ir.node import Node
from compiler.ir.numbers import is_floating
from compiler.ir.op import (
    Access,
    Buffer,
    Call,
    Combine,
    Constant,
    Index,
    Input,
    Layout,
    MapReduce,
    Op,
    Parameter,
    Prefix,
    Reducer,
    Size,
)  # fmt: skip
from compiler.ir.scope import Path, paths_of

Array: TypeAlias = np.ndarray[Any, Any]

INLINE: Final = 8
"""Constants of up to this many elements are written in the text."""

_WORD = re.compile(r"\w+\Z", re.ASCII)


def print_graph(graph: Text) -> str:
    """The text form."""
    names = graph.names
    lines = print_definitions(names.formulas, names)
    lines += _with_scopes(graph.nodes, [print_node(node, names) for node in graph.nodes])
    if list(graph.inputs) != [node for node in graph.nodes if isinstance(node.op, Input)]:
        lines.append(f"inputs {', '.join(names.values[node] for node in graph.inputs)}")
    lines += [f"update {names.values[p]} <- {names.values[value]}" for p, value in graph.updates]
    lines.append(f"return {', '.join(names.values[node] for node in graph.outputs)}".rstrip())
    return "\n".join(lines) + "\n"


def print_definitions(formulas: Iterable[Formula], names: Names) -> list[str]:
    """The lines that define formulas, for those that are more than an atom."""
    return [
        f"op {names.formulas[formula]}({', '.join(formula.parameters)}) = {print_body(formula)}"
        for formula in formulas
        if not is_atom(formula)
    ]


def _with_scopes(nodes: tuple[Node, ...], lines: list[str]) -> list[str]:
    """The nodes' lines, with a line before each that begins another scope than the one above it."""
    scopes, found = scopes_of(nodes), list[str]()
    open_now: Path = ()
    for node, line in zip(nodes, lines, strict=True):
        if scopes[node] != open_now:
            open_now = scopes[node]
            found.append(f"scope {print_path(open_now)}".rstrip())
        found.append(line)
    return found


def scopes_of(nodes: Sequence[Node]) -> dict[Node, Path]:
    """The scope of each node of a graph, as names; () for none."""
    scopes = [node.origin.scope for node in nodes]
    paths = paths_of(scopes)
    return {node: () if scope is None else paths[scope] for node, scope in zip(nodes, scopes, strict=True)}


def print_path(path: Path) -> str:
    """`encoder.block.0`; a part that is no word stands as a JSON string."""
    return ".".join(part if _WORD.match(part) else json.dumps(part) for part in path)


def loop_name(loop: int) -> str:
    """i, j, k, ... z, then i1, j1, ..."""
    letters = "ijklmnopqrstuvwxyz"
    turn, letter = divmod(loop, len(letters))
    return letters[letter] + (str(turn) if turn else "")


def print_node(node: Node, names: Names) -> str:
    """One line."""
    op, name = node.op, names.values[node]
    operands = [names.values[operand] for operand in node.operands]
    match op:
        case MapReduce():
            return _print_map_reduce(op, node, name, operands, names)
        case Layout() | Prefix():
            right = f"{op.name}({', '.join([*operands, *print_fields(op)])})"
        case Input():
            right = f"input({print_scalar(op.low)}, {print_scalar(op.high)})" if op.has_range else "input"
        case Parameter():
            right = f"parameter(@{name[1:]})"
        case Constant():
            right = f"constant({_print_array(op, name)})"
        case Call():
            right = f"call {names.calls[op]}({', '.join(operands)})"
        case _:
            raise TypeError(f"{op!r} has no text")
    return f"{name} = {right} : {node.type}"


def is_by_reference(op: Constant) -> bool:
    """Whether a constant's array stands outside the text: large, unknown, or with a NaN that is not `nan`."""
    if not op.buffer.is_bound or op.buffer.array.size > INLINE:
        return True
    array = op.buffer.array
    is_nan = array != array
    return (
        bool(is_nan.any()) and array[is_nan].tobytes() != np.full(is_nan.sum(), np.nan, array.dtype).tobytes()
    )


def _print_array(op: Constant, name: str) -> str:
    if is_by_reference(op):
        return f"@{name[1:]}"
    return print_array(op.buffer.array)


def print_array(array: Any) -> str:
    """The elements of an array; floats of any dtype with the digits that float64 needs for them."""
    return print_field((array.astype(np.float64) if is_floating(array.dtype) else array).tolist())


def print_fields(op: Layout | Prefix) -> list[str]:
    """The fields of an op as they stand behind its operands: `axis=0`. A scan is what the op is called."""
    shown = [item for item in fields(op) if item.name != "scan"]
    return [f"{item.name}={print_field(getattr(op, item.name))}" for item in shown]


def print_field(value: Any) -> str:
    """A field of a layout op: a number, an extent, or a list of such."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(print_field, value)) + "]"  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, Combine):
        return value.value
    return str(value) if isinstance(value, Dim) else print_scalar(value)


def _print_map_reduce(op: MapReduce, node: Node, name: str, operands: list[str], names: Names) -> str:
    is_plain = op.reducer is Reducer.NONE and _broadcasts(op, node)
    given = iter(operands)
    arguments = [_print_argument(item, given, is_plain) for item in op.arguments]
    left = name if is_plain else name + _print_axes(op.output)
    if op.reducer is Reducer.NONE:
        return f"{left} = {names.formulas[op.formula]}({', '.join(arguments)}) : {node.type}"
    loops = ", ".join(f"{loop_name(loop)}:{op.extents[loop]}" for loop in op.reduced)
    return f"{left} = {op.reducer.value}[{loops}] {' * '.join(arguments)} : {node.type}"


def _broadcasts(op: MapReduce, node: Node) -> bool:
    """Whether the axes say nothing that shapes do not: operands are aligned and the output has every loop."""
    aligned = [Access(align(operand.type.shape, op.extents)) for operand in node.operands]
    return (
        list(op.accesses) == aligned
        and op.output == tuple(range(len(op.extents)))
        and not any(isinstance(item, Index) for item in op.arguments)
    )


def _print_argument(argument: Any, operands: Any, is_plain: bool) -> str:
    match argument:
        case Access():
            return next(operands) + ("" if is_plain else _print_axes(argument.axes))
        case Index():
            return loop_name(argument.loop)
        case Size():
            return f"{{{argument.extent}}}"
        case Const():
            return print_scalar(argument.value)
        case _:
            raise TypeError(f"{argument!r} is no argument")


def _print_axes(axes: tuple[int | None, ...]) -> str:
    return "[" + ",".join("_" if axis is None else loop_name(axis) for axis in axes) + "]"


def arrays_of(graph: Text) -> dict[str, Array]:
    """The arrays that the text names by reference and that are known."""
    names = graph.names.values
    buffers = ((node, buffer) for node in graph.nodes if (buffer := _outside(node.op)) is not None)
    return {reference(names[node]): buffer.array for node, buffer in buffers if buffer.is_bound}


def _outside(op: Op) -> Buffer | None:
    """The buffer of an op whose array the text only names."""
    if isinstance(op, Parameter) or (isinstance(op, Constant) and is_by_reference(op)):
        return op.buffer
    return None


def calls_of(graph: Text) -> dict[str, Call]:
    """The opaque calls that the text names by their labels."""
    return {reference(name): op for op, name in graph.names.calls.items()}
