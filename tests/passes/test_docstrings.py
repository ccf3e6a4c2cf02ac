"""Every rewriting pass shows in its docstring what it makes of a small graph."""

import sys

import pytest

from passes import REWRITES
from tests.passes.before_after import check_change, docstring_example

SHOWN = [item for item in REWRITES if item.name not in ("save_outputs", "phase_folds")]


@pytest.mark.parametrize("pass_", SHOWN, ids=lambda pass_: pass_.name)
def test_the_example_in_the_docstring_is_what_happens(pass_):
    before, after = docstring_example(sys.modules[type(pass_).__module__].__doc__ or "")
    check_change(pass_, before, after)
