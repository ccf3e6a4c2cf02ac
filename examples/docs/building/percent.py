"""Scripts in cells: `# %% [markdown]` opens a text in comments, `# %%` opens code. As a page, or a notebook.

python -m building.percent ../00_tutorial.py tutorial.ipynb      (in examples/docs)
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TEXT, _CODE = "# %% [markdown]", "# %%"


@dataclass(frozen=True, slots=True)
class Cell:
    """Markdown, or Python."""

    is_text: bool
    text: str


def cells_of(script: str) -> Iterator[Cell]:
    """The cells of a script; what stands before the first one, its docstring, is none."""
    parts: list[tuple[bool, list[str]]] = []
    for line in script.splitlines():
        if line.rstrip() in (_TEXT, _CODE):
            parts.append((line.rstrip() == _TEXT, []))
        elif parts:
            parts[-1][1].append(line)
    for is_text, lines in parts:
        shown = [line.removeprefix("#").removeprefix(" ") for line in lines] if is_text else lines
        yield Cell(is_text, "\n".join(shown).strip())


def page_of(script: str) -> str:
    """The script as Markdown with fenced code."""
    return "\n\n".join(
        cell.text if cell.is_text else f"```python\n{cell.text}\n```" for cell in cells_of(script)
    )


def notebook_of(script: str) -> dict[str, Any]:
    """The script as a notebook that was not run yet, in Jupyter's format 4.5."""
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "cells": [_cell(cell, number) for number, cell in enumerate(cells_of(script))],
    }


def _cell(cell: Cell, number: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "cell_type": "markdown" if cell.is_text else "code",
        "id": f"cell-{number}",
        "metadata": {},
        "source": cell.text,
    }
    return found if cell.is_text else found | {"execution_count": None, "outputs": []}


def main() -> None:
    """Writes the notebook of a script."""
    source, target = map(Path, sys.argv[1:])
    text = json.dumps(notebook_of(source.read_text(encoding="utf-8")), indent=1)
    target.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
