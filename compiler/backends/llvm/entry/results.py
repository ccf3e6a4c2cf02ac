"""The native entry's results: new arrays of the extents that the table's polynomials give, as IR text."""

from __future__ import annotations

from compiler.backends.llvm.entry.array_header import DATA_OFFSET
from compiler.backends.llvm.entry.table import MAXIMUM_RANK, RESULT_SLOTS, TERM_SLOTS

_VALUE = f"""
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

RESULTS_IR = _VALUE + _RESULTS
"""Internal functions `value`, `drop`, `results` and `packed`; the module has the external symbols."""
