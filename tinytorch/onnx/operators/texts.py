"""Texts, which are known before a call: arrays of dtype object that hold str."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from tinytorch.onnx.calling.operator import Known, operator
from tinytorch.onnx.calling.values import Array, Unsupported

_LIMITS: Final = "Texts have to be known before a call."


def _each(function: Callable[[str], Any], texts: Array, dtype: Any = object) -> Array:
    return np.array([function(str(item)) for item in texts.flat], dtype=dtype).reshape(texts.shape)


@operator("StringConcat", since=20, limits=_LIMITS)
def concatenated(x: Known, y: Known) -> Array:
    """Texts one behind the other, element by element."""
    joined: Any = np.frompyfunc(lambda a, b: str(a) + str(b), 2, 1)
    return np.asarray(joined(x, y), dtype=object)


@operator("StringSplit", since=20, limits=_LIMITS)
def split(x: Known, *, delimiter: str | None = None, maxsplit: int | None = None) -> tuple[Array, Array]:
    """The parts of each text in a new last axis, empty where there are no more; and how many they are."""
    rows = [str(item).split(delimiter or None, -1 if maxsplit is None else maxsplit) for item in x.flat]
    width = max(map(len, rows), default=0)
    counts = np.array([len(row) for row in rows], dtype=np.int64).reshape(x.shape)
    parts = np.array([row + [""] * (width - len(row)) for row in rows], dtype=object)
    return parts.reshape((*x.shape, width)), counts


_CASES: Final = {"LOWER": str.lower, "UPPER": str.upper, "NONE": str}


@operator("StringNormalizer", since=10, limits=_LIMITS)
def normalised(
    x: Known, *, case_change_action: str, is_case_sensitive: int, locale: str = "",
    stopwords: list[str] | None = None,
) -> Array:  # fmt: skip
    """Texts without some words, in other letters; cases are Unicode's in any locale."""
    if case_change_action not in _CASES:
        raise Unsupported(f"the change of case {case_change_action!r}")
    key = str if is_case_sensitive else str.lower
    stops = {key(word) for word in stopwords or ()}
    kept = [str(item) for item in x.flat if key(str(item)) not in stops]
    found = np.array([_CASES[case_change_action](item) for item in kept] or [""], dtype=object)
    return found.reshape([1] * (x.ndim - 1) + [-1])


_LONGEST: Final = 1000
_ESCAPED: Final = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]", re.DOTALL)
"""What is no operator in a pattern: escapes and classes of characters."""


@operator("RegexFullMatch", since=20, limits="Texts have to be known; groups are not repeated.")
def matched(x: Known, *, pattern: str | None = None) -> Array:
    """Whether a pattern matches all of a text.

    A pattern comes from a file, and one that repeats what itself may repeat can take forever to match: at
    most two repetitions without bound, none of them of a group.
    """
    bare = _ESCAPED.sub("a", pattern or "")
    if re.search(r"\)[*+{]", bare) or len(re.findall(r"[*+]|,\}", bare)) > 2 or r"\C" in (pattern or ""):
        raise Unsupported(f"the pattern {pattern!r} has too many repetitions")
    if max((len(str(item)) for item in x.flat), default=0) > _LONGEST:
        raise Unsupported(f"a text is longer than {_LONGEST} characters")
    try:
        found = re.compile(pattern or "")
    except (re.error, RecursionError, OverflowError) as error:
        raise Unsupported(f"the pattern {pattern!r}: {error}") from error
    return _each(lambda text: found.fullmatch(text) is not None, x, bool)
