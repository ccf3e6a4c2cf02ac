"""The site is built without a warning, holds together, and asks nobody for anything.

`.ci/run` builds it nowhere else: it takes a minute and a half.
"""

import os
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.documentation.pages import PAGES, ROOT

pytest.importorskip("sphinx", reason="sphinx is missing: pip install '.[docs]'")
pytest.importorskip("furo", reason="furo is missing: pip install '.[docs]'")
pytest.importorskip("myst_parser", reason="myst-parser is missing: pip install '.[docs]'")

CHROMIUM = shutil.which("chromium")
LOADING = {"src", "srcset", "data", "poster"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "examples/docs", str(target)]
    found = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return target


class Links(HTMLParser):
    """The anchors of a page, the places it links to, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.figures = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        self.figures += tag == "figure"
        self.anchors |= {given[key] for key in ("id", "name") if given.get(key)}
        self.loads += [value for key, value in given.items() if key in LOADING and value]
        if "href" in given and given["href"] is not None:
            is_loaded = tag == "link" and given.get("rel") not in (
                "index",
                "search",
                "next",
                "prev",
                "author",
            )
            (self.loads if is_loaded else self.links).append(given["href"])


def test_every_page_is_there_and_every_link_leads_somewhere(site: Path) -> None:
    pages = {path: Links(path) for path in site.rglob("*.html")}
    assert {str(path.relative_to(site).with_suffix("")) for path in pages} >= set(PAGES)
    broken: list[str] = []
    for path, found in pages.items():
        for link in [*found.links, *found.loads]:
            if "://" in link or link.startswith(("data:", "mailto:")):
                continue
            place, _, anchor = unquote(link.partition("?")[0]).partition("#")
            target = (path.parent / place).resolve() if place else path
            if not target.exists() or (anchor and target in pages and anchor not in pages[target].anchors):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        assert [item for item in Links(path).loads if "//" in item] == [], path


def test_pictures_are_made_by_the_build(site: Path) -> None:
    assert Links(site / "pictures.html").figures >= 8
    assert Links(site / "tutorial.html").figures >= 4
    assert "<math>" in (site / "reference" / "ops.html").read_text(encoding="utf-8")


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is missing: apt-get install chromium")
@pytest.mark.parametrize("width", [1280, 400])
def test_pages_are_quiet_and_pictures_fit(site: Path, width: int) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        view = browser.new_page(viewport={"width": width, "height": 900})
        heard: list[str] = []
        view.on("console", lambda message: heard.append(message.text))
        view.on("pageerror", lambda error: heard.append(str(error)))
        view.on("request", lambda request: heard.append(request.url) if "file:" not in request.url else None)
        for page in ("index", "tutorial", "pictures", "reference/ops"):
            view.goto((site / f"{page}.html").as_uri())
            wide = view.evaluate(
                "[...document.querySelectorAll('figure svg')].filter(svg => "
                "svg.getBoundingClientRect().right > document.documentElement.clientWidth + 1).length"
            )
            assert wide == 0, page
            sideways = view.evaluate(
                "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            )
            assert not sideways, page
        browser.close()
    assert [item for item in heard if not item.startswith("data:")] == []
