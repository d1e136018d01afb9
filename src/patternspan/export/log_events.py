"""Each event as an OpenTelemetry log event too; loaded only where `events` is `logs` or `both`.

The Logs API of Python is not declared stable (`opentelemetry._logs`), so nothing else of the package touches it.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

from opentelemetry._logs import LogRecord, SeverityNumber, get_logger
from opentelemetry.trace import set_span_in_context

from patternspan.model.attributes import log_attributes
from patternspan.model.wire import decode

_SEVERITIES: Final = {"failed": SeverityNumber.ERROR, "warning": SeverityNumber.WARN}


class LogEvents:
    """Emits events through the LoggerProvider that the application has or will set."""

    def __init__(self) -> None:
        self._logger = get_logger("patternspan", version("patternspan"))

    def __call__(self, span: Any, event_type: str, line: bytes, time_ns: int) -> None:
        """Emit one event, correlated with the span: named as on it, its line as the body."""
        event = decode(line)
        severity = _SEVERITIES.get(event.status, SeverityNumber.INFO)
        self._logger.emit(
            LogRecord(
                timestamp=time_ns,
                observed_timestamp=time_ns,
                context=set_span_in_context(span),
                severity_number=severity,
                severity_text=severity.name,
                body=line[:-1].decode(),
                attributes=log_attributes(event),
                event_name=event_type,
            )
        )


def leave_out(_span: Any, _event_type: str, _line: bytes, _time_ns: int) -> None:
    """Add nothing to the span: the event is a log event alone."""
