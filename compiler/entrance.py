"""The ways into a program: one for dense arguments, and one for each way in which others were found to lie.

The first takes what it can as it is, and hands everything else to the next one; the last is the checked way,
which converts, copies and raises. A layout has a way of its own from the second time on that it is met.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, TypeAlias, cast

import numpy as np

from compiler.backends.contract import Adaptable, Door, Enterable, Executable, Laid, Layout, stride_symbol
from compiler.ir.node import Node
from compiler.loops.places import KNOWN_STRIDES

Array: TypeAlias = np.ndarray[Any, Any]
Layouts: TypeAlias = tuple[tuple[int, Layout], ...]
"""The layouts of some arguments, by place."""

MOST: Final = 8
"""Layouts of arguments that have a way in of their own."""


class Lying(NamedTuple):
    """Arguments that are not all dense, and the executable that takes them as they lie."""

    executable: Laid
    arrays: Sequence[Array]
    strides: Mapping[str, int]


class Entrance:
    """The ways into a program. `checked` is the last; whichever is the first is told to `announce`."""

    def __init__(
        self,
        executable: Executable,
        door: Door,
        checked: Callable[..., Any],
        announce: Callable[[Callable[..., Any]], None],
    ) -> None:
        self.executable, self.door, self.checked, self.announce = executable, door, checked, announce
        self._adaptable = executable if isinstance(executable, Adaptable) else None
        self._met: Counter[Layouts] = Counter()
        self._laid: dict[Layouts, Laid] = {}
        self._guard = threading.Lock()
        announce(self._chain())

    @property
    def is_adaptable(self) -> bool:
        """Whether arguments may be read as they lie."""
        return self._adaptable is not None

    def _chain(self) -> Callable[..., Any]:
        enter = self.checked
        for layouts, executable in reversed(self._laid.items()):
            enter = executable.entry(replace(self.door, layouts=dict(layouts)), enter)
        if isinstance(self.executable, Enterable) and self.door.outputs:
            enter = self.executable.entry(self.door, enter)
        return enter

    def lying(self, given: Sequence[Any]) -> Lying | None:
        """Arguments in order as they lie; None where they are dense, or something must be converted."""
        if self._adaptable is None:
            return None
        layouts: dict[int, Layout] = {}
        for place, (node, value) in enumerate(zip(self.door.inputs, given, strict=True)):
            if not _is_readable(node, value):
                return None
            if not value.flags.c_contiguous:
                if node.name in self.door.donated:
                    return None
                layouts[place] = _layout(value)
        executable = self._executable(tuple(layouts.items())) if layouts else None
        if executable is None:
            return None
        strides = {name: n for place in layouts for name, n in _strides(place, given[place])}
        return Lying(executable, given, strides)

    def _executable(self, layouts: Layouts) -> Laid | None:
        """The executable for some layouts, which is made when they are met again."""
        with self._guard:
            found = self._laid.get(layouts)
            if found is not None:
                return found
            self._met[layouts] += 1
            if self._met[layouts] < 2 or len(self._laid) == MOST:
                return None
            made = None if self._adaptable is None else self._adaptable.laid_out(dict(layouts))
            if made is None:
                return None
            self._laid[layouts] = made
            self.announce(self._chain())
            return made


def _is_readable(node: Node, value: Any) -> bool:
    """Whether a value is an array of an input's type that may lie in any way of whole elements."""
    if type(value) is not np.ndarray:
        return False
    array = cast(Array, value)
    if array.dtype != node.type.dtype.numpy or array.ndim != node.type.rank or not array.flags.aligned:
        return False
    return not any(stride % array.itemsize for _, stride in _axes(array))


def _axes(array: Array) -> list[tuple[int, int]]:
    """The extent of each axis, and how many bytes neighbours are apart; 0 of an axis of one element."""
    pairs = zip(array.shape, array.strides, strict=True)
    return [(extent, 0 if extent == 1 else stride) for extent, stride in pairs]


def _layout(array: Array) -> Layout:
    steps = [stride // array.itemsize for _, stride in _axes(array)]
    return tuple(step if step in KNOWN_STRIDES else None for step in steps)


def _strides(place: int, array: Array) -> list[tuple[str, int]]:
    steps = [stride // array.itemsize for _, stride in _axes(array)]
    return [
        (stride_symbol(place, axis), step) for axis, step in enumerate(steps) if step not in KNOWN_STRIDES
    ]
