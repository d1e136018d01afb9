"""Text as a cell of a CSV table and as HTML: it stays text in whatever opens it."""

from __future__ import annotations

import html
from typing import Final

from patternspan.hidden import visible

_FORMULA: Final = tuple("=+-@\t\r\n＝＋－＠﹢﹣﹦﹫")  # noqa: RUF001 - wide and small ones are taken for the plain ones
_BLANKS: Final = " \u00a0\u3000"


def csv_cell(text: str) -> str:
    """Return `text` as a cell that no spreadsheet takes for a formula: one that could be gets a `'` in front.

    What steers or deceives is written out. Quoting is the csv module's work.
    """
    shown = visible(text)
    # Some spreadsheets pass over blanks in front, and over a character that is not to be seen.
    return f"'{shown}" if text.lstrip(_BLANKS).startswith(_FORMULA) or shown.lstrip(_BLANKS)[:1] in _FORMULA else shown


def html_text(text: str) -> str:
    """Return `text` as HTML that shows it as text, between tags and in quoted attributes alike."""
    return html.escape(visible(text), quote=True)
