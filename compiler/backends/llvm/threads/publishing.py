"""The pool of worker threads as native code: publishing kernels, claiming chunks, sleeping, waking.

One word holds the job: its number in the upper half, then how many chunks are not yet claimed (16 bits) and
the first of them (16 bits). A chunk is claimed by compare-and-exchange of the word, so whoever succeeds knows
that the kernel and frame it had read belong to that job. The caller claims like everybody else and then waits
only for chunks that others have claimed, that is, for threads that are running.

The caller claims from the end and workers from the beginning, so that a thread meets the same part of the
same memory again in the next call, and finds it in its own cache.

A worker that finds nothing to claim looks a while and then sleeps on a condition variable. Before it
sleeps it counts itself in `sleepers` and looks once more; a publisher first publishes and then reads
`sleepers` (both in the one total order of sequentially consistent operations), so one of the two always
sees the other.
"""

from __future__ import annotations

from compiler.backends.llvm.threads.workers import STACK_BYTES, STATE_IR, WORKERS

EXPORTS = ("tinytorch_parallel", "tinytorch_configure", "tinytorch_forget", "tinytorch_started")

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

_CALLER = """
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
  %unclaimed = shl i64 %chunks, 16
  %word = or i64 %upper, %unclaimed
  store atomic i64 %word, ptr @job seq_cst, align 8
  %sleeping = load atomic i64, ptr @sleepers seq_cst, align 8
  %asleep = icmp sgt i64 %sleeping, 0
  br i1 %asleep, label %wake, label %share
wake:
  call void @ring()
  br label %share
share:
  %ran = call i64 @work(i64 0)
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
    pool = (WORKERS + _CALLER).format(block=signal_block, pause=pause, looks=looks, stack=STACK_BYTES)
    return f"{STATE_IR}\n{declaration}\n{pool}"
