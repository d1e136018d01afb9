"""The run that code executes in, and the one that stands in where there is none."""

from __future__ import annotations

from functools import cache

from opentelemetry import context as otel_context

from patternspan.record.context import RUN_KEY, scope_in
from patternspan.record.opening import Opening
from patternspan.record.run import Run
from patternspan.record.run_span import RunSpan


class NoRun(Run):
    """The run that is current where there is none: it does the caller's work and records nothing."""

    def __init__(self) -> None:
        super().__init__(_opening())

    def __bool__(self) -> bool:
        return False

    def _open(self, now: int) -> None:  # noqa: ARG002
        self._context = otel_context.set_value(RUN_KEY, self)
        self._scope = scope_in(self._context)
        self.job_id, self.step_id = self._scope.job_id, self._scope.step_id
        self._otel = _no_span()
        self._ended = True


@cache
def _opening() -> Opening:
    return Opening("none", command="none")


@cache
def _no_span() -> RunSpan:
    from opentelemetry.trace import NoOpTracer

    return RunSpan(Opening("none", command="none", tracer=NoOpTracer()), otel_context.Context(), {}, None, 0)


def current_run() -> Run:
    """Return the run that this code executes in.

    Outside any run it is one that records nothing and is false, so that executor code needs no check.
    """
    run = otel_context.get_current().get(RUN_KEY)
    return run if isinstance(run, Run) else NoRun()
