"""Columns: the data of a fit, one for each input, and how workers come to have them.

An array is sent to each worker once, a memory-mapped file is mapped there again, and of a Dask array each
worker computes the rows that it has. Batches that come one after another are sent as they come.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

import numpy as np

from compiler.errors import ArgumentError, ClusterError
from compiler.ir.types import dtype_of
from compiler.program import Program
from tinytorch.cluster.aligned import Aligned
from tinytorch.cluster.library import cloudpickle
from tinytorch.data.loader import DataLoader
from tinytorch.fitting.feeding import Batching, Feed, Loader
from tinytorch.values import typed_array

Array: TypeAlias = np.ndarray[Any, Any]

PLACES: Final = "places of rows"
"""The key of a batch that says which rows it has; no input has such a name."""


@dataclass(frozen=True, slots=True)
class File:
    """A memory-mapped array: where it lies."""

    path: str
    size: int
    offset: int
    dtype: str
    shape: tuple[int, ...]
    order: str

    def opened(self) -> Array:
        """The array, mapped. Raises ClusterError where the file is not there, or of another size."""
        found = os.stat(self.path).st_size if os.path.exists(self.path) else None  # noqa: PTH116, PTH110  # a worker's path may not be a local one's
        if found != self.size:
            what = "is not there" if found is None else f"has {found} bytes there and {self.size} here"
            raise ClusterError(
                f"a worker reads its own part of {self.path!r}, which {what}\n"
                "  fix: a folder that all machines share, or np.array(...) of it, which is sent"
            )
        order: Any = self.order
        return np.memmap(self.path, np.dtype(self.dtype), "r", self.offset, self.shape, order)


@dataclass(frozen=True, slots=True)
class Chunked:
    """A Dask array, as Dask writes it, with the dtype that the program reads."""

    pickled: bytes
    dtype: str

    def opened(self) -> Any:
        """The array: its rows are computed when they are asked for."""
        return _Computed(cloudpickle.loads(self.pickled), np.dtype(self.dtype))


class _Computed:
    """Rows of a Dask array, computed in the thread that asks."""

    def __init__(self, array: Any, dtype: np.dtype[Any]) -> None:
        self.array, self.dtype = array, dtype

    def __getitem__(self, places: Any) -> Array:
        found = self.array[places].compute(scheduler="synchronous")
        return np.ascontiguousarray(found, self.dtype)


def sent(column: Any) -> Any:
    """What is sent of a column: the place of its file, Dask's own words, or the array."""
    if is_chunked(column):
        return Chunked(cloudpickle.dumps(column), dtype_of(column.dtype).value)
    if isinstance(column, np.memmap) and isinstance(column.base, mmap.mmap):
        array = cast("np.memmap[Any, Any]", column)
        path = os.path.abspath(str(array.filename))  # noqa: PTH100  # as the worker writes it
        order = "C" if array.flags.c_contiguous else "F"
        size = os.stat(path).st_size  # noqa: PTH116  # likewise
        return File(path, size, array.offset, array.dtype.str, array.shape, order)
    return Aligned(cast("Array", column))


def received(column: Any) -> Any:
    """The column of what was sent."""
    return column.opened() if isinstance(column, File | Chunked) else column.array


def rows_of_columns(columns: Mapping[str, Any], places: range | Array) -> dict[str, Array]:
    """Some rows of all columns, as arrays of their own."""
    if isinstance(places, range):
        part = slice(places.start, places.stop)
        return {name: np.array(column[part]) for name, column in columns.items()}
    return {name: np.asarray(column[places]) for name, column in columns.items()}


def is_chunked(column: Any) -> bool:
    """Whether a column is a collection of Dask."""
    return hasattr(column, "__dask_graph__")


class PlacedFeed(Feed):
    """A feed whose batches are the places of rows, where the data are columns; else it is a feed."""

    def __init__(self, program: Program, data: Any, batching: Batching, given: Mapping[str, Any]) -> None:
        self.columns: dict[str, Any] | None = None
        super().__init__(program, data, batching, given)

    def batches(self, epoch: int, start: int = 0) -> Iterator[tuple[dict[str, Any], int]]:
        """Places of rows and their number; or, of what comes in batches, as `Feed.batches`."""
        loader = self.loader
        if self.columns is None or not isinstance(loader, DataLoader):
            yield from super().batches(epoch, start)
            return
        for found in loader.places(epoch, start):
            places = range(found.start, found.stop) if isinstance(found, slice) else found
            yield {PLACES: places}, len(places)

    def _loader(self, data: Any, batching: Batching) -> Loader:
        loader = data if isinstance(data, DataLoader) else None
        columns = self._columns(data) if loader is None else None
        if loader is not None and loader.columns is not None:
            columns = self._arranged(loader.columns)
        if columns is None:
            return super()._loader(data, batching)
        self.columns = {
            name: column if is_chunked(column) else _typed(column) for name, column in columns.items()
        }
        if loader is not None:
            return loader
        shown = {name: _like(column) for name, column in self.columns.items()}
        return DataLoader(
            shown, batching.batch_size, batching.shuffle, drop_last=batching.drop_last, seed=batching.seed
        )


def _typed(column: Any) -> Any:
    if is_chunked(column) or isinstance(column, np.memmap):
        return cast(Any, column)
    return typed_array(column)


def _like(column: Any) -> Array:
    """An array of the type of a Dask array that takes no memory; any other as it is."""
    if not is_chunked(column):
        return column
    if any(count != count for count in column.shape):  # NaN where Dask does not know
        raise ArgumentError(
            "a Dask array whose chunks have unknown lengths has no rows to make batches of\n"
            "  fix: array.compute_chunk_sizes()"
        )
    return np.broadcast_to(np.zeros((), dtype_of(column.dtype).numpy), column.shape)
