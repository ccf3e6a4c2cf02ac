"""Every kernel of every test program leaves the bytes in memory that LLVM's code leaves, on every width."""

import ctypes
from functools import partial

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import tinytorch as tt
from compiler.backends.c.backend import ByC, C
from compiler.backends.c.compiling import find_compiler
from compiler.backends.llvm.backend import Llvm
from compiler.backends.llvm.run.python_steps import run_python_step
from compiler.backends.llvm.steps.launches import PythonStep, Scratch
from compiler.backends.llvm.steps.library import BY_LLVM, load_kernels
from compiler.loops.places import Pointer
from tests.backends import HAS_C
from tests.compiler.backends.llvm.test_backend import machines
from tests.compiler.loops.programs import Memory
from tinytorch.testing.programs import PROGRAMS

pytestmark = pytest.mark.skipif(not HAS_C, reason="there is no C compiler")

NARROW = ("elementwise", "reductions", "contractions", "layouts")
"""What the smaller machines run."""
CASES = [(name, "host") for name in PROGRAMS]
CASES += [(name, machine) for name in NARROW for machine in machines() if machine != "host"]


class Side:
    """A call of a program by one compiler, with memory of its own."""

    def __init__(self, program, data, load, kernels):
        self.memory, self.load, self.addresses = Memory(program, data), load, load(kernels)

    def launch(self, launch):
        memory = self.memory
        if launch.kernel is not None:
            self.addresses |= self.load({launch.key: launch.kernel})
        numbers = [memory.address(item) if isinstance(item, Pointer) else item for item in launch.numbers]
        given = np.array(numbers, np.int64)
        function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(self.addresses[launch.key])
        for chunk in range(launch.chunks):
            function(given.ctypes.data, chunk)


@pytest.mark.parametrize(("name", "machine"), CASES)
def test_every_kernel_leaves_the_same_bytes(name, machine):
    item, target = PROGRAMS[name](), machines()[machine]
    program = tt.compile(item.inputs, item.outputs, updates=item.updates, backend=Llvm(target))
    lowered = program._executable.lowered
    kernels = {key: kernel for step in lowered.steps for key, kernel in step.kernels.items()}
    loads = [partial(load_kernels, target=target, maker=maker) for maker in (BY_LLVM, ByC(find_compiler()))]
    sides = [Side(program, item.data, load, kernels) for load in loads]
    for step in lowered.steps:
        launches = by_numpy(step, sides) if isinstance(step, PythonStep) else planned(step, sides)
        for launch in launches:
            for side in sides:
                side.launch(launch)
            ours, theirs = (side.memory.regions for side in sides)
            assert all(ours[place].tobytes() == theirs[place].tobytes() for place in theirs), launch.key


def by_numpy(step, sides):
    for side in sides:
        run_python_step(step, side.memory.value, side.memory.sizes)
    return ()


def planned(step, sides):
    scratch = Scratch()
    scratch.begin()
    launches = step.launches(sides[0].memory.sizes, scratch)
    for side in sides:
        side.memory.reserve(scratch)
    return launches


@pytest.mark.parametrize("name", ["training step", "updates"])
def test_a_program_has_the_bits_of_llvm(name):
    found = []
    for backend in (Llvm(), C()):
        item = PROGRAMS[name]()
        program = tt.compile(item.inputs, item.outputs, updates=item.updates, backend=backend)
        arrays = [array for _ in range(3) for array in program(*item.data)]
        arrays += [parameter.op.buffer.array for parameter, _ in program.graph.updates]
        found.append([array.tobytes() for array in arrays])
    assert found[0] == found[1]
