"""The table of operators."""

from pkgutil import iter_modules

import pytest

import tinytorch as tt
from tinytorch.onnx import operators
from tinytorch.onnx.calling.operator import registered


def test_the_table_says_since_when_by_what_and_what_not():
    table = tt.onnx.supported_operators()
    opsets = [1, 6, 7, 9, 11, 13]
    found = {"domain": "ai.onnx", "name": "Gemm", "opsets": opsets, "supported": opsets}
    assert table["Gemm"].to_dict() == {**found, "by": "function", "note": ""}
    assert table["ai.onnx.Loop"].note.startswith("Unrolled")
    assert (table["ImageDecoder"].by, table["ImageDecoder"].supported) == ("absent", ())
    assert table["CenterCropPad"].by == "body"
    assert len(table) == sum(row.by != "absent" for row in table) < len(table.rows)
    assert "ai.onnx.ml.Scaler" in str(table)
    with pytest.raises(KeyError):
        table["Nothing"]


def test_families_are_declared_with_all_that_they_register():
    """A name that is missing there would be an operator without a function; a file, a family without any."""
    operators.load_all()
    found: dict[str, set[str]] = {}
    for item in registered():
        found.setdefault(item.function.__module__.rpartition(".")[2], set()).add(item.name)
    assert found == {family: set(names.split()) for family, names in operators.FAMILIES.items()}
    helpers = {"forests", "phases", "windows"}  # no operator is in these
    assert {item.name for item in iter_modules(operators.__path__)} == {*found, *helpers}
