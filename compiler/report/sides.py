"""The data of a difference's page: two graphs over one outline, what differs, and both texts.

    data   ::= strings, title, names, summary, stages (left and right), scopes, columns, slots, changes, lines
    change ::= kind, sentence, slot or -1
    line   ::= mark (0 both, 1 left, 2 right), text, slot

Slots, scopes and texts are as in a report's data (`compiler.report.data`); stage 0 is the left, 1 the right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from compiler.report.making import Basis, scopes_of
from compiler.report.outline import outline_of
from compiler.report.panels import standing_of
from compiler.report.slots import NOWHERE, Stage, slots_between

if TYPE_CHECKING:
    from compiler.difference.changes import Change
    from compiler.difference.difference import Difference
    from compiler.ir.graph import Graph

_MARKS: Final = " -+"


def sides_data(difference: Difference) -> dict[str, Any]:
    """All that the page of a difference shows, as what JSON can hold. Pure."""
    left, right = (
        Stage(name, "source", graph)
        for name, graph in zip(difference.names, (difference.left, difference.right), strict=True)
    )
    slots = slots_between(left, right, difference.pairs)
    paths = [slots.stages[slot.born].graph.scopes[slot.first] for slot in slots.all]
    basis = Basis(slots, outline_of(slots, paths))
    stages = [{"name": stage.name, "kind": "source", "nodes": len(stage.graph)} for stage in (left, right)]
    data = {
        "title": f"{difference.names[0]} and {difference.names[1]}",
        "matched": len(difference.pairs),
        "is_guess": difference.is_guess,
        "stages": stages,
        **scopes_of(basis),
        "slots": [standing_of(basis, slot) for slot in slots.all],
        "changes": [_change(basis, change) for change in difference.changes],
        "lines": [
            [_MARKS.index(line.mark), basis.texts.of(line.text), slots.of[line.node]]
            for line in difference.lines
        ],
        "updates": [*_updates(basis, difference.left), *_updates(basis, difference.right)],
        "symbols": [],
        "kernels": [],
    }
    return {"strings": basis.texts.texts, "polynomials": basis.extents.all, **data}


def _change(basis: Basis, change: Change) -> list[Any]:
    node = change.left if change.right is None else change.right
    slot = NOWHERE if node is None else basis.slots.of[node]
    return [change.kind.value, basis.texts.of(change.sentence), slot]


def _updates(basis: Basis, graph: Graph) -> list[list[int]]:
    return [[basis.slots.of[parameter], basis.slots.of[value]] for parameter, value in graph.updates]
