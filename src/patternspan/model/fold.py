"""Run = fold(events): a pure function, so that the same events give the same run anywhere, in any order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from patternspan.model.event import PatternEvent
from patternspan.model.ids import instant
from patternspan.model.run import PatternRun
from patternspan.model.vocabulary import (
    EXECUTION_COMPLETED,
    EXECUTION_FAILED,
    EXECUTION_STARTED,
    RUN_STATUSES,
    SELECTION_FAILED,
    SELECTION_RESOLVED,
    SELECTION_STARTED,
    TEMPLATE_EXPANDED,
    TERMINAL_TYPES,
    UNKNOWN_OPERATION,
    VALIDATION_COMPLETED,
    VALIDATION_FAILED,
    VALIDATION_STARTED,
)

_CANONICAL_LENGTH: Final = len("2025-11-26T07:15:12.123456Z")
_TOOL_MEMBERS: Final = ("command", "executor", "tool_name", "tool_version")
_TAKEN: Final = frozenset(
    ("operation_kind", "template_version", "pattern_version", "inputs_preview", "generated_artifacts",
     "artifacts", *_TOOL_MEMBERS)
)  # fmt: skip
"""The members of details that `_take_details` looks at."""
# The phase that an event ends, and the events that may have begun it.
_PHASE_ENDS: Final = {
    SELECTION_RESOLVED: ("selection_ms", SELECTION_STARTED),
    SELECTION_FAILED: ("selection_ms", SELECTION_STARTED),
    VALIDATION_COMPLETED: ("validation_ms", VALIDATION_STARTED),
    VALIDATION_FAILED: ("validation_ms", VALIDATION_STARTED),
    EXECUTION_COMPLETED: ("execution_ms", EXECUTION_STARTED),
    EXECUTION_FAILED: ("execution_ms", EXECUTION_STARTED),
}


def in_order(events: Iterable[PatternEvent]) -> list[PatternEvent]:
    """Return events by timestamp, then event id; one whose id was seen before is dropped."""
    unique: dict[str, PatternEvent] = {}
    for event in events:
        unique.setdefault(event.event_id, event)
    listed = list(unique.values())
    if all(_is_canonical(event.timestamp) for event in listed):
        # Canonical timestamps sort as text.
        listed.sort(key=lambda event: (event.timestamp, event.event_id))
    else:
        listed.sort(key=lambda event: (event.time_ns, event.event_id))
    return listed


def is_terminal(event: PatternEvent) -> bool:
    """Say whether this event ends its run."""
    return event.event_type in TERMINAL_TYPES or event.status == "skipped"


def end_of(events: Iterable[PatternEvent]) -> PatternEvent | None:
    """Return the event that ends the run of these, in order: the first that the run itself wrote.

    An end that another process wrote (`synthetic`) counts only while there is no other; None where none is there.
    """
    found = None
    for event in events:
        if is_terminal(event):
            if not is_synthetic(event):
                return event
            found = found or event
    return found


def is_synthetic(event: PatternEvent) -> bool:
    """Say whether another process wrote this event, for a run whose own process could not."""
    return event.details.get("synthetic") is True


def fold(events: Iterable[PatternEvent]) -> PatternRun:
    """Return the run that these events of one run tell of. Raises ValueError where there is none at all.

    Events may come in any order and more than once. What is wrong with a run (two ends, no start) does not
    stop the folding: `conform.judge_lifecycle` names it.
    """
    return fold_in_order(in_order(events))


def fold_in_order(events: Sequence[PatternEvent]) -> PatternRun:
    """Fold events that are in order and unique already."""
    if not events:
        raise ValueError("a run has at least one event")
    first = events[0]
    run = PatternRun(
        pattern_run_id=first.pattern_run_id,
        pattern_id=first.pattern_id,
        job_id=first.job_id,
        step_id=first.step_id,
        status="in_progress",
        started_at=first.timestamp,
        inputs={},
        outputs={},
        artifacts=[],
        events=[event.event_id for event in events],
        metrics={},
        tool_metadata={},
    )
    began: dict[str, PatternEvent] = {}
    previous = first
    for event in events:
        if event.event_type == SELECTION_RESOLVED or not _TAKEN.isdisjoint(event.details):
            _take_details(run, event)
        if not is_synthetic(event):
            # When it was written says nothing of when its phase was over.
            _take_phase(run, event, began, previous)
        if event.step_id is not None and run.step_id is None:
            run.step_id = event.step_id
        previous = event
    end = end_of(events)
    if end is not None:
        _take_end(run, end)
    for event in events:
        # Last, because a given figure stands for the one of the timestamps and is not added to it.
        if "metrics" in event.details:
            _take_given_metrics(run, event)
    return run


def _take_details(run: PatternRun, event: PatternEvent) -> None:
    details = event.details
    kind = details.get("operation_kind")
    if run.operation_kind == UNKNOWN_OPERATION and isinstance(kind, str) and kind:
        run.operation_kind = kind
    if run.pattern_version is None:
        version = details.get("template_version") or details.get("pattern_version")
        if isinstance(version, str):
            run.pattern_version = version
    if event.event_type == SELECTION_RESOLVED and event.pattern_id:
        run.pattern_id = event.pattern_id
    inputs = details.get("inputs_preview")
    if isinstance(inputs, dict):
        run.inputs.update(inputs)
    for name in ("generated_artifacts", "artifacts"):
        paths = details.get(name)
        if isinstance(paths, list):
            run.artifacts.extend(path for path in dict.fromkeys(map(_text, paths)) if path not in run.artifacts)
    if event.event_type == EXECUTION_STARTED or "tool_name" in details:
        for name in _TOOL_MEMBERS:
            value = details.get(name)
            if isinstance(value, str):
                run.tool_metadata[name] = value


def _take_given_metrics(run: PatternRun, event: PatternEvent) -> None:
    given = event.details.get("metrics")
    if isinstance(given, dict):
        run.metrics.update((name, value) for name, value in given.items() if _is_number(value))


def _take_phase(run: PatternRun, event: PatternEvent, began: dict[str, PatternEvent], previous: PatternEvent) -> None:
    kind = event.event_type
    if kind == TEMPLATE_EXPANDED:
        # There is no template.started: the phase begins where the event before it stands.
        _add_time(run, "template_expansion_ms", previous, event)
    elif kind in _PHASE_ENDS:
        name, starter = _PHASE_ENDS[kind]
        start = began.pop(starter, None)
        if start is not None:
            _add_time(run, name, start, event)
    else:
        began.setdefault(kind, event)


def _add_time(run: PatternRun, name: str, start: PatternEvent, end: PatternEvent) -> None:
    milliseconds = max(0, _elapsed_ns(start.timestamp, end.timestamp)) / 1e6
    run.metrics[name] = round(run.metrics.get(name, 0) + milliseconds, 3)


def _take_end(run: PatternRun, event: PatternEvent) -> None:
    run.status = event.status if event.status in RUN_STATUSES else "failed"
    if run.status in {"in_progress", "pending"}:
        run.status = "success" if event.event_type == EXECUTION_COMPLETED else "failed"
    run.finished_at = event.timestamp
    run.duration_seconds = _elapsed_ns(run.started_at or event.timestamp, event.timestamp) / 1e9
    details = event.details
    for name in ("exit_code", "duration_seconds"):
        if name in details:
            run.outputs[name] = details[name]
    summary = details.get("result_summary")
    if isinstance(summary, dict):
        run.outputs = {**summary, **run.outputs}
    if run.status == "failed":
        run.error = _error_of(event)


def _error_of(event: PatternEvent) -> dict[str, Any]:
    details = event.details
    exit_code = details.get("exit_code")
    if event.event_type == SELECTION_FAILED:
        kind, message = "selection_failed", details.get("error") or details.get("reason")
    elif event.event_type == VALIDATION_FAILED:
        checks = details.get("failed_checks")
        kind, message = "validation_failed", _checks_text(checks if isinstance(checks, list) else [])
    else:
        kind, message = details.get("error_type") or "error", details.get("error_message")
    return {
        "type": _text(kind),
        "message": _text(message) if message is not None else "",
        "exit_code": exit_code if isinstance(exit_code, int) and not isinstance(exit_code, bool) else None,
    }


def _checks_text(checks: list[Any]) -> str:
    texts = []
    for check in checks:
        if isinstance(check, dict):
            texts.append(": ".join(_text(check[name]) for name in ("check", "error") if name in check))
        else:
            texts.append(_text(check))
    return "; ".join(texts)


def _elapsed_ns(start: str, end: str) -> int:
    if start[:17] == end[:17] and _is_canonical(start) and _is_canonical(end):
        # Within one minute, both canonical: no date is needed.
        return (int(end[17:19] + end[20:26]) - int(start[17:19] + start[20:26])) * 1000
    return instant(end) - instant(start)


def _is_canonical(text: str) -> bool:
    # Of the same length are a blank for the T, and one digit of the second with an offset.
    return len(text) == _CANONICAL_LENGTH and text[10] == "T" and text[-1] == "Z"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value - value == 0
