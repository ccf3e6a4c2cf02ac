"""Offsets in the slab: nothing that lives at the same time overlaps, at any size."""

import random

import pytest

from compiler.ir.dims import evaluate, symbol
from compiler.schedule import slab
from compiler.schedule.slab import Request, lay_out

BATCH, SEQ = symbol("batch"), symbol("seq")
SIZES = [{"batch": b, "seq": s} for b in (0, 1, 2, 7, 64) for s in (1, 2, 5, 64)]


def check(requests):
    """Offsets and peak, after checking that values lie in the slab and apart at many sizes."""
    offsets, peak = lay_out(requests)
    for sizes in SIZES:
        ranges = [
            (request, evaluate(offset, sizes), evaluate(offset, sizes) + evaluate(request.bytes, sizes))
            for request, offset in zip(requests, offsets, strict=True)
        ]
        assert all(start >= 0 and end <= max(evaluate(peak, sizes), start) for _, start, end in ranges)
        for place, (one, start, end) in enumerate(ranges):
            for other, begin, stop in ranges[:place]:
                meet = one.first <= other.last and other.first <= one.last
                assert not meet or end <= begin or stop <= start, (one, other, sizes)
    return offsets, peak


def random_requests(seed, sizes):
    random_ = random.Random(seed)
    starts = [random_.randrange(20) for _ in range(random_.randint(1, 30))]
    return [Request(k, k + random_.randrange(8), random_.choice(sizes)) for k in starts]


FIXED = [0, 1, 4, 64, 100, 256, 1000, 4096]
SYMBOLIC = [
    4, 1000, 4 * BATCH, 256 * BATCH, 40 * BATCH, 8 * SEQ, 4 * BATCH * SEQ, 128 * BATCH * SEQ - 128 * BATCH,
    4 * BATCH + 4 * SEQ, 64 * BATCH + 64, 4 * BATCH * BATCH,
]  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_values_of_one_time_never_overlap(seed):
    check(random_requests(seed, FIXED))
    check(random_requests(seed, SYMBOLIC))


@pytest.mark.parametrize("seed", range(30))
def test_they_never_overlap_where_there_are_too_many_pairs_to_look_at(seed, monkeypatch):
    monkeypatch.setattr(slab, "MOST_PAIRS", 0)
    check(random_requests(seed, FIXED))
    check(random_requests(seed, SYMBOLIC))


def test_a_chain_takes_the_memory_of_two_values():
    chain = [Request(k, k + 1, 256 * BATCH) for k in range(50)]
    assert check(chain)[1] == 512 * BATCH


def test_what_dies_at_a_kernel_is_not_free_for_what_that_kernel_writes():
    assert lay_out([Request(0, 1, 64), Request(1, 2, 64)])[1] == 128
    assert lay_out([Request(0, 0, 64), Request(1, 2, 64)])[1] == 64


def test_the_largest_values_are_placed_first_and_small_ones_fill_the_gaps():
    requests = [Request(0, 1, 64), Request(0, 3, 64), Request(2, 3, 128)]
    offsets, peak = check(requests)
    assert peak == 192
    assert offsets[2] == 0


def test_the_better_of_two_orders_is_taken():
    """Greedy by size alone needs 5 units here, the order of time 4."""
    worst = 0
    for seed in range(300):
        requests = random_requests(seed, [64, 128, 192, 256])
        blocks = [slab._block((((), 1),), item, item.bytes) for item in requests]
        by_size, by_time = slab._by_size(blocks)[1], slab._by_time(blocks)[1]
        assert lay_out(requests)[1] == min(by_size, by_time)
        worst = max(worst, by_size - by_time)
    assert worst > 0


def test_each_monomial_has_a_region_and_the_peak_is_their_sum():
    requests = [Request(0, 1, 256 * BATCH), Request(0, 1, 1024), Request(0, 1, 64 * BATCH * SEQ)]
    assert check(requests)[1] == 256 * BATCH + 1024 + 64 * BATCH * SEQ


def test_negative_terms_are_dropped_so_that_neighbouring_lengths_share_memory():
    shorter = 256 * BATCH * SEQ - 256 * BATCH
    assert check([Request(0, 1, 256 * BATCH * SEQ), Request(2, 3, shorter)])[1] == 256 * BATCH * SEQ


def test_a_sum_of_monomials_is_a_unit_of_its_own():
    unit = BATCH + 1
    requests = [Request(0, 1, unit * 64), Request(1, 2, unit * 64), Request(2, 3, unit * 128)]
    assert check(requests)[1] == unit * 192


@pytest.mark.parametrize("seed", range(30))
def test_offsets_are_multiples_of_64_where_they_can_be(seed):
    for sizes in (FIXED, SYMBOLIC):
        requests = random_requests(seed, sizes)
        for request, offset in zip(requests, lay_out(requests)[0], strict=True):
            terms = dict(request.bytes.terms) if not isinstance(request.bytes, int) else {(): request.bytes}
            if isinstance(request.bytes, int) or max(terms.values()) % 64 == 0:
                assert all(evaluate(offset, size) % 64 == 0 for size in SIZES)
            assert all(evaluate(offset, size) % 4 == 0 for size in SIZES if 1 not in terms.values())


def test_nothing_needs_nothing():
    assert lay_out([]) == ([], 0)
    assert lay_out([Request(0, 5, 0)]) == ([0], 0)


def test_the_peak_of_constants_is_exact():
    assert lay_out([Request(0, 0, 100)])[1] == 100
    assert lay_out([Request(0, 0, 100), Request(0, 0, 4)])[1] == 132
