"""The words of the contract: event types, statuses, results, span names and attribute keys."""

from __future__ import annotations

from typing import Final, Literal

EventType = Literal[
    "pattern.selection.started",
    "pattern.selection.resolved",
    "pattern.selection.failed",
    "pattern.template.expanded",
    "pattern.validation.started",
    "pattern.validation.completed",
    "pattern.validation.failed",
    "pattern.execution.started",
    "pattern.execution.completed",
    "pattern.execution.failed",
]
"""The ten event types, in lifecycle order."""

SELECTION_STARTED: Final = "pattern.selection.started"
SELECTION_RESOLVED: Final = "pattern.selection.resolved"
SELECTION_FAILED: Final = "pattern.selection.failed"
TEMPLATE_EXPANDED: Final = "pattern.template.expanded"
VALIDATION_STARTED: Final = "pattern.validation.started"
VALIDATION_COMPLETED: Final = "pattern.validation.completed"
VALIDATION_FAILED: Final = "pattern.validation.failed"
EXECUTION_STARTED: Final = "pattern.execution.started"
EXECUTION_COMPLETED: Final = "pattern.execution.completed"
EXECUTION_FAILED: Final = "pattern.execution.failed"

EVENT_TYPES: Final[tuple[EventType, ...]] = (
    SELECTION_STARTED,
    SELECTION_RESOLVED,
    SELECTION_FAILED,
    TEMPLATE_EXPANDED,
    VALIDATION_STARTED,
    VALIDATION_COMPLETED,
    VALIDATION_FAILED,
    EXECUTION_STARTED,
    EXECUTION_COMPLETED,
    EXECUTION_FAILED,
)

EventStatus = Literal["in_progress", "success", "failed", "warning", "skipped"]
"""What an event may say of its run."""

EVENT_STATUSES: Final[tuple[EventStatus, ...]] = ("in_progress", "success", "failed", "warning", "skipped")

RunStatus = Literal["pending", "in_progress", "success", "failed", "warning", "skipped"]
"""What a run may be."""

RUN_STATUSES: Final[tuple[RunStatus, ...]] = ("pending", *EVENT_STATUSES)

RunResult = Literal["success", "failure", "error", "timeout", "cancellation", "skip"]
"""How a run ended, in the words of the OpenTelemetry CI/CD conventions (`cicd.pipeline.result`)."""

RESULTS: Final[tuple[RunResult, ...]] = ("success", "failure", "error", "timeout", "cancellation", "skip")

SelectionMethod = Literal["explicit", "auto", "fallback"]
"""How a pattern was chosen."""

TERMINAL_TYPES: Final = frozenset({SELECTION_FAILED, VALIDATION_FAILED, EXECUTION_COMPLETED, EXECUTION_FAILED})
"""Types that always end a run; an event of status `skipped` ends one too."""

UNKNOWN_OPERATION: Final = "unknown"
"""The `operation_kind` of a run none of whose events names one."""

# Names of the spans. The run span carries the pattern's id, which comes from a catalogue: low cardinality.
SPAN_RUN: Final = "pattern.run"
SPAN_JOB: Final = "pattern.job"
SPAN_STEP: Final = "pattern.step"
SPAN_SELECTION: Final = "pattern.selection"
SPAN_TEMPLATE: Final = "pattern.template"
SPAN_VALIDATION: Final = "pattern.validation"
SPAN_EXECUTION: Final = "pattern.execution"

# Attributes of spans.
PATTERN_ID: Final = "pattern.id"
PATTERN_VERSION: Final = "pattern.version"
OPERATION_KIND: Final = "pattern.operation.kind"
RUN_ID: Final = "pattern.run.id"
RUN_STATUS: Final = "pattern.run.status"
RUN_RESULT: Final = "pattern.run.result"
RUN_ATTEMPT: Final = "pattern.run.attempt"
JOB_ID: Final = "pattern.job.id"
STEP_ID: Final = "pattern.step.id"
LINK_TYPE: Final = "pattern.link.type"
ERROR_TYPE: Final = "error.type"

# Attributes of span events. Together with the span they hold the whole event: see model/attributes.py.
EVENT_ID: Final = "pattern.event.id"
EVENT_STATUS: Final = "pattern.event.status"
EVENT_DETAILS: Final = "pattern.event.details"
EVENT_MEMBERS: Final = "pattern.event.members"
DETAILS_PREFIX: Final = "pattern.details."

# Metrics: never with the id of a run, a job or a step in a label.
METRIC_RUN_DURATION: Final = "pattern.run.duration"
METRIC_RUNS_ACTIVE: Final = "pattern.run.active"
METRIC_PHASE_DURATION: Final = "pattern.phase.duration"
METRIC_FINDINGS: Final = "pattern.run.findings"
METRIC_EVENTS_WRITTEN: Final = "pattern.event.written"
METRIC_EVENTS_DROPPED: Final = "pattern.event.dropped"
METRIC_SPANS_EXPORTED: Final = "pattern.span.exported"
METRIC_SPANS_DROPPED: Final = "pattern.span.dropped"
METRIC_VALUES_TRUNCATED: Final = "pattern.value.truncated"
METRIC_VALUES_REDACTED: Final = "pattern.value.redacted"

# Their labels, beside those that spans have too.
PHASE: Final = "pattern.phase"
REDACTION_KIND: Final = "pattern.redaction.kind"
OTHER: Final = "_OTHER"
"""Stands in a label for every value beyond the cap on distinct ones, as in OpenTelemetry's own conventions."""
