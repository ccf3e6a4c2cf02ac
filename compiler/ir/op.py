"""The three kinds of op, and the leaves.

    Op         ::= MapReduce | Layout | Call | Leaf
    MapReduce  ::= out[O] = reducer over K of formula(argument, ...)
    argument   ::= Access       the next operand at loop indices, one (or the unit axis) for each of its axes
                 | Index        the value of a loop index
                 | Size         an extent
                 | Const        a literal
    Layout     ::= reshape | transpose | broadcast | diagonal | slice | pad | concatenate | gather
                 | scatter_add
    Call       ::= an opaque pure function with a declared result type
    Leaf       ::= input | parameter | constant

An op is a value: two nodes with equal ops and the same operands compute the same thing.

Each kind has its own file; this one has all their names.
"""

from compiler.ir.buffer import Buffer, Locks
from compiler.ir.layout import (
    LAYOUTS,
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
from compiler.ir.trait import Call, Op, Trait

__all__ = [
    "Access",
    "Argument",
    "Broadcast",
    "Buffer",
    "Call",
    "Concatenate",
    "Constant",
    "Diagonal",
    "Gather",
    "Index",
    "Input",
    "LAYOUTS",
    "Layout",
    "Locks",
    "MapReduce",
    "Op",
    "Pad",
    "Parameter",
    "Reducer",
    "Reshape",
    "ScatterAdd",
    "Size",
    "Slice",
    "Trait",
    "Transpose",
    "constant_of",
    "reduced_dtype",
]
