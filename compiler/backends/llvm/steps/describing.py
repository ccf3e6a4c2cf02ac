"""A program's kernels as readable loop nests that say everything: what is run can be run by hand.

Each kernel is shown as it is when its tricks are done and its atoms are those of formulas still, or after any
one of its tricks; the grammar is that of `compiler.loops.source`. What NumPy computes is shown as lines of a
graph's text, after `numpy`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from compiler.backends.llvm.steps.launches import PythonStep, Step
from compiler.backends.llvm.steps.loops import LoopStep
from compiler.backends.llvm.steps.lowering import Lowered
from compiler.backends.llvm.steps.products import ProductStep
from compiler.backends.llvm.steps.wording import Words, count
from compiler.ir.node import Node
from compiler.ir.op import MapReduce
from compiler.ir.printing import print_definitions, print_node
from compiler.loops.arguments import Bound, bind
from compiler.loops.copying import Copy
from compiler.loops.history import LoopHistory
from compiler.loops.language import Count, Kernel, Memory, Value
from compiler.loops.lowering import lower
from compiler.loops.machine import Machine
from compiler.loops.pipeline import TRICKS, stages, write
from compiler.loops.places import Pointer
from compiler.loops.products import Table
from compiler.loops.source import Naming, source


def call_text(lowered: Lowered, words: Words, machine: Machine) -> str:
    """A whole call: its kernels, and the copies between and behind them."""
    text, done = "", 0

    def copies(end: int) -> str:
        return "".join(f"# a copy\n{step_text(step, words, machine)}" for step in lowered.steps[done:end])

    for number, begin in enumerate(lowered.begins):
        text += copies(begin) + kernel_text(number, lowered, words, machine)
        done = begin + len(lowered.of_kernel[number])
    return text + copies(len(lowered.steps))


def kernel_text(number: int, lowered: Lowered, words: Words, machine: Machine) -> str:
    """A kernel of the schedule: what it computes, and its steps."""
    steps = [step_text(step, words, machine) for step in lowered.of_kernel[number]]
    return _whole_kernel(number, words, steps)


def kernel_history(number: int, lowered: Lowered, words: Words, machine: Machine) -> LoopHistory:
    """How the loops of a kernel of the schedule came to be. What has no loops is the same throughout."""
    columns = [_step_texts(step, words, machine) for step in lowered.of_kernel[number]]
    rows = zip(*columns, strict=True) if columns else [()] * (len(TRICKS) + 1)
    return LoopHistory.of(TRICKS, (_whole_kernel(number, words, row) for row in rows))


def _whole_kernel(number: int, words: Words, steps: Sequence[str]) -> str:
    schedule = words.places.plan.schedule
    kernel = schedule.kernels[number]
    computed = ", ".join(f"{words.called(node)} : {node.type}" for node in schedule.outputs(kernel))
    parts = steps or [_view_text(node, words) for node in kernel.members]
    return f"# kernel {number}: {computed}\n" + "".join(parts)


def step_text(step: Step | PythonStep, words: Words, machine: Machine) -> str:
    """One step."""
    match step:
        case LoopStep() | ProductStep():
            return _loops(_with_extents(write(step.bound.kernel, machine), step.bound, step), step, words)
        case PythonStep():
            return _numpy(step, words)
        case _:
            raise TypeError(f"{step!r} has no text")


def _step_texts(step: Step | PythonStep, words: Words, machine: Machine) -> list[str]:
    """One step as it is written, and after each trick."""
    if not isinstance(step, LoopStep | ProductStep):
        return [step_text(step, words, machine)] * (len(TRICKS) + 1)
    texts: list[str] = []
    shown: Kernel | None = None
    for bound in _stages(step, machine):
        if bound.kernel != shown:
            texts.append(_loops(_with_extents(bound.kernel, bound, step), step, words))
            shown = bound.kernel
        else:
            texts.append(texts[-1])
    return texts


def _stages(step: LoopStep | ProductStep, machine: Machine) -> Iterator[Bound]:
    """The kernel of a step as it is written, and after each trick."""
    labels = dict.fromkeys(_distances(step), "distance")
    drafted, collapsed = step.written
    first = bind(drafted, (), labels=labels)
    yield first
    yield first if collapsed is drafted else bind(collapsed, (), labels=labels)
    found = [step.bound.kernel, *stages(step.bound.kernel, machine)]
    for kernel in (*found, lower(found[-1], machine)):
        yield Bound(kernel, step.bound.given)


def _loops(kernel: Kernel, step: LoopStep | ProductStep, words: Words) -> str:
    addresses: Mapping[Memory, Pointer] = step.draft.addresses
    labels = {memory.label: pointer for memory, pointer in addresses.items()}
    is_product = isinstance(step, ProductStep)
    partials = {} if is_product else {p.memory.label: p for p in step.draft.partials}

    def value(label: object) -> str:
        here = step.labels.get(label, label)
        return words.called(here) if isinstance(here, Node | str) else str(here)

    def memory(label: object) -> tuple[str, str]:
        if isinstance(label, Table):
            return f"{value(label.value)}_{label.what}", str(label)
        name = value(label) if isinstance(label, Node | str) else ""
        if label in labels:
            return name, words.place(labels[label])
        return name, f"scratch[{count(partials[label].size)}]" if label in partials else "scratch"

    return source(kernel, Naming(value, memory))


def _with_extents(kernel: Kernel, bound: Bound, step: LoopStep | ProductStep) -> Kernel:
    """The kernel with extents where it has arguments, but for those that say how chunks share it."""
    cuts = _distances(step)
    cuts |= {step.grain} if isinstance(step, LoopStep) else {*step.cuts.lengths, *step.cuts.parts}
    known: dict[Value, int | Count] = {}
    for argument, given in zip(kernel.arguments, bound.given, strict=True):
        if isinstance(argument, Value) and isinstance(given, Count) and given not in cuts:
            known[argument] = given.extent if isinstance(given.extent, int) else given
    left = tuple(item for item in kernel.arguments if item not in known)
    body = Copy(known).block(kernel.body)
    return Kernel(left, kernel.chunk, kernel.rooms, body)


def _distances(step: LoopStep | ProductStep) -> set[Count]:
    """How far the partial results of chunks are apart."""
    return {item.distance for item in step.draft.partials} if isinstance(step, LoopStep) else set()


def _view_text(node: Node, words: Words) -> str:
    return f"# {words.called(node)} is a view, and nothing is to be done\n" + _whole(node, words)


def _whole(node: Node, words: Words) -> str:
    """The declaration of a value with its shape."""
    located = words.places[node]
    strides = ", ".join(map(count, located.strides))
    return f"{words.called(node)} : {node.type} at {words.place(located.pointer)} by [{strides}]\n"


def _numpy(step: PythonStep, words: Words) -> str:
    lines = [f"# NumPy, because {step.reason}\n"]
    inside = set(step.nodes)
    outside = dict.fromkeys(item for node in step.nodes for item in node.operands if item not in inside)
    lines += [_whole(node, words) for node in (*outside, *step.stored)]
    names = words.names
    formulas = dict.fromkeys(node.op.formula for node in step.nodes if isinstance(node.op, MapReduce))
    defined = print_definitions([item for item in formulas if item in names.formulas], names)
    lines += [f"numpy {line}\n" for line in (*defined, *(print_node(node, names) for node in step.nodes))]
    return "".join(lines)
