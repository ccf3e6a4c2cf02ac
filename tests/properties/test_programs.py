"""Random graphs under random passes on every backend; `python -m tests.properties` runs more."""

import dataclasses
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from compiler.backends.numpy import tiles
from tests.properties import trial
from tests.properties.many import failures, shortened, survey
from tests.properties.trial import KINDS, WrongResultError, backends, make_trial, run_trial, tiles_of

NAMES = sorted(backends())
COUNT = {"numpy": 200, "c": 12}
"""Graphs for a backend; 60 for others. A C compiler takes a third of a second for each."""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("block", range(4))
def test_random_programs_equal_the_oracle(name, block):
    count = COUNT.get(name, 60) // 4
    found = [item for seed in range(block * count, (block + 1) * count) for item in failures(seed, (name,))]
    assert found == [], found[0][1]


def test_the_trials_of_these_seeds_have_every_kind_of_everything():
    trials = [make_trial(seed) for seed in range(100)]
    assert {item.kind for item in trials} == set(KINDS)
    ops = {type(node.op).__name__ for item in trials for node in item.sample.graph.nodes}
    assert ops == {
        "MapReduce", "Input", "Parameter", "Constant", "Call", "Reshape", "Transpose", "Broadcast",
        "Diagonal", "Slice", "Window", "Pad", "Concatenate", "Gather", "ScatterAdd", "Fold", "Prefix",
        "Scatter", "Insert",
    }  # fmt: skip
    assert any(len(item.sample.graph.outputs) > 2 and item.sample.graph.updates for item in trials)
    assert any(0 in node.type.shape for item in trials for node in item.sample.graph.nodes)
    assert any(item.sample.sizes(1)["batch"] == 0 for item in trials)
    assert any(item.donate for item in trials)
    assert any(item.debug for item in trials)
    assert any(item.passes == () for item in trials)


class Off:
    """A backend whose last output is wrong by a thousandth, or changes later, or that writes to an input."""

    name = "off"

    def __init__(self, inner, how):
        self.inner, self.how = inner, how
        self.target = inner.target

    def build(self, plan):
        executable, how, calls = self.inner.build(plan), self.how, []

        class Executable:
            def run(self, inputs, sizes, outputs):
                executable.run(inputs, sizes, outputs)
                calls.append(outputs)
                if how == "values":
                    outputs[-1][...] = outputs[-1] * 1.001
                if how == "later" and len(calls) > 1:
                    calls[-2][-1][...] = 77
                if how == "arguments":
                    inputs[0][...] = 78

        return Executable()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("values", r"off, call \d: result"),
        ("later", "off: what a call returned was changed by another"),
        ("arguments", r"off, call \d: argument x0 was changed"),
    ],
)
def test_a_backend_that_is_off_is_seen(monkeypatch, how, message):
    found = {"off": Off(backends()["numpy"], how)}
    monkeypatch.setattr(trial, "backends", lambda: found)
    fitting = [item for item in map(make_trial, range(90)) if is_plain(item)]
    remarks = []
    for item in fitting:
        try:
            run_trial(dataclasses.replace(item, debug=False, donate=()))
        except WrongResultError as error:
            remarks.append(str(error))
    assert len(remarks) > len(fitting) // 2 > 2
    assert all(re.match(message, " ".join(remark.split())) for remark in remarks)


def is_plain(item):
    """Whether a trial has values that a fault of `Off` is bound to change."""
    graph = item.sample.graph
    last = graph.outputs[-1].type
    given = bool(graph.inputs) and graph.inputs[0].name == "x0"
    sizes = item.sample.sizes(0)
    full = (
        all(n for n in sizes.values())
        and 0 not in last.shape
        and all(0 not in x.type.shape for x in graph.inputs)
    )
    return item.kind == "values" and given and full and last.dtype.is_float


def test_the_command_line_prints_what_fails_and_the_failing_seeds():
    command = [sys.executable, "-m", "tests.properties", "--graphs", "3", "--seed", "5"]
    done = subprocess.run(
        [*command, "--workers", "2", "--backends", "numpy"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 graphs, 0 wrong" in done.stdout
    assert done.stdout.endswith("failing seeds: none\n")
    done = subprocess.run([*command, "--backends", "none"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "seed 5" in done.stdout
    assert "KeyError: 'none'" in done.stdout
    assert done.stdout.endswith("failing seeds: 5 6 7\n")


def test_a_failing_seed_says_what_it_is():
    ((seed, text),) = failures(12, ["none"])
    assert seed == 12
    assert text.startswith("seed 12, ")
    assert "passes [" in text
    assert shortened("a  b\n c") == "a b c"
    assert len(shortened("word " * 1000)) < 400


def test_a_seed_that_kills_its_process_is_named_and_the_others_are_run():
    found = survey(range(5, 8), [Killing()])
    assert [seed for seed, _ in found] == [5, 6, 7]
    assert all("the process died" in text for _, text in found)


class Killing:
    """A backend's name that nobody survives to look up."""

    def __hash__(self):
        os._exit(3)


def test_small_tiles_are_for_the_trial_only():
    before = tiles.TILE
    with tiles_of(3):
        assert tiles.TILE == 3
    assert before == tiles.TILE


def test_a_seed_stands_for_one_trial():
    one, two = make_trial(77), make_trial(77)
    assert str(one) == str(two)
    assert str(one.sample.graph) == str(two.sample.graph)
    for left, right in zip(one.sample.arguments(0), two.sample.arguments(0), strict=True):
        np.testing.assert_array_equal(left, right)
