"""The four kinds of op, and the leaves.

    Op         ::= MapReduce | Prefix | Layout | Call | Leaf
    MapReduce  ::= out[O] = reducer over K of formula(argument, ...)
    argument   ::= Access       the next operand at loop indices, one (or the unit axis) for each of its axes
                 | Index        the value of a loop index
                 | Size         an extent
                 | Const        a literal
    Prefix     ::= cumsum | cumprod | cummax | cummin | recurrence, along an axis, forwards or in reverse
    Layout     ::= reshape | transpose | broadcast | diagonal | slice | window | pad | concatenate | gather
                 | scatter_add | fold | scatter | insert
    Call       ::= an opaque pure function with a declared result type
    Leaf       ::= input | parameter | constant

An op is a value: two nodes with equal ops and the same operands compute the same thing.

Each kind has its own file; this one has all their names.
"""

from compiler.ir.buffer import Buffer, Locks, Role
from compiler.ir.layout import (
    Broadcast,
    Concatenate,
    Diagonal,
    Gather,
    Layout,
    Pad,
    Reshape,
    ScatterAdd,
    Slice,
    Transpose,
)  # fmt: skip
from compiler.ir.leaf import Constant, Input, Parameter, constant_of
from compiler.ir.map_reduce import Access, Argument, Index, MapReduce, Reducer, Size, reduced_dtype
from compiler.ir.prefix import Prefix, Scan
from compiler.ir.trait import ArrayFunction, Call, Op, Shareable, Trait
from compiler.ir.updates import Combine, Insert, Scatter, Update
from compiler.ir.windows import Fold, Window

LAYOUTS: tuple[type[Layout], ...] = (
    Reshape, Transpose, Broadcast, Diagonal, Slice, Window, Pad, Concatenate, Gather, ScatterAdd, Fold,
    Scatter, Insert,
)  # fmt: skip
"""Every layout op."""

__all__ = [
    "Access",
    "Argument",
    "ArrayFunction",
    "Broadcast",
    "Buffer",
    "Call",
    "Combine",
    "Concatenate",
    "Constant",
    "Diagonal",
    "Fold",
    "Gather",
    "Index",
    "Input",
    "Insert",
    "LAYOUTS",
    "Layout",
    "Locks",
    "MapReduce",
    "Op",
    "Pad",
    "Parameter",
    "Prefix",
    "Reducer",
    "Role",
    "Reshape",
    "Scan",
    "Scatter",
    "ScatterAdd",
    "Shareable",
    "Size",
    "Slice",
    "Trait",
    "Transpose",
    "Update",
    "Window",
    "constant_of",
    "reduced_dtype",
]
