"""The native entry itself: one function for all programs, driven by a table of each (see `entry`).

Written as IR text, because it is fixed. It is compiled once per machine and kept in the object cache, so it
names everything of this process (functions of CPython and NumPy, the array type, None) as an external symbol.
"""

from __future__ import annotations

from compiler.backends.llvm.array_header import (
    BYTE_ORDER_OFFSET,
    DATA_OFFSET,
    DESCRIPTOR_OFFSET,
    DIMENSIONS_OFFSET,
    FLAGS_OFFSET,
    RANK_OFFSET,
    TYPE_NUMBER_OFFSET,
    TYPE_OFFSET,
)

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

HEADER_SLOTS = 14
"""Slots of the table before its records, in this order:

    0 program   1 context   2 symbols   3 arguments   4 results   5 locks   6 whether one result comes bare
    7 slot of the arguments   8 of the results   9 of the locks   10 of the bytes of the slab
    11 of the predicted nanoseconds   12 nanoseconds from which the interpreter lock is released   13 unused
"""

IMPORTED_FUNCTIONS = (
    "PyBytes_AsString",
    "PyEval_RestoreThread",
    "PyEval_SaveThread",
    "PyObject_Vectorcall",
    "PyTuple_GetItem",
    "PyTuple_New",
    "PyTuple_SetItem",
    "Py_DecRef",
    "Py_IncRef",
)
"""Functions of CPython's stable interface that the entry calls."""

_CHECKS = f"""
@ndarray_type = external global i8
@none = external global i8
declare ptr @PyBytes_AsString(ptr)
declare void @PyEval_RestoreThread(ptr)
declare ptr @PyEval_SaveThread()
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare ptr @PyTuple_GetItem(ptr, i64)
declare ptr @PyTuple_New(i64)
declare i32 @PyTuple_SetItem(ptr, i64, ptr)
declare void @Py_DecRef(ptr)
declare void @Py_IncRef(ptr)
declare ptr @new_array(ptr, ptr, i32, ptr, ptr, ptr, i32, ptr)

; Whether an object is an array as its record wants it; binds symbols (-1 before) to its extents.
define internal i1 @check(ptr %object, ptr %record, ptr %symbols) nounwind {{
entry:
  %type_at = getelementptr i8, ptr %object, i64 {TYPE_OFFSET}
  %type = load ptr, ptr %type_at
  %is_array = icmp eq ptr %type, @ndarray_type
  br i1 %is_array, label %header, label %no
header:
  %rank_at = getelementptr i8, ptr %object, i64 {RANK_OFFSET}
  %rank32 = load i32, ptr %rank_at
  %rank = sext i32 %rank32 to i64
  %flags_at = getelementptr i8, ptr %object, i64 {FLAGS_OFFSET}
  %flags32 = load i32, ptr %flags_at
  %flags = sext i32 %flags32 to i64
  %descriptor_at = getelementptr i8, ptr %object, i64 {DESCRIPTOR_OFFSET}
  %descriptor = load ptr, ptr %descriptor_at
  %order_at = getelementptr i8, ptr %descriptor, i64 {BYTE_ORDER_OFFSET}
  %order = load i8, ptr %order_at
  %number_at = getelementptr i8, ptr %descriptor, i64 {TYPE_NUMBER_OFFSET}
  %number32 = load i32, ptr %number_at
  %number = sext i32 %number32 to i64
  %want_number = load i64, ptr %record
  %want_rank_at = getelementptr i64, ptr %record, i64 1
  %want_rank = load i64, ptr %want_rank_at
  %want_flags_at = getelementptr i64, ptr %record, i64 2
  %want_flags = load i64, ptr %want_flags_at
  %same_number = icmp eq i64 %number, %want_number
  %same_rank = icmp eq i64 %rank, %want_rank
  %common = and i64 %flags, %want_flags
  %has_flags = icmp eq i64 %common, %want_flags
  %native = icmp ne i8 %order, {ord(">")}
  %a = and i1 %same_number, %same_rank
  %b = and i1 %has_flags, %native
  %fits = and i1 %a, %b
  br i1 %fits, label %array, label %no
array:
  %dimensions_at = getelementptr i8, ptr %object, i64 {DIMENSIONS_OFFSET}
  %dimensions = load ptr, ptr %dimensions_at
  br label %axis
axis:
  %i = phi i64 [ 0, %array ], [ %next, %good ]
  %more = icmp slt i64 %i, %rank
  br i1 %more, label %extent, label %yes
extent:
  %have_at = getelementptr i64, ptr %dimensions, i64 %i
  %have = load i64, ptr %have_at
  %slot = add i64 %i, 3
  %want_at = getelementptr i64, ptr %record, i64 %slot
  %want = load i64, ptr %want_at
  %fixed = icmp sge i64 %want, 0
  br i1 %fixed, label %compare, label %symbol
symbol:
  %which = sub i64 -1, %want
  %bound_at = getelementptr i64, ptr %symbols, i64 %which
  %bound = load i64, ptr %bound_at
  %free = icmp slt i64 %bound, 0
  br i1 %free, label %bind, label %compare
bind:
  store i64 %have, ptr %bound_at
  br label %good
compare:
  %expected = phi i64 [ %want, %extent ], [ %bound, %symbol ]
  %equal = icmp eq i64 %have, %expected
  br i1 %equal, label %good, label %no
good:
  %next = add i64 %i, 1
  br label %axis
yes:
  ret i1 true
no:
  ret i1 false
}}

; The value of the polynomial at a slot of the table.
define internal i64 @value(ptr %table, i64 %slot, ptr %symbols) nounwind {{
entry:
  %start = getelementptr i64, ptr %table, i64 %slot
  %count = load i64, ptr %start
  br label %term
term:
  %i = phi i64 [ 0, %entry ], [ %i_next, %summed ]
  %sum = phi i64 [ 0, %entry ], [ %sum_next, %summed ]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %coefficient, label %done
coefficient:
  %before = mul i64 %i, {TERM_SLOTS}
  %skip = add i64 %before, 1
  %term_at = getelementptr i64, ptr %start, i64 %skip
  %first = load i64, ptr %term_at
  br label %factor
factor:
  %j = phi i64 [ 1, %coefficient ], [ %j_next, %multiply ]
  %product = phi i64 [ %first, %coefficient ], [ %product_next, %multiply ]
  %inside = icmp slt i64 %j, {TERM_SLOTS}
  br i1 %inside, label %which, label %summed
which:
  %symbol_at = getelementptr i64, ptr %term_at, i64 %j
  %symbol = load i64, ptr %symbol_at
  %is_symbol = icmp sge i64 %symbol, 0
  br i1 %is_symbol, label %multiply, label %summed
multiply:
  %value_at = getelementptr i64, ptr %symbols, i64 %symbol
  %value = load i64, ptr %value_at
  %product_next = mul i64 %product, %value
  %j_next = add i64 %j, 1
  br label %factor
summed:
  %sum_next = add i64 %sum, %product
  %i_next = add i64 %i, 1
  br label %term
done:
  ret i64 %sum
}}
"""

_LOCKS = """
; Set the first `count` words to 0.
define void @tinytorch_release(ptr %locks, i64 %count) nounwind {
entry:
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %next, %body ]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %body, label %done
body:
  %lock_at = getelementptr ptr, ptr %locks, i64 %i
  %lock = load ptr, ptr %lock_at
  store atomic i64 0, ptr %lock release, align 8
  %next = add i64 %i, 1
  br label %head
done:
  ret void
}

; Change each word from 0 to 1, in order; or none of them, if one is not 0.
define i8 @tinytorch_acquire(ptr %locks, i64 %count) nounwind {
entry:
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %next, %got ]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %body, label %yes
body:
  %lock_at = getelementptr ptr, ptr %locks, i64 %i
  %lock = load ptr, ptr %lock_at
  %pair = cmpxchg ptr %lock, i64 0, i64 1 acquire monotonic, align 8
  %taken = extractvalue { i64, i1 } %pair, 1
  br i1 %taken, label %got, label %no
got:
  %next = add i64 %i, 1
  br label %head
yes:
  ret i8 1
no:
  call void @tinytorch_release(ptr %locks, i64 %i)
  ret i8 0
}
"""

_RESULTS = f"""
; Drop the first `count` objects.
define internal void @drop(ptr %objects, i64 %count) nounwind {{
entry:
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %next, %body ]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %body, label %done
body:
  %at = getelementptr ptr, ptr %objects, i64 %i
  %object = load ptr, ptr %at
  call void @Py_DecRef(ptr %object)
  %next = add i64 %i, 1
  br label %head
done:
  ret void
}}

; A new array for one result, or null with an exception set.
define internal ptr @result(ptr %table, ptr %record, ptr %symbols) nounwind {{
entry:
  %extents = alloca [{MAXIMUM_RANK} x i64]
  %descriptor = load ptr, ptr %record
  %rank_at = getelementptr i64, ptr %record, i64 1
  %rank = load i64, ptr %rank_at
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %next, %body ]
  %more = icmp slt i64 %i, %rank
  br i1 %more, label %body, label %make
body:
  %skip = add i64 %i, 2
  %slot_at = getelementptr i64, ptr %record, i64 %skip
  %slot = load i64, ptr %slot_at
  %extent = call i64 @value(ptr %table, i64 %slot, ptr %symbols)
  %extent_at = getelementptr i64, ptr %extents, i64 %i
  store i64 %extent, ptr %extent_at
  %next = add i64 %i, 1
  br label %head
make:
  ; NumPy takes over one reference to the dtype.
  call void @Py_IncRef(ptr %descriptor)
  %rank32 = trunc i64 %rank to i32
  %made = call ptr @new_array(ptr @ndarray_type, ptr %descriptor, i32 %rank32, ptr %extents,
                              ptr null, ptr null, i32 0, ptr null)
  ret ptr %made
}}

; All results into `objects`, their memory into `frame`; how many were made.
define internal i64 @results(ptr %table, i64 %count, ptr %symbols, ptr %objects, ptr %frame) nounwind {{
entry:
  %slot_at = getelementptr i64, ptr %table, i64 8
  %slot = load i64, ptr %slot_at
  %records = getelementptr i64, ptr %table, i64 %slot
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %next, %kept ]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %body, label %done
body:
  %skip = mul i64 %i, {RESULT_SLOTS}
  %record = getelementptr i64, ptr %records, i64 %skip
  %array = call ptr @result(ptr %table, ptr %record, ptr %symbols)
  %failed = icmp eq ptr %array, null
  br i1 %failed, label %done, label %kept
kept:
  %object_at = getelementptr ptr, ptr %objects, i64 %i
  store ptr %array, ptr %object_at
  %data_at = getelementptr i8, ptr %array, i64 {DATA_OFFSET}
  %data = load ptr, ptr %data_at
  %frame_at = getelementptr ptr, ptr %frame, i64 %i
  store ptr %data, ptr %frame_at
  %next = add i64 %i, 1
  br label %head
done:
  ret i64 %i
}}

; What the caller gets: None, the one array, or a tuple. Takes over the references.
define internal ptr @packed(ptr %objects, i64 %count, i64 %bare) nounwind {{
entry:
  %empty = icmp eq i64 %count, 0
  br i1 %empty, label %nothing, label %some
nothing:
  call void @Py_IncRef(ptr @none)
  ret ptr @none
some:
  %alone = icmp ne i64 %bare, 0
  br i1 %alone, label %one, label %several
one:
  %single = load ptr, ptr %objects
  ret ptr %single
several:
  %tuple = call ptr @PyTuple_New(i64 %count)
  %failed = icmp eq ptr %tuple, null
  br i1 %failed, label %lost, label %head
lost:
  call void @drop(ptr %objects, i64 %count)
  ret ptr null
head:
  %i = phi i64 [ 0, %several ], [ %next, %body ]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %body, label %done
body:
  %at = getelementptr ptr, ptr %objects, i64 %i
  %object = load ptr, ptr %at
  %ignored = call i32 @PyTuple_SetItem(ptr %tuple, i64 %i, ptr %object)
  %next = add i64 %i, 1
  br label %head
done:
  ret ptr %tuple
}}
"""

_ENTRY = f"""
; Whether all arguments fit; their memory into `frame`.
define internal i1 @arguments(ptr %table, ptr %arguments, i64 %count, ptr %symbols, ptr %frame) nounwind {{
entry:
  %slot_at = getelementptr i64, ptr %table, i64 7
  %slot = load i64, ptr %slot_at
  %records = getelementptr i64, ptr %table, i64 %slot
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %next, %good ]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %body, label %yes
body:
  %object_at = getelementptr ptr, ptr %arguments, i64 %i
  %object = load ptr, ptr %object_at
  %skip = mul i64 %i, {ARGUMENT_SLOTS}
  %record = getelementptr i64, ptr %records, i64 %skip
  %fits = call i1 @check(ptr %object, ptr %record, ptr %symbols)
  br i1 %fits, label %good, label %no
good:
  %data_at = getelementptr i8, ptr %object, i64 {DATA_OFFSET}
  %data = load ptr, ptr %data_at
  %frame_at = getelementptr ptr, ptr %frame, i64 %i
  store ptr %data, ptr %frame_at
  %next = add i64 %i, 1
  br label %head
yes:
  ret i1 true
no:
  ret i1 false
}}

; Run the program, without the interpreter lock if it will take long.
define internal i32 @run(ptr %table, ptr %frame, ptr %symbols) nounwind {{
entry:
  %program = load ptr, ptr %table
  %slot_at = getelementptr i64, ptr %table, i64 11
  %slot = load i64, ptr %slot_at
  %predicted = call i64 @value(ptr %table, i64 %slot, ptr %symbols)
  %limit_at = getelementptr i64, ptr %table, i64 12
  %limit = load i64, ptr %limit_at
  %long = icmp sge i64 %predicted, %limit
  br i1 %long, label %released, label %held
held:
  %quick = call i32 %program(ptr %frame)
  ret i32 %quick
released:
  %thread = call ptr @PyEval_SaveThread()
  %slow = call i32 %program(ptr %frame)
  call void @PyEval_RestoreThread(ptr %thread)
  ret i32 %slow
}}

; METH_FASTCALL | METH_KEYWORDS. `self` is a tuple: the table as bytes, the fallback, what must stay alive.
define ptr @tinytorch_entry(ptr %self, ptr %given, i64 %given_count, ptr %keywords) nounwind {{
entry:
  %frame = alloca [{MAXIMUM_SLOTS} x i64], align 16
  %objects = alloca [{MAXIMUM_SLOTS} x ptr], align 16
  %bytes = call ptr @PyTuple_GetItem(ptr %self, i64 0)
  %table = call ptr @PyBytes_AsString(ptr %bytes)
  %context_at = getelementptr i64, ptr %table, i64 1
  %context = load ptr, ptr %context_at
  %symbol_count_at = getelementptr i64, ptr %table, i64 2
  %symbol_count = load i64, ptr %symbol_count_at
  %count_at = getelementptr i64, ptr %table, i64 3
  %count = load i64, ptr %count_at
  %result_count_at = getelementptr i64, ptr %table, i64 4
  %result_count = load i64, ptr %result_count_at
  %lock_count_at = getelementptr i64, ptr %table, i64 5
  %lock_count = load i64, ptr %lock_count_at
  %bare_at = getelementptr i64, ptr %table, i64 6
  %bare = load i64, ptr %bare_at
  %lock_slot_at = getelementptr i64, ptr %table, i64 9
  %lock_slot = load i64, ptr %lock_slot_at
  %locks = getelementptr i64, ptr %table, i64 %lock_slot
  %slab_slot_at = getelementptr i64, ptr %table, i64 10
  %slab_slot = load i64, ptr %slab_slot_at
  store ptr %context, ptr %frame
  %symbols = getelementptr i64, ptr %frame, i64 1
  %argument_slots = getelementptr i64, ptr %symbols, i64 %symbol_count
  %result_slots = getelementptr i64, ptr %argument_slots, i64 %count
  %positional = icmp eq ptr %keywords, null
  %complete = icmp eq i64 %given_count, %count
  %plain = and i1 %positional, %complete
  br i1 %plain, label %clear, label %fallback
clear:
  %i = phi i64 [ 0, %entry ], [ %next, %unbound ]
  %more = icmp slt i64 %i, %symbol_count
  br i1 %more, label %unbound, label %look
unbound:
  %symbol_at = getelementptr i64, ptr %symbols, i64 %i
  store i64 -1, ptr %symbol_at
  %next = add i64 %i, 1
  br label %clear
look:
  %fits = call i1 @arguments(ptr %table, ptr %given, i64 %count, ptr %symbols, ptr %argument_slots)
  br i1 %fits, label %lock, label %fallback
lock:
  %answered = call i8 @tinytorch_acquire(ptr %locks, i64 %lock_count)
  %locked = icmp ne i8 %answered, 0
  br i1 %locked, label %measure, label %fallback
measure:
  %needed = call i64 @value(ptr %table, i64 %slab_slot, ptr %symbols)
  %capacity_at = getelementptr i64, ptr %context, i64 2
  %capacity = load i64, ptr %capacity_at
  %room = icmp sle i64 %needed, %capacity
  br i1 %room, label %make, label %unlock
make:
  %made = call i64 @results(ptr %table, i64 %result_count, ptr %symbols, ptr %objects, ptr %result_slots)
  %all = icmp eq i64 %made, %result_count
  br i1 %all, label %start, label %failed
start:
  %status = call i32 @run(ptr %table, ptr %frame, ptr %symbols)
  %success = icmp eq i32 %status, 0
  br i1 %success, label %finish, label %refused
finish:
  call void @tinytorch_release(ptr %locks, i64 %lock_count)
  %answer = call ptr @packed(ptr %objects, i64 %result_count, i64 %bare)
  ret ptr %answer
failed:
  call void @tinytorch_release(ptr %locks, i64 %lock_count)
  call void @drop(ptr %objects, i64 %made)
  ret ptr null
refused:
  call void @drop(ptr %objects, i64 %result_count)
  br label %unlock
unlock:
  call void @tinytorch_release(ptr %locks, i64 %lock_count)
  br label %fallback
fallback:
  %callable = call ptr @PyTuple_GetItem(ptr %self, i64 1)
  %outcome = call ptr @PyObject_Vectorcall(ptr %callable, ptr %given, i64 %given_count, ptr %keywords)
  ret ptr %outcome
}}
"""

ENTRY_IR = _CHECKS + _LOCKS + _RESULTS + _ENTRY
"""The module."""

EXPORTS = ("tinytorch_entry", "tinytorch_acquire", "tinytorch_release")
