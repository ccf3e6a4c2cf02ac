"""The `numpy` backend. Loads what writes its programs when a program is first built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.schedule.plan import Plan
from compiler.schedule.target import Target

if TYPE_CHECKING:
    from compiler.backends.numpy.program import Observer, PlannedProgram


class NumPy:
    """The backend that is always there."""

    name = "numpy"
    target = Target(fuses=True, fuses_searches=True, reads_windows=True, writes_in_place=True)

    def build(self, plan: Plan) -> PlannedProgram:
        """Nothing is generated before the first call, which gives the sizes."""
        from compiler.backends.numpy.program import PlannedProgram

        return PlannedProgram(plan)

    def build_observed(self, plan: Plan, observe: Observer) -> PlannedProgram:
        """For debug mode: `observe` sees every kernel's results, and what dies is filled with NaN."""
        from compiler.backends.numpy.program import PlannedProgram

        return PlannedProgram(plan, observe)
