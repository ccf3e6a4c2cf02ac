"""From LLVM IR to running code, knowing nothing of tensors.

`untyped` is the door to llvmlite. `building` writes the text of `modules`, with the types and constants of
`kinds`. `engine` compiles a module for a target and loads the object code into this process, `cache` keeps
object code and `parcels` on disk between processes, and `once` makes what a process has once.
Code that is the same for every program (the entry, the driver, the threads) is written in `routines`: a
routine is a Python function that emits LLVM instructions with a `code`, over memory that `memory` describes
once for Python and for native code.
"""
