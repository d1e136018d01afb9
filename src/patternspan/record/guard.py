"""Telemetry never changes the caller's outcome: its own faults are reported once and swallowed here."""

from __future__ import annotations

import logging
from typing import Final

_log: Final = logging.getLogger("patternspan")
_seen: Final[set[tuple[str, str]]] = set()
_raising = False


def fault(place: str, error: Exception) -> None:
    """Report a fault inside telemetry: logged once per place and kind, raised where `raise_faults` was said."""
    if _raising:
        raise error
    key = (place, type(error).__name__)
    if key not in _seen:
        _seen.add(key)
        _log.warning(
            "%s: %s: %s; the watched code goes on, this is said once (`patternspan doctor` may know more)",
            place,
            type(error).__name__,
            error,
        )


def raise_faults(*, enabled: bool) -> bool:
    """Let faults inside telemetry surface, for tests; return what was in force before."""
    global _raising
    before, _raising = _raising, enabled
    return before
