"""Schedules: factors of a learning rate as formulas of the number of steps taken.

    lr=0.1 * schedules.cosine(1000, warmup=50)

An optimiser asks with its own count, which is part of its state, so nothing is called beside a step. A
schedule is 1 where it is at its largest, unless it says otherwise; products and sums with numbers and with
other schedules are schedules. `every` makes one of epochs: `0.1 * schedules.step(30).every(batches)`. Any
function of a float64 tensor will do as well: `lr=lambda step: 0.1 * 0.99**step`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

from compiler.errors import ArgumentError
from tinytorch.axes import counted
from tinytorch.guards import guard, missing_from
from tinytorch.ops.elementwise import clip as held
from tinytorch.ops.elementwise import cos, floor, minimum, sqrt, where
from tinytorch.tensor import Tensor, as_tensor
from tinytorch.values import checked_number

__all__ = [
    "Schedule", "constant", "step", "multi_step", "exponential", "linear", "warmup", "polynomial", "cosine",
    "inverse_sqrt", "one_cycle", "sequential",
]  # fmt: skip


class Schedule:
    """A function of the number of steps taken, 0 at the first: a tensor (any shape) or number to a tensor."""

    def __init__(self, function: Callable[[Tensor], Any], text: str) -> None:
        self._function = function
        self._text = text

    def __call__(self, step: Any) -> Tensor:
        """The factor after so many steps, float64."""
        return as_tensor(self._function(as_tensor(step).astype("float64"))).astype("float64")

    def every(self, count: int) -> Schedule:
        """The same with a step at every `count` steps, as of epochs of so many batches."""
        if counted("count", count) < 1:
            raise ArgumentError(f"a schedule advances at every so many steps, not {count}")
        return Schedule(partial(_every, self, count), f"{self}.every({count})")

    def __mul__(self, other: Any) -> Schedule:
        return Schedule(partial(_product, self, other), f"{other} * {self}")

    def __add__(self, other: Any) -> Schedule:
        return Schedule(partial(_sum, self, other), f"({other} + {self})")

    __rmul__, __radd__ = __mul__, __add__

    def __repr__(self) -> str:
        return self._text


def constant(factor: float = 1.0, steps: int | None = None) -> Schedule:
    """A factor, for so many steps if these are given, after which it is 1 (ConstantLR)."""
    number, count = checked_number("factor", factor), None if steps is None else _count("steps", steps)
    return Schedule(partial(_constant, number, count), f"constant({factor}, {steps})")


def step(size: int, gamma: float = 0.1) -> Schedule:
    """`gamma` once more after every `size` steps (StepLR)."""
    return Schedule(
        partial(_step, _count("size", size), checked_number("gamma", gamma)), f"step({size}, {gamma})"
    )


def multi_step(milestones: Sequence[int], gamma: float = 0.1) -> Schedule:
    """`gamma` once more from each milestone on (MultiStepLR)."""
    places = tuple(counted("a milestone", item) for item in milestones)
    return Schedule(
        partial(_multi_step, places, checked_number("gamma", gamma)), f"multi_step({list(places)}, {gamma})"
    )


def exponential(gamma: float) -> Schedule:
    """`gamma` once more at every step (ExponentialLR)."""
    return Schedule(partial(_exponential, checked_number("gamma", gamma)), f"exponential({gamma})")


def linear(start: float = 1 / 3, end: float = 1.0, steps: int = 5) -> Schedule:
    """On a line from `start` to `end`, which is reached after `steps` and stays (LinearLR)."""
    ends = checked_number("start", start), checked_number("end", end)
    return Schedule(partial(_linear, *ends, _count("steps", steps)), f"linear({start}, {end}, {steps})")


def warmup(steps: int) -> Schedule:
    """On a line up to 1, which the last of `steps` has; the first has `1 / steps`, so that none is wasted."""
    return Schedule(partial(_warmup, _count("steps", steps)), f"warmup({steps})")


def polynomial(steps: int = 5, power: float = 1.0) -> Schedule:
    """`(1 - step / steps) ** power`, 0 from there on (PolynomialLR)."""
    return Schedule(
        partial(_polynomial, _count("steps", steps), checked_number("power", power)),
        f"polynomial({steps}, {power})",
    )


def cosine(steps: int, warmup: int = 0, minimum: float = 0.0) -> Schedule:
    """Half a cosine from 1 to `minimum`, where it stays from `steps` on (Loshchilov and Hutter, 2017).

    The first `warmup` of the steps are those of `warmup`. PyTorch's CosineAnnealingLR goes up again after
    its `T_max` steps; its `eta_min` is a learning rate: `eta_min + (lr - eta_min) * cosine(T_max)`.
    """
    count, rising = _count("steps", steps), counted("warmup", warmup)
    if not 0 <= rising < count:
        raise ArgumentError(f"a warm-up is shorter than the schedule: {rising} of {count} steps")
    least = checked_number("minimum", minimum)
    return Schedule(partial(_cosine, count, rising, least), f"cosine({steps}, {warmup}, {minimum})")


def inverse_sqrt(warmup: int) -> Schedule:
    """The line of `warmup`, then `sqrt(warmup / step)`, 1 where they meet (Vaswani et al., 2017)."""
    return Schedule(partial(_inverse_sqrt, _count("warmup", warmup)), f"inverse_sqrt({warmup})")


def one_cycle(
    steps: int,
    pct_start: float = 0.3,
    anneal_strategy: Literal["cos", "linear"] = "cos",
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    three_phase: bool = False,
) -> Schedule:
    """Up from `1 / div_factor` to 1 and down to nearly nothing (Smith and Topin, 2018; OneCycleLR).

    A factor of PyTorch's `max_lr`, and with its settings. Momenta do not change: `cycle_momentum=False`.
    """
    total, share = _count("steps", steps), checked_number("pct_start", pct_start)
    if not 0 <= share <= 1:
        raise ArgumentError(f"pct_start lies in [0, 1]: {share}")
    if anneal_strategy not in ("cos", "linear"):
        raise ArgumentError(f"anneal_strategy is 'cos' or 'linear', not {anneal_strategy!r}")
    first = 1 / checked_number("div_factor", div_factor)
    last = first / checked_number("final_div_factor", final_div_factor)
    rise = share * total - 1
    phases = [(rise, first, 1.0), (total - 1.0, 1.0, last)]
    if three_phase:
        phases = [(rise, first, 1.0), (2 * rise, 1.0, first), (total - 1.0, first, last)]
    return Schedule(
        partial(_one_cycle, tuple(phases), anneal_strategy == "cos"), f"one_cycle({steps}, {pct_start})"
    )


def sequential(schedules: Sequence[Callable[[Tensor], Any]], milestones: Sequence[int]) -> Schedule:
    """One schedule after the other, each from its milestone on, where its own count begins (SequentialLR)."""
    places = tuple(counted("a milestone", item) for item in milestones)
    if len(places) != len(schedules) - 1:
        raise ArgumentError(
            f"{len(schedules)} schedules have {len(schedules) - 1} milestones between them, not {len(places)}"
        )
    return Schedule(
        partial(_sequential, tuple(schedules), places), f"sequential({list(schedules)}, {list(places)})"
    )


# Functions with names, so that an optimiser pickles.


def _every(schedule: Schedule, count: int, t: Tensor) -> Any:
    return schedule(floor(t / count))


def _product(schedule: Schedule, other: Any, t: Tensor) -> Any:
    return schedule(t) * _of(other, t)


def _sum(schedule: Schedule, other: Any, t: Tensor) -> Any:
    return schedule(t) + _of(other, t)


def _of(other: Any, t: Tensor) -> Any:
    return cast("Callable[[Tensor], Any]", other)(t) if callable(other) else other


def _constant(factor: float, steps: int | None, t: Tensor) -> Any:
    always = t * 0 + factor
    return always if steps is None else where(t < steps, always, 1.0)


def _step(size: int, gamma: float, t: Tensor) -> Any:
    return gamma ** floor(t / size)


def _multi_step(milestones: tuple[int, ...], gamma: float, t: Tensor) -> Any:
    passed = t * 0
    for place in milestones:
        passed = passed + where(t >= place, 1, 0)
    return gamma**passed


def _exponential(gamma: float, t: Tensor) -> Any:
    return gamma**t


def _linear(start: float, end: float, steps: int, t: Tensor) -> Any:
    return start + (end - start) * (minimum(t, steps) / steps)


def _warmup(steps: int, t: Tensor) -> Any:
    return minimum((t + 1) / steps, 1)


def _polynomial(steps: int, power: float, t: Tensor) -> Any:
    return (1 - minimum(t, steps) / steps) ** power


def _cosine(steps: int, rising: int, least: float, t: Tensor) -> Any:
    falling = least + (1 - least) * _half_cosine(held((t - rising) / (steps - rising), 0, 1))
    return falling * _warmup(rising, t) if rising else falling


def _half_cosine(done: Tensor) -> Any:
    """From 1 to 0."""
    return (1 + cos(math.pi * done)) / 2


def _inverse_sqrt(rising: int, t: Tensor) -> Any:
    return minimum((t + 1) / rising, sqrt(rising / (t + 1)))


def _one_cycle(phases: tuple[tuple[float, float, float], ...], is_cosine: bool, t: Tensor) -> Any:
    begins = [0.0, *(end for end, _, _ in phases[:-1])]
    value: Any = None
    for begin, (end, first, last) in reversed(list(zip(begins, phases, strict=True))):
        done = held((t - begin) / (end - begin), 0, 1)
        found = last + (first - last) * (_half_cosine(done) if is_cosine else 1 - done)
        value = found if value is None else where(t <= end, found, value)
    return value


def _sequential(
    schedules: tuple[Callable[[Tensor], Any], ...], milestones: tuple[int, ...], t: Tensor
) -> Any:
    value = schedules[0](t)
    for schedule, place in zip(schedules[1:], milestones, strict=True):
        value = where(t >= place, schedule(t - place), value)
    return value


def _count(what: str, value: Any) -> int:
    found = counted(what, value)
    if found < 1:
        raise ArgumentError(f"{what} is at least 1, not {found}")
    return found


guard(__name__)

if not TYPE_CHECKING:
    __getattr__ = missing_from(__name__)
