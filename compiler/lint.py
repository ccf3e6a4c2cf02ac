"""lint: what is likely to go wrong, found from ranges, types and shapes before anything runs.

    Finding ::= code, node, sentence, fix
    Report  ::= finding, ...

A rule is a function from what is known of a graph to its findings. Those about ranges speak only of what
follows from declared inputs (`tt.input(..., low=, high=)`), constants and literals, and look at the graph in
its stable forms, which is what runs: what the compiler mends itself is no finding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, Final

import numpy as np

from compiler.analysis.ranges import Known, atom_name, is_below_own_maximum, ranges_of
from compiler.ir.formula.interval_rules import Range
from compiler.ir.formula.tape import Const, Line
from compiler.ir.graph import Graph
from compiler.ir.node import Node, SourceLine
from compiler.ir.op import Access, Input, Layout, MapReduce, Reducer, Size
from compiler.ir.printing import print_path
from compiler.ir.types import FLOAT32, FLOAT64, DType
from compiler.rewrite.congruence import value_key
from compiler.rewrite.stable import StableForms
from compiler.rewrite.sweep import sweep


class Code(Enum):
    """What a finding is about: each says in general what the sentences with it say of their nodes."""

    EXP_OVERFLOWS = "an exponential can be greater than the greatest number of its dtype"
    LOG_OF_ZERO = "a logarithm can meet 0 or a negative number"
    ROOT_OF_NEGATIVE = "a root can meet a negative number"
    DIVIDES_BY_ZERO = "a division can meet 0"
    SATURATED = "a function is constant over the whole range of its argument, and so has no slope"
    NEARLY_STABLE = "a softmax or log-sum-exp by hand is not the one that the compiler makes stable"
    WIDENED = "float32 becomes float64 beside a float64 value"
    NOT_UPDATED = "no update writes a parameter, while others are updated"
    EMPTY_MEAN = "a mean is over no elements"
    IDLE_UPDATE = "an update writes the value that is there already"
    UNUSED_INPUT = "nothing reads an input"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is likely to go wrong: where, why, and what mends it."""

    code: Code
    node: Node
    name: str
    """What the graph's text calls the node."""
    sentence: str
    fix: str
    scope: str = ""

    @property
    def source(self) -> SourceLine | None:
        """The user's line."""
        return self.node.origin.source

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        source = self.source
        return {
            "code": self.code.name,
            "node": self.name,
            "type": str(self.node.type),
            "sentence": self.sentence,
            "fix": self.fix,
            "scope": self.scope,
            "file": source.file if source else None,
            "line": source.line if source else None,
        }

    def __str__(self) -> str:
        place = f" in {self.scope}" if self.scope else ""
        lines = [f"{self.code.name}: {self.sentence}", f"  {self.name} : {self.node.type}{place}"]
        lines += [f"  from {self.source}"] if self.source else []
        return "\n".join([*lines, f"  fix: {self.fix}"])


@dataclass(frozen=True, slots=True, repr=False)
class LintReport:
    """The findings in a graph, in the order of its nodes; false if there are none."""

    graph: Graph
    findings: tuple[Finding, ...]

    def __bool__(self) -> bool:
        return bool(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {"findings": [finding.to_dict() for finding in self.findings]}

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings)) or "no findings"

    def __repr__(self) -> str:
        return f"<LintReport: {len(self.findings)} finding{'s' * (len(self.findings) != 1)}>"


@dataclass(frozen=True, slots=True)
class Remark:
    """What a rule says of a node of the graph, or of its stable form."""

    code: Code
    node: Node
    sentence: str
    fix: str


def lint_graph(graph: Graph) -> LintReport:
    """What is likely to go wrong in a graph, each thing once."""
    facts = Facts(graph)
    names, scopes = graph.names.values, graph.scopes
    place = {node: number for number, node in enumerate(graph.nodes)}
    found: dict[tuple[Code, Node], Finding] = {}
    for rule in RULES:
        for remark in rule(facts):
            node = facts.written(remark.node)
            if node is not None:
                scope = print_path(scopes[node])
                finding = Finding(remark.code, node, names[node], remark.sentence, remark.fix, scope)
                found.setdefault((remark.code, node), finding)
    return LintReport(graph, tuple(sorted(found.values(), key=lambda item: place[item.node])))


class Facts:
    """What the rules ask about a graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    @cached_property
    def stable(self) -> Graph:
        """The graph in its stable forms, each value once."""
        forms = StableForms()
        known: dict[Hashable, Node] = {}

        def visit(_: Node, node: Node) -> Node:
            if not node.operands:
                return node
            key = value_key(node.op, node.operands)
            if key not in known:
                found = forms.of(node)
                known[key] = node if found is None else found.node
            return known[key]

        return sweep(self.graph, visit)

    @cached_property
    def ranges(self) -> dict[Node, Known]:
        """What is known of the values of the stable forms."""
        return ranges_of(self.stable)

    @cached_property
    def chosen(self) -> set[Node]:
        """Values that only branches of `where` read, directly or not: not all of them is used."""
        found: set[Node] = set()
        results = {*self.stable.outputs, *(value for _, value in self.stable.updates)}
        for node in reversed(self.stable.nodes):
            users = self.stable.users[node]
            if users and node not in results and all(self._is_choice(user, node, found) for user in users):
                found.add(node)
        return found

    def _is_choice(self, user: Node, node: Node, chosen: set[Node]) -> bool:
        if atom_name(user.op) != "where":
            return user in chosen
        assert isinstance(user.op, MapReduce)
        positions = [
            k for k, operand in zip(user.op.positions, user.operands, strict=True) if operand is node
        ]
        return 0 not in positions

    @cached_property
    def computed(self) -> tuple[tuple[Node, MapReduce, Known], ...]:
        """The maps of the stable forms that a user wrote and that are used wherever they are computed."""
        return tuple(
            (node, node.op, self.ranges[node])
            for node in self.stable.nodes
            if isinstance(node.op, MapReduce) and node not in self.chosen and _maker(node) == "user"
        )

    @cached_property
    def _became(self) -> Mapping[Node, Node]:
        lineage = self.stable.lineage
        if lineage is None or self.stable is self.graph:
            return {}
        first: dict[Node, Node] = {}
        for old, new in lineage.became.items():
            first.setdefault(new, old)
        return first

    @cached_property
    def _nodes(self) -> set[Node]:
        return set(self.graph.nodes)

    def written(self, node: Node | None) -> Node | None:
        """The node of the graph that one of its stable form stands for."""
        while node is not None and node not in self._nodes:
            node = self._became.get(node, node.origin.of)
        return node


def _maker(node: Node) -> str:
    """Who made a node, or what it stands for, first."""
    first = node
    while first.origin.maker != "grad" and first.origin.of is not None:
        first = first.origin.of
    return first.origin.maker


Check = Callable[[Line, tuple[Range, ...], DType], tuple[str, str] | None]


def _by_lines(code: Code, check: Check) -> Callable[[Facts], Iterator[Remark]]:
    """The rule that looks at each line of each formula whose arguments have declared ranges."""

    def rule(facts: Facts) -> Iterator[Remark]:
        for node, op, known in facts.computed:
            if not known.is_declared:
                continue
            dtype = op.dtype if op.dtype.is_float else FLOAT32
            for line, arguments in known.lines:
                said = check(line, arguments, dtype)
                if said is not None:
                    yield Remark(code, node, *said)

    return rule


def _exp(line: Line, arguments: tuple[Range, ...], dtype: DType) -> tuple[str, str] | None:
    limit = math.log(float(np.finfo(dtype.numpy).max))
    if line.atom not in ("exp", "expm1") or not arguments[0].high > limit:
        return None
    return (
        f"{line.atom} of {_interval(arguments[0])} overflows {dtype} above {limit:.5g}",
        "subtract the largest exponent first (tt.softmax and tt.logsumexp do), or bound it with tt.minimum",
    )


def _log(line: Line, arguments: tuple[Range, ...], dtype: DType) -> tuple[str, str] | None:
    least = -1.0 if line.atom == "log1p" else 0.0
    argument = arguments[0]
    meets = argument.low < least or (argument.low == least and not (least == 0 and argument.nonzero))
    if line.atom not in ("log", "log1p") or not meets:
        return None
    return (
        f"{line.atom} of {_interval(argument)} meets {least:g} or less, where it is -inf or NaN",
        "keep the argument above it: tt.log(tt.maximum(x, 1e-6)), or a fused form such as tt.log_softmax",
    )


def _sqrt(line: Line, arguments: tuple[Range, ...], dtype: DType) -> tuple[str, str] | None:
    if line.atom != "sqrt" or not arguments[0].low < 0:
        return None
    return (
        f"sqrt of {_interval(arguments[0])} meets a negative number, where it is NaN",
        "keep the argument at 0 or above: tt.sqrt(tt.maximum(x, 0.0))",
    )


def _div(line: Line, arguments: tuple[Range, ...], dtype: DType) -> tuple[str, str] | None:
    is_negative_power = line.atom == "pow" and arguments[1].high < 0
    if line.atom != "div" and not is_negative_power:
        return None
    divisor = arguments[0] if is_negative_power else arguments[1]
    if not divisor.may_be_zero:
        return None
    return (
        f"a division by {_interval(divisor)} meets 0",
        "keep the divisor away from 0: x / (y + 1e-6) where y is not negative, or tt.where(y == 0, ...)",
    )


def _interval(found: Range) -> str:
    return f"[{found.low:.5g}, {found.high:.5g}]"


def _divides_by_zero(facts: Facts) -> Iterator[Remark]:
    empty = {remark.node for remark in _empty_mean(facts)}
    return (remark for remark in _DIVISIONS(facts) if remark.node not in empty)


_DIVISIONS = _by_lines(Code.DIVIDES_BY_ZERO, _div)


def _empty_mean(facts: Facts) -> Iterator[Remark]:
    for node in facts.stable.nodes:
        op = node.op
        if atom_name(op) != "div" or not isinstance(op, MapReduce) or not isinstance(op.arguments[0], Access):
            continue
        total, count = node.operands[0], op.arguments[-1]
        number = (
            count.extent if isinstance(count, Size) else count.value if isinstance(count, Const) else None
        )
        is_sum = isinstance(total.op, MapReduce) and total.op.reducer is Reducer.SUM
        if number == 0 and is_sum:
            yield Remark(
                Code.EMPTY_MEAN,
                node,
                f"a mean of {total.operands[0].type} is over no elements, and is NaN",
                "leave the empty axis out, or give it elements",
            )


def _saturated(facts: Facts) -> Iterator[Remark]:
    for node, op, known in facts.computed:
        if len(node.operands) != 1 or not known.is_declared or not op.dtype.is_float:
            continue
        given = facts.ranges[node.operands[0]].range
        (position,) = op.positions
        is_flat = given.low < given.high and _rounded(known.low, op.dtype) == _rounded(known.high, op.dtype)
        if is_flat and op.formula.varies_with(position) and _slopes(op):
            value = f"{_rounded(known.low, op.dtype):.5g} everywhere in {op.dtype}"
            yield Remark(
                Code.SATURATED,
                node,
                f"{op.name} of {_interval(given)} is {value}: no gradient passes",
                "scale or shift its argument into the part where it varies",
            )


def _rounded(value: float, dtype: DType) -> float:
    with np.errstate(over="ignore"):
        return float(dtype.numpy.type(value))


def _slopes(op: MapReduce) -> bool:
    """Whether a formula's last line has a slope somewhere: a comparison or a rounding has none."""
    result = op.formula.result
    if not isinstance(result, int) or result < len(op.formula.parameters):
        return False
    return op.formula.line(result).atom not in _FLAT


_FLAT: Final = frozenset(
    {
        "sign",
        "floor",
        "ceil",
        "round",
        "lt",
        "le",
        "gt",
        "ge",
        "eq",
        "ne",
        "isnan",
        "and",
        "or",
        "xor",
        "not",
        "stop",
    }
)


def _nearly_stable(facts: Facts) -> Iterator[Remark]:
    for node, op, _ in facts.computed:
        if atom_name(op) not in ("log", "div") or not node.operands:
            continue
        between, total = _to_sum(node.operands[-1])
        if total is None:
            continue
        raised = total.operands[0]
        raised, above = total.operands[0], node.operands[0]
        if atom_name(op) == "log" and between is not None:
            kept = f"{between.op.name} stands between the log and the sum"
            yield _near(node, raised, kept, "tt.logsumexp(x, axis)")
        elif atom_name(op) == "div" and len(node.operands) == 2 and atom_name(above.op) == "exp":
            yield _near(node, raised, _apart(above, raised, between), "tt.softmax(x, axis)")


def _apart(above: Node, raised: Node, between: Node | None) -> str:
    """What keeps exp(x) / sum(exp(x)) from being one."""
    if between is not None:
        return f"{between.op.name} stands between the division and the sum"
    is_one = above.operands == raised.operands
    return "the shapes do not fit" if is_one else "the exponentials above and below are not of one value"


def _near(node: Node, raised: Node, kept: str, fix: str) -> Remark:
    what = f"a sum of {raised.op.name} over {raised.type}"
    sentence = f"{what} is left as written and may overflow, because {kept}"
    return Remark(Code.NEARLY_STABLE, node, sentence, f"{fix}, which moves the exponents by the largest")


def _to_sum(node: Node) -> tuple[Node | None, Node | None]:
    """The sum of unshifted exponentials below a value, and the first map in between that is no layout."""
    between: Node | None = None
    for _ in range(4):
        op = node.op
        if isinstance(op, MapReduce) and op.reducer is Reducer.SUM and len(node.operands) == 1:
            raised = node.operands[0]
            is_bare = atom_name(raised.op) == "exp" and bool(raised.operands)
            is_found = is_bare and not is_below_own_maximum(raised.operands[0])
            return (between, node) if is_found else (None, None)
        if len(node.operands) != 1 or not (isinstance(op, Layout) or atom_name(op)):
            return None, None
        between = between or (node if isinstance(op, MapReduce) else None)
        node = node.operands[0]
    return None, None


def _widened(facts: Facts) -> Iterator[Remark]:
    for node in facts.graph.nodes:
        if node.type.dtype is not FLOAT64 or not isinstance(node.op, MapReduce) or _maker(node) != "user":
            continue
        narrow = [item for item in node.operands if item.type.dtype is FLOAT32]
        wide = [item for item in node.operands if item.type.dtype is FLOAT64]
        if narrow and wide:
            called = facts.graph.names.values[wide[0]]
            yield Remark(
                Code.WIDENED,
                node,
                f"{node.op.name} of {narrow[0].type} and {wide[0].type} is float64, because {called} is",
                f'give {called} as float32 (dtype="float32", array.astype(np.float32)), or cast on purpose',
            )


def _not_updated(facts: Facts) -> Iterator[Remark]:
    written = {parameter for parameter, _ in facts.graph.updates}
    for node in facts.graph.parameters if written else ():
        if node not in written and node.type.dtype.is_float:
            yield Remark(
                Code.NOT_UPDATED,
                node,
                "no update writes this parameter, while others are updated: it is never trained",
                "give it to the optimiser, or make it a tt.constant",
            )


def _idle_update(facts: Facts) -> Iterator[Remark]:
    for parameter, value in facts.graph.updates:
        if _source(value) is parameter:
            yield Remark(
                Code.IDLE_UPDATE,
                parameter,
                "its update writes the value that it has already",
                "leave the update out, or write the value that was meant",
            )


def _source(node: Node) -> Node:
    """What a value is a copy of: through maps that change nothing, by a neutral literal or none."""
    while isinstance(node.op, MapReduce) and len(node.operands) == 1 and _is_neutral(node):
        node = node.operands[0]
    return node


def _is_neutral(node: Node) -> bool:
    op = node.op
    if not isinstance(op, MapReduce) or op.reducer is not Reducer.NONE or node.type != node.operands[0].type:
        return False
    if any(access.axes != op.output for access in op.accesses):
        return False
    literals = [(k, item.value) for k, item in enumerate(op.arguments) if isinstance(item, Const)]
    neutral = _NEUTRAL.get(atom_name(op))
    is_last = neutral is not None and len(op.arguments) == 2 and literals == [(1, neutral)]
    return op.formula.is_identity or is_last


_NEUTRAL: Final = {"add": 0, "sub": 0, "mul": 1, "div": 1, "pow": 1}


def _unused_input(facts: Facts) -> Iterator[Remark]:
    results = {*facts.graph.outputs, *(value for _, value in facts.graph.updates)}
    for node in facts.graph.inputs:
        if isinstance(node.op, Input) and not facts.graph.users[node] and node not in results:
            yield Remark(
                Code.UNUSED_INPUT,
                node,
                "nothing reads this input, and every call has to give it",
                "leave it out of the inputs, or use it",
            )


RULES: Final[Sequence[Callable[[Facts], Iterator[Remark]]]] = (
    _by_lines(Code.EXP_OVERFLOWS, _exp),
    _by_lines(Code.LOG_OF_ZERO, _log),
    _by_lines(Code.ROOT_OF_NEGATIVE, _sqrt),
    _divides_by_zero,
    _saturated,
    _nearly_stable,
    _widened,
    _not_updated,
    _empty_mean,
    _idle_update,
    _unused_input,
)
"""Every rule."""
