"""The codes of refusals: each is provoked, by its name, in the test of a pass."""

from pathlib import Path

import pytest

from compiler.rewrite.refusal import Reason

TESTS = Path(__file__).parents[2]


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.name)
def test_every_code_is_provoked(reason):
    texts = [path.read_text() for path in sorted((TESTS / "passes").glob("test_*.py"))]
    assert any(f"Reason.{reason.name}" in text for text in texts)


def test_no_two_codes_say_the_same():
    assert len({reason.value for reason in Reason}) == len(Reason.__members__)
