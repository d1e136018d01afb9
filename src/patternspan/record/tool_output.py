"""What a tool writes: copied to its log files while it runs, counted, and shown to who is waiting."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import IO, Final

from patternspan.files import open_append, open_folder
from patternspan.hidden import visible
from patternspan.record import guard
from patternspan.record.hub import hub
from patternspan.record.redact_stream import StreamRedactor

_CHUNK: Final = 1 << 16
_END_BYTES: Final = 2048


class ToolStream:
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
            logs, run = os.path.split(os.path.dirname(path))
            folder = open_folder(logs, (run,), hub.modes.folder)
            try:
                self._log = open_append(folder, os.path.basename(path), path, hub.modes.file).fd
            finally:
                os.close(folder)
        except OSError as error:
            guard.fault("tool log", error)

    def fileno(self) -> int:
        """Return the descriptor of the pipe."""
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


class Progress:
    """One line on stderr while the tool runs, where a person is looking."""

    def __init__(self, pattern_id: str, name: str, *, enabled: bool) -> None:
        self._label = visible(f"{pattern_id} {name}")
        self._shown = False
        self._next = 0.5
        self._enabled = enabled and bool(sys.stderr) and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def show(self, seconds: float, lines: int) -> None:
        """Say how long it has run and what it has written, twice a second."""
        if self._enabled and seconds >= self._next:
            self._next = seconds + 0.5
            self._shown = True
            self._write(f"\r\x1b[2K{self._label} … {seconds:.0f}s, {lines} lines")

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            self._write("\r\x1b[2K")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()
