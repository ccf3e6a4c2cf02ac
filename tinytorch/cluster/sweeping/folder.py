"""The folder of a sweep: text and arrays, each file written beside its place and renamed into it.

    folder     ::= "sweep.json", and "runs/" with a file for each run that ended, called after its digest
    sweep.json ::= {"format": 1, "about": what all runs share}

A sweep that goes on takes from here what it would otherwise run. Reading executes nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, cast

from compiler.errors import ArgumentError, ParseError
from tinytorch.array_files import replacing
from tinytorch.cluster.sweeping.run import Run, read_run
from tinytorch.cluster.sweeping.space import key_of

FORMAT: Final = 1

_HEAD: Final = "sweep.json"
_RUNS: Final = "runs"


def begin(folder: str | os.PathLike[str], about: Mapping[str, Any]) -> Path:
    """A folder for runs of which `about` is true, made or gone on with. Raises ArgumentError for others'."""
    place = Path(folder)
    if (place / _HEAD).is_file():
        found = read_about(place)
        for name, value in about.items():
            if found.get(name) != value:
                raise ArgumentError(
                    f"the runs in {str(place)!r} are of a sweep whose {name} was {found.get(name)!r}, "
                    f"not {value!r}\n"
                    "  fix: the arguments it had, or another folder"
                )
    (place / _RUNS).mkdir(parents=True, exist_ok=True)
    with replacing(place / _HEAD) as file:
        file.write(json.dumps({"format": FORMAT, "about": dict(about)}, indent=1).encode())
    return place


def keep(folder: Path, run: Run) -> None:
    """Writes a run. Raises OSError."""
    run.save(_path(folder, run.hyperparameters, run.fold))


def write(folder: str | os.PathLike[str], about: Mapping[str, Any], runs: Iterable[Run]) -> Path:
    """Writes runs. Returns the folder. Raises ArgumentError where another sweep's are, OSError."""
    place = begin(folder, about)
    for run in runs:
        keep(place, run)
    return place


def read_about(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """What all runs share. Raises ArgumentError where there is no sweep, ParseError for a damaged one."""
    path = Path(folder) / _HEAD
    if not path.is_file():
        raise ArgumentError(f"there is no sweep in {os.fspath(folder)!r}")
    try:
        head = json.loads(path.read_text(encoding="utf-8"))
        if head["format"] > FORMAT:
            raise ParseError(
                f"{path} is of format {head['format']} and this version reads {FORMAT}\n"
                "  fix: install a newer tinytorch"
            )
        return dict(cast("dict[str, Any]", head["about"]))
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, ParseError):
            raise
        raise ParseError(f"{path} says nothing of a sweep: {error}") from None


def read(folder: str | os.PathLike[str]) -> list[Run]:
    """The runs, by their numbers. Raises ParseError for a file that is none."""
    found = [read_run(path) for path in sorted((Path(folder) / _RUNS).glob("*.npz"))]
    return sorted(found, key=lambda run: (run.number, run.fold or 0))


def find(folder: Path, hyperparameters: Mapping[str, Any], fold: int | None) -> Run | None:
    """The run of these hyperparameters, if it has ended and not failed. Raises ParseError."""
    path = _path(folder, hyperparameters, fold)
    found = read_run(path) if path.is_file() else None
    return None if found is None or found.failure is not None else found


def _path(folder: Path, hyperparameters: Mapping[str, Any], fold: int | None) -> Path:
    digest = hashlib.sha256(key_of(hyperparameters, fold).encode()).hexdigest()
    return folder / _RUNS / f"{digest[:16]}.npz"
