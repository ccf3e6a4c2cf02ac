"""Every example runs, and once without assertions."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("[0-9]*.py"))


def run(example: Path, folder: Path, *flags: str) -> str:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, *flags, str(example)]
    found = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(example: Path, tmp_path: Path) -> None:
    assert run(example, tmp_path)


def test_an_example_runs_without_assertions(tmp_path: Path) -> None:
    assert run(EXAMPLES[0], tmp_path, "-O") == run(EXAMPLES[0], tmp_path)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4
