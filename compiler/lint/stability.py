"""The rule about softmax and log-sum-exp by hand that are nearly, but not, made stable."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.analysis.ranges import atom_name, is_below_own_maximum
from compiler.ir.node import Node
from compiler.ir.op import Layout, MapReduce, Reducer
from compiler.lint.facts import Facts
from compiler.lint.finding import Code, Remark


def nearly_stable(facts: Facts) -> Iterator[Remark]:
    """Logarithms of sums of exponentials, and quotients by them, that no stable form fits."""
    for node, op, _ in facts.computed:
        if atom_name(op) not in ("log", "div") or not node.operands:
            continue
        between, total = _to_sum(node.operands[-1])
        if total is None:
            continue
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
