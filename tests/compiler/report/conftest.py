"""A browser, and pages in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.compiler.report.browsing import ARGUMENTS, BROWSER, WIDTHS, Opened
from tests.compiler.report.models import three_layers


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    if BROWSER is None:
        pytest.skip("no browser: apt install chromium")
    with api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=BROWSER, headless=True, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The three-layer step with times, and without."""
    folder = tmp_path_factory.mktemp("reports")
    program, data = three_layers()
    return {
        "timed": program.report(folder / "timed.html", data, seconds=0.1),
        "plain": program.report(folder / "plain.html"),
    }


@pytest.fixture(params=WIDTHS)
def opened(request: pytest.FixtureRequest, browser: Any, reports: dict[str, Path]) -> Iterator[Opened]:
    found = Opened(browser, reports["timed"], request.param)
    yield found
    found.close()
