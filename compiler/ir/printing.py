"""The text of a graph, which `parsing.py` reads back exactly.

    graph       ::= { "op" formula } { line } { "update" value "<-" value } "return" [ value, ... ]
    line        ::= value [ "[" loop, ... "]" ] "=" right ":" type
    right       ::= "input" | "parameter" "(" @reference ")" | "constant" "(" @reference | array ")"
                  | formula-name "(" argument, ... ")"                       map
                  | reducer "[" loop ":" extent, ... "]" access "*" ...      reduction, contraction
                  | layout-name "(" value, ... field "=" field-value, ... ")"
                  | "call" label "(" value, ... ")"
    argument    ::= access | loop | "{" extent "}" | literal
    access      ::= value [ "[" loop or "_", ... "]" ]                       "_" is a unit axis
    value       ::= "%" name                                                 quoted where it is no identifier

A map whose operands broadcast as in NumPy shows no loops. Formulas that are one atom need no definition. Arrays of
parameters, and large constants, stand outside the text under their references (`Graph` pickles as text plus arrays).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np

from compiler.ir.build import align
from compiler.ir.dims import Dim
from compiler.ir.formula.printing import print_body, print_scalar
from compiler.ir.formula.tape import Const, Formula
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Access, Call, Constant, Index, Input, Layout, MapReduce, Parameter, Reducer, Size

INLINE: Final = 8
"""Constants of up to this many elements are written in the text."""

_PLAIN = re.compile(r"[A-Za-z_0-9][\w.]*\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Names:
    """What a graph's text calls things: each value, and each formula that needs a definition."""

    values: Mapping[Node, str]
    formulas: Mapping[Formula, str]


def print_graph(graph: Graph) -> str:
    """The text form."""
    names = names_of(graph)
    lines = [f"op {name}({', '.join(f.parameters)}) = {print_body(f)}" for f, name in names.formulas.items() if f.atom is None]
    lines += [print_node(node, names) for node in graph.nodes]
    lines += [f"update {names.values[p]} <- {names.values[value]}" for p, value in graph.updates]
    lines.append(f"return {', '.join(names.values[node] for node in graph.outputs)}".rstrip())
    return "\n".join(lines) + "\n"


def names_of(graph: Graph) -> Names:
    """Unique names: a node's own where it has one, else its number among the nameless; `.2`, `.3` tell twins apart."""
    return Names(_value_names(graph.nodes), _formula_names(graph.nodes))


def _value_names(nodes: Iterable[Node]) -> dict[Node, str]:
    nodes = tuple(nodes)
    taken: set[str] = set()
    names: dict[Node, str] = {}
    # Leaves keep their names before everything else: callers use them.
    for node in sorted(nodes, key=lambda node: bool(node.operands)):
        if node.name is not None:
            names[node] = _unused(node.name, taken)
    number = 0
    for node in nodes:
        if node.name is None:
            while str(number) in taken:
                number += 1
            names[node] = _unused(str(number), taken)
    return {node: "%" + quoted(names[node]) for node in nodes}


def _formula_names(nodes: Iterable[Node]) -> dict[Formula, str]:
    taken: set[str] = set()
    names: dict[Formula, str] = {}
    for node in nodes:
        op = node.op
        if isinstance(op, MapReduce) and op.reducer is Reducer.NONE and op.formula not in names:
            is_atom = op.formula.atom is not None and op.formula.atom.name == op.formula.name
            names[op.formula] = op.formula.name if is_atom else _unused(op.formula.name, taken, "~")
    return names


def _unused(name: str, taken: set[str], mark: str = ".") -> str:
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}{mark}{number}"
    taken.add(found)
    return found


def quoted(name: str) -> str:
    """A name as it stands in text: itself if it is plain, else a JSON string."""
    return name if _PLAIN.match(name) else json.dumps(name)


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
        case Layout():
            pairs = [f"{item.name}={print_field(getattr(op, item.name))}" for item in fields(op)]
            right = f"{op.name}({', '.join([*operands, *pairs])})"
        case Input():
            right = "input"
        case Parameter():
            right = f"parameter(@{name[1:]})"
        case Constant():
            right = f"constant({_print_array(op, name)})"
        case Call():
            right = f"call {quoted(op.label)}({', '.join(operands)})"
        case _:
            raise TypeError(f"{op!r} has no text")
    return f"{name} = {right} : {node.type}"


def is_by_reference(op: Constant) -> bool:
    """Whether a constant's array stands outside the text."""
    return not op.buffer.is_bound or op.buffer.array.size > INLINE


def _print_array(op: Constant, name: str) -> str:
    if is_by_reference(op):
        return f"@{name[1:]}"
    return print_field(op.buffer.array.tolist())


def print_field(value: Any) -> str:
    """A field of a layout op: a number, an extent, or a list of such."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(print_field, value)) + "]"  # pyright: ignore[reportUnknownArgumentType]
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


def arrays_of(graph: Graph) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays that the text names by reference and that are known."""
    names = names_of(graph).values
    found: dict[str, np.ndarray[Any, Any]] = {}
    for node in graph.nodes:
        op = node.op
        is_outside = isinstance(op, Parameter) or (isinstance(op, Constant) and is_by_reference(op))
        if is_outside and isinstance(op, Parameter | Constant) and op.buffer.is_bound:
            found[reference(names[node])] = op.buffer.array
    return found


def reference(value_name: str) -> str:
    """The name under which an array is given for a value's text name (`%"a b"` is `a b`)."""
    bare = value_name.removeprefix("%")
    return json.loads(bare) if bare.startswith('"') else bare
