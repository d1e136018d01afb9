"""A time, or a length of time, as people say it."""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_LENGTH: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([smhdw])")


def length_ns(text: str) -> int | None:
    """Return the nanoseconds that `90s`, `30m`, `1h`, `2d` or `1w` means, or None where it means no length."""
    match = _LENGTH.fullmatch(text.strip())
    return None if match is None else int(float(match[1]) * _UNITS[match[2]] * 1_000_000_000)


def moment(text: str, now_ns: int) -> int | None:
    """Return the nanoseconds since the Unix epoch that a text means, or None where it means no time.

    It is a length of time before `now_ns`, or ISO 8601; without a zone, in the local one.
    """
    from datetime import datetime

    ago = length_ns(text)
    if ago is not None:
        return now_ns - ago
    try:
        found = datetime.fromisoformat(text.strip())
        if found.tzinfo is None:
            found = found.astimezone()
        microseconds = int(found.timestamp()) * 1_000_000 + found.microsecond
    except (ValueError, OverflowError, OSError):
        return None
    return microseconds * 1000
