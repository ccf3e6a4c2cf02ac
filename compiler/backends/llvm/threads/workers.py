"""The state of the thread pool and the life of a worker, as IR text; see `threads_code`."""

from __future__ import annotations

MAXIMUM_WORKERS = 255

STACK_BYTES = 4 * 2**20
"""Stack of a worker: some systems give new threads less than a kernel's panels take."""

STATE_IR = f"""
; Words that different threads write lie on lines of their own.
@job = internal global [8 x i64] zeroinitializer, align 64
@finished = internal global [8 x i64] zeroinitializer, align 64
@owner = internal global [8 x i64] zeroinitializer, align 64
@sleepers = internal global [8 x i64] zeroinitializer, align 64
@kernel = internal global ptr null, align 64
@frame = internal global ptr null
@wanted = internal global i64 0, align 64
@started = internal global i64 0
@stop = internal global i64 0
@handles = internal global [{MAXIMUM_WORKERS} x ptr] zeroinitializer
; Larger than any system's mutex, condition variable, thread attributes and signal set.
@mutex = internal global [128 x i8] zeroinitializer, align 64
@bell = internal global [128 x i8] zeroinitializer, align 64

declare i32 @pthread_attr_destroy(ptr)
declare i32 @pthread_attr_init(ptr)
declare i32 @pthread_attr_setstacksize(ptr, i64)
declare i32 @pthread_cond_broadcast(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_join(ptr, ptr)
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_sigmask(i32, ptr, ptr)
declare i32 @sched_yield()
declare i32 @sigfillset(ptr)
"""

NEEDED_FUNCTIONS = (
    "pthread_attr_destroy",
    "pthread_attr_init",
    "pthread_attr_setstacksize",
    "pthread_cond_broadcast",
    "pthread_cond_init",
    "pthread_cond_wait",
    "pthread_create",
    "pthread_join",
    "pthread_mutex_init",
    "pthread_mutex_lock",
    "pthread_mutex_unlock",
    "pthread_sigmask",
    "sched_yield",
    "sigfillset",
)
"""What the system's C library must have."""

WORKERS = """
; Claim and run chunks until there is none, first ones (%step 1) or last ones (%step 0); how many were run.
define internal i64 @work(i64 %step) nounwind {{
entry:
  br label %look
look:
  %ran = phi i64 [ 0, %entry ], [ %ran, %lost ], [ %ran_next, %mine ]
  %word = load atomic i64, ptr @job seq_cst, align 8
  %first = and i64 %word, 65535
  %above = lshr i64 %word, 16
  %left = and i64 %above, 65535
  %none = icmp eq i64 %left, 0
  br i1 %none, label %empty, label %try
try:
  ; Both belong to the job of %word if the exchange below succeeds.
  %kernel = load atomic ptr, ptr @kernel monotonic, align 8
  %frame = load atomic ptr, ptr @frame monotonic, align 8
  %fewer = sub i64 %word, 65536
  %lower = add i64 %fewer, %step
  %pair = cmpxchg ptr @job, i64 %word, i64 %lower seq_cst seq_cst, align 8
  %won = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %won, label %mine, label %lost
lost:
  br label %look
mine:
  %end = add i64 %first, %left
  %last = sub i64 %end, 1
  %is_first = icmp eq i64 %step, 1
  %chunk = select i1 %is_first, i64 %first, i64 %last
  call void %kernel(ptr %frame, i64 %chunk)
  %before = atomicrmw add ptr @finished, i64 1 release, align 8
  %ran_next = add i64 %ran, 1
  br label %look
empty:
  ret i64 %ran
}}

; Sleep until there is a chunk to claim or the pool stops.
define internal void @sleep() nounwind {{
entry:
  %locked = call i32 @pthread_mutex_lock(ptr @mutex)
  %others = atomicrmw add ptr @sleepers, i64 1 seq_cst, align 8
  br label %look
look:
  %word = load atomic i64, ptr @job seq_cst, align 8
  %left = and i64 %word, 4294901760
  %stop = load atomic i64, ptr @stop seq_cst, align 8
  %reason = or i64 %left, %stop
  %idle = icmp eq i64 %reason, 0
  br i1 %idle, label %wait, label %wake
wait:
  %rung = call i32 @pthread_cond_wait(ptr @bell, ptr @mutex)
  br label %look
wake:
  %sleeping = atomicrmw sub ptr @sleepers, i64 1 seq_cst, align 8
  %unlocked = call i32 @pthread_mutex_unlock(ptr @mutex)
  ret void
}}

define internal void @ring() nounwind {{
  %locked = call i32 @pthread_mutex_lock(ptr @mutex)
  %rung = call i32 @pthread_cond_broadcast(ptr @bell)
  %unlocked = call i32 @pthread_mutex_unlock(ptr @mutex)
  ret void
}}

; A thread's life. Signals are for the threads that Python knows.
define internal ptr @worker(ptr %unused) nounwind {{
entry:
  %signals = alloca [128 x i8], align 64
  %filled = call i32 @sigfillset(ptr %signals)
  %masked = call i32 @pthread_sigmask(i32 {block}, ptr %signals, ptr null)
  br label %look
look:
  %looks = phi i64 [ 0, %entry ], [ %looks_next, %pause ], [ 0, %asleep ]
  %ran = call i64 @work(i64 1)
  %stop = load atomic i64, ptr @stop acquire, align 8
  %stopped = icmp ne i64 %stop, 0
  br i1 %stopped, label %done, label %count
count:
  %idle = icmp eq i64 %ran, 0
  %one_more = add i64 %looks, 1
  %looks_next = select i1 %idle, i64 %one_more, i64 0
  %tired = icmp sgt i64 %looks_next, {looks}
  br i1 %tired, label %asleep, label %pause
pause:
  {pause}
  br label %look
asleep:
  call void @sleep()
  br label %look
done:
  ret ptr null
}}

; Create the workers that are wanted and missing; if the system refuses, fewer are wanted.
define internal void @start(i64 %wanted) nounwind {{
entry:
  %attributes = alloca [128 x i8], align 64
  %ready = call i32 @pthread_attr_init(ptr %attributes)
  %sized = call i32 @pthread_attr_setstacksize(ptr %attributes, i64 {stack})
  br label %head
head:
  %count = load i64, ptr @started
  %more = icmp slt i64 %count, %wanted
  br i1 %more, label %create, label %done
create:
  %handle = getelementptr ptr, ptr @handles, i64 %count
  %status = call i32 @pthread_create(ptr %handle, ptr %attributes, ptr @worker, ptr null)
  %refused = icmp ne i32 %status, 0
  br i1 %refused, label %fewer, label %created
created:
  %next = add i64 %count, 1
  store i64 %next, ptr @started
  br label %head
fewer:
  store atomic i64 %count, ptr @wanted release, align 8
  br label %done
done:
  %destroyed = call i32 @pthread_attr_destroy(ptr %attributes)
  ret void
}}
"""
"""To be formatted: `block`, `looks`, `pause` and `stack`, as `threads_code.pool_ir` gives them."""
