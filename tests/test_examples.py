"""Every example runs and raises no false alarm of `tt.lint`; one runs without assertions, too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("[0-9]*.py"))
LOOKED_AT = """
import runpy, sys
import compiler.driver as driver
from compiler.lint.linting import lint_graph
made = driver.compile_source
def looked(source, *given):
    report = lint_graph(source)
    if report: sys.stderr.write("FINDING " + str(report) + "\\n")
    return made(source, *given)
driver.compile_source = looked
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs a script, and tells what `tt.lint` finds in each graph that its process compiles."""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    found = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return found


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs_and_raises_no_false_alarm(example: Path, tmp_path: Path) -> None:
    found = run(tmp_path, "-c", LOOKED_AT, str(example))
    assert found.stdout
    shown = 1 if example.stem == "00_tutorial" else 0  # a finding is what it shows there
    assert found.stderr.count("FINDING") == shown, found.stderr
    assert not shown or "tt.lint(" in found.stderr


def test_an_example_runs_without_assertions(tmp_path: Path) -> None:
    example = str(EXAMPLES[0])
    assert run(tmp_path, "-O", example).stdout == run(tmp_path, example).stdout


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4
