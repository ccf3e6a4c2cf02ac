"""Makes the picture that the README shows: `python examples/pictures/make.py` from the root.

Needs Chromium, which opens a report as anybody would, and takes a picture of it.
"""

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

import tinytorch as tt
from tinytorch.data import load_digits

FOLDER = Path(__file__).parent
SIZE = {"width": 1280, "height": 1000}
COLOURS = 64
"""Enough for a page, and a third of the bytes."""


def training_step() -> tt.Program:
    """Three layers, cross-entropy of class indices, Adam."""
    x = tt.input("x", shape=("batch", 64))
    labels = tt.input("labels", shape=("batch",), dtype="int64")
    network = tt.nn.Sequential(
        tt.nn.Dense(64, 32), tt.nn.GELU(), tt.nn.Dense(32, 16), tt.nn.GELU(), tt.nn.Dense(16, 10), seed=0
    )
    loss = tt.losses.cross_entropy(network(x), labels).named("loss")
    updates = tt.optim.Adam(network.parameters(), lr=1e-3).updates(loss)
    return tt.compile([x, labels], loss, updates=updates)


def report() -> None:
    """The page of a training step, with a gradient chosen."""
    images, targets = load_digits()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        page = training_step().report(Path(folder) / "report.html", data=(images[:64], targets[:64]))
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        view = browser.new_page(viewport=SIZE)
        view.goto(page.as_uri())
        view.fill("#search", "gelu'")
        view.press("#search", "Enter")
        view.wait_for_timeout(1000)  # until what moves has arrived
        view.evaluate("scrollTo(0, 0)")
        taken = view.screenshot()
        browser.close()
    image = Image.open(io.BytesIO(taken)).convert("RGB").quantize(COLOURS)
    image.save(FOLDER / "report.png", optimize=True)


if __name__ == "__main__":
    report()
