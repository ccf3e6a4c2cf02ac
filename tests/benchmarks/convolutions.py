"""`python -m tests.benchmarks.convolutions`: convolutions and their gradients beside PyTorch and JAX.

float32 images and weights in PyTorch's layout (NCHW, OIHW), for ours also channels last (NHWC, HWIO). Each
system runs in a process of its own, and they take turns in rounds; a time is that of the fastest call, the
ratio is ours to the fastest peer. `--threads 1` gives every system one thread, and one processor. Results
are compared.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

Step = Callable[[], Any]

WHAT: Final = ("forward", "weights", "input")
"""What is computed: the convolution, and its gradients by weights and by input."""

PEERS: Final = {"torch": "torch", "jax": "jax"}


@dataclass(frozen=True)
class Case:
    """A convolution of `count` square images without padding."""

    count: int
    channels: int
    filters: int
    extent: int
    size: int
    step: int = 1

    @property
    def flops(self) -> int:
        """Two for each product of the sums."""
        out = (self.extent - self.size) // self.step + 1
        return 2 * self.count * self.filters * out**2 * self.channels * self.size**2

    def __str__(self) -> str:
        kind = f"{self.size}x{self.size}" + (f" step {self.step}" if self.step > 1 else "")
        return f"{self.channels}->{self.filters} {kind}, {self.count} x {self.extent}x{self.extent}"

    def data(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Images, weights and a cotangent."""
        generator = np.random.default_rng(0)
        out = (self.extent - self.size) // self.step + 1
        shapes = (
            (self.count, self.channels, self.extent, self.extent),
            (self.filters, self.channels, self.size, self.size),
            (self.count, self.filters, out, out),
        )
        x, w, g = (generator.standard_normal(shape, np.float32) for shape in shapes)
        return x, w, g


CASES: Final = (
    Case(64, 1, 6, 28, 5), Case(64, 6, 16, 12, 5), Case(16, 3, 32, 64, 3, 2), Case(16, 16, 32, 28, 3),
    Case(8, 32, 32, 28, 3), Case(4, 64, 64, 28, 3), Case(4, 128, 128, 14, 3), Case(4, 64, 128, 28, 3, 2),
    Case(8, 64, 64, 28, 1),
)  # fmt: skip


def ours(case: Case, what: str, threads: int, *, is_last: bool = False) -> Step:
    """A window and a contraction; the gradients are derived."""
    import tinytorch as tt  # each process loads one system

    if threads:
        tt.set_num_threads(threads)
    x, w, g = case.data()
    if is_last:
        x, w, g = (
            x.transpose(0, 2, 3, 1).copy(),
            w.transpose(2, 3, 1, 0).copy(),
            g.transpose(0, 2, 3, 1).copy(),
        )
    images, weights, cotangent = tt.input("x", x.shape), tt.input("w", w.shape), tt.input("g", g.shape)
    axes, letters = ((1, 2), "nhwcij,ijco->nhwo") if is_last else ((2, 3), "nchwij,ocij->nohw")
    windows = tt.sliding_window(images, (case.size, case.size), axes, step=case.step)
    result = tt.einsum(letters, windows, weights)
    if what == "forward":
        program = tt.compile([images, weights], result)
        return lambda: program(x, w)
    by = weights if what == "weights" else images
    gradient = tt.compile([images, weights, cotangent], tt.grad((result * cotangent).sum(), by))
    return lambda: gradient(x, w, g)


def ours_last(case: Case, what: str, threads: int) -> Step:
    """Channels last."""
    return ours(case, what, threads, is_last=True)


def torch(case: Case, what: str, threads: int) -> Step:
    """The functions that its autograd calls."""
    import torch as library

    if threads:
        library.set_num_threads(threads)
    x, w, g = map(library.from_numpy, case.data())
    steps = [case.step, case.step]
    if what == "forward":
        return lambda: library.conv2d(x, w, stride=steps).numpy()
    backward: Any = library.ops.aten.convolution_backward
    mask = [what == "input", what == "weights", False]
    place = WHAT[::-1].index(what)
    return lambda: backward(g, x, w, None, steps, [0, 0], [1, 1], False, [0, 0], 1, mask)[place].numpy()


def jax(case: Case, what: str, threads: int) -> Step:
    """Jitted; its gradients are derived."""
    import jax as library

    def convolved(x: Any, w: Any) -> Any:
        return library.lax.conv(x, w, (case.step, case.step), "VALID")

    x, w, g = map(library.numpy.asarray, case.data())
    if what == "forward":
        found = library.jit(convolved)
        return lambda: np.asarray(library.block_until_ready(found(x, w)))
    place = WHAT[::-1].index(what)
    gradient = library.jit(lambda x, w, g: library.vjp(convolved, x, w)[1](g)[place])
    return lambda: np.asarray(library.block_until_ready(gradient(x, w, g)))


SYSTEMS: Final = {"ours": ours, "ours, channels last": ours_last, "torch": torch, "jax": jax}


def serve(system: str, case: Case, what: str, threads: int, seconds: float) -> None:
    """Prints the mean square of the result, then for each line it reads the seconds of the fastest call."""
    if threads == 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # XLA's flags leave some of its threads
    step = SYSTEMS[system](case, what, threads)
    print(json.dumps(float(np.mean(np.square(step(), dtype=np.float64)))), flush=True)
    for _ in sys.stdin:
        best, end = float("inf"), time.perf_counter() + seconds
        while time.perf_counter() < end:
            start = time.perf_counter()
            step()
            best = min(best, time.perf_counter() - start)
        print(json.dumps(best), flush=True)


def measured(
    systems: list[str], case: Case, what: str, threads: int, rounds: int, seconds: float
) -> list[float]:
    """The fastest call of each system; all must agree."""
    environment = dict(os.environ)
    if threads == 1:
        environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    words = [json.dumps(astuple(case)), what, str(threads), str(seconds)]
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.convolutions", "--serve", system, *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
            cwd=Path(__file__).parents[2],
        )
        for system in systems
    ]  # fmt: skip
    try:
        sums = [_answer(worker) for worker in workers]
        np.testing.assert_allclose(sums, sums[0], rtol=1e-3)
        best = [float("inf")] * len(workers)
        for _ in range(rounds):
            for number, worker in enumerate(workers):
                assert worker.stdin is not None
                worker.stdin.write("round\n")
                worker.stdin.flush()
                best[number] = min(best[number], _answer(worker))
        return best
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


def _answer(worker: subprocess.Popen[str]) -> float:
    assert worker.stdout is not None
    return float(json.loads(worker.stdout.readline()))


def main() -> None:
    """Prints the table."""
    if sys.argv[1:2] == ["--serve"]:
        system, case, what, threads, seconds = sys.argv[2:]
        serve(system, Case(*json.loads(case)), what, int(threads), float(seconds))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--threads", type=int, default=0, help="for every system; 0: what each takes itself")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.2, help="of a round")
    given = parser.parse_args()
    peers = [name for name, module in PEERS.items() if importlib.util.find_spec(module)]
    systems = ["ours", "ours, channels last", *peers]
    table = Table("convolution", "", *systems, "GFLOP/s", "ratio", "channels last")
    for case in CASES:
        for what in WHAT:
            best = measured(systems, case, what, given.threads, given.rounds, given.seconds)
            times = [f"{1e6 * each:.0f} us" for each in best]
            fastest = min(best[2:], default=float("nan"))
            ratios = [f"{each / fastest:.2f}" for each in best[:2]]
            table.add_row(str(case), what, *times, f"{case.flops / best[0] / 1e9:.0f}", *ratios)
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
