"""Runs the loop nests that `Program.source` prints, by what their grammar says and by nothing else.

One turn of a loop after the other, but for loops of vectors and loops of a product's columns, whose turns do
not read what the others write: all of their turns are NumPy arrays, in the hope that it ends today.
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from compiler.backends.reference import run
from compiler.backends.reference.atoms import ATOMS_IN_NUMPY
from compiler.ir.dims import evaluate
from compiler.ir.graph import Graph
from compiler.ir.op import Call

Array = np.ndarray[Any, Any]

VALUE = re.compile(r"%(?:\"(?:\\.|[^\"\\])*\"|[A-Za-z_0-9][\w.']*)(?:~\d+)?")
DECLARATION = re.compile(
    r"(\w+) : (\w+)(\[.*\])? at (\w+)(?: (\w+))?(?:\[(.*?)\])?(?: \+ (.*?))?(?: by \[(.*)\])?"
)
LOOP = re.compile(r"for (\w+) in (.*) \.\. (.*?)(?: by (\d+)| (in vectors of \d+))?:")
CHECK = re.compile(r"check 0 <= (\w+) < (.*):")
DEFINITION = re.compile(r"(\w+) : (\w+) = (.*)")
ASSIGNMENT = re.compile(r"(\w+)(?:\[(.*?)\])? (\+?=) (.*)")

OPERATORS = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow", ast.BitAnd: "and",
    ast.BitOr: "or", ast.BitXor: "xor", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge",
    ast.Eq: "eq", ast.NotEq: "ne", ast.USub: "neg", ast.Invert: "not",
}  # fmt: skip
WHOLE = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Pow: operator.pow}


def fma(x: Array, y: Array, z: Array) -> Array:
    """x * y + z, rounded once as far as NumPy's widest numbers go."""
    return (x.astype(np.longdouble) * y + z).astype(y.dtype)


ATOMS = {**ATOMS_IN_NUMPY, "fma": fma}
LITERALS = {"true": True, "false": False, "inf": np.inf, "nan": np.nan}
DTYPES = {"bool": np.bool_, "i32": np.int32, "i64": np.int64, "f32": np.float32, "f64": np.float64}


@dataclass
class Statement:
    """A line, without its remark, and what stands below it."""

    text: str
    body: "list[Statement]" = field(default_factory=list)

    @property
    def all(self) -> "list[Statement]":
        return [self, *(inner for item in self.body for inner in item.all)]

    @property
    def made(self) -> set[str]:
        """The names that are defined here and below."""
        return {found[1] for item in self.all if (found := DEFINITION.fullmatch(item.text))}


@dataclass(frozen=True)
class Literal:
    """A number of the dtype of what stands beside it."""

    value: Any

    def of(self, dtype: Any) -> Array:
        return np.asarray(self.value).astype(dtype)


class IndexOutsideError(Exception):
    """A check has failed."""


class Machine:
    """Memory and the values of the symbols. `memory` is called as in declarations: `input %x`, `slab`."""

    def __init__(self, memory: Mapping[str, Array], sizes: Mapping[str, int], calls: Mapping[str, Call]):
        self.memory, self.sizes, self.calls = memory, dict(sizes), calls
        self.words: dict[str, str] = {}
        """The words that stand for `%names`, which need not look like Python's."""
        self.places: dict[str, tuple[Array, int]] = {}
        """All elements of memory, and from which on they are counted."""
        self.shapes: dict[str, tuple[str, Array]] = {}
        """What is declared with its shape: the type, and the value in memory."""
        self.values: dict[str, Any] = {}
        self.lanes = 0
        """The turns of the loop that is one array now; 0 outside of such a loop."""
        self.outside: set[str] = set()
        """What was there before that loop."""

    def run(self, text: str) -> None:
        """All that a text says."""
        numpy = [line.removeprefix("numpy ") for line in text.splitlines() if line.startswith("numpy ")]
        with np.errstate(all="ignore"):
            self.block(
                parsed([self.plain(x) for x in text.splitlines() if not x.startswith(("numpy ", "#"))])
            )
        if numpy:
            self.numpy(numpy)

    def plain(self, line: str) -> str:
        """The line with words for names, and numbers for extents in braces."""
        line = VALUE.sub(lambda found: self.words.setdefault(found[0], f"v_{len(self.words)}"), line)
        return re.sub(r"\{(.*?)\}", lambda found: f"i64({self.whole(found[1])})", line)

    def block(self, statements: Sequence[Statement]) -> None:
        for item in statements:
            self.statement(item)

    def statement(self, item: Statement) -> None:
        kind, groups = read(item.text)
        if kind is DECLARATION:
            self.declare(*groups)
        elif kind is LOOP:
            self.loop(item, *groups)
        elif kind is CHECK:
            self.check(item, *groups)
        elif kind is DEFINITION:
            name, dtype, right = groups
            self.values[name] = self.typed(right, DTYPES[dtype])
        else:
            self.assign(*groups)

    # Memory

    def declare(self, name, dtype, shape, kind, of, elements, offset, strides) -> None:
        kind_of = {word: text for text, word in self.words.items()}
        place = f"{kind} {kind_of.get(of, of)}" if of else kind
        size = np.dtype(DTYPES[dtype]).itemsize
        if kind == "scratch":
            flat = np.full(self.whole(elements) * size, 255, np.uint8)
        else:
            flat = self.memory[place]
        start = self.whole(offset) if offset else 0
        assert start % size == 0
        self.places[name] = flat[: flat.size // size * size].view(DTYPES[dtype]), start // size
        if shape is not None:
            rows = (shape[1:-1].replace("^", "**"), strides)
            counts, steps = ([self.whole(n) for n in row.split(",") if n.strip()] for row in rows)
            inside = 0 not in counts  # nothing begins behind the end of memory
            value = np.ndarray(counts, DTYPES[dtype], flat, start * inside, [n * size for n in steps])
            self.shapes[name] = f"{dtype}{shape}", value

    def whole(self, text: str) -> Any:
        """An extent, an index or a bound: whole numbers, symbols, loops."""
        return whole(tree_of(text.strip()))(self)

    # Loops

    def loop(self, item: Statement, name: str, first: str, stop: str, step: str | None, vectors) -> None:
        turns = np.arange(self.whole(first), self.whole(stop), int(step or 1))
        is_array = not self.lanes and turns.size > 0 and (vectors or self.is_free(item))
        if is_array and self.is_parallel(item):
            self.lanes, self.outside = turns.size, set(self.values) - item.made
            self.values[name] = turns
            self.block(item.body)
            self.lanes, self.outside = 0, set()
            return
        for turn in turns:
            self.values[name] = turn
            self.block(item.body)

    def is_free(self, item: Statement) -> bool:
        """Whether a loop begins with a sum of its own, and what it keeps is not the next turn's."""
        return item.body[0].text.startswith("sum") and not any("kept" in inner.text for inner in item.all)

    def is_parallel(self, item: Statement) -> bool:
        """Whether nothing but sums, products and extrema goes from one turn to the next."""
        inner, made = item.all[1:], item.made
        for x in inner:
            found = ASSIGNMENT.fullmatch(x.text)
            if (
                found
                and not found[2]
                and found[1] not in made
                and folded(found[1], found[3], found[4]) is None
            ):
                return False
        return not any(CHECK.fullmatch(x.text) for x in inner)

    def check(self, item: Statement, name: str, extent: str) -> None:
        inner = [x for x in item.all if (found := DEFINITION.fullmatch(x.text)) and found[1] == name]
        inner[0].body.append(Statement(f"inside {name} {extent}"))
        below = self.statement

        def watched(x: Statement) -> None:
            if x.text.startswith("inside "):
                if not 0 <= self.values[name] < self.whole(extent):
                    raise IndexOutsideError(name)
                return
            below(x)
            for y in x.body if x in inner else ():
                watched(y)

        self.statement = watched  # type: ignore[method-assign]
        try:
            self.block(item.body)
        finally:
            self.statement = below  # type: ignore[method-assign]

    # Values

    def assign(self, name: str, index: str | None, sign: str, right: str) -> None:
        target = name if index is None else f"{name}[{index}]"
        fold = folded(target, sign, right)
        if index is not None:
            self.store(name, self.whole(index), fold, right)
            return
        old = self.values[name]
        if fold is None:
            self.values[name] = self.typed(right, old.dtype)
            return
        atom, parts = fold
        value = self.product(parts, old.dtype)
        if self.lanes and name in self.outside:
            value = FOLDS[atom].reduce(np.broadcast_to(value, self.lanes))
        self.values[name] = np.asarray(FOLDS[atom](old, value)).astype(old.dtype)

    def store(self, name: str, index: Any, fold: Any, right: str) -> None:
        flat, first = self.places[name]
        index = inside(flat, first + index)
        if fold is None:
            flat[index] = self.typed(right, flat.dtype)
            return
        atom, parts = fold
        if self.lanes:
            index = np.broadcast_to(index, self.lanes)
        FOLDS[atom].at(flat, index, self.product(parts, flat.dtype))

    def product(self, parts: Sequence[str], dtype: Any) -> Any:
        """One value, or the product that a multiply-add adds."""
        values = [self.typed(part, dtype) for part in parts]
        return values[0] if len(values) == 1 else values[0] * values[1]

    def typed(self, text: str, dtype: Any) -> Any:
        """The value of an expression, which has a dtype or is a literal."""
        value = compiled(text)(self)
        if isinstance(value, Literal):
            return value.of(dtype)
        assert value.dtype == dtype, (text, value.dtype, dtype)
        return value

    def element(self, name: str, index: Any) -> Any:
        flat, first = self.places[name]
        return flat[inside(flat, first + index)]

    def local(self, name: str) -> Any:
        value = self.values[name]
        return value if isinstance(value, np.ndarray | np.generic) else np.int64(value)

    # What NumPy computes

    def numpy(self, lines: Sequence[str]) -> None:
        """Lines of a graph's text, of the values that are declared with their shapes."""
        lines = [VALUE.sub(lambda found: "%" + self.words[found[0]], line) for line in lines]
        made = {found[0][1:] for line in lines if (found := VALUE.match(line))}
        given, stored = ([x for x in self.shapes if (x in made) == flag] for flag in (False, True))
        head = [f"%{word} = input : {self.shapes[word][0]}" for word in given]
        last = f"return {', '.join(f'%{word}' for word in stored)}\n"
        graph = Graph.parse("\n".join([*head, *lines, last]), {}, self.calls)
        values = run(
            graph, {node: self.shapes[str(node.name)][1].copy() for node in graph.inputs}, self.sizes
        )
        for word, node in zip(stored, graph.outputs, strict=True):
            self.shapes[word][1][...] = values[node]


@cache
def read(text: str) -> tuple[re.Pattern[str], tuple[Any, ...]]:
    """What kind of statement a line is, and its parts."""
    for kind in (DECLARATION, LOOP, CHECK, DEFINITION, ASSIGNMENT):
        if found := kind.fullmatch(text):
            return kind, found.groups()
    raise ValueError(f"no statement: {text!r}")


def inside(flat: Array, index: Any) -> Any:
    """An index that does not count from the end."""
    assert np.all((index >= 0) & (index < flat.size)), "an element outside of memory"
    return index


@cache
def tree_of(text: str) -> ast.expr:
    """An expression's tree."""
    return ast.parse(text, mode="eval").body


Part = Callable[[Machine], Any]


def whole(tree: ast.expr) -> Part:
    """An extent, an index or a bound: whole numbers, symbols, loops."""
    match tree:
        case ast.Constant(value=int() as value):
            return lambda machine: value
        case ast.Name(id=name):
            return lambda machine: machine.values[name] if name in machine.values else machine.sizes[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            part = whole(operand)
            return lambda machine: -part(machine)
        case ast.BinOp(left=left, op=op, right=right):
            a, b, join = whole(left), whole(right), WHOLE[type(op)]
            return lambda machine: join(a(machine), b(machine))
        case ast.Call(func=ast.Name(id="min"), args=arguments):
            parts = list(map(whole, arguments))
            return lambda machine: min(part(machine) for part in parts)
    raise ValueError(f"no whole number: {ast.unparse(tree)}")


@cache
def compiled(text: str) -> Part:
    """An expression, read once."""
    return value_of(tree_of(text))


def value_of(tree: ast.expr) -> Part:
    """The value of an expression: an array, or a literal."""
    match tree:
        case ast.Constant() | ast.UnaryOp(op=ast.USub(), operand=ast.Constant() | ast.Name(id="inf")):
            literal = Literal(eval_literal(tree))
            return lambda machine: literal
        case ast.Name(id=name):
            literal = Literal(LITERALS.get(name))
            return (lambda machine: literal) if name in LITERALS else lambda machine: machine.local(name)
        case ast.Subscript(value=ast.Name(id=name), slice=index):
            at = whole(index)
            return lambda machine: machine.element(name, at(machine))
    name, operands = parts_of(tree)
    parts = list(map(value_of, operands))
    return lambda machine: applied(name, [part(machine) for part in parts])


def eval_literal(tree: ast.expr) -> Any:
    return ast.literal_eval(tree) if "inf" not in ast.unparse(tree) else -np.inf


def parts_of(tree: ast.expr) -> tuple[str, list[ast.expr]]:
    """An atom, or a conversion, and its arguments."""
    match tree:
        case ast.UnaryOp(op=op, operand=operand):
            return OPERATORS[type(op)], [operand]
        case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]):
            return OPERATORS[type(op)], [left, right]
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return name, arguments
    raise ValueError(f"no expression: {ast.unparse(tree)}")


FOLDS: dict[str, np.ufunc] = {"add": np.add, "maximum": np.maximum, "minimum": np.minimum}


@cache
def folded(target: str, sign: str, right: str) -> tuple[str, list[str]] | None:
    """What one more value is joined by, and the value (or its two factors), if an assignment joins one."""
    if sign == "+=":
        return "add", [right]
    tree = tree_of(right)
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
        return None
    arguments = [ast.unparse(item) for item in tree.args]
    bare = ast.unparse(tree_of(target))
    if tree.func.id == "fma" and arguments[2] == bare:
        return "add", arguments[:2]
    return (tree.func.id, [arguments[1]]) if tree.func.id in FOLDS and arguments[0] == bare else None


def applied(name: str, arguments: Sequence[Any]) -> Any:
    """An atom in the dtype that its arguments have in common, or a conversion."""
    if name in DTYPES:
        (value,) = (item.value if isinstance(item, Literal) else item for item in arguments)
        return np.asarray(value).astype(DTYPES[name])
    first = 1 if name == "where" else 0
    dtypes = {item.dtype for item in arguments[first:] if not isinstance(item, Literal)}
    assert len(dtypes) == 1, (name, dtypes)
    (dtype,) = dtypes
    values = [
        np.asarray(item.value).astype(dtype if place >= first else np.bool_)
        if isinstance(item, Literal)
        else item
        for place, item in enumerate(arguments)
    ]
    assert not first or values[0].dtype == np.bool_
    result = np.asarray(ATOMS[name](*values))
    assert result.dtype in (dtype, np.bool_), (name, dtype, result.dtype)
    return result


def parsed(lines: Sequence[str]) -> list[Statement]:
    """Statements by their indents."""
    root = Statement("")
    open_: list[Statement] = [root]
    for line in lines:
        bare = line.split("  #")[0].strip() if line.strip() else ""
        if not bare or bare.startswith("#"):
            continue
        depth = (len(line) - len(line.lstrip())) // 4
        del open_[depth + 1 :]
        item = Statement(bare)
        open_[depth].body.append(item)
        open_.append(item)
    return root.body


def memory_of(program: Any, arguments: Sequence[Array], sizes: Mapping[str, int]) -> dict[str, Array]:
    """Fresh bytes for everything that a call of a program reads and writes; what has no value is NaN."""
    graph, names = program.graph, program.graph.names.values
    found = {
        f"input {names[n]}": x.copy().reshape(-1).view(np.uint8)
        for n, x in zip(graph.inputs, arguments, strict=True)
    }
    for node in graph.nodes:
        if node.op.name in ("parameter", "constant"):
            found[f"{node.op.name} {names[node]}"] = node.op.buffer.array.copy().reshape(-1).view(np.uint8)
    found["slab"] = np.full(evaluate(program.plan.peak_bytes, sizes), 255, np.uint8)
    for k, node in enumerate(graph.outputs):
        count = evaluate(node.type.size, sizes) * node.type.dtype.size
        found[f"output {k}"] = np.full(count, 255, np.uint8)
    return found
