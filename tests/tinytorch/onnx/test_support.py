"""The table of operators."""

import pytest

import tinytorch as tt


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
