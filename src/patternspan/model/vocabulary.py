"""The words of the contract: event types, statuses, results, names of spans, attributes and metrics.

Made by `scripts/registry` from `schema/registry`; what each word means is said there, and on the page that is made
of it, `docs/reference/attributes.md`.
"""

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

TERMINAL_TYPES: Final = frozenset(
    {
        SELECTION_FAILED,
        VALIDATION_FAILED,
        EXECUTION_COMPLETED,
        EXECUTION_FAILED,
    }
)
"""Types that always end a run; an event of status `skipped` ends one too."""

RunStatus = Literal["pending", "in_progress", "success", "failed", "warning", "skipped"]
"""What a run may be."""

RUN_STATUSES: Final[tuple[RunStatus, ...]] = ("pending", "in_progress", "success", "failed", "warning", "skipped")

RunResult = Literal["success", "failure", "error", "timeout", "cancellation", "skip"]
"""How a run ended, in the words of the OpenTelemetry CI/CD conventions (`cicd.pipeline.result`)."""

RESULTS: Final[tuple[RunResult, ...]] = ("success", "failure", "error", "timeout", "cancellation", "skip")

EventStatus = Literal["in_progress", "success", "failed", "warning", "skipped"]
"""What an event may say of its run."""

EVENT_STATUSES: Final[tuple[EventStatus, ...]] = ("in_progress", "success", "failed", "warning", "skipped")

SelectionMethod = Literal["explicit", "auto", "fallback"]
"""How a pattern was chosen."""

UNKNOWN_OPERATION: Final = "unknown"
"""The `operation_kind` of a run none of whose events names one."""

OTHER: Final = "_OTHER"
"""Stands in a label for every value beyond the cap on distinct ones, as in OpenTelemetry's conventions."""

# Names of spans.
SPAN_RUN: Final = "pattern.run"
SPAN_JOB: Final = "pattern.job"
SPAN_STEP: Final = "pattern.step"
SPAN_SELECTION: Final = "pattern.selection"
SPAN_TEMPLATE: Final = "pattern.template"
SPAN_VALIDATION: Final = "pattern.validation"
SPAN_EXECUTION: Final = "pattern.execution"

# Attributes. Patterns.
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

# Attributes. Events of patterns.
EVENT_ID: Final = "pattern.event.id"
EVENT_STATUS: Final = "pattern.event.status"
DETAILS_PREFIX: Final = "pattern.details."
EVENT_DETAILS: Final = "pattern.event.details"
EVENT_MEMBERS: Final = "pattern.event.members"

# Attributes. Labels of metrics.
PHASE: Final = "pattern.phase"
REDACTION_KIND: Final = "pattern.redaction.kind"
ERROR_TYPE: Final = "error.type"
"""Of OpenTelemetry's own conventions."""

# Metrics.
METRIC_RUN_DURATION: Final = "pattern.run.duration"
METRIC_RUN_ACTIVE: Final = "pattern.run.active"
METRIC_PHASE_DURATION: Final = "pattern.phase.duration"
METRIC_RUN_FINDINGS: Final = "pattern.run.findings"
METRIC_EVENT_WRITTEN: Final = "pattern.event.written"
METRIC_EVENT_DROPPED: Final = "pattern.event.dropped"
METRIC_SPAN_EXPORTED: Final = "pattern.span.exported"
METRIC_SPAN_DROPPED: Final = "pattern.span.dropped"
METRIC_VALUE_TRUNCATED: Final = "pattern.value.truncated"
METRIC_VALUE_REDACTED: Final = "pattern.value.redacted"
