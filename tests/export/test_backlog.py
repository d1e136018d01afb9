"""What cannot be written waits in memory, in order and within a bound, and what was given up is told of in the log."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from patternspan import emit_pattern_event, health
from patternspan.export.backlog import KeptLog
from patternspan.log.reader import LogLine, read_all


def _line(number: int) -> bytes:
    return b'{"timestamp":"2026-01-01T00:00:%02d.000000Z","number":%d}\n' % (number % 60, number)


class Disk:
    """A log that fails while `full`."""

    path = "disk"

    def __init__(self) -> None:
        self.full = False
        self.lines: list[bytes] = []

    def append(self, line: bytes) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.lines.append(line)

    def close(self) -> None:
        """Nothing is open."""


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds() and time.monotonic() < end:
        time.sleep(0.01)
    assert holds()


def test_lines_that_could_not_be_written_come_in_order_once_that_works_again() -> None:
    """By themselves, without another line."""
    disk = Disk()
    log = KeptLog(disk, 10_000)
    log.append(_line(0))
    disk.full = True
    for number in range(1, 20):
        log.append(_line(number))
    assert (disk.lines, log.pending, log.is_failing) == ([_line(0)], 19, True)
    assert log.last_error == "ENOSPC: No space left on device"
    disk.full = False
    _until(lambda: not log.is_failing)
    assert disk.lines == [_line(number) for number in range(20)]
    assert log.pending == 0


def test_what_did_not_fit_into_memory_is_told_of_by_the_next_line_that_is_written() -> None:
    """The oldest go first; the line says how many were lost, of which time and why."""
    disk = Disk()
    disk.full = True
    log = KeptLog(disk, 3 * len(_line(10)))
    before = health()
    for number in range(10, 18):
        log.append(_line(number))
    assert (log.pending, health().lost - before.lost) == (3, 5)
    disk.full = False
    _until(lambda: not log.is_failing)
    gap = {
        "events": 5,
        "since": "2026-01-01T00:00:10.000000Z",
        "until": "2026-01-01T00:00:14.000000Z",
        "reason": "ENOSPC: No space left on device",
    }
    first, *rest = map(json.loads, disk.lines)
    assert first == {**json.loads(_line(15)), "gap": gap}
    assert rest == [json.loads(_line(16)), json.loads(_line(17))]
    assert health().gaps - before.gaps == 1


def test_threads_keep_their_order_across_faults_that_come_and_go() -> None:
    """Each thread's lines are there once, in the order in which it wrote them."""
    disk = Disk()
    log = KeptLog(disk, 1 << 20)
    stop = threading.Event()

    def work(me: int) -> None:
        for number in range(400):
            log.append(b'{"me":%d,"number":%d}\n' % (me, number))
            if number % 50 == 0:
                log.flush()

    def meddle() -> None:
        while not stop.is_set():
            disk.full = not disk.full
            time.sleep(0.0005)

    meddler = threading.Thread(target=meddle)
    threads = [threading.Thread(target=work, args=(me,)) for me in range(4)]
    for thread in (meddler, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    meddler.join()
    disk.full = False
    _until(lambda: not log.is_failing)
    found = [json.loads(line) for line in disk.lines]
    assert [[one["number"] for one in found if one["me"] == me] for me in range(4)] == [list(range(400))] * 4


@pytest.mark.usefixtures("faults")
def test_health_tells_what_waits_and_the_log_has_it_when_the_folder_is_back(root: Path) -> None:
    """A file in the place of the folder: events wait, nothing is raised, and they come when it has gone."""
    before = health()
    root.mkdir(exist_ok=True)
    (root / "events").write_text("in the way")

    def emit(number: int) -> None:
        emit_pattern_event("pattern.execution.started", "JOB-1", f"PRUN-{number}", "PAT-1", "in_progress", {})

    for number in range(3):
        emit(number)
    now = health()
    # Other tests of this process may have left logs that wait for ever.
    changes = (now.pending - before.pending, now.written - before.written, now.lost - before.lost)
    assert (changes, now.failing) == ((3, 0, 0), True)
    assert now.last_error == "ENOTDIR: Not a directory"
    (root / "events").unlink()
    _until(lambda: health().pending == before.pending)
    log = root / "events" / "pattern_events.jsonl"
    items = list(read_all(str(log)))
    assert [item.event.pattern_run_id for item in items if isinstance(item, LogLine)] == ["PRUN-0", "PRUN-1", "PRUN-2"]
    assert health().written - before.written == 3


def test_health_counts_what_was_withheld_by_kind(python: Callable[..., Any]) -> None:
    """In this process, since it began."""
    done = python(
        """
        from patternspan import current_run, health, pattern_span

        @pattern_span("PAT-SECRET-001", capture=True)
        def work(password: str) -> None: ...

        work("hunter2hunter2")
        print(health().redacted, health().written)
        """
    )
    assert done.stdout == "{'password': 1} 2\n"
