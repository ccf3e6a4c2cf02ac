"""Kernels compiled as C and run, on machines of every width that this one contains."""

import ctypes
from dataclasses import replace

import numpy as np

from compiler.backends.c.compiling import find_compiler
from compiler.backends.c.emit import program_text
from compiler.backends.llvm.jit.engine import Library, host_target
from compiler.loops.lowering import lower
from compiler.loops.verify import verify, verify_machine

HOST = host_target().machine
NARROW = replace(
    HOST, vector_bytes=16, vector_registers=16, has_mask_registers=False, has_masked_memory=False,
    scales=False,
)  # fmt: skip
OLDEST = NARROW if host_target().is_arm else replace(NARROW, has_fma=False, converts_halves=False)
MACHINES = {HOST.vector_bytes: HOST, 16: OLDEST}
if HOST.vector_bytes == 64:
    MACHINES[32] = replace(NARROW, vector_bytes=32, has_masked_memory=True)

_FEATURES = {32: "+avx,+avx2,+fma,+f16c", 16: ""}
_loaded = {}


def features_of(machine):
    """LLVM's features of a machine."""
    is_host = machine.vector_bytes == HOST.vector_bytes
    return host_target().features if is_host else _FEATURES[machine.vector_bytes]


def lowered(kernel, machine):
    """A kernel that keeps all laws, lowered."""
    verify(kernel)
    found = lower(kernel, machine)
    verify_machine(found)
    return found


def functions(kernels, machine=HOST):
    """The functions of lowered kernels, by name, compiled at once; equal texts once."""
    text = program_text(kernels, machine)
    if text not in _loaded:
        code = find_compiler().compile(text, features_of(machine))
        library = Library(code, kernels)
        kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)
        _loaded[text] = library, {name: kind(library[name]) for name in kernels}
    return _loaded[text][1]


def called(function, arguments, chunks=1):
    """Runs the chunks of a function; arguments are arrays and numbers."""
    numbers = np.array([x.ctypes.data if isinstance(x, np.ndarray) else x for x in arguments], np.int64)
    for chunk in range(chunks):
        function(numbers.ctypes.data, chunk)


def run(kernel, *arguments, machine=HOST, chunks=1):
    """Compiles one kernel and runs it."""
    called(functions({"f": lowered(kernel, machine)}, machine)["f"], arguments, chunks)
