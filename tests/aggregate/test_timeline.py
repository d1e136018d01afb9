"""One event as one line."""

from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs import RunMaker
from patternspan.aggregate.timeline import local_time, timeline_line
from patternspan.model.details import DETAILS, members_of
from patternspan.model.event import PatternEvent
from patternspan.model.vocabulary import EVENT_STATUSES, EVENT_TYPES


def test_the_line_of_the_contract():
    """A completed scan reads as the contract shows it."""
    maker = RunMaker(start_ns=1_764_141_330_000_000_000)
    event = maker.add(
        "execution.completed", "success", 0, exit_code=0, duration_seconds=18.7, result_summary={"finding_count": 12}
    )
    assert str(timeline_line(event, UTC)) == (
        "[07:15:30] PAT-SEMGRP-001 execution.completed → success (12 findings, 18.7s)"
    )


@pytest.mark.parametrize(
    ("kind", "status", "details", "note"),
    [
        ("selection.started", "in_progress", {"operation_kind": "lint", "candidate_patterns": ["a"]},
         "lint, 1 candidate"),
        ("selection.resolved", "in_progress", {"selection_method": "auto"}, "auto"),
        ("selection.failed", "failed", {"reason": "none fits", "attempted_patterns": ["a", "b"]},
         "none fits, 2 patterns tried"),
        ("template.expanded", "in_progress", {"variables_resolved": 4, "generated_artifacts": []}, "4 variables"),
        ("validation.started", "in_progress", {"validation_type": "tool", "checks": ["a", "b"]}, "tool, 2 checks"),
        ("validation.completed", "warning", {"checks_passed": 3, "checks_failed": 1, "warnings": ["w"]},
         "3 checks passed, 1 check failed, 1 warning"),
        ("validation.completed", "skipped", {"skip_reason": "no python here"}, "no python here"),
        ("validation.failed", "failed", {"failed_checks": [{"check": "tool", "error": "not installed"}] * 3},
         "tool: not installed, tool: not installed, 1 more"),
        ("execution.started", "in_progress", {"command": ["ruff", "check", "a b"]}, "ruff check 'a b'"),
        ("execution.started", "in_progress", {"executor": "python", "command": ""}, "python"),
        ("execution.completed", "success", {"result_summary": {"passed": 41, "failed": 0, "skipped": 2}}, "41 passed"),
        ("execution.completed", "success", {"result_summary": {"findings": ["a"], "lines": 1200}},
         "1 finding, 1,200 lines"),
        ("execution.completed", "success", {"result_summary": {"files": 3, "ok": True, "c": 1}}, "files 3, ok true"),
        ("execution.failed", "failed", {"error_type": "TimeoutError", "error_message": "too slow\nmore",
         "exit_code": None, "duration_seconds": 60}, "TimeoutError: too slow, 1m 00s"),
        ("execution.failed", "failed", {"error_message": "tests failed", "exit_code": 1}, "tests failed, exit 1"),
        ("execution.failed", "failed", {"error_message": "ended with exit code 1", "exit_code": 1},
         "ended with exit code 1"),
        ("execution.failed", "failed", {"error_message": "\x1b[2J\u202e"}, "\\x1b[2J\\u202e"),
        ("execution.paused", "new", {"reason": "of a later version"}, ""),
    ],
)  # fmt: skip
def test_the_note_says_what_is_known(kind, status, details, note):
    """Each type of event says in few words what its details hold."""
    assert timeline_line(RunMaker().add(kind, status, **details)).note == note


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)
names = st.sampled_from(sorted({name for kind in DETAILS.values() for name in members_of(kind)} | {"skip_reason"}))


@given(st.sampled_from(EVENT_TYPES), st.sampled_from(EVENT_STATUSES), st.dictionaries(names, values))
def test_no_details_break_the_line(event_type, status, details):
    """Null and wrong types in details leave one printable line."""
    event = PatternEvent("E", event_type, "2025-11-26T07:15:30Z", "J", None, "R", "P\n", status, details)
    line = str(timeline_line(event, UTC))
    assert line.startswith("[07:15:30] P\\n ")
    assert line.splitlines() == [line]


def test_times_are_shown_in_the_zone():
    """A zone moves the time, and the date with it; the ends of the calendar stay."""
    east = timezone(timedelta(hours=14))
    assert local_time(1_764_141_330_000_000_000, east) == ("2025-11-26", "21:15:30")
    assert local_time(253_402_300_799_000_000_000, east) == ("9999-12-31", "23:59:59")
