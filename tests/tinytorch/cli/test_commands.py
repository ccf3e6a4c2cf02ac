"""Every command: what it prints, what its JSON says, with which code it ends, and that its examples run."""

import json
import shlex
from importlib import import_module

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.c.backend import C
from compiler.backends.llvm.backend import Llvm
from tinytorch.cli.main import COMMANDS
from tinytorch.testing import PROGRAMS

MODULES = {name: import_module(f"tinytorch.cli.commands.{name}") for name in COMMANDS}
EXAMPLES = [example for module in MODULES.values() for example in module.command.examples]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_help_run(run, example):
    name, *arguments = shlex.split(example)
    assert name == "tinytorch"
    run(*arguments, code=1 if example == "tinytorch diff old.tt train.py:step" else 0)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_teaches(run, name):
    command = MODULES[name].command
    text = run(name, "--help").output
    assert all(example in text for example in command.examples)
    assert command.examples
    assert command.name == name
    first = command.help.partition("\n\n")[0]
    assert len(first) <= 66
    assert first in run("--help").output  # whole, in the list of all commands
    assert all(parameter.help for parameter in command.params if parameter.param_type_name == "option")


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_of_every_kind_can_be_asked(run, data_of, folder, name):
    made = PROGRAMS[name]()
    program = tt.compile(made.inputs, made.outputs, updates=made.updates, backend="numpy")
    tt.save(program, "a.tt")
    np.savez("a.npz", **{item.name: array for item, array in zip(made.inputs, made.data, strict=True)})
    loaded = tt.compile(tt.load("a.tt"), backend="numpy")
    assert data_of("cost", "a.tt", "--backend", "numpy") == loaded.cost.to_dict()
    assert data_of("memory", "a.tt", "--backend", "numpy") in (
        loaded.memory.to_dict(),
        loaded.memory.at().to_dict() if not loaded.memory.symbols else None,
    )
    assert [item["name"] for item in data_of("passes", "a.tt", "--backend", "numpy")] == [
        item.name for item in loaded.history
    ]
    explained = data_of("explain", "a.tt", "--backend", "numpy")
    assert len(explained) == len(set(loaded.source_graph.results))
    _, sizes = loaded.signature.bind(made.data, {})
    found = data_of("profile", "a.tt", "--data", "a.npz", "--seconds", "0.001", "--backend", "numpy")
    assert found["sizes"] == sizes
    assert run("diff", "a.tt", "a.tt").stdout == ""
    assert data_of("draw", "a.tt", "a.dot")["nodes"] == len(loaded.source_graph)
    compared = data_of(
        "compare", "a.tt", "--data", "a.npz", "--rounds", "1", "--seconds", "0.001", "--backend", "numpy"
    )
    assert [item["name"] for item in compared["variants"]] == ["unfused", "fused", "fused + in place"]
    assert all(item["difference"] in (None, 0) or item["difference"] < 1e-5 for item in compared["variants"])


def test_diff_ends_as_diff_does(run, data_of, folder):
    found = data_of("diff", "train.py:hidden", "train.py:loss", code=1)
    assert found["differs"]
    assert (found["left"], found["right"]) == ("train.py:hidden", "train.py:loss")
    assert "+++ train.py:loss" in run("diff", "train.py:hidden", "train.py:loss", code=1).stdout
    assert run("diff", "train.py:step", "train.py:graph").stdout == ""
    assert not data_of("diff", "train.py:step", "train.py:graph")["differs"]
    found = data_of("diff", "train.py:hidden", "train.py:loss", "--report", "diff.html", code=1)
    assert found["path"] == str(folder / "diff.html")
    assert "train.py:hidden and train.py:loss" in (folder / "diff.html").read_text(encoding="utf-8")
    run("diff", "train.py:step", code=2)
    run("diff", "train.py:step", "nowhere.tt", code=2)


def test_random_data_are_said_to_be_random(run, data_of):
    text = run("profile", "train.py:step", "--batch", "4", "--seed", "3", "--seconds", "0.001").stdout
    assert text.startswith("random data, seed 3: x float32[4, 6], normal; labels int64[4], 0 to 2\n")
    again = data_of("profile", "train.py:step", "--size", "batch=7", "--seconds", "0.001")
    assert again["sizes"] == {"batch": 7}
    assert again["data"].startswith("random data, seed 0")
    assert "data" in data_of("profile", "train.py:step", "--data", "batch.npz", "--seconds", "0.001")


def test_what_running_needs_is_asked_for(run):
    assert "input 'x' is f32[batch,6]: give --batch N" in run("profile", "train.py:step", code=2).stderr
    wrong = run("profile", "train.py:step", "--size", "n=3", code=2).stderr
    assert "no input has a symbolic dimension 'n'; there are: batch" in wrong
    assert "write NAME=N" in run("profile", "train.py:step", "--size", "n:3", code=2).stderr
    both = run("profile", "train.py:step", "--data", "batch.npz", "--batch", "3", code=2).stderr
    assert "leave out --batch" in both
    np.savez("half.npz", x=np.ones((4, 6), np.float32))
    missing = run("compare", "train.py:step", "--data", "half.npz", code=2).stderr
    assert "half.npz has no array 'labels'; it has x, and the inputs are x, labels" in missing
    np.save("one.npy", np.ones(3))
    assert "np.savez" in run("profile", "train.py:step", "--data", "one.npy", code=2).stderr
    for content in (b"nothing", b""):
        with open("bad.npz", "wb") as file:  # noqa: PTH123  # the folder is the working one
            file.write(content)
        assert "no .npz file" in run("profile", "train.py:step", "--data", "bad.npz", code=2).stderr


def test_random_integers_are_indices_of_what_they_select_from(data_of, folder):
    table, rows = tt.input("table", (3, 2)), tt.input("rows", ("n",), "int64")
    tt.save(tt.take(table, rows.reshape(-1, 1), axis=0), "gather.tt")
    found = data_of("profile", "gather.tt", "--size", "n=50", "--seconds", "0.001")
    assert "rows int64[50], 0 to 2" in found["data"]


def test_compare_leaves_the_parameters_and_draws(run, folder):
    run(
        "compare",
        "train.py:step",
        "--data",
        "batch.npz",
        "--rounds",
        "1",
        "--seconds",
        "0.001",
        "--draw",
        "k.dot",
    )
    assert "digraph" in (folder / "k.dot").read_text(encoding="utf-8")


def test_memory_answers_what_fits(run, data_of):
    program = tt.compile(tt.load("old.tt"), backend="numpy")
    largest = program.max_batch("1 MB")
    found = data_of("memory", "old.tt", "--backend", "numpy", "--budget", "1 MB")
    assert found == {"fits": True, "total_bytes": None, "largest": {"name": "batch", "size": largest}}
    sized = ("memory", "old.tt", "--backend", "numpy", "--batch")
    assert data_of(*sized, str(largest), "--budget", "1000000")["fits"]
    text = run(*sized, str(largest + 1), "--budget", "1 MB", code=1).stdout
    assert text.startswith("does not fit into 1 MB")
    assert run("memory", "old.tt", "--budget", "3 B", code=1).stdout == "not even batch=1 fits into 3 B\n"
    run("memory", "old.tt", "--budget", "much", code=2)


def test_tables_by_kernel_scope_and_line(data_of):
    kernels = data_of("cost", "train.py:step")
    assert kernels["total"]["flops"].count("batch") == 1
    total = data_of("cost", "train.py:step", "--batch", "3")["total"]["flops"]
    for by in ("scope", "line"):
        rows = data_of("cost", "train.py:step", "--batch", "3", "--by", by)["rows"]
        assert sum(row["flops"] for row in rows) == total
    labels = {
        row["label"] for row in data_of("cost", "train.py:step", "--by", "scope", "--depth", "1")["rows"]
    }
    assert {"dense1", "cross_entropy", "sgd"} <= labels


def test_explain_takes_what_views_print(run, data_of):
    (found,) = data_of("explain", "train.py:step", "hidden")
    assert found["what"] == "hidden"
    assert found["explanation"]["formula"] == "tanh(x) = tanh(x)"
    assert found["explanation"]["source"].endswith('hidden = tt.tanh(network(x)).named("hidden")')
    assert found["why"]["title"].startswith("%hidden")
    kernel, value = data_of("explain", "train.py:step", "kernel 0", "%loss")
    assert kernel["why"]["kernels"] == [0]
    assert value["explanation"]["line"].startswith("%loss = ")
    error = run("explain", "train.py:step", "hiden", code=2).stderr
    assert error.endswith("Error: no value of this program is called 'hiden'; near it: %hidden\n")
    assert "kernel 0, 1 node" in run("explain", "train.py:step", "kernel 0", "--without", "all").stdout


def test_passes_are_listed_in_their_order(run, data_of):
    found = data_of("passes")
    ordered = [item["name"] for item in found if item["order"] is not None]
    assert ordered == [item.name for item in tt.default_passes()]
    assert all(item["does"] for item in found)
    assert {"rewriting", "scheduling"} == {item["kind"] for item in found}
    assert len(run("passes").stdout.splitlines()) == len(found) + 1
    names = [item["name"] for item in data_of("passes", "train.py:step", "--without", "inplace")]
    assert names == [name for name in ordered if name != "inplace"]
    assert data_of("passes", "train.py:step", "--without", "all") == []
    assert (
        "no default pass is named 'fusion'"
        in run("passes", "train.py:step", "--without", "fusion", code=2).stderr
    )


def test_ops_show_formula_slope_latex_and_error(run, data_of):
    found = {item["name"]: item["formula"] for item in data_of("ops")}
    assert found["relu"] == str(tt.relu.formula)
    assert {"gelu", "gelu_tanh", "softplus", "exp", "where"} <= set(found)
    silu, square = data_of("ops", "silu", "square")
    assert silu["slopes"][0]["by"] == "x"
    assert "sigmoid" in silu["slopes"][0]["formula"]
    assert silu["latex"] == r"x \, \sigma(x)"
    assert {item["system"] for item in silu["errors"]} == {"llvm", "numpy", "PyTorch"}
    assert all(item["ulps"] == "inf" or item["ulps"] >= 0 for item in silu["errors"])
    assert [item["formula"] for item in square["slopes"]] == ["2 * x"]
    assert square["errors"] == []
    assert "near it: gelu" in run("ops", "gelo", code=2).stderr
    (elu,) = data_of("ops", "elu")
    assert elu["defaults"] == {"alpha": 1.0}


@pytest.mark.parametrize("name", ["add", "where"])
def test_an_op_of_several_operands_has_several_slopes(data_of, name):
    (found,) = data_of("ops", name)
    assert [item["by"] for item in found["slopes"]] == list(getattr(tt, name).operands)


def test_every_op_can_be_shown(data_of):
    names = [item["name"] for item in data_of("ops")]
    shown = data_of("ops", *names)
    assert [item["name"] for item in shown] == names
    refused = {item["name"] for item in shown for slope in item["slopes"] if slope["refused"]}
    logical = {f"logical_{name}" for name in ("and", "or", "xor", "not")}
    bits = {f"bitwise_{name}" for name in ("and", "or", "xor", "not", "left_shift", "right_shift")}
    assert refused == logical | bits
    assert {item["name"] for item in shown if item["errors"]} >= {"relu", "gelu", "gelu_tanh", "softplus"}


def test_plugins_are_listed(data_of, run):
    found = data_of("plugins")
    own = next(item for item in found["plugins"] if item["name"] == "tinytorch")
    assert own["backends"] == ["llvm", "c", "numpy", "reference"]
    assert own["passes"] == [item.name for item in tt.default_passes(freeze=True)]
    assert found["group"] == "tinytorch.plugins"
    assert "llvm, c, numpy, reference" in run("plugins").stdout


def test_doctor_says_what_is_there_and_how_to_get_the_rest(run, data_of, monkeypatch):
    found = data_of("doctor")
    parts = {item["name"]: item for item in found["parts"]}
    assert parts["numpy"]["version"] == np.__version__
    assert parts["llvmlite"]["fix"] == "pip install 'tinytorch-compiler[jit]'"
    assert "pytest" not in parts
    assert found["backend"]["threads"] == tt.get_num_threads()
    assert found["c"]["available"] is C().is_available
    if found["cache"] is not None:
        assert found["cache"]["bytes"] >= found["cache"]["entries"] >= 0
    assert found["machine"]["measured_by"] == ("llvm" if Llvm().is_available else "numpy")
    doctor = MODULES["doctor"]
    versions = {"llvmlite": None}
    monkeypatch.setattr(doctor, "_version", lambda name: versions.get(name, "1.0"))
    monkeypatch.setattr(doctor, "installed", lambda: None)
    text = run("doctor").stdout
    assert "to get what is missing: pip install 'tinytorch-compiler[jit]'" in text
    assert "apt install graphviz" in text
    assert "--  llvmlite" in text
    assert "multiply-adds of float32" in text


def test_doctor_says_why_there_is_no_native_backend(data_of, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found = data_of("doctor")
    assert found["backend"]["cpu"] is None
    assert "needs llvmlite" in found["backend"]["why"]
    assert found["cache"] is None
    assert found["machine"]["measured_by"] == "numpy"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_of_the_shell(run, data_of, shell, monkeypatch):
    script = run("completion", shell).stdout
    assert f"_TINYTORCH_COMPLETE={shell}_complete" in script
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    found = data_of("completion")
    assert (found["shell"], found["script"].strip()) == (shell, script.strip())
    monkeypatch.setenv("SHELL", "/bin/dash")
    assert "bash, zsh or fish" in run("completion", code=2).stderr


def test_demo_says_what_it_found(data_of, folder):
    found = data_of("demo", "--epochs", "2", "--backend", "numpy", "--out", "a.dot")
    assert found["accuracy"] > 0.5
    assert found["backend"] == "numpy"
    assert found["drawing"] == str((folder / "a.dot").resolve())
    assert len(found["variants"]) == 3


def test_draw_is_called_after_its_target(data_of, run, folder):
    assert data_of("draw", "train.py:step", "--kernels")["path"] == str((folder / "step.svg").resolve())
    assert "kernel" in (folder / "step.svg").read_text(encoding="utf-8")
    assert run("draw", "old.tt").stdout == "old.svg\n"
    assert "choose one" in run("draw", "old.tt", "--kernels", "--detail", code=2).stderr
    assert "its name ends in one of" in run("draw", "old.tt", "a.jpeg", code=2).stderr
    assert "No such file" in run("draw", "old.tt", "nowhere/a.dot", code=2).stderr


def test_draw_folds_looks_around_a_value_and_colours(data_of, run, folder):
    assert data_of("draw", "train.py:step", "a.dot", "--depth", "1")["path"].endswith("a.dot")
    assert data_of("draw", "train.py:step", "b.dot", "--around", "loss", "--radius", "1")
    assert "what was asked for" in (folder / "b.dot").read_text()
    assert data_of("draw", "train.py:step", "c.dot", "--colour", "precision")
    assert "float32" in (folder / "c.dot").read_text()
    timed = data_of("draw", "train.py:step", "d.dot", "--kernels", "--colour", "time", "--batch", "4")
    assert timed["data"].startswith("random data")
    assert "of the time" in (folder / "d.dot").read_text()
    assert "no part of this graph is called 'x'" in run("draw", "train.py:step", "--open", "x", code=2).stderr
    assert "data are for times" in run("draw", "train.py:step", "--batch", "4", code=2).stderr


def test_json_is_all_that_is_on_stdout(run):
    result = run("cost", "train.py:step", "--json")
    json.loads(result.stdout)
    assert "the script says something" in result.stderr


def test_report_writes_a_page_with_times_where_there_are_data(data_of, folder):
    found = data_of("report", "train.py:step")
    assert found == {"path": str((folder / "step.html").resolve()), "data": None}
    assert "<!doctype html>" in (folder / "step.html").read_text(encoding="utf-8").lower()
    timed = data_of("report", "train.py:step", "timed.html", "--batch", "4", "--seconds", "0.01")
    assert timed["data"]
    assert (folder / "timed.html").stat().st_size > 10_000


def test_variants_are_written_on_the_command_line(run, data_of):
    given = ["compare", "train.py:step", "--batch", "4", "--rounds", "1", "--seconds", "0.001"]
    variants = [
        "--variant",
        "plain:passes=",
        "--variant",
        "b:without=inplace+simplify,backend=numpy,threads=1",
    ]
    found = data_of(
        *given, *variants, "--variant", "c:passes=simplify+dead_code,in_place=no", "--variant", "d"
    )
    assert [item["name"] for item in found["variants"]] == ["plain", "b", "c", "d"]
    assert (
        found["variants"][0]["kernels"] >= found["variants"][2]["kernels"] > found["variants"][3]["kernels"]
    )
    for wrong in ("a:fast=yes", "a:threads=two", "a:in_place=maybe", ":threads=1", "a:backend"):
        assert "Invalid value for '--variant'" in run(*given, "--variant", wrong, code=2).stderr
    assert "of its own" in run(*given, "--variant", "a", "--variant", "a", code=2).stderr
    assert "no pass of the variant" in run(*given, "--variant", "a:without=all", code=2).stderr


def test_ablate_says_what_a_pass_is_worth(run, data_of):
    given = ["ablate", "train.py:step", "--batch", "4", "--rounds", "1", "--seconds", "0.0001"]
    found = data_of(*given, "--without", "simplify")
    assert "simplify" not in [item["name"] for item in found["passes"]]
    assert found["data"].startswith("random data, seed 0")
    assert run(*given, "--without", "all", code=2).stderr


def test_lint_ends_with_one_where_there_is_a_finding(run, data_of, folder):
    assert run("lint", "train.py:step").stdout == "no findings\n"
    tt.save(tt.exp(tt.input("x", (3,), low=0, high=100)), "hot.tt")
    found = data_of("lint", "hot.tt", code=1)
    assert [item["code"] for item in found["findings"]] == ["EXP_OVERFLOWS"]
    assert "fix: " in run("lint", "hot.tt", code=1).stdout
    assert data_of("lint", "hot.tt", "--allow", "exp_overflows") == {"findings": []}
    run("lint", "hot.tt", "--allow", "nothing", code=2)
    run("lint", "nowhere.tt", code=2)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("report train.py:step a.pdf", "'a.pdf' is no page: its name ends in one of .html, .htm"),
        ("diff old.tt train.py:step --report a.svg", "'a.svg' is no page"),
        ("compare train.py:step --batch 4 --page a.txt", "'a.txt' is no page"),
        ("compare train.py:step --batch 4 --draw a.gif", "'a.gif' is no drawing"),
        ("ablate train.py:step --batch 4 --page a", "'a' is no page"),
        ("demo --out a.gif", "'a.gif' is no drawing: its name ends in one of .svg, .png, .pdf, .dot"),
        ("draw train.py:step a.gif", "'a.gif' is no drawing"),
        ("draw train.py:step --radius 1", "--radius is for --around"),
        ("draw train.py:step --detail --depth 1", "--detail folds nothing"),
        ("draw train.py:step --detail --open dense1", "--detail folds nothing"),
        ("draw train.py:step --size batch=4", "sizes and data are for times"),
        ("cost train.py:step --depth 1", "--depth is for --by scope"),
        ("profile train.py:step --batch 4 --depth 1 --by line", "--depth is for --by scope"),
        ("lint train.py:step --allow NOPE", "'NOPE' is no code; they are EXP_OVERFLOWS, LOG_OF_ZERO"),
    ],
)
def test_options_that_do_nothing_and_names_that_lie_are_errors(run, folder, line, said):
    before = set(folder.iterdir())
    result = run(*line.split(), code=2)
    assert said in result.stderr
    assert not result.stdout  # said before anything is trained or measured
    assert {path for path in folder.iterdir() if path.name != "__pycache__"} <= before


def test_an_optional_target_is_shown_as_one(run):
    assert "passes [OPTIONS] [TARGET]" in run("passes", "--help").output
    assert "cost [OPTIONS] TARGET" in run("cost", "--help").output


def test_a_budget_of_bytes_is_said_in_bytes(run):
    assert (
        run("memory", "train.py:step", "--budget", "10", code=1).stdout == "not even batch=1 fits into 10 B\n"
    )
