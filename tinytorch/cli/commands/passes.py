"""`tinytorch passes`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from compiler.pipeline.contract import Pass, Record, RewritingPass
from compiler.schedule.schedule import Schedule
from tinytorch import api
from tinytorch.builtin import registry
from tinytorch.cli import command as shared
from tinytorch.cli.showing import show_table
from tinytorch.cli.targets import load_target


@shared.command("tinytorch passes", "tinytorch passes train.py:step", "tinytorch passes --json")
@shared.target(required=False)
@shared.backend_option
@shared.passes_option
def passes(target: str | None, backend: str | None, without: Sequence[str]) -> None:
    """List the passes in their order, or what each did to TARGET.

    A pass that a plugin brings is listed last, and runs only where it is named.
    """
    if target is None:
        data = [_described(item) for item in registry().entries["passes"].values()]
        rows = [(_place(item), item["name"], item["kind"], item["does"]) for item in data]
        show_table(data, ("order", "pass", "kind", "what it does"), rows)
        return
    history = load_target(target).program(backend, without).history
    show_table(
        [item.to_dict() for item in history],
        ("pass", "changed", "done", "refused", "nodes", "kernels", "ms"),
        [_row(item) for item in history],
        right=5,
    )


def _described(item: Pass) -> dict[str, Any]:
    order = [known.name for known in api.default_passes()]
    first = (type(item).__doc__ or "").strip().partition("\n\n")[0]
    return {
        "name": item.name,
        "kind": "rewriting" if isinstance(item, RewritingPass) else "scheduling",
        "order": order.index(item.name) + 1 if item.name in order else None,
        "options": {field.name: repr(getattr(item, field.name)) for field in _options(item)},
        "does": " ".join(first.split()),
    }


def _options(item: Any) -> Sequence[Any]:
    return fields(item) if is_dataclass(item) else ()


def _place(item: Mapping[str, Any]) -> str:
    return "by name" if item["order"] is None else str(item["order"])


def _row(record: Record) -> tuple[str, ...]:
    kernels = str(len(record.after.kernels)) if isinstance(record.after, Schedule) else ""
    report = record.report
    return (
        record.name, "yes" if record.changed else "no", str(len(report.actions)), str(len(report.refusals)),
        str(len(record.graph)), kernels, f"{record.seconds * 1e3:.1f}",
    )  # fmt: skip


command = passes
