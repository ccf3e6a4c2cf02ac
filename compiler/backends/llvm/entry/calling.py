"""The native entry itself: one function for all programs, driven by a table of each (see `entry`).

Written as IR text, because it is fixed. It is compiled once per machine and kept in the object cache, so it
names everything of this process (functions of CPython and NumPy, the array type, None) as an external symbol.
"""

from __future__ import annotations

from compiler.backends.llvm.entry.arguments import ARGUMENTS_IR
from compiler.backends.llvm.entry.results import RESULTS_IR
from compiler.backends.llvm.entry.table import MAXIMUM_SLOTS
from compiler.ir.lent import LARGE

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

_SYMBOLS = """
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

_ENTRY = f"""
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
  br i1 %fits, label %weigh, label %fallback
weigh:
  %size_slot_at = getelementptr i64, ptr %table, i64 13
  %size_slot = load i64, ptr %size_slot_at
  %size = call i64 @value(ptr %table, i64 %size_slot, ptr %symbols)
  %is_large = icmp sge i64 %size, {LARGE}
  br i1 %is_large, label %fallback, label %ask
ask:
  %demand_count_at = getelementptr i64, ptr %table, i64 14
  %demand_count = load i64, ptr %demand_count_at
  %demand_slot_at = getelementptr i64, ptr %table, i64 15
  %demand_slot = load i64, ptr %demand_slot_at
  %demands = getelementptr i64, ptr %table, i64 %demand_slot
  br label %demand
demand:
  %d = phi i64 [ 0, %ask ], [ %following, %demanded ]
  %unmet = icmp slt i64 %d, %demand_count
  br i1 %unmet, label %demanded, label %lock
demanded:
  %demand_at = getelementptr i64, ptr %demands, i64 %d
  %polynomial = load i64, ptr %demand_at
  %left = call i64 @value(ptr %table, i64 %polynomial, ptr %symbols)
  %following = add i64 %d, 1
  %met = icmp sge i64 %left, 0
  br i1 %met, label %demand, label %fallback
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

ENTRY_IR = _SYMBOLS + ARGUMENTS_IR + _LOCKS + RESULTS_IR + _ENTRY
"""The module."""

EXPORTS = ("tinytorch_entry", "tinytorch_acquire", "tinytorch_release")
