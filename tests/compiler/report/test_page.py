"""The page in a real browser: Debian's Chromium, driven by Playwright."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compiler.report.data import report_data
from tests.compiler.report.models import of_testing, three_layers, transformer

pytestmark = pytest.mark.slow

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
WIDTHS = [1280, 400]


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


class Opened:
    """A page, and everything that it complained of or asked for."""

    def __init__(self, browser: Any, path: Path, width: int = 1280, theme: str = "light") -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
        self.wrong: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", self._asked)
        self.page.goto(path.as_uri())

    def _asked(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:")):
            self.wrong.append(request.url)

    def marked(self, kind: str) -> set[int]:
        """The slots of visible boxes that have a mark."""
        boxes = self.page.locator(f".box.{kind}[data-slot]")
        return {int(item) for item in boxes.evaluate_all("items => items.map(item => item.dataset.slot)")}

    def at(self, stage: str) -> None:
        """Clicks on a tick of the slider."""
        number = self.stages().index(stage)
        self.page.locator(f"#ticks [data-stage='{number}']").click()

    def stages(self) -> list[str]:
        return self.page.evaluate("D.stages.map(stage => stage.name)")

    def close(self) -> None:
        self.page.close()
        assert self.wrong == []


@pytest.fixture(params=WIDTHS)
def opened(request: pytest.FixtureRequest, browser: Any, reports: dict[str, Path]) -> Iterator[Opened]:
    found = Opened(browser, reports["timed"], request.param)
    yield found
    found.close()


def test_it_begins_with_a_summary_and_never_is_wider_than_the_screen(opened: Opened) -> None:
    summary = opened.page.locator("#summary").inner_text()
    program, _ = three_layers()
    assert "A training step that takes x f32[batch,64]" in " ".join(summary.split())
    assert f"→ {len(program.schedule.kernels)}" in summary
    assert opened.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_slider_moves_and_marks_the_nodes_that_the_pass_changed(opened: Opened) -> None:
    program, _ = three_layers()
    opened.page.click("#unfold")
    for number, record in enumerate(program.history, start=1):
        opened.at(record.name)
        slots = report_data(program)["slots"]
        gone = {k for k, slot in enumerate(slots) if slot.get("gone", [-1])[0] == number}
        assert opened.marked("gone") == gone
        if record.graph is record.after:
            changed = {
                k for k, slot in enumerate(slots) if number in [state["stage"] for state in slot["states"]]
            }
            assert opened.marked("changed") == changed
        assert record.name in opened.page.locator("#stage").inner_text()
    opened.at("source")
    assert not opened.marked("changed") | opened.marked("gone")


def test_a_fused_node_is_marked_where_it_is_fused(browser: Any, reports: dict[str, Path]) -> None:
    opened = Opened(browser, reports["plain"])
    program, _ = three_layers()
    opened.page.click("#unfold")
    opened.at("fuse_elementwise")
    record = next(item for item in program.history if item.name == "fuse_elementwise")
    before = {kernel.members for kernel in record.before.kernels}
    expected = {
        record.graph.names.values[node]
        for kernel in record.after.kernels
        if kernel.members not in before
        for node in kernel.members
    }
    names = opened.page.evaluate("slots => slots.map(slot => nameOf(slot))", sorted(opened.marked("changed")))
    assert set(names) == expected
    opened.close()


def test_nothing_moves_but_what_lies_below_a_part_that_is_opened(opened: Opened) -> None:
    page = opened.page
    places = (
        "() => Object.fromEntries([...drawn.where].map(([slot, box]) => [slot, [box.x, box.y, box.slot]]))"
    )
    page.click("#fold")
    part = page.evaluate("D.scopes.findIndex(scope => scope[0] === 'dense2')")
    before = page.evaluate(places)
    page.evaluate("scope => toggle(scope)", part)
    after = page.evaluate(places)
    inside = set(map(str, page.evaluate("scope => slotsOfScope[scope]", part)))
    top = min(before[slot][1] for slot in inside)
    for slot in set(before) - inside:
        assert after[slot][0] == before[slot][0]
        assert (after[slot][1] == before[slot][1]) == (before[slot][1] < top)


def test_a_box_that_is_clicked_fills_the_panel(opened: Opened) -> None:
    program, _ = three_layers()
    page = opened.page
    page.click("#unfold")
    slot = page.evaluate("D.slots.findIndex(slot => T[slot.states[0].op] === 'gelu')")
    box = page.locator(f".box[data-slot='{slot}']")
    box.scroll_into_view_if_needed()
    box.dispatch_event("click")
    panel = page.locator("#node")
    assert panel.is_visible()
    text = panel.inner_text()
    name = page.evaluate("slot => nameOf(slot)", slot)
    why = program.why(name)
    assert f"kernel {why.kernels[0]}" in text
    assert "models.py" in text
    assert "f32[batch,32]" in text
    assert panel.locator("math").count() == 1
    assert panel.locator("math").bounding_box()["height"] > 5
    for other in why.fused_with:
        assert program.graph.names.values[other] in text


def test_a_refusal_names_the_node_that_blocks(browser: Any, reports: dict[str, Path]) -> None:
    opened = Opened(browser, reports["plain"])
    program, _ = three_layers()
    record = next(item for item in program.history if item.name == "inplace")
    refusal = next(item for item in record.report.refusals if len(item.nodes) > 1)
    names = [record.graph.names.values[node] for node in refusal.nodes]
    opened.page.fill("#search", names[0])
    opened.page.keyboard.press("Enter")
    text = opened.page.locator("#node").inner_text()
    assert refusal.reason.name in text
    assert all(name in text for name in names)
    opened.close()


def test_search_finds_by_name_op_part_and_line(opened: Opened) -> None:
    page = opened.page
    for words, expected in (
        ("loss", "loss"),
        ("gelu gelu2", "gelu"),
        ("adam dense1 sqrt", "sqrt"),
        ("models.py", ""),
    ):
        page.fill("#search", words)
        hits = page.locator("#found li")
        assert hits.count() > 0
        assert expected in hits.first.inner_text()
    page.fill("#search", "%0")
    assert page.locator("#found li").first.inner_text().startswith("matmul %0")
    page.locator("#found li").first.click()
    assert page.locator("#node h2").inner_text() == "matmul %0"
    page.fill("#search", "nothing is called like this")
    assert "Nothing" in page.locator("#found").inner_text()


def test_the_batch_slider_shows_the_peak_that_python_computes(opened: Opened) -> None:
    program, _ = three_layers()
    page = opened.page
    if page.locator("#tabs").is_visible():
        page.click("#tabs [data-tab='memory']")
    for batch in (1, 17, 1000):
        page.locator("#size-batch").evaluate(
            "(item, value) => { item.value = value; item.dispatchEvent(new Event('input')) }", batch
        )
        moment = program.memory.at(batch=batch)
        peak = page.locator("#peak")
        assert int(peak.get_attribute("data-bytes")) == program.plan.at(batch=batch)
        assert int(peak.get_attribute("data-total")) == moment.total_bytes
        text = page.locator("#moment").inner_text()
        assert f"kernel {moment.kernel}" in text
        assert moment.holders[0][0].name in text


def test_charts_stay_within_the_coordinates_that_browsers_draw(browser: Any, tmp_path: Path) -> None:
    opened = Opened(browser, three_layers()[0].report(tmp_path / "report.html"))
    opened.page.locator("#memory input[type=number]").fill("1000000")
    largest = opened.page.evaluate(
        "Math.max(...[...document.querySelectorAll('#slab rect')].flatMap("
        "item => ['x', 'y', 'width', 'height'].map(key => Math.abs(Number(item.getAttribute(key))))))"
    )
    assert 0 < largest <= 1001
    opened.close()


def test_times_costs_fusion_and_code_are_there(opened: Opened) -> None:
    program, _ = three_layers()
    page = opened.page
    for tab, part, words in (
        ("time", "#speed", ["GFLOP/s", "dense1", "models.py"]),
        ("fusion", "#fusion", ["as compiled", f"{len(program.schedule.kernels)} kernels"]),
        ("code", "#code", ["kernel 0"]),
    ):
        if page.locator("#tabs").is_visible():
            page.click(f"#tabs [data-tab='{tab}']")
        text = page.locator(part).inner_text()
        assert all(word in text for word in words)
    page.select_option("#kernel", "1")
    assert page.locator("#listing").inner_text().strip() == program.source(1).strip()
    name = program.graph.names.values[program.schedule.kernels[1].members[0]]
    page.locator("#listing .link", has_text=name).first.click()
    assert name in page.locator("#node").inner_text()


def test_the_keyboard_alone_is_enough(opened: Opened) -> None:
    page, stages = opened.page, opened.stages()
    press = page.keyboard.press
    press("Home")
    assert f"0/{len(stages) - 1} source" in page.locator("#stage").inner_text()
    press("ArrowRight")
    assert f" {stages[1]}" in page.locator("#stage").inner_text()
    press("ArrowLeft")
    press("End")
    assert stages[-1] in page.locator("#stage").inner_text()
    press("/")
    page.keyboard.type("gelu1 gelu")
    press("ArrowDown")
    press("ArrowUp")
    press("Enter")
    assert page.locator("#node h2").inner_text().startswith("gelu")
    press("Escape")
    page.locator("#pane").focus()
    press("ArrowDown")
    first = page.evaluate("view.slot")
    press("ArrowDown")
    assert first >= 0
    assert page.evaluate("view.slot") != first
    press("-")
    press("ArrowDown")
    press("ArrowDown")
    press("Enter")
    assert page.evaluate("view.open.size") > 1
    press("d")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    press("?")
    assert page.locator("#keys").is_visible()


def test_at_400_there_is_one_part_at_a_time_and_the_slider_is_always_there(
    browser: Any, reports: dict[str, Path]
) -> None:
    opened = Opened(browser, reports["plain"], 400)
    page = opened.page
    parts = {
        "graph": "#stand", "changes": "#changes", "node": "#node", "memory": "#memory", "time": "#speed",
        "fusion": "#fusion", "code": "#code",
    }  # fmt: skip
    for tab, part in parts.items():
        page.click(f"#tabs [data-tab='{tab}']")
        assert page.locator(part).is_visible()
        assert not any(page.locator(other).is_visible() for other in parts.values() if other != part)
        slider = page.locator("#ticks").bounding_box()
        assert 0 <= slider["y"] <= 900 - slider["height"]
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    opened.close()


def test_of_a_large_graph_what_is_visible_is_drawn_and_the_rest_while_it_is_scrolled(
    browser: Any, tmp_path: Path
) -> None:
    opened = Opened(browser, transformer(4, "numpy").report(tmp_path / "report.html"))
    page = opened.page
    page.click("#unfold")
    drawn = page.locator(".box[data-slot]").count()
    assert 0 < drawn < len(page.evaluate("D.slots")) / 2
    page.locator("#pane").evaluate("pane => pane.scrollTop = pane.scrollHeight")
    page.wait_for_function("drawn.part[1] * view.zoom > document.getElementById('pane').scrollHeight")
    largest = "Math.max(...[...document.querySelectorAll('.box[data-slot]')].map(box => box.dataset.slot))"
    assert page.evaluate(largest) > page.evaluate("D.slots.length") / 2
    page.fill("#search", "gelu blocks.2")
    page.keyboard.press("Enter")
    slot = page.evaluate("view.slot")
    assert page.locator(f".box.on[data-slot='{slot}']").count() == 1
    opened.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_begins_as_light_or_dark_as_the_system(browser: Any, reports: dict[str, Path], theme: str) -> None:
    opened = Opened(browser, reports["plain"], theme=theme)
    color = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = sum(map(int, color.removeprefix("rgb(").removesuffix(")").split(",")))
    assert (light > 600) == (theme == "light")
    opened.close()


@pytest.mark.parametrize("name", ["updates", "layouts", "special values", "small extents", "training step"])
def test_the_page_of_any_program_opens(browser: Any, tmp_path: Path, name: str) -> None:
    program = of_testing(name, backend="numpy")
    opened = Opened(browser, program.report(tmp_path / "report.html"))
    count = len(opened.page.evaluate("D.slots"))
    opened.page.click("#unfold")
    assert opened.page.locator(".box[data-slot]").count() == count
    for stage in opened.stages():
        opened.at(stage)
    for slot in range(0, count, 7):
        opened.page.evaluate("slot => choose(slot)", slot)
    opened.close()
