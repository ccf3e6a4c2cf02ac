"""A notebook is run, turned into a page, and looked at by a browser, light and dark."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.tinytorch.notebook.answers import ANSWERS, SETUP

nbformat = pytest.importorskip("nbformat", reason="nbformat is missing: pip install '.[dev]'")
nbclient = pytest.importorskip("nbclient", reason="nbclient is missing: pip install '.[dev]'")
nbconvert = pytest.importorskip("nbconvert", reason="nbconvert is missing: pip install '.[dev]'")

CHROMIUM = shutil.which("chromium")
WIDTHS = (1280, 400)

pytestmark = [
    pytest.mark.slow,
    # Jupyter's own: pyzmq and traitlets speak of loops and of what they will do differently.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::nbformat.warnings.MissingIDFieldWarning"),
]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A notebook with a cell for each kind of answer, as it is after it was run."""
    cells = [nbformat.v4.new_code_cell(text) for text in (SETUP, *ANSWERS.values())]
    notebook = nbformat.v4.new_notebook(cells=cells)
    folder = tmp_path_factory.mktemp("notebook")
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    return client.execute()


def test_every_cell_shows_html_and_text(executed: Any) -> None:
    for kind, cell in zip(ANSWERS, executed.cells[1:], strict=True):
        (output,) = [item for item in cell.outputs if item.output_type == "execute_result"]
        assert output.data["text/html"].startswith('<div class="tinytorch">'), kind
        assert output.data["text/plain"].strip(), kind
    json.dumps(executed)


@pytest.fixture(scope="module")
def page(executed: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    exporter = nbconvert.HTMLExporter(embed_images=True, require_js_url="", mathjax_url="")
    text, _ = exporter.from_notebook_node(executed)
    path = tmp_path_factory.mktemp("page") / "answers.html"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is missing: apt-get install chromium")
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_fit_and_text_is_readable(page: Path, width: int, scheme: str) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        view = browser.new_page(viewport={"width": width, "height": 900})
        if scheme == "dark":
            view.add_init_script(
                "addEventListener('DOMContentLoaded', () => {"
                "document.body.style.background = '#111'; document.body.style.color = '#ddd'})"
            )
        view.goto(page.as_uri())
        found = view.evaluate(LOOK)
        title = view.frame_locator(".tinytorch iframe").locator("#title").text_content()
        browser.close()
    assert title == "loss of x and labels"
    assert found["figures"] >= 4
    assert found["wide"] == []
    assert found["tall"] == []
    assert found["faint"] == []
    assert found["left"] == ["left"]
    assert found["code"] == ["monospace"]


LOOK = """() => {
  const boxes = [...document.querySelectorAll('.tinytorch')];
  const figures = boxes.flatMap(box => [...box.querySelectorAll('figure svg')]);
  const name = element => element.textContent.slice(0, 40);
  const wide = figures.filter(svg => {
    const outer = svg.closest('.tinytorch').getBoundingClientRect();
    return svg.getBoundingClientRect().right > outer.right + 1;
  });
  // A picture keeps its proportions.
  const tall = figures.filter(svg => {
    const {width, height} = svg.getBoundingClientRect(), view = svg.viewBox.baseVal;
    return Math.abs(width / height - view.width / view.height) > 0.02 * width / height;
  });
  // Text of tables has the page's own colour, whatever it is, and nothing of its own behind it.
  const cells = boxes.flatMap(box => [...box.querySelectorAll('tr, td, th, p, pre, summary')]);
  const faint = cells.filter(cell => getComputedStyle(cell).backgroundColor !== 'rgba(0, 0, 0, 0)');
  // The notebook's own rules for tables and texts do not win.
  const style = (kind, key) => [...new Set(
    boxes.flatMap(box => [...box.querySelectorAll(kind)]).map(cell => getComputedStyle(cell)[key]))];
  return {figures: figures.length, wide: wide.map(name), tall: tall.map(name), faint: faint.map(name),
    left: style('td.left', 'textAlign'), code: style('pre', 'fontFamily')};
}"""
