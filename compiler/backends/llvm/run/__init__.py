"""Native programs: the steps of a plan, bound to memory for given sizes, and run by one native call.

`program` compiles a plan and runs it, in a `context` for each call at a time. A `binding` holds the numbers
of all kernels for given sizes; `driver` is the native function that runs one, `timing` runs it with a clock
read between the kernels, and `python_steps` computes what has no native code; `frames` is how an entry calls
programs with such steps. `kept` writes a program down for later processes, which call it without its plan.
"""
