"""What is public stands in the reference: each thing once."""

import re
from collections import Counter

import pytest

import compiler.errors
import tinytorch as tt
from compiler.lint.finding import Code
from compiler.rewrite.refusal import Reason
from passes import REWRITES, SCHEDULING
from tests.documentation.pages import PAGES, text_of
from tinytorch.cli.main import COMMANDS
from tinytorch.notebook.views import VIEWS

from building import generated, objects  # isort: skip  # found through the line above

NAMED = re.compile(r"^`+\{py:(?:function|class|data|exception)\} ([\w.]+)", re.MULTILINE)
MODULES = {"callbacks", "cluster", "data", "linalg", "losses", "nn", "onnx", "optim", "random", "testing"}


@pytest.fixture(scope="module")
def named() -> Counter[str]:
    return Counter(name for page in PAGES for name in NAMED.findall(text_of(page)))


def test_every_public_name_is_documented_once(named: Counter[str]) -> None:
    public = {f"tt.{name}" for name in tt.__all__ if name not in MODULES}
    public |= {f"tt.{module}.{name}" for module in MODULES for name in getattr(tt, module).__all__}
    public -= {"tt.clip_grad_norm", "tt.DataLoader"}  # which stand with the optimisers and the data
    missing = sorted(name for name in public if name not in named)
    assert missing == []
    again = {name: count for name, count in named.items() if count > 1 and "optim" not in name}
    assert again == {}


def test_every_answer_that_shows_itself_is_documented(named: Counter[str]) -> None:
    short = {name.rsplit(".")[-1] for name in named}
    assert {kind.__name__ for kind in VIEWS} <= short


def test_every_code_error_pass_and_command_is_documented() -> None:
    pages = "\n".join(map(text_of, PAGES))
    kinds = [compiler.errors.TinytorchError]
    for kind in kinds:
        kinds += [item for item in kind.__subclasses__() if item.__module__ == "compiler.errors"]
    wanted = [f"`{item.name}`" for item in (*Reason, *Code, *REWRITES, *SCHEDULING)]
    wanted += [f"{{py:exception}} tt.{kind.__name__}" for kind in kinds]
    wanted += [f"## `tinytorch {name}`" for name in COMMANDS]
    assert [item for item in wanted if item not in pages] == []


def test_a_function_of_a_new_module_needs_its_room(monkeypatch: pytest.MonkeyPatch) -> None:
    rooms = {room: modules for room, modules in generated.ROOMS.items() if room != "moving"}
    monkeypatch.setattr(generated, "ROOMS", rooms)
    with pytest.raises(ValueError, match=r"give tinytorch\.ops\.joining one in ROOMS"):
        generated.rooms()


def test_a_part_that_nobody_makes_is_an_error() -> None:
    with pytest.raises(KeyError):
        generated.filled("<!-- generated: nonsense -->\n")


class Sample:
    """Words."""

    first: int
    """The one."""
    second: int = 2

    def ask(self, what: "str | None" = None, *, seconds: float = 0.5) -> "list[str]":
        """An answer."""
        return []

    @property
    def known(self) -> int:
        """A number."""
        return 1

    def _hidden(self) -> None:
        """Nobody's."""


def test_an_object_is_written_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "_OURS", ("tests",))
    found = objects.class_("tt.Sample", Sample)
    for line in (
        "{py:class} tt.Sample", "{py:attribute} first\n\nThe one.", "{py:attribute} second",
        "{py:method} ask(what: str | None = None, *, seconds: float = 0.5) -> list[str]", "An answer.",
        "{py:property} known",
    ):  # fmt: skip
        assert line in found
    assert "_hidden" not in found
    with pytest.raises(ValueError, match="has no documentation"):
        objects.text_of(lambda: None)


def test_a_file_of_the_project_keeps_its_pictures_and_no_links_into_the_repository():
    page = generated.filled("<!-- generated: file examples/course/README.md -->")
    assert "![Activations with their derivatives](../pictures/activations.svg)" in page
    assert "](../" not in page.replace("](../pictures/", "")
