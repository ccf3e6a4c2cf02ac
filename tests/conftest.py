"""What every test may ask for."""

import gc
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


LONG = (
    "tinytorch/op_db/test_samples.py",
    "compiler/backends/c/test_ops.py",
    "documentation/test_site.py",
    "tests/test_examples.py",
    "contracts/test_derived_rules.py",
    "compiler/loops/test_programs.py",
    "tinytorch/ops/test_backends.py",
    "compiler/report/test_page.py",
    "mathematics/test_gammas.py",
)
"""What takes longest, in order, by `--durations`: begun last, one would leave all workers but one idle."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files come first."""
    places = {path: k for k, path in enumerate(LONG)}

    def place(item: pytest.Item) -> int:
        return next((k for end, k in places.items() if item.path.as_posix().endswith(end)), len(LONG))

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """What was imported is never garbage: a million objects, which a collection would look at for 0.7 s."""
    gc.collect()
    gc.freeze()


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
