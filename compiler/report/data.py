"""The data of a report: one JSON value, from a program and what was measured of it.

    data   ::= strings, polynomials, title, symbols, updates, summary, stages, scopes, columns, slots,
               kernels, memory, time, measured, unfused
    stage  ::= name, kind, seconds, exact, did and refused: each a code, a sentence, and slots each time
    slot   ::= column, role, x, width, line, scope, states, and when and into which slot it is gone
    state  ::= from which stage on: name, op, text, type, operands, formula, maker, rule, of, derivation
    kernel ::= members, what is stored, what is in place of what, costs, lines of its source, microseconds,
               loops: as they are written, and each trick; its name, sentence, lines if it changes any

Texts and polynomials are numbers in `strings` and `polynomials`; slots, scopes and kernels are places in
their lists.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from compiler.analysis.parts import parts_of
from compiler.errors import BackendError
from compiler.ir.node import Node, describe
from compiler.ir.op import Trait
from compiler.ir.printing import print_node
from compiler.profiling import Profile
from compiler.report.making import Making, cost_of, in_place_of, scopes_of
from compiler.report.panels import line_of, panel_of
from compiler.schedule.breakdown import Breakdown, break_down, by_scope
from compiler.schedule.memory import Kind
from compiler.schedule.plan import InSlab

if TYPE_CHECKING:
    from compiler.program import Program
    from compiler.report.measuring import Measured

ASSUMED: Final = 64
"""The size of each symbolic dimension that the page begins with, where no data gives one."""

_LISTED: Final = 3
"""How many values a title names."""


def report_data(program: Program, measured: Measured | None = None) -> dict[str, Any]:
    """All that the page shows, as what JSON can hold. Pure: nothing is run and nothing changes."""
    making = Making.of(program)
    slots = making.slots
    profile = None if measured is None else measured.profile
    data = {
        "title": _title(program),
        "symbols": _symbols(program, profile),
        "updates": [
            [slots.of[parameter], slots.of[value]] for parameter, value in program.source_graph.updates
        ],
        "summary": _summary(making, measured),
        "stages": [_stage(making, number) for number in range(len(slots.stages))],
        **scopes_of(making),
        "slots": [panel_of(making, slot, profile) for slot in slots.all],
        "kernels": [_kernel(making, k, profile) for k in range(len(program.schedule.kernels))],
        "memory": _memory(making),
        "time": _time(making, profile),
        "measured": None if measured is None else _measured(making, measured),
        "unfused": None if measured is None else _unfused(making, measured),
    }
    return {"strings": making.texts.texts, "polynomials": making.extents.all, **data}


def _symbols(program: Program, profile: Profile | None) -> list[list[Any]]:
    """Each symbolic dimension and the size that the page begins with."""
    known: Mapping[str, int] = {} if profile is None else profile.sizes
    return [[name, known.get(name, ASSUMED)] for name in program.memory.symbols]


def _title(program: Program) -> str:
    """`loss of x and labels`."""
    names = program.source_graph.names.values
    outputs, inputs = (
        " and ".join(names[node].removeprefix("%") for node in nodes[:_LISTED])
        + " ..." * (len(nodes) > _LISTED)
        for nodes in (program.source_graph.outputs, program.signature.inputs)
    )
    return f"{outputs or 'updates'} of {inputs or 'nothing'}"


def _summary(making: Making, measured: Measured | None) -> dict[str, Any]:
    program, source = making.program, making.program.source_graph
    names = source.names.values
    parts = parts_of(source).part

    def values(nodes: Iterable[Node]) -> list[list[Any]]:
        return [[making.slots.of[node], names[node].removeprefix("%"), str(node.type)] for node in nodes]

    counts: dict[str, int] = {}
    for node in source.nodes:
        counts[parts[node].value] = counts.get(parts[node].value, 0) + (not node.op.has(Trait.LEAF))
    return {
        "backend": program.backend,
        "inputs": values(program.signature.inputs),
        "outputs": values(source.outputs),
        "updates": len(source.updates),
        "parameters": [
            len(source.parameters),
            making.extents.of(sum((node.type.size for node in source.parameters), start=0)),
        ],
        "nodes": [len(source), len(program.graph)],
        "ops": counts,
        "kernels": len(program.schedule.kernels),
        "flops": making.extents.of(making.cost.total.flops),
        "bytes": making.extents.of(making.cost.total.bytes_moved),
    }


def _stage(making: Making, number: int) -> dict[str, Any]:
    stage = making.slots.stages[number]
    found: dict[str, Any] = {"name": stage.name, "kind": stage.kind, "nodes": len(stage.graph)}
    record = stage.record
    became: Mapping[Node, Node] = {} if record is None else record.became
    if stage.schedule is not None:
        found["kernels"] = [making.slots.standing(kernel.members) for kernel in stage.schedule.kernels]
        found["in_place"] = in_place_of(making, stage.schedule.kernels)
    if record is not None:
        found |= {
            "seconds": round(record.seconds, 6),
            "exact": record.is_exact,
            "did": _grouped(
                making,
                (
                    (None, _bare(became, item.sentence, item.nodes), item.nodes)
                    for item in record.report.actions
                ),
            ),
            "refused": _grouped(
                making, ((item.reason, item.sentence, item.nodes) for item in record.report.refusals)
            ),
        }
    return found


def _bare(became: Mapping[Node, Node], sentence: str, nodes: Sequence[Node]) -> str:
    """A sentence without descriptions of the nodes that it is about: the page shows the nodes themselves."""
    twins = [became[node] for node in nodes if became.get(node, node) is not node]
    head = next((text for text in map(describe, nodes) if sentence.startswith(text)), "")
    rest = sentence.removeprefix(head).lstrip(":, ")
    for text in map(describe, twins):
        rest = rest.replace(text, "another")
    return rest


def _grouped(making: Making, said: Iterable[tuple[Any, str, Sequence[Node]]]) -> list[list[Any]]:
    """Alike sentences together: code, sentence, then the slots of each time."""
    found: dict[tuple[int, int], list[list[int]]] = {}
    for reason, sentence, nodes in said:
        code = -1 if reason is None else making.texts.of(f"{reason.name}: {reason.value}")
        key = code, making.texts.of(sentence)
        found.setdefault(key, []).append(list(dict.fromkeys(making.slots.standing(nodes))))
    return [[code, sentence, *slots] for (code, sentence), slots in found.items()]


def _kernel(making: Making, number: int, profile: Profile | None) -> dict[str, Any]:
    schedule = making.program.schedule
    kernel = schedule.kernels[number]
    found: dict[str, Any] = {
        "members": making.slots.standing(kernel.members),
        "stored": making.slots.standing(schedule.outputs(kernel)),
        "in_place": in_place_of(making, [kernel]),
        "cost": cost_of(making, making.cost.kernels[number]),
        **_code(making, number),
    }
    if profile is not None:
        timing = profile.kernels[number]
        found["us"] = round(timing.microseconds, 3)
        if timing.predicted is not None and math.isfinite(timing.predicted.microseconds):
            found["predicted"] = [round(timing.predicted.microseconds, 3), timing.predicted.bound]
    return found


def _code(making: Making, number: int) -> dict[str, Any]:
    """A kernel's code and how it came to be; what the kernel computes where the backend has no code."""
    try:
        records = making.program.loops(number)
    except BackendError:
        members, names = making.program.schedule.kernels[number].members, making.graph.names
        return {"source": [making.texts.of(print_node(node, names)) for node in members], "loops": []}
    of = making.texts.of
    written = [of("written"), of("the loops as they are written"), _lines(making, records[0].before)]
    changes = [_lines(making, item.after) if item.changed else [] for item in records]
    rest = zip(records, changes, strict=True)
    loops = [written, *([of(item.name), of(item.sentence), lines] for item, lines in rest)]
    return {"source": _lines(making, records[-1].before), "loops": loops}


def _lines(making: Making, text: str) -> list[int]:
    return [making.texts.of(line) for line in text.rstrip().split("\n")]


def _memory(making: Making) -> dict[str, Any]:
    memory = making.program.memory
    kinds = list(Kind)
    places = making.program.plan.places
    holders: list[list[Any]] = []
    for item in memory.holders:
        place = places.get(item.value)
        is_swap = item.kind is Kind.SWAP
        offset = making.extents.of(place.offset) if isinstance(place, InSlab) and not is_swap else -1
        holders.append(
            [
                making.slots.of[item.value], kinds.index(item.kind), making.extents.of(item.bytes),
                item.first, item.last, offset,
            ]
        )  # fmt: skip
    return {
        "kinds": [[kind.value, kind.is_in_slab] for kind in kinds],
        "holders": holders,
        "peak": making.extents.of(memory.peak_bytes),
        "total": making.extents.of(memory.total_bytes),
        "in_place_saves": making.extents.of(memory.in_place_saves),
        "unshared": making.extents.of(making.program.plan.unshared_bytes),
    }


def _time(making: Making, profile: Profile | None) -> dict[str, Any]:
    spent = None if profile is None else profile.microseconds_of
    by_node = making.by_node if profile is None else profile.cost.by_node
    keys = {"scopes": by_scope(making.graph), "lines": line_of}
    return {name: _rows(making, break_down(by_node, key, spent)) for name, key in keys.items()}


def _rows(making: Making, breakdown: Breakdown) -> list[list[Any]]:
    """Label, nodes, costs, microseconds where they were measured."""
    return [
        [
            making.texts.of(row.label or "(no scope)"), row.nodes, *cost_of(making, row.cost),
            *([] if row.microseconds is None else [round(row.microseconds, 3)]),
        ]
        for row in breakdown.rows
    ]  # fmt: skip


def _measured(making: Making, measured: Measured) -> dict[str, Any]:
    return measured.to_dict() | {"unfused_peak": making.extents.of(measured.unfused_peak)}


def _unfused(making: Making, measured: Measured) -> list[list[Any]]:
    """The kernels without any scheduling: the slots of their members, and microseconds."""
    by_name = {making.graph.names.values[node]: node for node in making.graph.nodes}
    names = measured.unfused.schedule.graph.names.values
    return [
        [
            making.slots.standing(by_name[names[node]] for node in kernel.members),
            round(timing.microseconds, 3),
        ]
        for kernel, timing in zip(measured.unfused.schedule.kernels, measured.unfused.kernels, strict=True)
    ]
