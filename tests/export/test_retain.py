"""What is kept: by age and by total size, the oldest first, never outside the root."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

import patternspan
from patternspan import PatternEvent, layout
from patternspan.export.line_log import LineLog
from patternspan.export.log_options import LogOptions
from patternspan.export.rotate import Rotation
from patternspan.export.sink import JsonlSink
from patternspan.model.ids import timestamp
from patternspan.model.wire import encode

DAY = 86_400
NOW = time.time_ns()


def write(log: str, days_ago: float, count: int = 3) -> None:
    """Write a log whose events, and whose file, are so many days old."""
    os.makedirs(os.path.dirname(log), exist_ok=True)
    then = NOW - int(days_ago * DAY) * 10**9
    with open(log, "ab") as file:
        for number in range(count):
            moment = timestamp(then + number)
            file.write(encode(PatternEvent("EVT-1", "t", moment, "J", None, "R", "P", "success", {})) + b"\n")
    os.utime(log, ns=(then, then))


def other(root: Path, path: str, days_ago: float, size: int = 100) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"x" * size)
    then = NOW - int(days_ago * DAY) * 10**9
    os.utime(file, ns=(then, then))


def files(root: Path) -> list[str]:
    """Return what is below the root, but for locks and indexes."""
    found = [str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()]
    return sorted(path for path in found if not path.endswith((".lock", ".index.jsonl")))


def index(root: Path, log: str = "") -> list[dict[str, Any]]:
    path = layout.index(log or layout.global_log(str(root)))
    return [json.loads(line) for line in Path(path).read_text().splitlines()] if os.path.exists(path) else []


def removals(root: Path, log: str = "") -> list[dict[str, Any]]:
    found = [entry for entry in index(root, log) if "removed_at" in entry]
    for entry in found:
        entry.pop("removed_at")
        entry.pop("bytes", None)
    return found


def prune(root: Path, *, dry_run: bool = False, **limits: int) -> list[str]:
    """Return the names of what was removed, with this configuration of the process."""
    patternspan.configure(root=root, rotate_bytes=0, **limits)  # type: ignore[arg-type]
    return [removal.name for removal in patternspan.prune(dry_run=dry_run).removed]


def stand(root: Path) -> None:
    """Make a root with something of each kind, from ten days ago to now."""
    log = layout.global_log(str(root))
    for number, days in ((1, 10), (2, 5), (3, 1)):
        write(layout.segment(log, number), days)
    write(log, 0)
    other(root, "pattern_runs/2026-11/PRUN-OLD.jsonl", 9)
    other(root, "pattern_runs/2026-11/PRUN-NEW.jsonl", 0.5)
    other(root, "logs/PRUN-OLD/stdout.log", 8)
    other(root, "logs/PRUN-OLD/stderr.log", 8)
    other(root, "logs/PRUN-NEW/stdout.log", 0.5)
    write(layout.job_log(str(root), "JOB-OLD"), 7)
    write(layout.job_log(str(root), "JOB-NEW"), 0.5)


def test_nothing_goes_by_default(root: Path) -> None:
    """Both limits are off."""
    stand(root)
    before = files(root)
    assert prune(root) == []
    assert files(root) == before


def test_what_is_older_than_its_days_goes(root: Path) -> None:
    """Segments, archived runs, tool output and job logs alike; the live log stays."""
    stand(root)
    write(layout.global_log(str(root)), 30)
    would = prune(root, dry_run=True, keep_days=6)
    assert would == [
        "events/pattern_events.00000001.jsonl",
        "pattern_runs/2026-11/PRUN-OLD.jsonl",
        "logs/PRUN-OLD",
        "events/jobs/JOB-OLD/pattern_events.jsonl",
    ]
    assert "events/pattern_events.00000001.jsonl" in files(root)
    assert sorted(prune(root, keep_days=6)) == sorted(would)
    assert files(root) == [
        "events/jobs/JOB-NEW/pattern_events.jsonl",
        "events/pattern_events.00000002.jsonl",
        "events/pattern_events.00000003.jsonl",
        "events/pattern_events.jsonl",
        "logs/PRUN-NEW/stdout.log",
        "pattern_runs/2026-11/PRUN-NEW.jsonl",
    ]
    assert not (root / "logs/PRUN-OLD").exists()
    assert not (root / "events/jobs/JOB-OLD").exists()
    assert sorted(removals(root), key=str) == [
        {"segment": "jobs/JOB-OLD", "reason": "keep_days", "lines": 3},
        {"segment": "logs", "reason": "keep_days"},
        {"segment": "pattern_events.00000001.jsonl", "reason": "keep_days", "lines": 3},
        {"segment": "pattern_runs", "reason": "keep_days"},
    ]


def test_the_oldest_goes_first_until_the_rest_is_small_enough(root: Path) -> None:
    """And no more than that."""
    stand(root)
    total = patternspan.prune(root).total
    names = [
        "events/pattern_events.00000001.jsonl",
        "pattern_runs/2026-11/PRUN-OLD.jsonl",
        "logs/PRUN-OLD",
    ]
    # Closing writes an index, which counts.
    keep = total - os.path.getsize(root / names[0]) - 100 - 1
    assert prune(root, dry_run=True, keep_bytes=keep) == names


def test_the_age_of_a_closed_segment_is_that_of_its_last_event(root: Path) -> None:
    """Whatever the time on its file says."""
    log = layout.global_log(str(root))
    write(log, 10)
    patternspan.rotate(root)
    os.utime(layout.segment(log, 1))
    assert prune(root, dry_run=True, keep_days=9) == ["events/pattern_events.00000001.jsonl"]
    assert prune(root, dry_run=True, keep_days=11) == []


def test_links_are_not_followed_and_nothing_outside_the_root_is_touched(root: Path, tmp_path: Path) -> None:
    """Neither a link that stands for a file, nor one for any folder on the way."""
    outside = tmp_path / "outside"
    for folder in ("PRUN-X", "2026-01", "JOB-X"):
        other(outside, f"{folder}/a.jsonl", 30)
        write(str(outside / folder / "pattern_events.00000001.jsonl"), 30)
    for place, folder in (("logs", "PRUN-X"), ("pattern_runs", "2026-01"), ("events/jobs", "JOB-X")):
        (root / place).mkdir(parents=True)
        (root / place / folder).symlink_to(outside / folder)
    (root / "events/pattern_events.00000001.jsonl").symlink_to(outside / "JOB-X" / "pattern_events.00000001.jsonl")
    before = files(tmp_path)
    assert prune(root, keep_days=1) == []
    (root / "logs" / "PRUN-X").unlink()
    (root / "logs").rmdir()
    (root / "logs").symlink_to(outside)
    assert prune(root, keep_days=1, keep_bytes=1) == []
    assert [path for path in before if path.startswith("outside")] == [
        path for path in files(tmp_path) if path.startswith("outside")
    ]


def test_files_of_others_stay(root: Path) -> None:
    """What logrotate made is logrotate's to remove; a seal stays when its segment goes, its leaves go with it."""
    log = layout.global_log(str(root))
    write(log + ".1", 30)
    write(layout.segment(log, 1), 30)
    other(root, "events/pattern_events.00000001.manifest.json", 30)
    other(root, "events/pattern_events.00000001.leaves", 30)
    other(root, "events/notes.txt", 30)
    other(root, "mine.jsonl", 30)
    assert prune(root, keep_days=1) == ["events/pattern_events.00000001.jsonl"]
    assert files(root) == [
        "events/notes.txt",
        "events/pattern_events.00000001.manifest.json",
        "events/pattern_events.jsonl.1",
        "mine.jsonl",
    ]


def test_a_job_that_wakes_up_begins_a_new_log(root: Path) -> None:
    """The writer had the removed one open, and takes over what it wrote last; a log that was just written to stays."""
    log = layout.job_log(str(root), "JOB-1")
    writer = LineLog(log)
    writer.append(b"old\n")
    assert prune(root, keep_bytes=1) == []
    os.utime(log, ns=(NOW - 10**10, NOW - 10**10))
    wait_for_recheck(writer)
    assert prune(root, keep_bytes=1) == ["events/jobs/JOB-1/pattern_events.jsonl"]
    assert not os.path.exists(os.path.dirname(log))
    writer.append(b"new\n")
    writer.close()
    assert Path(log).read_bytes() == b"old\nnew\n"
    (line,) = [entry for entry in index(root) if entry["segment"] == "jobs/JOB-1"]
    assert line["lines"] == 1


def wait_for_recheck(writer: LineLog) -> None:
    """Wait until the writer would look at the path before its next line."""
    end = time.monotonic() + 1.1
    while time.monotonic() < end:
        time.sleep(0.05)
    assert writer.fd >= 0


@pytest.mark.parametrize("job_logs", [False, True])
def test_the_cap_holds_while_it_is_written(tmp_path: Path, job_logs: bool) -> None:
    """After each batch of lines the total comes to be within a segment of the cap, and what went is counted."""
    root, size, cap = tmp_path / "state", 100_000, 600_000
    rotation = Rotation(max_bytes=size, keep_bytes=cap, root=str(root))
    sink = JsonlSink(str(root / "events"), job_logs=job_logs, options=LogOptions(rotation=rotation))
    written = 0
    for number in range(100):
        for _ in range(20):
            event = PatternEvent.create("t", "JOB-1", f"PRUN-{number}", "P", "success", {"x": "x" * 1500})
            sink(encode(event) + b"\n", event.job_id, event.event_id)
            written += 1
        end = time.monotonic() + 30
        while patternspan.prune(str(root), dry_run=True).total > cap + size:
            assert time.monotonic() < end, "the background removes nothing"
            time.sleep(0.005)
    sink.close()
    end = time.monotonic() + 30
    while lines_told(root) + lines_left(root) != written:
        assert time.monotonic() < end, "lines went that were not counted"
        time.sleep(0.01)


def lines_told(root: Path) -> int:
    """Return how many lines of the log of all events were removed, by its index."""
    return sum(entry["lines"] for entry in removals(root))


def lines_left(root: Path) -> int:
    logs = [*(root / "events").glob("pattern_events.0*.jsonl"), root / "events" / layout.LOG_NAME]
    return sum(path.read_bytes().count(b"\n") for path in logs if path.exists())
