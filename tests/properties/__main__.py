"""`python -m tests.properties --graphs 100000`: random graphs, passes and backends against the oracle."""

import argparse
import os
import sys
import time

from tests.properties.many import results


def main() -> int:
    """Runs the command line; the status is 1 if any seed fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.properties", description=__doc__)
    parser.add_argument("--graphs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--backends", nargs="*", default=[], help="all that are available, unless named")
    options = parser.parse_args()
    start, count, wrong = time.perf_counter(), 0, []
    seeds = range(options.seed, options.seed + options.graphs)
    for block, found in results(seeds, tuple(options.backends), options.workers):
        count += len(block)
        wrong += found
        for _, text in found:
            print(text, flush=True)
        if count % 1000 == 0 or found:
            print(f"{count} graphs, {len(wrong)} wrong, {time.perf_counter() - start:.0f} s", flush=True)
    print(f"{count} graphs, {len(wrong)} wrong, {time.perf_counter() - start:.0f} s")
    print("failing seeds:", *([seed for seed, _ in wrong] or ["none"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
