"""Measures what the model of a sweep needs, by runs of a few epochs on all workers at a time.

They are runs as those of the sweep: of its data, batches, evaluation and callbacks. Nothing of them is kept
but what workers have compiled, which the sweep finds there.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean
from typing import Any, Final

from compiler.errors import ClusterError
from tinytorch.cluster.advice.measuring import sharing
from tinytorch.cluster.advice.waves import RunCost, Waves
from tinytorch.cluster.connection import Connection
from tinytorch.cluster.sweeping.adaptive import Adaptive
from tinytorch.cluster.sweeping.data import held_apart
from tinytorch.cluster.sweeping.driving import Driver
from tinytorch.cluster.sweeping.halving import Halving
from tinytorch.cluster.sweeping.space import Random, key_of, points
from tinytorch.cluster.sweeping.sweep import Plan, check_run, orders_of
from tinytorch.cluster.sweeping.task import split

PROBES: Final = 4
"""Structures that are tried, evenly chosen among all in their order."""

_SPAN: Final = 0.3
"""Seconds of the epochs of a try, as far as the sweep has so many: at least two."""

_WAVES: Final = 3
"""Runs of each slot by which it is found what a run costs outside its worker."""

Order = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Wave:
    """Runs of one structure on all slots, in seconds of each."""

    lasted: float
    """On its worker."""
    outside: float
    """What it kept its slot waiting for."""
    epoch: float
    """One of its epochs, by its history."""


def probed(connection: Connection, make_run: Any, space: Any, data: Any, plan: Plan) -> Waves:
    """The model of a sweep, from tries on the workers there are. Raises what the sweep raises.

    Raises ClusterError where a try fails, with its traceback.
    """
    check_run(make_run, plan)
    orders = orders_of(plan, _points(space))
    begin = time.perf_counter()
    rows = held_apart(data, plan.validation, plan.folds, plan.seed)
    driver = Driver(connection, make_run, rows, plan.settings, 0, plan.deadline, lambda _: None)
    try:
        driver.begin(listens=False)
        driver.place()
        preparing = time.perf_counter() - begin
        return _measured(driver, make_run, orders, plan, space, preparing)
    finally:
        driver.end()


def _measured(
    driver: Driver, make_run: Any, orders: list[Order], plan: Plan, space: Any, preparing: float
) -> Waves:
    keys = [_structure(make_run, order) for order in orders]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    structures = [numbers[key] for key in keys]
    present = sum(driver.connection.slots().values())
    count = min(PROBES, len(numbers))
    chosen = [round(k * (len(numbers) - 1) / max(1, count - 1)) for k in range(count)]
    costs: list[RunCost] = []
    outside: list[float] = []
    for number in chosen:
        order = orders[structures.index(number)]
        fresh = _wave(driver, order, 1, present)
        again = _wave(driver, order, 1, present if costs else _WAVES * present)
        outside = outside or [again.outside]
        costs.append(_cost(fresh, again, partial(_wave, driver, order, count=present), plan.epochs))
    # The first one on a worker that has just begun loads libraries, too.
    further = fmean(cost.compiling for cost in costs[1:] or costs)
    every = tuple(
        costs[near] if chosen[near] == number else replace(costs[near], compiling=further)
        for number in range(len(numbers))
        for near in [min(range(count), key=lambda place: abs(chosen[place] - number))]
    )
    runs = [(structure, order["epochs"]) for structure, order in zip(structures, orders, strict=True)]
    stages = _stages(runs, plan, space)
    crowd = sharing(driver.connection, present)
    return Waves(preparing, outside[0], every, stages, len(runs), present, frozenset(chosen), crowd)


def _points(space: Any) -> list[dict[str, Any]]:
    """The runs of a space; of an adaptive search, draws that stand for those that it will choose."""
    if isinstance(space, Adaptive):
        return Random(space.space, space.count, space.seed).draws()
    return points(space)


def _structure(make_run: Any, order: Order) -> str:
    """What runs of one structure share: the arguments of `make_run` without the seed, and the batch."""
    given, rest = split(make_run, order)
    batch = {"batch_size": rest["batch_size"]} if "batch_size" in rest else {}
    return key_of({name: value for name, value in (given | batch).items() if name != "seed"}, None)


def _wave(driver: Driver, order: Order, epochs: int, count: int) -> _Wave:
    """The same run so many times. Raises ClusterError where it fails."""
    asked = {**order, "epochs": epochs}
    slots = sum(driver.connection.slots().values())
    begin = time.perf_counter()
    answers = [answer for _, answer in driver.run([asked] * count)]
    lasted = time.perf_counter() - begin
    for answer in answers:
        failure: Mapping[str, str] | None = answer["failure"]
        if failure is not None:
            raise ClusterError(
                f"a try of the run with {order['hyperparameters']} failed: {failure['kind']}: "
                f"{failure['message']}\n{failure['traceback']}"
            )
    seconds = fmean(answer["seconds"] for answer in answers)
    epoch = fmean(row["seconds"] for answer in answers for row in answer["history"]["rows"])
    return _Wave(seconds, max(0.0, lasted * slots / count - seconds), epoch)


def _cost(fresh: _Wave, again: _Wave, longer: Callable[[int], _Wave], epochs: int) -> RunCost:
    """What is told by a run that compiles, one that does not, and one of more epochs, if there are more."""
    count = min(epochs, max(2, math.ceil(_SPAN / again.epoch)))
    epoch = again.epoch
    if count > 1:
        epoch = max(0.0, longer(count).lasted - again.lasted) / (count - 1)
    return RunCost(max(0.0, again.lasted - epoch), max(0.0, fresh.lasted - again.lasted), epoch)


def _stages(
    runs: Sequence[tuple[int, int]], plan: Plan, space: Any
) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Rungs, groups of an adaptive search, or all runs at once."""
    if isinstance(space, Adaptive):
        size = space.at_once * (plan.folds or 1)
        return tuple(tuple(runs[place : place + size]) for place in range(0, len(runs), size))
    if plan.halving is None:
        return (tuple(runs),)
    return _rungs(runs, plan.halving, plan.epochs)


def _rungs(
    runs: Sequence[tuple[int, int]], halving: Halving, epochs: int
) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Those that go on are taken evenly, for nobody knows which they are."""
    found: list[tuple[tuple[int, int], ...]] = []
    alive, reached = [structure for structure, _ in runs], 0
    for end, count in halving.rungs(len(alive), epochs):
        found.append(tuple((structure, end - reached) for structure in alive))
        alive, reached = [alive[place * len(alive) // count] for place in range(count)], end
    return tuple(found)
