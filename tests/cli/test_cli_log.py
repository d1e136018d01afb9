"""`patternspan log`: what the log consists of, rotating it, removing what is old."""

import json
import os
import re

import pytest
from screens import calm, log, matches_golden, run  # noqa: F401

from logs import START_NS, good_run, lines
from patternspan import layout
from patternspan.model.segments import Closed, Removed
from patternspan.model.wire import encode_value

HOUR_NS = 3600 * 10**9


@pytest.fixture
def state(tmp_path):
    """Make a log of a compressed, a sealed and an unclosed segment, a live file, and something beside it."""
    whole = log(tmp_path, lines(good_run(4, START_NS + 4 * HOUR_NS)))
    path, folder = str(whole), whole.parent
    entries = []
    for number in (1, 2, 3):
        events = good_run(number, START_NS + number * HOUR_NS)
        data = lines(events)
        if number == 1:
            import gzip

            (folder / "pattern_events.00000001.jsonl.gz").write_bytes(gzip.compress(data, mtime=0))
        else:
            (folder / f"pattern_events.0000000{number}.jsonl").write_bytes(data)
        if number < 3:
            first, last = events[0], events[-1]
            entry = Closed(
                segment=f"pattern_events.0000000{number}.jsonl",
                lines=7,
                bytes=len(data),
                first_event_id=first.event_id,
                first_timestamp=first.timestamp,
                last_event_id=last.event_id,
                last_timestamp=last.timestamp,
            )
            entries.append(entry)
    entries.append(Removed(segment="pattern_events.00000000.jsonl", removed_at="x", reason="keep_bytes", lines=12))
    (folder / "pattern_events.index.jsonl").write_bytes(b"".join(encode_value(entry) + b"\n" for entry in entries))
    (folder / "pattern_events.00000002.manifest.json").write_text("{}")
    runs = tmp_path / "state" / "pattern_runs" / "2025-11"
    runs.mkdir(parents=True)
    (runs / "PRUN-1.jsonl").write_bytes(b"x" * 100)
    return path


def masked(text):
    """Put the size of the compressed file out, which another zlib makes another one."""
    text = re.sub(r"( +)(\d{3})(?=  2025-11-26 08:15:12)", "  SIZE", text)
    return re.sub(r"[\d,]+ bytes with job logs", "SIZE bytes with job logs", text)


def test_status_shows_each_file_and_what_is_due(state, monkeypatch):
    """Lines, bytes, times and state of each; what was removed; the limits."""
    monkeypatch.setenv("PATTERNSPAN_ROTATE_HOURS", "24")
    monkeypatch.setenv("PATTERNSPAN_KEEP_BYTES", "1000000")
    code, out, err = run("log", "status")
    assert (code, err) == (0, "")
    assert matches_golden("log_status", masked(out))


def test_status_as_json(state, monkeypatch):
    """The same as one object."""
    monkeypatch.setenv("PATTERNSPAN_KEEP_DAYS", "1")
    code, out, _ = run("log", "status", "--json")
    found = json.loads(out)
    assert (code, found["log"]) == (0, os.path.relpath(state))
    assert [(file["state"], file["lines"], file["sealed"], file["compressed"]) for file in found["files"]] == [
        ("closed, gzip", 7, False, True),
        ("closed", 7, True, False),
        ("not closed yet", 7, False, False),
        ("live", 7, False, False),
    ]
    assert found["removed"] == {"segments": 1, "lines": 12, "by_reason": {"keep_bytes": 1}}
    assert (found["due"]["rotate"], found["due"]["close"], found["due"]["prune"]) == ("", 1, 2)


def test_nothing_is_made_by_looking(tmp_path):
    """Where there is no log, the exit code says so."""
    for command in ("status", "rotate", "prune"):
        code, _, err = run("log", command)
        assert (code, err.count("no log here yet")) == ((3, 1) if command == "status" else (0, 0))
    assert os.listdir() == []


def test_rotate_names_what_it_rotated_and_closed(state):
    """And a second time there is nothing in the log."""
    code, out, err = run("log", "rotate")
    new, left = layout.segment(state, 4), layout.segment(state, 3)
    assert (code, out, err) == (0, f"rotated: {new}\nclosed: {left}\nclosed: {new}\n", "")
    assert run("log", "rotate")[1] == "nothing to rotate: the log is empty\n"
    assert len(run("events", "--json")[1].splitlines()) == 28


def test_prune_shows_what_would_go_and_removes_it(state, monkeypatch):
    """The closed segments are days old, by their events."""
    code, out, err = run("log", "prune")
    assert (code, out.split(",")[0], err) == (
        0,
        "0 things removed",
        "keep_days and keep_bytes are 0: everything is kept\n",
    )
    monkeypatch.setenv("PATTERNSPAN_KEEP_DAYS", "1")
    would = run("log", "prune", "--dry-run")[1]
    assert [line.split("  ")[0] for line in would.splitlines()[:-1]] == [
        "events/pattern_events.00000001.jsonl",
        "events/pattern_events.00000002.jsonl",
    ]
    assert "2 things would be removed, " in would
    done = run("log", "prune")[1]
    assert done.partition(";")[0] == would.partition(";")[0].replace("would be removed", "removed")
    assert len(run("events", "--json")[1].splitlines()) == 14
    told = run("log", "status")[1]
    assert "\nremoved   3 segments, 26 lines (keep_bytes 1, keep_days 2)\n" in told


def test_another_folder_than_that_of_a_root_is_refused(tmp_path):
    """Rotation and removal are about a root."""
    (tmp_path / "elsewhere").mkdir()
    code, _, err = run("--events-dir", "elsewhere", "log", "rotate")
    assert (code, err.splitlines()[0].endswith("name the root: --root DIR")) == (2, True)
