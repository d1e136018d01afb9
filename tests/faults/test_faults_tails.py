"""A torn or foreign tail costs the reader that record alone, and the next writer begins on a line of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from readback import read
from steps import FULL

from patternspan import PatternEvent, PatternEventEmitter
from patternspan.model.wire import encode
from patternspan.record.hub import hub


@pytest.fixture(autouse=True, scope="module")
def _lines_as_given() -> Iterator[None]:
    """No trace ids are added, whatever provider another test has left in this process."""
    hub.start()
    before, hub.trace_members = hub.trace_members, False
    yield
    hub.trace_members = before


def event_of(number: int) -> PatternEvent:
    return PatternEvent.create(
        "pattern.execution.started", "JOB-1", f"PRUN-{number}", "PAT-TAIL-001", "in_progress", {"text": "zäh 🧵 \x00"}
    )


def after_tail(folder: Path, tail: bytes) -> tuple[list[str], list[str], int]:
    """Leave a tail in a log, let a writer go on, and return the runs written and found, and the count of bad lines."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "pattern_events.jsonl"
    events = [event_of(number) for number in range(3)]
    log.write_bytes(encode(events[0]) + b"\n" + tail)
    emitter = PatternEventEmitter(folder)
    for event in events[1:]:
        emitter.emit(event)
    found = read(log)
    assert log.read_bytes().split(b"\n")[-3:] == [encode(events[1]), encode(events[2]), b""]
    return [event.event_id for event in events], found.ids, len(found.bad)


WHOLE = encode(event_of(9))


def test_an_event_cut_at_every_byte_costs_itself_alone(tmp_path: Path) -> None:
    """Also in the middle of a character of several bytes."""
    for cut in range(1, len(WHOLE)):
        written, found, bad = after_tail(tmp_path / str(cut), WHOLE[:cut])
        assert (found, bad) == (written, 1), WHOLE[:cut]


def test_an_event_that_lacks_its_newline_alone_is_read(tmp_path: Path) -> None:
    """It is whole."""
    written, found, bad = after_tail(tmp_path, WHOLE)
    assert (len(found), bad) == (len(written) + 1, 0)


FOREIGN = {
    "NULs": bytes(5000),
    "NULs and an old line": bytes(100) + WHOLE[20:],
    "old bytes": WHOLE[100:],
    "half a character": "🧵".encode()[:2],
    "high bytes": b"\xff\xfe" * 40,
    "open quotes": b'{"event_id":"' * 30,
    "nested": b"[" * 100_000,
    "a carriage return": WHOLE[:50] + b"\r",
    "4096 bytes": b"x" * 4096,
}


@pytest.mark.parametrize("tail", FOREIGN.values(), ids=FOREIGN)
def test_foreign_bytes_cost_no_event(tmp_path: Path, tail: bytes) -> None:
    """What a file system leaves after a crash."""
    written, found, bad = after_tail(tmp_path, tail)
    assert (found, bad) == (written, 1)


@settings(max_examples=1000 if FULL else 100, deadline=None)
@given(st.binary(max_size=300), st.integers(0, len(WHOLE) - 1))
def test_no_tail_of_any_bytes_takes_an_event_with_it(junk: bytes, cut: int) -> None:
    """Random bytes behind a part of an event."""
    with tempfile.TemporaryDirectory() as folder:
        written, found, _ = after_tail(Path(folder), WHOLE[:cut] + junk)
    assert found == written


def test_a_writer_that_does_not_look_is_found_out(tmp_path: Path) -> None:
    """The same bytes under a plain append glue the next line to the torn one."""
    log = tmp_path / "pattern_events.jsonl"
    log.write_bytes(WHOLE[:100])
    with open(log, "ab") as file:
        file.write(encode(event_of(1)) + b"\n")
    assert len(log.read_bytes().splitlines()) == 1
    assert len(read(log).bad) == 1
