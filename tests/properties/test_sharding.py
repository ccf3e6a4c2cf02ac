"""A random graph is computed from shards of its batch as it is from the whole, or refused."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from compiler.backends.reference import run
from compiler.errors import ShardingError
from compiler.ir.build import reduce
from compiler.ir.dims import Shape, symbol, symbols
from compiler.ir.graph import Graph
from compiler.ir.op import Constant, Parameter, Reducer
from compiler.ir.types import DType
from tests.properties.comparing import difference, oracle
from tests.properties.growing import GROWTHS
from tests.properties.maker import Maker, Sample, Value
from tinytorch.sharding.splitting import Part, Split, split
from tinytorch.sharding.tree import Block, Tree, rows_of, top_of

SHARDS = 4
Arrays = Mapping[str, Any]


BATCH = symbol("batch")


class RowMaker(Maker):
    """Makes graphs most of whose inputs have a row for each example, and no other axis of the batch."""

    def _input(self, dtype: DType, shape: Shape, low: int = -8, high: int = 8) -> Value:
        others = tuple(extent for extent in shape if "batch" not in symbols(extent))
        return super()._input(dtype, (BATCH, *others) if self.chance(0.8) else others, low, high)


def sample_of(seed: int) -> Sample:
    """The random graph of a seed."""
    maker = RowMaker(seed)
    for _ in range(2):
        maker.leaf()
    for _ in range(int(maker.random.integers(2, 20))):
        maker.grow(GROWTHS)
    return maker.finish()


def totals(sample: Sample) -> Graph:
    """The sums of those values of a random graph that shards can add up."""
    sums = [
        reduce(Reducer.SUM, node, range(node.type.rank))
        for node in sample.graph.nodes
        if node.type.rank and node.type.shape != (1,)
    ]
    found = [node for node in sums if parts_of(Graph.of([node])) is not None]
    return Graph.of(found)


def parts_of(graph: Graph) -> Split | None:
    """The parts of a graph; None where it is refused."""
    data = [str(node.name) for node in graph.inputs if node.type.shape[:1] == (BATCH,)]
    try:
        return split(graph, data) if data else None
    except ShardingError:
        return None


def evaluated(part: Part, known: Mapping[tuple[str, str, int], Any], sizes: Mapping[str, int]) -> list[Any]:
    """What the oracle makes of a part."""
    leaves = {
        node: node.op.buffer.array for node in part.graph.nodes if isinstance(node.op, Parameter | Constant)
    }
    for node, source in zip(part.graph.inputs, part.sources, strict=True):
        leaves[node] = known[source.kind, source.name, source.number]
    values = run(part.graph, leaves, sizes)
    return [values[node] for node in part.graph.results]


def by_shards(found: Split, given: Arrays, sizes: Mapping[str, int]) -> list[Any]:
    """The results from sums over shards, added up in their tree."""
    whole = sizes["batch"]
    known: dict[tuple[str, str, int], Any] = {("given", name, 0): array for name, array in given.items()}
    known["whole", "", 0] = np.zeros(whole, bool)
    sums: list[Any] = []
    for part in found.stages:
        tree = Tree()
        for shard in range(SHARDS):
            rows = rows_of(shard, SHARDS, whole)
            values = None
            if rows.start < rows.stop:
                own = {**known, **{("data", name, 0): given[name][rows] for name in found.data}}
                own |= {("places", "", k): np.arange(k * rows.start, k * rows.stop) for k in range(1, 10)}
                own_sizes = {**sizes, "batch": rows.stop - rows.start, "whole_batch": whole}
                values = [np.asarray(value) for value in evaluated(part, own, own_sizes)]
            tree.add(Block(0, shard), values)
        sums += tree.sum(top_of(SHARDS)) or []
        known |= {("sum", "", k): value for k, value in enumerate(sums)}
    return evaluated(found.update, known, {**sizes, "whole_batch": whole})


def wrong(seeds: range) -> Iterator[str | None]:
    """For each graph that is not refused what is wrong with it, or None."""
    for seed in seeds:
        sample = sample_of(seed)
        graph = totals(sample)
        found = parts_of(graph)
        for number in range(3):
            sizes = sample.sizes(number)
            if found is None or not sizes["batch"]:
                continue
            arguments = zip(sample.graph.inputs, sample.arguments(number), strict=True)
            given = {str(node.name): array for node, array in arguments}
            expected = oracle(graph, [given[str(node.name)] for node in graph.inputs], sizes)
            remark = difference(expected, by_shards(found, given, sizes))
            yield f"seed {seed}, call {number}: {remark}" if remark else None


@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")
def test_random_graphs_mean_in_shards_what_they_mean_whole():
    found = list(wrong(range(150)))
    assert [remark for remark in found if remark] == []
    assert len(found) > 20
