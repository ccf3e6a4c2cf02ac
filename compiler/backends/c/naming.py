"""C's names for values and memory: the user's where there are any, and no two alike in open blocks."""

from __future__ import annotations

import re
from collections import ChainMap
from functools import cache
from pathlib import Path
from typing import Final

from compiler.ir.printing import loop_name

HEADER: Final = Path(__file__).parent / "kernels.h"
"""The words in which kernels are written."""

_KEYWORDS: Final = (
    "asm auto break case char const continue default do double else enum extern float for goto if inline int "
    "long register restrict return short signed sizeof static struct switch typedef typeof union unsigned "
    "void volatile while numbers chunk"
)


_TYPED: Final = re.compile(r"(^|_)[fiu](8|16|32|64)(x\d+)?$")
"""What types and helpers end in."""


@cache
def reserved() -> frozenset[str]:
    """What C has a meaning for, or the header as a macro."""
    macros = re.findall(r"#define (\w+)", HEADER.read_text(encoding="utf-8"))
    return frozenset([*_KEYWORDS.split(), *macros])


class Names:
    """Names that are taken in the open blocks, the innermost last."""

    def __init__(self) -> None:
        self.taken: list[set[str]] = [set()]
        self.numbers: ChainMap[str, int] = ChainMap()
        """By stem, the number below which no name is free while its block is open."""

    def open(self) -> None:
        """A block begins."""
        self.taken.append(set())
        self.numbers = self.numbers.new_child()

    def close(self) -> None:
        """A block ends, and its names are free again."""
        self.taken.pop()
        self.numbers = self.numbers.parents

    def user(self, name: str) -> str:
        """A name of the user's as C can have it, with a number where it is taken."""
        plain = re.sub(r"\W", "_", name.lstrip("%"), flags=re.ASCII) or "_"
        plain = f"v{plain}" if plain[0].isdigit() else plain
        if plain in reserved() or _TYPED.search(plain):
            plain += "_"
        found, number = plain, 2
        while not self._take(found):
            found, number = f"{plain}_{number}", number + 1
        return found

    def fresh(self, stem: str) -> str:
        """`t0`, or without a stem `i`, `j`: the first that is free."""
        number = self.numbers.get(stem, 0)
        while not self._take(name := f"{stem}{number}" if stem else loop_name(number)):
            number += 1
        self.numbers[stem] = number + 1
        return name

    def _take(self, name: str) -> bool:
        if any(name in block for block in self.taken):
            return False
        self.taken[-1].add(name)
        return True
