"""Columns of text, aligned; the last one is cut where the screen ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from patternspan.aggregate.plain import shorten, width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patternspan.cli.screen import Screen

_GAP = "  "


class Cell(NamedTuple):
    """One value, safe to print, and its style."""

    text: str
    style: str = ""
    right: bool = False


def write_table(screen: Screen, head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Write a table; the head is left out where there are no rows."""
    if not rows:
        return
    widths = [max(width(name), *(width(row[column].text) for row in rows)) for column, name in enumerate(head)]
    if screen.live:
        taken = sum(widths[:-1]) + len(_GAP) * (len(head) - 1)
        widths[-1] = max(4, min(widths[-1], screen.columns - taken))
    titles = [Cell(name, "dim", row.right) for name, row in zip(head, rows[0], strict=True)]
    for row in (titles, *rows):
        screen.line(_GAP.join(_padded(screen, cell, width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _padded(screen: Screen, cell: Cell, columns: int) -> str:
    text = shorten(cell.text, columns)
    space = " " * (columns - width(text))
    painted = screen.paint(text, cell.style)
    return space + painted if cell.right else painted + space
