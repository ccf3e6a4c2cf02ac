"""Writes lowered kernels in GNU C: a fold over their statements.

    for (i64 i = 0; i < 32; i += 16) {
        f32x16 t0 = load_f32x16(x + i);
        f32x16 t1 = fma_f32x16(t0, splat_f32x16(0.5f), t0);
        store_f32x16(y + i, t1);
    }

A statement is a line or a block; every value is a variable of its own. What a loop carries is a variable in
front of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from compiler.backends.c.atoms import RULES, Site, first_lanes
from compiler.backends.c.memory import load_text, store_text
from compiler.backends.c.naming import Names
from compiler.backends.c.products import Code, pack_text, tile_text
from compiler.backends.c.registers import IN_MEMORY, Registers, Term, Type, type_of
from compiler.backends.c.values import Values
from compiler.errors import BackendError
from compiler.ir.types import BOOL
from compiler.loops.atoms import ATOMS, Lanes
from compiler.loops.language import (
    Carry,
    Check,
    For,
    If,
    Kernel,
    Let,
    Load,
    Memory,
    Pack,
    Stmt,
    Store,
    Tile,
    Value,
)
from compiler.loops.machine import Machine
from compiler.loops.source import Naming

_NAMELESS: Final = Naming(lambda label: "", lambda label: ("", ""))
"""Of code that is only run: its text does not depend on what anything is called."""


def program_text(kernels: Mapping[str, Kernel], machine: Machine) -> str:
    """A file with a function for each kernel, by name."""
    tiles: dict[Code, None] = {}
    texts = [kernel_text(name, kernel, machine, tiles) for name, kernel in kernels.items()]
    return file_text(texts, machine, tiles)


def file_text(functions: Sequence[str], machine: Machine, tiles: Mapping[Code, None]) -> str:
    """A file of functions, behind the tiles that they call."""
    head = f'#define VECTOR_BYTES {machine.vector_bytes}\n#include "kernels.h"\n\n'
    return head + "".join(f"{line}\n" for code in tiles for line in code.text()) + "\n".join(functions)


def kernel_text(
    name: str,
    kernel: Kernel,
    machine: Machine,
    tiles: dict[Code, None],
    naming: Naming = _NAMELESS,
    extents: Mapping[Value, str] | None = None,
) -> str:
    """The function of a kernel that is lowered for the machine; the tiles that it calls are added to `tiles`.

    `extents` are what its arguments stand for, as far as that is known.

    Raises:
        BackendError: a statement, atom or count that is not lowered.
    """
    writer = _Writer(machine, tiles, naming)
    writer.kernel(name, kernel, extents or {})
    return "\n".join(writer.lines) + "\n"


class _Writer:
    """One kernel while it is written."""

    def __init__(self, machine: Machine, tiles: dict[Code, None], naming: Naming) -> None:
        self.machine, self.tiles, self.naming = machine, tiles, naming
        self.registers = Registers(machine.vector_bytes)
        self.values = Values(self.registers)
        self.names = Names()
        self.lines: list[str] = []
        self.margin = ""
        self.rules: dict[type, Callable[..., None]] = {
            Let: self.let, Load: self.load, Store: self.store, For: self.loop, If: self.choice,
            Check: self.check, Pack: self.pack, Tile: self.tile,
        }  # fmt: skip

    # Lines and names

    def line(self, text: str, said: str = "") -> None:
        """One line, and what is said of it."""
        self.lines.append(self.margin + text + (f"  // {said}" if said else ""))

    def open(self, head: str) -> None:
        """A block begins."""
        self.line(f"{head} {{")
        self.margin += "    "
        self.names.open()

    def close(self, tail: str = "}") -> None:
        """A block ends."""
        self.names.close()
        self.margin = self.margin[:-4]
        self.line(tail)

    def named(self, value: Value, stem: str) -> str:
        """A new name: the user's where there is one."""
        given = self.naming.value(value.label) if value.label is not None else ""
        return self.names.user(given) if given else self.names.fresh(stem)

    def declare(self, value: Value, term: Term, stem: str = "t") -> str:
        """A variable for a value that was written."""
        name = self.named(value, stem)
        said = self.naming.remark(value.label) if value.label is not None else ""
        text = term.text.removeprefix(f"({term.type.name})") if term.halves else term.text
        self.line(f"{term.type.name} {name} = {text};", said)
        self.values[value] = Term(name, term.type)
        return name

    # Kernels

    def kernel(self, name: str, kernel: Kernel, extents: Mapping[Value, str]) -> None:
        """All of it."""
        self.open(f"void {name}(const i64 *numbers, i64 chunk)")
        self.values[kernel.chunk] = Term("chunk", Type("i64"))
        for place, argument in enumerate(kernel.arguments):
            if isinstance(argument, Memory):
                element = self.element(argument)
                self.memory(argument, f"{element} *{{}} = ({element} *)numbers[{place}];", "memory")
            else:
                self.extent(argument, place, extents.get(argument, ""))
        for room in kernel.rooms:
            self.memory(room, f"{self.element(room)} {{}}[{room.extent}] ALIGNED;", "room")
        self.statements(kernel.body)
        self.close()

    def element(self, memory: Memory) -> str:
        """The C type of what is in memory."""
        return IN_MEMORY.get(memory.dtype) or type_of(memory.dtype, 0).name

    def memory(self, memory: Memory, text: str, stem: str) -> None:
        """Declares memory."""
        given, place = self.naming.memory(memory.label) if memory.label is not None else ("", "")
        name = self.names.user(given) if given else self.names.fresh(stem)
        self.values.memories[memory] = name
        self.line(text.format(name), "" if memory.extent else place)

    def extent(self, value: Value, place: int, extent: str) -> None:
        """Declares an argument that is a number."""
        name = self.names.user(extent) if extent.isidentifier() else self.named(value, "n")
        self.line(f"i64 {name} = numbers[{place}];", "" if extent.isidentifier() else extent)
        self.values[value] = Term(name, Type("i64"))

    def statements(self, body: Sequence[Stmt]) -> None:
        """One after the other."""
        for stmt in body:
            rule = self.rules.get(type(stmt))
            if rule is None:
                raise BackendError(f"a {type(stmt).__name__} is lowered before a kernel is emitted")
            rule(stmt)

    def let(self, stmt: Let) -> None:
        """A value from others."""
        atom, rule, value = ATOMS.get(stmt.atom), RULES.get(stmt.atom), stmt.value
        if atom is None or rule is None:
            what = "is no atom of machines" if atom is None else "has no rule in C"
            raise BackendError(f"{stmt.atom!r} {what}")
        lanes = value.lanes if atom.lanes is Lanes.EACH else 0
        terms = [self.values.operand(item, lanes) for item in stmt.operands]
        site = Site(self.registers, stmt.operands[-1].dtype, value.dtype, value.lanes)
        self.declare(value, rule(site, terms))
        if stmt.atom == "first":
            self.values.counts[value] = terms[0].text

    def load(self, stmt: Load) -> None:
        """A value from memory."""
        self.declare(stmt.value, load_text(self.values, stmt))

    def store(self, stmt: Store) -> None:
        """A value into memory."""
        for text in store_text(self.values, stmt):
            self.line(text)

    def loop(self, stmt: For) -> None:
        """A loop, behind the variables that it carries, and in a block with what comes ahead of its turns."""
        carried = [self.variable(item) for item in stmt.carried]
        start, stop = self.values.number(stmt.start), self.values.number(stmt.stop)
        if stmt.ahead:
            self.open(f"if ({start} < {stop})")
            self.statements(stmt.ahead)
        self.turns(stmt, start, stop, carried)
        if stmt.ahead:
            self.close()
        self.ended(stmt, carried)

    def ended(self, stmt: For | If, carried: Sequence[str]) -> None:
        """Behind a loop or a branch its variables are what it carried."""
        for item, name in zip(stmt.carried, carried, strict=True):
            self.values[item.after] = Term(name, self.values[item.inside].type)

    def variable(self, item: Carry) -> str:
        """What a loop or a branch carries, at first."""
        first = self.values.operand(item.first, item.inside.lanes)
        return self.declare(item.inside, self.spread(first, item.inside), "s")

    def spread(self, term: Term, value: Value) -> Term:
        """What a carried value may be set to; its truths are the narrow ones."""
        kind = type_of(value.dtype, value.lanes)
        fit = self.registers.truth if value.dtype is BOOL else self.registers.spread
        return fit(term, kind)

    def turns(self, stmt: For, start: str, stop: str, carried: Sequence[str]) -> None:
        """The turns of a loop."""
        self.names.open()
        index = self.named(stmt.index, "")
        by = f"{index}++" if stmt.step == 1 else f"{index} += {stmt.step}"
        self.open(f"for (i64 {index} = {start}; {index} < {stop}; {by})")
        self.values[stmt.index] = Term(index, Type("i64"))
        if stmt.mask is not None:
            count = self.values.counts[stmt.mask] = f"{stop} - {index}"
            self.declare(stmt.mask, first_lanes(self.registers, count, stmt.lanes), "mask")
        self.statements(stmt.body)
        self.next(stmt, carried)
        self.close()
        self.names.close()

    def next(self, stmt: For | If, carried: Sequence[str]) -> None:
        """What a turn hands on, all at once."""
        given: list[tuple[str, str]] = []
        for item, name in zip(stmt.carried, carried, strict=True):
            term = self.spread(self.values.operand(item.following, item.inside.lanes), item.inside)
            text = term.text
            if item.following is not item.inside and text in carried:
                text = self.names.fresh("t")
                self.line(f"{term.type.name} {text} = {term.text};")
            if text != name:
                given.append((name, text))
        for name, text in given:
            self.line(f"{name} = {text};")

    def choice(self, stmt: If) -> None:
        """One of two blocks; behind the variables that it carries, one that is not expected to run."""
        carried = [self.variable(item) for item in stmt.carried]
        condition = self.values[stmt.condition].text
        self.open(f"if (__builtin_expect({condition}, 0))" if carried else f"if ({condition})")
        self.statements(stmt.then)
        self.next(stmt, carried)
        if stmt.otherwise:
            self.names.close()
            self.names.open()
            self.lines.append(f"{self.margin[:-4]}}} else {{")
            self.statements(stmt.otherwise)
        self.close()
        self.ended(stmt, carried)

    def check(self, stmt: Check) -> None:
        """What may stop the kernel."""
        self.open(f"if (!{self.values[stmt.condition].text})")
        self.line(f"{self.values.memories[stmt.status]}[0] = 1;")
        self.line("return;")
        self.close()

    def pack(self, stmt: Pack) -> None:
        """A panel of B."""
        panel, step = self.names.fresh("panel"), self.named(stmt.step, "step")
        for text in pack_text(self.values, self.machine, stmt, panel, step):
            self.line(text)
        self.values.memories[stmt.panel] = panel
        self.values[stmt.step] = Term(step, Type("i64"))

    def tile(self, stmt: Tile) -> None:
        """A tile of sums."""
        code, call = tile_text(self.values, self.machine, stmt)
        self.tiles[code] = None
        self.line(call)
