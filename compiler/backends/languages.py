"""The languages in which kernels are shown. Each is loaded when somebody first asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from compiler.errors import ArgumentError

if TYPE_CHECKING:
    from compiler.loops.shown import Speaking

LANGUAGES: Final = ("loops", "c")
"""The loop language, and GNU C."""


def speaking(name: str) -> Speaking:
    """A language by its name. Raises ArgumentError with the names there are."""
    if name == "loops":
        from compiler.loops.shown import Loops

        return Loops
    if name == "c":
        from compiler.backends.c.showing import InC

        return InC
    known = ", ".join(map(repr, LANGUAGES))
    raise ArgumentError(f"kernels are not shown in {name!r}\n  fix: give one of {known} as language")
