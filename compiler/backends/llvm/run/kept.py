"""Native programs that outlive their process: written where they are compiled, called where nothing is.

What is kept of a program is what its calls need: types of arguments and results, object code, constants. The
numbers of its launches are kept for each sizes, when they are bound for the first time. A `KeptProgram` binds
and enters as a `NativeProgram` does, by the same code, and hands on whatever it cannot answer for.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, TypeAlias, cast

import numpy as np

from compiler.backends.contract import LARGEST_KEPT
from compiler.backends.llvm.entry.making import make_entry, widen
from compiler.backends.llvm.entry.overlaps import Apart
from compiler.backends.llvm.entry.spec import ArrayArgument, ArrayResult, EntrySpec
from compiler.backends.llvm.jit.cache import ObjectCache, object_key
from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.jit.parcels import packed, unpacked
from compiler.backends.llvm.run.binding import Binding, Stretches
from compiler.backends.llvm.run.context import NativeContext
from compiler.backends.llvm.run.driver import driver
from compiler.backends.llvm.steps.launches import Launch
from compiler.backends.llvm.steps.library import Object, load_objects, symbol_of
from compiler.errors import BackendError
from compiler.ir.dims import evaluate
from compiler.loops.places import Pointer, Region

Array: TypeAlias = np.ndarray[Any, Any]

MOST_SIZES: Final = 8
"""Sizes of one program that a process keeps."""

_DAMAGES: Final = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, BackendError)
"""What reading raises for a parcel that somebody else has written."""


# Writing


@dataclass(eq=False)
class Keeper:
    """What writes down a program that is kept under a key, and each sizes that it is bound for."""

    key: str
    cache: ObjectCache
    left: int = MOST_SIZES

    def keep(self, spec: EntrySpec, objects: Sequence[Object], constants: Sequence[Array]) -> None:
        """The program."""
        facts = {"spec": _facts_of(spec), "symbols": [item.symbols for item in objects]}
        self.cache.put(self.key, packed(facts, [*(item.code for item in objects), *constants]))

    def bind(
        self, sizes: Mapping[str, int], stretches: Stretches, slab: int, objects: Sequence[Object]
    ) -> None:
        """Its launches for some sizes, and the object code that was chosen for these."""
        if not self.left:
            return
        self.left -= 1
        facts = {
            "slab": slab,
            "scratch": stretches.scratch,
            "launches": [_launch_facts(launch, sizes) for launch in stretches.launches],
            "symbols": [item.symbols for item in objects],
        }
        blocks = [*(item.code for item in objects), *stretches.tables]
        self.cache.put(_bound_key(self.key, sizes), packed(facts, blocks))


def is_keepable(spec: EntrySpec, constants: Sequence[Array]) -> bool:
    """Whether a program can be kept: it is not too large, and its dtypes are NumPy's own."""
    dtypes = [item.dtype for item in (*spec.arguments, *spec.results)]
    return sum(item.nbytes for item in constants) <= LARGEST_KEPT and all(_is_native(item) for item in dtypes)


def _is_native(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in "biuf" and np.dtype(dtype.str) == dtype


def _facts_of(spec: EntrySpec) -> dict[str, Any]:
    return {
        "arguments": [[item.dtype.str, item.shape] for item in spec.arguments],
        "results": [[item.dtype.str, item.shape] for item in spec.results],
        "bare": spec.bare,
        "names": spec.names,
        "result_bytes": spec.result_bytes,
        "picoseconds": spec.picoseconds,
        "demands": spec.demands,
    }


def _launch_facts(launch: Launch, sizes: Mapping[str, int]) -> list[Any]:
    numbers = [_number_facts(item, sizes) for item in launch.numbers]
    return [symbol_of(launch.key), numbers, launch.chunks, launch.checks]


def _number_facts(item: int | Pointer, sizes: Mapping[str, int]) -> int | list[Any]:
    if isinstance(item, Pointer):
        return [item.region.value, item.number, int(evaluate(item.offset, sizes))]
    return int(item)


def _bound_key(key: str, sizes: Mapping[str, int]) -> str:
    text = json.dumps([key, sorted((name, int(size)) for name, size in sizes.items())])
    return hashlib.sha256(text.encode()).hexdigest()


# Reading


def kept_key(name: str, target: Target) -> str:
    """The key of a program that is called `name`, which says all that decides about it but for the target."""
    return object_key(f"program\n{name}", target)


class Kept(NamedTuple):
    """What is kept of a program, with its code in this process."""

    key: str
    cache: ObjectCache
    spec: EntrySpec
    addresses: Mapping[str, int]
    constants: Sequence[memoryview]

    def entry(self, otherwise: Callable[..., Any]) -> Callable[..., Any]:
        """A function of the arguments, as `Enterable.entry` says, which hands on to `otherwise`."""
        return KeptProgram(self, otherwise).enter


def find_program(key: str, cache: ObjectCache) -> Kept | None:
    """What is kept under a key; None where nothing is, or it is damaged."""
    content = cache.view(key)
    if content is None:
        return None
    try:
        facts, blocks = unpacked(content)
        count = len(facts["symbols"])
        spec, addresses = _spec_of(facts["spec"]), _loaded(facts["symbols"], blocks)
        return Kept(key, cache, spec, addresses, blocks[count:])
    except _DAMAGES:
        return None


def _loaded(symbols: Sequence[list[str]], blocks: Sequence[memoryview]) -> dict[str, int]:
    return load_objects([Object(bytes(code), names) for names, code in zip(symbols, blocks, strict=False)])


def _spec_of(facts: Mapping[str, Any]) -> EntrySpec:
    known = {name: _tupled(value) for name, value in facts.items()}
    arguments = tuple(ArrayArgument(np.dtype(dtype), shape) for dtype, shape in known["arguments"])
    results = tuple(ArrayResult(np.dtype(dtype), shape) for dtype, shape in known["results"])
    return replace(EntrySpec((), ()), **{**known, "arguments": arguments, "results": results})


def _tupled(value: Any) -> Any:
    """Lists as the tuples that they were."""
    return tuple(map(_tupled, cast("list[Any]", value))) if isinstance(value, list) else value


class _Held(NamedTuple):
    """A constant, where a buffer is expected."""

    array: Array


class KeptProgram:
    """The calls of a program that was compiled by another process, by `enter`.

    `otherwise` answers what is no call as most are: arguments that are converted or refused, sizes that
    nobody has bound.
    """

    def __init__(self, kept: Kept, otherwise: Callable[..., Any]) -> None:
        self.kept, self.otherwise = kept, otherwise
        self._held = [_Held(np.asarray(item)) for item in kept.constants]
        self._context = NativeContext()
        self._apart = Apart(())
        self._trying = threading.Lock()
        self.enter: Callable[..., Any] = make_entry(
            kept.spec, driver().address, self._context.context, self._missed, apart=self._apart.address,
            keep=[self],
        )  # fmt: skip

    def _missed(self, *arguments: Any, **named: Any) -> Any:
        """A call that the entry did not take: again, when what it may have missed is there."""
        if self._trying.acquire(blocking=False):
            try:
                widen()
                if self._bind(arguments, named):
                    return self.enter(*arguments, **named)
            finally:
                self._trying.release()
        return self.otherwise(*arguments, **named)

    def _bind(self, arguments: Sequence[Any], named: Mapping[str, Any]) -> bool:
        """Whether there are launches for the sizes of a call."""
        sizes = _sizes_of(self.kept.spec, arguments, named)
        if sizes is None or not self._context.locks.try_acquire():
            return False
        try:
            if self._context.find(sizes, self._held) is not None:
                return True
            binding = self._bound(sizes)
            if binding is not None:
                self._context.add(binding)
            return binding is not None
        finally:
            self._context.locks.release()

    def _bound(self, sizes: Mapping[str, int]) -> Binding | None:
        content = self.kept.cache.view(_bound_key(self.kept.key, sizes))
        if content is None:
            return None
        try:
            facts, blocks = unpacked(content)
            count = len(facts["symbols"])
            kernels = {**self.kept.addresses, **_loaded(facts["symbols"], blocks)}
            launches = [_launch_of(item) for item in facts["launches"]]
            tables = [np.frombuffer(block, np.int64) for block in blocks[count:]]
            stretches = Stretches([(0, len(launches))], launches, [], facts["scratch"], tables)
            return self._placed(sizes, stretches, kernels, facts["slab"])
        except _DAMAGES:
            return None

    def _placed(
        self, sizes: Mapping[str, int], stretches: Stretches, kernels: Mapping[str, int], slab: int
    ) -> Binding:
        context, spec = self._context, self.kept.spec
        context.reserve(slab)
        first = 1 + len(spec.symbols)
        slots = {Region.INPUT: first, Region.LAID: first, Region.OUTPUT: first + len(spec.arguments)}
        return Binding(
            stretches, kernels, sizes, spec.symbols, context.context.memory.slab,
            [item.array for item in self._held], slots, {},
        )  # fmt: skip


def _launch_of(facts: Sequence[Any]) -> Launch:
    symbol, numbers, chunks, checks = facts
    return Launch(symbol, [_number_of(item) for item in numbers], chunks, checks=checks)


def _number_of(item: Any) -> int | Pointer:
    return item if isinstance(item, int) else Pointer(Region(item[0]), item[1], item[2])


def _sizes_of(spec: EntrySpec, arguments: Sequence[Any], named: Mapping[str, Any]) -> dict[str, int] | None:
    """The values of the symbols in a call; None where arguments are no arrays, or do not fit."""
    rest = [named[name] for name in spec.names[len(arguments) :] if name in named]
    given = [*arguments, *rest]
    if len(given) != len(spec.arguments):
        return None
    sizes: dict[str, int] = {}
    for value, wanted in zip(given, spec.arguments, strict=True):
        if np.ndim(value) != len(wanted.shape) or (wanted.shape and type(value) is not np.ndarray):
            return None
        for extent, size in zip(wanted.shape, np.shape(value), strict=True):
            if isinstance(extent, str) and sizes.setdefault(extent, size) != size:
                return None
    return sizes
