"""What a notebook shows of each kind of answer. The text beside it is `str`, as everywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from compiler.autodiff.explain import Explanation, KernelExplanation
from compiler.errors import DrawingError
from compiler.ir.graph import Graph
from compiler.loops.history import LoopHistory, LoopRecord
from compiler.pipeline.contract import History, Record
from compiler.profiling import Profile
from compiler.program import Program
from compiler.report.written import Written
from compiler.schedule.breakdown import Breakdown
from compiler.schedule.costs import PlanCost
from compiler.schedule.memory import Memory, Moment
from compiler.schedule.plan import Plan
from compiler.schedule.schedule import Schedule
from compiler.schedule.tables import Table, scaled
from compiler.speed.machine import MeasuredMachine
from compiler.why.pair import Apart
from compiler.why.value import Why
from tinytorch.notebook import markup
from tinytorch.tensor import Tensor

if TYPE_CHECKING:
    from compiler.render.picture import Picture

LARGEST: Final = 400
"""Boxes of a picture that nobody asked for; one of more is for a page of its own."""

LARGEST_PAGE: Final = 3_000_000
"""Bytes of a page that becomes a part of the notebook; one of more is for a window of its own."""

View: TypeAlias = Callable[[Any], str]
"""HTML of a value."""

_PROTOCOL: Final = "_repr_mimebundle_"
_INSTALLED: Final[dict[type[Any], View]] = {}


def install(views: Mapping[type[Any], View]) -> None:
    """Gives classes the method that notebooks ask for, and their views to `html_of`."""
    for kind, view in views.items():
        _INSTALLED[kind] = view
        setattr(kind, _PROTOCOL, _shows(view))


def _shows(view: View) -> Callable[..., dict[str, str]]:
    def bundle(self: Any, include: object = None, exclude: object = None) -> dict[str, str]:
        """What a notebook shows: text, and HTML beside it."""
        return {"text/plain": str(self), "text/html": view(self)}

    return bundle


def html_of(value: object) -> str | None:
    """What a notebook shows of a value as HTML; None where it shows text alone."""
    view = next((_INSTALLED[kind] for kind in type(value).__mro__ if kind in _INSTALLED), None)
    return None if view is None else view(value)


# Pictures


def drawn(picture: Picture, title: str) -> str:
    """A picture, or in a line why there is none."""
    from compiler.render.drawing import to_svg  # noqa: PLC0415  # loaded by who looks

    if len(picture.boxes) > LARGEST:
        return markup.line(f"{len(picture.boxes)} boxes are too many to be drawn unasked; see draw")
    try:
        return markup.picture(to_svg(picture), title)
    except DrawingError as error:
        return markup.line(f"not drawn: {error}")


def _picture(graph: Graph) -> str:
    from compiler.render.describe import describe  # noqa: PLC0415  # loaded by who looks

    return drawn(describe(graph), f"graph of {len(graph.nodes)} nodes")


def _kernels(schedule: Schedule) -> str:
    from compiler.render.kernels import describe_schedule  # noqa: PLC0415  # loaded by who looks

    return drawn(describe_schedule(schedule), f"{len(schedule.kernels)} kernels")


# Views


def tables(value: Any) -> str:
    """The tables of a value, one below the other."""
    return markup.page(*map(markup.table, value.tables))


def _tensor(tensor: Tensor) -> str:
    graph = Graph.of([tensor.node])
    source = tensor.node.origin.source
    rows = [markup.code(tensor), *([markup.line(f"from {source}")] if source is not None else [])]
    return markup.page(*rows, _seen(graph) if len(graph.nodes) > 1 else "")


def _graph(graph: Graph) -> str:
    return markup.page(_seen(graph))


def _seen(graph: Graph) -> str:
    """The picture, and the text under it."""
    count = _number_of(len(graph.nodes), "node")
    return _picture(graph) + markup.folded(f"{count} as text", markup.code(graph))


def _number_of(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _program(program: Program) -> str:
    graph, schedule = program.source_graph, program.schedule
    inputs = ", ".join(f"{node.name} : {node.type}" for node in graph.inputs)
    outputs = ", ".join(str(node.type) for node in graph.outputs)
    kernels = _number_of(len(schedule.kernels), "kernel")
    rows = [
        ("takes", inputs or "nothing"),
        ("returns", outputs or "nothing"),
        ("updates", _number_of(len(graph.updates), "parameter") if graph.updates else "nothing"),
        ("runs", f"{kernels} of {_number_of(len(program.graph.nodes), 'node')} on {program.backend}"),
        ("slab", f"{program.plan.peak_bytes} bytes"),
    ]
    return markup.page(
        markup.labels((label, markup.escape(text)) for label, text in rows),
        _picture(graph),
        markup.folded("kernels and what they cost", "".join(map(markup.table, program.cost.tables))),
        markup.folded("the graph as text", markup.code(graph)),
    )


def _schedule(schedule: Schedule) -> str:
    count = _number_of(len(schedule.kernels), "kernel")
    return markup.page(_kernels(schedule), markup.folded(f"{count} as text", markup.code(schedule)))


def _record(record: Record) -> str:
    found = record.to_dict()
    said = Counter((record.name, "did", item["sentence"]) for item in found["done"])
    said.update((record.name, item["reason"], item["sentence"]) for item in found["refused"])
    head = f"{record.name}: {len(found['done'])} done, {len(found['refused'])} refused"
    return markup.page(markup.heading(head), _counted(said))


def _counted(said: Counter[tuple[str, str, str]]) -> str:
    """What was done and refused, alike sentences once."""
    if not said:
        return ""
    rows = tuple((*cells, f"x {count}" if count > 1 else "") for cells, count in said.items())
    return markup.table(Table(("pass", "reason", "in words", ""), rows, left=3))


def _loops(history: LoopHistory) -> str:
    parts = [markup.folded(item.name, markup.code(item.after)) for item in history if item.changed]
    written = markup.folded("as they are written", markup.code(history[0].before))
    return markup.page(*map(markup.table, history.tables), written, *parts)


def _trick(record: LoopRecord) -> str:
    before = markup.folded("before", markup.code(record.before))
    return markup.page(markup.heading(str(record)), before, markup.folded("after", markup.code(record.after)))


def _why(answer: Why) -> str:
    found = answer.to_dict()
    lines = "\n".join(item["line"] for item in found["images"])
    rows = [("it is", markup.code(lines or "not in the final graph: folded, merged or not needed"))]
    if lines and answer.node is not None:
        lives = ", ".join(item["place"] or "in its kernel only" for item in found["images"])
        rows.append(("lives", markup.escape(lives)))
    if found["kernels"] and answer.node is not None:
        together = ", ".join(found["fused_with"])
        beside = f" with {together}" if together else ", alone"
        rows.append(("kernel", markup.escape(", ".join(map(str, found["kernels"])) + beside)))
    rows += [("in place of", markup.escape(text)) for text in found["in_place_of"]]
    if found["read_by_backward"]:
        rows.append(("saved", "a backward node reads it"))
    said = Counter((item["maker"], item["reason"] or "did", item["sentence"]) for item in found["decisions"])
    return markup.page(markup.heading(answer.title), markup.labels(rows), _counted(said))


def _apart(answer: Apart) -> str:
    found = answer.to_dict()
    kernels = ", ".join("none" if number is None else str(number) for number in found["kernels"])
    rows = [("kernels", f"{kernels}: {'one' if answer.in_one_kernel else 'two'}")]
    if found["places"] is not None:
        places = "; ".join(place or "in its kernel only" for place in found["places"])
        rows.append(("places", f"{places}: {'one buffer' if answer.in_one_buffer else 'two buffers'}"))
    causes = [("kernel", item) for item in found["kernel_causes"]]
    causes += [("buffer", item) for item in found["buffer_causes"]]
    cells = tuple(
        (of, item["maker"], item["reason"] or "", item["sentence"], ", ".join(item["values"]))
        for of, item in causes
    )
    shown = Table(("apart in", "by", "reason", "in words", "values"), cells, left=5)
    return markup.page(
        *map(markup.heading, answer.titles),
        markup.labels((label, markup.escape(text)) for label, text in rows),
        markup.table(shown) if cells else "",
    )


def _explanation(answer: Explanation) -> str:
    return markup.page(_explained(answer))


def _kernel_explanation(answer: KernelExplanation) -> str:
    parts = [markup.folded(item.line, _explained(item)) for item in answer.members]
    return markup.page(markup.heading(f"{answer.name}, {len(answer.members)} members"), *parts)


def _explained(answer: Explanation) -> str:
    found = answer.to_dict()
    rows = [("node", markup.code(found["line"]))]
    if found["latex"]:
        rows.append(("formula", markup.mathematics(found["latex"])))
    for label, key in (("where", "definitions"), ("recognised", "recognised")):
        rows += [(label, markup.escape(text)) for text in found[key]]
    if found["source"]:
        rows.append(("from", markup.escape(found["source"])))
    made = f"{found['maker']}: {found['rule']}" if found["rule"] else found["maker"]
    rows.append(("made by", markup.escape(made)))
    if found["of"]:
        rows.append(("gradient of" if found["maker"] == "grad" else "stands for", markup.escape(found["of"])))
    rows += [("derivation", markup.escape(text)) for text in found["derivation"]]
    return markup.labels(rows)


def _written(path: Written) -> str:
    if not path.is_file():
        return markup.page(markup.line(f"{path} is no longer there"))
    size = path.stat().st_size
    if size > LARGEST_PAGE:
        return markup.page(markup.line(f"{path}, {scaled(size, 'B')}: open it in a browser"))
    return markup.page(markup.framed(path.read_text(encoding="utf-8"), path.name))


VIEWS: Final[Mapping[type[Any], View]] = {
    Tensor: _tensor,
    Graph: _graph,
    Program: _program,
    Schedule: _schedule,
    Plan: tables,
    History: tables,
    Record: _record,
    LoopHistory: _loops,
    LoopRecord: _trick,
    Profile: tables,
    MeasuredMachine: tables,
    PlanCost: tables,
    Breakdown: tables,
    Memory: tables,
    Moment: tables,
    Why: _why,
    Apart: _apart,
    Explanation: _explanation,
    KernelExplanation: _kernel_explanation,
    Written: _written,
}
"""What shows itself from the start; what is derived from one of these (a tensor of the course's) does too."""
