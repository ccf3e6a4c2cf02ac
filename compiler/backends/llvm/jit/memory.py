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

import numpy as np

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

    numpy: ClassVar[np.dtype[Any]]
    """The same fields for NumPy."""

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
    cls.numpy = np.dtype(
        {
            "names": list(cls.kinds),
            "formats": [np.dtype(getattr(kind, "numpy", kind)) for kind in cls.kinds.values()],
            "offsets": [cls.offset_of(name) for name in cls.kinds],
            "itemsize": ctypes.sizeof(cls),
        }
    )  # NumPy's own reading of a ctypes structure leaves out what is inherited
    return cls


def _kind(hint: Any) -> Any:
    """The C type that an annotation names: a struct names itself."""
    return getattr(hint, "__metadata__", (hint,))[0]


@struct
class Items(Struct):
    """So many items one behind the other, and where the first of them is."""

    count: I64
    first: Address


class Blocks:
    """Arrays that live as long as this does, because other memory holds their addresses."""

    def __init__(self) -> None:
        self.kept: list[object] = []

    def keep(self, thing: object) -> None:
        """Keeps something else that memory holds the address of."""
        self.kept.append(thing)

    def put(self, dtype: Any, items: Sequence[Any]) -> tuple[int, int]:
        """`Items` that are a new array: of numbers, or of tuples that are the fields of structs."""
        block = np.array(items, dtype)
        self.kept.append(block)
        return len(items), int(block.__array_interface__["data"][0])
