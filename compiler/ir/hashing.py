"""Values that are dictionary keys all day long: their hash is computed once an instance."""

from __future__ import annotations

from typing import Any, TypeVar, cast

Class = TypeVar("Class", bound=type)


class Hashed:
    """Has room for the hash. It is no field: it is neither compared, copied nor pickled."""

    __slots__ = ("_hash",)


def hash_once(kind: Class) -> Class:
    """A class decorator, above `@dataclass`: the hash that the class has, remembered by each instance."""
    compute: Any = kind.__hash__

    def remembered(self: Any) -> int:
        try:
            return self._hash
        except AttributeError:
            found = compute(self)
            object.__setattr__(self, "_hash", found)
            return found

    cast(Any, kind).__hash__ = remembered
    return kind
