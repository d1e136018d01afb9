"""An open run, as far as it writes: its events, at once, in the log and on the span, and its one end."""

from __future__ import annotations

import os
from collections.abc import Sequence
from time import monotonic_ns, time_ns
from typing import Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link

from patternspan.model.event import PatternEvent
from patternspan.model.fold import result_in
from patternspan.model.ids import EVENT_PREFIX, RUN_PREFIX, ids, timestamp
from patternspan.model.span_note import SPAN_NOTE
from patternspan.model.vocabulary import (
    EXECUTION_COMPLETED,
    EXECUTION_FAILED,
    EXECUTION_STARTED,
    JOB_ID,
    RUN_ATTEMPT,
    RUN_ID,
    STEP_ID,
    TERMINAL_TYPES,
    EventStatus,
    EventType,
    RunResult,
)
from patternspan.model.wire import encode_known
from patternspan.record import guard, outcome
from patternspan.record.context import RUN_KEY, Scope, base_context, retry_link, scope_in
from patternspan.record.gathered import Gathered
from patternspan.record.hub import hub
from patternspan.record.lines import RunLines
from patternspan.record.meter import Meter, findings_in
from patternspan.record.opening import Opening
from patternspan.record.redact import (
    as_plain,
    as_text,
    clean_encodings,
    is_clean,
    redact_details,
    remember_clean,
)
from patternspan.record.run_span import RunSpan

_new_ulid: Final = ids.ulid
_NOWHERE: Final = Context()
_forks = 0
"""How many forks lie between this process and the one that first loaded this: a run ends in the process it began in."""


def _count_fork() -> None:
    global _forks
    _forks += 1


os.register_at_fork(after_in_child=_count_fork)


class Recorder:
    """One open run, as far as it writes: its events while it goes, and its one end."""

    # What most runs never change stands on the class: a run is made for every call.
    phase_spans = False
    """Whether phases have spans of their own."""
    _attempt = 0
    _started_ns = 0
    _stopped_ns = 0
    _named = False
    _ended = False
    _failing = False
    _is_left = False
    """Whether its code was left, and `end` has begun."""
    _exception: BaseException | None = None
    _events: list[PatternEvent] | None = None
    _lines: RunLines | None = None
    _parent: Recorder | None = None
    _meter: Meter | None = None
    _kind = ""
    _phases: list[Any] | None = None

    def __init__(self, opening: Opening, inputs: dict[str, Any] | None = None) -> None:
        self.opening = opening
        self._inputs = inputs
        # The wall clock is read once; within the run time is monotonic, so that no duration is ever negative.
        now = time_ns()
        self._began_ns = now
        self._offset_ns = now - monotonic_ns()
        self.run_id = RUN_PREFIX + _new_ulid(now)
        self.pattern_id = opening.pattern_id
        self._forks = _forks
        self._gathered = Gathered()
        self._start = [True]
        self._last: dict[str, object] = {}
        if hub.end_listeners:
            self._events = []
        self._open(now)

    def _open(self, now: int) -> None:
        opening = self.opening
        context = base_context()
        parent = context.get(RUN_KEY)
        if parent is not None and parent._context is not _NOWHERE:  # type: ignore[attr-defined]  # noqa: SLF001
            self._parent = parent  # type: ignore[assignment]
        self._scope = scope = scope_in(context)
        self.job_id, self.step_id = scope.job_id, scope.step_id
        attributes = dict(opening.attributes)
        attributes[RUN_ID] = self.run_id
        attributes[JOB_ID] = scope.job_id
        if scope.step_id is not None:
            attributes[STEP_ID] = scope.step_id
        links = self._count_attempt(scope, attributes) if opening.attempt is not None else None
        self._otel = otel = RunSpan(opening, context, attributes, links, now)
        self.phase_spans = hub.phase_spans and otel.add is not None
        if hub.meter is not None:
            self._meter = hub.meter
            self._kind = opening.kind
            hub.meter.began(self.run_id, self.pattern_id, self._kind)
        self._context = otel_context.set_value(RUN_KEY, self, trace.set_span_in_context(otel.span, context))
        if not opening.waits_for:
            self.start_execution()

    def _count_attempt(self, scope: Scope, attributes: dict[str, Any]) -> Sequence[Link] | None:
        last, failed, previous = scope.attempts.get(self.pattern_id, (0, False, None))
        wanted = self.opening.attempt
        number = wanted if isinstance(wanted, int) else (last + 1 if failed else 1)
        self._attempt = attributes[RUN_ATTEMPT] = number
        return [retry_link(previous)] if number > 1 and previous is not None and previous.is_valid else None

    def now(self) -> int:
        """Return the run's time: nanoseconds since the Unix epoch that never go back."""
        return self._offset_ns + monotonic_ns()

    def record(self, event_type: EventType, status: EventStatus, details: dict[str, Any]) -> None:
        """Write one event. After the run's end nothing is written."""
        if self._ended or self._last:
            return
        is_last = event_type in TERMINAL_TYPES or status == "skipped"
        given = details
        is_written, final = False, b""
        try:
            # Threads, or a signal handler in the middle of this, may end a run at once: one claim stands.
            if is_last and self._last.setdefault("claim", given) is not given:
                return
            opening = self.opening
            if not self._named:
                self._named = True
                opening.name_in(details)
                if self._otel.note is not None:
                    details[SPAN_NOTE] = self._otel.note
                if self._meter is not None and details.get("operation_kind", self._kind) != self._kind:
                    self._kind = as_text(details["operation_kind"])
                    self._meter.began(self.run_id, self.pattern_id, self._kind)
                if self._attempt:
                    details["attempt"] = self._attempt
            try:
                encoded = encode_known(details)
            except Exception:  # noqa: BLE001 - a value of the caller's may do anything when it is asked for its text
                encoded = b""
            if encoded not in clean_encodings or opening.redact is not None:
                details, encoded = self._cleaned(details, encoded)
            now = self._offset_ns + monotonic_ns()
            event_id, time = EVENT_PREFIX + _new_ulid(now), timestamp(now)
            lines = self._lines or self._make_lines()
            line = lines.line(event_id, event_type, time, status, encoded)
            if len(line) > hub.max_line_bytes:
                details = hub.fitted(self._event(event_id, event_type, time, status, details)).details
                line = lines.line(event_id, event_type, time, status, encode_known(details))
            otel, events = self._otel, self._events
            final = line
            hub.pass_on(event_type, line, self.job_id, event_id, otel.span, now, otel.add, hub.writers)
            is_written = True
            if events is not None:
                events.append(self._event(event_id, event_type, time, status, details))
            if is_last:
                self._close(status, details)
        except Exception as error:  # noqa: BLE001
            self._ended = self._ended or is_last
            guard.fault(f"event {event_type}", error)
        except BaseException:  # a signal handler has raised in the middle
            is_mine = self._last.get("claim") is given
            if is_mine and not final:
                self._last.clear()  # what the interrupt ends the run with is the end
            elif is_mine and not self._ended:
                if not is_written:  # or perhaps it is: readers drop an event id that they saw before
                    hub.pass_on(event_type, final, self.job_id, event_id, otel.span, now, otel.add, hub.writers)
                self._close(status, details)
            raise

    def _cleaned(self, details: dict[str, Any], encoded: bytes) -> tuple[dict[str, Any], bytes]:
        """Return details without secrets, and their encoding; `encoded` is empty where they could not be encoded."""
        also = self.opening.redact
        if encoded and also is None and is_clean(details):
            remember_clean(encoded)
            return details, encoded
        details = redact_details(details, also)
        try:
            return details, encode_known(details)
        except (TypeError, ValueError, RecursionError):
            details = as_plain(details)
            return details, encode_known(details)

    def _event(self, event_id: str, kind: str, time: str, status: str, details: dict[str, Any]) -> PatternEvent:
        otel = self._otel
        return PatternEvent(
            event_id, kind, time, self.job_id, self.step_id, self.run_id, self.pattern_id, status, details,
            otel.trace_id, otel.span_id,
        )  # fmt: skip

    def _make_lines(self) -> RunLines:
        otel = self._otel
        try:
            made = RunLines(self.job_id, self.step_id, self.run_id, self.pattern_id, otel.trace_id, otel.span_id)
        except ValueError:
            self.job_id, self.step_id, self.pattern_id = map(as_plain, (self.job_id, self.step_id, self.pattern_id))
            return self._make_lines()
        self._lines = made
        return made

    def start_execution(self, details: dict[str, Any] | None = None) -> None:
        """Write `execution.started`, unless it stands already: a run has one."""
        # Threads may run tools of one run at once: `pop` lets one of them through.
        if self._started_ns == 0 and self._start:
            try:
                self._start.pop()
            except IndexError:
                return
            # Where nothing was told before, the work began with the run.
            self._started_ns = self.now() if self._named else self._began_ns
            details = details or {"executor": "python", "command": self.opening.command}
            if self._inputs:
                details["inputs_preview"] = self._inputs
            self.record(EXECUTION_STARTED, "in_progress", details)

    def choose(self, pattern_id: str) -> None:
        """Take the id of the pattern that the selection resolved to."""
        if pattern_id != self.pattern_id:
            self.pattern_id = pattern_id
            self._lines = None
            self._otel.choose(pattern_id)
            if self._meter is not None:
                self._meter.began(self.run_id, pattern_id, self._kind)

    def already_on_span(self, error: BaseException) -> None:
        """Hear that a run inside this one has recorded an exception, which is not recorded twice."""
        self._exception = error

    # The end

    def finish(self, returned: object = None) -> None:
        """End the run with what the executor returned."""
        if self._forks != _forks or self._is_ending():
            return
        try:
            if not self._ended:
                gathered = self._gathered
                if returned is not None:
                    gathered.take_returned(returned, hub.max_value_chars)
                self.start_execution()
                code = gathered.code()
                if code == 0:
                    self._complete("warning" if gathered.warnings else "success")
                else:
                    self._fail(code, outcome.NON_ZERO_EXIT, gathered.why(code), "failure")
        except Exception as error:  # noqa: BLE001
            guard.fault("end of run", error)
        except BaseException as error:
            self.fail(error)
            raise
        finally:
            self._end_span()

    def fail(self, error: BaseException) -> None:
        """End the run with the exception that left the executor."""
        if self._forks != _forks or self._is_ending():
            return
        self._failing = True
        try:
            result = outcome.result_of(error)
            if result != "success":
                self._record_exception(error)
            if not self._ended:
                self.start_execution()
                if result == "success":
                    self._complete("warning" if self._gathered.warnings else "success")
                else:
                    code, kind = outcome.exit_code_of_error(error), outcome.error_type(error)
                    self._fail(code, kind, outcome.message_of(error), result)
        except Exception as fault:  # noqa: BLE001
            guard.fault("end of run", fault)
        except BaseException:
            self._failing = False
            if not self._ended:
                self.fail(error)
            raise
        finally:
            self._end_span()

    def interrupted(self, error: BaseException) -> None:
        """End the run with what a signal handler raised while it was left, unless it has ended."""
        if not self._ended:
            self.fail(error)

    def _is_ending(self) -> bool:
        """Say whether the code that was interrupted, or another thread, is ending the run and may hold its span."""
        return self._failing or self._context is _NOWHERE or (bool(self._last) and not self._ended)

    def _complete(self, status: EventStatus) -> None:
        details = self._gathered.completed(0, self._seconds(), hub.preview_chars)
        self.record(EXECUTION_COMPLETED, status, details)

    def _fail(self, code: int | None, kind: str, message: str, result: RunResult) -> None:
        limits = (hub.max_value_chars, hub.preview_chars)
        details = self._gathered.failed(code, kind, message, result, self._seconds(), limits)
        self.record(EXECUTION_FAILED, "failed", details)

    def _seconds(self) -> float:
        return max(0, (self._stopped_ns or self.now()) - self._started_ns) / 1e9

    def _record_exception(self, error: BaseException) -> None:
        """Put the exception on the span, unless a run inside this one has it already."""
        if self._parent is not None:
            self._parent.already_on_span(error)
        if self._exception is not error:
            self._otel.record_exception(error, self.now())

    def _close(self, status: EventStatus, details: dict[str, Any]) -> None:
        """Set what the end says on the span, and tell who waits for ended runs."""
        result = result_in(status, details)
        self._otel.close(status, details, result)
        self._ended = True  # not before: a handler that ends the run now would wait for the span's lock
        if self._meter is not None:
            self._measure(self._meter, status, details, result)
        if self._attempt:
            attempt = (self._attempt, status == "failed", self._otel.span.get_span_context())
            self._scope.attempts[self.opening.pattern_id] = attempt
        if self._events is not None:
            hub.end(self._events)
            self._events = None

    def _measure(self, meter: Meter, status: EventStatus, details: dict[str, Any], result: str) -> None:
        now = self._offset_ns + monotonic_ns()
        error = details.get("error_type", result) if status == "failed" else None
        key = (self.pattern_id, self._kind, self.opening.pattern_version, self._attempt, result, error)
        execution = (self._stopped_ns or now) - self._started_ns if self._started_ns else 0
        span = self._otel.span.get_span_context()
        meter.finished(self.run_id, (key, findings_in(details), now - self._began_ns, execution, self._phases, span))

    def _end_span(self) -> None:
        if self._context is _NOWHERE:
            return
        self._exception = self._parent = None
        self._context = _NOWHERE  # it holds this run: without the circle, memory is free at once
        self._otel.end(self.now())
