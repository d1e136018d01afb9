"""Values as short plain text that is safe to show: nothing in here can steer a terminal."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

from patternspan.hidden import visible

__all__ = [
    "age",
    "counted",
    "duration",
    "first_line",
    "number",
    "scalar",
    "shorten",
    "visible",
    "visible_in",
    "whole",
    "width",
]


def width(text: str) -> int:
    """Return how many columns of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def shorten(text: str, columns: int) -> str:
    """Return `text` in at most `columns` columns, with `…` where something is cut off."""
    if width(text) <= columns:
        return text
    kept: list[str] = []
    room = columns - 1
    for character in text:
        room -= _columns(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "…"


def visible_in(text: str, columns: int) -> str:
    """Return `text` as `visible` shows it, in at most `columns` columns; of a long text no more is looked at."""
    most = 8 * columns + 64
    shown = shorten(visible(text[:most]), columns)
    return shown if len(text) <= most or shown.endswith("…") else shorten(shown + "…", columns)


def first_line(text: str) -> str:
    """Return the first line of `text` that is not blank."""
    for line in text.splitlines():
        if line.strip():
            return line.strip()
    return ""


def number(value: Any) -> float | None:
    """Return a finite number as a float; None for anything else, booleans too."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def whole(value: Any) -> int | None:
    """Return a whole number, or the length of a list; None for anything else."""
    if isinstance(value, list):
        return len(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def counted(count: int, noun: str) -> str:
    """Return `1 finding`, `12 findings`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def duration(seconds: float) -> str:
    """Return a length of time for people: `120ms`, `18.7s`, `3m 05s`, `2h 10m`, `3d 4h`."""
    if seconds < 0:
        return "-" + duration(-seconds)
    if seconds < 0.9995:
        milliseconds = seconds * 1000
        return f"{milliseconds:.1f}ms" if 0 < milliseconds < 9.95 else f"{milliseconds:.0f}ms"
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h {minutes:02d}m"
    return f"{hours // 24}d {hours % 24}h"


def age(seconds: float) -> str:
    """Return how long ago in one unit: `12s ago`, `3m ago`, `2h ago`, `5d ago`."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit} ago"
    return f"{max(0, int(seconds))}s ago"


def scalar(value: Any) -> str | None:
    """Return a text, number or boolean as one line; None for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value) if abs(value) < 10**30 else "a large number"
    return f"{value:g}" if isinstance(value, float) else None
