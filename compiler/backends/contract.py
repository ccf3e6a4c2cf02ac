"""What a backend is to the rest of the compiler, and what it promises.

A backend says in a `Target` what it can do, which is all that passes ever know of it, and makes of a plan
something that runs. Whoever plans, and the proof, rely on this:

    order      kernels and copies follow each other as `schedule.execution.steps_of` says
    a kernel   may run tile by tile of its common loops (`kernel.nest`; whole rows where there are row loops),
               the tiles in any order and on any threads; in a tile its members run in order, each in the pass
               over the row that `Nest.passes` says. What does not leave a kernel needs no memory
    in place   a result over an operand is written at an element after the same iteration has read it there
    memory     nothing is written but what the plan says; the slab belongs to one call
    failure    an error ends the call where it arises in that order: the plan has writes to parameters behind
               everything that may fail. A kernel checks its indices before it writes
    numbers    the bits of a call depend neither on threads nor on other calls nor on what memory held before;
               they are near those of `reference`

`tinytorch.testing.check_backend` holds a backend to its numbers. What more an executable may offer is asked
by protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, runtime_checkable

import numpy as np

from compiler.ir.dims import Extent
from compiler.ir.node import Node
from compiler.ir.op import Buffer
from compiler.ir.types import TensorType
from compiler.loops.history import LoopHistory
from compiler.schedule.plan import Plan
from compiler.schedule.target import Target

if TYPE_CHECKING:
    from compiler.loops.shown import Speaking
    from compiler.speed.machine import MeasuredMachine
    from compiler.speed.prediction import Prediction

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


Layout: TypeAlias = tuple[int | None, ...]
"""How an array lies, by axis: how many elements neighbours are apart, None for a distance that calls say.

It is a number where loops are written for it (`compiler.loops.places.KNOWN_STRIDES`), and 0 of one element.
"""


def stride_symbol(place: int, axis: int) -> str:
    """What stands for the distance of neighbours of input `place` along an axis, in elements."""
    return f"__stride{place}_{axis}"


@dataclass(frozen=True)
class Door:
    """What a way into a program is to know.

    Outputs are given, and given back, as a tuple, or as a dict with `keys`, or the only one `bare`. Of
    `demands` none is negative in a call, `donated` are names of inputs, and what a caller gives for outputs
    shares no memory with `buffers`. Inputs are dense but for those that have a layout. Outputs that are
    `handed` are the arrays of donated inputs, by their place; what a caller gives for them is a copy.
    """

    inputs: Sequence[Node]
    outputs: Sequence[TensorType]
    bare: bool = False
    keys: tuple[str, ...] = ()
    demands: Sequence[Extent] = ()
    donated: frozenset[str] = frozenset()
    buffers: Sequence[Buffer] = ()
    handed: Mapping[int, int] = field(default_factory=dict[int, int])
    layouts: Mapping[int, Layout] = field(default_factory=dict[int, Layout])


@runtime_checkable
class Enterable(Protocol):
    """An executable with a faster way in than Python's."""

    def entry(self, door: Door, fallback: Callable[..., Any]) -> Callable[..., Any]:
        """A function of the arguments, by position or by name, that returns the outputs as a tuple.

        Or the only one, or what was given as `out`. It takes arrays that need no conversion, make none of the
        demands negative, and share no memory where they must not. All else it hands on to `fallback`, which
        checks, converts and raises; where there is no faster way, it is `fallback` itself.
        """
        ...


@runtime_checkable
class Adaptable(Enterable, Protocol):
    """An executable of which there are others, that read some inputs as they lie."""

    def laid_out(self, layouts: Mapping[int, Layout]) -> Laid | None:
        """Another executable of the same plan, or None where there is none."""
        ...


LARGEST_KEPT: Final = 2**25
"""Bytes of constants up to which a program is kept for later processes: an eighth of what a cache holds."""


@runtime_checkable
class Keepable(Protocol):
    """An executable that later processes can call without compiling it."""

    def keep(self, door: Door, key: str) -> None:
        """Writes down what its calls need, where that is possible, under a key of all that decides about it.

        `Keeping.kept` of the backend finds it.
        """
        ...


class Laid(Enterable, Protocol):
    """An executable some of whose inputs have layouts."""

    def run_laid(self, inputs: Sequence[Array], sizes: Mapping[str, int], outputs: Sequence[Array]) -> bool:
        """One call, as `Executable.run`; False, and nothing is written, where it refuses the data.

        `sizes` has the distances, too, by their `stride_symbol`.
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

    def source(self, kernel: int | None, speaking: Speaking) -> str:
        """A kernel, or a whole call, in one of the languages of `compiler.loops.shown`."""
        ...

    def loops(self, kernel: int) -> LoopHistory: ...

    def llvm_ir(self, kernel: int) -> str: ...

    def assembly(self, kernel: int) -> str: ...


@runtime_checkable
class Tabled(Protocol):
    """An executable with tables of distances beside the memory of the plan."""

    def tables(self) -> Mapping[Node, Extent]:
        """The bytes of the tables that a call needs, with the first value that is computed by them."""
        ...


@dataclass(frozen=True, slots=True)
class Slow:
    """A kernel that runs more slowly than others of its kind: why, and what would change that."""

    kernel: int
    sentence: str
    fix: str

    def to_dict(self) -> dict[str, Any]:
        """The fields."""
        return {"kernel": self.kernel, "sentence": self.sentence, "fix": self.fix}

    def __str__(self) -> str:
        return f"slow: {self.sentence}\n  fix: {self.fix}"


@runtime_checkable
class Candid(Protocol):
    """An executable that says which of its kernels are on a slow path."""

    def slow(self) -> Sequence[Slow]:
        """Those kernels, in their order."""
        ...


@runtime_checkable
class Predicting(Protocol):
    """An executable that can tell how long each kernel should take on a machine."""

    def predicted(self, sizes: Mapping[str, int], machine: MeasuredMachine) -> Sequence[Prediction]:
        """One for each kernel of the schedule in order, and last one for the copies."""
        ...


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
