"""A program's kernels as texts that say everything: what is run can be run by hand.

Each kernel is shown in a language (`compiler.loops.shown`) as it is when its tricks are done, its atoms those
of formulas still, or after any one of its tricks. What NumPy computes is shown as lines of a graph's text,
after `numpy`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compiler.backends.llvm.steps.launches import PythonStep, Step
from compiler.backends.llvm.steps.loops import LoopStep
from compiler.backends.llvm.steps.lowering import Lowered
from compiler.backends.llvm.steps.products import ProductStep
from compiler.backends.llvm.steps.wording import Words, count
from compiler.ir.node import Node
from compiler.ir.op import MapReduce
from compiler.ir.printing import print_definitions, print_node
from compiler.loops.arguments import Bound, bind
from compiler.loops.copies import Part
from compiler.loops.history import LoopHistory
from compiler.loops.language import Count, Kernel, Memory, Value
from compiler.loops.lowering import lower
from compiler.loops.machine import Machine
from compiler.loops.pipeline import TRICKS, stages, write
from compiler.loops.places import Pointer
from compiler.loops.shown import Language, Shown
from compiler.loops.source import Naming
from compiler.loops.tables import Table


@dataclass(frozen=True)
class Telling:
    """What a program is told with: its words, the machine that it is for, and the language."""

    lowered: Lowered
    words: Words
    machine: Machine
    language: Language

    def call(self) -> str:
        """A whole call: its kernels, and the copies between and behind them."""
        lowered, text, done = self.lowered, "", 0
        for number, begin in enumerate(lowered.begins):
            text += self._copies(done, begin) + self._kernel(number)
            done = begin + len(lowered.of_kernel[number])
        return self.language.whole(text + self._copies(done, len(lowered.steps)))

    def kernel(self, number: int) -> str:
        """A kernel of the schedule: what it computes, and its steps."""
        return self.language.whole(self._kernel(number))

    def _copies(self, begin: int, end: int) -> str:
        steps = enumerate(self.lowered.steps[begin:end], start=begin)
        return "".join(
            f"{self.language.remark('a copy')}{self._step(step, f'copy{place}')}" for place, step in steps
        )

    def history(self, number: int) -> LoopHistory:
        """How the loops of a kernel of the schedule came to be. What has no loops is the same throughout."""
        columns = [self._step_texts(step) for step in self.lowered.of_kernel[number]]
        rows = zip(*columns, strict=True) if columns else [()] * (len(TRICKS) + 1)
        return LoopHistory.of(TRICKS, (self._whole(number, row) for row in rows))

    def _kernel(self, number: int) -> str:
        steps = self.lowered.of_kernel[number]
        names = [f"kernel{number}" + (f"_{place}" if len(steps) > 1 else "") for place in range(len(steps))]
        return self._whole(number, list(map(self._step, steps, names)))

    def _whole(self, number: int, steps: Sequence[str]) -> str:
        """What a kernel computes, and the texts of its steps."""
        schedule, called = self.words.places.plan.schedule, self.words.called
        kernel = schedule.kernels[number]
        computed = ", ".join(f"{called(node)} : {node.type}" for node in schedule.outputs(kernel))
        head = self.language.remark(f"kernel {number}: {computed}")
        if not steps:
            return head + "".join(map(self._view, kernel.members))
        return (
            head + "".join(map(self.language.equation, map(self._equation, kernel.members))) + "".join(steps)
        )

    def _equation(self, node: Node) -> str:
        """`%h = tanh(%a) : f32[n,4]`, and the user's line."""
        line, place = print_node(node, self.words.names), node.origin.source
        return f"{line}, {Path(place.file).name}:{place.line}" if place is not None else line

    def _step(self, step: Step | PythonStep, name: str) -> str:
        match step:
            case LoopStep() | ProductStep():
                return self._loops(write(step.bound.kernel, self.machine), step.bound, step, name)
            case PythonStep():
                return self.language.aside(_numpy(step, self.words))
            case _:
                raise TypeError(f"{step!r} has no text")

    def _step_texts(self, step: Step | PythonStep) -> list[str]:
        """One step as it is written, and after each trick."""
        if not isinstance(step, LoopStep | ProductStep):
            return [self._step(step, "")] * (len(TRICKS) + 1)
        texts: list[str] = []
        shown: Kernel | None = None
        for bound in _stages(step, self.machine):
            if bound.kernel != shown:
                texts.append(self._loops(bound.kernel, bound, step))
                shown = bound.kernel
            else:
                texts.append(texts[-1])
        return texts

    def _loops(self, kernel: Kernel, bound: Bound, step: LoopStep | ProductStep, name: str = "") -> str:
        words = self.words
        addresses: Mapping[Memory, Pointer] = step.draft.addresses
        labels = {memory.label: pointer for memory, pointer in addresses.items()}
        partials = {} if isinstance(step, ProductStep) else {p.memory.label: p for p in step.draft.partials}

        def value(label: object) -> str:
            here = step.labels.get(label, label)
            return words.called(here) if isinstance(here, Node | str | Part) else str(here)

        def memory(label: object) -> tuple[str, str]:
            if isinstance(label, Table):
                return f"{value(label.value)}_{label.what}", str(label)
            name = value(label) if isinstance(label, Node | str | Part) else ""
            if label in labels:
                return name, words.place(labels[label])
            if label not in partials:
                return name, "scratch"
            return name, f"scratch[{count(partials[label].size * partials[label].rows)}]"

        def remark(label: object) -> str:
            here = step.labels.get(label, label)
            return self._equation(here) if isinstance(here, Node) else ""

        known = _extents(kernel, bound, step)
        return self.language.kernel(Shown(name, kernel, known, Naming(value, memory, remark)))

    def _view(self, node: Node) -> str:
        what = "has all its parts" if node in self.words.places.plan.parts else "is a view"
        said = self.language.remark(f"{self.words.called(node)} {what}, and nothing is to be done")
        return said + self.language.aside(_declared(node, self.words))


def _stages(step: LoopStep | ProductStep, machine: Machine) -> Iterator[Bound]:
    """The kernel of a step as it is written, and after each trick."""
    labels = dict.fromkeys(_distances(step), "distance")
    drafted, collapsed, dealt, *behind = step.written
    first = bind(drafted, (), labels=labels)
    yield first
    for kernel in (collapsed, dealt):
        yield first if kernel is drafted else bind(kernel, (), labels=labels)
    if isinstance(step, LoopStep):
        labels[step.grain] = "grain"
    for kernel in behind:
        yield step.bound if kernel is step.draft.kernel else bind(kernel, (), labels=labels)
    found = [step.bound.kernel, *stages(step.bound.kernel, machine)]
    for kernel in (*found, lower(found[-1], machine)):
        yield Bound(kernel, step.bound.given)


def _extents(kernel: Kernel, bound: Bound, step: LoopStep | ProductStep) -> dict[Value, int | Count]:
    """The extents that a kernel's arguments stand for, but for those that say how chunks share it."""
    cuts = _distances(step)
    cuts |= {step.grain} if isinstance(step, LoopStep) else {*step.cuts.lengths, *step.cuts.parts}
    known: dict[Value, int | Count] = {}
    for argument, given in zip(kernel.arguments, bound.given, strict=True):
        if isinstance(argument, Value) and isinstance(given, Count) and given not in cuts:
            known[argument] = given.extent if isinstance(given.extent, int) else given
    return known


def _distances(step: LoopStep | ProductStep) -> set[Count]:
    """How far the partial results of chunks are apart."""
    return {item.distance for item in step.draft.partials} if isinstance(step, LoopStep) else set()


def _declared(node: Node, words: Words) -> str:
    """The declaration of a value with its shape."""
    located = words.places[node]
    strides = ", ".join(map(count, located.strides))
    return f"{words.called(node)} : {node.type} at {words.place(located.pointer)} by [{strides}]\n"


def _numpy(step: PythonStep, words: Words) -> str:
    lines = [f"# NumPy, because {step.reason}\n"]
    inside = set(step.nodes)
    outside = dict.fromkeys(item for node in step.nodes for item in node.operands if item not in inside)
    lines += [_declared(node, words) for node in (*outside, *step.stored)]
    names = words.names
    formulas = dict.fromkeys(node.op.formula for node in step.nodes if isinstance(node.op, MapReduce))
    defined = print_definitions([item for item in formulas if item in names.formulas], names)
    lines += [f"numpy {line}\n" for line in (*defined, *(print_node(node, names) for node in step.nodes))]
    return "".join(lines)
