"""Forms as readable loop nests: what a kernel does, in the order in which it does it."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.backends.llvm.forms import Form, FromIndex, FromMember, FromSize, FromSlot, Member, Source
from compiler.backends.llvm.stages import Stages, stages_of
from compiler.ir.dims import Extent
from compiler.ir.formula.tape import Const, Ref


def nest_text(form: Form, extents: Sequence[Extent], names: Sequence[str]) -> str:
    """The nest with its extents; `names` are those of the members."""
    return _Writer(form, extents, names).write()


class _Writer:
    """Lines at an indent."""

    def __init__(self, form: Form, extents: Sequence[Extent], names: Sequence[str]) -> None:
        self.form, self.extents, self.names = form, extents, names
        self.stages: Stages = stages_of(form)
        self.lines: list[str] = []
        self.indent = 0

    def write(self) -> str:
        """All of it."""
        form = self.form
        for loop in range(form.outer):
            self._loop(loop)
        if self.stages.strip:
            self._line(f"for each strip of {self.stages.strip} of i{form.vector}:")
            self.indent += 1
        for number in range(self.stages.passes):
            self._rows(number)
            self._pass(number)
        self._rows(self.stages.passes)
        return "".join(line + "\n" for line in self.lines)

    def _line(self, text: str) -> None:
        self.lines.append("    " * self.indent + text)

    def _loop(self, loop: int) -> None:
        by = f" by {self.form.lanes}" if loop == self.form.vector else ""
        chunked = "  # in chunks" if loop == 0 else ""
        self._line(f"for i{loop} in 0 .. {self.extents[loop]}{by}:{chunked}")
        self.indent += 1

    def _rows(self, number: int) -> None:
        for place, member in enumerate(self.form.members):
            if member.is_row and self.stages.at[place] == number:
                self._member(place, member)

    def _pass(self, number: int) -> None:
        form, before = self.form, self.indent
        for loop in range(form.outer, form.loops):
            self._loop(loop)
        for place, member in enumerate(form.members):
            if not member.is_row and self.stages.at[place] == number:
                self._member(place, member)
        for place, when in self.stages.stores.items():
            if when == number and self.stages.at[place] != number:
                self._line(f"{self._slot(form.members[place].store)} = {self.names[place]}")
        self.indent = before

    def _member(self, place: int, member: Member) -> None:
        values: list[str] = [self._source(item) for item in member.sources]
        for typed in member.lines:
            arguments = ", ".join(self._ref(ref, values) for ref in typed.line.arguments)
            values.append(f"{typed.line.atom}({arguments})")
        value, name = self._ref(member.result, values), self.names[place]
        if not member.is_map:
            self._line(f"{name} = {member.reducer.value}({name}, {value})  # {member.accumulator}")
            return
        is_stored = member.store is not None and self.stages.stores.get(place, 0) == self.stages.at[place]
        target = f"{self._slot(member.store)} = " if is_stored else ""
        kept = "  # kept for later passes" if place in self.stages.kept else ""
        self._line(f"{target}{name} = {value}{kept}")

    def _ref(self, ref: Ref, values: Sequence[str]) -> str:
        return values[ref] if isinstance(ref, int) else str(ref)

    def _source(self, source: Source) -> str:
        match source:
            case FromSlot():
                return self._slot(source.slot)
            case FromMember():
                return self.names[source.member]
            case FromIndex():
                return f"i{source.loop}"
            case FromSize():
                return f"n{source.number}"
            case Const():
                return str(source)

    def _slot(self, slot: int | None) -> str:
        assert slot is not None
        moving = {*self.form.slots[slot].loops}
        if self.form.slots[slot].step.value != "zero":
            moving.add(self.form.vector)
        return f"p{slot}[{', '.join(f'i{loop}' for loop in sorted(moving))}]"
