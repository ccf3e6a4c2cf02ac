"""A backend against the oracle."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.backends.contract import Backend
from compiler.pipeline.contract import Pass
from tinytorch.api import default_passes
from tinytorch.builtin import find_backend
from tinytorch.testing.comparing import check_program
from tinytorch.testing.programs import PROGRAMS, chosen


def check_backend(backend: Backend | str, *, names: Sequence[str] | None = None) -> None:
    """Runs the test programs (all, or those named) on a backend, with no passes and with the default ones.

    Outputs and parameters are compared with the `reference` backend's: float64 within 1e-12 and float32
    within 1e-5 of the largest magnitude that the program computes (float16, whose roundings may part, within
    4e-3), bools and integers exactly, NaN and infinities in the same places. Each program is called twice,
    and what the first call returned must not change. Raises CheckFailed.
    """
    found = find_backend(backend)
    settings: list[tuple[str, tuple[Pass, ...]]] = [("no passes", ()), ("default passes", default_passes())]
    for name in chosen(names):
        for title, passes in settings:
            check_program(f"{found.name}, {title}, program {name!r}", PROGRAMS[name](), passes, found)
