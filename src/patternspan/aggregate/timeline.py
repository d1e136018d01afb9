"""One event as one line for people.

`[07:15:30] PAT-SEMGRP-001 execution.completed → success (12 findings, 18.7s)`
"""

from __future__ import annotations

import re
import shlex
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from patternspan.aggregate.plain import (
    counted,
    duration,
    first_line,
    number,
    scalar,
    visible,
    visible_in,
    whole,
)
from patternspan.model.fold import is_synthetic
from patternspan.model.vocabulary import (
    EXECUTION_COMPLETED,
    EXECUTION_FAILED,
    EXECUTION_STARTED,
    SELECTION_FAILED,
    SELECTION_RESOLVED,
    SELECTION_STARTED,
    TEMPLATE_EXPANDED,
    VALIDATION_COMPLETED,
    VALIDATION_FAILED,
    VALIDATION_STARTED,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from patternspan.model.event import PatternEvent

_LONGEST: Final = 72
"""Columns that a command, a message or a reason may take."""


class TimelineLine(NamedTuple):
    """One line of a timeline, in its parts; all of them are safe to print."""

    day: str
    clock: str
    pattern: str
    event_type: str
    status: str
    note: str

    def __str__(self) -> str:
        note = f" ({self.note})" if self.note else ""
        return f"[{self.clock}] {self.pattern} {self.event_type} → {self.status}{note}"


def timeline_line(event: PatternEvent, zone: tzinfo | None = None) -> TimelineLine:
    """Return an event's line, its time in `zone` (None is the local one)."""
    day, clock = local_time(event.time_ns, zone)
    return TimelineLine(
        day,
        clock,
        visible_in(event.pattern_id, _LONGEST),
        visible_in(event.event_type.removeprefix("pattern."), _LONGEST),
        visible_in(event.status, _LONGEST),
        ", ".join(notes(event)),
    )


def local_time(time_ns: int, zone: tzinfo | None = None) -> tuple[str, str]:
    """Return the date and the time of day, to the second, in `zone` (None is the local one)."""
    from datetime import UTC, timedelta

    try:
        text = datetime.fromtimestamp(time_ns // 1_000_000_000, zone).isoformat()
    except (OverflowError, ValueError, OSError):
        # At the very ends of the calendar a zone leads out of it: UTC does not.
        text = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time_ns // 1_000_000_000)).isoformat()
    return text[:10], text[11:19]


def notes(event: PatternEvent, *, timed: bool = True) -> list[str]:
    """Return what is worth saying of an event's details, in few words each; durations only when `timed`.

    Details are anything that a log may hold: what has an unexpected type is passed over.
    """
    details = event.details
    found = ["synthetic"] if is_synthetic(event) else []
    if event.status == "skipped":
        found += _text(details, "skip_reason")
    speak = _SPEAKERS.get(event.event_type)
    if speak is not None:
        found += speak(details)
    if timed and event.event_type in {EXECUTION_COMPLETED, EXECUTION_FAILED}:
        seconds = number(details.get("duration_seconds"))
        found += [duration(seconds)] if seconds is not None else []
    return [visible(text) for text in found if text]


def _text(details: Mapping[str, Any], *names: str) -> list[str]:
    """Return the first line of the first of these members that is a text."""
    for name in names:
        value = details.get(name)
        if isinstance(value, str) and value.strip():
            return [visible_in(first_line(value), _LONGEST)]
    return []


def _count(details: Mapping[str, Any], name: str, noun: str, after: str = "") -> list[str]:
    value = whole(details.get(name))
    return [counted(value, noun) + after] if value else []


def _selection_started(details: Mapping[str, Any]) -> list[str]:
    return _text(details, "operation_kind") + _count(details, "candidate_patterns", "candidate")


def _selection_resolved(details: Mapping[str, Any]) -> list[str]:
    return _text(details, "selection_method")


def _selection_failed(details: Mapping[str, Any]) -> list[str]:
    return _text(details, "reason", "error") + _count(details, "attempted_patterns", "pattern", " tried")


def _template_expanded(details: Mapping[str, Any]) -> list[str]:
    return _count(details, "variables_resolved", "variable") + _count(details, "generated_artifacts", "artifact")


def _validation_started(details: Mapping[str, Any]) -> list[str]:
    return _text(details, "validation_type") + _count(details, "checks", "check")


def _validation_completed(details: Mapping[str, Any]) -> list[str]:
    return (
        _count(details, "checks_passed", "check", " passed")
        + _count(details, "checks_failed", "check", " failed")
        + _count(details, "warnings", "warning")
    )


def _validation_failed(details: Mapping[str, Any]) -> list[str]:
    checks = details.get("failed_checks")
    found = []
    for check in checks if isinstance(checks, list) else []:
        members = check if isinstance(check, dict) else {"check": check}
        words = [text for name in ("check", "error") for text in _text(members, name)]
        found += [": ".join(words)] if words else []
    return found[:2] + ([f"{len(found) - 2} more"] if len(found) > 2 else [])


def _execution_started(details: Mapping[str, Any]) -> list[str]:
    command = command_text(details.get("command"))
    return [visible_in(first_line(command), _LONGEST)] if command else _text(details, "executor")


def command_text(value: Any) -> str:
    """Return a command as one text, whether it was recorded as a text or as a list of words."""
    if isinstance(value, list):
        return shlex.join(scalar(word) or "" for word in value)
    return value if isinstance(value, str) else ""


def _execution_completed(details: Mapping[str, Any]) -> list[str]:
    summary = details.get("result_summary")
    return summary_notes(summary if isinstance(summary, dict) else {}) + _exit_code(details)


def _execution_failed(details: Mapping[str, Any]) -> list[str]:
    kind, message = _text(details, "error_type"), _text(details, "error_message")
    summary = details.get("result_summary")
    found = [": ".join(kind + message)] if kind or message else []
    code = [] if re.search(r"\bexit(ed)?\b", "".join(message)) else _exit_code(details)
    return found + summary_notes(summary if isinstance(summary, dict) else {}) + code


def _exit_code(details: Mapping[str, Any]) -> list[str]:
    code = details.get("exit_code")
    return [f"exit {code}"] if isinstance(code, int) and not isinstance(code, bool) and code else []


# Members of a result summary that say it best, and the words that go with their numbers.
_COUNTS: Final = (("finding_count", "finding"), ("findings", "finding"), ("lines", "line"))
_TESTS: Final = (
    ("passed", ("tests_passed", "passed")),
    ("failed", ("tests_failed", "failed")),
    ("errors", ("tests_errors", "errors")),
    ("skipped", ("tests_skipped",)),
)


def summary_notes(summary: Mapping[str, Any]) -> list[str]:
    """Return the figures of a result summary: findings, tests, lines, else its first two plain members."""
    found: list[str] = []
    for name, noun in _COUNTS:
        count = whole(summary.get(name))
        if count is not None and not any(noun in text for text in found):
            found.append(counted(count, noun))
    for word, names in _TESTS:
        counts = [count for name in names if (count := whole(summary.get(name)))]
        found += [f"{counts[0]:,} {word}"] if counts else []
    if found:
        return found
    plain = [(name, text) for name, value in summary.items() if (text := scalar(value)) and name != "exit_code"]
    return [visible_in(first_line(f"{name} {text}"), 32) for name, text in plain[:2]]


_SPEAKERS: Final[dict[str, Callable[[Mapping[str, Any]], list[str]]]] = {
    SELECTION_STARTED: _selection_started,
    SELECTION_RESOLVED: _selection_resolved,
    SELECTION_FAILED: _selection_failed,
    TEMPLATE_EXPANDED: _template_expanded,
    VALIDATION_STARTED: _validation_started,
    VALIDATION_COMPLETED: _validation_completed,
    VALIDATION_FAILED: _validation_failed,
    EXECUTION_STARTED: _execution_started,
    EXECUTION_COMPLETED: _execution_completed,
    EXECUTION_FAILED: _execution_failed,
}
