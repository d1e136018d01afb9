"""Telemetry never changes the caller's outcome: its own faults are reported once and swallowed here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from opentelemetry.trace import INVALID_SPAN, Span

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
            _text_of(error),
        )


def _text_of(error: Exception) -> str:
    """Return what an error says, without secrets: a log of the application's is a sink too."""
    from patternspan.record.redact import as_text, redact_text

    return redact_text(as_text(error).removeprefix(f"{type(error).__name__}: "))


def started(start: Callable[[], Span]) -> Span:
    """Return the span that `start` makes; one that records nothing where a sampler or processor raises."""
    try:
        return start()
    except Exception as error:  # noqa: BLE001 - the application's sampler and processors may do anything
        fault("span", error)
        return INVALID_SPAN


def ended(span: Span, time_ns: int | None = None) -> None:
    """End a span; a processor that raises is reported."""
    try:
        span.end(time_ns)
    except Exception as error:  # noqa: BLE001
        fault("span", error)


def raise_faults(*, enabled: bool) -> bool:
    """Let faults inside telemetry surface, for tests; return what was in force before."""
    global _raising
    before, _raising = _raising, enabled
    return before
