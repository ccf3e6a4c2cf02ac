"""The README is short, what it says runs, and what it points to is there."""

import re
from pathlib import Path

import pytest

from tests.documentation.pages import ROOT

from building import running  # isort: skip  # found through the line above

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_is_short() -> None:
    assert TEXT.count("\n") < 90


def test_its_example_runs(tmp_path: Path) -> None:
    (found,) = running.run_page(TEXT, "readme", tmp_path)
    assert "%loss = div(" in found[1].text
    assert "return " in found[1].text
    assert {path.name for path in tmp_path.iterdir()} == {"step.svg", "step.html"}


@pytest.mark.parametrize("name", ["install-and-demo", "install-and-test"])
def test_it_has_the_command_lines_that_are_checked(name: str) -> None:
    (block,) = re.findall(rf"<!-- {name} -->\n```sh\n(.*?)\n```", TEXT, re.DOTALL)
    assert block.startswith("python3 -m venv .venv && .venv/bin/python -m pip install ")


def test_what_it_points_to_is_there() -> None:
    places = re.findall(r"\]\(([^)]+)\)|`((?:examples|[A-Z]+\.md)[^`]*)`", TEXT)
    found = [one or other for one, other in places]
    assert len(found) >= 6
    assert [place for place in found if not (ROOT / place).exists()] == []
    assert (ROOT / "examples/pictures/report.png").stat().st_size < 200_000
