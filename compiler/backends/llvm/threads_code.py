"""The pool of worker threads as native code: publishing kernels, claiming chunks, sleeping, waking.

One word holds the job: its number in the upper half and the chunks not yet claimed in the lower. A chunk
is claimed by lowering the word by one with compare-and-exchange, so whoever succeeds knows that the kernel
and frame it had read belong to that job. The caller claims like everybody else and then waits only for
chunks that others have claimed, that is, for threads that are running.

A worker that finds nothing to claim looks a while and then sleeps on a condition variable. Before it
sleeps it counts itself in `sleepers` and looks once more; a publisher first publishes and then reads
`sleepers` (both in the one total order of sequentially consistent operations), so one of the two always
sees the other.
"""

from __future__ import annotations

EXPORTS = ("tinytorch_parallel", "tinytorch_configure", "tinytorch_forget", "tinytorch_started")

MAXIMUM_WORKERS = 255

STACK_BYTES = 4 * 2**20
"""Stack of a worker: some systems give new threads less than a kernel's panels take."""

SERIAL_IR = """
define void @tinytorch_parallel(ptr %kernel, ptr %frame, i64 %chunks) nounwind {
entry:
  br label %head
head:
  %left = phi i64 [ %chunks, %entry ], [ %chunk, %body ]
  %more = icmp sgt i64 %left, 0
  br i1 %more, label %body, label %done
body:
  %chunk = sub i64 %left, 1
  call void %kernel(ptr %frame, i64 %chunk)
  br label %head
done:
  ret void
}
define void @tinytorch_configure(i64 %workers) nounwind {
  ret void
}
define void @tinytorch_forget() nounwind {
  ret void
}
define i64 @tinytorch_started() nounwind {
  ret i64 0
}
"""
"""The same functions where there is no way to wait: the caller runs every chunk."""

_STATE = f"""
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

_POOL = """
; Claim and run chunks until there is none; how many were run.
define internal i64 @work() nounwind {{
entry:
  br label %look
look:
  %ran = phi i64 [ 0, %entry ], [ %ran, %lost ], [ %ran_next, %mine ]
  %word = load atomic i64, ptr @job seq_cst, align 8
  %left = and i64 %word, 4294967295
  %none = icmp eq i64 %left, 0
  br i1 %none, label %empty, label %try
try:
  ; Both belong to the job of %word if the exchange below succeeds.
  %kernel = load atomic ptr, ptr @kernel monotonic, align 8
  %frame = load atomic ptr, ptr @frame monotonic, align 8
  %lower = sub i64 %word, 1
  %pair = cmpxchg ptr @job, i64 %word, i64 %lower seq_cst seq_cst, align 8
  %won = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %won, label %mine, label %lost
lost:
  br label %look
mine:
  %chunk = sub i64 %left, 1
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
  %left = and i64 %word, 4294967295
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
  %ran = call i64 @work()
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

; kernel(frame, chunk) for every chunk below `chunks`, each once, by this thread and any worker that is free.
define void @tinytorch_parallel(ptr %kernel, ptr %frame, i64 %chunks) nounwind {{
entry:
  %wanted = load atomic i64, ptr @wanted acquire, align 8
  %alone = icmp eq i64 %wanted, 0
  %single = icmp sle i64 %chunks, 1
  %serial = or i1 %alone, %single
  br i1 %serial, label %head, label %own
own:
  ; One job at a time: whoever finds the pool taken, a kernel inside a kernel too, does its own work.
  %pair = cmpxchg ptr @owner, i64 0, i64 1 acquire monotonic, align 8
  %owned = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %owned, label %ready, label %head
ready:
  %started = load i64, ptr @started
  %missing = icmp slt i64 %started, %wanted
  br i1 %missing, label %create, label %publish
create:
  call void @start(i64 %wanted)
  br label %publish
publish:
  store atomic ptr %kernel, ptr @kernel monotonic, align 8
  store atomic ptr %frame, ptr @frame monotonic, align 8
  store atomic i64 0, ptr @finished monotonic, align 8
  %old = load atomic i64, ptr @job monotonic, align 8
  %number = lshr i64 %old, 32
  %next = add i64 %number, 1
  %upper = shl i64 %next, 32
  %word = or i64 %upper, %chunks
  store atomic i64 %word, ptr @job seq_cst, align 8
  %sleeping = load atomic i64, ptr @sleepers seq_cst, align 8
  %asleep = icmp sgt i64 %sleeping, 0
  br i1 %asleep, label %wake, label %share
wake:
  call void @ring()
  br label %share
share:
  %ran = call i64 @work()
  br label %wait
wait:
  %looks = phi i64 [ 0, %share ], [ %looks_next, %pause ], [ %looks_next, %yield ]
  %done = load atomic i64, ptr @finished acquire, align 8
  %all = icmp eq i64 %done, %chunks
  br i1 %all, label %free, label %count
count:
  %looks_next = add i64 %looks, 1
  %long = icmp sgt i64 %looks_next, {looks}
  br i1 %long, label %yield, label %pause
pause:
  {pause}
  br label %wait
yield:
  ; The thread we wait for may want this core.
  %yielded = call i32 @sched_yield()
  br label %wait
free:
  store atomic i64 0, ptr @owner release, align 8
  ret void
head:
  %left = phi i64 [ %chunks, %entry ], [ %chunks, %own ], [ %chunk, %body ]
  %more = icmp sgt i64 %left, 0
  br i1 %more, label %body, label %finish
body:
  %chunk = sub i64 %left, 1
  call void %kernel(ptr %frame, i64 %chunk)
  br label %head
finish:
  ret void
}}

; Want so many workers. If there are more, all end, and the next job starts those that are wanted.
define void @tinytorch_configure(i64 %workers) nounwind {{
entry:
  br label %take
take:
  %pair = cmpxchg ptr @owner, i64 0, i64 1 acquire monotonic, align 8
  %owned = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %owned, label %compare, label %busy
busy:
  %yielded = call i32 @sched_yield()
  br label %take
compare:
  %started = load i64, ptr @started
  %fewer = icmp slt i64 %workers, %started
  br i1 %fewer, label %end, label %want
end:
  store atomic i64 1, ptr @stop seq_cst, align 8
  call void @ring()
  br label %head
head:
  %i = phi i64 [ 0, %end ], [ %next, %join ]
  %more = icmp slt i64 %i, %started
  br i1 %more, label %join, label %ended
join:
  %at = getelementptr ptr, ptr @handles, i64 %i
  %handle = load ptr, ptr %at
  %joined = call i32 @pthread_join(ptr %handle, ptr null)
  %next = add i64 %i, 1
  br label %head
ended:
  store i64 0, ptr @started
  store atomic i64 0, ptr @stop seq_cst, align 8
  br label %want
want:
  store atomic i64 %workers, ptr @wanted release, align 8
  store atomic i64 0, ptr @owner release, align 8
  ret void
}}

; Begin anew without workers: at first, and in the child of a fork, which inherits none.
define void @tinytorch_forget() nounwind {{
  store atomic i64 0, ptr @job seq_cst, align 8
  store atomic i64 0, ptr @sleepers seq_cst, align 8
  store atomic i64 0, ptr @stop seq_cst, align 8
  store i64 0, ptr @started
  %made = call i32 @pthread_mutex_init(ptr @mutex, ptr null)
  %hung = call i32 @pthread_cond_init(ptr @bell, ptr null)
  store atomic i64 0, ptr @owner seq_cst, align 8
  ret void
}}

define i64 @tinytorch_started() nounwind {{
  %count = load i64, ptr @started
  ret i64 %count
}}
"""


def pool_ir(signal_block: int, *, arm: bool) -> str:
    """The module for a POSIX system whose SIG_BLOCK is `signal_block`.

    An idle worker looks for about 50 microseconds before it sleeps: long enough to meet the next kernel of a
    program awake. x86's pause takes about 50 nanoseconds, ARM's next to nothing.
    """
    pause = "call void @llvm.aarch64.hint(i32 1)" if arm else "call void @llvm.x86.sse2.pause()"
    declaration = "declare void @llvm.aarch64.hint(i32)" if arm else "declare void @llvm.x86.sse2.pause()"
    looks = 20_000 if arm else 1_000
    pool = _POOL.format(block=signal_block, pause=pause, looks=looks, stack=STACK_BYTES)
    return f"{_STATE}\n{declaration}\n{pool}"
