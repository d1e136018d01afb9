"""Events into a root, and a real server over it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from logs import START_NS, good_run, lines
from patternspan import PatternEvent

LOG = "events/pattern_events.jsonl"
BASE = "http://127.0.0.1:8321"


def append(root: Path, *runs: list[PatternEvent]) -> None:
    """Write events behind those that are there."""
    (root / "events").mkdir(parents=True, exist_ok=True)
    with (root / LOG).open("ab") as file:
        for events in runs:
            file.write(lines(events))


def some_runs(count: int, first: int = 1) -> list[list[PatternEvent]]:
    """Return runs of one job, a second after each other."""
    return [good_run(number, START_NS + number * 10**9) for number in range(first, first + count)]


class Server:
    """`patternspan serve` in a process of its own."""

    def __init__(self, root: Path, *words: str, port: int = 0, **variables: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "patternspan", "serve", "--root", str(root), "--port", str(port), *words],
            stderr=subprocess.PIPE, text=True, env={**os.environ, **variables},
        )  # fmt: skip
        assert self.process.stderr is not None
        self.told = self.process.stderr.readline()
        found = re.match(r"(http://\S+:(\d+))/", self.told)
        assert found is not None, self.told + self.process.stderr.read()
        self.url, self.port = found[1], int(found[2])

    def stop(self, number: int = signal.SIGINT) -> int:
        """End it as a person would."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise
        return self.process.returncode
