"""Writes README.md beside this file, the page for learners: `python examples/course/build.py` from the root.

Every figure on the page is computed here, by running what the page says.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import tinytorch as tt
from tinytorch.core.activations import GELU, ReLU, Sigmoid, Softmax, Tanh
from tinytorch.core.autograd import Variable, log
from tinytorch.core.profiler import ActivationProfiler
from tinytorch.core.tensor import Tensor

PAGE = Path(__file__).parent / "README.md"


def best_factor() -> tuple[float, float]:
    """k of the smallest largest difference between sigmoid(kx) and the normal distribution function, and that."""
    x = tt.input("x", shape=(4001,), dtype="float64")
    k = tt.input("k", dtype="float64")
    normal = tt.erfc(-x * np.sqrt(0.5).item()) / 2
    gap = tt.compile([x, k], tt.abs(tt.sigmoid(k * x) - normal).max())
    points, low, high = np.linspace(-8, 8, 4001), 1.5, 1.9
    while high - low > 1e-6:
        third = (high - low) / 3
        if gap(points, low + third) < gap(points, high - third):
            high -= third
        else:
            low += third
    return (low + high) / 2, float(gap(points, (low + high) / 2))


def one(activation: Any, value: float) -> float:
    """The activation at a number, in float64."""
    return activation(Tensor(np.array([value]))).item()


def lowest_gelu() -> tuple[float, float]:
    """Where GELU is smallest, and its value there."""
    points = np.linspace(-2, 0, 200001)
    values = GELU()(Tensor(points)).numpy()
    place = int(values.argmin())
    return float(points[place]), float(values[place])


def clipped_exponential() -> str:
    """exp(500) in float32, as the course's clipped sigmoid computes it."""
    with np.errstate(over="ignore"):
        return str(np.exp(np.float32(500)))


def row_sums() -> tuple[int, float]:
    """How many of 1000 rows of softmax do not sum to exactly 1, and by how much the worst misses."""
    data = np.random.default_rng(0).standard_normal((1000, 10)).astype(np.float32)
    sums = Softmax()(Tensor(data)).numpy().sum(axis=1)
    return int((sums != 1).sum()), float(np.abs(sums - 1).max())


def gelu_in_place() -> tuple[float, float, float]:
    """The slope of GELU at -2: in place, not in place, and where the new value is taken for the old one."""
    x, z = Variable(np.array([-2.0])), Variable(np.array([-2.0]))
    GELU().forward_(x)
    x.sum().backward()
    GELU()(z).sum().backward()
    wrong = Variable(np.array([GELU()(Tensor(np.array([-2.0]))).item()]))
    GELU()(wrong).sum().backward()
    return np.array(x.grad).item(), np.array(z.grad).item(), np.array(wrong.grad).item()


def microseconds(work: Callable[[], Any], count: int = 2000) -> float:
    """The best mean of five rounds."""
    work()
    rounds: list[float] = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(count // 5):
            work()
        rounds.append((time.perf_counter() - start) / (count // 5))
    return 1e6 * min(rounds)


def costs() -> list[tuple[str, float]]:
    """The cost of an operation on 4 x 4 numbers, recorded and evaluated, beside PyTorch's eager one."""
    a, b = Tensor(np.ones((4, 4), np.float32)), Tensor(np.ones((4, 4), np.float32))
    rows = [
        ("an operation recorded, `a * b`", microseconds(lambda: a * b)),
        ("recorded and evaluated from the cache, `(a * b).tolist()`", microseconds(lambda: (a * b).tolist())),
    ]
    try:
        import torch  # pyright: ignore[reportMissingImports]  # compared where it is installed
    except ImportError:
        return rows
    torch.set_num_threads(1)
    c, d = torch.ones(4, 4), torch.ones(4, 4)
    return [*rows, ("torch, eager, `a * b`", microseconds(lambda: c * d))]


def profiler(work: Callable[[ActivationProfiler], Any]) -> Any:
    """What a measurement returns; its table goes nowhere."""
    return work(ActivationProfiler(Console(file=io.StringIO(), width=100)))


def page() -> str:
    """The page's text."""
    factor, gap = best_factor()
    place, lowest = lowest_gelu()
    missing, worst = row_sums()
    inside, outside, wrong = gelu_in_place()
    scaling = profiler(lambda p: p.analyze_scaling(Sigmoid(), "Sigmoid", [100, 316, 1000], 9))
    memory = profiler(lambda p: p.compare_inplace_vs_regular((1000, 1000), 5))["ReLU"]
    fused = profiler(lambda p: p.compare_fused((Sigmoid(), Tanh(), GELU()), (1000, 1000)))
    array = np.zeros((1000, 1000), np.float32)
    clamped = log(Variable([0.0])).item()
    ends = Sigmoid()(Tensor([-1000.0, 1000.0])).tolist()
    large = [round(value, 4) for value in Softmax()(Tensor(np.float32([1000, 1001, 1002]))).tolist()]
    last = scaling[-1]
    cost_rows = "\n".join(f"| {name} | {taken:.1f} |" for name, taken in costs())
    return f"""# From the course to the compiler

Written by `python examples/course/build.py`, which computes every figure here. `from tinytorch.core.tensor import
Tensor` and the lines that you know run as they did; what they record is a graph, which `tensor.draw("graph.svg")`
shows, and which is compiled when a value is read. Examples 09 to 11 are the course's pipeline.

![Activations with their derivatives](../pictures/activations.svg)

## Checked by running it

| statement | found |
|---|---|
| sigmoid(-1000) and sigmoid(1000) are finite | {ends[0]:g} and {ends[1]:g} |
| softmax of 1000, 1001, 1002 | {large[0]}, {large[1]}, {large[2]} |
| ReLU keeps integers: ReLU of -1 and 2 | {ReLU()(Tensor([-1, 2])).tolist()}, {ReLU()(Tensor([-1, 2])).dtype} |
| `autograd.log` is held at log(1e-8), `tt.log` is not | {clamped:.3f} and {tt.compile([], tt.log(tt.constant(0.0)))()} |

## What is different from what the course says

**1.702 is not sqrt(2/pi).** GELU is `x * Phi(x)`. The factor of `x * sigmoid(1.702 x)` is the k for which the largest
difference between `sigmoid(kx)` and `Phi(x)` is smallest: {factor:.4f}, where the difference is {gap:.4f}. sqrt(2/pi)
is {np.sqrt(2 / np.pi):.4f}, and belongs to the form with tanh.

**GELU(1)** is {one(GELU(), 1):.4f}; by the sigmoid form it is {one(GELU("sigmoid"), 1):.4f}, by the tanh form
{one(GELU("tanh"), 1):.4f}. The exact one is the default.

**GELU's range** does not begin at 0: its smallest value is {lowest:.4f}, at x = {place:.4f}.

**Clipping at 500** does not keep exp in float32: exp(500) is {clipped_exponential()} there, as float32 ends at
{np.finfo(np.float32).max:.3g}, which is exp({np.log(float(np.finfo(np.float32).max)):.1f}). Sigmoid needs no clipping
when it is written so that it only takes exp of what is not positive.

**Rows of softmax** sum to 1 up to rounding: of 1000 rows of ten, {missing} do not sum to exactly 1, the worst by
{worst:.1e}. Check them with a tolerance.

**Time per element** was off by a thousand: milliseconds over elements times 1000 are microseconds. For
{last["elements"]} elements of sigmoid that is {last["time_per_element_us"]:.6f} us each. Time grew as
n^{last["fitted_exponent"]:.2f}, the operations of the formula as n^{last["formula_exponent"]:.2f}.

**In place with gradients** is right here. GELU in place at -2 has the slope {inside:.4f}, as it has without in place
({outside:.4f}); who takes the new value for the old one finds {wrong:.4f}. What in place has to keep, and why:

- {ReLU().why()}
- {Sigmoid().why()}
- {Softmax().why()}
- {GELU().why()}

**Memory is measured**, not computed with `sys.getsizeof`: of a view that is {sys.getsizeof(array[:500])} bytes,
whatever it shows. Of 1000 x 1000 float32, {array.nbytes} bytes, ReLU takes {memory["regular_bytes"]:.0f} bytes and
ReLU in place {memory["inplace_bytes"]:.0f}.

**What the course could not show:** sigmoid, tanh and GELU one after the other over a million elements, and fused into
one pass over memory:

```
{fused}```

## What recording costs

| on 4 x 4 numbers | us |
|---|---|
{cost_rows}
"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
