"""Every block of every page is run, and shows something or is needed by one that does."""

import json
from pathlib import Path

import pytest

import tinytorch as tt
from tests.documentation.pages import PAGES, TUTORIAL, text_of

from building import percent, running  # isort: skip  # found through the line above


@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_of_a_page_run(page: str, tmp_path: Path) -> None:
    found = running.run_page(text_of(page), page.rsplit("/")[-1], tmp_path)
    for block, shown in found:
        assert not block.raises or "Error: " in shown.text


def test_the_pages_have_blocks() -> None:
    assert sum(len(list(running.blocks_of(text_of(page)))) for page in PAGES) > 80


def run(text: str, folder: Path) -> list[running.Shown]:
    return [shown for _, shown in running.run_page(text, "page", folder)]


def test_a_block_shows_what_it_prints_and_its_last_value(tmp_path: Path) -> None:
    text = "```python\nx = 2\nprint(x)\n```\nwords\n```python\nx * 21\n```\n```py\nnot run\n```\n"
    assert [shown.text for shown in run(text, tmp_path)] == ["2\n", "42\n"]
    page = running.with_results(text, "page", tmp_path)
    assert "```\n\n```{code-block} text\n:class: result\n\n42\n```\n" in page
    assert page.count("{code-block}") == 2


def test_an_answer_and_a_picture_show_themselves(tmp_path: Path) -> None:
    text = (
        "```python\nimport tinytorch as tt\nx = tt.input('x', ('n',))\nx.sum()\n```\n"
        "```python\ntt.draw(x * 2, 'a.svg')\n```"
    )
    first, second = run(text, tmp_path)
    assert "<figure><svg" in first.html
    assert "<figure><svg" in second.html
    assert (tmp_path / "a.svg").exists()


def test_errors_are_shown_where_they_are_told_and_nowhere_else(tmp_path: Path) -> None:
    wrong = "import tinytorch as tt\n\ntt.input('x', ('n',)) + tt.input('y', ('m',))\n```\n"
    (shown,) = run(f"```python raises\n{wrong}", tmp_path)
    assert shown.text.startswith("ShapeError: add: n and m do not broadcast")
    assert "from page.py:3: tt.input('x', ('n',)) + tt.input('y', ('m',))" in shown.text
    with pytest.raises(tt.ShapeError):
        run(f"```python\n{wrong}", tmp_path)
    with pytest.raises(AssertionError, match="should raise"):
        run("```python raises\n1 + 1\n```\n", tmp_path)
    with pytest.raises(ZeroDivisionError):
        run("```python raises\n1 / 0\n```\n", tmp_path)


def test_a_command_of_another_program_is_no_console_block(tmp_path: Path) -> None:
    (shown,) = run("```console\n$ tinytorch ops relu\n```\n", tmp_path)
    assert shown.text.startswith("relu: 0 below 0")
    with pytest.raises(AssertionError):
        run("```console\n$ rm -r x\n```\n", tmp_path)


def test_a_block_without_an_end_is_found() -> None:
    with pytest.raises(ValueError, match="begins in line 3 has no end"):
        list(running.blocks_of("text\n```python\n1\n"))


SCRIPT = '"""Docstring."""\n\n# %% [markdown]\n# # Title\n#\n# words\n\n# %%\nx = 1\n\n\n# %%\nprint(x)\n'


def test_a_script_in_cells_is_a_page_and_a_notebook() -> None:
    assert [(cell.is_text, cell.text) for cell in percent.cells_of(SCRIPT)] == [
        (True, "# Title\n\nwords"), (False, "x = 1"), (False, "print(x)")
    ]  # fmt: skip
    assert percent.page_of(SCRIPT) == (
        "# Title\n\nwords\n\n```python\nx = 1\n```\n\n```python\nprint(x)\n```"
    )
    assert [cell["cell_type"] for cell in percent.notebook_of(SCRIPT)["cells"]] == [
        "markdown",
        "code",
        "code",
    ]


@pytest.mark.slow
# Jupyter's own: pyzmq and traitlets speak of what they will do differently.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_tutorial_is_a_notebook_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat", reason="nbformat is missing: pip install '.[dev]'")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is missing: pip install '.[dev]'")
    monkeypatch.setattr("sys.argv", ["percent", str(TUTORIAL), str(tmp_path / "tutorial.ipynb")])
    percent.main()
    notebook = nbformat.reads((tmp_path / "tutorial.ipynb").read_text(encoding="utf-8"), as_version=4)
    nbformat.validate(notebook)
    found = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    code = [cell for cell in found.cells if cell.cell_type == "code"]
    shown = [output for cell in code for output in cell.outputs if "text/html" in output.get("data", {})]
    assert len(shown) >= 10
    assert (tmp_path / "report.html").exists()
    json.dumps(found)
