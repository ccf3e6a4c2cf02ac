"""What `help` and `dir` show, and that no docstring says only what the name says."""

import importlib
import inspect
import pydoc
import re
import textwrap
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

import tinytorch as tt

FEWEST = 3
"""Words of a first paragraph that say something beyond the name."""

SMALL = {"the", "and", "for", "are", "its", "that", "with", "from", "this", "these", "which"}

MODULES = (
    "tinytorch", "tinytorch.nn", "tinytorch.losses", "tinytorch.optim", "tinytorch.testing", "tinytorch.data",
    "tinytorch.core", "tinytorch.core.activations", "tinytorch.core.autograd", "tinytorch.core.layers",
    "tinytorch.core.losses", "tinytorch.core.optimizers",
)  # fmt: skip


def words(text: str) -> set[str]:
    spread = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).replace("_", " ").lower()
    return set(re.findall(r"[a-z]{3,}", spread)) - SMALL


def says_something(name: str, text: str | None, fewest: int = FEWEST) -> bool:
    """Whether the first paragraph has words that the name has not."""
    first = (text or "").strip().split("\n\n")[0]
    own = words(name)

    def is_new(word: str) -> bool:
        return not any(word.startswith(one) or one.startswith(word) for one in own)

    return sum(map(is_new, words(first))) >= fewest


def documented() -> Iterator[tuple[str, Any]]:
    """Everything public that has documentation of its own."""
    for module in MODULES:
        loaded = importlib.import_module(module)
        for name in getattr(loaded, "__all__", vars(loaded)):
            item, is_public = getattr(loaded, name), not name.startswith("_")
            if is_public and callable(item) and getattr(item, "__module__", "").startswith("tinytorch"):
                yield f"{module}.{name}", item


@pytest.mark.parametrize(("name", "item"), list(documented()))
def test_documentation_says_more_than_the_name(name: str, item: Any) -> None:
    assert says_something(name.rsplit(".")[-1], inspect.getdoc(item)), inspect.getdoc(item)


def test_what_a_program_and_a_tensor_can_do_is_said() -> None:
    for kind in (tt.Program, tt.Tensor, tt.Graph):
        for name, item in inspect.getmembers(kind):
            if not name.startswith("_") and (callable(item) or isinstance(item, property | cached_property)):
                assert says_something(name, inspect.getdoc(item), 2), f"{kind.__name__}.{name}"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("exp", "`exp(x) = exp(x)`, element by element."),
        ("tanh", "`tanh(x)`."),
        ("value_of", "The value of."),
        ("Dense", "A dense layer, dense."),
        ("SiLU", "`x sigmoid(x)`."),
        ("anything", None),
    ],
)
def test_what_says_only_the_name_is_found(name: str, text: str | None) -> None:
    assert not says_something(name, text)


def test_help_opens_with_what_one_does_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = inspect.getdoc(tt) or ""
    assert pydoc.plain(pydoc.render_doc(tt)).index("Build a graph of tensors, compile it, call it:") < 400
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"(?:^ {4}.*\n|^\n)+", text, re.MULTILINE)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(textwrap.dedent(block), names)  # noqa: S102  # our own text
    assert isinstance(names["step"], tt.Program)
    assert Path("step.html").exists()


def test_dir_shows_what_is_public() -> None:
    assert dir(tt) == sorted(tt.__all__)
    assert {"compile", "nn", "Tensor"} <= set(dir(tt))
    for name in dir(tt):
        getattr(tt, name)


def test_help_on_a_program_tells_of_its_parts() -> None:
    text = pydoc.plain(pydoc.render_doc(tt.Program))
    for part in ("source_graph", "history", "plan", "schedule", "graph", "memory", "why(value)"):
        assert part in text[:2500], part
