"""`python -m tests.properties --graphs 100000`: random graphs, passes and backends against the oracle."""

import argparse
import multiprocessing
import sys
import time
import traceback
from collections.abc import Iterator, Sequence

from tests.properties.trial import make_trial, run_trial


def failures(seed: int, names: Sequence[str]) -> list[tuple[int, str]]:
    """What is wrong with a seed: nothing, or the trial and the error."""
    shown = f"seed {seed}"
    try:
        trial = make_trial(seed)
        shown = str(trial)
        run_trial(trial, names)
    except Exception as error:  # noqa: BLE001  # whatever a graph brings to light is what is looked for
        frame = traceback.extract_tb(error.__traceback__)[-1]
        remark = f"{type(error).__name__}: {shortened(str(error))}\n    at {frame.filename}:{frame.lineno}"
        return [(seed, f"{shown}\n    {remark}")]
    return []


def shortened(text: str) -> str:
    """The ends of a long text on one line."""
    line = " ".join(text.split())
    return line if len(line) < 400 else f"{line[:150]} ... {line[-200:]}"


def work(task: tuple[range, tuple[str, ...]]) -> list[tuple[int, str]]:
    """The failures of a range of seeds."""
    seeds, names = task
    return [found for seed in seeds for found in failures(seed, names)]


def results(
    seeds: range, names: tuple[str, ...], workers: int
) -> Iterator[tuple[range, list[tuple[int, str]]]]:
    """Blocks of seeds with their failures, as they are finished."""
    blocks = [seeds[k : k + 100] for k in range(0, len(seeds), 100)]
    tasks = [(block, names) for block in blocks]
    if workers == 1:
        yield from zip(blocks, map(work, tasks), strict=True)
        return
    with multiprocessing.get_context("spawn").Pool(workers, maxtasksperchild=20) as pool:
        yield from zip(blocks, pool.imap(work, tasks), strict=True)


def main() -> int:
    """Runs the command line; the status is 1 if any seed fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.properties", description=__doc__)
    parser.add_argument("--graphs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--workers", type=int, default=1)
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
