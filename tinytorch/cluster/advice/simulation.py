"""A simulation of the exchange, message by message: what the model's formula is checked against.

Here nothing is a formula: a client sends to one worker after the other, workers compute for as long as their
shards take, messages queue where the client takes them, and what it has taken it adds up before the next.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from tinytorch.cluster.advice.model import Model
from tinytorch.sharding.tree import rows_of, shares


def simulated_stage(
    out: Sequence[float], computing: Sequence[float], back: Sequence[float], latency: float, is_duplex: bool
) -> float:
    """When the last sum is added up: `out` and `back` are the client's seconds for each worker's messages.

    `latency` is that of both ways together. A client that is not duplex sends all it has to send first.
    """
    clock, arrived = 0.0, list[tuple[float, int]]()
    for worker, seconds in enumerate(out):
        clock += seconds
        heapq.heappush(arrived, (clock + latency + computing[worker], worker))
    free = 0.0 if is_duplex else clock
    while arrived:
        ready, worker = heapq.heappop(arrived)
        free = max(free, ready) + back[worker]
    return free


def simulated(model: Model, workers: int, rows: int) -> float:
    """Seconds of a step, of which every worker has the shards, the rows and the blocks that it really has."""
    n = min(workers, model.shards)
    own = shares(model.shards, n)
    counts = [[rows_of(k, model.shards, rows) for block in share for k in block.shards] for share in own]
    crowd, stages, link = model.crowd(n), len(model.returned), model.link.strained(model.strain(n))
    computing = [
        sum(model.shard(part.stop - part.start) for part in parts if part.stop > part.start) * crowd / stages
        for parts in counts
    ]
    total, before = model.update, model.sent
    for size in model.returned:
        out = [link.send(before + model.row * (parts[-1].stop - parts[0].start)) for parts in counts]
        back = [link.send(size * len(share)) + model.add * size * len(share) for share in own]
        total += simulated_stage(out, computing, back, link.latency, link.is_duplex)
        before = size
    return total
