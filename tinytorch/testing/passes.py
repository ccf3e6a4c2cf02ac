"""A pass against the oracle."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.pipeline.contract import Pass, RewritingPass
from passes import REWRITES, SCHEDULING
from tinytorch.builtin import find_pass
from tinytorch.testing.comparing import check_program
from tinytorch.testing.programs import PROGRAMS, chosen


def check_pass(item: Pass | str, *, names: Sequence[str] | None = None) -> None:
    """Runs the test programs with a pass alone, twice, and before and after the default ones.

    `names` are those of the programs to run, all unless said. After each pass the laws of graphs and
    schedules are verified and the memory plan is proved; the results are compared with the oracle's, as in
    `check_backend`. Raises CheckFailed, LawError or PassError, which name the program.
    """
    found = find_pass(item)
    for name in chosen(names):
        for title, passes in _settings(found).items():
            check_program(f"pass {found.name} {title}, program {name!r}", PROGRAMS[name](), passes, "numpy")


def _settings(item: Pass) -> dict[str, tuple[Pass, ...]]:
    if isinstance(item, RewritingPass):
        return {
            "alone": (item,),
            "twice": (item, item),
            "first": (item, *REWRITES, *SCHEDULING),
            "last of the rewrites": (*REWRITES, item, *SCHEDULING),
        }
    return {
        "alone": (item,),
        "twice": (item, item),
        "first of the scheduling": (*REWRITES, item, *SCHEDULING),
        "last": (*REWRITES, *SCHEDULING, item),
    }
