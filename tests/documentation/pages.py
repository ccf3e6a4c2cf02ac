"""Where the pages are, and their texts as the site shows them."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "examples" / "docs"
TUTORIAL = ROOT / "examples" / "00_tutorial.py"
PAGES = sorted(str(path.relative_to(DOCS).with_suffix("")) for path in DOCS.rglob("*.md"))

if str(DOCS) not in sys.path:
    sys.path.insert(0, str(DOCS))


def text_of(page: str) -> str:
    """A page with its generated parts, and without what its blocks show."""
    from building.generated import filled
    from building.percent import page_of

    text = filled((DOCS / f"{page}.md").read_text(encoding="utf-8"))
    return text + page_of(TUTORIAL.read_text(encoding="utf-8")) if page == "tutorial" else text
