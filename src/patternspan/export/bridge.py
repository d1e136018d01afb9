"""Log events back onto the spans they belong to, as OpenTelemetry's specification has it."""

from __future__ import annotations

from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.trace import get_current_span


class EventToSpanEventBridge(LogRecordProcessor):
    """Shows each log event as a span event too, for whoever looks at traces.

        logger_provider.add_log_record_processor(EventToSpanEventBridge())

    It is the processor of that name in the specification of the Logs SDK (status: development), which Python's SDK does
    not have: a record that has an event name, and whose ids are those of the span that its context holds and that still
    records, becomes one event on that span, with the record's time and attributes; any other is left alone. The record
    goes on to the other processors all the same.

    For `events = "logs"`. With `both` the events stand on the spans already.
    Source: https://opentelemetry.io/docs/specs/otel/logs/sdk/#event-to-span-event-bridge
    """

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Add the event, where the conditions hold."""
        record = log_record.log_record
        span = get_current_span(record.context)
        known = span.get_span_context()
        is_its_own = known.is_valid and (record.trace_id, record.span_id) == (known.trace_id, known.span_id)
        if record.event_name and is_its_own and span.is_recording():
            span.add_event(record.event_name, record.attributes, record.timestamp or record.observed_timestamp)

    def shutdown(self) -> None:
        """Do nothing: nothing is held."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002 - the interface has it
        """Return True: nothing waits."""
        return True
