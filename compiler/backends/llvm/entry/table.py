"""The layout of the table that drives the native entry: sizes of its parts, in slots of 64 bits."""

from __future__ import annotations

MAXIMUM_RANK = 8
MAXIMUM_FACTORS = 4
MAXIMUM_SLOTS = 256
"""Slots of a frame: context, extents, arguments and results together."""

ARGUMENT_SLOTS = 3 + MAXIMUM_RANK
"""type number, rank, flags that must be set, extents (a symbol s is -1 - s)."""

RESULT_SLOTS = 2 + MAXIMUM_RANK
"""dtype object, rank, the slot of each extent's polynomial."""

TERM_SLOTS = 1 + MAXIMUM_FACTORS
"""coefficient, symbols that it is multiplied with (-1 for none). A polynomial is a count before its terms."""

HEADER_SLOTS = 16
"""Slots of the table before its records, in this order:

    0 program   1 context   2 symbols   3 arguments   4 results   5 locks   6 whether one result comes bare
    7 slot of the arguments   8 of the results   9 of the locks   10 of the bytes of the slab
    11 of the predicted nanoseconds   12 nanoseconds from which the interpreter lock is released
    13 slot of the bytes of the results   14 demands   15 slot of the slots of their polynomials
"""
