"""The documentation: `python -m sphinx -W examples/docs build/docs`, from the root.

Every Python block of a page is run, and followed by what it shows (`building.running`); lines such as
`<!-- generated: ops -->` are replaced by what the code knows (`building.generated`). Nothing is loaded from a
network, here or on a page.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

from building import generated, percent, running  # noqa: E402  # found by the line above
from sphinx.domains.python import PythonDomain  # noqa: E402

project = "tinytorch"
author = "tinytorch contributors"
extensions = ["myst_parser"]
exclude_patterns = ["building", "_build"]
html_theme = "furo"
html_title = "tinytorch"
html_static_path = ["_static"]
html_css_files = ["results.css"]
html_copy_source = html_show_copyright = html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
myst_enable_extensions = ["deflist", "fieldlist"]
myst_heading_anchors = 3
pygments_style, pygments_dark_style = "friendly", "monokai"
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90

_SCRIPTS = {"tutorial": Path(__file__).parents[1] / "00_tutorial.py"}


def read(_: Any, page: str, source: list[str]) -> None:
    """Makes the text of a page: from its script, from the code, and from what its blocks show."""
    text = generated.filled(source[0])
    if page in _SCRIPTS:
        text += percent.page_of(_SCRIPTS[page].read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        source[0] = running.with_results(text, page.rsplit("/")[-1], Path(folder))


class Python(PythonDomain):
    """Sphinx's own, which goes through all names for that of a type at each signature: here once."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._found: dict[tuple[Any, ...], list[Any]] = {}

    def find_obj(self, env: Any, *place: Any) -> list[Any]:
        """What a name may be, from a place and by a role; no name is added once references are resolved."""
        if place not in self._found:
            self._found[place] = super().find_obj(env, *place)
        return list(self._found[place])


def setup(app: Any) -> None:
    """What Sphinx asks for."""
    app.add_domain(Python, override=True)
    app.connect("source-read", read)
