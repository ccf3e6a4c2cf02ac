"""The text of a matrix product and of the maps that follow it."""

from __future__ import annotations

from contextlib import ExitStack

from compiler.backends.llvm.describe_members import Body
from compiler.backends.llvm.matrices import BLOCK_DEPTH, choose_tile, is_dot_of_rows
from compiler.backends.llvm.products import ProductStep
from compiler.backends.llvm.sums import identity
from compiler.backends.llvm.wording import Page, affine, count, vectors
from compiler.ir.formula.printing import print_scalar
from compiler.ir.op import Reducer


class ProductText(Body):
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
                    page.enter(stack, name, self.extents[loop], remark="in chunks" * (loop >= last - 2))
                else:
                    page.enter(stack, name, self.extents[loop], remark=remark)
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
