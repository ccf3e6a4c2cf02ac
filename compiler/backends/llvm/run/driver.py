"""The one native function of every program: finds the numbers for the sizes, runs the kernels in order.

A **binding** holds everything about a program for given sizes, as i64 words:

    0 the next binding of the context, or 0   1 symbols   2 patches   3 address of the patches
    4 steps   5 address of the steps   6 status   7 unused   8 ... the value of each symbol

A **patch** writes the address of an argument or a result into the numbers of a kernel: the address of the
word to write, the slot of the frame, the offset in bytes. A **step** is a kernel with its numbers: its
address, the address of the numbers, how many chunks, and flags. The frame and the context are those of
`entry`; slot 3 of a context is the address of its first binding.
"""

from __future__ import annotations

BINDING_SLOTS = 8
"""Words of a binding before the values of the symbols."""

FIRST_BINDING = 3
"""The slot of a context that holds the address of its first binding."""

STATUS = 6
PARALLEL_FLAG, CHECKING_FLAG = 1, 2
"""Flags of a step: its chunks are shared among threads; it may refuse the data by setting the binding's
status.
"""

UNBOUND, REFUSED = 1, 2
"""Answers of a program beside 0: no binding has these sizes; a step refused the data."""

EXPORTS = ("tinytorch_run", "tinytorch_run_part")

DRIVER_IR = f"""
declare void @tinytorch_parallel(ptr, ptr, i64)

define i32 @tinytorch_run(ptr %frame) nounwind {{
entry:
  %context = load ptr, ptr %frame
  %first_at = getelementptr i64, ptr %context, i64 {FIRST_BINDING}
  br label %search
search:
  %at = phi ptr [ %first_at, %entry ], [ %binding, %value ]
  %binding = load ptr, ptr %at
  %none = icmp eq ptr %binding, null
  br i1 %none, label %unbound, label %symbols
symbols:
  %count_at = getelementptr i64, ptr %binding, i64 1
  %count = load i64, ptr %count_at
  br label %compare
compare:
  %i = phi i64 [ 0, %symbols ], [ %next, %value ]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %value, label %found
value:
  %word = add i64 %i, {BINDING_SLOTS}
  %want_at = getelementptr i64, ptr %binding, i64 %word
  %next = add i64 %i, 1
  %have_at = getelementptr i64, ptr %frame, i64 %next
  %want = load i64, ptr %want_at
  %have = load i64, ptr %have_at
  %same = icmp eq i64 %want, %have
  br i1 %same, label %compare, label %search
found:
  %steps_at = getelementptr i64, ptr %binding, i64 4
  %steps = load i64, ptr %steps_at
  %answer = call i32 @tinytorch_run_part(ptr %binding, ptr %frame, i64 0, i64 %steps)
  ret i32 %answer
unbound:
  ret i32 {UNBOUND}
}}

; Patches the numbers, then runs the steps from `first` to before `stop`.
define i32 @tinytorch_run_part(ptr %binding, ptr %frame, i64 %first, i64 %stop) nounwind {{
entry:
  %patches_at = getelementptr i64, ptr %binding, i64 2
  %patches = load i64, ptr %patches_at
  %table_at = getelementptr i64, ptr %binding, i64 3
  %table = load ptr, ptr %table_at
  %steps_at = getelementptr i64, ptr %binding, i64 5
  %steps = load ptr, ptr %steps_at
  %status_at = getelementptr i64, ptr %binding, i64 {STATUS}
  store i64 0, ptr %status_at
  br label %patch_head
patch_head:
  %p = phi i64 [ 0, %entry ], [ %p_next, %patch ]
  %p_more = icmp slt i64 %p, %patches
  br i1 %p_more, label %patch, label %step_head
patch:
  %p_word = mul i64 %p, 3
  %p_at = getelementptr i64, ptr %table, i64 %p_word
  %target = load ptr, ptr %p_at
  %slot_at = getelementptr i64, ptr %p_at, i64 1
  %slot = load i64, ptr %slot_at
  %offset_at = getelementptr i64, ptr %p_at, i64 2
  %offset = load i64, ptr %offset_at
  %base_at = getelementptr i64, ptr %frame, i64 %slot
  %base = load i64, ptr %base_at
  %address = add i64 %base, %offset
  store i64 %address, ptr %target
  %p_next = add i64 %p, 1
  br label %patch_head
step_head:
  %s = phi i64 [ %first, %patch_head ], [ %s_next, %next_step ]
  %s_more = icmp slt i64 %s, %stop
  br i1 %s_more, label %step, label %good
step:
  %s_word = mul i64 %s, 4
  %s_at = getelementptr i64, ptr %steps, i64 %s_word
  %kernel = load ptr, ptr %s_at
  %numbers_at = getelementptr i64, ptr %s_at, i64 1
  %numbers = load ptr, ptr %numbers_at
  %chunks_at = getelementptr i64, ptr %s_at, i64 2
  %chunks = load i64, ptr %chunks_at
  %flags_at = getelementptr i64, ptr %s_at, i64 3
  %flags = load i64, ptr %flags_at
  %shared = and i64 %flags, {PARALLEL_FLAG}
  %alone = icmp eq i64 %shared, 0
  br i1 %alone, label %chunk_head, label %parallel
parallel:
  call void @tinytorch_parallel(ptr %kernel, ptr %numbers, i64 %chunks)
  br label %done
chunk_head:
  %c = phi i64 [ 0, %step ], [ %c_next, %chunk ]
  %c_more = icmp slt i64 %c, %chunks
  br i1 %c_more, label %chunk, label %done
chunk:
  call void %kernel(ptr %numbers, i64 %c)
  %c_next = add i64 %c, 1
  br label %chunk_head
done:
  %checks = and i64 %flags, {CHECKING_FLAG}
  %unchecked = icmp eq i64 %checks, 0
  br i1 %unchecked, label %next_step, label %check
check:
  %status = load i64, ptr %status_at
  %accepted = icmp eq i64 %status, 0
  br i1 %accepted, label %next_step, label %refused
next_step:
  %s_next = add i64 %s, 1
  br label %step_head
refused:
  ret i32 {REFUSED}
good:
  ret i32 0
}}
"""
