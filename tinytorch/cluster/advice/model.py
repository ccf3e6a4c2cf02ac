"""The model of a step on n workers: what the client sends and takes, and what workers compute meanwhile.

    p    seconds in which the client sends a worker its message: parameters, sums so far, places of rows
    g    seconds in which it takes the sums of one, and adds them up
    c    seconds in which the slowest worker computes
    l    seconds until an empty message is answered

The client talks to one worker after the other, so n of them wait for n messages. Where it can send and take
at the same time a stage lasts

    l + max(n p + c + g,  p + c + n g)

and where one thread does both, at least n (p + g) too. With c = C / n of a machine's C it is least where
n is about sqrt(C / max(p, g)): more workers than that cost more than they save.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias

from compiler.analysis.cost import Cost
from tinytorch.sharding.tree import shares

Seconds: TypeAlias = Callable[[int], float]
"""Of a number of rows."""

LARGEST: Final = 2**24
"""The largest batch at which many workers are asked to be faster than one machine."""


@dataclass(frozen=True, slots=True)
class Link:
    """A client's connection to its workers."""

    latency: float
    """Seconds until an empty message is answered."""
    bandwidth: float
    """Bytes a second, in one direction."""
    message: float = 0.0
    """Seconds that each message takes the client, however short it is."""
    is_duplex: bool = True
    """Whether it sends and takes at the same time."""

    def send(self, size: float) -> float:
        """Seconds in which the client sends a message, or takes one."""
        return self.message + size / self.bandwidth

    def strained(self, factor: float) -> Link:
        """A connection that takes so many times as long for everything."""
        return Link(self.latency * factor, self.bandwidth / factor, self.message * factor, self.is_duplex)

    def to_dict(self) -> dict[str, Any]:
        """The four of them."""
        return {
            "latency_seconds": self.latency, "bytes_a_second": self.bandwidth,
            "message_seconds": self.message, "is_duplex": self.is_duplex,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Work:
    """Seconds of a program for any number of rows: measured at two, and between and beyond by its cost."""

    cost: Cost
    symbol: str
    sizes: dict[str, int]
    few: tuple[int, float]
    many: tuple[int, float]

    def __call__(self, rows: int) -> float:
        """Seconds for so many rows."""
        (low, least), (high, most) = self.few, self.many
        span = self._work(high) - self._work(low)
        share = (self._work(rows) - self._work(low)) / span if span else 0.0
        return max(0.0, least + (most - least) * share)

    def _work(self, rows: int) -> float:
        work = self.cost.at(**{**self.sizes, self.symbol: rows}).work
        assert isinstance(work, int)
        return work


def stage_seconds(n: int, p: float, g: float, c: float, latency: float, is_duplex: bool) -> float:
    """How long a stage lasts in which a client sends n messages of p and takes n of g seconds."""
    longest = latency + max(n * p + c + g, p + c + n * g)
    return longest if is_duplex else max(longest, n * (p + g))


def alike(workers: int) -> float:
    """Every worker has a machine of its own."""
    return 1.0


@dataclass(frozen=True, slots=True)
class Sharing:
    """Workers that share the processors of one machine: more than it has are not faster together."""

    processors: int
    threads: int
    """Those of each worker."""
    present: int
    """How many were measured."""

    def __call__(self, workers: int) -> float:
        """How many times as long a worker takes."""
        return self._load(workers) / self._load(self.present)

    def _load(self, workers: int) -> float:
        return max(1.0, workers * self.threads / self.processors)


@dataclass(frozen=True, slots=True)
class Between:
    """A factor that was measured for one worker and for `present` of them, linear between.

    For more it is that of all, as many times as `beyond` says.
    """

    present: int
    one: float
    all: float
    beyond: Callable[[int], float] = alike

    def __call__(self, workers: int) -> float:
        """The factor of so many."""
        if workers >= self.present:
            return self.all * self.beyond(workers)
        return self.one + (self.all - self.one) * (workers - 1) / (self.present - 1)


@dataclass(frozen=True, slots=True)
class Model:
    """What is known of a step, from which its time follows for any batch and any number of workers."""

    link: Link
    shards: int
    sent: int
    """Bytes of the parameters that each worker is sent."""
    returned: tuple[int, ...]
    """Bytes of the sums of each stage."""
    row: float
    """Bytes that the client sends for each row: its place, or what it is."""
    alone: Seconds
    """A step in one process."""
    shard: Seconds
    """All stages over the rows of one shard, on a worker that is alone."""
    update: float
    """Seconds in which the client commits a step."""
    add: float
    """Seconds in which it adds a byte of sums."""
    crowd: Callable[[int], float] = alike
    """How many times as long a shard takes beside the shards of so many workers as alone."""
    strain: Callable[[int], float] = alike
    """How many times as long messages take beside so many workers that compute as the link alone says."""

    def parts(self, workers: int, rows: int) -> dict[str, float]:
        """What a step takes its time for, in seconds: exchange, computing and committing."""
        n = min(workers, self.shards)
        computing = self.computing(n, rows)
        exchange = self.exchange(n, rows, computing, self.strain(n))
        return {"computing": computing, "exchange": exchange, "committing": self.update}

    def exchange(self, workers: int, rows: int, computing: float, strain: float) -> float:
        """Seconds that the exchange adds to computing, where messages take `strain` times as long."""
        each, blocks = computing / len(self.returned), _blocks(self.shards, workers)
        link = self.link.strained(strain)
        lasting, before = 0.0, self.sent
        for size in self.returned:
            send = link.send(before + self.row * rows / workers)
            take = link.send(size * blocks) + self.add * size * blocks
            lasting += stage_seconds(workers, send, take, each, link.latency, link.is_duplex)
            before = size
        return lasting - computing

    def computing(self, workers: int, rows: int) -> float:
        """Seconds in which the worker with the most shards computes."""
        n = min(workers, self.shards)
        return most(self.shards, n) * self.shard(max(1, round(rows / self.shards))) * self.crowd(n)

    def seconds(self, workers: int, rows: int) -> float:
        """A step of a batch on so many workers."""
        return sum(self.parts(workers, rows).values())

    def best(self, rows: int, limit: int) -> int:
        """The number of workers, up to a limit, on which a step is fastest; of equal ones the smallest."""
        return min(range(1, min(limit, self.shards) + 1), key=lambda n: self.seconds(n, rows))

    def break_even(self, workers: int) -> int | None:
        """The smallest batch for which workers are faster than one process; None up to `LARGEST`."""
        return first(lambda rows: self.seconds(workers, rows) < self.alone(rows), LARGEST)


def most(shards: int, workers: int) -> int:
    """How many shards the worker with the most of them has."""
    return -(-shards // workers)


@lru_cache(4096)
def _blocks(shards: int, workers: int) -> float:
    """How many sums a worker returns, on average: one where the number of workers is a power of two."""
    return sum(len(share) for share in shares(shards, workers)) / workers


def first(holds: Callable[[int], bool], largest: int) -> int | None:
    """The smallest number for which something holds that goes on to hold; None up to `largest`."""
    high = 1
    while not holds(high):
        if high >= largest:
            return None
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
