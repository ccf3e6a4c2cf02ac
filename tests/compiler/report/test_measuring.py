"""The roof of the machine."""

from compiler.analysis.cost import Cost
from compiler.profiling import Timing
from compiler.report.measuring import roof


def test_no_kernel_is_above_the_roof_that_it_is_compared_with() -> None:
    """Kernels that are faster than what is measured beside them raise it."""
    fast = Timing(Cost(flops=10**12, bytes_read=10**6, bytes_written=10**6), 2.0, 1.0, 0.5, 3)
    found = roof([fast])
    assert found.gflops == 1e9
    size, rate = next(item for item in found.gigabytes_per_second if item[0] >= 2 * 10**6)
    assert rate == 2e3
    rates = [rate for _, rate in found.gigabytes_per_second]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < rate
    assert size > 2 * 10**6


def test_what_is_too_short_to_be_timed_says_nothing() -> None:
    short = Timing(Cost(flops=10**12, bytes_read=10**9), 0.1, 0.1, 0.5, 3)
    assert roof([short]).gflops < 1e9
