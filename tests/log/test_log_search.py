"""Queries on logs."""

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logs import SECOND, START_NS, RunMaker, failed_run, good_run, lines
from patternspan.log.reader import BadLine, LogLine
from patternspan.log.search import Query, find, find_in
from patternspan.log.since import offset_since
from patternspan.model.event import PatternEvent
from patternspan.model.ids import timestamp
from patternspan.model.wire import decode

IDS = ["PRUN-1", "PRUN-11", 'ä"/x', "-", "é", "PRUN-1\\2"]
some = st.sets(st.sampled_from(IDS), max_size=2).map(frozenset)


@st.composite
def logs_of_events(draw):
    """Return events and the bytes of a log of them, written by writers that escape more or less."""
    events, text = [], b""
    for number in range(draw(st.integers(0, 12))):
        members = {
            "event_id": f"EVT-{number}",
            "event_type": draw(st.sampled_from(["pattern.execution.started", "other"])),
            "timestamp": timestamp(START_NS + number * SECOND),
            "job_id": draw(st.sampled_from(IDS)),
            "step_id": None,
            "pattern_run_id": draw(st.sampled_from(IDS)),
            "pattern_id": draw(st.sampled_from(IDS)),
            "status": draw(st.sampled_from(["success", "failed"])),
            "details": {"pad": "p" * draw(st.integers(0, 300)), "other": draw(st.sampled_from(IDS))},
        }
        line = json.dumps(members, ensure_ascii=draw(st.booleans())).encode()
        events.append(decode(line))
        text += line + b"\n"
    return events, text


def write(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("search") / "log.jsonl"
    path.write_bytes(text)
    return str(path)


def events_of(items):
    return [item.event for item in items if isinstance(item, LogLine)]


@given(logs_of_events(), some, some, some, st.none() | st.integers(0, 5))
def test_a_search_finds_what_a_filter_finds(tmp_path_factory, log, run_ids, job_ids, pattern_ids, limit):
    """A search by bytes gives the events that looking at every event gives, however their ids are written."""
    events, text = log
    query = Query(run_ids=run_ids, job_ids=job_ids, pattern_ids=pattern_ids)
    expected = [event for event in events if query.matches(event)]
    path = write(tmp_path_factory, text)
    assert events_of(find(path, query)) == expected
    if limit is not None:
        assert events_of(find(path, query, limit)) == expected[len(expected) - min(limit, len(expected)) :]


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 280), st.integers(0, 400)), max_size=60),
    st.integers(-400, 60_000),
    st.integers(64, 2000),
)
def test_since_finds_what_a_filter_finds(tmp_path_factory, steps, after, block):
    """Nothing since a time is missed where no line is out of order by more than the slack."""
    now, text, times = START_NS, b"", []
    for number, (step, late, pad) in enumerate(steps):
        now += step * SECOND
        event = PatternEvent(
            f"EVT-{number}", "t", timestamp(now - late * SECOND), "J", None, "R", "P", "success", {"pad": "p" * pad}
        )
        text += lines([event])
        times.append(event.time_ns)
    since = START_NS + after * SECOND
    path = write(tmp_path_factory, text)
    descriptor = os.open(path, os.O_RDONLY)
    offset = offset_since(descriptor, len(text), since, block=block)
    os.close(descriptor)
    assert offset == 0 or text[offset - 1 : offset] == b"\n"
    skipped = text[:offset].count(b"\n")
    assert all(time < since for time in times[:skipped])
    assert [event.time_ns for event in events_of(find(path, Query(since_ns=since)))] == [
        time for time in times if time >= since
    ]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_since_finds_what_was_written_around_a_clock_that_was_set(tmp_path_factory, data):
    """Years forward or back, and back again: what takes two blocks and an eighth of what follows is found."""
    block = 512
    now, text, times = START_NS, b"", []
    for part in range(data.draw(st.integers(1, 5))):
        now += data.draw(st.sampled_from([-3, -1, 0, 1, 3])) * 365 * 86_400 * SECOND
        for _ in range(data.draw(st.integers(6, 60))):
            now += 30 * SECOND
            event = PatternEvent(f"EVT-{part}-{len(times)}", "t", timestamp(now), "J", None, "R", "P", "success", {})
            text += lines([event])
            times.append(now)
    since = data.draw(st.sampled_from(times)) + data.draw(st.sampled_from([0, -3600, 3600])) * SECOND
    path = write(tmp_path_factory, text)
    descriptor = os.open(path, os.O_RDONLY)
    offset = offset_since(descriptor, len(text), since, block=block, slack_ns=0)
    os.close(descriptor)
    starts = [0, *(at + 1 for at, byte in enumerate(text) if byte == 10)]
    for first, last in stretches(time >= since for time in times):
        begin, end = starts[first], starts[last + 1]
        if end - begin >= 2 * block + LONGEST and end - begin >= (len(text) - begin) / 8:
            assert offset <= begin, (first, last)


LONGEST = 200


def stretches(wanted):
    """Return the first and last index of each run of true values."""
    found, begin = [], None
    for at, is_wanted in enumerate([*wanted, False]):
        if is_wanted and begin is None:
            begin = at
        elif not is_wanted and begin is not None:
            found.append((begin, at - 1))
            begin = None
    return found


@pytest.mark.parametrize("years", [-3, 3])
def test_since_in_a_large_log_finds_both_sides_of_a_clock_that_was_set(tmp_path, years):
    """What came before the clock was set for an hour, meanwhile, and after it was set right again."""
    moment, events = START_NS, []
    for away in (0, years, 0):
        for _ in range(400):
            moment += 9 * SECOND
            events += good_run(len(events), moment + away * 365 * 86_400 * SECOND)
    path = tmp_path / "log"
    path.write_bytes(lines(events))
    for since in (START_NS + 1800 * SECOND, START_NS + 9000 * SECOND):
        found = events_of(find(str(path), Query(since_ns=since)))
        assert found == [event for event in events if event.time_ns >= since]


def test_a_device_is_no_log():
    """A device may have no end, and is not read; the one that is empty is."""
    assert list(find("/dev/zero", Query())) == [BadLine("/dev/zero", 0, "a device, not a log")]
    assert list(find("/dev/null", Query())) == []


def test_since_reads_the_end_of_a_large_log_only(tmp_path, monkeypatch):
    """What a search since a time reads does not grow with the log."""
    read = {}
    real = os.readv

    def counting(descriptor, buffers):
        count = real(descriptor, buffers)
        read["bytes"] = read.get("bytes", 0) + count
        return count

    monkeypatch.setattr(os, "readv", counting)
    path = tmp_path / "log"
    path.write_bytes(b"".join(lines(good_run(n, START_NS + n * 60 * SECOND)) for n in range(3000)))
    since = START_NS + 2999 * 60 * SECOND
    found = events_of(find(str(path), Query(since_ns=since)))
    assert [event.pattern_run_id for event in found] == [good_run(2999, since)[0].pattern_run_id] * 7
    assert read["bytes"] < path.stat().st_size / 3


def test_until_stops_after_the_slack(tmp_path):
    """Events up to a time come, and bad lines long after it are not looked at."""
    early, late = good_run(1), good_run(2, START_NS + 3600 * SECOND)
    path = tmp_path / "log"
    path.write_bytes(lines(early) + lines(late) + b"never read\n")
    assert list(map(type, find(str(path), Query(until_ns=early[-1].time_ns)))) == [LogLine] * 7


@pytest.mark.parametrize("text", ["01KAZG8A0", "PRUN-01KAZG8A0", "prun-01kazg8a0", "01kazg8a0"])
def test_a_run_is_found_by_the_beginning_of_its_id(tmp_path, text):
    """A prefix finds its run with `PRUN-` or without it, in any case."""
    run, other = good_run(1), good_run(2, START_NS + 3600 * SECOND)
    path = tmp_path / "log"
    path.write_bytes(lines(run + other))
    assert events_of(find(str(path), Query(run_prefix=text))) == run


def test_bad_lines_are_numbered_and_good_ones_come(tmp_path):
    """Each bad line is a value with its number and reason; every good line still comes."""
    good = RunMaker().begin().events
    path = tmp_path / "log"
    path.write_bytes(
        lines(good[:2])
        + b'{"event_id":"EVT-1","ti\n'
        + b"\xff\xfe\n"
        + b"[]\n\n"
        + lines(good[2:3])
        + b'{"details":"x"}'
    )
    missing = "event_id, event_type, timestamp, job_id, pattern_run_id, pattern_id, status"
    expected = [
        BadLine(str(path), 3, "not JSON: the line is cut off"),
        BadLine(str(path), 4, "not UTF-8: byte 1"),
        BadLine(str(path), 5, "an object is wanted, found an array"),
        BadLine(str(path), 8, f"missing {missing}"),
    ]
    items = list(find(str(path), Query()))
    assert [item for item in items if isinstance(item, BadLine)] == expected
    assert events_of(items) == good[:3]
    from_end = list(find(str(path), Query(), 10))
    assert sorted((item for item in from_end if isinstance(item, BadLine)), key=lambda bad: bad.number) == expected
    assert events_of(from_end) == good[:3]


def test_files_that_cannot_be_read_are_reported(tmp_path):
    """A missing file and a directory are each one report; the other file is read."""
    path = tmp_path / "log"
    path.write_bytes(lines(failed_run()))
    items = list(find_in([str(tmp_path / "none"), str(tmp_path), "nul\0", str(path)], Query()))
    assert [str(item) for item in items[:3]] == [
        f"{tmp_path / 'none'}: no such file",
        f"{tmp_path}: a directory, not a log",
        "nul\0: not a path: it holds a NUL",
    ]
    assert events_of(items) == failed_run()


def test_the_limit_is_for_all_files_together(tmp_path):
    """The newest events come from the last file first, in order."""
    old, new = tmp_path / "log.1", tmp_path / "log"
    old.write_bytes(lines(good_run(1)))
    new.write_bytes(lines(good_run(2)[:2]))
    found = events_of(find_in([str(old), str(new)], Query(), 3))
    assert found == [good_run(1)[-1], *good_run(2)[:2]]
