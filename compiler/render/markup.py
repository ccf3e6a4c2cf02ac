"""Text in Graphviz's language: any characters, drawn as they are."""

from __future__ import annotations

import re
from html import escape
from typing import Final

from compiler.render.picture import Box, Flags, Line, Style, Text

SAVED_FILL: Final = "#FFF0A6"
"""Behind the value that is saved, in a box of several ops."""

# XML has no such characters. Control characters have pictures of their own in Unicode.
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_NO_TEXT = re.compile("[\ud800-\udfff\ufffe\uffff]")


def visible(text: str, keep: str = "") -> str:
    """The text with control characters as pictures of them (a newline is `␊`), but for those in `keep`."""
    shown = _CONTROL.sub(lambda match: match[0] if match[0] in keep else _picture(match[0]), text)
    return _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", shown)


def _picture(character: str) -> str:
    return "\N{SYMBOL FOR DELETE}" if character == "\x7f" else chr(0x2400 + ord(character))


def quoted_text(text: str) -> str:
    """Text for an attribute such as a tooltip, where Graphviz would expand entities and backslashes."""
    import graphviz

    escaped: str = graphviz.escape(visible(text, keep="\n").replace("&", "&amp;"))
    return escaped


def body(box: Box) -> str:
    """A box's lines as an HTML-like label: operations in columns, other lines in the middle."""
    ops = [line for line in box.lines if _is_op(line)]
    fill = f' BGCOLOR="{SAVED_FILL}"' if Flags.SAVED in box.flags else ""
    rows = [_row(line, fill if ops and line is ops[-1] else "") for line in box.lines]
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{"".join(rows)}</TABLE>'


def _is_op(line: Line) -> bool:
    return any(piece.style is Style.OP for piece in line)


def _row(line: Line, fill: str) -> str:
    if not _is_op(line):
        return f'<TR><TD COLSPAN="3">{_SPACE.join(map(_text, line))}</TD></TR>'
    first, *middle, last = line
    return (
        f'<TR><TD ALIGN="RIGHT"{fill}>{_text(first)}{_SPACE}</TD>'
        f'<TD ALIGN="LEFT"{fill}>{"".join(map(_text, middle))}</TD>'
        f'<TD ALIGN="RIGHT"{fill}>{_SPACE}{_text(last)}</TD></TR>'
    )


def _text(piece: Text) -> str:
    before, after = _STYLES[piece.style]
    return f"{before}{escape(visible(piece.text))}{after}" if piece.text else ""


_SPACE: Final = "&#160;"
_STYLES: Final = {
    Style.TITLE: ("<B>", "</B>"),
    Style.OP: ("<B>", "</B>"),
    Style.PLAIN: ('<FONT POINT-SIZE="10">', "</FONT>"),
    Style.FAINT: ('<FONT POINT-SIZE="9" COLOR="#5A5A5A">', "</FONT>"),
    Style.MARK: ('<FONT POINT-SIZE="9" COLOR="#A03000"><I>', "</I></FONT>"),
}
