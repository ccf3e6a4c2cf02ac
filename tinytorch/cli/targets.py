"""Targets: `path.py:NAME`, `module:NAME`, a file that `tt.save` wrote, or a `.onnx` file.

    NAME      ::= a name in the module, or several with dots between
    its value ::= Program | Graph | tensor | tensors | a function without arguments that returns one of these
                | a model of `tt.onnx`, which stands for its outputs

What a script prints while it is loaded goes to stderr: the answer alone is on stdout.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias, cast

import click

from compiler.ir.graph import Graph
from compiler.program import Program
from tinytorch import api
from tinytorch.builtin import find_backend
from tinytorch.cli.failing import Failure
from tinytorch.cli.showing import working
from tinytorch.files import load
from tinytorch.nn.module import Module
from tinytorch.tensor import Tensor

Value: TypeAlias = Program | Graph | list[Tensor]

_FORMS = "a target is path.py:NAME, module:NAME, a file that tt.save wrote, or an .onnx file"
_LISTED = 8
"""How many names of a script an error offers."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the command line names."""

    text: str
    value: Value
    is_model: bool = False
    """Whether it came with weights that nobody trains here: they are constants of its program."""

    @property
    def graph(self) -> Graph:
        """The graph as it was written."""
        return api.graph_of(self.value)

    def program(self, backend: str | None = None, without: Sequence[str] = ()) -> Program:
        """The program; compiled where it is none yet, or where another backend or other passes are wanted."""
        if isinstance(self.value, Program) and backend is None and not without:
            return self.value
        own = self.value.backend if isinstance(self.value, Program) else None
        passes = () if "all" in without else api.default_passes(without=without, freeze=self.is_model)
        with working("compiling"):
            return api.compile(
                self.graph, passes=passes, backend=find_backend(backend or own), freeze=self.is_model
            )


def load_target(text: str) -> Target:
    """What a target names. Raises UsageError for one that names nothing, Failure where its code fails."""
    if Path(text).is_file() and not text.endswith(".py"):
        if text.lower().endswith(".onnx"):
            return _model(text)
        return Target(text, load(text))
    with loaded(text, _FORMS) as (found, _):
        return Target(text, _resolved(found, text))


@contextmanager
def loaded(text: str, forms: str) -> Generator[tuple[Any, ModuleType]]:
    """What `path.py:NAME` or `module:NAME` has, and its module; as long as modules beside it can be imported.

    Raises UsageError for what names nothing, in which `forms` says what would, and Failure where its code
    fails.
    """
    if Path(text).is_file() and text.endswith(".py"):
        raise click.UsageError(f"say what in {text} is meant: {text}:NAME{_names_in(Path(text))}")
    place, _, name = text.rpartition(":")
    if not place or not name:
        raise click.UsageError(f"there is no file {text!r}; {forms}")
    if not place.endswith(".py"):
        module = _imported(place)
        yield _attribute(module, name, text), module
        return
    path = Path(place)
    if not path.is_file():
        raise click.UsageError(f"there is no script {place!r}; {forms}")
    with _beside(path.resolve().parent):
        module = _run(path.resolve(), place)
        yield _attribute(module, name, text), module


def _model(text: str) -> Target:
    """A model in a file of ONNX, by its outputs."""
    from tinytorch.onnx.importing.model import load as load_model

    with working("reading the model"):
        return Target(text, list(load_model(text).outputs), is_model=True)


@contextmanager
def _beside(folder: Path) -> Generator[None]:
    """Lets a script import what lies in its folder, as Python does, and another script what lies in its own.

    Two versions of one program are two folders with modules of the same names.
    """
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            top = name.partition(".")[0]
            if top not in before and _lies_in(folder, top):
                del sys.modules[name]


def _lies_in(folder: Path, top: str) -> bool:
    """Whether a module or package of a name is a script's own; an environment may lie in its folder, too."""
    return (folder / f"{top}.py").is_file() or (folder / top).is_dir()


def _names_in(path: Path) -> str:
    """The public names that a script assigns or defines, as a hint; it is read, not run."""
    try:
        body = ast.parse(path.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return ""
    names: list[str] = []
    for item in body:
        if isinstance(item, ast.FunctionDef):
            names.append(item.name)
        elif isinstance(item, ast.Assign):
            names += [target.id for target in item.targets if isinstance(target, ast.Name)]
    public = [name for name in dict.fromkeys(names) if not name.startswith("_")]
    return f"; it has {', '.join(public[:_LISTED])}" if public else ""


@cache
def _run(path: Path, said: str) -> ModuleType:
    """The module of a script, which is run once."""
    name = path.stem if path.stem not in sys.modules else str(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise click.UsageError(f"{said} is no Python script")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with _users_code(said):
        spec.loader.exec_module(module)
    return module


def _imported(name: str) -> ModuleType:
    sys.path.insert(0, str(Path.cwd()))
    try:
        is_there = importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        is_there = False
    if not is_there:
        raise click.UsageError(f"there is no module {name!r}; {_FORMS}")
    with _users_code(name):
        return importlib.import_module(name)


@contextmanager
def _users_code(what: str) -> Generator[None]:
    """Runs code of the user's: its errors are shown with the line where they arose."""
    try:
        with redirect_stdout(sys.stderr):
            yield
    except SystemExit as error:
        raise Failure(f"{what} ended Python with status {error.code} instead of returning") from error
    except Exception as error:
        raise Failure(f"{_where(what, error)}: {type(error).__name__}: {error}") from error


def _where(what: str, error: Exception) -> str:
    """The last line of the user's own code that an error came through."""
    path = Path(what.partition(":")[0])
    if isinstance(error, SyntaxError) or not path.is_file():
        return what
    own = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).resolve() == path.resolve()
    ]
    return f"{path}:{own[-1]}" if own else what


def _attribute(module: ModuleType, name: str, text: str) -> Any:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = [item for item, value in vars(module).items() if _is_candidate(item, value)]
            listed = f"; it has {', '.join(known[:_LISTED])}" if known else ""
            raise click.UsageError(f"{text}: there is no {part!r}{listed}")
        found = getattr(found, part)
    return found


def _is_candidate(name: str, value: Any) -> bool:
    return not name.startswith("_") and isinstance(value, Program | Graph | Tensor | Callable)


def _resolved(found: Any, text: str) -> Value:
    """What a value stands for, called once where it is a function."""
    value = _as_value(found)
    if value is None and callable(found):
        try:
            inspect.signature(found).bind()
        except (TypeError, ValueError):
            raise click.UsageError(
                f"{text} takes arguments; name a function that is called without"
            ) from None
        with _users_code(text):
            found = found()
        value = _as_value(found)
    if value is None:
        raise click.UsageError(
            f"{text} is {type(found).__name__}, and should be a program, a graph, tensors, or a function "
            "that returns one"
        )
    return value


def _as_value(found: Any) -> Value | None:
    if isinstance(found, Program | Graph):
        return found
    if isinstance(found, Tensor):
        return [found]
    if isinstance(found, Module):
        found = getattr(found, "outputs", None)  # of a model of `tt.onnx`; others have none until a call
    if isinstance(found, Mapping):
        found = list(cast("Mapping[Any, Any]", found).values())
    if not isinstance(found, list | tuple) or not found:
        return None
    items = cast("Sequence[Any]", found)
    return list(items) if all(isinstance(item, Tensor) for item in items) else None


def stem_of(target: str) -> str:
    """What a file made of a target is called after: `step` of `train.py:step`, `model` of `model.tt`."""
    return Path(target).stem if Path(target).is_file() else target.rpartition(":")[2]
