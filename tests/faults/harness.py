"""Children that write, what they acknowledged, and what a reader has to say to it."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from readback import Found, read

HERE = Path(__file__).parent
PATIENCE = 30.0
"""Seconds after which a child counts as held up; nothing here waits for that long unless it fails."""


class HeldUp(AssertionError):
    """A child did not answer."""


class Child:
    """A process with one writer in it, told what to do a line at a time."""

    def __init__(
        self,
        root: Path,
        kind: str = "ours",
        name: str = "one",
        *,
        options: dict[str, Any] | None = None,
        patience: float = PATIENCE,
        prefix: Iterable[str] = (),
        **variables: str,
    ) -> None:
        self.acked: list[str] = []
        self.patience = patience
        # Not in the test's own folder, which may be a disk that is full.
        with tempfile.TemporaryFile() as errors:
            self._errors = open(os.dup(errors.fileno()), "rb", buffering=0)  # noqa: SIM115
            self.process = subprocess.Popen(
                [*prefix, sys.executable, str(HERE / "writers.py"), kind, str(root), name, json.dumps(options or {})],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **variables},
                bufsize=0,
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._in, self._out = self.process.stdin, self.process.stdout
        self._held = b""
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._out, selectors.EVENT_READ)
        try:
            self.answer()
        except HeldUp:
            self.process.kill()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()
        self._told = self.stderr
        self._errors.close()

    @property
    def stderr(self) -> str:
        """What it said there so far."""
        return self._told if self._errors.closed else os.pread(self._errors.fileno(), 1 << 20, 0).decode()

    def tell(self, code: str) -> None:
        """Send code to run, and go on."""
        self._in.write(json.dumps(code).encode() + b"\n")

    def answer(self) -> Any:
        """Wait for the end of what was told, and return its `result`. Raises HeldUp, and EOFError where it died."""
        while True:
            while b"\n" in self._held:
                line, _, self._held = self._held.partition(b"\n")
                if line[:1] == b"=":
                    return json.loads(line[1:])
                self.acked.append(line[1:].decode())
            if not self._selector.select(self.patience):
                raise HeldUp(f"no answer after {len(self.acked)} events")
            data = os.read(self._out.fileno(), 1 << 16)
            if not data:
                raise EOFError(f"died after {len(self.acked)} events: {self.stderr}")
            self._held += data

    def run(self, code: str) -> Any:
        """Run code in the child and return what it left in `result`."""
        self.tell(code)
        return self.answer()

    def write(self, count: int = 1, size: int = 50) -> None:
        """Let it record so many events."""
        self.run(f"write({count}, {size})")

    def drain(self) -> None:
        """Take what it acknowledged before it died."""
        try:
            while True:
                self.answer()
        except EOFError:
            pass

    def takes_a_stop(self) -> bool:
        """Wait until it stops itself (True) or has done what it was told (False)."""
        while os.waitpid(self.process.pid, os.WUNTRACED | os.WNOHANG)[0] == 0:
            if self._selector.select(0.0005) and b"=" in self._peek():
                return False
        return True

    def _peek(self) -> bytes:
        self._held += os.read(self._out.fileno(), 1 << 16)
        return self._held

    def go_on(self) -> None:
        """Let it go on after a stop."""
        self.process.send_signal(signal.SIGCONT)

    def stopped(self) -> bool:
        """Wait until it is stopped (True) or has ended (False)."""
        _, status = os.waitpid(self.process.pid, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            return True
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return False

    def send(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def kill(self) -> int:
        """End it, take its last acknowledgements, and return its exit code."""
        if self.process.returncode is None:
            self.process.kill()
        return self.wait()

    def wait(self) -> int:
        """Wait for its end and return its exit code."""
        if not self._out.closed:
            self.drain()
            self._out.close()
            self._in.close()
            self._selector.close()
        return self.process.wait(self.patience)


def problems(root: Path, acked: Iterable[str], *, torn: int = 0) -> list[str]:
    """Return what is wrong with a log, given what was acknowledged and how many lines may be torn."""
    found = read(root)
    counts = Counter(found.ids)
    acked = list(acked)
    lost = [event_id for event_id in acked if event_id not in counts]
    wrong = [f"lost {len(lost)} of {len(acked)}"] if lost else []
    if len(found.bad) > torn:
        wrong.append(f"{len(found.bad)} bad lines: {found.bad[0]}")
    if max(counts.values(), default=1) > 1:
        wrong.append("an event was read twice")
    return wrong + contents(found)


def contents(found: Found) -> list[str]:
    """Return what is wrong with the events themselves: a text that is not whole, a writer's order."""
    wrong = []
    last: dict[str, int] = {}
    for event in found.events:
        details = event.details
        if "writer" not in details:  # of an executor that ran beside
            continue
        if zlib.crc32(details["text"].encode()) != details["sum"]:
            wrong.append(f"{event.event_id}: not as it was written")
        if details["number"] <= last.get(details["writer"], -1):
            wrong.append(f"{event.event_id}: out of its writer's order")
        last[details["writer"]] = details["number"]
    return wrong
