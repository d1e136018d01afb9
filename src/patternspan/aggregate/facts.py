"""What is asked of a run when there are thousands: plain values, of the same form out of a log and out of a store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from patternspan.aggregate.plain import number
from patternspan.model.event import PatternEvent
from patternspan.model.fold import end_of, result_in
from patternspan.model.ids import instant_us
from patternspan.model.run import PatternRun
from patternspan.model.vocabulary import EXECUTION_STARTED

PHASES: Final = ("run", "selection", "template", "validation", "execution")
"""What has a duration: the whole run, then its phases."""
_METRICS: Final = ("selection_ms", "template_expansion_ms", "validation_ms", "execution_ms")
_MOST_US: Final = (1 << 62) - 1


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One run in a few values. Times and durations are whole microseconds, times since the Unix epoch."""

    pattern_run_id: str
    job_id: str
    step_id: str | None
    pattern_id: str
    pattern_version: str | None
    operation_kind: str
    status: str
    """As it is stored: `in_progress` of a run without an end."""
    result: str | None
    """In the words of `pattern.run.result`; None of a run without an end."""
    started_us: int
    last_us: int
    """Of its last event."""
    run_us: int | None
    """From its start to its end; None where it has none. The next four are those of its phases."""
    selection_us: int | None
    template_us: int | None
    validation_us: int | None
    execution_us: int | None
    timeout_us: int | None
    """The longest `timeout_seconds` of its executions."""
    text: str
    """Its command and its error, in one case: where a text is looked for."""
    artifacts: int

    def durations(self) -> tuple[int | None, ...]:
        """Return the durations, in the order of `PHASES`."""
        return (self.run_us, self.selection_us, self.template_us, self.validation_us, self.execution_us)


def facts_of(run: PatternRun, events: Sequence[PatternEvent]) -> RunFacts:
    """Return the facts of a run; `events` are its own, in order."""
    end = end_of(events) if run.finished_at is not None else None
    selection, template, validation, execution = map(run.metrics.get, _METRICS)
    return RunFacts(
        pattern_run_id=run.pattern_run_id,
        job_id=run.job_id,
        step_id=run.step_id,
        pattern_id=run.pattern_id,
        pattern_version=run.pattern_version,
        operation_kind=run.operation_kind,
        status=run.status,
        result=None if end is None else result_in(run.status, end.details),
        started_us=instant_us(events[0].timestamp),
        last_us=instant_us(events[-1].timestamp),
        run_us=None if run.duration_seconds is None else _whole(run.duration_seconds * 1e6),
        selection_us=_us(selection),
        template_us=_us(template),
        validation_us=_us(validation),
        execution_us=_us(execution),
        timeout_us=_timeout(events),
        text=_text(run),
        artifacts=len(run.artifacts),
    )


def _us(milliseconds: float | None) -> int | None:
    return None if milliseconds is None else _whole(milliseconds * 1000)


def _whole(microseconds: float) -> int:
    """Return a duration as a number that every database can hold."""
    found = round(microseconds)
    return found if 0 <= found <= _MOST_US else min(max(found, 0), _MOST_US)


def _timeout(events: Sequence[PatternEvent]) -> int | None:
    longest = None
    for event in events:
        if event.event_type == EXECUTION_STARTED and "timeout_seconds" in event.details:
            limit = number(event.details["timeout_seconds"])
            if limit is not None:
                longest = max(longest or 0, _whole(limit * 1e6))
    return longest


def _text(run: PatternRun) -> str:
    command = run.tool_metadata.get("command", "")
    if run.error is None:
        return command.casefold()
    return f"{command}\n{run.error['type']}: {run.error['message']}".casefold()
