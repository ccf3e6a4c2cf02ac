"""Memory that Python and native code share, described once.

    @struct
    class Patch(Struct):
        word: Address
        slot: I64

is a `ctypes.Structure`: Python makes, reads and writes it by attribute. Native code reads the same fields
by the same names (`values.View`), at the offsets that ctypes gives them, which are those of a C compiler.
"""

from __future__ import annotations

import ctypes
import inspect
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, TypeAlias, TypeVar, get_type_hints

I64: TypeAlias = Annotated[int, ctypes.c_int64]
"""A signed integer of 64 bits."""

Address: TypeAlias = Annotated[int, ctypes.c_size_t]
"""Where something lies; 0 is nowhere."""

I32: TypeAlias = Annotated[int, ctypes.c_int32]
"""A signed integer of 32 bits, as C's int."""

U8: TypeAlias = Annotated[int, ctypes.c_uint8]
"""Eight bits without a sign."""


class Struct(ctypes.Structure):
    """A block of memory with named fields; see the module. Fields that are not given begin as 0."""

    kinds: ClassVar[dict[str, Any]] = {}
    """The C type of each field, by name."""

    @classmethod
    def offset_of(cls, name: str) -> int:
        """The bytes before a field."""
        return int(getattr(cls, name).offset)


Made = TypeVar("Made", bound=type[Struct])


def struct(cls: Made) -> Made:
    """Makes the annotations of a class its fields, behind those that it inherits."""
    hints = get_type_hints(cls, include_extras=True)
    fields = [(name, _kind(hints[name])) for name in inspect.get_annotations(cls)]
    cls._fields_ = fields
    cls.kinds = cls.kinds | dict(fields)
    return cls


def _kind(hint: Any) -> Any:
    """The C type that an annotation names: a struct names itself."""
    return getattr(hint, "__metadata__", (hint,))[0]


class Blocks:
    """Arrays that live as long as this does: other memory holds their addresses."""

    def __init__(self) -> None:
        self.kept: list[Any] = []

    def put(self, kind: Any, items: Sequence[Any]) -> int:
        """The address of a new array of `items`, each a `kind` or what ctypes makes one of."""
        block = (kind * len(items))(*items)
        self.kept.append(block)
        return ctypes.addressof(block)
