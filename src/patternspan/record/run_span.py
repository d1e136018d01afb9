"""The span of a run: made with all that a sampler may ask for, told how the run ended, and never in its way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, UnsetType
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Link, Span, SpanKind, Status, StatusCode, get_current_span

from patternspan.model.span_note import span_note
from patternspan.model.vocabulary import ERROR_TYPE, PATTERN_ID, RUN_RESULT, RUN_STATUS, SPAN_RUN, EventStatus
from patternspan.record import guard, outcome
from patternspan.record.capture import redacted
from patternspan.record.hub import EventAdder, hub
from patternspan.record.opening import Opening


class RunSpan:
    """A run's OpenTelemetry span; where tracing is off or fails, one that records nothing."""

    __slots__ = ("add", "note", "span", "span_id", "trace_id")

    def __init__(
        self,
        opening: Opening,
        context: Context,
        attributes: dict[str, Any],
        links: Sequence[Link] | None,
        now: int,
    ) -> None:
        try:
            span = opening.tracer.start_span(opening.span_name, context, SpanKind.INTERNAL, attributes, links, now)
        except Exception as error:  # noqa: BLE001 - a sampler or processor of the application's; the log goes on
            guard.fault("span", error)
            span = INVALID_SPAN
        self.span: Span = span
        self.add: EventAdder | None = hub.adder_for(span) if span.is_recording() else None
        """How events are added; None where the span records nothing."""
        self.trace_id: str | UnsetType = UNSET
        self.span_id: str | UnsetType = UNSET
        self.note: dict[str, Any] | None = None
        """What the first event tells of the span besides its ids: its parent, and that it was not sampled."""
        known = span.get_span_context()
        if known.span_id and hub.trace_members:
            self.trace_id = f"{known.trace_id:032x}"
            self.span_id = f"{known.span_id:016x}"
            above = get_current_span(context).get_span_context().span_id
            if above or not known.trace_flags & 1:
                self.note = span_note(above, is_sampled=bool(known.trace_flags & 1))

    def choose(self, pattern_id: str) -> None:
        """Take the id of the pattern that the selection resolved to."""
        self.span.set_attribute(PATTERN_ID, pattern_id)
        self.span.update_name(f"{SPAN_RUN} {pattern_id}")

    def record_exception(self, error: BaseException, time_ns: int) -> None:
        """Add the exception as an event, without secrets and bounded."""
        if self.add is None:
            return
        from traceback import format_exception

        limit = hub.max_value_chars
        attributes = {
            "exception.type": outcome.error_type(error),
            "exception.message": redacted(outcome.message_of(error), limit),
            "exception.stacktrace": redacted("".join(format_exception(error)), 4 * limit),
        }
        self.span.add_event("exception", attributes, time_ns)

    def close(self, status: EventStatus, details: dict[str, Any], result: str) -> None:
        """Set what the run's last event says; success leaves the span's own status unset."""
        if self.add is None:
            return
        failed = status == "failed"
        self.span.set_attributes({RUN_STATUS: status, RUN_RESULT: result})
        if failed:
            self.span.set_attribute(ERROR_TYPE, details.get("error_type", result))
            self.span.set_status(Status(StatusCode.ERROR, outcome.description_of(details)))

    def end(self, time_ns: int) -> None:
        """End the span."""
        if self.add is not None:
            guard.ended(self.span, time_ns)
