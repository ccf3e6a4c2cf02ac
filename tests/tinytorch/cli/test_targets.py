"""What a target may be, and what is said of one that is none."""

import sys

import pytest

import tinytorch as tt
from tinytorch.cli.targets import load_target


@pytest.mark.parametrize(
    ("name", "outputs"),
    [("step", 1), ("graph", 1), ("hidden", 1), ("pair", 2), ("build", 2), ("Holder.inner", 1)],
)
def test_what_a_target_may_be(folder, name, outputs):
    for text in (f"train.py:{name}", f"{folder}/train.py:{name}", f"train:{name}"):
        found = load_target(text)
        assert len(found.graph.outputs) == outputs
        assert found.program("numpy").backend == "numpy"


def test_a_program_is_taken_as_it_is_unless_something_else_is_wanted(folder):
    target = load_target("train.py:step")
    assert target.program() is target.value
    assert target.program("reference").backend == "reference"
    assert target.program(without=["all"]).history == ()
    assert target.program(without=["inplace"]).backend == "numpy"


def test_saved_graphs_and_texts_are_targets(folder):
    (folder / "text.txt").write_text("%x = input : f32[n]\nreturn %x\n", encoding="utf-8")
    assert str(load_target("text.txt").graph.outputs[0].type) == "f32[n]"
    assert load_target("old.tt").graph.outputs[0].name == "loss"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train.py", "say what in train.py is meant: train.py:NAME; it has x, labels, network, hidden, loss"),
        ("train.py:nothing", "train.py:nothing: there is no 'nothing'; it has x, labels"),
        ("train.py:scaled", "takes arguments; name a function that is called without"),
        ("train.py:number", "is int, and should be a program, a graph, tensors"),
        ("nowhere.py:step", "there is no script 'nowhere.py'; a target is path.py:NAME"),
        ("nowhere.module:step", "there is no module 'nowhere.module'"),
        ("nowhere.tt", "there is no file 'nowhere.tt'; a target is"),
        ("train.py:divide", "train.py:22: ZeroDivisionError: division by zero"),
        ("train.py:leave", "ended Python with status 3"),
        ("train.py:misfit", "ShapeError: "),
        ("batch.npz", "damaged, or no saved graph"),
    ],
)
def test_a_target_that_is_none_is_one_message(run, text, message):
    result = run("cost", text, code=2)
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


def test_the_traceback_is_shown_where_it_is_asked_for(run):
    shown = run("cost", "train.py:divide", "--traceback", code=2).stderr
    assert "return 1 / 0" in shown
    assert shown.endswith("Error: train.py:22: ZeroDivisionError: division by zero\n")


def test_a_script_that_does_not_parse_is_one_message(run, folder):
    (folder / "odd.py").write_text("x = = 1\n", encoding="utf-8")
    assert "SyntaxError: invalid syntax (odd.py, line 1)" in run("cost", "odd.py:x", code=2).stderr
    assert "say what in odd.py is meant" in run("cost", "odd.py", code=2).stderr


def test_a_fault_of_ours_keeps_its_traceback(run, monkeypatch):
    def fail(self):
        raise RuntimeError("a fault")

    monkeypatch.setattr(tt.Program, "cost", property(fail))
    shown = run("cost", "train.py:step", code=2).stderr
    assert "Traceback" in shown
    assert shown.endswith("RuntimeError: a fault\nError: this is a fault of tinytorch; please report it\n")


def test_a_script_finds_the_modules_beside_it(folder):
    (folder / "deep").mkdir()
    (folder / "deep" / "part.py").write_text("import tinytorch as tt\nx = tt.input('q')\n", encoding="utf-8")
    (folder / "deep" / "whole.py").write_text("from part import x\ny = x * 2\n", encoding="utf-8")
    assert load_target("deep/whole.py:y").graph.inputs[0].name == "q"


def test_two_versions_of_a_program_import_what_lies_beside_each(run, folder):
    for version, factor in (("old", 2), ("new", 3)):
        (folder / version).mkdir()
        part = f"import tinytorch as tt\nx = tt.input('x')\ny = x * {factor}\n"
        (folder / version / "part.py").write_text(part, encoding="utf-8")
        (folder / version / "whole.py").write_text(
            "def y():\n    import part\n    return part.y\n", encoding="utf-8"
        )
    assert "mul(%x, 3" in run("diff", "old/whole.py:y", "new/whole.py:y", code=1).stdout
    run("diff", "old/whole.py:y", "old/whole.py:y")


def test_what_a_script_imports_from_elsewhere_stays(folder, monkeypatch):
    (folder / "lib").mkdir()
    (folder / "lib" / "elsewhere.py").write_text("", encoding="utf-8")
    (folder / "own.py").write_text("", encoding="utf-8")
    code = "import tinytorch as tt, elsewhere, own\nx = tt.input('q')\n"
    (folder / "script.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(folder / "lib")
    load_target("script.py:x")
    assert "elsewhere" in sys.modules
    assert "own" not in sys.modules


def test_a_script_is_run_once(run):
    assert run("diff", "train.py:hidden", "train.py:loss", code=1).stderr == "the script says something\n"


def test_a_script_may_be_called_like_a_module_that_is_loaded(folder):
    (folder / "json.py").write_text("import tinytorch as tt\nx = tt.input('q')\n", encoding="utf-8")
    assert load_target("json.py:x").graph.inputs[0].name == "q"
