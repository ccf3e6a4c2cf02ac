"""The text of a kernel of maps and reductions."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from compiler.backends.llvm.describe_members import Body
from compiler.backends.llvm.forms import FromMember
from compiler.backends.llvm.nests import NestStep, Sum
from compiler.backends.llvm.stages import Stages, stages_of
from compiler.backends.llvm.sums import identity
from compiler.backends.llvm.wording import Page, affine, cast, count, vectors
from compiler.ir.dims import Extent, product
from compiler.ir.formula.printing import print_scalar
from compiler.ir.op import Reducer
from compiler.ir.types import INT64


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


class NestText(Body):
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
        has_search = any(member.reducer.is_search for member in self.form.members)
        return self.form.outer > 0 or not (self.form.has_rows or has_search)

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
        if member.reducer.is_search:
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
        elif member.reducer.is_search:
            self._fold_search(number, target, value)
        else:
            atom = "minimum" if member.reducer.prefers_less else "maximum"
            page.line(f"{target} = {atom}({target}, {value})")

    def _fold_search(self, number: int, target: str, value: str) -> None:
        """The first of the largest or smallest; NaN is beyond every number."""
        page, dtype, best = self.page, self.form.members[number].accumulator, self.best[number]
        item, wins = page.fresh("item"), page.fresh("wins")
        page.line(f"{item} : {dtype.short} = {value}")
        sign = "<" if self.form.members[number].reducer.prefers_less else ">"
        more = f"({item} {sign} {best})" + (f" | isnan({item}) & ~isnan({best})" if dtype.is_float else "")
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
        given = INT64 if member.reducer.is_search else member.accumulator
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
                self.page.enter(stack, self.loops[loop], self.extents[loop])
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
        given = INT64 if member.reducer.is_search else member.accumulator
        if total.is_variable:
            page.line(f"{total.result}[0] = {cast(total.name, given, member.dtype)}")
        elif total.result:
            size = self.sums[number].size
            every = None if size == 1 else page.index()
            at = every or "0"
            with ExitStack() as stack:
                page.enter(stack, every, size)
                page.line(f"{total.result}[{at}] = {cast(f'{total.name}[{at}]', given, member.dtype)}")
