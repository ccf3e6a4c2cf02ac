"""Reads a kernel's text, with names or without: a parser that follows the grammar and nothing else."""

import itertools
import re
from dataclasses import dataclass, field, replace

from compiler.ir.dims import parse_extent
from compiler.ir.op import Reducer
from compiler.ir.types import BOOL, FLOAT32, FLOAT64, INT32, INT64, dtype_of
from compiler.loops.language import (
    Carry,
    Check,
    Count,
    Fold,
    For,
    If,
    Join,
    Kernel,
    Layout,
    Let,
    Literal,
    Load,
    Memory,
    Pack,
    Ref,
    Store,
    Tile,
    Value,
)  # fmt: skip
from compiler.loops.source import Naming
from tests.compiler.loops.expressions import (
    NAME,
    TYPE,
    TYPES,
    Call,
    Expressions,
    Extent,
    Inside,
    Name,
    Place,
    bare,
    expression,
)
from tests.compiler.loops.expressions import Number as LiteralTree

NAMING = Naming(str, lambda label: label)
"""How a kernel that was read is printed again: labels are names, those of memory names and places."""

GIVEN = re.compile(r"(?:t|v|i|sum|prod|max|min|argmax|argmin|nan|best|at|mask|step)\d+|chunk")
GIVEN_TO_INDEX = re.compile(r"[i-z]\d*")
GIVEN_TO_MEMORY = re.compile(r"(?:m|memory|room|panel)\d+")
"""Names that a printer gives to what has none."""

DEFINITION = re.compile(rf"((?:{NAME}) : {TYPE}(?:, (?:{NAME}) : {TYPE})*) = (.*)")
ASSIGNMENT = re.compile(rf"((?:{NAME})(?:, (?:{NAME}))*) = ((?:sum|prod|max|min|argmax|argmin)\(.*)")
ADDITION = re.compile(rf"({NAME}) \+= (.*)")
NEXT = re.compile(rf"next ({NAME}) = (.*)")
LOOP = re.compile(
    rf"for ({NAME}) in (.*) \.\. (.*?)(?: by (\d+))?(?: in vectors of (\d+))?(?: with ({NAME}))?:"
)
PACK = re.compile(
    rf"pack ({NAME}) by ({NAME}) = (.*) in (rows|columns|strided)"
    r" of (.*) terms by (.*), (.*) columns by (.*), (\d+) wide(, whole)?"
    rf" to ({NAME}) in vectors of (\d+), copied from (\d+) rows on, of (.*)"
)
TILE = re.compile(
    r"tile (.*?)(?: by (\S+?))? = (\d+) rows of (\d+) vectors of (\d+)"
    r" of (.*) by (.*), (.*), of which (.*) rows exist"
    r" times (.*) by (.*), of which (.*) columns exist( under a mask)?"
    r" over (.*?) terms(?: of (.*))?, added where (.*) is not 0"
)
TESTS = {"lt", "le", "gt", "ge", "eq", "ne", "uge", "ult", "isnan"}
WIDE = {
    ("half", FLOAT32): INT32, ("from_half", INT32): FLOAT32,
    ("bits", FLOAT32): INT32, ("bits", FLOAT64): INT64, ("from_bits", INT32): FLOAT32,
    ("from_bits", INT64): FLOAT64,
}  # fmt: skip
HALVES = {"low", "high"}
APART = {*HALVES, "splat", "lanes", "first", "lane", "any", "all", "place"}
"""Atoms that do not go lane by lane."""


@dataclass
class Line:
    """A statement's text, and what stands further in."""

    text: str
    body: list["Line"] = field(default_factory=list)


@dataclass
class Slot:
    """What a name stands for."""

    operand: object
    dtype: object
    lanes: int


def lines_of(text):
    """Statements by their indents; a line further in, behind one without a colon, goes on with that."""
    root, depth_of = Line(":"), {}
    for raw in text.splitlines():
        line = raw.split("  # ")[0].rstrip()
        if not line or line.lstrip().startswith("# "):
            continue
        depth = (len(line) - len(line.lstrip())) // 4
        parent = depth_of.get(depth - 1, root) if depth else root
        if not parent.text.endswith(":"):
            parent.text += f" {line.strip()}"
            continue
        item = depth_of[depth] = Line(line.strip())
        parent.body.append(item)
    return root.body


def type_of(text):
    dtype, _, lanes = text.partition("x")
    return dtype_of(dtype), int(lanes or 0)


def read_kernel(text):
    """The kernel that a text says."""
    return Reader().kernel(lines_of(text))


class Reader:
    def __init__(self):
        self.scopes = [{}]
        self.memories = {}
        self.since, self.order = {}, itertools.count()
        self.counts = {}
        self.vector = None
        self.statements = []

    # Names

    def look(self, name):
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        raise AssertionError(f"{name} is not defined")

    def define(self, name, value):
        self.since[name] = next(self.order)
        self.scopes[-1][name] = Slot(value, value.dtype, value.lanes)
        return value

    def value(self, name, dtype, lanes=0):
        label = None if GIVEN.fullmatch(name) else name
        return self.define(name, Value(dtype, lanes, label))

    def memory(self, name, dtype, extent=0, overlaps=False, place="", is_scratch=False):
        label = None if GIVEN_TO_MEMORY.fullmatch(name) else (name, place)
        self.memories[name] = Memory(dtype, extent, overlaps, label, is_scratch)
        return self.memories[name]

    # Kernels and blocks

    def kernel(self, lines):
        arguments, rooms = [], []
        for line in lines[:-1]:
            name, _, rest = line.text.partition(" : ")
            dtype, _, place = rest.partition(" at ")
            if not place:
                arguments.append(self.value(name, dtype_of(dtype)))
            elif found := re.fullmatch(r"room\[(\d+)\]", place):
                rooms.append(self.memory(name, dtype_of(dtype), int(found[1])))
            else:
                overlaps = place.endswith(", overlapping")
                is_scratch = place.endswith(", scratch")
                place = place.removesuffix(", overlapping").removesuffix(", scratch")
                arguments.append(self.memory(name, dtype_of(dtype), 0, overlaps, place, is_scratch))
        head = re.fullmatch(rf"for ({NAME}) in chunks:", lines[-1].text)
        chunk = self.value(head[1], INT64)
        return Kernel(tuple(arguments), chunk, tuple(rooms), self.block(lines[-1].body))

    def block(self, lines):
        self.scopes.append({})
        body = self.inside(lines)
        self.scopes.pop()
        return body

    def inside(self, lines):
        """The statements of a block, in the scope that there is."""
        before, self.statements = self.statements, []
        lines = iter(lines)
        for line in lines:
            if line.text == "else:":
                choice = self.statements.pop()
                self.statements.append(replace(choice, otherwise=self.block(line.body)))
            else:
                self.statement(line)
        found, self.statements = tuple(self.statements), before
        return found

    def write(self, stmt):
        self.statements.append(stmt)

    def statement(self, line):
        text = line.text
        if found := LOOP.fullmatch(text):
            self.loop(line, *found.groups())
        elif text.startswith("if "):
            self.choice(line, self.operand(expression(text[3:-1])))
        elif found := re.fullmatch(rf"check (.*) else stop with 1 in ({NAME})", text):
            self.write(Check(self.operand(expression(found[1])), self.memories[found[2]]))
        elif found := PACK.fullmatch(text):
            self.pack(*found.groups())
        elif found := TILE.fullmatch(text):
            self.tile(*found.groups())
        elif found := DEFINITION.fullmatch(text):
            self.definition(*found.groups())
        elif found := ASSIGNMENT.fullmatch(text):
            slots = {name: self.look(name) for name in found[1].split(", ")}
            self.fold([(name, slot.dtype, slot.lanes) for name, slot in slots.items()], found[2])
        elif found := ADDITION.fullmatch(text):
            slot = self.look(found[1])
            item, mask = masked(found[2])
            self.fold([(found[1], slot.dtype, slot.lanes)], f"sum({found[1]}, {item}){mask}")
        else:
            self.store(text)

    # Statements

    def definition(self, names, right):
        targets = [(name, *type_of(kind)) for name, kind in re.findall(rf"({NAME}) : ({TYPE})", names)]
        (name, dtype, lanes) = targets[0]
        if right.startswith("join "):
            tree = expression(right[5:])
            state = tuple(self.operand(item) for item in tree.arguments)
            self.write(Join(self.value(name, dtype, lanes), Reducer(tree.atom), state))
        elif re.match(r"(sum|prod|max|min|argmax|argmin)\(", right):
            self.fold(targets, right, new=True)
        else:
            tree = expression(right)
            if isinstance(tree, Call | Place):
                self.computed(tree, name, dtype, lanes)
            else:
                operand = self.operand(tree, dtype)
                self.since[name] = next(self.order)
                self.scopes[-1][name] = Slot(operand, dtype, lanes)

    def computed(self, tree, name, dtype, lanes):
        if isinstance(tree, Place):
            ref, found, mask, _ = self.place(tree)
            assert found == lanes, (name, found, lanes)
            self.write(Load(self.value(name, dtype, lanes), ref, mask))
            return
        atom, operands = self.atom(tree)
        self.write(Let(self.value(name, dtype, lanes), atom, operands))

    def fold(self, targets, right, *, new=False):
        right, mask = masked(right)
        tree = expression(right)
        dtypes, lanes = [dtype for _, dtype, _ in targets], targets[0][2]
        count = len(targets)
        state = tuple(map(self.operand, tree.arguments[:count], dtypes))
        items = zip(tree.arguments[count:], dtypes, strict=False)
        item = tuple(self.spread(self.operand(*x), lanes) for x in items)
        where = self.operand(expression(mask.removeprefix(" where "))) if mask else None
        if new:
            following = tuple(self.value(*target) for target in targets)
        else:
            following = tuple(Value(dtype, lanes) for dtype in dtypes)
            for (name, _, _), value in zip(targets, following, strict=True):
                self.scopes[-1][name] = Slot(value, value.dtype, value.lanes)
        self.write(Fold(following, Reducer(tree.atom), state, item, where))

    def store(self, text):
        reader = Expressions(text.replace(" = ", " == ", 1))
        place = reader.primary()
        reader.take("==")
        tree = bare(reader.expression())
        reader.end()
        operand = self.operand(tree, self.memories[place.memory].dtype)
        ref, lanes, mask, first = self.place(place)
        self.write(Store(ref, self.spread(operand, lanes, literals=True), mask, first))

    def loop(self, line, name, start, stop, step, lanes, mask):
        start, stop, lanes = self.number(expression(start)), self.number(expression(stop)), int(lanes or 0)
        variables = sorted(assigned(line), key=self.since.get)
        slots = [self.look(item) for item in variables]
        outside, self.vector = self.vector, self.vector
        self.scopes.append({})
        body, ahead = line.body, ()
        if body and body[0].text == "ahead:":
            ahead, body = self.inside(body[0].body), body[1:]
        label = None if GIVEN_TO_INDEX.fullmatch(name) else name
        index = self.define(name, Value(INT64, 0, label))
        masks = None if mask is None else self.value(mask, BOOL, lanes)
        insides = [Value(slot.dtype, slot.lanes) for slot in slots]
        for item, inside in zip(variables, insides, strict=True):
            self.scopes[-1][item] = Slot(inside, inside.dtype, inside.lanes)
        if lanes:
            self.vector = index, lanes
        statements, following = self.nexts(body, variables)
        self.scopes.pop()
        self.vector = outside
        carried = self.carried(variables, slots, insides, following)
        step = int(step) if step else (lanes or 1)
        self.write(For(index, start, stop, statements, step, lanes, masks, carried, ahead))

    def choice(self, line, condition):
        variables = sorted(assigned(line), key=self.since.get)
        slots = [self.look(item) for item in variables]
        insides = [Value(slot.dtype, slot.lanes) for slot in slots]
        self.scopes.append({})
        for item, inside in zip(variables, insides, strict=True):
            self.scopes[-1][item] = Slot(inside, inside.dtype, inside.lanes)
        statements, following = self.nexts(line.body, variables)
        self.scopes.pop()
        self.write(If(condition, statements, (), self.carried(variables, slots, insides, following)))

    def carried(self, variables, slots, insides, following):
        """What goes through a loop or a branch, whose block is read."""
        carried = []
        for item, slot, inside, last in zip(variables, slots, insides, following, strict=True):
            after = Value(slot.dtype, slot.lanes)
            carried.append(Carry(inside, slot.operand, last, after))
            self.scopes[-1][item] = Slot(after, after.dtype, after.lanes)
        return tuple(carried)

    def nexts(self, lines, variables):
        """The statements of an iteration, and what it hands on."""
        nexts = [found for line in lines if (found := NEXT.fullmatch(line.text))]
        body = self.inside([line for line in lines if not NEXT.fullmatch(line.text)])
        before, self.statements = self.statements, []
        given = {
            name: self.operand(expression(right), self.look(name).dtype)
            for name, right in (x.groups() for x in nexts)
        }
        body, self.statements = (*body, *self.statements), before
        return body, [given.get(name, self.look(name).operand) for name in variables]

    def pack(self, panel, step, source, layout, *rest):
        terms, by_k, columns, by_j, width, whole, room, lanes, few, rows = rest
        ref, _, _, _ = self.place(expression(source))
        strides = self.along(by_k), self.along(by_j)
        terms, columns, rows = map(self.written_number, (terms, columns, rows))
        room = self.memories[room]
        panel = self.memory(panel, room.dtype, place="argument")
        step, layout, is_whole = self.value(step, INT64), Layout(layout), bool(whole)
        width, lanes, few = int(width), int(lanes), int(few)
        self.write(
            Pack(panel, step, room, ref, layout, strides, terms, columns, width, lanes, rows, few, is_whole)
        )

    def tile(self, sums, apart, rows, vectors, lanes, left, by_i, by_k, exist, right, step, columns, *rest):
        masked, terms, live, first = rest
        sums, left, right = (self.place(expression(text))[0] for text in (sums, left, right))
        strides, step = (self.along(by_i), self.along(by_k)), self.along(step)
        exist, terms, first, columns = map(self.written_number, (exist, terms, first, columns))
        live = self.along(live) if live else None
        apart = self.written_number(apart) if apart else None
        rows, vectors, lanes = map(int, (rows, vectors, lanes))
        self.write(
            Tile(
                sums,
                rows,
                vectors,
                lanes,
                left,
                strides,
                exist,
                right,
                step,
                terms,
                first,
                columns,
                bool(masked),
                live,
                apart,
            )
        )

    def written_number(self, text):
        return self.number(expression(text))

    def along(self, text):
        """A stride, or the place of a table."""
        if text.startswith("table "):
            return self.place(expression(text.removeprefix("table ")))[0]
        return self.written_number(text)

    # Expressions

    def number(self, tree):
        if isinstance(tree, LiteralTree):
            return int(tree.text)
        return self.operand(tree, INT64)

    def operand(self, tree, dtype=None):
        match tree:
            case Inside():
                return self.operand(tree.tree, dtype)
            case LiteralTree():
                found = dtype_of(tree.dtype) if tree.dtype else dtype
                assert found is not None, f"{tree.text} has no dtype"
                text = {"true": "1", "false": "0"}.get(tree.text, tree.text)
                return Literal(text, found)
            case Extent():
                return self.counts.setdefault(tree.text, Count(parse_extent(tree.text)))
            case Name():
                return self.look(tree.text).operand
            case Place():
                ref, lanes, mask, _ = self.place(tree)
                value = Value(ref.memory.dtype, lanes)
                self.write(Load(value, ref, mask))
                return value
            case Call():
                atom, operands = self.atom(tree)
                value = Value(*self.type(tree, atom, operands))
                self.write(Let(value, atom, operands))
                return value

    def atom(self, tree):
        arguments = [bare(item) for item in tree.arguments]
        found = {k: self.operand(x) for k, x in enumerate(arguments) if not isinstance(x, LiteralTree)}
        beside = next(
            (found[k].dtype for k in sorted(found, reverse=True) if isinstance(found[k], Value)), None
        )
        operands = [found[k] if k in found else self.operand(x, beside) for k, x in enumerate(arguments)]
        atom = "cast" if tree.atom in TYPES else tree.atom
        lanes = max((item.lanes for item in operands if isinstance(item, Value)), default=0)
        if atom not in APART:
            operands = [self.spread(item, lanes) for item in operands]
        return atom, tuple(operands)

    def type(self, tree, atom, operands):
        if tree.type:
            return type_of(tree.type)
        values = [item for item in operands if isinstance(item, Value)]
        lanes = max((item.lanes for item in values), default=0)
        lanes = lanes // 2 if atom in HALVES else 0 if atom in ("lane", "any", "all") else lanes
        if atom == "cast":
            return dtype_of(tree.atom), lanes
        dtype = BOOL if atom in TESTS else values[-1].dtype
        return WIDE.get((atom, dtype), dtype), lanes

    def spread(self, operand, lanes, *, literals=False):
        """A scalar where lanes are meant."""
        is_scalar = isinstance(operand, Value | Count) and not getattr(operand, "lanes", 0)
        if not lanes or not (is_scalar or (literals and isinstance(operand, Literal))):
            return operand
        value = Value(INT64 if isinstance(operand, Count) else operand.dtype, lanes)
        self.write(Let(value, "splat", (operand,)))
        return value

    def place(self, tree):
        """Ref, lanes, mask and first of a place."""
        terms, at, stride = [], None, 1
        for sign, first, factor in tree.summands:
            if factor is None and isinstance(first, LiteralTree):
                assert first.text == "0"
                continue
            times = self.number(bare(first)) if factor is not None else 1
            value = self.operand(first if factor is None else factor)
            if sign == "-":
                times = -times
            if value.lanes:
                assert at is None, "two vectors of places"
                at, stride = value, times
            else:
                terms.append((value, times))
        lanes, step = self.natural(terms, at)
        if tree.lanes is not None:
            lanes, step = tree.lanes, 1 if tree.step is None else self.number(tree.step)
        mask = None if tree.mask is None else self.operand(tree.mask)
        ref = Ref(self.memories[tree.memory], tuple(terms), step, at, stride)
        return ref, lanes, mask, tree.first

    def natural(self, terms, at):
        along = [stride for value, stride in terms if self.vector and value is self.vector[0]]
        if at is not None:
            return (0 if along else at.lanes), 1
        return (self.vector[1], along[-1]) if along else (0, 1)


def masked(text):
    """What is folded, and under which mask; a mask inside a place is no mask of a fold."""
    depth = 0
    for k, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if depth == 0 and text[k:].startswith(" where "):
            return text[:k], text[k:]
    return text, ""


def assigned(loop):
    """The names that the body of a loop or a branch assigns to and does not define: what it carries."""
    found, local = {}, set()
    for line in loop.body:
        if line.text == "ahead:":
            continue
        if definition := DEFINITION.fullmatch(line.text):
            local.update(name for name, _ in re.findall(rf"({NAME}) : ({TYPE})", definition[1]))
        elif match := ASSIGNMENT.fullmatch(line.text):
            found.update(dict.fromkeys(match[1].split(", ")))
        elif match := ADDITION.fullmatch(line.text) or NEXT.fullmatch(line.text):
            found[match[1]] = None
        elif LOOP.fullmatch(line.text):
            found.update(dict.fromkeys(assigned(line)))
    return [name for name in found if name not in local]
