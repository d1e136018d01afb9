"""The open run: what an executor tells it becomes events, at once, in the log and on the span."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import Span, Tracer

from patternspan.model.vocabulary import (
    VALIDATION_COMPLETED,
    EventType,
    RunResult,
    SelectionMethod,
)
from patternspan.record import guard, outcome, phases
from patternspan.record.capture import bounded_members, redacted
from patternspan.record.context import RUN_KEY
from patternspan.record.hub import hub
from patternspan.record.recorder import Recorder
from patternspan.record.redact import as_text

if TYPE_CHECKING:
    from patternspan.record.command_result import CommandResult


class Run(Recorder):
    """One open run. `current_run()` gives it inside a decorated executor; `with pattern_span(…) as run` too.

    Every method may be called at any time and never raises for telemetry's sake. On the run that `current_run()`
    gives where there is none, all of them do their work for the caller (commands run, checks are kept) and record
    nothing; such a run is false.
    """

    skip_reason: str | None = None
    """Why the run was left out, once `skip` was called."""
    phase: phases.Phase | None = None
    """The phase that is open."""
    token: Any = None
    """What `enter` gave, where the run was opened by `with`."""

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.run_id} of {self.pattern_id}>"

    # What an executor may ask of it

    @property
    def span(self) -> Span:
        """The run's OpenTelemetry span; one that records nothing where tracing is off."""
        return self._otel.span

    @property
    def tracer(self) -> Tracer:
        """The tracer of the run's spans."""
        return self.opening.tracer

    @property
    def execution_started(self) -> bool:
        """Whether `execution.started` stands."""
        return self._started_ns != 0

    # What an executor may tell it

    def select(
        self,
        chosen: str | None = None,
        *,
        candidates: Iterable[str] | None = None,
        method: SelectionMethod = "explicit",
        operation_kind: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        reason: str = "",
    ) -> None:
        """Record that a pattern was selected: `selection.started`, then `selection.resolved`.

        `chosen` is the pattern's id, by default the run's own. With a `reason` and no `chosen`, nothing suited:
        `selection.failed` is written and the run is over. Use `selecting` where choosing takes time.
        """
        with self.selecting(candidates, operation_kind=operation_kind, context=context) as selection:
            if reason and chosen is None:
                selection.fail(reason)
            else:
                selection.resolve(chosen or self.pattern_id, method=method, inputs=inputs)

    def selecting(
        self,
        candidates: Iterable[str] | None = None,
        *,
        operation_kind: str | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> phases.Selection:
        """Open the selection phase: `with run.selecting([...]) as selection: selection.resolve(...)`."""
        return phases.Selection(self, candidates, operation_kind, context)

    def expanding(
        self, *, template_version: str | None = None, variables: int | Mapping[str, Any] | None = None
    ) -> phases.Expansion:
        """Open the template phase: `with run.expanding() as expansion: expansion.command(...)`."""
        return phases.Expansion(self, template_version, variables)

    def validating(
        self, validation_type: str = "preconditions", checks: Iterable[str] | None = None
    ) -> phases.Validation:
        """Open the validation phase: `with run.validating() as validation: validation.check("tool", found)`."""
        return phases.Validation(self, validation_type, checks)

    def executing(
        self,
        command: str | Sequence[str] | None = None,
        *,
        executor: str = "python",
        working_dir: str | None = None,
        timeout_seconds: float | None = None,
    ) -> phases.Execution:
        """Open the execution phase: `execution.started` is written on entry, the end when the run ends."""
        return phases.Execution(self, command, executor, working_dir, timeout_seconds)

    def command(self, argv: Sequence[str], **options: Any) -> CommandResult:
        """Run a tool as a child process; `patternspan.record.command.run_command` explains the options."""
        from patternspan.record.command import run_command  # subprocess is loaded only where a tool is run

        return run_command(self, argv, **options)

    def artifact(self, path: Any) -> None:
        """Name a file that the run has made; each is listed once, in order."""
        phase = self.phase
        listed = self._gathered.artifacts if phase is None or phase.artifacts is None else phase.artifacts
        text = self.cut(as_text(path))
        if text not in listed:
            listed.append(text)

    def result(
        self, summary: Mapping[str, Any] | None = None, /, *, exit_code: int | None = None, **members: Any
    ) -> None:
        """Add to the result summary; an `exit_code` other than 0 makes the run a failure."""
        for given in (summary, members):
            if given is not None:
                self._gathered.take_summary(given, hub.max_value_chars)
        code = outcome.as_code(exit_code)
        if code is not None:
            self._gathered.exit_code = code

    def note(self, **members: Any) -> None:
        """Add members to the details of the run's last event, such as `tool_version="1.2"`."""
        self._gathered.members.update(bounded_members(members, hub.max_value_chars))

    def warn(self, message: str) -> None:
        """Record a warning: the phase or the run then ends as `warning` unless it fails."""
        phase = self.phase
        listed = self._gathered.warnings if phase is None or phase.warnings is None else phase.warnings
        listed.append(self.cut(as_text(message)))

    def skip(self, reason: str) -> None:
        """Leave this run out on purpose: the present phase ends it with status `skipped`."""
        self.skip_reason = self.cut(as_text(reason))
        if self.phase is None:
            self._record_skip()

    # What the decorator, the phases and the commands do with it

    def cut(self, text: str) -> str:
        """Return a text that is no longer than a value may be; redacted first where it has to be cut."""
        limit = hub.max_value_chars
        return text if len(text) <= limit else redacted(text, limit)

    def enter(self) -> Any:
        """Make the run current; give what is returned to `leave`."""
        try:
            return otel_context.attach(self._context)
        except Exception as error:  # noqa: BLE001
            guard.fault("context", error)
            return None

    def leave(self, token: Any) -> None:
        """Undo `enter`."""
        if token is not None:
            otel_context.detach(token)  # logs its own faults

    def end(self, token: Any, returned: object = None, error: BaseException | None = None) -> None:
        """Undo `enter`, and end the run with what the executor returned or raised, whatever interrupts that."""
        try:
            self._is_left = True
            self.leave(token)
            if error is None:
                self.finish(returned)
            else:
                self.fail(error)
        except BaseException as interrupt:
            self.interrupted(error or interrupt)
            raise

    def ended_by(self, token: Any, error: BaseException) -> None:
        """End the run with what left it, unless `end` was on its way to that."""
        if not self._ended and not self._is_left:
            self.end(token, error=error)

    def fail_phase(
        self, event_type: EventType, details: dict[str, Any], kind: str, message: str, error: BaseException | None
    ) -> None:
        """End the run in a phase before the execution; where that has begun already, it is the one that fails."""
        result: RunResult = "failure" if error is None else outcome.result_of(error)
        if result == "success":  # SystemExit(0), and yet nothing was executed
            result = "failure"
        if self._started_ns:
            self._fail(None if error is None else outcome.exit_code_of_error(error), kind, message, result)
        else:
            self.record(event_type, "failed", {**details, "error_type": kind, "result": result})

    def stop_execution(self) -> None:
        """Take the time at which the execution phase was left."""
        self._stopped_ns = self.now()

    def end_phase(self, phase: phases.Phase) -> None:
        """Hear that a phase was left; where the code opens no later one, the execution begins here."""
        if self.skip_reason is not None:
            self._record_skip()
        elif self.opening.waits_for == phase.word and not self._ended:
            self.start_execution()

    def measure_phase(self, name: str, began_ns: int) -> None:
        """Keep how long a phase before the execution took."""
        if self._meter is not None:
            if self._phases is None:
                self._phases = []
            self._phases += (name, self._offset_ns + monotonic_ns() - began_ns)

    def context_for_phase(self) -> Context:
        """Return the context that a phase's span belongs in."""
        current = otel_context.get_current()
        return current if current.get(RUN_KEY) is self else self._context

    def show_inputs(self, inputs: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the inputs to show: those given, on top of the captured arguments, which are then told."""
        captured, self._inputs = self._inputs or {}, None
        return captured if inputs is None else {**captured, **bounded_members(inputs, hub.max_value_chars)}

    def take_tool(self, tool: CommandResult) -> None:
        """Keep what a child process left: the first one that failed, else the last."""
        if self._gathered.tool is None or self._gathered.tool.ok:
            self._gathered.tool = tool

    def _record_skip(self) -> None:
        members = {"skip_reason": self.skip_reason, **self._gathered.members}
        if self._started_ns:
            self._gathered.members = members
            self._complete("skipped")
        else:
            self.record(VALIDATION_COMPLETED, "skipped", {"checks_passed": 0, "checks_failed": 0, **members})
