"""Many seeds on several processes: in a module of its own, since a spawned process has another `__main__`."""

import multiprocessing
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
