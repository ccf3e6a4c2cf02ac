"""Rules about the lines of formulas: where an operation leaves its domain, or its dtype."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from compiler.analysis.ranges import atom_name
from compiler.ir.bfloat16 import float_limits
from compiler.ir.formula.interval_rules import Range
from compiler.ir.formula.tape import Const, Line
from compiler.ir.op import Access, MapReduce, Reducer, Size
from compiler.ir.types import FLOAT32, DType
from compiler.lint.facts import Facts
from compiler.lint.finding import Code, Remark

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
    limit = math.log(float(float_limits(dtype.numpy).max))
    if line.atom not in ("exp", "expm1") or not arguments[0].high > limit:
        return None
    return (
        f"{line.atom} of {interval(arguments[0])} overflows {dtype} above {limit:.5g}",
        "subtract the largest exponent first (tt.softmax and tt.logsumexp do), or bound it with tt.minimum",
    )


def _log(line: Line, arguments: tuple[Range, ...], dtype: DType) -> tuple[str, str] | None:
    least = -1.0 if line.atom == "log1p" else 0.0
    argument = arguments[0]
    meets = argument.low < least or (argument.low == least and not (least == 0 and argument.nonzero))
    if line.atom not in ("log", "log1p") or not meets:
        return None
    return (
        f"{line.atom} of {interval(argument)} meets {least:g} or less, where it is -inf or NaN",
        "keep the argument above it: tt.log(tt.maximum(x, 1e-6)), or a fused form such as tt.log_softmax",
    )


def _sqrt(line: Line, arguments: tuple[Range, ...], dtype: DType) -> tuple[str, str] | None:
    if line.atom != "sqrt" or not arguments[0].low < 0:
        return None
    return (
        f"sqrt of {interval(arguments[0])} meets a negative number, where it is NaN",
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
        f"a division by {interval(divisor)} meets 0",
        "keep the divisor away from 0: x / (y + 1e-6) where y is not negative, or tt.where(y == 0, ...)",
    )


def interval(found: Range) -> str:
    """A range in a sentence."""
    return f"[{found.low:.5g}, {found.high:.5g}]"


def divides_by_zero(facts: Facts) -> Iterator[Remark]:
    """Divisions whose divisor may be 0, but for means over nothing."""
    empty = {remark.node for remark in empty_mean(facts)}
    return (remark for remark in _divisions(facts) if remark.node not in empty)


exp_overflows = _by_lines(Code.EXP_OVERFLOWS, _exp)
log_of_zero = _by_lines(Code.LOG_OF_ZERO, _log)
root_of_negative = _by_lines(Code.ROOT_OF_NEGATIVE, _sqrt)
_divisions = _by_lines(Code.DIVIDES_BY_ZERO, _div)


def empty_mean(facts: Facts) -> Iterator[Remark]:
    """Means over no elements."""
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
