"""What people see: data on stdout, all else on stderr; colour and pager on a terminal only."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Final, Self

from patternspan.aggregate.gaps import summary
from patternspan.aggregate.plain import counted, visible, width
from patternspan.hidden import write_out

if TYPE_CHECKING:
    from types import TracebackType

    from patternspan.aggregate.gaps import Gap
    from patternspan.log.reader import BadLine

COLORS: Final = {
    "success": "32",
    "failed": "31",
    "warning": "33",
    "in_progress": "34",
    "running": "34",
    "pending": "90",
    "skipped": "90",
    "abandoned": "35",
    "dim": "2",
    "strong": "1",
}


def wants_color(choice: bool | None, stream: IO[str]) -> bool:
    """Say whether to colour: as chosen, else by NO_COLOR, by FORCE_COLOR, by whether it is a terminal."""
    if choice is not None:
        return choice
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def is_terminal(stream: IO[str]) -> bool:
    """Say whether a person is looking at this stream."""
    try:
        return stream.isatty()
    except (AttributeError, ValueError):
        return False


class Screen:
    """The standard output of one command, as a context manager.

    On a terminal, what is longer than the screen goes to the pager (`PATTERNSPAN_PAGER`, `PAGER`, `less`).
    """

    def __init__(self, color: bool | None = None, *, paged: bool = True) -> None:
        self._out = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - it was closed by the caller
        if hasattr(self._out, "reconfigure"):
            self._out.reconfigure(errors="backslashreplace")
        self.live = is_terminal(self._out)
        """Whether a person sees the lines as they come."""
        self.colored = wants_color(color, self._out)
        self._pager: Pager | None = None
        self._waiting: list[str] = []
        self._rows = 0
        self.columns, self.lines = _size(self._out) if self.live else (0, 0)
        self._paged = paged and self.live and bool(Pager.command())
        self._below: list[str] = []
        self.bad_count = 0
        self.unread = 0
        """Whole files that could not be read."""
        self.gaps: list[Gap] = []
        """What the log says could not be written."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None or not issubclass(kind, BrokenPipeError):
                self.close()
        finally:
            if self._pager is not None:
                self._pager.close()

    def paint(self, text: str, style: str) -> str:
        """Return `text` in the colour of a status or style, where colour is wanted."""
        code = COLORS.get(style)
        return f"\x1b[{code}m{text}\x1b[0m" if self.colored and code and text else text

    def line(self, text: str = "") -> None:
        """Write one line of text that is safe already."""
        if self._pager is not None:
            self._pager.write(text + "\n")
        elif self._paged:
            self._waiting.append(text)
            self._rows += self.rows(text)
            if self._rows >= self.lines:
                self._pager = Pager()
                self._pager.write("".join(line + "\n" for line in self._waiting))
                self._waiting.clear()
        else:
            self._out.write(text + "\n")

    def rows(self, text: str) -> int:
        """Return how many rows of the terminal a line takes."""
        return max(1, -(-width(_bare(text)) // max(1, self.columns)))

    def control(self, sequence: str) -> None:
        """Send a control sequence to the terminal; nowhere where there is none."""
        if self.live:
            self._out.write(sequence)

    def raw(self, data: bytes) -> None:
        """Write one line of JSON: as it stands, or on a terminal with its control characters written out."""
        if self.live:
            self.line(json_visible(data))
            return
        buffer = getattr(self._out, "buffer", None)
        if buffer is None:
            self._out.write(data.decode(errors="backslashreplace") + "\n")
        else:
            buffer.write(data + b"\n")

    def flush(self) -> None:
        """Show now what was written."""
        self._out.flush()

    def bad(self, line: BadLine) -> None:
        """Report a line that could not be read; below the data where that is on the same terminal."""
        if line.number or line.is_new:
            self.bad_count += 1
        else:
            self.unread += 1
        self.aside(str(line))

    def gap(self, gap: Gap) -> None:
        """Report that events could not be written."""
        self.gaps.append(gap)
        self.aside(str(gap))

    def aside(self, text: str) -> None:
        """Write a line to standard error; below the data where that is on the same terminal."""
        if self._paged:
            self._below.append(text)
        else:
            note(text)

    def close(self) -> None:
        """Write what waits, then what could not be read."""
        for text in self._waiting:
            self._out.write(text + "\n")
        self._waiting.clear()
        self._out.flush()
        if self._pager is not None:
            self._pager.close()
        for text in self._below:
            note(text)
        self._below.clear()
        counts = ((self.bad_count, "line"), (self.unread, "file"))
        if any(count for count, _ in counts):
            parts = [counted(count, noun) for count, noun in counts if count]
            note(f"{' and '.join(parts)} could not be read")
        if self.gaps:
            note(summary(self.gaps))
        self.bad_count = 0
        self.gaps = []


class Pager:
    """A child process that shows text page by page; when it is left early, BrokenPipeError says so."""

    def __init__(self) -> None:
        import subprocess

        environment = {"LESS": "FRX", "LV": "-c", **os.environ}
        self._child = subprocess.Popen(  # noqa: S602 - a pager is a shell command by convention
            self.command(), shell=True, stdin=subprocess.PIPE, env=environment, encoding="utf-8",
            errors="backslashreplace",
        )  # fmt: skip

    @staticmethod
    def command() -> str:
        """Return the pager's command; empty where none is wanted or there is none."""
        for name in ("PATTERNSPAN_PAGER", "PAGER"):
            if name in os.environ:
                command = os.environ[name].strip()
                return "" if command == "cat" else command
        from shutil import which

        return "less" if which("less") else ""

    def write(self, text: str) -> None:
        """Send text to the pager."""
        if self._child.stdin is not None:
            self._child.stdin.write(text)

    def close(self) -> None:
        """Wait until the reader has left; the interrupt key is the pager's."""
        if self._child.stdin is not None and not self._child.stdin.closed:
            with suppress(BrokenPipeError):
                self._child.stdin.close()
        while True:
            try:
                self._child.wait()
            except KeyboardInterrupt:
                continue
            return


def note(text: str) -> None:
    """Write one line to standard error, safe to print."""
    if hasattr(sys.stderr, "reconfigure"):
        sys.stderr.reconfigure(errors="backslashreplace")
    sys.stderr.write(visible(text) + "\n")
    sys.stderr.flush()


def json_visible(data: bytes) -> str:
    """Return JSON of the same value in which no character steers a terminal."""
    text = data.decode(errors="backslashreplace")
    if text.isascii() and text.isprintable():
        return text
    return write_out(text, _json_escape)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _size(stream: IO[str]) -> tuple[int, int]:
    from shutil import get_terminal_size

    fallback = get_terminal_size((80, 24))
    if "COLUMNS" in os.environ and "LINES" in os.environ:
        return fallback
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return fallback
    return size.columns or fallback.columns, size.lines or fallback.lines


def _bare(text: str) -> str:
    if "\x1b" not in text:
        return text
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", text)
