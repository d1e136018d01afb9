"""Writers under test, ours and naive ones: each injection has to find the fault of a naive one.

As a program (`python writers.py NAME ROOT WRITER OPTIONS`): takes Python code from its standard input, a JSON string a
line, and runs it; `+ID` on the standard output acknowledges an event, `=JSON` ends each piece of code.
"""

from __future__ import annotations

import copy
import fcntl
import json
import logging
import logging.handlers
import os
import queue
import sys
import threading
import zlib
from collections.abc import Callable
from typing import Any, Self

import patternspan
from patternspan import PatternEvent
from patternspan.model.wire import encode

TEXT = "all work and no play makes a dull log "


def details_of(writer: str, number: int, size: int) -> dict[str, Any]:
    """Return details of about so many bytes, which say whether they came whole."""
    text = (TEXT * (size // len(TEXT) + 1))[:size]
    return {"writer": writer, "number": number, "text": text, "sum": zlib.crc32(text.encode())}


class Writer:
    """Counts its events and acknowledges each: `write` has returned."""

    def __init__(self, root: str, name: str, options: dict[str, Any]) -> None:
        self.root = root
        self.name = name
        self.number = 0
        self.log = os.path.join(root, "events", "pattern_events.jsonl")
        self.open(options)

    def open(self, options: dict[str, Any]) -> None:
        os.makedirs(os.path.dirname(self.log), exist_ok=True)

    def another(self, name: str) -> Self:
        """Return a writer of another name that shares what this one writes with: for a thread of its own."""
        other = copy.copy(self)
        other.name, other.number = name, 0
        return other

    def one(self, size: int = 50) -> str:
        """Record one event and return its id."""
        details = details_of(self.name, self.number, size)
        self.number += 1
        return self.record(details)

    def record(self, details: dict[str, Any]) -> str:
        event = PatternEvent.create(
            "pattern.execution.started", "JOB-1", "PRUN-" + self.name, "PAT-FAULT-001", "in_progress", details
        )
        self.append(encode(event) + b"\n")
        return event.event_id

    append: Callable[[bytes], None]
    """How a naive writer appends a line; each has a fault of its own."""


class Ours(Writer):
    """The package, by its public names."""

    def open(self, options: dict[str, Any]) -> None:
        patternspan.configure(root=self.root, **{"job_log": False, "archive": False, **options})

    def record(self, details: dict[str, Any]) -> str:
        return patternspan.emit_pattern_event(
            "pattern.execution.started", "JOB-1", "PRUN-" + self.name, "PAT-FAULT-001", "in_progress", details
        ).event_id


class Plain(Writer):
    """What everybody writes first: a file object and its buffer."""

    def open(self, options: dict[str, Any]) -> None:
        super().open(options)
        self.file = open(self.log, "a", encoding="utf-8")  # noqa: SIM115

    def append(self, line: bytes) -> None:
        self.file.write(line.decode())


class Flushed(Plain):
    """The same with a flush, which raises where it fails."""

    def append(self, line: bytes) -> None:
        self.file.write(line.decode())
        self.file.flush()


class Logging(Writer):
    """The standard library's handler, which reports its faults to stderr and forgets the record."""

    def open(self, options: dict[str, Any]) -> None:
        super().open(options)
        self.handler: logging.Handler = logging.FileHandler(self.log)

    def append(self, line: bytes) -> None:
        record = logging.LogRecord("events", logging.INFO, "", 0, line.decode().rstrip("\n"), (), None)
        self.handler.handle(record)


class Buffered(Logging):
    """The standard library's handler behind its buffer."""

    def open(self, options: dict[str, Any]) -> None:
        super().open(options)
        self.handler = logging.handlers.MemoryHandler(1000, target=self.handler)


class Locked(Writer):
    """Takes turns under a lock that whoever is stopped keeps."""

    def append(self, line: bytes) -> None:
        with open(self.log, "ab", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(line)
            fcntl.flock(file, fcntl.LOCK_UN)


class Early(Writer):
    """Acknowledges what a thread will write later."""

    def open(self, options: dict[str, Any]) -> None:
        super().open(options)
        self.waiting: queue.Queue[bytes] = queue.Queue()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self) -> None:
        while True:
            batch = b"".join(self.waiting.get() for _ in range(1000))
            with open(self.log, "ab") as file:
                file.write(batch)

    def append(self, line: bytes) -> None:
        self.waiting.put(line)


class Halves(Writer):
    """Writes a line in two parts."""

    def append(self, line: bytes) -> None:
        file = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        middle = len(line) // 2
        os.write(file, line[:middle])
        os.write(file, line[middle:])
        os.close(file)


class Selfish(Writer):
    """Takes turns under a lock of its process, which its own signal handler waits for."""

    lock = threading.Lock()

    def append(self, line: bytes) -> None:
        with self.lock:
            file = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(file, line)
            os.close(file)


WRITERS: dict[str, type[Writer]] = {
    kind.__name__.lower(): kind for kind in (Ours, Plain, Flushed, Logging, Buffered, Locked, Early, Halves, Selfish)
}


def ack(event_id: str) -> None:
    """Acknowledge an event."""
    os.write(1, f"+{event_id}\n".encode())


def main() -> None:
    name, root, own, options = sys.argv[1:5]
    writer = WRITERS[name](root, own, json.loads(options))

    def write(count: int = 1, size: int = 50, by: Writer = writer) -> None:
        for _ in range(count):
            ack(by.one(size))

    def write_on(by: Writer) -> None:
        while True:
            ack(by.one(300))

    space: dict[str, Any] = {
        "writer": writer,
        "write": write,
        "write_on": write_on,
        "ack": ack,
        "os": os,
        "patternspan": patternspan,
    }
    os.write(1, b"=null\n")
    for line in sys.stdin:
        space["result"] = None
        exec(json.loads(line), space)
        os.write(1, b"=" + json.dumps(space["result"]).encode() + b"\n")


if __name__ == "__main__":
    main()
