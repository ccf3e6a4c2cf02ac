r"""MathML, which browsers set themselves, from the LaTeX that formulas print as.

    mathematics ::= { item [ "^" argument ] [ "_" argument ] }
    item        ::= letter | number | sign | "{" mathematics "}" | command { argument }
                  | "\left" sign mathematics "\right" sign
                  | "\begin{cases}" mathematics "&" mathematics { "\\" ... } "\end{cases}"

One source for both: an atom has a LaTeX template, and what is typeset follows from it. A command that is not
known here shows its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from html.entities import html5
from typing import Final

_TOKEN = re.compile(r"\\(?:[A-Za-z]+|.)|\d+(?:\.\d*)?|[^\s]")

_ENTITIES: Final = {"cdot": "middot", "neg": "not", "infty": "infin", "_": "lowbar"}
"""What HTML calls a sign, where it has another name than in LaTeX."""

_SPACES: Final = {",": "0.17em", "quad": "1em", " ": "0.25em"}
_DIGITS: Final = 8
_WORDS: Final = frozenset({"operatorname", "mathrm", "text"})


def mathml(latex: str) -> str:
    """A `math` element that shows what LaTeX mathematics of formulas and ops says."""
    reader = _Reader(latex)
    return f"<math>{reader.row(())}</math>"


class _Reader:
    """Reads tokens from the left; each method returns the MathML of what it has read."""

    def __init__(self, latex: str) -> None:
        self._latex = latex
        self._tokens: list[tuple[str, int]] = [(item[0], item.end()) for item in _TOKEN.finditer(latex)]
        self._place = 0

    def row(self, ends: tuple[str, ...]) -> str:
        """Items up to one of some tokens, which is read too, or the end."""
        found = "".join(self._items(ends))
        self._place += 1
        return f"<mrow>{found}</mrow>"

    def _items(self, ends: tuple[str, ...]) -> Iterator[str]:
        while self._place < len(self._tokens) and self._peek() not in ends:
            item = self._item()
            marks = {"^": "", "_": ""}
            while self._peek() in marks and not marks[self._peek()]:
                mark = self._next()
                marks[mark] = self._item()
            yield _with_marks(item, marks["_"], marks["^"])

    def _peek(self) -> str:
        return self._tokens[self._place][0] if self._place < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._place += 1
        return token

    def _item(self) -> str:
        token = self._next()
        if token == "{":
            return self.row(("}",))
        if token.startswith("\\"):
            return self._command(token[1:])
        if token[:1].isdigit():
            return f"<mn>{_short(token)}</mn>"
        tag = "mi" if token.isalpha() else "mo"
        return f"<{tag}>{'&minus;' if token == '-' else escape(token)}</{tag}>"

    def _command(self, name: str) -> str:
        match name:
            case "frac":
                return f"<mfrac>{self._item()}{self._item()}</mfrac>"
            case "sqrt":
                return self._root()
            case "dot":
                return f"<mover>{self._item()}<mo>&dot;</mo></mover>"
            case "left":
                return self._fenced()
            case "begin":
                return self._cases()
            case _:
                return self._sign(name)

    def _root(self) -> str:
        if self._peek() != "[":
            return f"<msqrt>{self._item()}</msqrt>"
        self._next()
        index = self.row(("]",))
        return f"<mroot>{self._item()}{index}</mroot>"

    def _sign(self, name: str) -> str:
        if name in _WORDS:
            return f'<mi mathvariant="normal">{escape(self._word())}</mi>'
        if name in _SPACES:
            return f'<mspace width="{_SPACES[name]}"/>'
        entity = f"{_ENTITIES.get(name, name)};"
        if entity not in html5:
            return f"<mi>{escape(name)}</mi>"
        tag = "mi" if html5[entity].isalpha() else "mo"
        return f"<{tag}>&{entity}</{tag}>"

    def _word(self) -> str:
        """The text between braces, with its spaces."""
        self._next()
        start = self._tokens[self._place - 1][1]
        while self._peek() not in ("}", ""):
            self._next()
        end = self._tokens[self._place - 1][1]
        self._next()
        return self._latex[start:end].replace("\\sim ", "~").replace("\\", "")

    def _fenced(self) -> str:
        left = self._next()
        inside = "".join(self._items(("\\right",)))
        self._next()
        right = self._next()
        return f"<mrow><mo>{escape(left)}</mo>{inside}<mo>{escape(right)}</mo></mrow>"

    def _cases(self) -> str:
        self._word()
        rows = [""]
        while self._peek() not in ("\\end", ""):
            cell = "".join(self._items(("&", "\\\\", "\\end")))
            rows[-1] += f"<mtd><mrow>{cell}</mrow></mtd>"
            if self._peek() in ("&", "\\\\") and self._next() == "\\\\":
                rows.append("")
        self._next()
        self._word()
        table = "".join(f"<mtr>{row}</mtr>" for row in rows)
        return f'<mrow><mo>{{</mo><mtable columnalign="left">{table}</mtable></mrow>'


def _short(digits: str) -> str:
    """Six digits of a long number: what it is exactly stands in the formula's text."""
    return digits if len(digits) <= _DIGITS else f"{float(digits):.6g}"


def _with_marks(item: str, below: str, above: str) -> str:
    if below and above:
        return f"<msubsup>{item}{below}{above}</msubsup>"
    if below:
        tag = "munder" if item in ("<mo>&sum;</mo>", "<mi>max</mi>", "<mi>min</mi>") else "msub"
        return f"<{tag}>{item}{below}</{tag}>"
    return f"<msup>{item}{above}</msup>" if above else item
