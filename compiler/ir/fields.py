"""Reads the pieces of a line: names, lists in brackets, numbers, and the fields of a layout op."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields
from itertools import repeat
from typing import Any, Final, NoReturn, cast

from compiler.errors import ParseError
from compiler.ir.dims import Dim, Extent, parse_extent
from compiler.ir.formula.parsing import parse_scalar
from compiler.ir.op import LAYOUTS, Combine, Op, Prefix, Scan

STRING: Final = r'"(?:[^"\\]|\\.)*"'
NAME: Final = rf"(?:{STRING}|[A-Za-z_0-9][\w.']*)(?:~\d+)?"
VALUE: Final = rf"%{NAME}"
INT: Final = re.compile(r"-?\d{1,30}\Z", re.ASCII)
WORDS: Final = {layout.word: layout for layout in LAYOUTS}
"""The layout ops by the words that begin their lines."""
SCANS: Final = {scan.value: scan for scan in Scan}
"""The prefix reductions by theirs."""

_PIECE = re.compile(rf"{VALUE}|{STRING}|.", re.ASCII | re.DOTALL)
_FLOAT = re.compile(r"-?(?:inf|nan|\d+\.\d*(?:e[-+]?\d+)?|\d+e[-+]?\d+)\Z", re.ASCII)
_DEEPEST: Final = 64


def split(text: str, separator: str = ",") -> list[str]:
    """The pieces of a list, split at separators that stand in no brackets and no quotes."""
    pieces, depth, current = list[str](), 0, ""
    for match in _PIECE.finditer(text):
        piece = match[0]
        depth += (piece in "([{") - (piece in ")]}")
        if piece == separator and depth == 0:
            pieces.append(current.strip())
            current = ""
        else:
            current += piece
    if depth:
        raise ParseError(f"brackets do not match in {text[:200]!r}")
    return [*pieces, current.strip()] if pieces or current.strip() else []


def read_field(text: str) -> Any:
    """A number, an extent, or a list of such as tuples; lists nest as deep as arrays have axes."""
    stack: list[list[Any]] = [[]]
    for token in re.findall(r"[\[\]]|[^\[\],]+", text):
        item = token.strip()
        if token == "[":
            stack.append([])
        elif token == "]":
            done = tuple(stack.pop())
            if not stack:
                _bad_field(text)
            stack[-1].append(done)
        elif item:
            stack[-1].append(_number(item))
        if len(stack) > _DEEPEST:
            _bad_field(text)
    if len(stack) != 1 or len(stack[0]) != 1:
        _bad_field(text)
    return stack[0][0]


def _bad_field(text: str) -> NoReturn:
    raise ParseError(f"not a number or a list of numbers: {text[:200]!r}")


def _number(text: str) -> Extent | bool | float:
    if INT.match(text):
        return int(text)
    return parse_scalar(text) if text in ("true", "false") or _FLOAT.match(text) else parse_extent(text)


_SHAPES: Final = frozenset({"shape", "starts", "sizes", "low", "high", "positions", "taps", "extents"})
_INTS: Final = frozenset({"axes", "order", "steps", "interior", "dilations"})
_BOOLS: Final = frozenset({"batched", "reverse"})
_COMBINES: Final = {combine.value: combine for combine in Combine}
_EXPECTED: Final = {
    "value": "a number", "extent": "an extent", "combine": f"one of {', '.join(_COMBINES)}",
    **dict.fromkeys(_BOOLS, "true or false"),
}  # fmt: skip


def read_layout(word: str, given: Mapping[str, Any]) -> Op:
    """The layout op with fields of the right kinds. Raises ParseError."""
    if "combine" in given:
        given = {**given, "combine": _COMBINES.get(str(given["combine"]), given["combine"])}
    _check_fields(word, fields(WORDS[word]), given)
    return WORDS[word](**given)


def read_prefix(word: str, given: Mapping[str, Any]) -> Op:
    """The prefix reduction with fields of the right kinds. Raises ParseError."""
    _check_fields(word, fields(Prefix)[1:], given)
    return Prefix(SCANS[word], **given)


def _check_fields(word: str, known: Sequence[Field[Any]], given: Mapping[str, Any]) -> None:
    wanted = {item.name: item.default is MISSING for item in known}
    wrong = [key for key in given if key not in wanted] + [
        key for key, needed in wanted.items() if needed and key not in given
    ]
    if wrong:
        raise ParseError(f"{word}: {wrong[0]!r} is missing or unknown; its fields are {', '.join(wanted)}")
    for key, value in given.items():
        if not _is_field(key, value):
            expected = _EXPECTED.get(
                key, "a list of extents" if key in _SHAPES else "a list of ints" if key in _INTS else "an int"
            )
            raise ParseError(f"{word}: {key} is {expected}, not {value!r}")


def _is_field(key: str, value: Any) -> bool:
    if key in _SHAPES | _INTS:
        kinds = (int, Dim) if key in _SHAPES else (int,)
        return isinstance(value, tuple) and all(map(_is_one_of, cast("Any", value), repeat(kinds)))
    if key in _BOOLS:
        return isinstance(value, bool)
    if key == "combine":
        return isinstance(value, Combine)
    kinds = {"value": (int, float), "extent": (int, Dim)}.get(key, (int,))
    return _is_one_of(value, kinds)


def _is_one_of(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)
