"""Proves that a schedule and a plan are right, by running them on names instead of numbers.

`prove_schedule` follows which value every buffer holds from kernel to kernel; `prove_plan` does so for the
bytes of the slab, the outputs, the parameters and the inputs. A read finds the value that it should find,
or the proof fails with a sentence. Both hold for every value of the symbols, and take n log n steps for n
kernels.

The proof shares no code with what makes marks and plans: views and accesses are analysed again (`accesses`),
and what a plan says of lifetimes is not believed but checked.
"""

from __future__ import annotations

from compiler.errors import LawError
from compiler.schedule.plan import Plan
from compiler.schedule.proof.plans import PlanProof
from compiler.schedule.proof.schedules import ScheduleProof
from compiler.schedule.schedule import Schedule


def prove_schedule(schedule: Schedule, maker: str = "") -> None:
    """Raises LawError where a kernel runs too early, or a result is written over what is still needed."""
    with _Blame(maker):
        ScheduleProof(schedule).run()


def prove_plan(plan: Plan, maker: str = "") -> None:
    """Raises LawError where a value of a plan is not where, or not when, it is read."""
    with _Blame(maker):
        PlanProof(plan).run()


class _Blame:
    """Says in a LawError who is to blame."""

    def __init__(self, maker: str) -> None:
        self.maker = maker

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, LawError) and self.maker:
            raise LawError(f"{self.maker} broke a law: {error}") from None
