"""PatternEvent: one line of the log, as a value."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from patternspan.model.ids import instant, new_event_id, timestamp


class PatternEvent(msgspec.Struct, gc=False, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One lifecycle fact about one pattern run.

    The first nine fields are the contract's, in its order. `trace_id` and `span_id` are unset where no span was
    recorded. `extra` holds members of the line that this version does not know; they are written back.
    """

    event_id: str
    event_type: str
    timestamp: str
    """RFC 3339 in UTC, to the microsecond, as this package writes it; any RFC 3339 with a zone when read."""
    job_id: str
    step_id: str | None
    pattern_run_id: str
    pattern_id: str
    status: str
    details: dict[str, Any]
    trace_id: str | UnsetType = UNSET
    span_id: str | UnsetType = UNSET
    # No writer has a member of this name; wire.py puts what is in here beside the others.
    extra: dict[str, Any] = msgspec.field(default_factory=dict, name="\u2063extra")

    @classmethod
    def create(
        cls,
        event_type: str,
        job_id: str,
        pattern_run_id: str,
        pattern_id: str,
        status: str,
        details: dict[str, Any] | None = None,
        step_id: str | None = None,
    ) -> PatternEvent:
        """Return a new event with an id and a timestamp of now."""
        now = time.time_ns()
        return cls(
            event_id=new_event_id(now),
            event_type=event_type,
            timestamp=timestamp(now),
            job_id=job_id,
            step_id=step_id,
            pattern_run_id=pattern_run_id,
            pattern_id=pattern_id,
            status=status,
            details={} if details is None else details,
        )

    @property
    def time_ns(self) -> int:
        """When it happened: nanoseconds since the Unix epoch."""
        return instant(self.timestamp)

    def to_dict(self) -> dict[str, Any]:
        """Return the members of the line, in the contract's order; unknown ones come last."""
        members: dict[str, Any] = {
            "event_id": self.event_id,
            "event_type": self.event_type,
            "timestamp": self.timestamp,
            "job_id": self.job_id,
            "step_id": self.step_id,
            "pattern_run_id": self.pattern_run_id,
            "pattern_id": self.pattern_id,
            "status": self.status,
            "details": self.details,
        }
        if self.trace_id is not UNSET:
            members["trace_id"] = self.trace_id
        if self.span_id is not UNSET:
            members["span_id"] = self.span_id
        members.update((key, value) for key, value in self.extra.items() if key not in members)
        return members

    def to_json(self) -> str:
        """Return the canonical JSON line, without its newline."""
        from patternspan.model.wire import encode

        return encode(self).decode()
