"""A page in a real browser: Debian's Chromium, driven by Playwright."""

import shutil
from pathlib import Path
from typing import Any

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
WIDTHS = [1280, 400]


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
        boxes = self.page.locator(f"#pane .box.{kind}[data-slot]")
        return {int(item) for item in boxes.evaluate_all("items => items.map(item => item.dataset.slot)")}

    def at(self, stage: str) -> None:
        """Clicks on a tick of the slider."""
        number = self.stages().index(stage)
        self.page.locator(f"#ticks [data-stage='{number}']").click()

    def stages(self) -> list[str]:
        return self.page.evaluate("rooms.data.D.stages.map(stage => stage.name)")

    def close(self) -> None:
        self.page.close()
        assert self.wrong == []
