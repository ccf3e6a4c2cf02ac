"""DataLoader: batches of arrays, of sequences and of whatever can be iterated over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NoReturn, TypeAlias, cast

import numpy as np

from compiler.errors import ArgumentError, ShapeError, SymbolicValueError
from compiler.ir.numbers import whole_number
from tinytorch.values import checked_seed, typed_array

Array: TypeAlias = np.ndarray[Any, Any]
Collate: TypeAlias = Callable[[list[Any]], Any]


class DataLoader:
    """Batches of data, in another order each time (torch.utils.data.DataLoader).

        loader = tt.DataLoader((images, labels), batch_size=64, shuffle=True, seed=0)
        for x, y in loader: ...

    `dataset` is an array, or a tuple or a dict of arrays of equal length along axis 0: batches are arranged
    like it, and unless they are shuffled are views of the arrays, to be read only. Or it is a sequence (`len`
    and `[index]`; a list, too) or another iterable of examples, each an array, a number, or a tuple or dict
    of them, which are stacked along a new axis 0, by `collate_fn` if one is given. Nothing that is given is
    written to.

    The order of an epoch is a permutation made from (seed, epoch) alone: the k-th time that one iterates over
    a loader the order is the same in every process, whatever happened before. `seed` is an int, a
    `numpy.random.Generator`, which gives one, or None for another one each time, which stands in
    `loader.seed`. `loader.epoch` is the epoch that comes next; it is counted up when an iteration begins.

    Raises ShapeError for arrays of different lengths, and for none; ArgumentError for data that cannot be
    shuffled because nobody knows how much there is, and for a batch size below 1.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        *,
        collate_fn: Collate | None = None,
        drop_last: bool = False,
        seed: int | np.random.Generator | None = None,
    ) -> None:
        self.dataset = dataset
        self.batch_size = _positive("a batch has", batch_size)
        self.shuffle, self.drop_last = bool(shuffle), bool(drop_last)
        given = checked_seed(seed)
        self._is_seeded = given is not None
        self.seed = int(np.random.default_rng().integers(2**63)) if given is None else given
        self.epoch = 0
        self._source = _source_of(dataset, collate_fn or _stacked)
        if self.shuffle and self.rows is None:
            raise ArgumentError(
                f"{type(dataset).__name__} has no length, so it cannot be shuffled\n"
                "  fix: shuffle=False, or list(dataset)"
            )

    @property
    def rows(self) -> int | None:
        """The number of examples; None for an iterable that does not say."""
        return self._source.rows

    @property
    def steps(self) -> int | None:
        """The number of batches of an epoch; None for an iterable that does not say how much it has."""
        if self.rows is None:
            return None
        whole, rest = divmod(self.rows, self.batch_size)
        return whole + bool(rest and not self.drop_last)

    @property
    def columns(self) -> dict[Any, Array] | None:
        """The arrays by key or place, where the data are arrays."""
        return self._source.columns if isinstance(self._source, _Rows) else None

    def __len__(self) -> int:
        steps = self.steps
        if steps is None:
            raise SymbolicValueError("how many batches an iterable has is known when it has been read")
        return steps

    def __iter__(self) -> Iterator[Any]:
        epoch = self.epoch
        self.epoch += 1
        return self.batches(epoch)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """The batches of an epoch, without the first `start`; `loader.epoch` stays as it is."""
        if isinstance(self._source, _Stream):
            return self._streamed(self._source, epoch, start)
        return self._indexed(self._source, epoch, start)

    def _indexed(self, source: _Rows | _Items, epoch: int, start: int) -> Iterator[Any]:
        for places in self.places(epoch, start):
            yield source.take(places)

    def places(self, epoch: int, start: int = 0) -> Iterator[slice | Array]:
        """Which examples the batches of an epoch have, without the first `start`: a range, or their numbers.

        Raises SymbolicValueError for an iterable that does not say how much it has.
        """
        if self.rows is None:
            raise SymbolicValueError("the examples of an iterable have no numbers")
        order = np.random.default_rng([self.seed, epoch]).permutation(self.rows) if self.shuffle else None
        rows, size = self.rows, self.batch_size
        for begin in range(start * size, rows - rows % size if self.drop_last else rows, size):
            part = slice(begin, min(begin + size, rows))
            yield part if order is None else order[part]

    def _streamed(self, source: _Stream, epoch: int, start: int) -> Iterator[Any]:
        examples = source.again.iterate(epoch)
        next(islice(examples, start * self.batch_size, start * self.batch_size), None)
        while batch := list(islice(examples, self.batch_size)):
            if len(batch) < self.batch_size and self.drop_last:
                return
            yield source.collate(batch)

    def state_dict(self) -> dict[str, Any]:
        """What the order of batches depends on: for a checkpoint."""
        return {
            "rows": self.rows, "batch_size": self.batch_size, "shuffle": self.shuffle,
            "drop_last": self.drop_last, "seed": self.seed, "epoch": self.epoch,
        }  # fmt: skip

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes the epoch of another loader of data like this, and its seed unless this one was given one.

        Raises ArgumentError where the batches would be others.
        """
        own = self.state_dict()
        seed = ("seed",) if self._is_seeded and self.shuffle else ()
        for name in ("rows", "batch_size", "shuffle", "drop_last", *seed):
            if state.get(name) != own[name]:
                raise ArgumentError(
                    f"the batches would not be the same: {name} was {state.get(name)!r} and is {own[name]!r}"
                )
        self.seed, self.epoch = int(state["seed"]), int(state["epoch"])

    def __repr__(self) -> str:
        steps = "unknown" if self.steps is None else self.steps
        return (
            f"DataLoader(rows={self.rows}, batch_size={self.batch_size}, batches={steps}, seed={self.seed})"
        )


class _Rows:
    """Arrays of one length, and how they are arranged in a batch."""

    def __init__(self, columns: Mapping[Any, Any], arrange: Callable[[dict[Any, Array]], Any]) -> None:
        self.columns = {key: typed_array(value) for key, value in columns.items()}
        self.arrange = arrange
        self.rows = _length(self.columns)

    def take(self, places: Any) -> Any:
        """A batch: views for a slice, which nobody can write to, copies for indices."""
        take = _view if isinstance(places, slice) else _copy
        return self.arrange({key: take(array, places) for key, array in self.columns.items()})


def _view(array: Array, part: Any) -> Array:
    found = array[part]
    found.flags.writeable = False
    return found


def _copy(array: Array, places: Any) -> Array:
    return array.take(places, axis=0)


class _Items:
    """A sequence of examples."""

    def __init__(self, items: Sequence[Any], collate: Collate) -> None:
        self.items, self.collate = items, collate
        self.rows = len(items)
        if not self.rows:
            raise ShapeError("there are no data: the sequence is empty")

    def take(self, places: Any) -> Any:
        found = range(self.rows)[places] if isinstance(places, slice) else cast("Array", places).tolist()
        return self.collate([self.items[place] for place in found])


class _Stream:
    """Examples that come one after another."""

    rows = None

    def __init__(self, items: Iterable[Any], collate: Collate) -> None:
        self.again, self.collate = Again(items), collate


class Again:
    """An iterable that is read once an epoch. One that can be read only once has one epoch."""

    def __init__(self, items: Iterable[Any]) -> None:
        self.items = items
        self.is_read = False

    @property
    def is_single(self) -> bool:
        """Whether it can be read only once."""
        return isinstance(self.items, Iterator)

    def iterate(self, epoch: int) -> Iterator[Any]:
        """Its items. Raises ArgumentError where they are gone."""
        if self.is_single and self.is_read:
            self.refuse(epoch + 1)
        self.is_read = True
        return iter(self.items)

    def refuse(self, epoch: int) -> NoReturn:
        """Raises the error of an iterator that is asked for a second epoch."""
        raise ArgumentError(
            f"a {type(self.items).__name__} can be read once, and epoch {epoch} would need it again\n"
            "  fix: list(...) of it, or an object whose __iter__ begins anew"
        )


def _source_of(dataset: Any, collate: Collate) -> _Rows | _Items | _Stream:
    """How batches are taken from what was given. Raises ArgumentError for what gives none."""
    if isinstance(dataset, Mapping):
        return _Rows(cast("Mapping[Any, Any]", dataset), dict)
    if isinstance(dataset, tuple):
        given = cast("tuple[Any, ...]", dataset)
        return _Rows(dict(enumerate(given)), lambda found: tuple(found.values()))
    if hasattr(dataset, "dtype") and hasattr(dataset, "shape"):
        return _Rows({0: dataset}, lambda found: found[0])
    if hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__"):
        return _Items(dataset, collate)
    if isinstance(dataset, Iterable):
        return _Stream(cast("Iterable[Any]", dataset), collate)
    raise ArgumentError(
        "data are an array, a tuple or dict of arrays, a sequence or an iterable of examples, not "
        f"{dataset!r}"
    )


def _stacked(items: list[Any]) -> Any:
    """Examples as one batch: arranged like the first, each part stacked along a new axis 0.

    Raises ShapeError where they have different shapes.
    """
    first = items[0]
    if isinstance(first, Mapping):
        keys = list(cast("Mapping[Any, Any]", first))
        return {key: _stack([item[key] for item in items]) for key in keys}
    if isinstance(first, tuple | list):
        count = len(cast("Sequence[Any]", first))
        return tuple(_stack([item[place] for item in items]) for place in range(count))
    return _stack(items)


def _stack(values: list[Any]) -> Array:
    if not hasattr(values[0], "dtype"):
        return typed_array(values)
    arrays = [typed_array(value) for value in values]
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        shown = " and ".join(str(list(shape)) for shape in sorted(shapes)[:2])
        raise ShapeError(
            f"the examples of a batch have different shapes: {shown}\n  fix: a collate_fn that pads them"
        )
    return np.stack(arrays)


def _length(columns: Mapping[Any, Array]) -> int:
    if not columns:
        raise ShapeError("there are no data: no arrays were given")
    for key, array in columns.items():
        if not array.ndim:
            raise ShapeError(f"data {key!r} is one number, and has no rows to make batches of")
    (first, array), *others = columns.items()
    for key, other in others:
        if len(other) != len(array):
            raise ShapeError(
                f"arrays of data have different lengths: {first!r} has {len(array)} rows and {key!r} has "
                f"{len(other)}"
            )
    if not len(array):
        raise ShapeError(f"there are no data: {first!r} is {array.dtype}{list(array.shape)}")
    return len(array)


def _positive(what: str, value: Any) -> int:
    found = whole_number(value)
    if found is None or found < 1:
        raise ArgumentError(f"{what} at least one example, not {value!r}")
    return found
