"""A line holds an event without loss; bytes that are no line are told why."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from patternspan.errors import LineError
from patternspan.model.event import PatternEvent
from patternspan.model.wire import NINE, decode, decode_object, encode, encode_value
from strategies import any_events, strict_events, values

LINE = (
    b'{"event_id":"E","event_type":"pattern.execution.started","timestamp":"2025-11-26T07:15:12.123456Z",'
    b'"job_id":"J","step_id":null,"pattern_run_id":"R","pattern_id":"P","status":"in_progress","details":{}}'
)
EVENT = PatternEvent(
    "E", "pattern.execution.started", "2025-11-26T07:15:12.123456Z", "J", None, "R", "P", "in_progress", {}
)
TOO_DEEP = b"[" * 100_000 + b"]" * 100_000
MANY_DIGITS = b"9" * 4301


def line(**members):
    return json.dumps({**json.loads(LINE), **members}).encode()


def test_a_line_is_compact_and_in_the_contracts_order():
    """The nine members come in order, without space, a missing step as null."""
    assert encode(EVENT) == LINE
    assert EVENT.to_json().encode() == LINE
    assert list(json.loads(LINE)) == list(NINE)


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n", b" \t"])
def test_the_newline_may_be_there_or_not(ending):
    """White space after the object does not matter."""
    assert decode(LINE + ending) == EVENT


@given(any_events() | strict_events())
def test_events_survive(event):
    """Whatever an event holds comes back: unknown members, a null trace id, a timestamp in another zone."""
    written = encode(event)
    assert b"\n" not in written
    assert decode(written) == event
    assert json.loads(written) == event.to_dict()


@given(any_events())
def test_lines_survive(event):
    """A line that was read is written back byte for byte."""
    written = encode(event)
    assert encode(decode(written)) == written


def test_members_of_later_versions_are_kept_and_come_last():
    """Unknown members, types and statuses are taken as they stand."""
    event = decode(line(host="b7", event_type="pattern.paused", status="paused", trace_id=None, span_id="s"))
    assert (event.event_type, event.status, event.extra) == (
        "pattern.paused",
        "paused",
        {"host": "b7", "trace_id": None},
    )
    assert list(json.loads(encode(event)))[9:] == ["span_id", "host", "trace_id"]


def test_a_missing_step_is_null():
    """A line without `step_id` is read, and written with null."""
    assert decode(LINE.replace(b'"step_id":null,', b"")) == EVENT


BROKEN = {
    "empty line": [b"", b"  \n"],
    "not JSON: it holds NUL bytes": [b"\x00" * 40, b'{"a\x00b'],
    "not JSON: the line is cut off": [LINE[:50], b"{"],
    "not UTF-8: byte 14": [LINE.replace(b"E", b"\xff", 1)],
    "not read: nested too deeply": [b'{"details":' + TOO_DEEP + b"}"],
    "an object is wanted, found an array": [b"[]"],
    "an object is wanted, found null": [b"null"],
    "missing event_id, details": [json.dumps(dict.fromkeys(NINE[1:8], "x")).encode()],
    "details: an object is wanted, found a string": [line(details="text")],
    "details: an object is wanted, found null": [line(details=None)],
    "job_id: a string is wanted, found a number": [line(job_id=7)],
    "step_id: a string is wanted, found a boolean": [line(step_id=True)],
    "timestamp: not RFC 3339 with a zone: '2025-02-30T00:00:00Z'": [line(timestamp="2025-02-30T00:00:00Z")],
    f"timestamp: not RFC 3339 with a zone: '{'9' * 57}...'": [line(timestamp="9" * 100)],
}


@pytest.mark.parametrize(("reason", "data"), [(key, data) for key, many in BROKEN.items() for data in many])
def test_a_bad_line_is_told_why(reason, data):
    """The error says in plain words what is wrong."""
    with pytest.raises(LineError) as caught:
        decode(data)
    assert str(caught.value) == reason


def attempt(read, data):
    try:
        return read(data)
    except LineError as error:
        return str(error)


@given(st.binary(max_size=300))
@example(b'{"details":' + MANY_DIGITS + b"}")
@example(LINE.replace(b"{}", b'{"n":' + MANY_DIGITS + b"}"))
@example(LINE.replace(b"{}", b'{"n":' + b"9" * 4300 + b"}"))
@example(LINE.replace(b"{}", b'{"n":1e400}'))
@example(LINE.replace(b"{}", b'{"n":NaN}'))
@example(LINE.replace(b"{}", b'{"n":"\\ud800"}'))
@example(LINE.replace(b"{}", b'{"n":' + TOO_DEEP + b"}"))
def test_any_bytes_are_read_or_refused(data):
    """Bytes are an event, an object or a LineError, never another error."""
    assert isinstance(attempt(decode, data), (PatternEvent, str))
    assert isinstance(attempt(decode_object, data), (dict, str))


@given(any_events(), st.data())
def test_damaged_lines_are_read_or_refused(event, data):
    """A line that is cut, doubled or overwritten at any place never raises another error."""
    written = encode(event)
    cut = data.draw(st.integers(0, len(written)))
    middle = data.draw(st.binary(max_size=4) | st.sampled_from([b"", b"null", b'"', b"\n", written[:cut]]))
    resumed = data.draw(st.integers(0, len(written)))
    assert isinstance(attempt(decode, written[:cut] + middle + written[resumed:]), (PatternEvent, str))


@given(st.sampled_from(NINE), values)
def test_any_member_may_hold_anything(name, value):
    """Any JSON value in the place of a member is read or refused."""
    assert isinstance(attempt(decode, line(**{name: value})), (PatternEvent, str))


@given(values)
def test_values_are_written_as_json(value):
    """Any JSON value is written as JSON that another reader reads as the same."""
    assert json.loads(encode_value(value)) == value


class Strange:
    def __str__(self):
        return "strange"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Strange(), b'"strange"'),
        (ValueError("no"), b'"ValueError: no"'),
        (float("nan"), b"null"),
        (float("-inf"), b"null"),
        ({"a": (1, {2})}, b'{"a":[1,[2]]}'),
        (b"\x00", b'"AA=="'),
    ],
)
def test_what_json_does_not_know_is_written_as_its_text(value, text):
    """A value that JSON lacks becomes its text; NaN and infinity become null."""
    assert encode_value(value) == text


def endless():
    value = []
    value.append(value)
    return value


@pytest.mark.parametrize("value", [endless(), "\ud800", 10**5000], ids=["endless", "surrogate", "huge"])
def test_what_cannot_be_written_raises(value):
    """A value without a text or an end raises, for the recorder to catch."""
    with pytest.raises((TypeError, ValueError, RecursionError)):
        encode_value(value)
