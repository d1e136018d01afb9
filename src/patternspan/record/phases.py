"""The four phases of a run as `with` blocks: each writes its events and is a child span of the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode

from patternspan.model.vocabulary import (
    ERROR_TYPE,
    SELECTION_FAILED,
    SELECTION_RESOLVED,
    SELECTION_STARTED,
    SPAN_EXECUTION,
    SPAN_SELECTION,
    SPAN_TEMPLATE,
    SPAN_VALIDATION,
    TEMPLATE_EXPANDED,
    VALIDATION_COMPLETED,
    VALIDATION_FAILED,
    VALIDATION_STARTED,
    SelectionMethod,
)
from patternspan.record import guard
from patternspan.record.capture import bounded_members
from patternspan.record.hub import hub
from patternspan.record.outcome import description_of, error_type, message_of, result_of
from patternspan.record.redact import as_text, redact
from patternspan.record.redact_sinks import redact_id

if TYPE_CHECKING:
    from patternspan.record.run import Run


class Phase:
    """One phase of a run, open between `with` and the end of its block."""

    word = ""
    """The name of the run's method that opens it."""
    span_name = ""

    # Set on the instance only where they are used: a phase is made for every run.
    outer: Phase | None = None
    artifacts: list[str] | None = None
    warnings: list[str] | None = None
    _span: Span | None = None
    _token: Any = None
    _attached: Context | None = None
    _failure = ""
    _began_ns = 0

    def __init__(self, run: Run) -> None:
        self.run = run

    def _begin(self) -> None:
        """Write what the phase begins with."""

    def _end(self, error: BaseException | None) -> None:
        """Write what the phase ends with."""

    def __enter__(self) -> Self:
        try:
            run = self.run
            self.outer = run.phase
            run.phase = self
            self._began_ns = now = run.now()
            if run.phase_spans:
                self._open_span(run.context_for_phase(), now)
            self._begin()
        except Exception as fault:  # noqa: BLE001
            guard.fault(self.span_name, fault)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            run = self.run
            if isinstance(error, GeneratorExit):
                error = None  # a stream that its reader left early has not failed
            if self.word != "executing":
                run.measure_phase(self.span_name, self._began_ns)
            try:
                self._end(error)
            finally:
                run.phase = self.outer
                if self._span is not None:
                    self._close_span(self._span, error)
            if error is not None and result_of(error) != "success":
                return  # it ends the run, as failed, when it has left it
            if run.skip_reason is not None or run.opening.waits_for == self.word:
                run.end_phase(self)
        except Exception as fault:  # noqa: BLE001
            guard.fault(self.span_name, fault)

    def _open_span(self, context: Context, now: int) -> None:
        try:
            span = self.run.tracer.start_span(self.span_name, context, start_time=now)
        except Exception as fault:  # noqa: BLE001 - a sampler or processor of the application's; the events go on
            guard.fault("span", fault)
            return
        self._span = span
        self._attached = trace.set_span_in_context(span, context)
        self._token = otel_context.attach(self._attached)

    def _close_span(self, span: Span, error: BaseException | None) -> None:
        if otel_context.get_current() is self._attached:  # not so where a stream is closed by another task
            otel_context.detach(self._token)
        failure = error_type(error) if error is not None and result_of(error) != "success" else self._failure
        if failure:
            span.set_attribute(ERROR_TYPE, failure)
            span.set_status(Status(StatusCode.ERROR))
        guard.ended(span, self.run.now())

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)


class Selection(Phase):
    """Choosing a pattern. A block that ends without `resolve` or `fail` resolves to the run's own pattern."""

    word = "selecting"
    span_name = SPAN_SELECTION

    def __init__(
        self,
        run: Run,
        candidates: Iterable[str] | None,
        operation_kind: str | None,
        context: Mapping[str, Any] | None,
    ) -> None:
        self.run = run
        self._candidates = [run.pattern_id] if candidates is None else _texts(run, candidates)
        self._operation_kind = operation_kind or run.opening.kind
        self._context = context
        self._done = False

    def _begin(self) -> None:
        details: dict[str, Any] = {
            "operation_kind": self._operation_kind,
            "candidate_patterns": self._candidates,
        }
        if self._context is not None:
            details["context"] = bounded_members(self._context, hub.max_value_chars)
        self.run.record(SELECTION_STARTED, "in_progress", details)

    def resolve(
        self, pattern_id: str, *, method: SelectionMethod = "auto", inputs: Mapping[str, Any] | None = None
    ) -> None:
        """Say which pattern was chosen, how, and with which inputs."""
        self._done = True
        pattern_id = redact_id(as_text(pattern_id))
        self.run.choose(pattern_id)
        details: dict[str, Any] = {
            "pattern_id": pattern_id,
            "selection_method": method if method in {"explicit", "auto", "fallback"} else "auto",
            "inputs_preview": self.run.show_inputs(inputs),
        }
        if self.run.skip_reason is not None:
            details["skip_reason"] = self.run.skip_reason
        self.run.record(SELECTION_RESOLVED, "in_progress" if self.run.skip_reason is None else "skipped", details)

    def fail(self, reason: str, *, attempted: Iterable[str] | None = None, error: str | None = None) -> None:
        """Say that no pattern suits: the run ends here as failed."""
        self._fail(as_text(reason), attempted, error, None)

    def _fail(
        self, reason: str, attempted: Iterable[str] | None, text: str | None, error: BaseException | None
    ) -> None:
        self._done = True
        self._failure = "selection_failed" if error is None else error_type(error)
        details: dict[str, Any] = {
            "reason": reason,
            "attempted_patterns": self._candidates if attempted is None else _texts(self.run, attempted),
            "operation_kind": self._operation_kind,
        }
        if text is not None:
            details["error"] = text
        self.run.fail_phase(SELECTION_FAILED, details, self._failure, text or reason, error)

    def _end(self, error: BaseException | None) -> None:
        if self._done:
            return
        if error is not None:
            self._fail(message_of(error), None, f"{error_type(error)}: {message_of(error)}", error)
        else:
            self.resolve(self.run.pattern_id, method="explicit")


class Expansion(Phase):
    """Turning a template into a concrete command."""

    word = "expanding"
    span_name = SPAN_TEMPLATE

    def __init__(self, run: Run, template_version: str | None, variables: int | Mapping[str, Any] | None) -> None:
        self.run = run
        self.artifacts = []
        self._version = template_version or run.opening.pattern_version
        self._variables = 0
        self._command: str | None = None
        if variables is not None:
            self.resolved(variables)

    def resolved(self, variables: int | Mapping[str, Any]) -> None:
        """Say which variables were filled in, or how many."""
        try:
            self._variables += max(0, variables) if isinstance(variables, int) else len(variables)
        except Exception as fault:  # noqa: BLE001
            guard.fault(self.span_name, fault)

    def command(self, command: str | Sequence[str]) -> None:
        """Say which command the template became."""
        self._command = command_text(command)

    def artifact(self, path: Any) -> None:
        """Name a file that the expansion has made."""
        self.run.artifact(path)

    def _end(self, error: BaseException | None) -> None:
        details: dict[str, Any]
        if error is not None:
            # There is no template.failed: what cannot be expanded does not pass validation.
            self._failure = error_type(error)
            details = {
                "failed_checks": [{"check": "template.expansion", "error": message_of(error)}],
                "validation_type": "template",
            }
            self.run.fail_phase(VALIDATION_FAILED, details, self._failure, message_of(error), error)
            return
        details = {
            "variables_resolved": self._variables,
            "generated_artifacts": self.artifacts,
        }
        if self._version is not None:
            details["template_version"] = self._version
        if self._command is not None:
            details["command_preview"] = self.run.cut(self._command)
        if self.run.skip_reason is not None:
            details["skip_reason"] = self.run.skip_reason
        self.run.record(TEMPLATE_EXPANDED, "in_progress" if self.run.skip_reason is None else "skipped", details)


class Validation(Phase):
    """Checking preconditions. A failed check ends the run: ask `ok` whether to go on."""

    word = "validating"
    span_name = SPAN_VALIDATION

    def __init__(self, run: Run, validation_type: str, checks: Iterable[str] | None) -> None:
        self.run = run
        self.warnings = []
        self._type = as_text(validation_type)
        self._checks = [] if checks is None else _texts(run, checks)
        self._passed = 0
        self._failed: list[dict[str, str]] = []

    @property
    def ok(self) -> bool:
        """Whether no check has failed so far."""
        return not self._failed

    def check(self, name: str, passed: object = True, error: str | None = None) -> bool:
        """Record one check and return whether it passed; `error` says what was wrong where it did not."""
        good = bool(passed)
        if good:
            self._passed += 1
        else:
            text = "" if error is None else self.run.cut(as_text(error))
            self._failed.append({"check": as_text(name), "error": text or f"{as_text(name)} did not pass"})
        return good

    def _begin(self) -> None:
        self.run.record(VALIDATION_STARTED, "in_progress", {"validation_type": self._type, "checks": self._checks})

    def _end(self, error: BaseException | None) -> None:
        if error is not None:
            self._failed.append({"check": error_type(error), "error": message_of(error)})
        details: dict[str, Any] = {"validation_type": self._type}
        counts = {"checks_passed": self._passed, "checks_failed": len(self._failed)}
        if self._failed:
            self._failure = "validation_failed" if error is None else error_type(error)
            details = {"failed_checks": self._failed, **details, **counts}
            self.run.fail_phase(VALIDATION_FAILED, details, self._failure, description_of(details), error)
            return
        details = {**counts, **details, "warnings": self.warnings}
        if self.run.skip_reason is not None:
            details["skip_reason"] = self.run.skip_reason
            self.run.record(VALIDATION_COMPLETED, "skipped", details)
        else:
            self.run.record(VALIDATION_COMPLETED, "warning" if self.warnings else "in_progress", details)


class Execution(Phase):
    """The work itself. Its end is written when the run ends, with what the executor returns."""

    word = "executing"
    span_name = SPAN_EXECUTION

    def __init__(
        self,
        run: Run,
        command: str | Sequence[str] | None,
        executor: str,
        working_dir: str | None,
        timeout_seconds: float | None,
    ) -> None:
        self.run = run
        self._details: dict[str, Any] = {
            "executor": as_text(executor),
            "command": run.cut(run.opening.command if command is None else command_text(command)),
        }
        if working_dir is not None:
            self._details["working_dir"] = as_text(working_dir)
        if isinstance(timeout_seconds, (int, float)) and timeout_seconds >= 0:
            self._details["timeout_seconds"] = timeout_seconds

    def _begin(self) -> None:
        self.run.start_execution(self._details)

    def _end(self, error: BaseException | None) -> None:  # noqa: ARG002
        self.run.stop_execution()


def command_text(command: str | Sequence[str]) -> str:
    """Return a command line as one text, quoted as a shell would need it."""
    if isinstance(command, str):
        return command
    try:
        words = [as_text(word) for word in command]
        # The words are judged as they are: quoted for a shell, a secret with a quote in it is in pieces.
        return " ".join(map(_quoted, redact(words)))
    except Exception:  # noqa: BLE001 - not a sequence after all
        return as_text(command)


def _quoted(word: str) -> str:
    import shlex

    bare = word.replace("[redacted:", "").replace("]", "")
    return word if bare != word and shlex.quote(bare) == bare else shlex.quote(word)


def _texts(run: Run, items: Iterable[object]) -> list[str]:
    """Return names that the caller gave, as short texts; what is not a list of them counts as one."""
    try:
        limit = hub.max_value_chars
        return [
            item if item.__class__ is str and len(item) <= limit else run.cut(as_text(item))
            for item in ([items] if isinstance(items, str) else items)
        ]
    except Exception:  # noqa: BLE001 - any object may stand here
        return [run.cut(as_text(items))]
