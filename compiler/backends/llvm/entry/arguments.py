"""The native entry's arguments: their headers against their records, as IR text."""

from __future__ import annotations

from compiler.backends.llvm.entry.array_header import (
    BYTE_ORDER_OFFSET,
    DATA_OFFSET,
    DESCRIPTOR_OFFSET,
    DIMENSIONS_OFFSET,
    FLAGS_OFFSET,
    RANK_OFFSET,
    TYPE_NUMBER_OFFSET,
    TYPE_OFFSET,
)
from compiler.backends.llvm.entry.table import ARGUMENT_SLOTS

_CHECK = f"""
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
"""

_ARGUMENTS = f"""
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
"""

ARGUMENTS_IR = _CHECK + _ARGUMENTS
"""Internal functions `check` and `arguments`; the module has the external symbols."""
