"""A slot's part of a report's data: what stands in it at which stage, and all that its panel says."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from compiler.autodiff.explain import Explanation, explain_node
from compiler.ir.formula.mathml import mathml
from compiler.ir.node import Node, SourceLine
from compiler.ir.printing import print_node
from compiler.profiling import Profile
from compiler.render.boxes import node_role
from compiler.render.labels import op_word
from compiler.report.making import Basis, Making, cost_of, rounded
from compiler.report.outline import COLUMNS, short_expression
from compiler.report.slots import Slot, State
from compiler.schedule.plan import InPart, View


def panel_of(making: Making, slot: Slot, profile: Profile | None) -> dict[str, Any]:
    """Where a slot stands, its states, where it lives and what it costs."""
    found = standing_of(making, slot)
    node = making.final.get(slot.number)
    if profile is not None and node is not None and node in profile.microseconds_of:
        found["us"] = round(profile.microseconds_of[node], 3)
    return found | _fate(making, slot)


def standing_of(basis: Basis, slot: Slot) -> dict[str, Any]:
    """Where a slot stands, and its states."""
    outline, number = basis.outline, slot.number
    part = outline.column[number]
    found: dict[str, Any] = {
        "at": [
            COLUMNS.index(part), rounded(outline.x[number]),
            rounded(outline.width[number]), outline.line[number], outline.scope[number],
        ],
        "role": basis.texts.of(node_role(slot.first, part).value),
        "states": [_state(basis, state) for state in slot.states],
    }  # fmt: skip
    if slot.beside >= 0:
        found["beside"] = slot.beside
    if slot.gone is not None:
        found["gone"] = [slot.gone, slot.into]
    return found


def _state(basis: Basis, state: State) -> dict[str, Any]:
    node, texts = state.node, basis.texts
    names = basis.slots.stages[state.stage].graph.names
    known = explain_node(node, names)
    found: dict[str, Any] = {
        "stage": state.stage,
        "name": names.values[node],
        "op": texts.of(op_word(node)),
        "short": texts.of(short_expression(node, names)),
        "line": print_node(node, names),
        "type": texts.of(node.type),
        "reads": list(state.reads),
    }
    if known.latex is not None:
        if known.latex not in basis.mathematics:
            basis.mathematics[known.latex] = texts.of(mathml(known.latex))
        found["math"] = basis.mathematics[known.latex]
        found["formula"] = texts.of(known.formula)
    return found | _origin(basis, known)


def _origin(basis: Basis, known: Explanation) -> dict[str, Any]:
    texts, found = basis.texts, dict[str, Any]()
    if known.source is not None:
        found["source"] = [texts.of(place_of(known.source)), texts.of(known.source.text)]
    if known.maker != "user":
        found["maker"] = texts.of(known.maker)
    if known.rule:
        found["rule"] = texts.of(known.rule)
    if known.of in basis.slots.of:
        found["of"] = basis.slots.of[known.of]
    for key, lines in (("derivation", known.derivation), ("where", (*known.definitions, *known.recognised))):
        if lines:
            found[key] = [texts.of(line) for line in lines]
    return found


def place_of(source: SourceLine) -> str:
    """The place without its folders: a report may be given away, and says where it matters."""
    return f"{PurePath(source.file).name}:{source.line}"


def _fate(making: Making, slot: Slot) -> dict[str, Any]:
    """Where what stands in a slot at the end lives, and what it costs."""
    node = making.final.get(slot.number)
    if node is None:
        return {}
    found: dict[str, Any] = {}
    place = making.program.plan.places.get(node)
    if place is not None:
        home = place.base if isinstance(place, View) else place.whole if isinstance(place, InPart) else None
        base = -1 if home is None else making.slots.of.get(home, -1)
        found["place"] = [making.texts.of(place), base]
    if node in making.by_node:
        found["cost"] = cost_of(making, making.by_node[node])
    return found


def line_of(node: Node) -> str:
    """The user's line that made a node, to count under."""
    source = node.origin.source
    return "(no line)" if source is None else f"{place_of(source)}: {source.text}"
