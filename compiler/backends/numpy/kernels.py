"""Nests of maps and reductions as NumPy calls, tile by tile: what passes between members stays in cache."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from compiler.backends.numpy.atoms import EMITTERS, Site
from compiler.backends.numpy.choosing import LEAST_COLUMNS, chosen_arguments, keep_chosen, take_chosen
from compiler.backends.numpy.frame import Storage
from compiler.backends.numpy.pairs import as_number, find_pairs, sigmoids
from compiler.backends.numpy.reducers import REDUCES, SEARCHES, UFUNCS, identity
from compiler.backends.numpy.scratch import Scratch
from compiler.backends.numpy.tiles import Tiles
from compiler.backends.numpy.views import Axes, LoopViews
from compiler.backends.numpy.walking import in_memory_order
from compiler.backends.reference.atoms import ATOMS_IN_NUMPY
from compiler.backends.reference.conversion import convert
from compiler.ir.dims import evaluate
from compiler.ir.formula.tape import Const, TypedLine, infer_dtypes
from compiler.ir.node import Node
from compiler.ir.op import Access, Index, MapReduce, Reducer, Size, Trait
from compiler.ir.types import INT32, INT64, DType, Weak
from compiler.schedule.addresses import FromLoop, FromMember, MemoryAccess, memory_accesses, sources_of
from compiler.schedule.nest import Nest
from compiler.schedule.schedule import Kernel, Schedule


class NestWriter:
    """Writes one kernel that has a nest."""

    def __init__(self, storage: Storage, schedule: Schedule, kernel: Kernel, nest: Nest) -> None:
        self.storage = storage
        self.source = storage.source
        self.kernel = kernel
        self.stored = frozenset(schedule.outputs(kernel))
        nest = self.nest = in_memory_order(nest, kernel, self.stored, storage.regions, storage.sizes)
        self.views = LoopViews(storage, kernel, nest, self.stored)
        self.tiles = Tiles(storage, self.views.extents, self._may_cut())
        self.values: dict[Node, str] = {}
        self.taken: set[Node] = set()
        self.last_use = {node: place for place, user in enumerate(kernel.members) for node in user.operands}

    def write(self) -> None:
        """The statements of the kernel."""
        self._open_views()
        for node in self.kernel.members:
            if self._accumulates(node):
                self._start(node)
        with self.tiles.loop():
            waiting: list[tuple[str, str]] = []
            for place, node in enumerate(self.kernel.members):
                self._member(place, node, waiting)
                self._release(place)
            for target, value in waiting:
                self.source.call(np.copyto, target, value)

    def _may_cut(self) -> bool:
        """Whether the first loop can be cut: it is a row loop, and no search runs along it."""
        if self.nest.rows == 0 or (self.nest.rows == 1 and not self.views.extents):
            return False
        return not any(_op(n).reducer.is_search and 0 in self._reduced(n) for n in self.kernel.members)

    def _reduced(self, node: Node) -> tuple[int, ...]:
        return tuple(sorted(self.nest.reduced_by(node)))

    def _accumulates(self, node: Node) -> bool:
        return self.tiles.is_cut and 0 in self._reduced(node)

    def _open_views(self) -> None:
        """Views of arrays that come with the call are made before the tile loop."""
        members, regions = self.kernel.members, self.storage.regions
        for access in memory_accesses(members, self.stored, self.nest, regions):
            self.views.open(access.value, access.axes)

    def _stored(self, node: Node, axes: Axes) -> str:
        """The name of the present tile of a value that is stored outside the kernel."""
        name, array = self.views.open(node, axes)
        return (
            self.tiles.passing(name, 0 in self.views.loops(axes))
            if array is None
            else self.tiles.fixed(array)
        )

    def _member(self, place: int, node: Node, waiting: list[tuple[str, str]]) -> None:
        op, axes = _op(node), self.nest.axes_of(node)
        found = self._chosen(node)
        if found is not None and self._is_only_summed(node):
            self._take(node, found)
            return
        target = self._stored(node, axes) if node in self.stored else None
        shape = self.tiles.shape(self.views.loops(axes))
        is_direct = target is not None and not self._is_read_from(place, node)
        result = target if target is not None and is_direct else self.tiles.take(op.dtype, shape)
        if op.reducer is Reducer.NONE:
            self._map(node, op, result, shape)
        else:
            self._reduce(node, op, result, shape)
        if target is not None and not is_direct:
            waiting.append((target, result))
        self.values[node] = result

    def _is_read_from(self, place: int, node: Node) -> bool:
        """Whether this or a later member reads memory that the value is to be written over."""
        target = self.storage.array(node)
        if target is None:
            return False
        op = _op(node)
        first = place + 1 if op.reducer is Reducer.NONE else place
        readers = self.kernel.members[first:]
        outside = {x for reader in readers for x in reader.operands if x not in self.kernel.members}
        arrays = [self.storage.array(operand) for operand in outside]
        return any(array is not None and np.may_share_memory(array, target) for array in arrays)

    def _release(self, place: int) -> None:
        member = self.kernel.members[place]
        for node in {*member.operands, member}:
            if node in self.values and node not in self.stored and self.last_use.get(node, -1) <= place:
                self.tiles.give_back(self.values[node])

    # Maps that keep one element of a row

    def _chosen(self, node: Node) -> tuple[int, int] | None:
        """The arguments class and x of a map that keeps the element of each row at its class."""
        op = _op(node)
        found = chosen_arguments(op)
        if found is None or len(self.views.extents) != 2 or self.views.extents[1] < LEAST_COLUMNS:
            return None
        counter, classes, x = found
        index, access = op.arguments[counter], op.arguments[classes]
        assert isinstance(index, Index)
        assert isinstance(access, Access)
        is_a_row = self.nest.placement[node][index.loop] == 1 and index.loop not in access.axes
        dtypes = op.operand_dtypes([operand.type for operand in node.operands])
        is_plain = dtypes[classes] in (INT32, INT64) and dtypes[x] is op.dtype
        return (classes, x) if is_a_row and is_plain else None

    def _is_only_summed(self, node: Node) -> bool:
        """Whether nothing but sums along the rows, in this kernel, reads such a map."""
        readers = [user for user in self.kernel.members if node in user.operands]
        return node not in self.stored and all(
            _op(user).reducer is Reducer.SUM
            and _op(user).has(Trait.REDUCTION)
            and _op(user).dtype is node.type.dtype
            and self._reduced(user) == (1,)
            for user in readers
        )

    def _take(self, node: Node, found: tuple[int, int]) -> None:
        """The chosen elements alone; the sums of their rows are copies of them."""
        values = list(self._arguments(node))
        result = self.tiles.take(node.type.dtype, self.tiles.shape((0,)))
        classes, x = (self._shown(values[place]) for place in found)
        self.source.call(take_chosen, classes, x, str(self.views.extents[1]), result)
        self.values[node] = result
        self.taken.add(node)

    # Maps

    def _map(self, node: Node, op: MapReduce, result: str, shape: tuple[int, ...]) -> None:
        values = list(self._arguments(node))
        dtypes = op.operand_dtypes([operand.type for operand in node.operands])
        if any(item.type.dtype.is_storage for item in (node, *node.operands)):
            self.source.call(convert, result, self._shown(values[0]))
            return
        found = self._chosen(node)
        if found is not None:
            classes, x = (self._shown(values[place]) for place in found)
            self.source.call(keep_chosen, classes, x, result)
            return
        typed = infer_dtypes(op.formula, dtypes, op.dtype)
        known = [*dtypes, *(line.dtype for line in typed)]
        end = op.formula.result
        scratch = Scratch(self.tiles, shape, typed, end)
        pairs, opposites = find_pairs(typed, known), dict[int, str]()
        for number, line in enumerate(typed, len(values)):
            if number in opposites:
                values.append(opposites[number])
            elif number in pairs.unneeded:
                values.append(Const(0))
            elif number in pairs.second:
                values.append(scratch.take(line.dtype))
                opposites[pairs.second[number]] = scratch.take(line.dtype)
                argument = self._shown(values[as_number(line.line.arguments[0])])
                names = self._shown(values[number]), opposites[pairs.second[number]]
                self.source.call(sigmoids, argument, *names)
            else:
                is_last = line is typed[-1] and line.dtype is op.dtype
                values.append(self._line(line, values, known, result if is_last else None, scratch.take))
            scratch.release(number - len(dtypes), values, opposites)
        final = values[end] if isinstance(end, int) else end
        if final != result:
            self.source.call(np.copyto, result, self._shown(final), casting="'unsafe'")
        scratch.release_all()

    def _line(
        self,
        typed: TypedLine,
        values: Sequence[str | Const],
        dtypes: Sequence[DType | Weak],
        out: str | None,
        work: Callable[[DType], str],
    ) -> str | Const:
        references = typed.line.arguments
        arguments = [values[ref] if isinstance(ref, int) else ref for ref in references]
        if all(isinstance(item, Const) for item in arguments):
            return _folded(typed, [item for item in arguments if isinstance(item, Const)])
        target = out or work(typed.dtype)
        first = 1 if typed.line.atom == "where" else 0  # the condition is read as it is
        if _needs_casts(
            typed, arguments[first:], [dtypes[r] if isinstance(r, int) else None for r in references[first:]]
        ):
            arguments[first:] = [self._cast(item, typed.reads, work) for item in arguments[first:]]
        site = Site(self.source, typed.dtype, target, work)
        EMITTERS[typed.line.atom](site, *map(self._shown, arguments))
        return target

    def _cast(self, value: str | Const, dtype: DType, work: Callable[[DType], str]) -> str | Const:
        if isinstance(value, Const):
            return value
        made = work(dtype)
        self.source.call(np.copyto, made, value, casting="'unsafe'")
        return made

    def _shown(self, value: str | Const) -> str:
        """A name, or a literal as Python writes it; the weakness of a Python scalar is NumPy's too."""
        if isinstance(value, str):
            return value
        is_plain = isinstance(value.value, bool | int) or math.isfinite(value.value)
        return repr(value.value) if is_plain else self.source.bind(value.value, "c")

    def _arguments(self, node: Node) -> Iterator[str | Const]:
        for item in sources_of(node, self.kernel.members, self.nest, self.storage.regions):
            match item:
                case MemoryAccess():
                    yield self._stored(item.value, item.axes)
                case FromMember():
                    yield self.values[item.member]
                case FromLoop():
                    yield self._counter(item.loop)
                case Size():
                    yield Const(evaluate(item.extent, self.storage.sizes))
                case Const():
                    yield item

    def _counter(self, loop: int) -> str:
        shape = [n if k == loop else 1 for k, n in enumerate(self.views.extents)]
        return self.tiles.fixed(np.arange(self.views.extents[loop]).reshape(shape))

    # Reductions

    def _start(self, node: Node) -> None:
        """Fills an accumulator before the tile loop."""
        op = _op(node)
        name, _ = self.views.open(node, self.nest.axes_of(node))
        self.source.write(f"{name}.fill({self.source.bind(identity(op.reducer, op.dtype), 'identity_')})")

    def _reduce(self, node: Node, op: MapReduce, result: str, shape: tuple[int, ...]) -> None:
        value, taken = self._reduced_value(node, op)
        reduced = self._reduced(node)
        if op.reducer.is_search:
            self._search(node, value, result)
        elif not reduced or node.operands[0] in self.taken:
            self.source.call(np.copyto, result, value, casting="'unsafe'")
        elif not self._accumulates(node):
            self._reduce_into(op, value, reduced, result)
        else:
            part = self.tiles.take(op.dtype, shape)
            self._reduce_into(op, value, reduced, part)
            self.source.call(UFUNCS[op.reducer], result, part, out=result)
            self.tiles.give_back(part)
        if taken:
            self.tiles.give_back(value)

    def _reduced_value(self, node: Node, op: MapReduce) -> tuple[str, bool]:
        """What is reduced: the operand, or the product of operands in scratch."""
        names = [str(name) for name in self._arguments(node)]
        if len(names) == 1:
            return names[0], False
        loops = [loop for loop in self.nest.placement[node] if loop is not None]
        product = self.tiles.take(op.dtype, self.tiles.shape(loops))
        said = {"out": product, "casting": "'unsafe'"}
        if any(operand.type.dtype is not op.dtype for operand in node.operands):
            said["dtype"] = self.source.bind(op.dtype.numpy, "dtype_")  # else int32 products wrap
        self.source.call(np.multiply, names[0], names[1], **said)
        for name in names[2:]:
            self.source.call(np.multiply, product, name, **said)
        return product, True

    def _reduce_into(self, op: MapReduce, value: str, axes: Sequence[int], result: str) -> None:
        function = UFUNCS[op.reducer]
        reduce = self.source.bind(REDUCES[op.reducer], f"{function.__name__}_reduce_")
        dtype = self.source.bind(op.dtype.numpy, "dtype_")
        first = (
            [self.source.bind(identity(op.reducer, op.dtype), "identity_")]
            if op.reducer is not Reducer.SUM
            else []
        )
        self.source.write(f"{reduce}({', '.join([value, str(tuple(axes)), dtype, result, 'True', *first])})")

    def _search(self, node: Node, value: str, result: str) -> None:
        """The place of the first of the largest or smallest, in the order of the member's own loops."""
        axes = [loop for loop in self.nest.placement[node][_op(node).kept :] if loop is not None]
        if not axes:
            self.source.write(f"{result}.fill(0)")
        else:
            self.source.call(SEARCHES[_op(node).reducer], str(tuple(axes)), value, result)


def _op(node: Node) -> MapReduce:
    assert isinstance(node.op, MapReduce)
    return node.op


def _needs_casts(
    typed: TypedLine, arguments: Sequence[str | Const], dtypes: Sequence[DType | Weak | None]
) -> bool:
    """Whether NumPy would compute with another dtype than the line reads, left to itself."""
    items: list[Any] = []
    for argument, dtype in zip(arguments, dtypes, strict=True):
        items.append(
            argument.value if isinstance(argument, Const) else dtype.numpy if isinstance(dtype, DType) else 0
        )
    return np.result_type(*items) != typed.reads.numpy


def _folded(typed: TypedLine, arguments: Sequence[Const]) -> Const:
    """An atom of literals, as the literal that it is in the line's dtype."""
    values = [np.asarray(item.value).astype(typed.reads.numpy) for item in arguments]
    with np.errstate(all="ignore"):
        result = np.asarray(ATOMS_IN_NUMPY[typed.line.atom](*values)).astype(typed.dtype.numpy)
    return Const(result.item())
