"""What a node is and why it exists: data first, `str` for people, `latex` for formulas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from compiler.autodiff.adjoint_formula import adjoint_formula
from compiler.ir.formula.atoms import ATOMS
from compiler.ir.formula.printing import latex, print_body, print_formula
from compiler.ir.formula.settings import derive_with
from compiler.ir.formula.tape import Const, Formula, bind
from compiler.ir.graph import Graph
from compiler.ir.naming import Names
from compiler.ir.node import Node, SourceLine
from compiler.ir.op import MapReduce, Op, Prefix, Reducer, Scan
from compiler.ir.printing import loop_name, print_node
from compiler.rewrite.stable import is_exponential_of_shifted


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known of one node. `derivation` is empty for a node that is no gradient."""

    line: str
    """The node as a line of the text form; outside a program operands are numbered on their own."""
    formula: str | None
    latex: str | None
    definitions: tuple[str, ...]
    """What the formula's composite atoms are, in elementary functions."""
    recognised: tuple[str, ...]
    """Equations by which parts of the user's formula became stable atoms."""
    source: SourceLine | None
    maker: str
    rule: str
    of: Node | None
    """The forward node that this is a gradient of, or the node that it replaces."""
    operand: int | None
    derivation: tuple[str, ...]
    of_line: str | None
    """`of` in a line, with its name in the program."""

    def to_dict(self) -> dict[str, Any]:
        """Every field that is no node; `of` is its line."""
        return {
            "line": self.line,
            "formula": self.formula,
            "latex": self.latex,
            "definitions": list(self.definitions),
            "recognised": list(self.recognised),
            "source": None if self.source is None else str(self.source),
            "maker": self.maker,
            "rule": self.rule,
            "of": self.of_line,
            "operand": self.operand,
            "derivation": list(self.derivation),
        }

    def __str__(self) -> str:
        rows = [
            ("node", self.line),
            ("formula", self.formula),
            ("LaTeX", self.latex),
            *(("where", text) for text in self.definitions),
            *(("recognised", text) for text in self.recognised),
            ("from", str(self.source) if self.source else None),
            ("made by", f"{self.maker}: {self.rule}" if self.rule else self.maker),
            (self._relation, self.of_line),
            *(("derivation", text) for text in self.derivation),
        ]
        return "\n".join(f"{label:>12}  {text}" for label, text in rows if text is not None)

    @property
    def _relation(self) -> str:
        if self.maker != "grad":
            return "stands for"
        return "cotangent of" if self.operand is None else "gradient of"


@dataclass(frozen=True, slots=True)
class KernelExplanation:
    """The explanations of a kernel's members, in the order in which they are computed."""

    name: str
    members: tuple[Explanation, ...]

    def to_dict(self) -> dict[str, Any]:
        """The name and the members."""
        return {"name": self.name, "members": [item.to_dict() for item in self.members]}

    def __str__(self) -> str:
        return "\n\n".join([f"{self.name}, {len(self.members)} members", *map(str, self.members)])


def explain_node(node: Node, names: Names | None = None) -> Explanation:
    """The explanation of a node, with the names of a program where they are given."""
    names = Graph(tuple(dict.fromkeys([*node.operands, node])), (), (), ()).names if names is None else names
    formula = _formula(node)
    origin = node.origin
    shown, typeset = _shown(node.op)
    return Explanation(
        line=print_node(node, names),
        formula=shown,
        latex=typeset,
        definitions=() if formula is None else definitions_of(formula),
        recognised=() if formula is None else formula.recognised,
        source=origin.source,
        maker=origin.maker,
        rule=origin.rule,
        of=origin.of,
        operand=origin.operand,
        derivation=_derivation(node),
        of_line=None if origin.of is None else names.describe(origin.of),
    )


def _formula(node: Node) -> Formula | None:
    op = node.op
    return op.formula if isinstance(op, MapReduce) and op.reducer is Reducer.NONE else None


def _shown(op: Op) -> tuple[str | None, str | None]:
    """What an op computes as text and as LaTeX; nothing for an op that computes nothing."""
    if isinstance(op, Prefix):
        return _prefix_shown(op)
    if not isinstance(op, MapReduce):
        return None, None
    if op.reducer is Reducer.NONE:
        return print_formula(op.formula), f"{_latex_head(op.formula)} = {latex(op.formula)}"
    loops = [loop_name(loop) for loop in op.reduced]
    over = ", ".join(f"{loop} < {op.extents[k]}" for loop, k in zip(loops, op.reduced, strict=True))
    factors = [*zip(_letters(op), op.accesses, strict=True)]
    name = op.reducer.value
    word = rf"\operatorname{{{name}}}" if op.reducer.is_search else rf"\{name}"
    return (
        f"y{_axes(op.output)} = {name} over {over} of "
        + " * ".join(f"{letter}{_axes(access.axes)}" for letter, access in factors),
        rf"y_{{{_subscript(op.output)}}} = {word}_{{{', '.join(loops)}}} "
        + r" \, ".join(f"{letter}_{{{_subscript(access.axes)}}}" for letter, access in factors),
    )


def _prefix_shown(op: Prefix) -> tuple[str, str]:
    """A prefix reduction along its axis alone, whose index is i."""
    if op.scan is Scan.RECURRENCE:
        before = "i+1" if op.reverse else "i-1"
        return f"y[i] = a[i] * y[{before}] + b[i]", rf"y_i = a_i \, y_{{{before}}} + b_i"
    sign, relation = (">=", r"\geq") if op.reverse else ("<=", r"\leq")
    words = {Scan.SUM: ("sum", r"\sum"), Scan.PRODUCT: ("product", r"\prod")}
    word, symbol = words.get(op.scan, (op.scan.value[3:], rf"\{op.scan.value[3:]}"))
    return f"y[i] = {word} over j {sign} i of x[j]", rf"y_i = {symbol}_{{j {relation} i}} x_j"


def _letters(op: MapReduce) -> list[str]:
    """a, b, ... for the operands in order; x for one."""
    count = len(op.accesses)
    return ["x"] if count == 1 else [chr(ord("a") + k) if count < 24 else f"x{k}" for k in range(count)]


def _axes(axes: tuple[int | None, ...]) -> str:
    return "[" + ",".join("0" if axis is None else loop_name(axis) for axis in axes) + "]"


def _subscript(axes: tuple[int | None, ...]) -> str:
    return " ".join("0" if axis is None else loop_name(axis) for axis in axes)


def _latex_head(formula: Formula) -> str:
    name = formula.name.replace("_", r"\_")
    return rf"\operatorname{{{name}}}({', '.join(formula.parameters)})"


def definitions_of(formula: Formula) -> tuple[str, ...]:
    """What the composite atoms of a formula are, in elementary functions."""
    used = dict.fromkeys(line.atom for line in formula.lines)
    return tuple(
        f"{atom}(x) = {ATOMS[atom].definition}"
        for atom in used
        if ATOMS[atom].definition and ATOMS[atom].arity == 1
    )


def _derivation(node: Node) -> tuple[str, ...]:
    """How the rule of a gradient came about: the formula, its partial, and the adjoint that was emitted."""
    of, operand = node.origin.of, node.origin.operand
    if of is None or operand is None or not isinstance(of.op, MapReduce):
        return ()
    op = of.op
    if not of.type.dtype.is_float:
        return (str(_shown(op)[0]), f"the value is {of.type.dtype} and has no slope: nothing is passed on")
    if op.reducer in (Reducer.MAX, Reducer.MIN):
        return ("the cotangent goes to the winners, in equal shares where they tie",)
    if op.reducer is Reducer.PROD:
        return ("adjoint: the cotangent times the product of the elements before, and of those behind",)
    if op.reducer is Reducer.SUM:
        return (
            str(_shown(op)[0]),
            f"adjoint: the cotangent times the other factors, summed over the loops that "
            f"{_letters(op)[operand]} has not",
        )
    if is_exponential_of_shifted(of):
        return ("adjoint: the cotangent times the value, which no finite x takes above 1",)
    literals = tuple((k, item) for k, item in enumerate(op.arguments) if isinstance(item, Const))
    return _partial_lines(op.formula, op.positions[operand], literals, _map_of(node))


def _map_of(node: Node) -> Formula | None:
    """The formula that was emitted: the node's own, or that of what it sums and moves."""
    while node.operands and node.operands[0].origin == node.origin:
        node = node.operands[0]
    return _formula(node)


def _partial_lines(
    formula: Formula, parameter: int, literals: tuple[tuple[int, Const], ...], emitted: Formula | None
) -> tuple[str, ...]:
    values = {k: literal.value for k, literal in literals}
    partial = derive_with(formula, parameter, values)
    rule = adjoint_formula(formula, parameter, literals)
    whole = print_formula(bind(formula, values))
    slope = f"d {formula.name} / d {formula.parameters[parameter]} = {print_body(partial)}"
    first = f"{slope}    (derived, and agrees with the slope at 50 digits)"
    if rule is None:
        return (whole, first, "the derivative is 0: nothing is passed on")
    if emitted is not None and emitted.name == partial.name:
        return (whole, first, f"adjoint: {print_formula(emitted)}")
    if rule.formula is None:
        return (whole, first, f"adjoint: the cotangent times {rule.scale:g}")
    return (whole, first, f"adjoint: {print_formula(rule.formula)}")
