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
from patternspan.record.capture import redacted
from patternspan.record.context import child_environment
from patternspan.record.hub import hub
from patternspan.record.outcome import NON_ZERO_EXIT, error_type
from patternspan.record.phases import Execution, command_text
from patternspan.record.redact import redact_text
from patternspan.record.redact_stream import StreamRedactor

if TYPE_CHECKING:
    from patternspan.record.run import Run

_CHUNK: Final = 1 << 16
_END_BYTES: Final = 2048
_TICK_SECONDS: Final = 0.1
_GRACE_SECONDS: Final = 2.0
"""How long a process group has between SIGTERM and SIGKILL."""
_LINGER_SECONDS: Final = 0.5
"""How long output is still read after the tool ended, where a process that it left behind holds the pipe open."""


def tool_name(argv: Sequence[str]) -> str:
    """Return what people call a tool: the base name of its executable, the module's name for `python -m`."""
    name = os.path.basename(argv[0])
    return argv[2] if len(argv) > 2 and argv[1] == "-m" and name.startswith("python") else name


class CommandResult:
    """How a tool ended: `exit_code`, what it wrote, and where the whole of that is."""

    __slots__ = (
        "announced",
        "argv",
        "duration_seconds",
        "exit_code",
        "last_error",
        "ok",
        "stderr",
        "stderr_lines",
        "stderr_log",
        "stdout",
        "stdout_lines",
        "stdout_log",
    )
    __match_args__ = ("exit_code",)

    def __init__(
        self, argv: Sequence[str], exit_code: int, *, ok: bool, seconds: float, out: _Stream, err: _Stream
    ) -> None:
        self.announced = True
        """Whether `execution.started` names this tool's command; else the run's last event does."""
        self.argv = list(argv)
        self.exit_code = exit_code
        """The tool's exit code; negative is the number of the signal that ended it."""
        self.ok = ok
        """Whether the exit code is one of those that count as success."""
        self.duration_seconds = seconds
        self.stdout = out.text()
        """What the tool wrote, up to `keep` bytes; the whole is in `stdout_log` (empty outside any run)."""
        self.stderr = err.text()
        self.last_error = err.last_line()
        """The last line of stderr, however much came before it."""
        self.stdout_lines = out.lines
        self.stderr_lines = err.lines
        self.stdout_log = out.path
        self.stderr_log = err.path

    def __repr__(self) -> str:
        return f"<CommandResult of {self.argv[0]}: exit code {self.exit_code}>"

    @property
    def explanation(self) -> str:
        """Why the tool counts as failed: its exit code, and the last line of its stderr."""
        reason = f"exit code {self.exit_code}"
        if self.exit_code < 0:
            with contextlib.suppress(ValueError):
                reason = f"ended by {signal.Signals(-self.exit_code).name}"
        last = self.last_error
        return f"{tool_name(self.argv)}: {reason}" + (f": {last}" if last else "")

    def details(self, preview_chars: int) -> dict[str, Any]:
        """Return the members that the run's last event holds of this tool."""
        found: dict[str, Any] = {"stdout_lines": self.stdout_lines, "stderr_lines": self.stderr_lines}
        found["tool_name"] = redact_text(tool_name(self.argv))
        if not self.announced:
            found["command"] = command_text(self.argv)
        for name, text in (("stdout_preview", self.stdout), ("stderr_preview", self.stderr)):
            if text:
                found[name] = redacted(text, preview_chars)
        return found


class _Stream:
    """One output of the tool: copied to its log file, counted, and its beginning kept."""

    def __init__(self, path: str, pipe: IO[bytes], keep: int, echo: IO[bytes] | None) -> None:
        self.path = path
        self.lines = 0
        self._pipe = pipe
        self._keep = keep
        self._kept = bytearray()
        self._echo = echo
        self._last = b"\n"
        self._end = b""
        self._redactor = StreamRedactor()
        self._log = -1
        if not path:
            return
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            self._log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            guard.fault("tool log", error)

    def fileno(self) -> int:
        return self._pipe.fileno()

    def read(self) -> bool:
        """Take what is there; say whether more may come."""
        chunk = os.read(self._pipe.fileno(), _CHUNK)
        if not chunk:
            return False
        self.lines += chunk.count(b"\n")
        self._last = chunk[-1:]
        self._end = (self._end + chunk)[-_END_BYTES:]
        if len(self._kept) < self._keep:
            self._kept += chunk[: self._keep - len(self._kept)]
        if self._log >= 0:
            self._write_log(self._redactor.feed(chunk, time.monotonic()))
        if self._echo is not None:
            try:
                self._echo.write(chunk)
                self._echo.flush()
            except BrokenPipeError:
                # Whoever listened has gone. The tool learns of it as it would without us in between.
                self._echo = None
                self._pipe.close()
                return False
            except (OSError, ValueError):
                self._echo = None
        return True

    def tick(self, now: float) -> None:
        """Write the beginning of a line whose end does not come, so that a prompt is seen while it waits."""
        if self._log >= 0:
            self._write_log(self._redactor.tick(now))

    def _write_log(self, chunk: bytes) -> None:
        try:
            view = memoryview(chunk)
            while view:
                view = view[os.write(self._log, view) :]
        except OSError as error:
            guard.fault("tool log", error)

    def last_line(self) -> str:
        """Return the last line that is not blank."""
        return self._end.decode("utf-8", "replace").strip().rpartition("\n")[2].strip()

    def text(self) -> str:
        """Return what was kept."""
        return self._kept.decode("utf-8", "replace")

    def close(self) -> None:
        """Close pipe and log; a last line without its newline counts too."""
        if self._last != b"\n":
            self.lines += 1
            self._last = b"\n"
        self._pipe.close()
        if self._log >= 0:
            self._write_log(self._redactor.finish())
            os.close(self._log)
            self._log = -1


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
        self._out = _Stream(paths[0], out, keep, getattr(sys.stdout, "buffer", None) if echo else None)
        self._err = _Stream(paths[1], err, keep, getattr(sys.stderr, "buffer", None) if echo else None)
        self._progress = _Progress(run.pattern_id, name, enabled=not echo)

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


class _Progress:
    """One line on stderr while the tool runs, where a person is looking."""

    def __init__(self, pattern_id: str, name: str, *, enabled: bool) -> None:
        self._label = f"{pattern_id} {name}"
        self._shown = False
        self._next = 0.5
        self._enabled = enabled and bool(sys.stderr) and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def show(self, seconds: float, lines: int) -> None:
        if self._enabled and seconds >= self._next:
            self._next = seconds + 0.5
            self._shown = True
            self._write(f"\r\x1b[2K{self._label} … {seconds:.0f}s, {lines} lines")

    def clear(self) -> None:
        if self._shown:
            self._write("\r\x1b[2K")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()
