"""The tree of sums: the same bits from any blocks in any order."""

import numpy as np
import pytest

from compiler.errors import ArgumentError
from tinytorch.sharding.tree import (
    Block,
    Tree,
    blocks,
    checked_shards,
    pack,
    rows_of,
    shares,
    type_of,
    unpack,
)


def test_a_sum_has_the_same_bits_whoever_adds_and_in_which_order_blocks_come():
    generator = np.random.default_rng(0)
    shards, found = 16, set[bytes]()
    parts = [
        None if k in (3, 8, 9, 10, 11) else [(generator.standard_normal(9) * 10.0**k).astype(np.float32)]
        for k in range(shards)
    ]
    in_order = sum(float(part[0][0]) for part in parts if part is not None)
    for workers in (1, 2, 3, 5, 7, 16, 20):
        of_blocks = []
        for share in shares(shards, workers):
            for block in share:
                tree = Tree()
                for k in generator.permutation(block.shards):
                    part = parts[k]
                    tree.add(Block(0, int(k)), None if part is None else [part[0].copy()])
                of_blocks.append((block, tree.sum(block)))
        whole = Tree()
        for k in generator.permutation(len(of_blocks)):
            whole.add(*of_blocks[k])
        total = whole.sum(Block(4, 0))
        assert total is not None
        assert float(total[0][0]) == pytest.approx(in_order, rel=1e-5)
        found.add(total[0].tobytes())
    assert len(found) == 1


def test_shares_are_aligned_and_cover_every_shard_once():
    for shards in (1, 2, 8, 64):
        for workers in range(1, 12):
            found = shares(shards, workers)
            assert [k for share in found for block in share for k in block.shards] == list(range(shards))
            counts = [sum(len(block.shards) for block in share) for share in found]
            assert max(counts) - min(counts) <= 1
    assert blocks(5, 16) == [Block(0, 5), Block(1, 3), Block(3, 1)]


def test_every_row_is_in_one_shard_even_where_there_are_fewer_rows():
    for rows in (1, 5, 16, 50):
        parts = [rows_of(k, 16, rows) for k in range(16)]
        assert [n for part in parts for n in range(part.start, part.stop)] == list(range(rows))
        sizes = {part.stop - part.start for part in parts}
        assert max(sizes) - min(sizes) <= 1


def test_arrays_come_back_from_one_buffer():
    arrays = [np.arange(5, dtype=np.float32), np.float64(3.0) * np.ones(()), np.ones((2, 3), np.int64)]
    for array, found in zip(arrays, unpack(pack(arrays), [type_of(array) for array in arrays]), strict=True):
        assert found.dtype == array.dtype
        assert found.shape == array.shape
        assert found.tobytes() == array.tobytes()


@pytest.mark.parametrize("shards", [0, 3, -4, 2.5, "8", True])
def test_shards_are_a_power_of_two(shards):
    with pytest.raises(ArgumentError, match="shards are a power of two"):
        checked_shards(shards)
