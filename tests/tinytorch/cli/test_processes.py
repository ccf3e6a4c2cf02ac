"""Whole processes: both ways to start, pipes, codes, and what is imported."""

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from tinytorch.cli.main import COMMANDS, main


def start(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "tinytorch", *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_python_m_and_codes(folder):
    found = start(folder, "passes", "--json")
    assert found.returncode == 0
    assert json.loads(found.stdout)[0]["order"] == 1
    differs = start(folder, "diff", "train.py:hidden", "train.py:loss")
    assert (differs.returncode, differs.stderr) == (1, "the script says something\n")
    assert "\x1b" not in differs.stdout
    wrong = start(folder, "diff", "train.py:hidden", "nowhere")
    assert wrong.returncode == 2
    assert "Usage: python -m tinytorch diff" in wrong.stderr


def test_commands_complete():
    asked = {"_TINYTORCH_COMPLETE": "bash_complete", "COMP_WORDS": "tinytorch co", "COMP_CWORD": "1"}
    found = subprocess.run(
        [sys.executable, "-c", "from tinytorch.cli.main import main; main(prog_name='tinytorch')"],
        env={**os.environ, **asked}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found.stdout.splitlines() == ["plain,compare", "plain,cost", "plain,completion"]


def test_the_console_script_is_the_same_command():
    (script,) = [item for item in entry_points(group="console_scripts") if item.name == "tinytorch"]
    assert script.load() is main


IMPORTED = """
import sys
from tinytorch.cli.main import main
try:
    main(["passes"], standalone_mode=True)
except SystemExit:
    pass
heavy = "rich sympy networkx llvmlite graphviz matplotlib tinytorch.cli.commands.ops".split()
print(*(name for name in heavy if name in sys.modules), file=sys.stderr)
"""


def test_a_light_command_loads_nothing_heavy():
    found = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True)
    assert found.stderr == "\n"
    assert "fuse_elementwise" in found.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_completion_knows_the_options(name):
    command = main.get_command(main.make_context("tinytorch", [], resilient_parsing=True), name)
    assert command is not None
    with command.make_context(name, [], resilient_parsing=True) as context:
        offered = {item.value for item in command.shell_complete(context, "--")}
    assert {"--json", "--traceback", "--help"} <= offered
