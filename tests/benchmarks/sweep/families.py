"""All classes of workloads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from tests.benchmarks.sweep import (
    arithmetic,
    attending,
    composing,
    drawing,
    imaging,
    moving,
    networks,
    reducing,
    solving,
    sorting,
    storing,
)
from tests.benchmarks.sweep.workload import Sizes, Workload

FAMILIES: Final[dict[str, Callable[[Sizes], Iterator[Workload]]]] = {
    "products": arithmetic.products,
    "chains": arithmetic.chains,
    "reductions": reducing.reductions,
    "narrow": reducing.narrow,
    "storage": storing.storage,
    "layout": moving.layout,
    "gathers": moving.gathers,
    "arguments": moving.arguments,
    "sorting": sorting.sorting,
    "images": imaging.images,
    "composites": composing.composites,
    "sequences": attending.sequences,
    "linear algebra": solving.solving,
    "draws": drawing.draws,
    "training": networks.training,
    "inference": networks.inference,
    "compiling": networks.compiling,
}


def workloads(seed: int = 0) -> list[Workload]:
    """All, in the order of their classes; the same for the same seed, in each process."""
    return [each for made in FAMILIES.values() for each in made(Sizes(seed))]
