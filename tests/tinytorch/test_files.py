"""Graphs as files: what was saved is what is loaded, and a bad file is an error that says so."""

import json
import pickle
import zipfile

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError, ParseError
from tinytorch.testing import PROGRAMS


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_saved_with_its_arrays(name, tmp_path):
    made = PROGRAMS[name]()
    program = tt.compile(made.inputs, made.outputs, updates=made.updates)
    path = tt.save(program, tmp_path / "step.tt")
    loaded = tt.load(path)
    assert str(loaded) == str(program.source_graph)
    assert not tt.diff(program, loaded)
    for reference, array in program.source_graph.arrays.items():
        np.testing.assert_array_equal(loaded.arrays[reference], array)


def test_a_text_is_a_graph_without_its_arrays(tmp_path):
    graph = tt.graph_of(tt.exp(tt.parameter(np.ones(3, np.float32), "w")))
    (tmp_path / "graph.txt").write_text(str(graph))
    loaded = tt.load(tmp_path / "graph.txt")
    assert str(loaded) == str(graph)
    assert not loaded.arrays


def test_an_older_file_is_there_until_the_new_one_is_whole(tmp_path, monkeypatch):
    path = tt.save(tt.exp(tt.input("x", (3,))), tmp_path / "a.tt")
    before = path.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", fail)
    with pytest.raises(OSError, match="disk full"):
        tt.save(tt.sin(tt.input("x", (3,))), path)
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["a.tt"]


def saved(tmp_path):
    return tt.save(tt.exp(tt.parameter(np.ones(3, np.float32), "w")), tmp_path / "a.tt")


def rewritten(path, **members):
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content |= members
    with zipfile.ZipFile(path, "w") as archive:
        for name, item in content.items():
            archive.writestr(name, item)
    return path


def test_a_later_format_is_refused_with_advice(tmp_path):
    path = rewritten(saved(tmp_path), **{"format.json": json.dumps({"format": 99, "arrays": {}})})
    with pytest.raises(ParseError, match=r"format 99[^$]*newer"):
        tt.load(path)


class Evil:
    def __reduce__(self):
        return pytest.fail, ("something in a file was executed",)


@pytest.mark.parametrize(
    "members",
    [
        {"format.json": "{"},
        {"format.json": "[]"},
        {"format.json": '{"format": 1, "arrays": {"w": 3}}'},
        {"format.json": '{"format": 1, "arrays": {"w": "../../etc/passwd"}}'},
        {"graph.txt": b"\xff\xfe\xff"},
        {"graph.txt": "import os"},
        {"arrays/0.npy": b"nothing"},
        {"arrays/0.npy": pickle.dumps(Evil())},
        {"arrays/0.npy": b""},
    ],
)
def test_a_damaged_file_is_a_parse_error(tmp_path, members):
    with pytest.raises(ParseError):
        tt.load(rewritten(saved(tmp_path), **members))


def test_a_truncated_file_is_a_parse_error(tmp_path):
    path = saved(tmp_path)
    content = path.read_bytes()
    for size in range(0, len(content) - 1, 97):
        path.write_bytes(content[:size])
        with pytest.raises(ParseError):
            tt.load(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ArgumentError, match="nowhere"):
        tt.load(tmp_path / "nowhere.tt")
