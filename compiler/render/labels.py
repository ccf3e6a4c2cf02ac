"""The words in a box: names, expressions and tooltips, derived from ops and formulas."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import PurePath
from typing import Final

from compiler.ir.build import align
from compiler.ir.formula.printing import print_body, print_formula, print_scalar
from compiler.ir.naming import Names, reference
from compiler.ir.node import Node, SourceLine
from compiler.ir.op import (
    Access,
    Argument,
    Call,
    Constant,
    Index,
    Layout,
    MapReduce,
    Prefix,
    Reducer,
    Size,
    Trait,
)  # fmt: skip
from compiler.ir.printing import is_by_reference, loop_name, print_array, print_fields, print_node

LONGEST: Final = 44
"""The largest number of characters of an expression in a box; the tooltip has it whole."""


def label(node: Node, names: Names) -> str:
    """What other boxes call a node: its name (`""` if empty), or `%` and its number in the graph's text."""
    text = names.values[node]
    return text if node.name is None else reference(text) or '""'


def expression(node: Node, names: Names) -> str:
    """How a node is computed from its operands; empty for an input or a parameter.

    A map shows its formula (`x * normcdf(x)`), a reduction or contraction index notation
    (`sum[k] x[i,k] * w[k,j]`), a layout op its fields.
    """
    operands = [label(operand, names) for operand in node.operands]
    match node.op:
        case MapReduce():
            return briefly(_map_reduce(node.op, node, operands))
        case Layout() | Prefix():
            return f"{node.op.name}({', '.join([*operands, *print_fields(node.op)])})"
        case Call():
            return f"{node.op.label}({', '.join(operands)})"
        case Constant():
            return "" if is_by_reference(node.op) else print_array(node.op.buffer.array)
        case _:
            return ""


def op_word(node: Node) -> str:
    """What an op is called in pictures: `matmul` for a sum of products over one loop."""
    op = node.op
    if not op.has(Trait.CONTRACTION):
        return op.name
    is_product = len(node.operands) == 2 and len(getattr(op, "reduced", ())) == 1
    return "matmul" if is_product else "einsum"


def shortened(text: str, longest: int = LONGEST) -> str:
    """The beginning of a text that is too long."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


_DECIMAL: Final = re.compile(r"(?<![\w.%])\d+\.\d+(e[+-]?\d+)?(?![\w.])|(?<![\w.%])\d+e[+-]?\d+(?![\w.])")
_MOST_DIGITS: Final = 6


def briefly(text: str) -> str:
    """Decimals of a formula as short as people write them: `3.4e38`, `0.0447`; the tooltip has all digits."""
    return _DECIMAL.sub(lambda match: _brief(match[0]), text)


def _brief(number: str) -> str:
    if len(number) <= _MOST_DIGITS:
        return number
    mantissa, _, exponent = f"{float(number):.3g}".partition("e")
    if exponent:
        return f"{float(mantissa):.2g}e{int(exponent)}"
    return mantissa if "." in mantissa else f"{mantissa}.0"


def _map_reduce(op: MapReduce, node: Node, operands: list[str]) -> str:
    is_plain = op.reducer is Reducer.NONE and _broadcasts(op, node)
    given = iter(operands)
    arguments = tuple(_argument(item, given, is_plain) for item in op.arguments)
    body = print_body(replace(op.formula, parameters=arguments))
    if op.reducer is Reducer.NONE:
        return body
    return f"{op.reducer.value}[{','.join(map(loop_name, op.reduced))}] {body}"


def _broadcasts(op: MapReduce, node: Node) -> bool:
    aligned = [Access(align(operand.type.shape, op.extents)) for operand in node.operands]
    is_index_free = not any(isinstance(item, Index) for item in op.arguments)
    return is_index_free and None not in op.output and list(op.accesses) == aligned


def _argument(argument: Argument, operands: Iterator[str], is_plain: bool) -> str:
    match argument:
        case Access():
            axes = ",".join("_" if axis is None else loop_name(axis) for axis in argument.axes)
            return next(operands) + ("" if is_plain else f"[{axes}]")
        case Index():
            return loop_name(argument.loop)
        case Size():
            return _operand(str(argument.extent))
        case _:
            return _operand(print_scalar(argument.value))


def _operand(text: str) -> str:
    """A number or an extent as it stands among operators."""
    return text if re.fullmatch(r"[\w.]*|\d.*e-\d+", text) else f"({text})"


def tooltip(node: Node, names: Names) -> str:
    """The line of the text form, the formula, the user's line, and who made the node by which rule."""
    lines = [print_node(node, names)]
    op = node.op
    if isinstance(op, MapReduce) and op.formula.atom is None and op.reducer is Reducer.NONE:
        lines += [print_formula(op.formula), *(f"recognised: {item}" for item in op.formula.recognised)]
    if node.origin.source is not None:
        lines.append(_place(node.origin.source))
    if node.origin.maker != "user" or node.origin.rule:
        lines.append(_made(node, names))
    return "\n".join(lines)


def _place(source: SourceLine) -> str:
    """The file without its folders: a drawing is the same wherever the program lies."""
    place = f"{PurePath(source.file).name}:{source.line}"
    return f"{place}: {source.text}" if source.text else place


def _made(node: Node, names: Names) -> str:
    origin = node.origin
    made = f"made by {origin.maker}" + (f" ({origin.rule})" if origin.rule else "")
    if origin.of is None:
        return made
    of = names.values.get(origin.of) or origin.of.name or origin.of.op.name
    by = "" if origin.operand is None else f", operand {origin.operand}"
    return f"{made} from {of}{by}"


def count_ops(nodes: Iterable[Node]) -> str:
    """`13 ops: 6 mul, 3 div, 2 add, sqrt, sub`, the most frequent first; leaves are not counted."""
    counts = Counter(node.op.name for node in nodes if not node.op.has(Trait.LEAF))
    total = sum(counts.values())
    words = [f"{count} {name}" if count > 1 else name for name, count in counts.most_common()]
    return f"{total} op{'' if total == 1 else 's'}: {', '.join(words)}"
