"""Modules of LLVM IR: functions of blocks, the text of which `building` writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from compiler.backends.llvm.jit.kinds import Type, Value, pointer


class Signature(NamedTuple):
    """What a function returns and takes."""

    answer: Type
    given: Sequence[Type]


class Module:
    """Functions and memory, by their names."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.globals: dict[str, Global] = {}

    def __str__(self) -> str:
        return "\n".join([f"; {self.name}", *(each.text() for each in self.globals.values()), ""])

    def function(self, name: str, answer: Type, given: Sequence[Type]) -> Function:
        """A new function, which is another's while it has no block."""
        return Function(self, name, Signature(answer, given))

    def declared(self, name: str, answer: Type, given: Sequence[Type]) -> Value:
        """The function of a name, which is another's if there is none yet."""
        return self.globals.get(name) or self.function(name, answer, given)

    def memory(self, name: str, size: int) -> Global:
        """Memory of a name: so many bytes, zero at first, on a 64-byte border, or with size 0 another's."""
        if not size:
            return Global(self, name, "external global i8")
        return Global(self, name, f"internal global [{size} x i8] zeroinitializer, align 64")


class Global(Value):
    """A module's function or memory: its address."""

    __slots__ = ("_definition",)

    def __init__(self, module: Module, name: str, definition: str = "") -> None:
        super().__init__(pointer, f'@"{name}"')
        self._definition = definition
        module.globals[name] = self

    def text(self) -> str:
        """As it stands in the module."""
        return f"{self.name} = {self._definition}"


class Function(Global):
    """A function. It is seen outside of its module unless it is `internal`. LLVM is told its `attributes`."""

    __slots__ = ("args", "attributes", "blocks", "internal", "module", "rooms", "signature", "values")

    def __init__(self, module: Module, name: str, signature: Signature) -> None:
        super().__init__(module, name)
        self.module, self.signature = module, signature
        self.args = [Value(kind, f"%a{place}") for place, kind in enumerate(signature.given)]
        self.internal, self.attributes = False, ""
        self.rooms: list[str] = []
        """The lines that it begins with: memory on the stack, numbers that are hidden."""
        self.blocks: list[Block] = []
        self.values = 0
        """How many there are."""

    def append_basic_block(self, name: str = "entry") -> Block:
        """A new block behind all others."""
        block = Block(f"{name}.{len(self.blocks)}")
        self.blocks.append(block)
        return block

    def text(self) -> str:
        """As it stands in the module."""
        answer, kinds = self.signature
        if not self.blocks:
            return f"declare {answer} {self.name}({', '.join(map(str, kinds))})"
        scope = "internal " if self.internal else ""
        given = ", ".join(map(str, self.args))
        head = f"define {scope}{answer} {self.name}({given}) nounwind {self.attributes}{{"
        entry, *others = self.blocks
        lines = [head, f"{entry.label}:", *self.rooms, *entry.text()]
        for block in others:
            lines += [f"{block.label}:", *block.text()]
        return "\n".join([*lines, "}"])


class Block:
    """Instructions that run one behind the other."""

    __slots__ = ("is_terminated", "label", "lines")

    def __init__(self, label: str) -> None:
        self.label = label
        self.lines: list[str | Phi] = []
        self.is_terminated = False

    def text(self) -> list[str]:
        """The instructions, a line each."""
        return [line if isinstance(line, str) else line.line() for line in self.lines]


class Phi(Value):
    """A value that depends on the block from which its own was entered."""

    __slots__ = ("_incoming",)

    def __init__(self, kind: Type, name: str) -> None:
        super().__init__(kind, name)
        self._incoming: list[str] = []

    def add_incoming(self, value: Value, block: Block) -> None:
        """What it is for who comes from a block."""
        self._incoming.append(f"[{value.name}, %{block.label}]")

    def line(self) -> str:
        """Its instruction."""
        return f"{self.name} = phi {self.type.text} {', '.join(self._incoming)}"
