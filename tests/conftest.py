"""What every test may ask for."""

from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from tests.goldens import UPDATE_FLAG, check_golden

# A deadline is a timed assertion, and examples drawn anew at each run fail on changes that did not cause it.
# `pytest --hypothesis-profile=search` draws new ones, and many.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("search", deadline=None, max_examples=2000)
hypothesis.settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        UPDATE_FLAG, action="store_true", help="write the golden files anew instead of comparing"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden(name, text)` compares a text with `tests/golden/files/name`."""
    folder = Path(__file__).parent / "golden" / "files"
    update = bool(request.config.getoption(UPDATE_FLAG))
    return lambda name, text: check_golden(folder / name, text, update=update)
