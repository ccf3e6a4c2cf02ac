"""Every rewriting pass shows what it makes of a small graph; the page about passes has all of them."""

import re
import sys
from pathlib import Path

import pytest

import passes
from passes import FREEZING, SCHEDULING
from tests.passes.before_after import check_change, docstring_example

OWN_TESTS = (
    "save_outputs", "phase_folds", "channels_last", "unroll_products", "split_sums", "transpose_factors",
    "panel_constants", "scale_constants",
)  # fmt: skip
SHOWN = [item for item in FREEZING if item.name not in OWN_TESTS]


@pytest.mark.parametrize("pass_", SHOWN, ids=lambda pass_: pass_.name)
def test_the_example_in_the_docstring_is_what_happens(pass_):
    before, after = docstring_example(sys.modules[type(pass_).__module__].__doc__ or "")
    check_change(pass_, before, after)


def test_the_page_about_passes_has_a_row_for_each_in_their_order():
    page = Path(passes.__file__).with_name("README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (graph|schedule) to", page, re.MULTILINE)
    expected = [(item.name, "graph") for item in FREEZING] + [(item.name, "schedule") for item in SCHEDULING]
    assert rows == expected
