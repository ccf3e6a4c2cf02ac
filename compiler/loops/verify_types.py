"""The laws of dtypes and lanes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from compiler.ir.formula.atoms import ATOMS, Rule
from compiler.ir.law import Law
from compiler.ir.op import Reducer
from compiler.ir.types import BOOL, FLOAT32, INT32, INT64, DType
from compiler.loops.atoms import ATOMS as MACHINE_ATOMS
from compiler.loops.atoms import Gives, Lanes
from compiler.loops.facts import Broken, Facts, law
from compiler.loops.language import (
    Count,
    Fold,
    Join,
    Let,
    Literal,
    Load,
    Operand,
    Store,
    Value,
    lanes_of,
    refs,
)

_CONDITIONS: Final = {"where": BOOL, "scalef": BOOL, "lane": INT64}
"""Atoms of machines whose first operand has a dtype of its own."""


_SINGLE: Final = {FLOAT32: "fs", INT32: "iw"}
"""What atoms say that they read, of dtypes that some read alone."""


def _dtype(operand: Operand) -> DType:
    return INT64 if isinstance(operand, Count) else operand.dtype


def _lanes(operand: Operand) -> int | None:
    """None of a literal, which has as many as it takes."""
    return None if isinstance(operand, Literal) else operand.lanes if isinstance(operand, Value) else 0


def _atoms(facts: Facts) -> Iterator[Broken]:
    for let in facts.each(Let):
        if not (_is_formula(let) or is_machine(let) or _is_beside(let)):
            operands = [_type(_dtype(item), _lanes(item)) for item in let.operands]
            yield let, f"{', '.join(operands)} give {_type(let.value.dtype, let.value.lanes)}"


def _type(dtype: DType, lanes: int | None) -> str:
    return f"{dtype.short}x{lanes}" if lanes else dtype.short


def _is_lane_by_lane(let: Let) -> bool:
    return all(_lanes(item) in (None, let.value.lanes) for item in let.operands)


def _is_formula(let: Let) -> bool:
    """Whether an atom of formulas has what it wants."""
    atom, dtypes = ATOMS.get(let.atom), [_dtype(item) for item in let.operands]
    if atom is None or len(dtypes) != atom.arity or not _is_lane_by_lane(let):
        return False
    result, alike = let.value.dtype, len(set(dtypes)) == 1
    match atom.rule:
        case Rule.WHERE:
            return dtypes == [BOOL, result, result]
        case Rule.COMPARISON | Rule.TEST:
            return alike and result is BOOL
        case Rule.BITWISE:
            return alike and result is dtypes[0] and not result.is_float
        case Rule.WORD:
            return alike and dtypes[0] is INT64 and result is INT32
        case Rule.WORDS:
            return alike and result is dtypes[0] is INT64
        case Rule.FLOATING:
            return alike and result is dtypes[0] and result.is_float
        case Rule.ARITHMETIC:
            return alike and result is dtypes[0] and result is not BOOL
        case Rule.INTEGER:
            return alike and result is dtypes[0] and result.is_integer
        case Rule.SELECTING:
            return alike and result is dtypes[0]


def is_machine(let: Let) -> bool:
    """Whether an atom is one of machines, and has what it wants."""
    atom, dtypes = MACHINE_ATOMS.get(let.atom), [_dtype(item) for item in let.operands]
    if atom is None or len(dtypes) != atom.operands:
        return False
    reads = dtypes[-1]
    first = _CONDITIONS.get(atom.name, reads)
    kinds = _SINGLE.get(reads) or ("f" if reads.is_float else "i" if reads.is_integer else "b")
    if (
        not set(kinds).intersection(atom.reads)
        or dtypes != [first, *[reads] * (len(dtypes) - 1)][: len(dtypes)]
    ):
        return False
    if atom.gives is not Gives.ANY and let.value.dtype is not atom.result(reads):
        return False
    last = _lanes(let.operands[-1])
    match atom.lanes:
        case Lanes.EACH:
            return _is_lane_by_lane(let)
        case Lanes.SPREAD:
            return not last and let.value.lanes > 0
        case Lanes.HALF:
            return last == 2 * let.value.lanes > 0
        case Lanes.ONE:
            return let.value.lanes == 0 and last != 0


def _is_beside(let: Let) -> bool:
    """Whether it is one of the atoms that only this language has, with what it wants."""
    dtypes = {_dtype(item) for item in let.operands}
    match let.atom:
        case "cast":
            return len(let.operands) == 1 and _is_lane_by_lane(let)
        case "fma" | "fms":
            is_alike = dtypes == {let.value.dtype} and let.value.dtype.is_float
            return len(let.operands) == 3 and is_alike and _is_lane_by_lane(let)
        case "place":
            return dtypes == {INT64} and let.value.dtype is INT64 and len(let.operands) % 2 == 1
        case _:
            return False


def _moves(facts: Facts) -> Iterator[Broken]:
    for load in facts.each(Load):
        if load.value.dtype not in _held(load.ref.memory.dtype):
            yield load, f"{load.value.dtype} from {load.ref.memory.dtype}"
        if load.mask is not None and not _fits(load.mask, load.value.lanes):
            yield load, "its mask has other lanes"
    for store in facts.each(Store):
        lanes = lanes_of(store)
        if _dtype(store.operand) not in _held(store.ref.memory.dtype):
            yield store, f"{_dtype(store.operand)} to {store.ref.memory.dtype}"
        if store.mask is not None and not _fits(store.mask, lanes):
            yield store, "its mask has other lanes"


def _held(dtype: DType) -> tuple[DType, ...]:
    """What elements of a dtype are in registers; of storage dtypes an int32, once a kernel is lowered."""
    return (dtype, INT32) if dtype.is_storage else (dtype,)


def _fits(mask: Value, lanes: int) -> bool:
    return mask.dtype is BOOL and mask.lanes == lanes and lanes > 0


def _vectors_of_places(facts: Facts) -> Iterator[Broken]:
    for stmt, _ in facts.statements:
        if not isinstance(stmt, Load | Store) or stmt.ref.at is None:
            continue
        at, item = stmt.ref.at, stmt.value if isinstance(stmt, Load) else stmt.operand
        if at.dtype is not INT64 or not at.lanes or at.lanes != _lanes(item):
            yield stmt, f"{at.dtype} of {at.lanes} lanes"


def _places_say_no_more(facts: Facts) -> Iterator[Broken]:
    """Or kernels that mean the same would have two texts, and a text would not say which it is of."""
    for stmt, _ in facts.statements:
        for ref in refs(stmt):
            is_vector = isinstance(stmt, Load | Store) and lanes_of(stmt) > 0
            has_step = is_vector and ref.at is None
            if (ref.step != 1 and not has_step) or (ref.stride != 1 and ref.at is None):
                yield stmt, "it has one of its own"


def _states(reducer: Reducer, dtype: DType) -> tuple[DType, ...]:
    """The dtypes of a reduction's state."""
    if reducer.is_search:
        return dtype, INT64
    return (dtype, BOOL) if dtype.is_float and not reducer.has_identity else (dtype,)


def _folds(facts: Facts) -> Iterator[Broken]:
    for fold in facts.each(Fold):
        states = _states(fold.reducer, fold.following[0].dtype) if fold.following else ()
        items = states if fold.reducer.is_search else states[:1]
        lanes = {value.lanes for value in fold.following}
        if fold.reducer is Reducer.NONE or not states:
            yield fold, "it reduces nothing"
        elif tuple(value.dtype for value in fold.following) != states:
            yield fold, f"its state is {_shown(fold.following)}"
        elif tuple(map(_dtype, fold.state)) != states or tuple(map(_dtype, fold.item)) != items:
            yield fold, f"{_shown(fold.item)} into {_shown(fold.state)}"
        elif len(lanes | {_lanes(item) for item in (*fold.state, *fold.item)} - {None}) != 1:
            yield fold, "its lanes differ"
        elif fold.mask is not None and not _fits(fold.mask, *lanes):
            yield fold, "its mask has other lanes"


def _shown(operands: Sequence[Operand]) -> str:
    return ", ".join(str(_dtype(item)) for item in operands) or "nothing"


def _joins(facts: Facts) -> Iterator[Broken]:
    for join in facts.each(Join):
        dtypes = tuple(map(_dtype, join.state))
        if not dtypes or dtypes != _states(join.reducer, dtypes[0]) or join.reducer is Reducer.NONE:
            yield join, f"its state is {_shown(join.state)}"
            continue
        lanes = {_lanes(item) for item in join.state} - {None}
        result = INT64 if join.reducer.is_search else dtypes[0]
        if join.value.dtype is not result:
            yield join, f"it gives {join.value.dtype}, and not {result}"
        elif len(lanes) > 1 or (join.value.lanes and lanes != {join.value.lanes}):
            yield join, f"lanes {', '.join(map(str, lanes))} give {join.value.lanes}"


TYPE_LAWS: Final[tuple[Law[Facts], ...]] = (
    law("An atom is known, and its operands and its value have the dtypes and lanes that it wants.", _atoms),
    law("What is loaded or stored has the dtype of memory or its registers, masks a truth a lane.", _moves),
    law("Places in memory are int64, one for each lane.", _vectors_of_places),
    law("A place has a step of lanes or a stride of a value only where it has those.", _places_say_no_more),
    law(
        "The state of a reduction is a value, with a largest float if a NaN was seen, with a search a place.",
        _folds,
    ),
    law("A join gives the result of a state, in one lane or in as many as the state has.", _joins),
)
