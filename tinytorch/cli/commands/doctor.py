"""`tinytorch doctor`."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any, Final

import click

from compiler.backends.c.backend import C
from compiler.backends.llvm.backend import Llvm, get_num_threads
from compiler.backends.measuring import machine
from compiler.errors import BackendError
from compiler.render.layout import INSTALL, installed
from compiler.schedule.tables import aligned, scaled
from tinytorch.builtin import default_backend
from tinytorch.cli import command as shared
from tinytorch.cli.showing import is_json, show

DISTRIBUTION: Final = "tinytorch-compiler"

_PURPOSE: Final = {
    "": "needed",
    "jit": "native code",
    "draw": "Graphviz in a wheel, where there is no dot",
    "plot": "plots of activations",
    "notebook": "notebooks",
    "bfloat16": "arrays of bfloat16",
}
"""What the parts of each extra are for; extras for developers are not looked at."""

_WIDE: Final = ("avx512f", "avx2", "fma", "neon", "sve")
"""The features of a processor that decide how fast kernels are."""

_REQUIREMENT = re.compile(r"([\w.-]+)[^;]*(?:;\s*extra\s*==\s*['\"](\w+)['\"])?\s*\Z")


@shared.command("tinytorch doctor", "tinytorch doctor --again")
@click.option("--again", is_flag=True, help="Measure the machine anew, as after a busy first time.")
def doctor(again: bool) -> None:
    """Say what is installed, which backend runs, and why.

    Versions, threads, the cache of compiled objects, Graphviz, and how fast this machine is, which is
    measured the first time. For every part that is missing there is the command that gets it. Good to have in
    a report of a fault.
    """
    data, measured = examined(), machine(again=again)
    shown = "" if is_json() else f"{_text(data)}\n{measured}"
    show(data | {"machine": measured.to_dict()}, shown)


def examined() -> dict[str, Any]:
    """Everything that the command shows but how fast the machine is."""
    return {
        "tinytorch": _version(DISTRIBUTION),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "parts": _parts(),
        "backend": _backend(),
        "c": _c(),
        "cache": _cache(),
        "graphviz": installed(),
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _parts() -> list[dict[str, Any]]:
    """The requirements that the installed distribution states; none where it is used from a folder."""
    try:
        stated = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        return []
    found = [match.groups(default="") for item in stated if (match := _REQUIREMENT.match(item))]
    return [
        {
            "name": name,
            "version": _version(name),
            "purpose": _PURPOSE[extra],
            "fix": f"pip install '{DISTRIBUTION}[{extra}]'" if extra else f"pip install {name}",
        }
        for name, extra in found
        if extra in _PURPOSE and name != DISTRIBUTION
    ]


def _backend() -> dict[str, Any]:
    """Which backend runs unless another is named, and why it is that one."""
    native = Llvm()
    try:
        machine = native.machine
    except BackendError as error:
        return {"name": default_backend().name, "why": str(error), "threads": 1, "cpu": None}
    features = set(machine.features.split(","))
    return {
        "name": default_backend().name,
        "why": f"llvmlite is there and knows this processor, {machine.cpu}",
        "threads": get_num_threads(),
        "processors": os.cpu_count(),
        "cpu": machine.cpu,
        "features": [name for name in _WIDE if f"+{name}" in features],
    }


def _c() -> dict[str, Any]:
    """Whether the backend `c` runs here, with which compiler, or why not."""
    native = C()
    try:
        compiler = native.compiler
        found = bool(native.machine)
    except BackendError as error:
        return {"available": False, "why": str(error)}
    return {"available": found, "why": f"{compiler.path}, {compiler.version}"}


def _cache() -> dict[str, Any] | None:
    """The folder of compiled objects; none where there is no native code."""
    if not Llvm().is_available:
        return None
    from compiler.backends.llvm.jit.cache import default_cache

    cache = default_cache()
    sizes = cache.sizes if cache.usable else []
    return {
        "folder": str(cache.directory),
        "usable": cache.usable,
        "entries": len(sizes),
        "bytes": sum(sizes),
        "limit": cache.limit,
    }


def _text(data: dict[str, Any]) -> str:
    backend, cache = data["backend"], data["cache"]
    rows = [
        ("tinytorch", data["tinytorch"] or "used from a folder, not installed"),
        ("Python", f"{data['python']} on {data['platform']}"),
        ("backend", f"{backend['name']}: {' '.join(backend['why'].split())}"),
    ]
    if backend["cpu"] is not None:
        wide = ", ".join(backend["features"]) or "no wide vectors"
        rows.append(("processor", f"{backend['cpu']}, with {wide}"))
    rows.append(("threads", str(backend["threads"])))
    rows.append(("backend c", " ".join(data["c"]["why"].split())))
    if cache is not None:
        state = "" if cache["usable"] else ", which cannot be used: it is not private or cannot be written"
        most, size = scaled(cache["limit"], "B"), scaled(cache["bytes"], "B")
        size = f"{cache['entries']} objects, {size} of at most {most}"
        rows.append(("object cache", f"{cache['folder']}{state}: {size}"))
    rows.append(("Graphviz", data["graphviz"] or f"missing; {INSTALL}"))
    parts = [("", "part", "version", "for")]
    parts += [
        ("ok" if item["version"] else "--", item["name"], item["version"] or "missing", item["purpose"])
        for item in data["parts"]
    ]
    fixes = dict.fromkeys(item["fix"] for item in data["parts"] if item["version"] is None)
    advice = "".join(f"to get what is missing: {fix}\n" for fix in fixes)
    return aligned(rows, left=2) + "\n" + aligned(parts, left=4) + advice


command = doctor
