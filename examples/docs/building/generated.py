"""Parts of pages that follow from the code: a line `<!-- generated: ops -->` is filled in by the build."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner

import compiler.errors
import tinytorch as tt
from building import conformance, objects, vocabulary
from compiler.backends.accuracy import PLACE
from compiler.ir.formula.atoms import ATOMS
from compiler.lint.finding import Code
from compiler.rewrite.refusal import Reason
from passes import FREEZING, SCHEDULING
from tinytorch.cli.commands.ops import known_ops
from tinytorch.cli.main import COMMANDS, main
from tinytorch.elementwise import Elementwise
from tinytorch.facts import Facts, facts_of
from tinytorch.notebook import markup

_MARK = re.compile(r"^<!-- generated: ([a-z]+)(?: (.*))? -->$", re.MULTILINE)

ROOMS: Final[Mapping[str, tuple[str, ...]]] = {
    "graphs": ("tinytorch.api", "compiler.ir.scope", "tinytorch.files", "tinytorch.elementwise"),
    "asking": (
        "tinytorch.asking.compare",
        "tinytorch.asking.ablate",
        "tinytorch.asking.diff",
        "tinytorch.asking.lint",
        "tinytorch.asking.summary",
        "tinytorch.plots",
        "compiler.backends.measuring",
    ),
    "scalar": ("tinytorch.ops.elementwise", "tinytorch.ops.functions", "tinytorch.ops.activations"),
    "reducing": (
        "tinytorch.ops.reduce",
        "tinytorch.ops.prefix",
        "tinytorch.ops.normalise",
        "tinytorch.ops.contract",
    ),
    "networks": ("tinytorch.ops.attention", "tinytorch.ops.embedding"),
    "sorting": ("tinytorch.ops.sorting", "tinytorch.ops.counting"),
    "moving": (
        "tinytorch.ops.layout",
        "tinytorch.ops.windows",
        "tinytorch.ops.joining",
        "tinytorch.ops.padding",
    ),
    "images": (
        "tinytorch.ops.convolution",
        "tinytorch.ops.pooling",
        "tinytorch.ops.adaptive",
        "tinytorch.ops.resampling",
    ),
    "indexing": ("tinytorch.ops.scattering", "tinytorch.ops.diagonals"),
    "composed": ("tinytorch.ops.arrays", "tinytorch.ops.vectors", "tinytorch.ops.making"),
    "training": ("tinytorch.optim.clipping",),
    "fitting": ("tinytorch.fitting.loop",),
    "models": ("tinytorch.onnx.pytorch",),
    "settings": ("tinytorch.builtin", "compiler.backends.llvm.backend"),
}
"""Which public functions stand together: those that these modules define."""


def filled(text: str) -> str:
    """The page with its generated parts. Raises KeyError for a part that nobody makes."""
    return _MARK.sub(lambda match: PARTS[match[1]](*(match[2] or "").split()), text)


def rooms() -> dict[str, dict[str, Any]]:
    """The public functions of `tt` by room. Raises ValueError for one whose module belongs to no room."""
    owner = {module: room for room, modules in ROOMS.items() for module in modules}
    items = {name: getattr(tt, name) for name in tt.__all__}
    plain = {name: inspect.unwrap(item) for name, item in items.items()}
    functions = {name: item for name, item in plain.items() if inspect.isfunction(item)}
    found: dict[str, dict[str, Any]] = {room: {} for room in ROOMS}
    for name, item in sorted(functions.items(), key=lambda pair: _place(pair[1])):
        if item.__module__ not in owner:
            raise ValueError(f"tt.{name} has no place in the reference: give {item.__module__} one in ROOMS")
        found[owner[item.__module__]][name] = item
    return found


def _place(function: Any) -> tuple[str, int]:
    """Where a function stands in its file: the order in which somebody wanted it to be read."""
    return function.__module__, function.__code__.co_firstlineno


def _functions(room: str) -> str:
    return "\n".join(objects.function(f"tt.{name}", item) for name, item in rooms()[room].items())


def _module(name: str) -> str:
    """The public names of a module, which is called as one calls it."""
    module = import_module(name.replace("tt", "tinytorch", 1))
    return "\n".join(_object(f"{name}.{key}", getattr(module, key)) for key in module.__all__)


def _object(name: str, item: Any) -> str:
    if inspect.isclass(item):
        return objects.class_(name, item)
    if inspect.isfunction(item):
        return objects.function(name, item)
    is_table = isinstance(item, Mapping)
    said = f"One of {', '.join(f'`{key}`' for key in item)}." if is_table else f"`{_plain(item)}`"
    return objects.directive("data", name, said)


def _plain(item: Any) -> str:
    """A type as it is written."""
    return re.sub(r"\b(?:typing|collections\.abc|tinytorch\.\w+|compiler\.[\w.]+)\.", "", str(item))


def _classes(*places: str) -> str:
    """Classes by module and name, the public ones under the name by which one calls them."""
    found: list[str] = []
    for place in places:
        module, name = place.rsplit(".", 1)
        kind = getattr(import_module(module), name)
        found.append(objects.class_(f"tt.{name}" if getattr(tt, name, None) is kind else name, kind))
    return "\n".join(found)


def _ops() -> str:
    return "\n".join(_op(facts_of(op, name)) for name, op in known_ops().items())


VOCABULARY: Final = ("scalar", "reducing", "sorting", "moving", "indexing", "composed", "networks")
"""The rooms of functions that are ops."""


def _vocabulary() -> str:
    functions = {name: item for room in VOCABULARY for name, item in rooms()[room].items()}
    functions |= {f"linalg.{name}": getattr(tt.linalg, name) for name in tt.linalg.__all__}
    rows = [*vocabulary.scalar_rows(), *vocabulary.composed_rows(functions)]
    return _table(vocabulary.HEADINGS, iter(rows))


def _op(facts: Facts) -> str:
    rows: list[tuple[str, str]] = []
    slopes = {f"slope by {slope.by}": slope.latex for slope in facts.slopes}
    for label, text in facts.rows:
        if label == "formula":
            rows.append((label, f"{markup.mathematics(facts.latex)}<br><code>{markup.escape(text)}</code>"))
        elif slopes.get(label):
            set_ = markup.mathematics(str(slopes[label]))
            rows.append((label, f"{set_}<br><code>{markup.escape(text)}</code>"))
        else:
            rows.append((label, markup.escape(text)))
    # An op that a function stands before, as the forms of gelu, is no public name.
    is_public = isinstance(getattr(tt, facts.name, None), Elementwise)
    takes = f"({', '.join([*_operands(facts), *(f'{k}={v!r}' for k, v in facts.defaults.items())])})"
    body = f"{facts.meaning}\n\n`````{{raw}} html\n{markup.page(markup.labels(rows))}\n`````\n"
    return objects.directive("function", f"{'tt.' if is_public else ''}{facts.name}{takes}", body)


def _operands(facts: Facts) -> list[str]:
    return [slope.by for slope in facts.slopes]


def _table(headings: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [headings, tuple("---" for _ in headings), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def _reasons() -> str:
    return _table(("code", "means"), ((f"`{item.name}`", item.value) for item in Reason))


def _findings() -> str:
    return _table(("code", "means"), ((f"`{item.name}`", item.value) for item in Code))


def _atoms() -> str:
    rows = ((f"`{item.name}`", _definition(item.definition), item.rule.value) for item in ATOMS.values())
    return _table(("atom", "is", "dtype of the result"), rows)


def _definition(text: str | None) -> str:
    return "elementary" if text is None else f"`{text}`"


def _errors() -> str:
    named = vars(compiler.errors).values()
    kinds = [
        item for item in named if inspect.isclass(item) and issubclass(item, compiler.errors.TinytorchError)
    ]
    ours = [kind for kind in kinds if issubclass(kind, tt.TinytorchError)]
    return "\n".join(
        objects.directive(
            "exception", f"tt.{kind.__name__}",
            f"{objects.text_of(kind)}\n\nIs a {', '.join(f'`{base.__name__}`' for base in kind.__bases__)}.",
        )
        for kind in ours
    )  # fmt: skip


def _passes() -> str:
    found: list[str] = []
    for item in (*FREEZING, *SCHEDULING):
        text = inspect.cleandoc(sys.modules[type(item).__module__].__doc__ or "")
        found.append(f"## `{item.name}`\n\n{text}\n")
    return "\n".join(found)


def _commands() -> str:
    found: list[str] = []
    for name in COMMANDS:
        result = CliRunner().invoke(main, [name, "--help"], prog_name="tinytorch", terminal_width=90)
        found.append(f"## `tinytorch {name}`\n\n```text\n{result.output.strip()}\n```\n")
    return "\n".join(found)


def _file(place: str) -> str:
    """A file of the project, without its title."""
    path = PLACE if place == "ACCURACY" else Path(__file__).parents[3] / place
    text = path.read_text(encoding="utf-8").partition("\n")[2]
    return re.sub(r"(?<!!)\[([^]]*)\]\((?!http|#)[^)]*\)", r"\1", text)


def _example(name: str) -> str:
    """An example as a block that is run."""
    code = (Path(__file__).parents[2] / name).read_text(encoding="utf-8")
    return f"```python\n{code.partition(_QUOTES)[2].partition(_QUOTES)[2].strip()}\n```"


def _source(place: str) -> str:
    """A file of the project, to be read."""
    return f"```py\n{(Path(__file__).parents[3] / place).read_text(encoding='utf-8').strip()}\n```"


def _operators() -> str:
    return _table(conformance.HEADINGS, conformance.operator_rows())


def _conformance() -> str:
    return _table(("suite", "tests that pass", "gradients that agree"), conformance.suite_rows())


_QUOTES: Final = '"""'

PARTS: Final[Mapping[str, Callable[..., str]]] = {
    "functions": _functions,
    "module": _module,
    "classes": _classes,
    "ops": _ops,
    "vocabulary": _vocabulary,
    "reasons": _reasons,
    "findings": _findings,
    "atoms": _atoms,
    "errors": _errors,
    "passes": _passes,
    "commands": _commands,
    "file": _file,
    "example": _example,
    "source": _source,
    "operators": _operators,
    "conformance": _conformance,
}
"""The parts by what a page calls them."""
