"""What a backend is to the rest of the compiler."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from compiler.ir.dims import Extent
from compiler.ir.node import Node
from compiler.ir.types import TensorType
from compiler.loops.history import LoopHistory
from compiler.schedule.plan import Plan
from compiler.schedule.target import Target

Array: TypeAlias = np.ndarray[Any, Any]


@runtime_checkable
class Executable(Protocol):
    """A planned graph made runnable."""

    def run(self, inputs: Sequence[Array], sizes: Mapping[str, int], outputs: Sequence[Array]) -> None:
        """One call.

        `inputs` are checked, dense and native, in the graph's order; `outputs` are dense arrays of the right
        shapes that share no memory with anything. Reads the parameters' buffers, and writes their updates
        after everything that can fail.
        """
        ...


@runtime_checkable
class Enterable(Protocol):
    """An executable with a faster way in than Python's."""

    def entry(
        self,
        inputs: Sequence[Node],
        outputs: Sequence[TensorType],
        demands: Sequence[Extent],
        bare: bool,
        fallback: Callable[..., Any],
    ) -> Callable[..., Any]:
        """A function of the arguments that returns the outputs as a tuple, or `bare` the only one.

        It takes arguments that need no conversion and make none of `demands` negative. All others, keywords
        among them, it hands on to `fallback`, which checks, converts and raises; where there is no faster
        way, it is `fallback` itself.
        """
        ...


@runtime_checkable
class Backend(Protocol):
    """Turns a plan into something that runs."""

    @property
    def name(self) -> str: ...

    @property
    def target(self) -> Target: ...

    def build(self, plan: Plan) -> Executable: ...


@runtime_checkable
class Readable(Protocol):
    """An executable that shows the code of its kernels."""

    def source(self, kernel: int | None) -> str: ...

    def loops(self, kernel: int) -> LoopHistory: ...

    def llvm_ir(self, kernel: int) -> str: ...

    def assembly(self, kernel: int) -> str: ...


@runtime_checkable
class Timed(Protocol):
    """An executable that can tell how long each kernel takes, for `Program.profile`."""

    def run_timed(
        self, inputs: Sequence[Array], sizes: Mapping[str, int], outputs: Sequence[Array]
    ) -> Sequence[int]:
        """One call, as `Executable.run`, that returns nanoseconds.

        One number for each kernel of the schedule in order, 0 for one that does nothing, as a view; and last
        the number of everything between and behind them: copies into outputs and parameters. They leave out
        the checks and the preparation of the call.
        """
        ...
