"""`tinytorch run`."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import click
import numpy as np

from compiler.ir.bfloat16 import float_limits
from compiler.ir.graph import Graph
from compiler.program import Program
from compiler.schedule.tables import aligned
from tinytorch.array_files import replacing, write_arrays
from tinytorch.cli import command as shared
from tinytorch.cli.feeding import Array, Feed, feed_of
from tinytorch.cli.showing import is_json, show
from tinytorch.cli.targets import load_target

_SHOWN = 16
"""Numbers up to which an output is printed whole; of a larger one its range is."""


@shared.command(
    "tinytorch run net.onnx --input x.npy",
    "tinytorch run net.onnx --input x=x.npy --output y.npy",
    "tinytorch run train.py:hidden --batch 4",
)
@shared.target()
@click.option(
    "--input", "given", metavar="[NAME=]FILE.npy", multiple=True,
    help="An array for an input, in the inputs' order or by name. May be given several times.",
)  # fmt: skip
@click.option(
    "--output", "wanted", metavar="[NAME=]FILE", multiple=True,
    help="Where to write an output (.npy), or all of them (.npz, .safetensors).",
)  # fmt: skip
@shared.data_options
@shared.backend_option
@shared.passes_option
def run(
    target: str, given: Sequence[str], wanted: Sequence[str], file: str | None, sizes: Mapping[str, int],
    seed: int, backend: str | None, without: Sequence[str],
) -> None:  # fmt: skip
    """Run TARGET once and show, or write, what it computes.

    Inputs are files of NumPy, or arrays of one .npz by their names, or random of the sizes given. An output
    of few numbers is printed, and of others the range.
    """
    program = load_target(target).program(backend, without)
    graph = program.source_graph
    if given and (file is not None or sizes):
        raise click.UsageError("inputs are given by --input, or by --data, or drawn for sizes: choose one")
    feed = _given(graph, given) if given else feed_of(graph, file, sizes, seed)
    outputs = _called(program, feed)
    written = _write(wanted, outputs)
    data = {
        "data": feed.sentence,
        "outputs": [
            {"name": name, "dtype": str(array.dtype), "shape": list(array.shape), **_said(array)}
            for name, array in outputs.items()
        ],
        "written": [str(path) for path in written],
    }
    show(
        data, "" if is_json() else "\n".join([feed.sentence, _text(outputs).rstrip("\n"), *map(str, written)])
    )


def _given(graph: Graph, given: Sequence[str]) -> Feed:
    """The arrays that options name; those without a name are for the inputs that are left, in order."""
    names = [str(node.name) for node in graph.inputs]
    found: dict[str, str] = {}
    loose: list[str] = []
    for item in given:
        name, equals, path = item.partition("=")
        if not (equals and name in names):
            loose.append(item)
        elif found.setdefault(name, path) != path:
            raise click.UsageError(f"the input {name!r} is given twice")
    left = [name for name in names if name not in found]
    if len(loose) != len(left):
        what = f"{len(loose)} files are for {len(left)} inputs" if loose else f"no file is for {left[0]!r}"
        inputs = ", ".join(f"{node.name} {node.type}" for node in graph.inputs)
        raise click.UsageError(f"{what}; the inputs are {inputs or 'none'}")
    found |= dict(zip(left, loose, strict=True))
    return Feed(
        tuple(_loaded(found[name]) for name in names),
        "; ".join(f"{name}: {found[name]}" for name in names) or "no inputs",
    )


def _loaded(path: str) -> Array:
    try:
        found: Any = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise click.UsageError(f"there is no file {path!r}") from None
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise click.UsageError(f"{path} is no file of NumPy: {error}") from None
    if not isinstance(found, np.ndarray):
        found.close()
        raise click.UsageError(f"{path} holds arrays by name: give it as --data")
    return cast("Array", found)


def _called(program: Program, feed: Feed) -> dict[str, Array]:
    """The outputs by name: two of one value have a number behind it."""
    found: Any = program(*feed.arrays)
    if isinstance(found, Mapping):
        return {str(name): np.asarray(item) for name, item in cast("Mapping[Any, Any]", found).items()}
    items = cast("Sequence[Any]", found) if isinstance(found, list | tuple) else [found]
    arrays: list[Array] = [np.asarray(item) for item in items]
    graph = program.source_graph
    named: dict[str, Array] = {}
    for node, array in zip(graph.outputs, arrays, strict=True):
        name = graph.names.values[node].lstrip("%")
        named[name if name not in named else f"{name}~{len(named)}"] = array
    return named


def _write(wanted: Sequence[str], outputs: Mapping[str, Array]) -> list[Path]:
    return [_written(item, outputs) for item in wanted]


def _written(item: str, outputs: Mapping[str, Array]) -> Path:
    name, equals, place = item.partition("=")
    if not (equals and name in outputs):
        name, place = "", item
    path = Path(place)
    if path.suffix in (".npz", ".safetensors"):
        return write_arrays(path, {name: outputs[name]} if name else outputs)
    if path.suffix != ".npy":
        raise click.UsageError(f"{place!r} ends in none of .npy, .npz and .safetensors")
    if not name and len(outputs) > 1:
        raise click.UsageError(f"say which output {place!r} is for, NAME={place}: {', '.join(outputs)}")
    with replacing(path) as stream:
        np.save(stream, outputs[name or next(iter(outputs))], allow_pickle=False)
    return path


def _said(array: Array) -> dict[str, Any]:
    """The numbers of a small array, the range of another; JSON has no infinities, so they are texts."""
    if array.size <= _SHOWN:
        return {"values": _numbers(array.tolist())}
    return {key: _numbers(value) for key, value in _range(array).items()}


def _numbers(value: Any) -> Any:
    if isinstance(value, list):
        return [_numbers(item) for item in cast("list[Any]", value)]
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


def _range(array: Array) -> dict[str, Any]:
    wide = array.astype(np.float64)
    return {"least": float(wide.min()), "mean": float(wide.mean()), "greatest": float(wide.max())}


def _text(outputs: Mapping[str, Array]) -> str:
    rows = [
        (name, f"{array.dtype}[{','.join(map(str, array.shape))}]", _shown(array))
        for name, array in outputs.items()
    ]
    return aligned([("output", "type", "values"), *rows], left=3)


def _shown(array: Array) -> str:
    if array.size <= _SHOWN:
        return np.array2string(array, precision=_digits(array), separator=", ").replace("\n", "")
    return ", ".join(f"{key} {value:.4g}" for key, value in _range(array).items())


def _digits(array: Array) -> int:
    is_float = array.dtype.kind == "f"
    return int(float_limits(array.dtype).precision) if is_float else 0


command = run
