"""Feeding: data of a user, as the arguments of a program, batch by batch, checked before the first step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Protocol, TypeAlias, cast

import numpy as np

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.node import Node, describe
from compiler.program import Program
from tinytorch.data.loader import Again, DataLoader

Array: TypeAlias = np.ndarray[Any, Any]

BATCH_SIZE: Final = 32
"""The batch size of `tt.fit`, and so what a loader that comes with its own is not asked to have."""


@dataclass(frozen=True, slots=True)
class Batching:
    """How arrays become batches; what comes in batches has its own way."""

    batch_size: int = BATCH_SIZE
    shuffle: bool = False
    drop_last: bool = False
    seed: Any = None

    def check(self, data: Any) -> None:
        """Raises ArgumentError where it is asked for of data that come in batches of their own."""
        unasked = {"batch_size": BATCH_SIZE, "shuffle": True, "drop_last": False, "seed": None}
        for name, default in unasked.items():
            asked = getattr(self, name)
            if asked not in (default, getattr(data, name, None if name != "shuffle" else False)):
                raise ArgumentError(
                    f"{name}={asked!r} is for arrays, and a {type(data).__name__} makes its own batches\n"
                    f"  fix: leave {name} out, or tt.DataLoader(..., {name}={asked!r})"
                )


class Loader(Protocol):
    """What gives batches, epoch by epoch."""

    epoch: int

    @property
    def steps(self) -> int | None:
        """How many an epoch has, where that is known."""
        ...

    def batches(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """Those of an epoch, without the first `start`."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What the order depends on."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from there."""
        ...


class Batches:
    """An iterable of batches as it is."""

    def __init__(self, items: Iterable[Any]) -> None:
        self.again = Again(items)
        self.steps = len(items) if isinstance(items, Sized) else None
        self.epoch = 0

    def batches(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """Those of an epoch, which are the same ones in another order or not: nobody knows."""
        return islice(self.again.iterate(epoch), start, None)

    def state_dict(self) -> dict[str, Any]:
        """The epoch."""
        return {"epoch": self.epoch}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes the epoch."""
        self.epoch = int(state["epoch"])


class Feed:
    """Batches for a program: `arguments` in the order of its inputs, and how many rows each has.

    `given` are the names of inputs that are not data. `what` says in errors whose data they are.
    """

    def __init__(
        self, program: Program, data: Any, batching: Batching, given: Iterable[str], what: str = "data"
    ) -> None:
        self.program, self.what = program, what
        inputs = dict(zip(program.signature.names, program.signature.inputs, strict=True))
        self.given = [name for name in given if name in inputs]
        self.inputs: dict[str, Node] = {name: node for name, node in inputs.items() if name not in self.given}
        if not self.inputs:
            raise ArgumentError(f"no input takes {what}: the inputs are {_listed(inputs)}")
        self.loader = self._loader(data, batching)
        self.donated = program.signature.donated
        """Inputs whose arrays a program may overwrite: it is given copies, for they are the user's."""
        self._copied = self.donated & self.inputs.keys()

    @property
    def steps(self) -> int | None:
        """How many batches an epoch has, where that is known."""
        return self.loader.steps

    def batches(self, epoch: int, start: int = 0) -> Iterator[tuple[dict[str, Any], int]]:
        """The values of inputs by name, and the number of rows. Raises ArgumentError for others."""
        for batch in self.loader.batches(epoch, start):
            named = self._named(batch)
            copies = {name: np.array(named[name]) for name in self._copied}
            yield {**named, **copies}, self._rows(named)

    def check(self, given: Mapping[str, Any], epochs: int) -> None:
        """Raises ShapeError or DTypeError, before the first step, for arrays that the program refuses."""
        loader = self.loader
        if isinstance(loader, Batches) and loader.again.is_single and epochs > 1:
            loader.again.refuse(2)
        if not isinstance(loader, DataLoader) or loader.columns is None or loader.rows is None:
            return
        columns = self._arranged(loader.columns)
        size = min(loader.batch_size, loader.rows)
        for name, node in self.inputs.items():
            _check_extent(node, columns[name], loader, self.what)
        beside = {name: given[name] for name in self.given}
        sample = {name: array[:size] for name, array in columns.items()}
        copies = {name: np.array(sample[name]) for name in self._copied}
        self.program.signature.bind((), {**sample, **copies, **beside})

    def _arranged(self, columns: Mapping[Any, Array]) -> dict[str, Array]:
        """The columns of a loader by the names of inputs."""
        is_dict = all(isinstance(key, str) for key in columns)
        return self._named(dict(columns) if is_dict else tuple(columns.values()))

    def _loader(self, data: Any, batching: Batching) -> Loader:
        if isinstance(data, DataLoader):
            return data
        arrays = self._columns(data)
        if arrays is None:
            return Batches(_iterable(data, self.what))
        return DataLoader(
            arrays, batching.batch_size, batching.shuffle, drop_last=batching.drop_last, seed=batching.seed
        )

    def _columns(self, data: Any) -> dict[str, Any] | None:
        """Arrays by the names of inputs, where the data are arrays of all examples; None for batches."""
        is_array = hasattr(data, "dtype") and hasattr(data, "shape")
        if is_array or isinstance(data, tuple | Mapping):
            return self._named(data)
        items: list[Any] = cast("list[Any]", data) if isinstance(data, list) else []
        is_columns = len(self.inputs) > 1 and not any(isinstance(x, tuple | list | Mapping) for x in items)
        return self._named(tuple(items)) if items and is_columns else None

    def _named(self, values: Any) -> dict[str, Any]:
        """What is given for each input by its name. Raises ArgumentError for one too many or too few."""
        if isinstance(values, dict) and cast("dict[Any, Any]", values).keys() == self.inputs.keys():
            return cast("dict[str, Any]", values)
        if isinstance(values, Mapping):
            found: dict[str, Any] = dict(cast("Mapping[str, Any]", values))
        else:
            many = isinstance(values, tuple | list)
            items: list[Any] = list(cast("Sequence[Any]", values)) if many else [values]
            if len(items) > len(self.inputs):
                raise ArgumentError(
                    f"{self.what} have {len(items)} arrays for the inputs {_listed(self.inputs)}"
                )
            found = dict(zip(self.inputs, items, strict=False))
        if unknown := [name for name in found if name not in self.inputs]:
            why = "is given by inputs=, too" if unknown[0] in self.given else "is no input"
            raise ArgumentError(
                f"{self.what} have {unknown[0]!r}, which {why}; the inputs are {_listed(self.inputs)}"
            )
        for name, node in self.inputs.items():
            if name not in found:
                fix = f"inputs={{{name!r}: ...}} for one value, or a column of {self.what}"
                raise ArgumentError(f"input {name!r} has no data: {describe(node)}\n  fix: {fix}")
        return found

    def _rows(self, named: dict[str, Any]) -> int:
        for value in named.values():
            if shape := np.shape(value):
                return shape[0]
        return 1


def _check_extent(node: Node, array: Array, loader: DataLoader, what: str) -> None:
    """Raises ShapeError where an input has an extent that not every batch has."""
    if not node.type.shape:
        raise ShapeError(
            f"input {node.name!r} is {node.type}, one value, and was given {what} of {list(array.shape)}\n"
            f"  fix: inputs={{{node.name!r}: value}}"
        )
    wanted = node.type.shape[0]
    if not isinstance(wanted, int):
        return
    symbolic = ", ".join(map(repr, ("batch", *node.type.shape[1:])))
    fix = f'tt.input("{node.name}", ({symbolic}{"," * (node.type.rank == 1)}))'.replace("'", '"')
    rows, size = len(array), loader.batch_size
    if rows >= size and size != wanted:
        raise ShapeError(
            f"input {node.name!r} is {node.type}, and batches of {what} have {size} rows\n"
            f"  fix: {fix}, or batch_size={wanted}"
        )
    rest = rows % size
    if rest and not loader.drop_last and rest != wanted:
        raise ShapeError(
            f"input {node.name!r} is {node.type}, and the last batch of {what} has {rest} rows\n"
            f"  fix: {fix}, or drop_last=True"
        )


def _iterable(data: Any, what: str) -> Iterable[Any]:
    if isinstance(data, Iterable) and not isinstance(data, str | bytes):
        return cast("Iterable[Any]", data)
    raise ArgumentError(
        f"{what} are a tuple or dict of arrays, a tt.DataLoader or an iterable of batches, not {data!r}"
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
