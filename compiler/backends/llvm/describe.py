"""Kernels as readable loop nests that say everything: what is run can be run by hand.

    text         ::= { declaration | statement }
    declaration  ::= name ":" type "at" place [ "by" "[" stride, ... "]" ]
    place        ::= ("input" | "parameter" | "constant") value | "output" number | "slab"   [ "+" bytes ]
                   | "scratch" "[" elements "]"                                 memory of this kernel alone
    statement    ::= "for" loop "in" bound ".." bound [ "by" step | "in vectors of" lanes ] ":" block
                   | "check" "0 <=" name "<" extent ":" block         in all turns, before anything is written
                   | name ":" dtype "=" expression                     a value, in this turn of the loops
                   | name ("=" | "+=") expression                      a variable of a loop further out
                   | name "[" index "]" ("=" | "+=") expression        an element of memory
                   | "numpy" line of a graph's text                    a node that NumPy computes
    expression   ::= as in a formula, of values, memory, loops, "{" extent "}", literals, dtype(expression)

Values have the names that they have in the graph's text; the same name with an index is the value's memory,
whose elements are counted from its place on. An atom computes in the dtype of its arguments; a literal takes
the dtype of what stands beside it, and of what it is assigned to. A remark after `#` says nothing that the
numbers depend on, but for the order of sums:

- `in vectors of 8`: eight turns at once; the last vector may not be full. What is added up in a variable
  along such a loop is added up in eight lanes, and these are joined by halves.
- `in chunks` is a loop that is cut into chunks, which threads share. A sum of what a chunk leaves out is
  added up for each chunk alone, and these sums are joined in the order of the chunks.
"""

from __future__ import annotations

from contextlib import ExitStack

from compiler.backends.llvm.describe_nest import NestText
from compiler.backends.llvm.describe_product import ProductText
from compiler.backends.llvm.indexing import IndexStep
from compiler.backends.llvm.lowering import Lowered
from compiler.backends.llvm.nests import NestStep
from compiler.backends.llvm.products import ProductStep
from compiler.backends.llvm.steps import PythonStep, Step
from compiler.backends.llvm.wording import Page, Words, affine, cast, count
from compiler.ir.node import Node
from compiler.ir.op import MapReduce
from compiler.ir.printing import print_definitions, print_node
from compiler.ir.types import INT64


def call_text(lowered: Lowered, words: Words) -> str:
    """A whole call: its kernels, and the copies between and behind them."""
    text, done = "", 0

    def copies(end: int) -> str:
        return "".join(f"# a copy\n{step_text(step, words)}" for step in lowered.steps[done:end])

    for number, begin in enumerate(lowered.begins):
        text += copies(begin) + kernel_text(number, lowered, words)
        done = begin + len(lowered.of_kernel[number])
    return text + copies(len(lowered.steps))


def kernel_text(number: int, lowered: Lowered, words: Words) -> str:
    """A kernel of the schedule: what it computes, and its steps."""
    schedule = words.places.plan.schedule
    kernel, steps = schedule.kernels[number], lowered.of_kernel[number]
    computed = ", ".join(f"{words.called(node)} : {node.type}" for node in schedule.outputs(kernel))
    head = f"# kernel {number}: {computed}\n"
    if not steps:
        return head + "".join(_view_text(node, words) for node in kernel.members)
    return head + "".join(step_text(step, words) for step in steps)


def step_text(step: Step | PythonStep, words: Words) -> str:
    """One step."""
    page = Page(words)
    match step:
        case NestStep():
            NestText(page, step).write()
        case ProductStep():
            ProductText(page, step).write()
        case IndexStep():
            _index(page, step)
        case PythonStep():
            _numpy(page, step)
        case _:
            raise TypeError(f"{step!r} has no text")
    return page.text


def _view_text(node: Node, words: Words) -> str:
    return f"# {words.called(node)} is a view, and nothing is to be done\n" + _whole(node, words)


def _whole(node: Node, words: Words) -> str:
    """The declaration of a value with its shape."""
    located = words.places[node]
    strides = ", ".join(map(count, located.strides))
    return f"{words.called(node)} : {node.type} at {words.place(located.pointer)} by [{strides}]\n"


def _numpy(page: Page, step: PythonStep) -> None:
    page.line(f"# NumPy, because {step.reason}")
    inside = set(step.nodes)
    outside = dict.fromkeys(item for node in step.nodes for item in node.operands if item not in inside)
    for node in (*outside, *step.stored):
        page.line(_whole(node, page.words).rstrip())
    names = page.words.names
    formulas = dict.fromkeys(node.op.formula for node in step.nodes if isinstance(node.op, MapReduce))
    defined = print_definitions([item for item in formulas if item in names.formulas], names)
    for line in (*defined, *(print_node(node, names) for node in step.nodes)):
        page.line(f"numpy {line}")


def _index(page: Page, step: IndexStep) -> None:
    form, words = step.form, page.words
    before, extent, along, behind = step.extents
    labels = (step.data, step.indices, step.nodes[0])
    dtypes = (form.dtype, form.index, form.dtype)
    data, indices, result = (
        page.memory(words.called(label), dtype, words.place(pointer))
        for label, dtype, pointer in zip(labels, dtypes, step.pointers, strict=True)
    )
    loops = [None if n == 1 else page.index() for n in (before, along, behind)]
    a, i, b = loops
    chosen = page.fresh("at")
    at = affine(step.strides[3:], loops)
    index = f"{chosen} : i64 = {cast(f'{indices}[{at}]', form.index, INT64)}"
    with page.block(f"check 0 <= {chosen} < {count(extent)}"), ExitStack() as stack:
        checked = (a, i, b) if form.is_batched else (None, i, None)
        for loop, n in zip(checked, (before, along, behind), strict=True):
            page.enter(stack, loop, n)
        page.line(index)
    if not form.is_gather:
        every = page.index()
        with page.loop(every, "0", count(before * extent * behind)):
            page.line(f"{result}[{every}] = 0")
    with ExitStack() as stack:
        for loop, n in zip(loops, (before, along, behind), strict=True):
            page.enter(stack, loop, n)
        page.line(index)
        if form.is_gather:
            source = affine(step.strides[:3], (a, chosen, b))
            target = affine((along * behind, behind, 1), loops)
            page.line(f"{result}[{target}] = {data}[{source}]")
        else:
            source = affine(step.strides[:3], loops)
            target = affine((extent * behind, behind, 1), (a, chosen, b))
            page.line(f"{result}[{target}] += {data}[{source}]")
