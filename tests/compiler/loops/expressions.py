"""Reads the expressions and places of a kernel's text into trees; knows the grammar alone."""

import re
from dataclasses import dataclass

TYPES = {"bool", "i32", "i64", "f32", "f64", "u8", "i8", "i16", "f16", "bf16"}
TYPE = r"(?:bool|u8|i8|i16|i32|i64|bf16|f16|f32|f64)(?:x\d+)?"
NAME = r"""%?"(?:[^"\\]|\\.)*"'*|%[A-Za-z_0-9][\w.'~]*|[A-Za-z_][\w.'~]*"""
TOKEN = re.compile(
    rf"""\s*(?:
    (?P<literal>(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|(?:inf|nan|true|false)\b)(?::(?:bool|u8|i8|i16|i32|i64|bf16|f16|f32|f64)\b)?)
    |(?P<typed>[a-z_]\w*:{TYPE})(?=\()
    |(?P<count>\{{[^}}]*\}})
    |(?P<name>{NAME})
    |(?P<op>\*\*|<<|>>|<=|>=|==|!=|\.\.|[-+*/<>&|^~()\[\],;])
    )""",
    re.VERBOSE,
)
BINARY = {
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), 1), "|": 2, "^": 3, "&": 4, "<<": 5, ">>": 5, "+": 6,
    "-": 6, "*": 7, "/": 7,
}  # fmt: skip
UNARY, POWER = 8, 9
ATOM_OF = {
    "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne", "|": "or", "^": "xor", "&": "and",
    "+": "add", "-": "sub", "*": "mul", "/": "div", "**": "pow", "<<": "lshift",
    ">>": "rshift",
}  # fmt: skip


@dataclass(frozen=True)
class Number:
    """A literal, with its dtype where it says one."""

    text: str
    dtype: str | None


@dataclass(frozen=True)
class Name:
    text: str


@dataclass(frozen=True)
class Extent:
    text: str


@dataclass(frozen=True)
class Call:
    """An atom of arguments; `type` where it says one."""

    atom: str
    arguments: tuple
    type: str | None = None


@dataclass(frozen=True)
class Inside:
    """An expression in parentheses."""

    tree: object


@dataclass(frozen=True)
class Place:
    """Memory, and (sign, stride, factor) of each summand. `lanes` is None where nothing is said."""

    memory: str
    summands: tuple
    lanes: int | None = None
    step: object = None
    mask: object = None
    first: int = 0


def bare(tree):
    """A tree without parentheses around it."""
    return bare(tree.tree) if isinstance(tree, Inside) else tree


def tokens(text):
    found, position = [], 0
    while position < len(text.rstrip()):
        match = TOKEN.match(text, position)
        assert match, f"no token at {text[position:]!r} of {text!r}"
        found.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return [*found, ("end", "")]


class Expressions:
    """A recursive descent over the tokens of one line."""

    def __init__(self, text):
        self.tokens, self.at = tokens(text), 0

    @property
    def next(self):
        return self.tokens[self.at][1]

    @property
    def kind(self):
        return self.tokens[self.at][0]

    def take(self, wanted=None):
        found = self.next
        assert wanted is None or found == wanted, f"{found!r} and not {wanted!r} in {self.tokens}"
        self.at += 1
        return found

    def takes(self, wanted):
        if self.next != wanted or self.kind == "literal":
            return False
        self.at += 1
        return True

    def end(self):
        assert self.kind == "end", self.tokens[self.at :]

    def expression(self, least=0):
        left = self.prefixed()
        while self.kind == "op" and BINARY.get(self.next, -1) >= max(least, 1):
            strength, sign = BINARY[self.next], self.take()
            left = Call(ATOM_OF[sign], (left, self.expression(strength + 1)))
        return left

    def prefixed(self):
        if self.kind == "op" and self.next in "-~":
            sign = self.take()
            if sign == "-" and self.kind == "literal":
                return self.raised(self.literal("-"))
            return Call("neg" if sign == "-" else "not", (bare(self.prefixed()),))
        return self.raised(self.primary())

    def raised(self, base):
        if self.kind == "op" and self.next == "**":
            self.take()
            return Call("pow", (base, self.prefixed()))
        return base

    def literal(self, sign=""):
        text, _, dtype = self.take().partition(":")
        return Number(sign + text, dtype or None)

    def primary(self):
        if self.kind == "literal":
            return self.literal()
        if self.kind == "count":
            return Extent(self.take()[1:-1])
        if self.kind == "typed":
            atom, _, type_ = self.take().partition(":")
            return Call(atom, self.arguments(), type_)
        if self.takes("("):
            tree = self.expression()
            self.take(")")
            return Inside(tree)
        assert self.kind == "name", self.tokens[self.at :]
        name = self.take()
        if self.next == "(":
            return Call(name, self.arguments())
        if self.next == "[":
            return self.place(name)
        return Name(name)

    def arguments(self):
        self.take("(")
        found = []
        while not self.takes(")"):
            found.append(bare(self.expression()))
            if self.next != ")":
                self.take(",")
        return tuple(found)

    def place(self, memory):
        self.take("[")
        summands, given = [], {}
        sign = "-" if self.takes("-") else "+"
        while True:
            first = self.primary()
            factor = self.primary() if self.takes("*") else None
            summands.append((sign, first, factor))
            if self.next not in ("+", "-"):
                break
            sign = self.take()
        while self.takes(";"):
            given |= self.how()
        self.take("]")
        return Place(memory, tuple(summands), **given)

    def how(self):
        if self.takes("where"):
            return {"mask": bare(self.expression())}
        if self.takes("first"):
            return {"first": int(self.take())}
        if self.takes("scalar"):
            return {"lanes": 0}
        found = {"lanes": int(self.take())}
        self.take("lanes")
        if self.takes("by"):
            found["step"] = bare(self.prefixed())
        return found


def expression(text):
    """The tree of a text that is one expression."""
    reader = Expressions(text)
    tree = bare(reader.expression())
    reader.end()
    return tree
