"""Run = fold(events): a pure function, so that the same events give the same run anywhere, in any order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

from patternspan.model.event import PatternEvent
from patternspan.model.ids import elapsed_ns
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
_TEXT_ORDER: Final = attrgetter("timestamp", "event_id")
_TOOL_MEMBERS: Final = ("command", "executor", "tool_name", "tool_version")
_TAKEN: Final = frozenset(
    ("operation_kind", "template_version", "pattern_version", "inputs_preview", "generated_artifacts",
     "artifacts", *_TOOL_MEMBERS)
)  # fmt: skip
"""The members of details that `_take_details` looks at."""
# The phase that an event ends, and the events that may have begun it.
_PHASE_ENDS: Final = {
    TEMPLATE_EXPANDED: ("template_expansion_ms", ""),
    SELECTION_RESOLVED: ("selection_ms", SELECTION_STARTED),
    SELECTION_FAILED: ("selection_ms", SELECTION_STARTED),
    VALIDATION_COMPLETED: ("validation_ms", VALIDATION_STARTED),
    VALIDATION_FAILED: ("validation_ms", VALIDATION_STARTED),
    EXECUTION_COMPLETED: ("execution_ms", EXECUTION_STARTED),
    EXECUTION_FAILED: ("execution_ms", EXECUTION_STARTED),
}


def in_order(events: Iterable[PatternEvent]) -> list[PatternEvent]:
    """Return events by timestamp, then event id; one whose id was seen before is dropped."""
    listed = list(events)
    if len({event.event_id for event in listed}) < len(listed):
        unique: dict[str, PatternEvent] = {}
        for event in listed:
            unique.setdefault(event.event_id, event)
        listed = list(unique.values())
    if all([_is_canonical(event.timestamp) for event in listed]):  # noqa: C419 - a generator costs more
        # Canonical timestamps sort as text.
        listed.sort(key=_TEXT_ORDER)
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


def result_in(status: str, details: Mapping[str, Any]) -> str:
    """Return how a run ended, in the words of `pattern.run.result`, as status and details of its last event say."""
    if status == "skipped":
        return "skip"
    return str(details.get("result", "failure" if status == "failed" else "success"))


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
    _take_events(run, events)
    return run


def _take_events(run: PatternRun, events: Sequence[PatternEvent]) -> None:
    # Reading and storing a log is this loop, event by event: it looks before it calls.
    began: dict[str, PatternEvent] = {}
    previous = events[0]
    end = late_end = None
    figures = []
    for event in events:
        details, kind = event.details, event.event_type
        is_late = "synthetic" in details and is_synthetic(event)
        if kind == SELECTION_RESOLVED or not _TAKEN.isdisjoint(details):
            _take_details(run, event)
        if is_late:
            pass  # when it was written says nothing of when its phase was over
        elif kind in _PHASE_ENDS:
            name, starter = _PHASE_ENDS[kind]
            # There is no template.started: that phase begins where the event before it stands.
            start = began.pop(starter, None) if starter else previous
            if start is not None:
                _add_time(run.metrics, name, start.timestamp, event.timestamp)
        else:
            began.setdefault(kind, event)
        if run.step_id is None:
            run.step_id = event.step_id
        if kind in TERMINAL_TYPES or event.status == "skipped":
            if is_late:
                late_end = late_end or event
            elif end is None:
                end = event
        if "metrics" in details:
            figures.append(details["metrics"])
        previous = event
    end = end or late_end
    if end is not None:
        _take_end(run, end)
    for given in figures:
        # Last, because a given figure stands for the one of the timestamps and is not added to it.
        _take_given_metrics(run, given)


def _take_details(run: PatternRun, event: PatternEvent) -> None:
    details, event_type = event.details, event.event_type
    if "operation_kind" in details and run.operation_kind == UNKNOWN_OPERATION:
        kind = details["operation_kind"]
        if isinstance(kind, str) and kind:
            run.operation_kind = kind
    if run.pattern_version is None and ("template_version" in details or "pattern_version" in details):
        version = details.get("template_version") or details.get("pattern_version")
        if isinstance(version, str):
            run.pattern_version = version
    if event_type == SELECTION_RESOLVED and event.pattern_id:
        run.pattern_id = event.pattern_id
    if "inputs_preview" in details:
        inputs = details["inputs_preview"]
        if isinstance(inputs, dict):
            run.inputs.update(inputs)
    for name in ("generated_artifacts", "artifacts"):
        if name in details and isinstance(details[name], list):
            for path in map(_text, details[name]):
                if path not in run.artifacts:
                    run.artifacts.append(path)
    if event_type == EXECUTION_STARTED or "tool_name" in details:
        for name in _TOOL_MEMBERS:
            value = details.get(name)
            if isinstance(value, str):
                run.tool_metadata[name] = value


def _take_given_metrics(run: PatternRun, given: Any) -> None:
    if isinstance(given, dict):
        run.metrics.update((name, value) for name, value in given.items() if _is_number(value))


def _add_time(metrics: dict[str, float], name: str, start: str, end: str) -> None:
    milliseconds = max(0, elapsed_ns(start, end)) / 1e6
    metrics[name] = round(metrics.get(name, 0) + milliseconds, 3)


def _take_end(run: PatternRun, event: PatternEvent) -> None:
    run.status = event.status if event.status in RUN_STATUSES else "failed"
    if run.status in {"in_progress", "pending"}:
        run.status = "success" if event.event_type == EXECUTION_COMPLETED else "failed"
    run.finished_at = event.timestamp
    run.duration_seconds = elapsed_ns(run.started_at or event.timestamp, event.timestamp) / 1e9
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


def _is_canonical(text: str) -> bool:
    # Of the same length are a blank for the T, and one digit of the second with an offset.
    return len(text) == _CANONICAL_LENGTH and text[10] == "T" and text[-1] == "Z"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value - value == 0
