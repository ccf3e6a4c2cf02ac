"""Why two values are not in one kernel, or not in one buffer, and which nodes keep them apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from compiler.ir.finding import image
from compiler.ir.node import Node
from compiler.pipeline.contract import Record
from compiler.schedule.finding import find
from compiler.schedule.plan import Place, Plan
from compiler.why.buffers import BufferCauses
from compiler.why.cause import Asking, Cause
from compiler.why.kernels import KernelCauses


@dataclass(frozen=True, slots=True)
class Apart:
    """Why two values, or kernels, are not computed together and do not share memory.

    `str` says it in words. Buffers are asked about where both are values.
    """

    titles: tuple[str, str]
    kernels: tuple[int | None, int | None]
    """Of each the kernel that computes it; None where none does."""
    in_one_kernel: bool
    kernel_causes: tuple[Cause, ...]
    """Empty where they are in one kernel."""
    places: tuple[Place | None, Place | None] | None
    """Where each lives, None for what stays in its kernel; None for kernels."""
    in_one_buffer: bool
    buffer_causes: tuple[Cause, ...]
    is_exact: bool
    """Whether every pass kept account of what became of what; else this is a guess."""

    def to_dict(self) -> dict[str, Any]:
        """The answer, with names and places as text."""
        shown = [None if place is None else str(place) for place in self.places or ()]
        return {
            "titles": list(self.titles),
            "kernels": list(self.kernels),
            "in_one_kernel": self.in_one_kernel,
            "kernel_causes": [item.to_dict() for item in self.kernel_causes],
            "places": None if self.places is None else shown,
            "in_one_buffer": self.in_one_buffer,
            "buffer_causes": [item.to_dict() for item in self.buffer_causes],
            "is_exact": self.is_exact,
        }

    def __str__(self) -> str:
        one, other = ("none" if number is None else str(number) for number in self.kernels)
        together = f"both in kernel {one}" if self.in_one_kernel else f"in two kernels, {one} and {other}"
        rows = [*self.titles, *([] if self.is_exact else ["  a guess: a pass kept no account"])]
        rows += [f"  {together}", *(f"    {cause}" for cause in self.kernel_causes)]
        if self.places is not None:
            left, right = ("in its kernel only" if place is None else str(place) for place in self.places)
            memory = (
                f"both in one buffer: {right}" if self.in_one_buffer else f"in two places: {left}; {right}"
            )
            rows += [f"  {memory}", *(f"    {cause}" for cause in self.buffer_causes)]
        return "\n".join(rows)

    __repr__ = __str__


def why_apart(one: Any, other: Any, plan: Plan, history: Sequence[Record]) -> Apart:
    """Why two values or kernels are apart; each is anything that `why` takes. Raises ArgumentError."""
    return _Pair(one, other, plan, history).answer()


class _Pair(Asking):
    """Two things that were asked about, in one program."""

    def __init__(self, one: Any, other: Any, plan: Plan, history: Sequence[Record]) -> None:
        super().__init__(plan, history)
        found = [find(self.schedule, what) for what in (one, other)]
        self.asked = [item if isinstance(item, Node) else None for item in found]
        self.images = [None if item is None else image(self.graph, item) for item in self.asked]
        self.kernels = [
            self.schedule.kernel_of.get(now) if now is not None else item if isinstance(item, int) else None
            for item, now in zip(found, self.images, strict=True)
        ]
        self.titles = [
            self.names.describe(item) if isinstance(item, Node) else f"kernel {item}" for item in found
        ]

    def answer(self) -> Apart:
        """Both questions."""
        first, second = self.kernels
        in_one_kernel = first is not None and first == second
        is_value = all(item is not None for item in self.asked)
        left, right = self.images
        shared, causes = self._buffers(left, right) if is_value else (False, [])
        exact = all(record.is_exact for record in self.history)
        return Apart(
            titles=(self.titles[0], self.titles[1]),
            kernels=(first, second),
            in_one_kernel=in_one_kernel,
            kernel_causes=() if in_one_kernel else tuple(self._kernels()),
            places=(self._place(left), self._place(right)) if is_value else None,
            in_one_buffer=shared,
            buffer_causes=tuple(causes),
            is_exact=exact or all(a is b for a, b in zip(self.asked, self.images, strict=True)),
        )

    def _kernels(self) -> list[Cause]:
        first, second = self.kernels
        if first is not None and second is not None:
            return KernelCauses(self.plan, self.history).of(first, second)
        found: list[Cause] = []
        for asked, now, kernel in zip(self.asked, self.images, self.kernels, strict=True):
            if kernel is None and asked is not None:
                given = "" if now is None else f"it is given, as {now.op.name}, and no kernel computes it"
                found.append(self.gone(asked) if now is None else self.cause("graph", given, [now]))
        return found

    def _buffers(self, left: Node | None, right: Node | None) -> tuple[bool, list[Cause]]:
        if left is not None and right is not None:
            return BufferCauses(self.plan, self.history).of(left, right)
        pairs = zip(self.asked, self.images, strict=True)
        return False, [self.gone(asked) for asked, now in pairs if now is None and asked is not None]

    def _place(self, node: Node | None) -> Place | None:
        return None if node is None else self.plan.places.get(node)
