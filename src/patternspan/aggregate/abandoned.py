"""Whether a run without an end can still get one, and the end that it is given where it cannot.

Judged by what is passed in: the events, what is known of the process, the time. Nothing is looked up here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from patternspan.aggregate.plain import duration, number
from patternspan.model.event import PatternEvent
from patternspan.model.fold import end_of
from patternspan.model.ids import EVENT_PREFIX, id_time_ms, timestamp, ulid_text
from patternspan.model.process import State, process_of
from patternspan.model.vocabulary import (
    EXECUTION_FAILED,
    EXECUTION_STARTED,
    SELECTION_FAILED,
    SELECTION_STARTED,
    VALIDATION_FAILED,
    VALIDATION_STARTED,
)

MARGIN_SECONDS: Final = 60.0
"""How long after its timeout a run may take to end where nothing is known of its process."""
MARGIN_ALIVE_SECONDS: Final = 3600.0
"""The same where its process lives: it may be at work on what its tool left."""
ERROR_TYPE: Final = "abandoned"


def why_abandoned(
    events: Sequence[PatternEvent], state: State, now_ns: int, silent_ns: int | None = None
) -> str | None:
    """Return why these events of one run, in order, get no end any more; None where they have one or may get it.

    The process is gone; or the run has been silent for longer than its own `timeout_seconds` and a margin; or for
    longer than `silent_ns`, where nothing is known of its process.
    """
    if end_of(events) is not None:
        return None
    last = events[-1]
    if state == "gone":
        process = process_of(events)
        which = f"process {process.pid} on {process.host}" if process else "its process"
        return f"{which} is gone; the last event is {last.event_type} at {last.timestamp}"
    silent = (now_ns - last.time_ns) / 1e9
    limit = _timeout(events)
    if limit is not None and silent > limit + (MARGIN_ALIVE_SECONDS if state == "alive" else MARGIN_SECONDS):
        return f"silent since {last.timestamp}, which is past its timeout of {duration(limit)}"
    if silent_ns is not None and state == "unknown" and silent * 1e9 > silent_ns:
        return f"silent since {last.timestamp}, for longer than {duration(silent_ns / 1e9)}"
    return None


def _timeout(events: Sequence[PatternEvent]) -> float | None:
    limits = [
        limit
        for event in events
        if event.event_type == EXECUTION_STARTED and (limit := number(event.details.get("timeout_seconds"))) is not None
    ]
    return max(limits, default=None)


def synthetic_end(events: Sequence[PatternEvent], why: str, now_ns: int) -> PatternEvent:
    """Return the event that ends a run in the name of its process; `events` are the run's own, in order.

    Whoever makes one of the same events makes one of the same id, so that readers show one of them. It is dated now,
    or right after the run's last event where that is ahead of the clock.
    """
    first, last = events[0], events[-1]
    event_type, details = _details(events, why)
    known: dict[str, Any] = {"error_type": ERROR_TYPE, "error_message": why, "result": "error", "synthetic": True}
    return PatternEvent(
        event_id=_event_id(events),
        event_type=event_type,
        timestamp=_after(last, now_ns),
        job_id=first.job_id,
        step_id=last.step_id,
        pattern_run_id=first.pattern_run_id,
        pattern_id=last.pattern_id,
        status="failed",
        details={**details, **known},
        trace_id=next((event.trace_id for event in events if event.trace_id is not msgspec.UNSET), msgspec.UNSET),
        span_id=next((event.span_id for event in events if event.span_id is not msgspec.UNSET), msgspec.UNSET),
    )


def _details(events: Sequence[PatternEvent], why: str) -> tuple[str, dict[str, Any]]:
    """Return type and details of an end that fits the phase in which the run died."""
    started = next((event for event in events if event.event_type == EXECUTION_STARTED), None)
    if started is not None:
        seconds = max(0, events[-1].time_ns - started.time_ns) / 1e9
        return EXECUTION_FAILED, {"exit_code": None, "duration_seconds": seconds}
    last = events[-1]
    if last.event_type == SELECTION_STARTED:
        tried = last.details.get("candidate_patterns")
        texts = [name for name in tried if isinstance(name, str)] if isinstance(tried, list) else []
        return SELECTION_FAILED, {"reason": why, "attempted_patterns": texts, "error": why}
    found: dict[str, Any] = {"failed_checks": [{"check": "process", "error": why}]}
    kind = next((event.details.get("validation_type") for event in events if event.event_type == VALIDATION_STARTED), 0)
    if isinstance(kind, str):
        found["validation_type"] = kind
    return VALIDATION_FAILED, found


def _event_id(events: Sequence[PatternEvent]) -> str:
    """Return the id: in time that of the run's newest one, so that ids and times of the run rise together."""
    import hashlib  # readers that end no run need none

    made = [known for event in events if (known := id_time_ms(event.event_id)) is not None]
    moment = max(made, default=max(0, min(events[-1].time_ns // 1_000_000, (1 << 48) - 1)))
    name = f"patternspan abandoned {events[-1].pattern_run_id}"
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    return EVENT_PREFIX + ulid_text(moment << 80 | int.from_bytes(digest[:10], "big"))


def _after(last: PatternEvent, now_ns: int) -> str:
    try:
        return timestamp(max(now_ns, last.time_ns + 1000))
    except (ValueError, OverflowError):
        return last.timestamp  # at the end of the calendar nothing is later
