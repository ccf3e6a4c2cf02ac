"""What the texts of nests and of products have in common: slots, members, the present turn of the loops."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.backends.llvm.forms import Form, FromIndex, FromMember, FromSize, FromSlot, Member, Source
from compiler.backends.llvm.nests import NestStep
from compiler.backends.llvm.products import ProductStep
from compiler.backends.llvm.wording import Page, affine, count
from compiler.ir.dims import Extent
from compiler.ir.formula.printing import HIGHEST, Piece
from compiler.ir.formula.tape import Const
from compiler.ir.types import DType


class Body:
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
