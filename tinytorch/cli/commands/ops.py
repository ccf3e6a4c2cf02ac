"""`tinytorch ops`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import click

import tinytorch as tt
from compiler.autodiff.explain import definitions_of
from compiler.backends.accuracy import measured
from compiler.errors import FormulaError
from compiler.ir.formula.atoms import Rule
from compiler.ir.formula.printing import latex, print_body, print_formula
from compiler.ir.formula.settings import derive_with
from compiler.ir.formula.tape import Formula, bind
from tinytorch.builtin import registry
from tinytorch.cli import command as shared
from tinytorch.cli.showing import is_json, show, show_table
from tinytorch.elementwise import Elementwise


def _names(_: click.Context, __: click.Parameter, incomplete: str) -> Sequence[str]:
    return [name for name in known_ops() if name.startswith(incomplete)]


@shared.command("tinytorch ops", "tinytorch ops gelu", "tinytorch ops softplus elu --json")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=_names)
def ops(names: Sequence[str]) -> None:
    """List the scalar ops, or show all that is known of some.

    Of those named: the formula, its LaTeX, the slope by each operand, and the largest errors measured over
    the whole range of numbers beside those of NumPy's functions and of PyTorch. Those are in ULP (units in
    the last place of the result), in fairer units that grant what one ULP of the argument changes, and
    absolute near 0. Ops that reduce, contract or move are no scalar formulas and not listed.
    """
    known = known_ops()
    for name in names:
        if name not in known:
            near = ", ".join(get_close_matches(name, known, 4)) or "see tinytorch ops"
            raise click.UsageError(f"no scalar op is named {name!r}; near it: {near}")
    if not names:
        data = [{"name": name, "formula": print_formula(op.formula)} for name, op in known.items()]
        show_table(data, ("op", "formula"), [(item["name"], item["formula"]) for item in data])
        return
    found = [op_dict(name, known[name]) for name in names]
    show(found, "" if is_json() else "\n".join(_text(item) for item in found))


def known_ops() -> dict[str, Elementwise]:
    """The ops by the names by which one calls them, then those of plugins."""
    found = {name: item for name in tt.__all__ if isinstance(item := getattr(tt, name), Elementwise)}
    for item in registry().entries["ops"].values():
        if isinstance(item, Elementwise) and item not in found.values():
            found.setdefault(item.name, item)
    return dict(sorted(found.items()))


def op_dict(name: str, op: Elementwise) -> dict[str, Any]:
    """What is known of an op. Slopes are with its parameters at their defaults."""
    formula, defaults = op.formula, op.defaults
    first = len(op.operands)
    settings = {first + place: value for place, value in enumerate(defaults.values())}
    plain = bind(formula, settings)
    return {
        "name": name,
        "formula": print_formula(formula),
        "latex": latex(formula),
        "defaults": dict(defaults),
        "definitions": list(definitions_of(formula)),
        "recognised": list(formula.recognised),
        "slopes": [{"by": operand, **_slope(plain, place)} for place, operand in enumerate(op.operands)],
        "errors": _errors(name),
    }


def _slope(formula: Formula, place: int) -> dict[str, str | None]:
    """The partial by an operand, or why there is none."""
    if formula.atom is not None and formula.atom.rule is Rule.LOGICAL:
        return {"formula": None, "latex": None, "refused": "bools have no slope"}
    try:
        slope = derive_with(formula, place, {})
    except FormulaError as error:
        return {"formula": None, "latex": None, "refused": str(error)}
    return {"formula": print_body(slope), "latex": latex(slope), "refused": None}


def _errors(name: str) -> list[dict[str, Any]]:
    return [
        {"dtype": case.dtype, "of": case.kind, "system": case.system, **found.to_dict()}
        for case, found in measured().items()
        if case.activation == name
    ]


def _text(item: Mapping[str, Any]) -> str:
    rows = [("formula", item["formula"]), ("LaTeX", item["latex"])]
    rows += [("defaults", f"{name}={value!r}") for name, value in item["defaults"].items()]
    rows += [("where", text) for text in item["definitions"]]
    rows += [("recognised", text) for text in item["recognised"]]
    for slope in item["slopes"]:
        rows.append((f"slope by {slope['by']}", slope["formula"] or slope["refused"]))
        rows += [("LaTeX", slope["latex"])] * (slope["latex"] is not None)
    for found in item["errors"]:
        if found["system"] == "llvm":
            others = [other for other in item["errors"] if other["system"] != "llvm" and _alike(other, found)]
            beside = "".join(f"; {other['system']} {_ulps(other)}" for other in others)
            rows.append(
                (f"{found['dtype']} {found['of']}", f"{_ulps(found)}, absolute {found['absolute']}{beside}")
            )
    width = max(len(label) for label, _ in rows)
    return f"{item['name']}\n" + "".join(f"  {label:>{width}}  {text}\n" for label, text in rows)


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return (one["dtype"], one["of"]) == (other["dtype"], other["of"])


def _ulps(found: Mapping[str, Any]) -> str:
    ulps, units = found["ulps"], found["units"]
    if isinstance(ulps, str):
        return "NaN or an overflow"
    return f"{units:g} units, {ulps:g} ULP at most"


command = ops
