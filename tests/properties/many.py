"""Many seeds on several processes: in a module of its own, since a spawned process has another `__main__`."""

import contextlib
import itertools
import multiprocessing
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

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


def report(seeds: range, names: Sequence[str], sender: Connection) -> None:
    """Sends the failures of one seed after the other."""
    for seed in seeds:
        sender.send(failures(seed, names))


def survey(seeds: range, names: Sequence[str]) -> list[tuple[int, str]]:
    """The failures of a range of seeds, in a process of its own: where it dies, the seed that killed it."""
    context = multiprocessing.get_context("spawn")
    found: list[tuple[int, str]] = []
    while seeds:
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=report, args=(seeds, names, sender))
        process.start()
        sender.close()
        done = 0
        with contextlib.suppress(EOFError):
            while done < len(seeds):
                found += receiver.recv()
                done += 1
        process.join()
        if done < len(seeds):
            found.append((seeds[done], f"seed {seeds[done]}\n    the process died: {process.exitcode}"))
        seeds = seeds[done + 1 :]
    return found


def results(
    seeds: range, names: tuple[str, ...], workers: int
) -> Iterator[tuple[range, list[tuple[int, str]]]]:
    """Blocks of seeds with their failures, as they are finished."""
    blocks = [seeds[k : k + 500] for k in range(0, len(seeds), 500)]
    with ThreadPoolExecutor(workers) as pool:
        yield from zip(blocks, pool.map(survey, blocks, itertools.repeat(names)), strict=True)
