"""A line that was glued to torn ones costs the reader the torn ones only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs import good_run
from patternspan.log.glued import glued
from patternspan.log.reader import BadLine, LogLine, read_all
from patternspan.model.event import PatternEvent
from patternspan.model.wire import encode

EVENTS = good_run()


def holding(details):
    """Return an event with these details."""
    return PatternEvent(
        "EVT-1", "pattern.execution.started", "2026-01-01T00:00:00.000000Z", "JOB-1", None, "PRUN-1", "PAT-1",
        "in_progress", details,
    )  # fmt: skip


def test_an_event_behind_a_torn_line_is_read(tmp_path):
    """Wherever a line is torn, the torn one is reported and the whole one behind it comes."""
    first, second = EVENTS[:2]
    whole = encode(second)
    torn = encode(first)
    path = tmp_path / "log.jsonl"
    for cut in range(1, len(torn)):
        path.write_bytes(torn[:cut] + whole + b"\n")

        items = list(read_all(str(path)))

        assert [type(item) for item in items] == [BadLine, LogLine], cut
        assert items[1] == LogLine(str(path), cut, whole, second)


NAMES = st.sampled_from(["event_id", "a", '{"event_id":', "}", "details"])
VALUES = st.recursive(
    st.none() | st.integers(-9, 9) | st.sampled_from(['{"event_id":"EVT-2"', '}{"event_id":', "}\\", '"', "é\u2028"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
)
WHOLE = st.dictionaries(NAMES, VALUES, max_size=4).map(holding).map(encode)
PIECES = st.lists(
    st.one_of(
        WHOLE.map(lambda line: (line, True)),
        st.tuples(WHOLE, st.floats(0, 1)).map(lambda drawn: (drawn[0][: int(drawn[1] * (len(drawn[0]) - 1))], False)),
    ),
    min_size=1,
    max_size=8,
)


@given(PIECES)
def test_all_whole_events_of_a_glued_line_are_found(pieces):
    """Whatever was torn wherever, each whole event between or behind is found, in order, and nothing besides."""
    data = b"".join(text for text, _ in pieces)
    wholes = [text for text, whole in pieces if whole]
    found = [data[begin:end] for begin, end, _ in glued(data)]
    # A line that is whole has no event behind it.
    assert found == ([] if wholes == [data] else wholes)


def test_an_event_within_an_event_is_not_one_of_its_own():
    """Details that hold whole events are read as details; where such an event is torn, they are lost with it."""
    inner = EVENTS[0].to_dict()
    outer = encode(holding({"quoted": [inner, inner], "last": 1}))
    assert [event.event_id for _, _, event in glued(b'{"event_id":"EV' + outer)] == ["EVT-1"]
    assert list(glued(outer[:-4] + b"\x00")) == []


@pytest.mark.parametrize(
    "unit", [b'{"event_id":', b'{"event_id":[', b'}{"event_id":', b'{"event_id":1,"a":', b'{"event_id":"a"},'], ids=str
)
def test_a_line_made_to_be_slow_has_an_end(unit):
    """A line of beginnings alone is given up after some readings of it; the tests' own time limit is the judge."""
    assert list(glued(unit * 100_000)) == []
