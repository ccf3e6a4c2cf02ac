"""`tinytorch sweep`."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final, cast

import click
import numpy as np

from tinytorch.cli import command as shared
from tinytorch.cli.showing import is_json, show
from tinytorch.cli.targets import loaded
from tinytorch.cluster.sweeping.space import Random, Uniform

_FORMS: Final = "what is swept is path.py:NAME or module:NAME, a function that returns a tt.cluster.Training"
_WORDS: Final = {"true": True, "false": False, "none": None}


def _grid(context: click.Context, _: click.Parameter, given: tuple[str, ...]) -> dict[str, list[Any]]:
    """`NAME=VALUE,...` each."""
    found: dict[str, list[Any]] = {}
    for item in given:
        name, equals, values = item.partition("=")
        if not name.isidentifier() or not equals or not values or name in found:
            raise click.BadParameter(
                f"{item!r} is no line of a grid; write NAME=A,B as in lr=1e-3,3e-3", context
            )
        found[name] = [_value(text) for text in values.split(",")]
    return found


def _value(text: str) -> Any:
    """A number, a word, or the text itself."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return _WORDS.get(text.lower(), text)


def _ranges(context: click.Context, _: click.Parameter, given: tuple[str, ...]) -> dict[str, Uniform]:
    """`NAME=LOW:HIGH` each, or `NAME=LOW:HIGH:log`; between integers integers are drawn."""
    found: dict[str, Uniform] = {}
    for item in given:
        name, _equals, text = item.partition("=")
        ends = [_value(part) for part in text.removesuffix(":log").split(":")]
        if not name.isidentifier() or len(ends) != 2 or not all(type(end) in (int, float) for end in ends):
            raise click.BadParameter(
                f"{item!r} is no range; write NAME=LOW:HIGH, or NAME=LOW:HIGH:log as in lr=1e-4:1e-1:log",
                context,
            )
        whole = all(isinstance(end, int) for end in ends)
        found[name] = Uniform(*ends, log=text.endswith(":log"), whole=whole)
    return found


@shared.command(
    "tinytorch sweep train.py:make_run --grid lr=0.1,0.3 --seeds 2 --workers 2",
)
@click.argument("function", type=click.Path(), metavar="FUNCTION")
@click.option(
    "--grid",
    metavar="NAME=A,B,...",
    multiple=True,
    callback=_grid,
    help="Values of a hyperparameter. Every combination of them is a run. May be given several times.",
)
@click.option(
    "--range",
    "ranges",
    metavar="NAME=LOW:HIGH[:log]",
    multiple=True,
    callback=_ranges,
    help="Draw it from a range, --count times. May be given several times.",
)
@click.option("--count", type=click.IntRange(1), default=16, show_default=True, help="Draws, with --range.")
@click.option("--seeds", type=click.IntRange(1), help="Short for --grid seed=0,1,...")
@click.option(
    "--data",
    metavar="FILE.npz|NAME",
    default="data",
    show_default=True,
    help="Arrays by the names of the inputs; or a name beside FUNCTION, of arrays or a function of none.",
)
@click.option("--epochs", type=click.IntRange(1), default=10, show_default=True, help="Of each run.")
@click.option("--batch-size", type=click.IntRange(1), default=32, show_default=True, help="Rows of a batch.")
@click.option(
    "--validation",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.2,
    show_default=True,
    help="The fraction of the rows that is held out; 0 for none.",
)
@click.option("--folds", type=click.IntRange(2), help="Cross-validation: hold out each of so many parts.")
@click.option(
    "--halving", type=click.IntRange(2), metavar="FACTOR", help="Let the best 1/FACTOR go on, and again."
)
@click.option("--by", default="validation", show_default=True, help="The metric that counts.")
@click.option("--largest", is_flag=True, help="The largest metric is the best.")
@click.option(
    "--folder", type=click.Path(file_okay=False), help="Keep runs here, and go on from those there."
)
@click.option(
    "--workers", type=click.IntRange(1), help="Local processes; as many as processors unless given."
)
@click.option("--scheduler", metavar="ADDRESS", help="A Dask scheduler, instead of local processes.")
@click.option("--insecure", is_flag=True, help="The address may be remote and without TLS: see tt.cluster.")
def sweep(function: str, **options: Any) -> None:
    """Run a training with many hyperparameters, on all processors.

    FUNCTION is path.py:NAME or module:NAME and returns a tt.cluster.Training. A hyperparameter is one of its
    arguments, or an input of the step. Prints the runs, best first. Ctrl-C keeps those that have ended. The
    exit code is 1 where runs failed or are missing.
    """
    from tinytorch.cluster.connecting import connect

    with _function(function) as (make_run, module):
        data, space = _data(module, options["data"], function), _space(options)
        place = options["scheduler"]
        kind = {"insecure": options["insecure"]} if place else {"workers": options["workers"]}
        with connect(place, **kind) as machines:
            runs = machines.sweep(make_run, space, data=data, **_settings(options))
    mode = "max" if options["largest"] else "min"
    by = _by(runs, options["by"])
    text = "" if is_json() else str(runs.table(by, mode))
    best = None if by is None else runs.best(by, mode)
    show(_finite({**runs.to_dict(), "best": best and best.number}), text)
    if runs.failures or len(runs) < runs.total:
        raise click.exceptions.Exit(1)


@contextmanager
def _function(text: str) -> Generator[tuple[Callable[..., Any], ModuleType]]:
    """The function and its module; that of a script goes to the workers by value."""
    from tinytorch.cluster.library import cloudpickle

    with loaded(text, _FORMS) as (found, module):
        if not callable(found):
            raise click.UsageError(f"{text} is {type(found).__name__}; {_FORMS}")
        is_script = text.rpartition(":")[0].endswith(".py")
        if is_script and module.__name__ in sys.modules:
            cloudpickle.register_pickle_by_value(module)
        try:
            yield found, module
        finally:
            if is_script and module.__name__ in cloudpickle.list_registry_pickle_by_value():
                cloudpickle.unregister_pickle_by_value(module)


def _data(module: ModuleType, name: str, function: str) -> Any:
    if name.endswith(".npz"):
        if not Path(name).is_file():
            raise click.UsageError(f"there is no file {name!r}")
        with np.load(name, allow_pickle=False) as archive:
            return {str(key): archive[key] for key in archive.files}
    found = getattr(module, name, None)
    if found is None:
        raise click.UsageError(
            f"there is no {name!r} beside {function}, which --data names: arrays in a tuple or a dict, or a "
            "function that returns them; or --data FILE.npz"
        )
    return found() if callable(found) else found


def _space(options: Mapping[str, Any]) -> Any:
    grid: dict[str, Any] = dict(options["grid"])
    if options["seeds"] is not None:
        if "seed" in grid:
            raise click.UsageError("--seeds and --grid seed=... say the same")
        grid["seed"] = list(range(options["seeds"]))
    ranges: dict[str, Uniform] = options["ranges"]
    return Random({**grid, **ranges}, options["count"]) if ranges else grid


def _settings(options: Mapping[str, Any]) -> dict[str, Any]:
    from tinytorch.cluster.sweeping.halving import Halving

    mode = "max" if options["largest"] else "min"
    factor = options["halving"]
    halving = None if factor is None else Halving(factor=factor, metric=options["by"], mode=mode)
    return {
        "epochs": options["epochs"], "batch_size": options["batch_size"],
        "validation": options["validation"] or None, "folds": options["folds"], "halving": halving,
        "resume": options["folder"],
    }  # fmt: skip


def _by(runs: Any, name: str) -> str | None:
    """The metric by which runs are ordered, of the training where no row was held out; None without any."""
    if not any(run.failure is None for run in runs):
        return None
    is_judged = any(metric.startswith("val_") for metric in runs.metrics)
    return "training" if name == "validation" and not is_judged else name


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in cast("dict[str, Any]", value).items()}
    return [_finite(item) for item in cast("list[Any]", value)] if isinstance(value, list | tuple) else value


command = sweep
