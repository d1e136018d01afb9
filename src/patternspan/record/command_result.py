"""How a tool ended."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Sequence
from typing import Any

from patternspan.record.capture import redacted
from patternspan.record.phases import command_text
from patternspan.record.redact import redact_text
from patternspan.record.tool_output import ToolStream


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
        self, argv: Sequence[str], exit_code: int, *, ok: bool, seconds: float, out: ToolStream, err: ToolStream
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
