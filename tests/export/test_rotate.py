"""Rotation, closing and compression of one log, a step at a time."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from patternspan import PatternEvent, layout
from patternspan.errors import MissingExtraError
from patternspan.export import close
from patternspan.export.line_log import LineLog
from patternspan.export.log_options import LogOptions
from patternspan.export.rotate import Rotation
from patternspan.export.segments import rename
from patternspan.export.sink import JsonlSink
from patternspan.log.locate import with_rotated
from patternspan.log.reader import LogLine
from patternspan.log.search import Query, find_in
from patternspan.model.ids import timestamp
from patternspan.model.packing import zstd
from patternspan.model.segments import Closed
from patternspan.model.wire import encode


def event(number: int, **more: Any) -> PatternEvent:
    made = PatternEvent.create("pattern.execution.started", "JOB-1", f"PRUN-{number}", "PAT-X", "in_progress", more)
    assert isinstance(made, PatternEvent)
    return made


def line(number: int) -> bytes:
    return encode(event(number)) + b"\n"


def numbers(log: str) -> list[int]:
    """Return the numbers of the runs of all events that readers find, in order."""
    items = list(find_in(with_rotated(log), Query()))
    assert all(isinstance(item, LogLine) for item in items), items
    return [int(item.event.pattern_run_id[5:]) for item in items if isinstance(item, LogLine)]


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def at_once(_segment: str) -> bool:
    return True


@pytest.fixture
def log(tmp_path: Path) -> str:
    (tmp_path / "events").mkdir()
    return str(tmp_path / "events" / layout.LOG_NAME)


def write(log: str, *wanted: int, rotation: Rotation | None = None) -> None:
    writer = LineLog(log, options=LogOptions(rotation=rotation))
    for number in wanted:
        writer.append(line(number))
    writer.close()


def test_a_log_that_reached_its_size_is_begun_anew(log: str, tmp_path: Path) -> None:
    """The line that reaches it is the last one of its segment."""
    size = len(line(0))
    write(log, *range(7), rotation=Rotation(max_bytes=3 * size - 5, root=str(tmp_path)))
    folder = Path(log).parent
    assert names(folder) == [
        "pattern_events.00000001.jsonl",
        "pattern_events.00000002.jsonl",
        "pattern_events.jsonl",
        "pattern_events.lock",
    ]
    assert [len((folder / name).read_bytes().splitlines()) for name in names(folder)[:3]] == [3, 3, 1]
    assert numbers(log) == list(range(7))


def test_a_log_that_reached_its_age_is_begun_anew(log: str, tmp_path: Path) -> None:
    """Its age is that of its first event, whoever wrote it and when."""
    rotation = Rotation(max_seconds=3600, root=str(tmp_path))
    old = msgspec.structs.replace(event(0), timestamp=timestamp(time.time_ns() - 3601 * 10**9))
    Path(log).write_bytes(encode(old) + b"\n")
    write(log, 1, rotation=rotation)
    write(log, 2, rotation=rotation)
    assert names(Path(log).parent)[:2] == ["pattern_events.00000001.jsonl", "pattern_events.jsonl"]
    assert (numbers(log), Path(log).read_bytes().count(b"\n")) == ([0, 1, 2], 2)


def test_old_events_that_are_brought_in_make_no_log_old(log: str, tmp_path: Path) -> None:
    """Else each of them would have a segment of its own."""
    rotation = Rotation(max_seconds=3600, root=str(tmp_path))
    for number in range(3):
        old = msgspec.structs.replace(event(number), timestamp="2020-01-01T00:00:00Z")
        writer = LineLog(log, options=LogOptions(rotation=rotation))
        writer.append(encode(old) + b"\n")
        writer.close()
    assert [name for name in names(Path(log).parent) if name.endswith(".jsonl")] == [
        "pattern_events.00000001.jsonl",
        "pattern_events.jsonl",
    ]
    assert numbers(log) == [0, 1, 2]


def test_a_number_is_never_used_again(log: str) -> None:
    """Neither where the segment was removed, nor where only its seal, or only a compressed half of it, is left."""
    folder = Path(log).parent
    for taken in ("pattern_events.00000004.manifest.json", "pattern_events.00000007.jsonl.gz.tmp"):
        (folder / taken).write_bytes(b"")
        write(log, 1)
        rename(log, lambda _status: True)
    (folder / "pattern_events.index.jsonl").write_text('{"segment":"pattern_events.00000020.jsonl","removed_at":"')
    write(log, 1)
    assert rename(log, lambda _status: True) == layout.segment(log, 21)
    assert [name for name in names(folder) if name.endswith(".jsonl")] == [
        "pattern_events.00000005.jsonl",
        "pattern_events.00000008.jsonl",
        "pattern_events.00000021.jsonl",
        "pattern_events.index.jsonl",
    ]


def test_an_empty_log_and_a_missing_one_are_left(log: str) -> None:
    """There is nothing to make a segment of."""
    assert rename(log, lambda _status: True) is None
    Path(log).write_bytes(b"")
    assert rename(log, lambda _status: True) is None


def test_a_link_at_the_logs_name_is_left(log: str, tmp_path: Path) -> None:
    """What it leads to is not the log."""
    (tmp_path / "target").write_bytes(line(1))
    os.symlink(tmp_path / "target", log)
    assert rename(log, lambda _status: True) is None
    assert os.path.islink(log)


def test_who_does_not_get_the_lock_goes_on_writing(log: str, tmp_path: Path) -> None:
    """Rotation is left to who has it; nobody waits."""
    import fcntl

    with open(layout.lock(log), "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        write(log, *range(20), rotation=Rotation(max_bytes=100, root=str(tmp_path)))
    assert (names(Path(log).parent), numbers(log)) == (["pattern_events.jsonl", "pattern_events.lock"], list(range(20)))
    write(log, 20, rotation=Rotation(max_bytes=100, root=str(tmp_path)))
    assert os.path.exists(layout.segment(log, 1))


def test_closing_writes_what_the_segment_holds(log: str) -> None:
    """Count, bytes, the first and the last event, and the digest of the bytes."""
    write(log, 1, 2, 3)
    path = rename(log, lambda _status: True)
    assert path is not None
    data = Path(path).read_bytes()
    first, *_, last = (json.loads(one) for one in data.splitlines())
    assert not close.finish(log, "none", lambda _segment: False)
    assert not os.path.exists(layout.index(log))
    assert close.finish(log, "none", at_once)
    (told,) = Path(layout.index(log)).read_text().splitlines()
    members = json.loads(told)
    assert members.pop("closed_at")
    assert members == {
        "segment": "pattern_events.00000001.jsonl",
        "lines": 3,
        "bytes": len(data),
        "first_event_id": first["event_id"],
        "first_timestamp": first["timestamp"],
        "last_event_id": last["event_id"],
        "last_timestamp": last["timestamp"],
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    assert close.finish(log, "none", at_once)
    assert len(Path(layout.index(log)).read_text().splitlines()) == 1


def test_a_segment_of_lines_that_are_no_events_is_closed_too(log: str) -> None:
    """A torn end counts as a line, and there is no first and no last event."""
    Path(log).write_bytes(b"{]\n[]\ntorn")
    rename(log, lambda _status: True)
    close.finish(log, "none", at_once)
    entry = json.loads(Path(layout.index(log)).read_text())
    assert (entry["lines"], entry["bytes"], entry["first_event_id"], entry["last_timestamp"]) == (3, 10, None, None)


@pytest.mark.parametrize("compress", ["gzip", "zstd"])
def test_a_closed_segment_is_compressed_and_read_as_before(log: str, compress: str) -> None:
    """The plain file goes when the compressed one holds the same, with the same mode and age."""
    ending = {"gzip": ".gz", "zstd": ".zst"}[compress]
    write(log, *range(50))
    path = rename(log, lambda _status: True)
    assert path is not None
    data, before = Path(path).read_bytes(), os.stat(path)
    write(log, 50)
    assert close.finish(log, compress, at_once)
    assert names(Path(log).parent)[:2] == ["pattern_events.00000001.jsonl" + ending, "pattern_events.index.jsonl"]
    open_packed = gzip.open if compress == "gzip" else zstd().open
    with open_packed(path + ending) as file:
        assert file.read() == data
    after = os.stat(path + ending)
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
    assert numbers(log) == list(range(51))


def test_a_compression_that_is_not_installed_is_one_clear_error(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """With the line that installs it, when recording is set up."""
    import sys

    import patternspan

    for name in ("compression.zstd", "backports.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"python -m pip install 'patternspan\[zstd\]'"):
        patternspan.configure(root=root, compress="zstd")


def test_a_line_that_came_while_the_segment_was_compressed_is_in_the_live_log(log: str) -> None:
    """Whole lines only: a torn one was never acknowledged."""
    write(log, 1)
    path = rename(log, lambda _status: True)
    assert path is not None
    close.finish(log, "none", at_once)
    with open(path, "ab") as late:
        late.write(line(2) + line(3) + b'{"torn')
    close.finish(log, "gzip", at_once)
    assert names(Path(log).parent)[0] == "pattern_events.00000001.jsonl.gz"
    assert numbers(log) == [1, 2, 3]


def test_a_segment_that_was_changed_after_it_was_closed_is_not_compressed(log: str) -> None:
    """It stays as it is, for whoever looks into it."""
    write(log, 1)
    path = rename(log, lambda _status: True)
    assert path is not None
    close.finish(log, "none", at_once)
    changed = Path(path).read_bytes().replace(b"PRUN-1", b"PRUN-9")
    Path(path).write_bytes(changed)
    close.finish(log, "gzip", at_once)
    assert names(Path(log).parent) == [
        "pattern_events.00000001.jsonl",
        "pattern_events.index.jsonl",
        "pattern_events.lock",
    ]
    assert Path(path).read_bytes() == changed


LEFT = ["renamed", "index line", "torn index line", "half a .tmp", "plain and compressed", "plain and half compressed"]


@pytest.mark.parametrize("left", LEFT)
def test_what_a_dead_process_left_is_finished_by_the_next(log: str, left: str) -> None:
    """Whatever it had done, the events are there once before and after, and so is the index line."""
    write(log, *range(30))
    path = rename(log, lambda _status: True)
    assert path is not None
    data = Path(path).read_bytes()
    if left != "renamed":
        close.finish(log, "none", at_once)
    index = Path(layout.index(log))
    if left == "torn index line":
        index.write_bytes(index.read_bytes()[:-40])
    elif left == "half a .tmp":
        Path(path + ".gz.tmp").write_bytes(gzip.compress(data)[:-20])
    elif left.startswith("plain and"):
        whole = gzip.compress(data)
        Path(path + ".gz").write_bytes(whole if left == "plain and compressed" else whole[:50])
    assert numbers(log) == list(range(30))
    assert close.finish(log, "gzip", at_once)
    assert names(Path(log).parent) == [
        "pattern_events.00000001.jsonl.gz",
        "pattern_events.index.jsonl",
        "pattern_events.lock",
    ]
    assert gzip.decompress(Path(path + ".gz").read_bytes()) == data
    assert numbers(log) == list(range(30))
    entries = [json.loads(one) for one in index.read_bytes().splitlines() if one.endswith(b"}")]
    assert [entry["sha256"] for entry in entries] == [hashlib.sha256(data).hexdigest()]


def test_job_logs_are_rotated_too(tmp_path: Path) -> None:
    """Each by itself, with an index of its own."""
    sink = JsonlSink(
        str(tmp_path / "events"), options=LogOptions(rotation=Rotation(max_bytes=1000, root=str(tmp_path)))
    )
    for number in range(20):
        one = event(number)
        sink(encode(one) + b"\n", one.job_id, one.event_id)
    sink.close()
    job = layout.job_log(str(tmp_path), "JOB-1")
    assert os.path.exists(layout.segment(job, 2))
    assert numbers(job) == numbers(layout.global_log(str(tmp_path))) == list(range(20))


def test_an_index_line_survives_its_way_through_json() -> None:
    """The members are those that the contract of files names."""
    assert list(Closed.__struct_fields__) == [
        "segment", "lines", "bytes", "first_event_id", "first_timestamp", "last_event_id", "last_timestamp", "sha256",
        "closed_at",
    ]  # fmt: skip
