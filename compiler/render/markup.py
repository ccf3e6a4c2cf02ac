"""Text in Graphviz's language: any characters, drawn as they are."""

from __future__ import annotations

import re
from html import escape
from typing import Final

from compiler.render.picture import Box, Caption, Line, Style, Text

SAVED_FILL: Final = "#FFF0A6"
"""Behind the line of a value that is saved."""

# XML has no such characters. Control characters have pictures of their own in Unicode.
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_NO_TEXT = re.compile("[\ud800-\udfff\ufffe\uffff]")
_SPACE: Final = "&#160;"
_STYLES: Final = {
    Style.TITLE: ("<B>", "</B>"),
    Style.PLAIN: ('<FONT POINT-SIZE="10">', "</FONT>"),
    Style.FAINT: ('<FONT POINT-SIZE="9" COLOR="#5A5A5A">', "</FONT>"),
    Style.MARK: ('<FONT POINT-SIZE="9" COLOR="#A03000"><I>', "</I></FONT>"),
}


def visible(text: str, keep: str = "") -> str:
    """The text with control characters as pictures of them (a newline is `␊`), but for those in `keep`."""
    shown = _CONTROL.sub(lambda match: match[0] if match[0] in keep else _picture(match[0]), text)
    return _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", shown)


def _picture(character: str) -> str:
    return "\N{SYMBOL FOR DELETE}" if character == "\x7f" else chr(0x2400 + ord(character))


def tooltip_text(text: str) -> str:
    """Text for a tooltip. Graphviz reads backslashes and entities in it, and the backslashes twice."""
    import graphviz

    shown = visible(text, keep="\n").replace("\\", "\\" * 4).replace("&", "&amp;")
    # Without the mark, text in angle brackets would be taken for markup.
    literal: str = graphviz.nohtml(shown)
    return literal


def label_text(text: str) -> str:
    """Text for the label of an arrow, a column or a picture."""
    return f"<{_escaped(text)}>"


def _escaped(text: str) -> str:
    return escape(visible(text)).replace("\\", "\\" * 2)


def body(box: Box) -> str:
    """A box's lines as an HTML-like label: statements in columns, captions in the middle."""
    rows = "".join(map(_row, box.lines))
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{rows}</TABLE>>'


def _row(line: Line) -> str:
    if isinstance(line, Caption):
        return f'<TR><TD COLSPAN="3">{_SPACE.join(map(_text, line.pieces))}</TD></TR>'
    fill = f' BGCOLOR="{SAVED_FILL}"' if line.is_saved else ""
    type_ = f"{_SPACE}{_text(Text(line.type, Style.FAINT))}" if line.type else ""
    return (
        f'<TR><TD ALIGN="RIGHT"{fill}>{_text(line.name)}{_SPACE}</TD>'
        f'<TD ALIGN="LEFT"{fill}>{"".join(map(_text, line.what))}</TD>'
        f'<TD ALIGN="RIGHT"{fill}>{type_}</TD></TR>'
    )


def _text(piece: Text) -> str:
    before, after = _STYLES[piece.style]
    return f"{before}{_escaped(piece.text)}{after}" if piece.text else ""
