"""Telemetry never changes the caller's outcome: its own faults are reported once and swallowed here."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from opentelemetry.trace import INVALID_SPAN, Span

_log: Final = logging.getLogger("patternspan")
_seen: Final[set[tuple[str, str]]] = set()
_raising = False
_REPORT_SECONDS: Final = 60.0
_reported = -_REPORT_SECONDS
"""When the last report was made."""


def fault(place: str, error: Exception) -> None:
    """Report a fault inside telemetry: logged once per place and kind, raised where `raise_faults` was said."""
    if _raising:
        raise error
    key = (place, type(error).__name__)
    if key not in _seen and not (isinstance(error, OSError) and is_too_soon()):
        _seen.add(key)
        _log.warning(
            "%s: %s: %s; the watched code goes on, this is said once (`patternspan doctor` may know more)",
            _shown(place),
            _shown(type(error).__name__),
            _text_of(error),
        )


def report(place: str, text: str, *, always: bool = False) -> None:
    """Say that something outside does not work: at most once a minute for all of them, or `always`."""
    if always or not is_too_soon():
        _log.warning("%s: %s", _shown(place), _shown(text))


def is_too_soon() -> bool:
    """Say whether something was reported within the last minute; where not, the caller reports now."""
    global _reported
    now = time.monotonic()
    if now < _reported + _REPORT_SECONDS:
        return True
    _reported = now
    return False


def forget() -> None:
    """Forget what was said, so that it is said again."""
    global _reported
    _seen.clear()
    _reported = -_REPORT_SECONDS


def _text_of(error: Exception) -> str:
    """Return what an error says, without secrets and on one line: a log of the application's is a sink too."""
    from patternspan.record.redact import as_text, redact_text

    return _shown(redact_text(as_text(error).removeprefix(f"{type(error).__name__}: ")))


def _shown(text: str) -> str:
    """Return a text in which nothing steers the terminal that it may be printed to."""
    if text.isascii() and text.isprintable():
        return text
    try:
        from patternspan.hidden import visible
    except Exception:  # noqa: BLE001 - loading takes a descriptor, and having none may be what is to be said
        return ascii(text)
    return visible(text)


def started(start: Callable[[], Span]) -> Span:
    """Return the span that `start` makes; one that records nothing where a sampler or processor raises."""
    try:
        return start()
    except Exception as error:  # noqa: BLE001 - the application's sampler and processors may do anything
        fault("span", error)
        return INVALID_SPAN


class _Ending(threading.local):
    """Whether this thread is in the middle of ending a span, and what has to wait for that."""

    is_busy = False
    later: list[tuple[Span, int]] | None = None


_ending: Final = _Ending()


def ended(span: Span, time_ns: int | None = None) -> None:
    """End a span; a processor that raises is reported.

    Processors hold locks. A signal handler that ends a span while its own thread is in the middle of ending one would
    wait for itself: that span ends when the other has.
    """
    if _ending.is_busy:
        waiting = _ending.later = _ending.later or []
        waiting.append((span, time.time_ns() if time_ns is None else time_ns))
        return
    _ending.is_busy = True
    try:
        span.end(time_ns)
    except Exception as error:  # noqa: BLE001
        fault("span", error)
    finally:
        _ending.is_busy = False
    while _ending.later:
        ended(*_ending.later.pop(0))


def raise_faults(*, enabled: bool) -> bool:
    """Let faults inside telemetry surface, for tests; return what was in force before."""
    global _raising
    before, _raising = _raising, enabled
    return before
