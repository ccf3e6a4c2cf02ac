"""The table of every op: what it is, what it takes, what others call it, and how far it is off."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

import tinytorch as tt
from tinytorch.cli.commands.ops import known_ops
from tinytorch.elementwise import Elementwise
from tinytorch.facts import Facts, facts_of
from tinytorch.hints import NAMES
from tinytorch.numpy_names import NAMES as OF_NUMPY
from tinytorch.numpy_names import UNLIKE

HEADINGS: Final = ("op", "what it is", "dtypes", "NumPy", "PyTorch", "largest error")
TORCH: Final = Path(__file__).with_name("torch_names.txt")
"""PyTorch's functions that have a name of ours, by `python -m tests.documentation.torch_names`."""
ROOMS: Final = ("torch.nn.functional", "torch.special", "torch.linalg")


def scalar_rows() -> Iterator[tuple[str, ...]]:
    """The scalar ops, by what follows from their formulas."""
    for name, op in known_ops().items():
        if isinstance(getattr(tt, name, None), Elementwise):
            facts = facts_of(op, name)
            formula = facts.formula.partition(" = ")[2]
            yield f"`tt.{name}`", f"`{formula}`", _dtypes(facts), *_others(name), _error(facts)


def composed_rows(functions: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Functions that are made of ops, and have the dtypes, gradients and errors of these."""
    for name, item in functions.items():
        sentence = re.split(r"(?<=[.:;])\s", inspect.getdoc(item) or "", maxsplit=1)[0]
        yield f"`tt.{name}`", sentence.rstrip(":;"), "of its parts", *_others(name), "of its parts"


def _dtypes(facts: Facts) -> str:
    """Which dtypes it takes, and what comes of them where that is another."""
    found: dict[str | None, list[str]] = {}
    for given, result in facts.dtypes.items():
        found.setdefault("the same" if result == given else result, []).append(given)
    parts = (
        (made or "", f"{', '.join(kinds)}{'' if made == 'the same' else f' to {made}'}")
        for made, kinds in found.items()
    )
    return "; ".join(part for made, part in parts if made)


def _error(facts: Facts) -> str:
    """In units of the last place, of values and slopes natively; or how it is rounded."""
    native = [(case, found) for case, found in facts.errors if case.system == "llvm"]
    shown = [f"{case.dtype} {case.kind} {found.units:.3g}" for case, found in native]
    return "; ".join(shown) if shown else facts.rounding


def _others(name: str) -> tuple[str, str]:
    return _numpy_name(name), _torch_name(name)


def _numpy_name(name: str) -> str:
    known = [other for other, ours in OF_NUMPY.items() if ours == name]
    room, _, last = name.rpartition(".")
    if last not in UNLIKE and callable(getattr(np.linalg if room else np, last, None)):
        known.insert(0, name)
    return ", ".join(f"`{item}`" for item in known)


def _torch_name(name: str) -> str:
    names = TORCH.read_text().split()
    same = [item for item in names if item in (f"torch.{name}", *(f"{room}.{name}" for room in ROOMS))]
    hinted = [
        item for names, fix in NAMES["tinytorch"] if re.match(rf"tt\.{name}\(", fix) for item in names.split()
    ]
    return ", ".join(f"`{item.removeprefix('torch.')}`" for item in dict.fromkeys([*same, *hinted]))
