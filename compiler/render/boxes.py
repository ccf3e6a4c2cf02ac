"""What stands in the boxes of a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from compiler.analysis.parts import Part
from compiler.ir.dims import Extent
from compiler.ir.node import Node
from compiler.ir.op import Parameter, Trait
from compiler.render.colours import Colouring
from compiler.render.groups import Group, Kernel, short_path
from compiler.render.labels import count_ops, expression, label, op_word, shortened, tooltip
from compiler.render.picture import Box, Caption, Flags, Line, Role, Statement, Style, Text
from compiler.render.view import View
from compiler.schedule.tables import digits, scaled

_SPACE: Final = "\N{NO-BREAK SPACE}"
"""Browsers leave out other spaces at the beginning of a piece of text."""

MOST_SAID: Final = 24
"""Nodes of which the tooltip of a folded box has a line."""


def box_of(view: View, group: Group, id: str, colouring: Colouring | None = None) -> Box:
    """The box of some nodes."""
    lines = [*_heads(view, group), *_lines(view, group), *_kernels(group.kernels, group.is_folded)]
    column = Part.UPDATE if group.is_update else view.parts.part[group.last]
    fill = "" if colouring is None else colouring.fill(group.nodes)
    if fill:
        lines = [replace(line, is_saved=False) if isinstance(line, Statement) else line for line in lines]
    return Box(
        id, tuple(lines), role_of(view, group), column.value, _flags(view, group), _tooltip(view, group),
        group.frame, group.family, fill,
    )  # fmt: skip


def role_of(view: View, group: Group) -> Role:
    """The role of a box: that of its last node, or that it has nodes of several parts."""
    if group.is_update:
        return Role.UPDATE
    parts = {view.parts.part[item] for item in group.nodes if not item.op.has(Trait.LEAF)}
    if len(parts) > 1 and not group.is_folded:
        return Role.MIXED
    return node_role(group.last, view.parts.part[group.last], is_alone=len(group.nodes) == 1)


def node_role(node: Node, part: Part, *, is_alone: bool = True) -> Role:
    """The role of a node's box; a leaf has one of its own where nothing else is in it."""
    if is_alone and node.op.has(Trait.LEAF):
        return {"input": Role.INPUT, "parameter": Role.PARAMETER}.get(node.op.name, Role.CONSTANT)
    return {Part.BACKWARD: Role.BACKWARD, Part.UPDATE: Role.UPDATE}.get(part, Role.FORWARD)


def _flags(view: View, group: Group) -> Flags:
    flags = Flags.FOLDED if group.is_folded else Flags.NONE
    if group.is_update and not group.kernels:
        return flags
    for flag, nodes in ((Flags.OUTPUT, view.outputs), (Flags.SAVED, view.saved)):
        flags |= flag if any(node in nodes for node in group.nodes) else Flags.NONE
    return flags


def _heads(view: View, group: Group) -> Iterator[Line]:
    """What stands above everything else: the name of a kernel, and that of a layer."""
    if group.label:
        yield Caption((Text(shortened(group.label), Style.TITLE),))
    if group.kernels and not group.is_folded and role_of(view, group) is Role.MIXED:
        parts = dict.fromkeys(view.parts.part[node] for node in group.nodes)
        yield Caption((Text(" and ".join(part.value for part in Part if part in parts), Style.MARK),))
    if group.is_folded or group.is_update or group.last.op.has(Trait.LEAF):
        return
    scopes = dict.fromkeys(view.graph.scopes[node] for node in group.nodes if not node.op.has(Trait.LEAF))
    paths = [short_path(path, group.inside) for path in scopes if path and path != group.inside]
    if paths:
        yield Caption((Text(shortened(", ".join(paths)), Style.FAINT),))


def _lines(view: View, group: Group) -> Iterator[Line]:
    if group.is_folded:
        yield from _contents(view, group)
    elif group.is_update:
        yield from _update(view, group)
    elif len(group.nodes) == 1 and group.last.op.has(Trait.LEAF):
        yield from _leaf(view, group)
    else:
        for node in group.nodes:
            if not node.op.has(Trait.LEAF) or not group.kernels:
                yield from _statement(view, group, node)


def _contents(view: View, group: Group) -> Iterator[Line]:
    """How much is folded away."""
    if group.is_update:
        owners = f"update of {_counted(len(group.owners), 'parameter')}"
        yield Caption((Text(owners if group.owners else "shared by updates"),))
    parameters = sum(isinstance(node.op, Parameter) for node in group.nodes)
    texts = [_counted(len(group.nodes), "node")]
    texts += [_counted(parameters, "parameter")] if parameters and not group.is_update else []
    yield Caption((Text(", ".join(texts), Style.FAINT),))


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _kernels(kernels: Sequence[Kernel], is_folded: bool) -> Iterator[Line]:
    """What kernels take together."""
    if is_folded and kernels:
        yield Caption((Text(shortened(_listed([kernel.label for kernel in kernels])), Style.FAINT),))
    moved = [kernel.bytes_moved for kernel in kernels if kernel.bytes_moved is not None]
    spent = [kernel.microseconds for kernel in kernels if kernel.microseconds is not None]
    texts = [f"{digits(sum(spent))} us"] if spent else []
    texts += [f"{_bytes(sum(moved, start=0))} moved"] if moved else []
    if texts:
        yield Caption((Text(shortened(", ".join(texts)), Style.FAINT),))


def _bytes(count: Extent) -> str:
    return scaled(count, "B") if isinstance(count, int) else f"{count} B"


def _listed(labels: Sequence[str]) -> str:
    """`kernels 3, 4, 5`, the first and the last of many."""
    numbers = [label.removeprefix("kernel ") for label in labels]
    if len(numbers) == 1:
        return labels[0]
    some = numbers if len(numbers) <= 5 else [*numbers[:2], "...", numbers[-1]]
    return f"{len(numbers)} kernels: {', '.join(some)}"


def _leaf(view: View, group: Group) -> Iterator[Line]:
    node, value = group.last, shortened(expression(group.last, view.names))
    yield Caption((_name(view, node), *((Text(value),) if value else ())))
    yield Caption((Text(str(node.type), Style.FAINT),))
    if marks := _marks(view, group, node):
        yield Caption(marks)


def _statement(view: View, group: Group, node: Node) -> Iterator[Statement]:
    """What a node is called, what it does, and its type where no arrow says it.

    An index formula stands below the name of the op.
    """
    is_said = not group.is_folded and node is group.last and view.is_on_arrow(node)
    type_ = "" if is_said else str(node.type)
    marks, saved = _marks(view, group, node), node in view.saved
    word, text = shortened(op_word(node)), shortened(expression(node, view.names))
    rest = text.removeprefix(word)
    if node.op.has(Trait.CONTRACTION):
        yield Statement(_name(view, node), (Text(word, Style.TITLE), *marks), type_, saved)
        yield Statement(Text(""), (Text(text),), "", saved)
        return
    what = (Text(rest),) if rest != text and rest[:1] in ("(", "[") else (Text(f"{_SPACE}{text}"),)
    yield Statement(_name(view, node), (Text(word, Style.TITLE), *what, *marks), type_, saved)


def _name(view: View, node: Node) -> Text:
    return Text(shortened(label(node, view.names)), Style.FAINT if node.name is None else Style.TITLE)


def _marks(view: View, group: Group, node: Node) -> tuple[Text, ...]:
    """What else to say of a node: that it is a next value, an output inside a kernel, a caller's mark."""
    said = [f"next {label(item, view.names)}" for item in view.updated.get(node, ())]
    said += ["output"] if node in view.outputs and node is not group.last else []
    said += [view.marks[node]] if node in view.marks else []
    return (Text(shortened(f"{_SPACE}{_SPACE}{', '.join(said)}"), Style.MARK),) if said else ()


def _update(view: View, group: Group) -> Iterator[Line]:
    names = view.names
    changed = [item for node in group.nodes for item in view.updated.get(node, ())]
    owners = ", ".join(label(item, names) for item in group.owners)
    owner = (Text(shortened(owners), Style.TITLE),) if owners else ()
    yield Caption((Text("update of" if owner else "shared by updates"), *owner))
    if also := ", ".join(label(item, names) for item in changed if item not in group.owners):
        yield Caption((Text(shortened(f"and of {also}"), Style.FAINT),))
    yield Caption((Text(shortened(count_ops(group.nodes))),))
    if marks := ", ".join(dict.fromkeys(view.marks[node] for node in group.nodes if node in view.marks)):
        yield Caption((Text(shortened(marks), Style.MARK),))


def _tooltip(view: View, group: Group) -> str:
    if not group.is_folded and not group.is_update:
        return "\n\n".join(tooltip(node, view.names) for node in group.nodes)
    said = [tooltip(node, view.names).partition("\n")[0] for node in group.nodes[:MOST_SAID]]
    more = len(group.nodes) - len(said)
    return "\n".join(said + ([f"and {more} more"] if more else []))
