"""Laws as data: a sentence, and a check that yields a remark for every place where it does not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from compiler.errors import LawError

Subject = TypeVar("Subject")


@dataclass(frozen=True, slots=True)
class Law(Generic[Subject]):
    """A sentence about every subject, and its check."""

    sentence: str
    check: Callable[[Subject], Iterator[str]]


def enforce(laws: Iterable[Law[Subject]], subject: Subject, maker: str = "") -> None:
    """Raises LawError with the sentence of the first broken law, the place, and who made the subject."""
    for law in laws:
        for remark in law.check(subject):
            raise LawError(f"{maker + ' broke a law' if maker else 'broken law'}: {law.sentence}\n  {remark}")
