"""A tool as a child process: its own span, its output kept while it runs, its end in the run's events."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Status, StatusCode

from patternspan.layout import tool_log
from patternspan.record import guard
from patternspan.record.command_result import CommandResult
from patternspan.record.context import child_environment
from patternspan.record.hub import hub
from patternspan.record.outcome import NON_ZERO_EXIT, error_type
from patternspan.record.phases import Execution, command_text
from patternspan.record.redact import redact_text
from patternspan.record.tool_output import Progress, ToolStream

if TYPE_CHECKING:
    from patternspan.record.run import Run

_TICK_SECONDS: Final = 0.1
_GRACE_SECONDS: Final = 2.0
"""How long a process group has between SIGTERM and SIGKILL."""
_LINGER_SECONDS: Final = 0.5
"""How long output is still read after the tool ended, where a process that it left behind holds the pipe open."""


def run_command(
    run: Run,
    argv: Sequence[str],
    *,
    timeout: float | None = None,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    stdin: int | IO[Any] | None = None,
    success_codes: Sequence[int] = (0,),
    echo: bool = False,
    keep: int = 1 << 20,
) -> CommandResult:
    """Run a tool as a child process of `run` and return how it ended.

    The tool gets TRACEPARENT and BAGGAGE in a copy of the environment, a CLIENT span of its own named after its
    executable, and a process group of its own, which a `timeout` (seconds) ends whole. Its output is streamed to the
    run's log files; up to `keep` bytes of each stream are in the result. An exit code outside `success_codes` makes
    the run a failure unless the executor says otherwise with `run.result(exit_code=…)`.

    Raises OSError where the tool cannot be started, subprocess.TimeoutExpired after a timeout.
    """
    if isinstance(argv, (str, bytes)):
        raise ValueError(f"run.command: a list of words is wanted, such as shlex.split({argv!r})")
    words = [os.fspath(word) if isinstance(word, os.PathLike) else str(word) for word in argv]
    if not words:
        raise ValueError("run.command: a command has at least one word, the tool's name")
    directory = None if cwd is None else os.fspath(cwd)
    announced = not run.execution_started
    environ = dict(os.environ if env is None else env)
    with Execution(run, words, "subprocess", directory, timeout):
        child = _Child(run, words, environ, directory, stdin, keep, echo=echo, announced=announced)
        result = child.watch(timeout, frozenset(success_codes))
    run.take_tool(result)
    return result


class _Child:
    """A started tool."""

    def __init__(
        self,
        run: Run,
        argv: list[str],
        environ: dict[str, str],
        cwd: str | None,
        stdin: int | IO[Any] | None,
        keep: int,
        *,
        echo: bool,
        announced: bool,
    ) -> None:
        self._run = run
        self._argv = argv
        self._announced = announced
        self._started = time.monotonic()
        name = os.path.basename(argv[0])
        self._span = guard.started(lambda: _start_span(run, name)) if run else INVALID_SPAN
        parent = trace.get_current_span() if self._span is INVALID_SPAN else self._span
        token = otel_context.attach(trace.set_span_in_context(parent))
        try:
            self._process = subprocess.Popen(
                argv,
                cwd=cwd,
                env=child_environment(environ),
                stdin=subprocess.DEVNULL if stdin is None else stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except BaseException as error:
            self._end_span(error)
            raise
        finally:
            otel_context.detach(token)
        self._span.set_attribute("process.pid", self._process.pid)
        out, err = self._process.stdout, self._process.stderr
        if out is None or err is None:
            raise AssertionError("both pipes were asked for")
        # Outside any run there is no place where anybody would look for the output.
        paths = [tool_log(hub.root, run.run_id, name) if run else "" for name in ("stdout", "stderr")]
        self._out = ToolStream(paths[0], out, keep, getattr(sys.stdout, "buffer", None) if echo else None)
        self._err = ToolStream(paths[1], err, keep, getattr(sys.stderr, "buffer", None) if echo else None)
        self._progress = Progress(run.pattern_id, name, enabled=not echo)

    def watch(self, timeout: float | None, success_codes: frozenset[int]) -> CommandResult:
        """Read until the tool has ended, within `timeout` seconds."""
        try:
            self._read(None if timeout is None else self._started + timeout)
        except BaseException as error:
            self._end_group()
            self._close()
            if isinstance(error, _TimedOut):
                # As one text: that is how secrets among its options are known, should the message be recorded.
                error = subprocess.TimeoutExpired(
                    command_text(self._argv), timeout or 0, self._out.text().encode(), self._err.text().encode()
                )
                self._take(ok=False)
                self._end_span(error)
                raise error from None
            self._end_span(error)
            raise
        self._close()
        result = self._take(ok=self._process.returncode in success_codes)
        self._end_span(None, ok=result.ok)
        return result

    def _take(self, *, ok: bool) -> CommandResult:
        result = CommandResult(
            self._argv,
            self._process.returncode,
            ok=ok,
            seconds=time.monotonic() - self._started,
            out=self._out,
            err=self._err,
        )
        result.announced = self._announced
        self._run.take_tool(result)
        return result

    def _read(self, deadline: float | None) -> None:
        ended = 0.0
        with selectors.DefaultSelector() as selector:
            for stream in (self._out, self._err):
                selector.register(stream, selectors.EVENT_READ, stream)
            while selector.get_map():
                for key, _ in selector.select(_TICK_SECONDS):
                    if not key.data.read():
                        selector.unregister(key.fileobj)
                now = time.monotonic()
                self._out.tick(now)
                self._err.tick(now)
                self._progress.show(now - self._started, self._out.lines + self._err.lines)
                if self._process.poll() is not None:
                    ended = ended or now
                    if now - ended > _LINGER_SECONDS:
                        break
                elif deadline is not None and now > deadline:
                    raise _TimedOut
        while self._process.poll() is None:
            # Both pipes are closed and the tool still runs.
            now = time.monotonic()
            if deadline is not None and now > deadline:
                raise _TimedOut
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_TICK_SECONDS)

    def _end_group(self) -> None:
        """End the tool and all that it started: SIGTERM, then SIGKILL."""
        try:
            self._signal_group(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE_SECONDS)
        finally:
            # Also where a second interrupt comes while this one is waited for: no terminal reaches the group.
            self._signal_group(signal.SIGKILL)
            self._process.wait()
        for stream in (self._out, self._err):
            with contextlib.suppress(OSError, ValueError):  # nothing more in it, or closed
                os.set_blocking(stream.fileno(), False)
                while stream.read():
                    pass

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _close(self) -> None:
        self._progress.clear()
        self._out.close()
        self._err.close()

    def _end_span(self, error: BaseException | None, *, ok: bool = True) -> None:
        process = getattr(self, "_process", None)
        if process is not None and process.returncode is not None:
            self._span.set_attribute("process.exit.code", process.returncode)
        if error is not None or not ok:
            self._span.set_attribute("error.type", NON_ZERO_EXIT if error is None else error_type(error))
            self._span.set_status(Status(StatusCode.ERROR))
        guard.ended(self._span)


def _start_span(run: Run, name: str) -> Span:
    return run.tracer.start_span(
        redact_text(name), kind=SpanKind.CLIENT, attributes={"process.executable.name": redact_text(name)}
    )


class _TimedOut(Exception):  # noqa: N818 - it never leaves this file
    """The deadline passed."""
