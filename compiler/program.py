"""Program: a compiled graph that can be called."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

import numpy as np

from compiler.analysis.extents import check_demands, demands
from compiler.autodiff.explain import Explanation, KernelExplanation, explain_node
from compiler.backends.contract import Candid, Door, Executable, Predicting, Readable, Slow, Tabled, Timed
from compiler.backends.languages import speaking
from compiler.backends.measuring import machine
from compiler.entrance import Entrance
from compiler.errors import ArgumentError, BackendError, IndexRangeError, LinearAlgebraError, PassError
from compiler.ir.dims import evaluate
from compiler.ir.finding import stage_of
from compiler.ir.graph import Graph
from compiler.ir.lent import Lender
from compiler.ir.node import Node
from compiler.ir.op import Buffer, Locks, Parameter
from compiler.loops.history import LoopHistory
from compiler.pipeline.contract import History
from compiler.profiling import Profile, Samples, sample
from compiler.schedule.costs import PlanCost, cost_of_plan
from compiler.schedule.finding import find, find_kernel
from compiler.schedule.memory import Memory, memory_of
from compiler.schedule.plan import Plan
from compiler.schedule.schedule import Schedule
from compiler.signature import Array, Signature, is_ready
from compiler.structure import Structure
from compiler.why.pair import Apart, why_apart
from compiler.why.value import Why, why

if TYPE_CHECKING:
    from compiler.report.measuring import Measured
    from compiler.speed.prediction import Prediction


Ran = TypeVar("Ran")


class Program:
    """A compiled graph: call it, and ask it why it does what it does. `tt.compile` makes them.

    `program(x, y)` or `program(x=x, y=y)` runs it, with any extents of symbolic dimensions.

    What it is made of: `source_graph` is the graph as it was written, `history` has a record for each pass
    (the graph before and after, what was done, what was refused and why), `graph` is what the rewrites made
    of it, `schedule` the kernels that run, and `plan` where every value lives in memory. Each prints as text,
    draws itself in a notebook, and has data.

    What it can be asked: `why(value)`, `explain(value)`, `cost`, `memory`, `max_batch("256 MB")`,
    `profile(data)`, `source(kernel)`, `loops(kernel)`; `draw("step.svg")` and `report("report.html")` show it
    all.

    The outputs are fresh arrays (or the caller's `out=`) that nothing else refers to, or arrays that the call
    was given for good (`donate`), where the plan says so; those of 32 MB and more
    lie in memory that is used again by a later call once nobody holds them or a view of them. Updates are
    simultaneous, and written only after everything that can fail. Calls from several threads are safe.
    """

    def __init__(
        self, source: Graph, plan: Plan, history: History, backend: str, executable: Executable,
        signature: Signature, structure: Structure, again: Callable[..., Program],
    ) -> None:  # fmt: skip
        self.source_graph = source
        self.plan = plan
        self.history = history
        self.signature = signature
        self.structure = structure
        self.backend = backend
        """The name of the backend that runs the program."""
        self._executable = executable
        self._again = again
        self._demands = demands(source)
        self._types = [node.type for node in source.outputs]
        is_fixed = all(isinstance(extent, int) for kind in self._types for extent in kind.shape)
        self._fixed = self._arrays({}) if is_fixed else None
        self._written = [node.op.buffer for node, _ in source.updates if isinstance(node.op, Parameter)]
        for buffer in self._written:
            buffer.is_updated = True
        buffers = {node.op.buffer for node in source.parameters if isinstance(node.op, Parameter)}
        self._buffers: list[Buffer] = sorted(buffers, key=lambda buffer: buffer.serial)
        self._locks = Locks()
        self._lender = Lender(len(self._types))
        self._enter: Callable[..., Any] = self._checked
        self._entrance = Entrance(executable, self._door(), self._checked, self._entered_by)

    @property
    def schedule(self) -> Schedule:
        """The kernels in the order in which they run."""
        return self.plan.schedule

    @property
    def graph(self) -> Graph:
        """The graph after the rewrites."""
        return self.schedule.graph

    @property
    def entry_copies(self) -> int:
        """How many arguments NumPy has copied so far: they were not dense, aligned and native.

        Those that lie again as others did before are copied by native code, where there is any.
        """
        return self.signature.copies

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Runs the program. `out=` takes the outputs, in the structure in which they are returned.

        Raises ArgumentError, ShapeError or DTypeError for arguments that do not fit, IndexRangeError for an
        index outside its axis; parameters and arguments are then as they were.
        """
        return self._enter(*arguments, **named)

    @property
    def _handed(self) -> dict[int, int]:
        """The outputs that are arrays of donated inputs, and the places of these."""
        given = self.plan.handed
        return {position: self.signature.inputs.index(node) for position, node in given.items()}

    def _entered_by(self, enter: Callable[..., Any]) -> None:
        """Calls go this way from now on; its tuples are arranged as the outputs are."""
        pack_again = self.structure.pack_again

        def packed(*arguments: Any, **named: Any) -> Any:
            found = enter(*arguments, **named)
            return pack_again(found) if named.get("out") is None else found

        self._enter = enter if self.structure.kind in ("one", "tuple") else packed

    def _door(self) -> Door:
        """What the backend's own way in is to know."""
        return Door(
            self.signature.inputs, self._types, bare=self.structure.kind == "one", keys=self.structure.keys,
            demands=[item.extent for item in self._demands], donated=self.signature.donated,
            buffers=self._buffers, handed=self._handed,
        )  # fmt: skip

    def _checked(self, *arguments: Any, out: Any = None, **named: Any) -> Any:
        """A call with every check and conversion."""
        outputs = None
        if self._entrance.is_adaptable:
            outputs = self._as_it_lies(self.signature.ordered(arguments, named), out)
        if outputs is None:
            inputs, sizes = self.signature.bind(arguments, named)
            check_demands(self._demands, sizes, self.source_graph)
            outputs = self._outputs(sizes, out, inputs)
            handed = [(outputs[position], inputs[place]) for position, place in self._handed.items()]
            try:
                self._run(partial(self._executable.run, inputs, sizes, outputs))
            except (IndexRangeError, LinearAlgebraError) as error:
                if error.told is None:
                    raise
                raise type(error)(error.told(self.graph.names.describe)) from None
            for given, array in handed if out is not None else ():
                np.copyto(given, array)
        return out if out is not None else self.structure.pack(outputs)

    def _as_it_lies(self, given: Sequence[Any], out: Any) -> list[Array] | None:
        """The outputs of a call whose arguments the backend reads as they lie; None where it does not.

        An output may share memory with what is copied, and refused data is told of by who copies, too.
        """
        lying = self._entrance.lying(given)
        if lying is None or (out is not None and self._handed):
            return None
        sizes = self.signature.sizes(lying.arrays, given)
        check_demands(self._demands, sizes, self.source_graph)
        try:
            outputs = self._outputs(sizes, out, lying.arrays)
        except ArgumentError:
            return None
        run = partial(lying.executable.run_laid, lying.arrays, {**sizes, **lying.strides}, outputs)
        return outputs if self._run(run) else None

    def _run(self, run: Callable[[], Ran]) -> Ran:
        """Runs, and while that may matter no other thread reads or writes the parameters."""
        shared = tuple(buffer for buffer in self._buffers if buffer.is_updated)
        return self._run_alone(shared, run) if shared else run()

    def _run_alone(self, shared: tuple[Buffer, ...], run: Callable[[], Ran]) -> Ran:
        """Runs while no other thread reads or writes the parameters that programs share."""
        locks = self._locks
        if locks.buffers != shared:
            locks = self._locks = Locks(shared)
        with locks:
            taken = next((buffer for buffer in self._written if buffer.users), None)
            if taken is not None:
                raise ArgumentError(
                    f"a program that updates parameter {taken.reference!r} is called within a call that "
                    f"reads it"
                )
            for buffer in shared:
                buffer.users += 1
            try:
                return run()
            finally:
                for buffer in shared:
                    buffer.users -= 1

    def _outputs(self, sizes: Mapping[str, int], out: Any, inputs: Sequence[Array]) -> list[Array]:
        arrays = self._fixed or self._arrays(sizes)
        if out is None:
            handed = self._handed
            return [
                inputs[handed[position]] if position in handed else self._lender.empty(shape, dtype)
                for position, (shape, dtype) in enumerate(arrays)
            ]
        given = self.structure.unpack(out)
        others = [*inputs, *(buffer.array for buffer in self._buffers)]
        for place, (array, (shape, dtype)) in enumerate(zip(given, arrays, strict=True)):
            if not is_ready(array, dtype) or not array.flags.writeable or array.shape != shape:
                raise ArgumentError(
                    f"out {place} must be a dense, aligned, writable {dtype} of {list(shape)}"
                )
            if any(np.may_share_memory(array, other) for other in [*others, *given[:place]]):
                raise ArgumentError(
                    f"out {place} shares memory with an argument, a parameter or another output"
                )
        return list(given)

    def _arrays(self, sizes: Mapping[str, int]) -> list[tuple[tuple[int, ...], np.dtype[Any]]]:
        """Shape and dtype of each output."""
        return [
            (tuple(evaluate(extent, sizes) for extent in kind.shape), kind.dtype.numpy)
            for kind in self._types
        ]

    def source(self, kernel: Any = None, *, language: str = "loops") -> str:
        """The loop nests of a kernel, to read; of a whole call without one.

        They say everything that the numbers depend on: dtypes, places and strides, what is kept and for how
        long, the order of sums (see `compiler.loops.source`). `kernel` is one of the schedule, its number, or
        a tensor, node or name that it computes. With `language="c"` it is what the backend `c` compiles: a
        file in GNU C, with the names of the user, and his equations and lines in comments. Raises
        ArgumentError where there is no such kernel or language, and BackendError where the backend has no
        code of its own.
        """
        language_of = speaking(language)
        place = None if kernel is None else find_kernel(self.schedule, kernel)
        return self._readable().source(place, language_of)

    def loops(self, kernel: Any) -> LoopHistory:
        """How the loops of a kernel came to be: a record for each trick, as `history` has one for each pass.

        What is taken and raised is as of `source`, which shows the loops after all tricks but `lower`.
        """
        return self._readable().loops(find_kernel(self.schedule, kernel))

    def llvm_ir(self, kernel: Any) -> str:
        """The LLVM IR of a kernel; what is taken and raised is as of `source`."""
        return self._readable().llvm_ir(find_kernel(self.schedule, kernel))

    def assembly(self, kernel: Any) -> str:
        """The machine code of a kernel; what is taken and raised is as of `source`."""
        return self._readable().assembly(find_kernel(self.schedule, kernel))

    def _readable(self) -> Readable:
        if not isinstance(self._executable, Readable):
            raise BackendError(f"backend {self.backend} has no code of its own; compile with backend='llvm'")
        return self._executable

    @cached_property
    def cost(self) -> PlanCost:
        """What each kernel costs, and a call: operations, bytes moved, arithmetic intensity.

        Ints, or polynomials in the symbolic dimensions: `program.cost.at(batch=64)` has numbers. `print`
        shows a table, one kernel a line.
        """
        return cost_of_plan(self.plan)

    @cached_property
    def memory(self) -> Memory:
        """Who holds memory during a call, and what makes up the peak. `print` shows a table.

        `program.memory.at(batch=64)` has numbers, by value, scope and kind; `in_place_saves` and `worth` say
        what working in place and each saved value take from or add to the slab.
        """
        return memory_of(self.plan, self._executable.tables() if isinstance(self._executable, Tabled) else {})

    def fits(self, budget: int | str, **sizes: int) -> bool:
        """Whether a call takes at most `budget`: bytes, or a text such as "256 MB" (powers of ten), "1 GiB".

        Parameters, constants, inputs, outputs, tables and the slab count; what Python and NumPy take
        themselves does not. Raises ArgumentError for a symbolic dimension without a size.
        """
        return self.memory.fits(budget, **sizes)

    def max_batch(self, budget: int | str, symbol: str | None = None, **sizes: int) -> int:
        """The largest batch with which a call fits into `budget` (see `fits`); 0 if not even 1 does.

        `symbol` names the dimension that is asked for where there are several and none is `batch`; `sizes`
        gives the others. Raises ArgumentError where the program's memory depends on no such dimension.
        """
        return self.memory.largest(budget, symbol, **sizes)

    def profile(self, *arguments: Any, seconds: float = 0.5, **named: Any) -> Profile:
        """How long each kernel takes on some data, beside its cost and a prediction. `print` shows a table.

        A copy of the program, compiled anew with parameters of its own, is called for `seconds`, in turn with
        and without a clock inside, and with the same values each time. So nobody sees an update or a donated
        array change, and other threads may go on. A reading of the clock, 30 to 60 ns, is part of the kernel
        before it. Python functions in the graph are really called. An input named `seconds` is given by
        position. Predictions follow from how fast `tt.machine()` is, which is measured the first time.

        Raises what a call raises, ArgumentError unless `seconds` is positive, and BackendError where the
        backend cannot time its kernels.
        """
        if not seconds > 0:
            raise ArgumentError(f"a profile takes a positive number of seconds, not {seconds!r}")
        samples, sizes = self._twin()._sampled(arguments, named, seconds)
        return samples.profile(self.cost.at(**sizes), self.backend, sizes, self._slow, self._predicted(sizes))

    def _predicted(self, sizes: Mapping[str, int]) -> Sequence[Prediction]:
        """What each kernel and the copies should take here; nothing where the backend does not say."""
        found = self._executable
        return found.predicted(sizes, machine()) if isinstance(found, Predicting) else ()

    def _twin(self) -> Program:
        """The same program anew, with parameters of its own, to be timed."""
        if not isinstance(self._executable, Timed):
            raise BackendError(
                f"backend {self.backend!r} cannot time its kernels: {type(self._executable).__name__} has no "
                "run_timed\n  fix: compile without debug=, or for another backend"
            )
        twin = self._again(copy(self.source_graph))
        if str(twin.schedule) != str(self.schedule):
            raise PassError(
                "the passes make another schedule of the same graph each time; see program.history"
            )
        return twin

    def _sampled(
        self, arguments: Sequence[Any], named: Mapping[str, Any], seconds: float
    ) -> tuple[Samples, Mapping[str, int]]:
        """Times of this program, whose parameters may change, and the values of the symbols."""
        inputs, sizes = self.signature.bind(arguments, named)
        check_demands(self._demands, sizes, self.source_graph)
        donated = {k for k, name in enumerate(self.signature.names) if name in self.signature.donated}
        given = [array.copy() if k in donated else array for k, array in enumerate(inputs)]
        changed = [*(buffer.array for buffer in self._written), *(given[k] for k in donated)]
        saved = [array.copy() for array in changed]

        def restore() -> None:
            for array, value in zip(changed, saved, strict=True):
                np.copyto(array, value)

        run_timed = cast(Timed, self._executable).run_timed
        timed = partial(run_timed, given, sizes, self._outputs(sizes, None, given))
        return sample(partial(self, *given), timed, restore, seconds), sizes

    def compiled(self, graph: Graph, structure: Structure) -> Program:
        """The program of another graph by the passes and the backend of this one; none of it is donated."""
        return self._again(graph, arranged=structure)

    @overload
    def why(self, what: Any) -> Why: ...
    @overload
    def why(self, what: Any, other: Any) -> Apart: ...
    def why(self, what: Any, other: Any = None) -> Why | Apart:
        """What became of a value: fused, in place, saved, folded, or not; or why a kernel is as it is.

        Of two, why they are not in one kernel and not in one buffer, and which nodes keep them apart.

        `what` is a tensor, a node, a name or number as any view of the program prints it (`"hidden"`,
        `"%34"`, 34), or a kernel or its name (`"kernel 3"`). Data; `print` shows it as text. Raises
        ArgumentError for what the program has never had, with names that are near.
        """
        if other is not None:
            return why_apart(what, other, self.plan, self.history)
        return why(what, self.plan, self.history, self._slow)

    @property
    def _slow(self) -> Sequence[Slow]:
        """The kernels of which the backend says that they are slow."""
        return self._executable.slow() if isinstance(self._executable, Candid) else ()

    def explain(self, what: Any) -> Explanation | KernelExplanation:
        """Formula, LaTeX, source line, maker and derivation of what `why` takes; of a kernel, of each member.

        Data; `print` shows it as text, with the names of every other view. Raises as `why`.
        """
        found = find(self.schedule, what)
        if isinstance(found, Node):
            return explain_node(found, stage_of(self.graph, found).names)
        kernel = self.schedule.kernels[found]
        members = tuple(explain_node(node, self.graph.names) for node in kernel.members)
        return KernelExplanation(f"kernel {found}", members)

    def draw(
        self,
        path: str | os.PathLike[str],
        *,
        kernels: bool = False,
        detail: bool = False,
        open: str | Sequence[str] = (),
        depth: int | None = None,
        around: Any = None,
        radius: int = 2,
        colour: str = "role",
        profile: Profile | None = None,
    ) -> Path:
        """Draws the source graph to .svg, .png, .pdf or .dot: forward left, backward right, then the updates.

        `kernels` draws what is run instead: a box a kernel of the rewritten graph, with its members inside,
        the bytes that it moves, and how long it takes if a `profile` is given. `detail` draws every op in a
        box of its own.

        What has more boxes than anybody can read is folded: parts of the model (`tt.scope`, layers) are
        boxes, with `x 12` for alike ones. `open` names parts that are drawn from inside
        (`"block2.attention"`, or all that are called `"attention"`), one or several; `depth=1` folds to the
        outermost parts, 2 to those inside them. `around` draws a value (a tensor, or whatever any view calls
        it) or a kernel with what is up to `radius` arrows away.

        `colour` says what fills stand for: `role`, `bytes` (moved), `precision`, or `time`, which needs a
        `profile` of this program and draws the rewritten graph, which is what was timed.

        Returns the path. Raises ArgumentError for a part, value, kernel or colour that is not there, and
        DrawingError where Graphviz is missing; the `.dot` file is then still written.
        """
        from compiler.render.drawing import draw_as  # noqa: PLC0415  # loaded by who draws
        from compiler.render.kernels import Times, draw_schedule  # noqa: PLC0415  # likewise
        from compiler.render.options import Options  # noqa: PLC0415  # likewise

        options = Options(detail, open, depth, around, radius, colour)
        if profile is not None and profile.schedule is not self.schedule:
            raise ArgumentError("the profile is of another program; make it with this one's `profile`")
        sizes: Mapping[str, int] = {} if profile is None else profile.sizes
        if kernels:
            spent = None if profile is None else [item.microseconds for item in profile.kernels]
            return draw_schedule(self.schedule, path, options, None if spent is None else Times(spent, sizes))
        graph = self.graph if colour == "time" else self.source_graph
        return draw_as(graph, path, options, None if profile is None else profile.microseconds_of, sizes)

    def report(self, path: str | os.PathLike[str], data: Any = None, *, seconds: float = 1.0) -> Path:
        """Writes a page with all that is known of the program; any browser opens it, without a network.

        It has the graph at every stage, each node, memory for any batch, costs, and the code of each kernel.
        `data`, values of the inputs in order or by name, adds times: copies of the program, one of them with
        a kernel for each node, are called for `seconds` in turn; nobody sees an update. Returns the path.
        Raises what `profile` raises, and ArgumentError for a path that does not end in .html or .htm.
        """
        from compiler.report.data import report_data  # noqa: PLC0415  # loaded by who asks for a report
        from compiler.report.page import write_page  # noqa: PLC0415  # likewise
        from compiler.report.written import page_path  # noqa: PLC0415  # likewise

        page_path(path)
        measured = None if data is None else self._measured(data, seconds)
        return write_page(report_data(self, measured), path)

    def _measured(self, data: Any, seconds: float) -> Measured:
        """The program and its rewritten graph without any scheduling, timed in turn on some data."""
        from compiler.report.measuring import ROUNDS, Measured, roof  # noqa: PLC0415  # as in `report`

        named: dict[str, Any] = dict(cast("Mapping[str, Any]", data)) if isinstance(data, Mapping) else {}
        given: Sequence[Any] = [data] if isinstance(data, np.ndarray) else list(cast("Iterable[Any]", data))
        arguments = [] if named else given
        if not seconds > 0:
            raise ArgumentError(f"a report is measured for a positive number of seconds, not {seconds!r}")
        trials = [self._twin(), self._again(copy(self.graph), passes=())]
        found: list[list[Samples]] = [[], []]
        sizes: Mapping[str, int] = {}
        for _ in range(ROUNDS):
            for trial, samples in zip(trials, found, strict=True):
                sample, sizes = trial._sampled(arguments, named, seconds / ROUNDS / 2)
                samples.append(sample)
        fused, unfused = (
            Samples.of(samples).profile(trial.cost.at(**sizes), self.backend, sizes, predicted=predicted)
            for trial, samples, predicted in zip(
                (self, trials[1]), found, (self._predicted(sizes), ()), strict=True
            )
        )
        return Measured(fused, unfused, trials[1].plan.peak_bytes, roof((*fused.kernels, *unfused.kernels)))

    def __reduce__(self) -> tuple[Any, ...]:
        """The source graph as text and arrays, compiled again by the same passes and backend."""
        return self._again, (self.source_graph,)

    def __repr__(self) -> str:
        inputs = ", ".join(f"{node.name}: {node.type}" for node in self.signature.inputs)
        outputs = ", ".join(str(node.type) for node in self.source_graph.outputs)
        return (
            f"<Program ({inputs}) -> ({outputs}), {len(self.source_graph.updates)} updates, {self.backend}>"
        )
