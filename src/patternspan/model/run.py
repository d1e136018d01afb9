"""PatternRun: one execution of a pattern, as its events fold into it."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from patternspan.model.ids import instant, new_run_id, timestamp
from patternspan.model.vocabulary import UNKNOWN_OPERATION


class PatternRun(msgspec.Struct, kw_only=True):
    """One run of one pattern. `fold(events)` makes it; the `mark_` methods build one by hand."""

    pattern_run_id: str
    pattern_id: str
    job_id: str
    step_id: str | None = None
    pattern_version: str | None = None
    operation_kind: str = UNKNOWN_OPERATION
    status: str = "pending"
    started_at: str | None = None
    """Timestamp of the first event."""
    finished_at: str | None = None
    """Timestamp of the terminal event; None while there is none."""
    duration_seconds: float | None = None
    """From `started_at` to `finished_at`; the tool's own figure is in `outputs`."""
    inputs: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    """`exit_code`, `duration_seconds` and the members of the tool's result summary."""
    artifacts: list[str] = []
    events: list[str] = []
    """Event ids, in order."""
    metrics: dict[str, float] = {}
    """Milliseconds per phase, such as `validation_ms`."""
    tool_metadata: dict[str, str] = {}
    error: dict[str, Any] | None = None
    """`type`, `message` and `exit_code` of what ended the run, or None."""

    @classmethod
    def create(
        cls,
        pattern_id: str,
        job_id: str,
        operation_kind: str = UNKNOWN_OPERATION,
        step_id: str | None = None,
        pattern_version: str | None = None,
        inputs: dict[str, Any] | None = None,
        pattern_run_id: str | None = None,
    ) -> PatternRun:
        """Return a pending run with a new id."""
        return cls(
            pattern_run_id=pattern_run_id or new_run_id(),
            pattern_id=pattern_id,
            job_id=job_id,
            step_id=step_id,
            operation_kind=operation_kind,
            pattern_version=pattern_version,
            inputs=dict(inputs or {}),
        )

    def mark_started(self, at: str | None = None) -> None:
        """Set the run in progress, at a timestamp or now."""
        self.status = "in_progress"
        self.started_at = at or timestamp(time.time_ns())

    def mark_completed(
        self, outputs: dict[str, Any] | None = None, artifacts: list[str] | None = None, at: str | None = None
    ) -> None:
        """End the run as a success, at a timestamp or now."""
        self._finish("success", at)
        self.outputs.update(outputs or {})
        self.artifacts.extend(path for path in artifacts or [] if path not in self.artifacts)

    def mark_failed(self, error: dict[str, Any] | str | None = None, at: str | None = None) -> None:
        """End the run as failed, at a timestamp or now; `error` is an object or just the message."""
        self._finish("failed", at)
        given = error if isinstance(error, dict) else {"message": error or "failed"}
        self.error = {"type": "error", "message": "failed", "exit_code": None, **given}

    def _finish(self, status: str, at: str | None) -> None:
        self.status = status
        self.finished_at = at or timestamp(time.time_ns())
        if self.started_at is None:
            self.started_at = self.finished_at
        self.duration_seconds = (instant(self.finished_at) - instant(self.started_at)) / 1e9

    def add_event(self, event_id: str) -> None:
        """Add an event's id, once."""
        if event_id not in self.events:
            self.events.append(event_id)

    def to_dict(self) -> dict[str, Any]:
        """Return the run's members, in the contract's order."""
        return {name: getattr(self, name) for name in self.__struct_fields__}

    def to_json(self) -> str:
        """Return the run as one JSON object."""
        from patternspan.model.wire import encode_value

        return encode_value(self).decode()
