"""What a variant is: passes, backend, in place or not, threads."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

from compiler.backends.contract import Backend
from compiler.backends.llvm.backend import get_num_threads, set_num_threads
from compiler.errors import ArgumentError
from compiler.ir.numbers import whole_number
from compiler.pipeline.contract import Pass
from passes import REWRITES, SCHEDULING
from passes.inplace import InPlace
from tinytorch.api import default_passes
from tinytorch.builtin import find_backend, find_pass

Passes: TypeAlias = str | Sequence[str | Pass]


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to compile and run a graph; what is left out is as `tt.compile` and the process have it.

    `passes` are names or values, `without` names those of them to leave out, `backend` is a name or value.
    Without `in_place` nothing is written over an operand. `threads` are those of native programs.
    """

    passes: Passes | None = None
    without: str | Iterable[str] = ()
    backend: str | Backend | None = None
    in_place: bool = True
    threads: int | None = None

    def chosen(self) -> tuple[Pass, ...]:
        """The passes, in their order. Raises ArgumentError for a name in `without` that none of them has."""
        given = [self.passes] if isinstance(self.passes, str) else self.passes
        found = default_passes() if given is None else tuple(find_pass(item) for item in given)
        left_out = [self.without] if isinstance(self.without, str) else list(self.without)
        names = [item.name for item in found]
        for name in left_out:
            if name not in names:
                raise ArgumentError(f"no pass of the variant is named {name!r}; they are {', '.join(names)}")
        kept = (item for item in found if item.name not in left_out)
        return tuple(item for item in kept if self.in_place or not isinstance(item, InPlace))

    def runner(self, backend: str | Backend | None) -> Backend:
        """The backend: its own, or else the one given, or else the default."""
        return find_backend(backend if self.backend is None else self.backend)

    def checked(self, name: str) -> Variant:
        """Itself. Raises ArgumentError for a number of threads that is none."""
        if self.threads is not None and (whole_number(self.threads) or 0) < 1:
            raise ArgumentError(f"variant {name!r}: threads are a positive integer, not {self.threads!r}")
        return self

    @contextmanager
    def running(self) -> Generator[None]:
        """The process has the variant's threads inside, and its own again behind.

        Raises BackendError where native programs do not run and threads were asked for.
        """
        if self.threads is None:
            yield
            return
        before = get_num_threads()
        set_num_threads(self.threads)
        try:
            yield
        finally:
            set_num_threads(before)


VARIANTS: Final[Mapping[str, Variant]] = {
    "unfused": Variant(REWRITES),
    "fused": Variant((*REWRITES, *SCHEDULING), in_place=False),
    "fused + in place": Variant((*REWRITES, *SCHEDULING)),
}
"""What is compared unless others are named: one graph, rewritten, under three schedules."""


def variants_of(given: Mapping[str, Variant | Passes] | None) -> dict[str, Variant]:
    """Variants by name; passes alone stand for the variant that has them."""
    if given is not None and not given:
        raise ArgumentError("compare needs at least one variant: a name and its passes")
    found = VARIANTS if given is None else given
    return {
        name: (item if isinstance(item, Variant) else Variant(item)).checked(name)
        for name, item in found.items()
    }
