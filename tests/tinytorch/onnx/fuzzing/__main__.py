"""Loads mutated models until the time is up; the seed of whatever is no typed error is printed.

    python -m tests.tinytorch.onnx.fuzzing --minutes 5
    python -m tests.tinytorch.onnx.fuzzing --seed 1234          that one again, with its traceback

Each process has a bound on its memory and works through seeds of its own; one that is killed, or takes longer
than `--seconds` for a model, is a finding too, and another takes its place.
"""

import argparse
import multiprocessing
import queue
import resource
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

import numpy as np

from tests.tinytorch.onnx.fuzzing import corpus
from tests.tinytorch.onnx.fuzzing.checking import check, made

BLOCK = 200
"""Seeds that a process works through at a time."""


def main():
    options = _options()
    models = _models(options)
    if options.seed is not None:
        content = made(models, options.seed)
        Path("mutated.onnx").write_bytes(content)
        print(check(content, options.run))
        return 0
    return _search(models, options)


def _options():
    parser = argparse.ArgumentParser(prog="python -m tests.tinytorch.onnx.fuzzing", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=20.0, help="for one model")
    parser.add_argument("--gigabytes", type=float, default=4.0, help="of address space for a process")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="one seed alone, in this process; writes mutated.onnx")
    parser.add_argument("--run", action="store_true", help="compile and call what is loaded, too")
    parser.add_argument("--small", action="store_true", help="only the small models")
    return parser.parse_args()


def _models(options):
    models = corpus.small()
    return models if options.small else models | corpus.standard()


def _search(models, options):
    end = time.monotonic() + options.minutes * 60
    first, said, found = options.start, Counter(), {}
    while time.monotonic() < end:
        first = _block(models, options, first, said, found)
    print(f"{sum(said.values())} models: {dict(said.most_common())}")
    for text, seeds in found.items():
        print(f"\n--seed {seeds[0]} ({len(seeds)} like it)\n{text}")
    return bool(found)


def _block(models, options, first, said, found):
    """Works through seeds in a process of its own; returns where the next one begins."""
    results = multiprocessing.Queue()
    worker = multiprocessing.Process(target=_work, args=(models, options, first, results))
    worker.start()
    at = first
    try:
        while at < first + BLOCK:
            name, text = _next(results, worker, options.seconds)
            said[name] += 1
            if text:
                if text not in found:
                    print(f"seed {at}: {text.splitlines()[-1][:150]}", flush=True)
                found.setdefault(text, []).append(at)
            at += 1
            if name in ("killed", "too slow"):
                break
    finally:
        worker.kill()
        worker.join()
    return at


def _next(results, worker, seconds):
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        try:
            return results.get(timeout=0.5)
        except queue.Empty:
            if not worker.is_alive() and results.empty():
                return "killed", f"the process ended with {worker.exitcode}"
    return "too slow", f"more than {seconds} seconds"


def _work(models, options, first, results):
    sys.stderr = open("/dev/null", "w")  # noqa: SIM115, PTH123  # what libraries say of each model
    resource.setrlimit(resource.RLIMIT_AS, (int(options.gigabytes * 2**30),) * 2)
    for seed in range(first, first + BLOCK):
        try:
            results.put((check(made(models, seed), options.run), ""))
        except BaseException as error:  # noqa: BLE001  # this is what is looked for
            frames = traceback.extract_tb(error.__traceback__)[-3:]
            where = "\n".join(f"  {Path(item.filename).name}:{item.lineno} {item.name}" for item in frames)
            results.put(("untyped", f"{where}\n{type(error).__name__}: {str(error)[:200]}"))


if __name__ == "__main__":
    np.seterr(all="ignore")
    sys.exit(main())
