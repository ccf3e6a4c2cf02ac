"""The encoding of protobuf, walked over before it is parsed: what would fill the memory is refused unread.

    message  ::= field*
    field    ::= tag value                  tag = number * 8 + kind, a varint
    value    ::= varint                     kind 0
               | 8 bytes | 4 bytes          kinds 1 and 5
               | length bytes               kind 2: bytes, a text, packed numbers, or a message

Kinds 3 and 4, groups, are none of ONNX. Texts have to be UTF-8: protobuf hands out bytes for others.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from compiler.errors import ModelError
from tinytorch.onnx.reading.library import onnx
from tinytorch.onnx.reading.limits import DEEPEST, MOST_MESSAGES

_VARINT: Final = 0
_LENGTH: Final = 2
_FIXED: Final = {1: 8, 5: 4}
_MORE: Final = 128
"""The bit of a byte of a varint that says that another follows. Most tags and lengths are one byte."""

_LONGEST_VARINT: Final = 10
_TEXT, _MESSAGE = 9, 11
"""What protobuf's descriptors call the types of such fields."""


def check_encoding(content: bytes) -> None:
    """Raises ModelError where content is no message of ONNX's, is cut off, or would take too much memory.

    Linear in the number of fields, and bytes of weights are stepped over.
    """
    walk = _Walk(content)
    try:
        walk.run()
    except IndexError:
        raise _damaged("it ends inside a field") from None


class _Walk:
    """Goes over the messages of one model; those that were found and not walked over yet are on a stack."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._stack: list[tuple[int, int, int, Any]] = [(0, len(content), 1, onnx.ModelProto.DESCRIPTOR)]
        self._messages = 1

    def run(self) -> None:
        while self._stack:
            self._walk(*self._stack.pop())

    def _walk(self, at: int, end: int, depth: int, kind: Any) -> None:
        content, fields = self._content, _fields(kind)
        while at < end:
            tag, at = (content[at], at + 1) if content[at] < _MORE else self._varint(at)
            form = tag & 7
            if form == _LENGTH:
                length, at = (content[at], at + 1) if content[at] < _MORE else self._varint(at)
                stop = at + length
                if stop > end:
                    raise _damaged(f"a field of {kind.name} claims {length} bytes, and {end - at} are left")
                field = fields.get(tag >> 3)
                if field is not None:
                    self._found(at, stop, depth, field)
                at = stop
            elif form == _VARINT:
                while content[at] >= _MORE:
                    at += 1
                at += 1
            elif form in _FIXED:
                at += _FIXED[form]
            else:
                raise _damaged(f"a field of {kind.name} is of a form that protobuf's messages have not")
        if at != end:
            raise _damaged(f"the last field of a {kind.name} is longer than it")

    def _found(self, at: int, stop: int, depth: int, field: Any) -> None:
        """A text is read, and a message is left for later."""
        if field.type == _TEXT:
            try:
                self._content[at:stop].decode()
            except UnicodeDecodeError:
                raise _damaged(f"the {field.name} of a {field.containing_type.name} is no UTF-8") from None
            return
        self._messages += 1
        if self._messages > MOST_MESSAGES:
            raise ModelError(f"the model has more than {MOST_MESSAGES} parts, and would fill the memory")
        if depth >= DEEPEST:
            raise ModelError(f"the model has more than {DEEPEST} messages inside each other")
        self._stack.append((at, stop, depth + 1, field.message_type))

    def _varint(self, at: int) -> tuple[int, int]:
        value = 0
        for shift in range(0, 7 * _LONGEST_VARINT, 7):
            byte = self._content[at]
            at += 1
            value |= (byte % _MORE) << shift
            if byte < _MORE:
                return value, at
        raise _damaged(f"the number that ends at byte {at} has too many digits")


@cache
def _fields(kind: Any) -> dict[int, Any]:
    """The fields of a kind of message that are texts or messages, by number."""
    return {field.number: field for field in kind.fields if field.type in (_TEXT, _MESSAGE)}


def _damaged(why: str) -> ModelError:
    return ModelError(f"the model is damaged, or is none of ONNX: {why}\n  fix: fetch or export it again")
