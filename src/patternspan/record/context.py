"""The current job, step and run: carried in OpenTelemetry's context, across await, threads and child processes."""

from __future__ import annotations

import contextvars
import functools
import os
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, ParamSpec, TypeVar

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, Status, StatusCode

from patternspan.model.ids import new_job_id, new_step_id
from patternspan.model.vocabulary import ERROR_TYPE, JOB_ID, LINK_TYPE, RUN_ID, SPAN_JOB, SPAN_STEP, STEP_ID
from patternspan.record import guard
from patternspan.record.hub import hub
from patternspan.record.outcome import error_type
from patternspan.record.redact import redact_text
from patternspan.record.redact_sinks import redact_attributes, redact_baggage, redact_id

P = ParamSpec("P")
R = TypeVar("R")

SCOPE_KEY: Final = otel_context.create_key("patternspan-scope")
RUN_KEY: Final = otel_context.create_key("patternspan-run")
_CARRIED: Final = ("TRACEPARENT", "TRACESTATE", "BAGGAGE")


class Scope:
    """The job and step that runs belong to, and the latest attempt of each pattern in it."""

    __slots__ = ("attempts", "job_id", "step_id")

    def __init__(self, job_id: str, step_id: str | None) -> None:
        self.job_id = job_id
        self.step_id = step_id
        self.attempts: dict[str, tuple[int, bool, SpanContext]] = {}
        """Pattern id -> number of its last attempt, whether that failed, and its span."""


class _Process:
    """What a process starts with: the context that its parent handed down, and a scope for runs outside any job."""

    def __init__(self) -> None:
        self.context: Context | None = None
        self.scope: dict[str, Scope] = {}
        """At most one, under the empty name."""


_process = _Process()


def reset_process() -> None:
    """Forget the process's own scope and inherited context; `configure()` calls this."""
    _process.context = None
    _process.scope = {}


def base_context() -> Context:
    """Return the current context, on top of the one that the parent process handed down."""
    current = otel_context.get_current()
    if _process.context is None:
        _process.context = _inherited()
    if not current:
        return _process.context
    if _process.context and not trace.get_current_span(current).get_span_context().is_valid:
        return Context({**_process.context, **current})
    return current


def _inherited() -> Context:
    carrier = {name.lower(): os.environ[name] for name in _CARRIED if os.environ.get(name)}
    if not carrier:
        return Context()
    from opentelemetry import propagate  # slow to import: it looks for propagators among all packages

    try:
        return propagate.extract(carrier, Context())
    except Exception as error:  # noqa: BLE001 - whatever stands in the environment
        guard.fault("inherited context", error)
        return Context()


def scope_in(context: Context) -> Scope:
    """Return the scope of a context, else the process's own."""
    scope = context.get(SCOPE_KEY)
    if isinstance(scope, Scope):
        return scope
    known = _process.scope.get("")
    # `setdefault` is one step for all threads: whose scope comes second takes the first one's.
    return known if known is not None else _process.scope.setdefault("", _process_scope(context))


def _process_scope(context: Context) -> Scope:
    job_id, step_id = hub.default_job_id, hub.default_step_id
    if any(os.environ.get(name) for name in _CARRIED):
        from opentelemetry import baggage

        job_id = job_id or str(baggage.get_baggage(JOB_ID, context) or "")
        step_id = step_id or str(baggage.get_baggage(STEP_ID, context) or "") or None
    return Scope(redact_id(job_id) or new_job_id(), step_id and redact_id(step_id))


def wrap_context(function: Callable[P, R]) -> Callable[P, R]:
    """Return `function` bound to the context of this moment: submit that to a thread pool instead.

    Each call runs in a copy of its own, so the result may be called many times and at once.
    """
    captured = contextvars.copy_context()

    @functools.wraps(function)
    def in_context(*args: P.args, **kwargs: P.kwargs) -> R:
        return captured.copy().run(function, *args, **kwargs)

    return in_context


def child_environment(environ: dict[str, str] | None = None) -> dict[str, str]:
    """Return a copy of the environment with TRACEPARENT and BAGGAGE of this moment, for a child process."""
    child = dict(os.environ if environ is None else environ)
    try:
        _inject(child, base_context())
    except Exception as error:  # noqa: BLE001 - the child must start all the same
        guard.fault("context for a child process", error)
    return child


def _inject(child: dict[str, str], context: Context) -> None:
    from opentelemetry import baggage, propagate

    scope = scope_in(context)
    for name, value in baggage.get_all(context).items():
        shown, clean = redact_baggage(name, value)
        if (shown, clean) != (name, value):
            context = baggage.set_baggage(shown, clean, baggage.remove_baggage(name, context))
    context = baggage.set_baggage(JOB_ID, scope.job_id, context)
    if scope.step_id is not None:
        context = baggage.set_baggage(STEP_ID, scope.step_id, context)
    run = context.get(RUN_KEY)
    if run is not None:
        context = baggage.set_baggage(RUN_ID, getattr(run, "run_id", ""), context)
    for name, value in (("PATTERNSPAN_JOB_ID", scope.job_id), ("PATTERNSPAN_STEP_ID", scope.step_id)):
        if name in child:  # it would win over the baggage, and names what this process began with
            child[name] = value or ""
    carrier: dict[str, str] = {}
    propagate.inject(carrier, context)
    for name, value in carrier.items():
        child[name.upper().replace("-", "_")] = value


class _Scoped:
    """`with` and `async with` around the runs of a job or step; a span of the same length where one is recorded."""

    _span_name = ""

    def __init__(self, name: str | None, attributes: dict[str, Any] | None) -> None:
        self._name = None if name is None else redact_text(name)
        self._attributes = redact_attributes(attributes)
        self._open: list[tuple[Scope, Any, Span]] = []

    def _make_scope(self, context: Context) -> Scope:
        """Return the scope of the block; `job` and `step` each say theirs."""
        return scope_in(context)

    def _enter(self) -> Scope:
        hub.start()
        context = base_context()
        scope = self._make_scope(context)
        if not hub.enabled:
            return scope
        attributes = {JOB_ID: scope.job_id, **self._attributes}
        if scope.step_id is not None:
            attributes[STEP_ID] = scope.step_id
        name = f"{self._span_name} {self._name}" if self._name else self._span_name
        tracer = trace.get_tracer("patternspan")
        span = guard.started(lambda: tracer.start_span(name, context, attributes=attributes))
        context = otel_context.set_value(SCOPE_KEY, scope, trace.set_span_in_context(span, context))
        self._open.append((scope, otel_context.attach(context), span))
        return scope

    def __enter__(self) -> Scope:
        try:
            return self._enter()
        except Exception as error:  # noqa: BLE001
            guard.fault(self._span_name, error)
            return Scope("", None)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if self._open:
                self._exit(error)
        except Exception as fault:  # noqa: BLE001
            guard.fault(self._span_name, fault)

    def _exit(self, error: BaseException | None) -> None:
        # One object may be entered many times at once, by threads and tasks: the one to leave is the current one.
        current = otel_context.get_current().get(SCOPE_KEY)
        opened = next((opened for opened in reversed(self._open.copy()) if opened[0] is current), self._open[-1])
        self._open.remove(opened)
        scope, token, span = opened
        if current is scope:  # not so where an async generator is closed by another task
            otel_context.detach(token)
        if error is not None and not isinstance(error, GeneratorExit):
            span.set_attribute(ERROR_TYPE, error_type(error))
            span.set_status(Status(StatusCode.ERROR))
        guard.ended(span)

    async def __aenter__(self) -> Scope:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)


class job(_Scoped):  # noqa: N801 - used like a function
    """Runs inside belong to this job: `with job("JOB-01J…", name="nightly"):`.

    Without an id a new one is made; the value of the `with` has it as `.job_id`. All runs of the job share one
    trace, under a span `pattern.job`.
    """

    _span_name = SPAN_JOB

    def __init__(
        self, job_id: str | None = None, *, name: str | None = None, attributes: dict[str, Any] | None = None
    ) -> None:
        super().__init__(name, attributes)
        self._job_id = None if job_id is None else redact_id(str(job_id))  # engines hold theirs as UUIDs or numbers too

    def _make_scope(self, context: Context) -> Scope:  # noqa: ARG002
        return Scope(self._job_id or new_job_id(), None)


class step(_Scoped):  # noqa: N801
    """Runs inside belong to this step of the current job: `with step("STEP-003"):`. Without an id, one is made."""

    _span_name = SPAN_STEP

    def __init__(
        self, step_id: str | None = None, *, name: str | None = None, attributes: dict[str, Any] | None = None
    ) -> None:
        super().__init__(name, attributes)
        self._step_id = None if step_id is None else redact_id(str(step_id))

    def _make_scope(self, context: Context) -> Scope:
        return Scope(scope_in(context).job_id, self._step_id or new_step_id())


def retry_link(previous: SpanContext) -> Link:
    """Return the link from an attempt to the one before it."""
    return Link(previous, {LINK_TYPE: "retry"})
