"""The pool of worker threads that native kernels share their chunks with.

`pool` is what Python says to it; `routines` is its native code, of whoever has a kernel to run and of the
threads that wait for one, with the memory they share.
"""
