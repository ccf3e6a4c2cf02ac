"""Views of what `tinytorch.asking` answers, which is loaded when it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from compiler.difference.difference import Difference
from compiler.difference.picture import difference_picture
from compiler.lint.finding import Finding, LintReport
from compiler.schedule.tables import Table
from tinytorch.comparing.ablation import Ablation
from tinytorch.comparing.outcome import Comparison
from tinytorch.nn.summaries import Summary
from tinytorch.notebook import markup
from tinytorch.notebook.views import View, drawn, tables
from tinytorch.onnx.support import OperatorTable


def _finding(finding: Finding) -> str:
    return markup.page(markup.table(_findings([finding])))


def _lint(report: LintReport) -> str:
    if not report:
        return markup.page(markup.line("no findings"))
    return markup.page(markup.table(_findings(list(report))))


def _findings(findings: list[Finding]) -> Table:
    rows = [
        (item.code.name, f"{item.name} : {item.node.type}", item.sentence, item.fix, str(item.source or ""))
        for item in findings
    ]
    return Table(("what", "value", "in words", "fix", "from"), tuple(rows), left=5)


def _difference(difference: Difference) -> str:
    changes = difference.to_dict()["changes"]
    if not changes:
        return markup.page(markup.line("nothing differs"))
    rows = tuple(
        (item["kind"], item["left"] or "", item["right"] or "", item["sentence"]) for item in changes
    )
    return markup.page(
        markup.table(Table(("what", *difference.names, "in words"), rows, left=4)),
        drawn(difference_picture(difference), "both graphs as one"),
        markup.folded("as text", markup.code(difference)),
    )


ASKED: Final[Mapping[type[Any], View]] = {
    Comparison: tables,
    Ablation: tables,
    Summary: tables,
    LintReport: _lint,
    Finding: _finding,
    Difference: _difference,
    OperatorTable: tables,
}
"""Those that show themselves."""
