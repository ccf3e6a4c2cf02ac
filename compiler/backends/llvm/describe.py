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

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from compiler.backends.llvm.forms import Form, FromIndex, FromMember, FromSize, FromSlot, Member, Source
from compiler.backends.llvm.indexing import IndexStep
from compiler.backends.llvm.lowering import Lowered
from compiler.backends.llvm.matrices import BLOCK_DEPTH, choose_tile, is_dot_of_rows
from compiler.backends.llvm.nests import NestStep, Sum
from compiler.backends.llvm.products import ProductStep
from compiler.backends.llvm.stages import Stages, stages_of
from compiler.backends.llvm.steps import PythonStep, Step
from compiler.backends.llvm.sums import identity
from compiler.backends.llvm.wording import Page, Words, affine, cast, count, vectors
from compiler.ir.dims import Extent, product
from compiler.ir.formula.printing import HIGHEST, Piece, print_scalar
from compiler.ir.formula.tape import Const
from compiler.ir.node import Node
from compiler.ir.op import MapReduce, Reducer
from compiler.ir.printing import print_definitions, print_node
from compiler.ir.types import INT64, DType


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
            _Nest(page, step).write()
        case ProductStep():
            _Product(page, step).write()
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
            _enter(page, stack, loop, n)
        page.line(index)
    if not form.is_gather:
        every = page.index()
        with page.loop(every, "0", count(before * extent * behind)):
            page.line(f"{result}[{every}] = 0")
    with ExitStack() as stack:
        for loop, n in zip(loops, (before, along, behind), strict=True):
            _enter(page, stack, loop, n)
        page.line(index)
        if form.is_gather:
            source = affine(step.strides[:3], (a, chosen, b))
            target = affine((along * behind, behind, 1), loops)
            page.line(f"{result}[{target}] = {data}[{source}]")
        else:
            source = affine(step.strides[:3], loops)
            target = affine((extent * behind, behind, 1), (a, chosen, b))
            page.line(f"{result}[{target}] += {data}[{source}]")


def _enter(
    page: Page, stack: ExitStack, loop: str | None, extent: Extent, how: str = "", remark: str = ""
) -> None:
    if loop is not None:
        stack.enter_context(page.loop(loop, "0", count(extent), how, remark))


class _Body:
    """What nests and the maps after a product have in common: slots, members, and what a pass computes."""

    def __init__(self, page: Page, form: Form, step: NestStep | ProductStep) -> None:
        self.page, self.form = page, form
        self.extents = step.loops
        self.names = [page.fresh("s") if x is None else page.words.called(x) for x in step.labels]
        """Of the members."""
        self.strides = [strides for _, strides in step.slots]
        self.sizes = step.sizes
        self.reads: list[str] = []
        self.writes: list[str] = []
        for slot, (pointer, _), labels in zip(form.slots, step.slots, step.memory, strict=True):
            place = page.words.place(pointer)
            read, written = (
                "" if label is None else page.memory(page.words.called(label), slot.dtype, place)
                for label in labels
            )
            self.reads.append(read)
            self.writes.append(written)
        self.loops: list[str | None] = []

    def name_loops(self) -> None:
        """A loop of one turn is not shown, and its index is 0."""
        self.loops = [None if extent == 1 else self.page.index() for extent in self.extents]

    def at(self, strides: Sequence[Extent]) -> str:
        """An index at the present turn of the loops."""
        return affine(strides, self.loops)

    def read(self, slot: int) -> str:
        return f"{self.reads[slot]}[{self.at(self.strides[slot])}]"

    def written(self, slot: int) -> str:
        return f"{self.writes[slot]}[{self.at(self.strides[slot])}]"

    def value(self, member: Member, wanted: DType) -> str:
        """What a member computes at the present turn."""
        sources = [self._source(item) for item in member.sources]
        return self.page.value(member.lines, member.result, wanted, sources, member.dtypes).text

    def define(self, number: int) -> None:
        """A map's value under its name."""
        member = self.form.members[number]
        self.page.line(f"{self.names[number]} : {member.dtype.short} = {self.value(member, member.dtype)}")

    def _source(self, source: Source) -> Piece | Const:
        match source:
            case FromSlot():
                return Piece(self.read(source.slot), HIGHEST)
            case FromMember():
                return Piece(self.names[source.member], HIGHEST)
            case FromIndex():
                return Piece(self.loops[source.loop] or "0", HIGHEST)
            case FromSize():
                return Piece(f"{{{count(self.sizes[source.number])}}}", HIGHEST)
            case Const():
                return source


@dataclass(frozen=True)
class _Total:
    """A reduction that outlives its row: a variable or memory (with an index) in which it is added up.

    `result` is the memory that it is written to at the end, if that is another.
    """

    name: str
    result: str
    loops: tuple[int, ...] = ()
    strides: tuple[Extent, ...] = ()
    is_variable: bool = False


class _Nest(_Body):
    """A kernel of maps and reductions: loops over rows, passes over the elements of a row."""

    def __init__(self, page: Page, step: NestStep) -> None:
        super().__init__(page, step.form, step)
        self.stages: Stages = stages_of(self.form)
        places = zip(self.form.accumulators, step.sums, strict=True)
        self.sums: dict[int, Sum] = {item.member: place for item, place in places}
        self.totals: dict[int, _Total] = {}
        self.best: dict[int, str] = {}
        self.buffers: dict[int, str] = {}
        self.strip: tuple[str, str] | None = None

    def write(self) -> None:
        """All of it."""
        form, page = self.form, self.page
        room = self.stages.strip or form.columns
        for number in sorted(self.stages.kept):
            dtype = form.members[number].dtype
            self.buffers[number] = page.memory(page.fresh("kept"), dtype, f"scratch[{room}]")
        for item in form.accumulators:
            self._declare(item.member, item.loops)
        self.name_loops()
        for number in self.totals:
            self._clear(number)
        with ExitStack() as stack:
            for loop in range(form.outer):
                self._enter(stack, loop)
            self._row()
        for number in self.totals:
            self._finish(number)

    # Loops

    def _enter(self, stack: ExitStack, loop: int) -> None:
        name = self.loops[loop]
        first, stop = ("0", count(self.extents[loop]))
        if self.strip is not None and loop == self.form.vector:
            first, stop = self.strip
        how = vectors(self.form.lanes) if loop == self.form.vector else ""
        remark = "in chunks" if loop == 0 and self._is_cut and self.strip is None else ""
        if name is not None:
            stack.enter_context(self.page.loop(name, first, stop, how, remark))

    @property
    def _is_cut(self) -> bool:
        """Whether chunks may share the first loop; as `NestStep.launches` cuts it."""
        has_argmax = any(member.reducer is Reducer.ARGMAX for member in self.form.members)
        return self.form.outer > 0 or not (self.form.has_rows or has_argmax)

    def _row(self) -> None:
        if self.stages.strip:
            start, last = self.page.fresh("strip"), count(self.extents[self.form.vector])
            remark = "in chunks" if self.form.vector == 0 else ""
            with self.page.loop(start, "0", last, f" by {self.stages.strip}", remark):
                self.strip = start, f"min({start} + {self.stages.strip}, {last})"
                for number in range(self.stages.passes):
                    self._pass(number)
            return
        for number in range(self.stages.passes):
            self._row_maps(number)
            self._pass(number)
        self._row_maps(self.stages.passes)
        members = list(enumerate(self.form.members))
        for number, member in members:
            if member.is_row and not member.is_map:
                self._add(number, cast(self.value(member, member.value), member.value, member.accumulator))
        for number, member in members:
            if member.store is not None and not member.has_elements and number not in self.sums:
                self.page.line(f"{self.written(member.store)} = {self.names[number]}")

    def _row_maps(self, number: int) -> None:
        for place, member in enumerate(self.form.members):
            if member.is_row and member.is_map and self.stages.at[place] == number:
                self.define(place)

    # A pass over the inner loops

    def _pass(self, number: int) -> None:
        form = self.form
        reducing = self.stages.reductions(form, number)
        partial = [k for k in reducing if form.is_partial(form.members[k])]
        rows = [k for k in reducing if k not in partial and form.loops - 1 in form.members[k].reduced]
        rows = [k for k in rows if k not in self.totals or not self.totals[k].is_variable]
        local = {k: self._begin(k) for k in rows}
        with ExitStack() as stack:
            for loop in range(form.outer, form.loops - 1):
                self._enter(stack, loop)
            ended = {k: self._begin(k) for k in partial}
            with ExitStack() as inner:
                self._enter(inner, form.loops - 1)
                self._body(number, reducing, {**local, **ended})
            for k, name in ended.items():
                self._add(k, name)
        for k, name in local.items():
            self._end(k, name)

    def _body(self, number: int, reducing: Sequence[int], local: dict[int, str]) -> None:
        form, stages = self.form, self.stages
        storing = [k for k, place in stages.stores.items() if place == number]
        keeping = [k for k in sorted(stages.kept) if stages.at[k] == number]
        needed, read = self._needed(number, reducing, (*storing, *keeping))
        alone = storing[0] if len(storing) == 1 and not keeping and storing[0] not in read else None
        for k in needed:
            if k != alone or self._known(k, number) is not None:
                self._element(k, number)
        for k in reducing:
            member = form.members[k]
            value = cast(self.value(member, member.value), member.value, member.accumulator)
            if k in local:
                self._fold(k, local[k], value)
            else:
                self._add(k, value)
        for k in storing:
            member = form.members[k]
            assert member.store is not None
            is_direct = k == alone and self._known(k, number) is None
            value = self.value(member, member.dtype) if is_direct else self.names[k]
            self.page.line(f"{self.written(member.store)} = {value}")
        for k in keeping:
            self.page.line(f"{self._buffered(k)} = {self.names[k]}")

    def _needed(
        self, number: int, reducing: Sequence[int], wanted: Sequence[int]
    ) -> tuple[list[int], set[int]]:
        """The maps of elements that a pass computes or loads, in order, and those that others read."""
        pending = [*wanted]
        read: set[int] = set()
        for k in reducing:
            read.update(self._elements_of(k))
        pending += read
        seen: set[int] = set()
        while pending:
            k = pending.pop()
            if k in seen:
                continue
            seen.add(k)
            if self._known(k, number) is None:
                operands = self._elements_of(k)
                read.update(operands)
                pending += operands
        return sorted(seen), read

    def _elements_of(self, number: int) -> list[int]:
        sources = self.form.members[number].sources
        found = [item.member for item in sources if isinstance(item, FromMember)]
        return [k for k in found if self.form.members[k].has_elements]

    def _known(self, number: int, now: int) -> str | None:
        """Where an element is that an earlier pass has computed; None if it is computed now."""
        stages, member = self.stages, self.form.members[number]
        if stages.at[number] < now and number in stages.kept:
            return self._buffered(number)
        if member.store is not None and stages.stores.get(number, now) < now:
            return self.written(member.store)
        return None

    def _element(self, number: int, now: int) -> None:
        known = self._known(number, now)
        if known is None:
            self.define(number)
            return
        self.page.line(f"{self.names[number]} : {self.form.members[number].dtype.short} = {known}")

    def _buffered(self, number: int) -> str:
        position = self.loops[self.form.vector] or "0"
        if self.strip is not None:
            position += f" - {self.strip[0]}"
        return f"{self.buffers[number]}[{position}]"

    # Reductions

    def _begin(self, number: int) -> str:
        """Begins a reduction in a variable."""
        member = self.form.members[number]
        name = self.page.fresh(member.reducer.value)
        first = print_scalar(identity(member.reducer, member.accumulator))
        if member.reducer is Reducer.ARGMAX:
            self.best[number] = self.page.fresh("best")
            self.page.line(f"{name} : i64 = 0")
            self.page.line(f"{self.best[number]} : {member.accumulator.short} = {first}")
        else:
            self.page.line(f"{name} : {member.accumulator.short} = {first}")
        return name

    def _fold(self, number: int, target: str, value: str) -> None:
        """One more value."""
        member, page = self.form.members[number], self.page
        if member.reducer is Reducer.SUM:
            page.line(f"{target} += {value}")
        elif member.reducer is Reducer.ARGMAX:
            self._fold_argmax(number, target, value)
        else:
            atom = "minimum" if member.reducer is Reducer.MIN else "maximum"
            page.line(f"{target} = {atom}({target}, {value})")

    def _fold_argmax(self, number: int, target: str, value: str) -> None:
        """The first of the largest; NaN is larger than every number."""
        page, dtype, best = self.page, self.form.members[number].accumulator, self.best[number]
        item, wins = page.fresh("item"), page.fresh("wins")
        page.line(f"{item} : {dtype.short} = {value}")
        more = f"({item} > {best})" + (f" | isnan({item}) & ~isnan({best})" if dtype.is_float else "")
        page.line(f"{wins} : bool = {more}")
        reduced = sorted(self.form.members[number].reduced)
        extents = [self.extents[loop] for loop in reduced]
        strides = [product(extents[k + 1 :]) for k in range(len(reduced))]
        position = affine(strides, [self.loops[loop] for loop in reduced], as_value=True)
        page.line(f"{target} = where({wins}, {position}, {target})")
        page.line(f"{best} = where({wins}, {item}, {best})")

    def _end(self, number: int, name: str) -> None:
        """A row's reduction is complete."""
        member = self.form.members[number]
        if number in self.totals:
            self._add(number, name)
            return
        given = INT64 if member.reducer is Reducer.ARGMAX else member.accumulator
        self.page.line(f"{self.names[number]} : {member.dtype.short} = {cast(name, given, member.dtype)}")

    def _declare(self, number: int, loops: tuple[int, ...]) -> None:
        """The memory in which a member that reduces outer loops adds up."""
        member, place, page = self.form.members[number], self.sums[number], self.page
        result = page.memory(self.names[number], member.dtype, page.words.place(place.target))
        if self.form.is_running(member):
            self.totals[number] = _Total("", result, is_variable=True)
        elif place.needs_scratch or place.is_split:
            scratch = page.fresh(member.reducer.value)
            name = page.memory(scratch, member.accumulator, f"scratch[{count(place.size)}]")
            self.totals[number] = _Total(name, result, loops, place.strides)
        else:
            self.totals[number] = _Total(result, "", loops, place.strides)

    def _clear(self, number: int) -> None:
        total, member = self.totals[number], self.form.members[number]
        if total.is_variable:
            self.totals[number] = replace(total, name=self._begin(number))
            return
        with ExitStack() as stack:
            for loop in total.loops:
                _enter(self.page, stack, self.loops[loop], self.extents[loop])
            first = print_scalar(identity(member.reducer, member.accumulator))
            self.page.line(f"{self._accumulated(total)} = {first}")

    def _accumulated(self, total: _Total) -> str:
        if total.is_variable:
            return total.name
        strides, loops = [total.strides[k] for k in total.loops], [self.loops[k] for k in total.loops]
        return f"{total.name}[{affine(strides, loops)}]"

    def _add(self, number: int, value: str) -> None:
        self._fold(number, self._accumulated(self.totals[number]), value)

    def _finish(self, number: int) -> None:
        """What was added up beside the result is the result."""
        member, total, page = self.form.members[number], self.totals[number], self.page
        given = INT64 if member.reducer is Reducer.ARGMAX else member.accumulator
        if total.is_variable:
            page.line(f"{total.result}[0] = {cast(total.name, given, member.dtype)}")
        elif total.result:
            size = self.sums[number].size
            every = None if size == 1 else page.index()
            at = every or "0"
            with ExitStack() as stack:
                _enter(page, stack, every, size)
                page.line(f"{total.result}[{at}] = {cast(f'{total.name}[{at}]', given, member.dtype)}")


class _Product(_Body):
    """A matrix product, and the maps that follow it."""

    def __init__(self, page: Page, step: ProductStep) -> None:
        super().__init__(page, step.form.epilogue, step)
        self.step = step
        self.sides = [
            page.memory(page.words.called(label), step.form.dtype, page.words.place(side[0]))
            for label, side in zip(step.sides, (step.left, step.right), strict=True)
        ]

    def write(self) -> None:
        """All of it."""
        step, page, shape = self.step, self.page, self.step.form.shape
        self.name_loops()
        is_dot, last = is_dot_of_rows(shape), len(self.loops) - 1
        tile = choose_tile(step.machine, shape)
        remark = "" if is_dot else f"tiles of {tile.rows} x {tile.columns} stay in registers"
        with ExitStack() as stack:
            for loop, name in enumerate(self.loops):
                if loop < last:
                    _enter(page, stack, name, self.extents[loop], remark="in chunks" * (loop >= last - 2))
                else:
                    _enter(page, stack, name, self.extents[loop], remark=remark)
            total = self._total(self.form.lanes if is_dot else 1)
            self._maps(total)

    def _total(self, lanes: int) -> str:
        """The sum of products, a block of the depth after the other."""
        page, depth, dtype = self.page, self.step.depth, self.step.form.dtype
        zero = print_scalar(identity(Reducer.SUM, dtype))
        total = page.fresh("sum")
        page.line(f"{total} : {dtype.short} = {zero}")
        is_blocked = lanes == 1 and not (isinstance(depth, int) and depth <= BLOCK_DEPTH)
        if not is_blocked:
            self._terms(total, "0", count(depth), lanes)
            return total
        block, part = page.fresh("block"), page.fresh("part")
        with page.loop(block, "0", count(depth), f" by {BLOCK_DEPTH}"):
            page.line(f"{part} : {dtype.short} = {zero}")
            self._terms(part, block, f"min({block} + {BLOCK_DEPTH}, {count(depth)})", 1)
            page.line(f"{total} += {part}")
        return total

    def _terms(self, total: str, first: str, stop: str, lanes: int) -> None:
        page, dtype, step = self.page, self.step.form.dtype, self.step
        k = None if step.depth == 1 else page.index()
        factors = [
            f"{name}[{affine((*strides, stride), (*self.loops, k))}]"
            for name, (_, strides, stride) in zip(self.sides, (step.left, step.right), strict=True)
        ]
        is_fused = dtype.is_float and step.machine.has_fma
        with ExitStack() as stack:
            if k is not None:
                remark = "neighbouring lanes are added" if lanes != 1 else ""
                stack.enter_context(page.loop(k, first, stop, vectors(lanes) if lanes != 1 else "", remark))
            if is_fused:
                page.line(f"{total} = fma({factors[0]}, {factors[1]}, {total})")
            else:
                page.line(f"{total} += {factors[0]} * {factors[1]}")

    def _maps(self, total: str) -> None:
        members = self.form.members
        self.page.line(f"{self.names[0]} : {members[0].dtype.short} = {total}")
        storing = [k for k, member in enumerate(members) if member.store is not None]
        for number in range(1, len(members)):
            self.define(number)
        for number in storing:
            slot = members[number].store
            assert slot is not None
            self.page.line(f"{self.written(slot)} = {self.names[number]}")
