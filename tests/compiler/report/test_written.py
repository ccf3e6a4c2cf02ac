"""Pages as files: any text is written, and their data can be read."""

import json
from pathlib import Path

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError
from compiler.report.written import payload, written


def test_no_text_ends_the_element_in_which_data_stand() -> None:
    data = {"a": "</script><b>", "b": ["\u2028", "<!--"]}
    assert "<" not in payload(data)
    assert json.loads(payload(data)) == data


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_no_browser_reads_is_an_error(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        payload({"a": number})


def test_half_a_surrogate_pair_is_written(tmp_path: Path) -> None:
    assert written("a\ud83d", tmp_path / "a.html").read_text(encoding="utf-8") == "a?"


def test_names_of_any_characters_have_pages(tmp_path: Path) -> None:
    x = tt.input("half \ud83d", (3,))
    program = tt.compile([x], tt.exp(x), backend="numpy")
    compared = tt.compare(program, data=np.ones(3, np.float32), rounds=1, seconds=0.001)
    for write in (program.report, tt.diff(x, tt.exp(x)).report, compared.report):
        assert (
            "half ?" in write(tmp_path / "page.html").read_text(encoding="utf-8") or write == compared.report
        )


@pytest.mark.parametrize("name", ["page.pdf", "page"])
def test_a_page_has_the_ending_of_pages(tmp_path: Path, name: str) -> None:
    """It would be opened by something that does not read it."""
    x = tt.input("x", (3,))
    program = tt.compile([x], tt.exp(x))
    with pytest.raises(ArgumentError, match=r"ends in \.html or \.htm"):
        program.report(tmp_path / name)
    with pytest.raises(ArgumentError, match=r"ends in \.html or \.htm"):
        tt.diff(program, program).report(tmp_path / name)
    assert not (tmp_path / name).exists()
