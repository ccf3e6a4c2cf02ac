"""The table of every op has every op, by everybody's names."""

import pytest

from tests.documentation.torch_names import PLACE, names

from building import generated, vocabulary  # isort: skip  # the room of the docs, which `pages` makes findable


def rows() -> dict[str, str]:
    lines = generated.filled("<!-- generated: vocabulary -->").splitlines()[2:]
    return {line.split("`")[1]: line for line in lines}


def test_names_of_torch_are_those_that_it_has():
    pytest.importorskip("torch")
    assert PLACE.read_text().split() == names(), "run python -m tests.documentation.torch_names"


def test_every_row_has_a_cell_for_each_heading():
    for line in generated.filled("<!-- generated: vocabulary -->").splitlines():
        assert line.replace(r"\|", "").count("|") == len(vocabulary.HEADINGS) + 1, line


def test_what_stands_in_the_table():
    found = rows()
    assert "arcsin" in found["tt.asin"]
    assert "float32 value" in found["tt.tanh"]
    assert "`concat`" in found["tt.concatenate"]
    assert {f"tt.{name}" for name in ("sum", "matmul", "where", "sort", "scatter", "zeros")} <= set(found)
    assert "| `linalg.solve` | `linalg.solve` |" in found["tt.linalg.solve"]
