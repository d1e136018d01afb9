"""Ids rise whatever the clock and the threads do; timestamps are exact."""

import calendar
import itertools
import os
import re
import threading
from datetime import UTC, datetime, timedelta

import pytest
import ulid
from hypothesis import given
from hypothesis import strategies as st

from patternspan.model import ids
from patternspan.model.ids import IdMaker, id_time_ms, instant, is_timestamp, timestamp
from strategies import moments, written

NOON_NS = 1_764_158_400_000_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_NS = -62_135_596_800_000_000_000
LAST_NS = 253_402_300_799_999_999_999


def nanoseconds(moment):
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


@pytest.mark.parametrize(
    ("make", "prefix"),
    [
        (ids.new_event_id, "EVT-"),
        (ids.new_run_id, "PRUN-"),
        (ids.new_job_id, "JOB-"),
        (ids.new_step_id, "STEP-"),
    ],
)
def test_ids_are_a_prefix_and_a_ulid(make, prefix):
    """Each kind of id has its prefix before a ULID, also where the clock is not given."""
    for identifier in (make(NOON_NS), make()):
        assert re.fullmatch(prefix + ids.ULID, identifier)


@given(st.lists(st.integers(-(10**12), 2**48 * 10**6 - 1), min_size=1, max_size=200))
def test_ids_rise_whatever_the_clock_says(clock):
    """Ids rise within a millisecond and when the clock steps back."""
    maker = IdMaker()
    made = [maker.ulid(time_ns) for time_ns in clock]
    assert made == sorted(set(made))


def test_ids_rise_past_the_end_of_a_counter():
    """More ids than one block's counter holds still rise within one millisecond."""
    maker = IdMaker()
    made = [maker.ulid(NOON_NS) for _ in range(2**20 + 10)]
    assert all(earlier < later for earlier, later in itertools.pairwise(made))
    assert {identifier[:10] for identifier in made} == {made[0][:10]}


def test_ids_rise_in_each_thread_and_are_never_made_twice():
    """Threads that share a maker get rising ids, and no id is given to two."""
    maker, made = IdMaker(), [[] for _ in range(4)]
    barrier = threading.Barrier(4)

    def make(own):
        barrier.wait()
        own.extend(maker.ulid(NOON_NS + number * 1000) for number in range(20_000))

    threads = [threading.Thread(target=make, args=(own,)) for own in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [own == sorted(own) for own in made] == [True] * 4
    assert len(set().union(*made)) == 80_000


def test_a_forked_child_makes_other_ids():
    """Parent and child go on from the same moment without ever making the same id."""
    ids.new_event_id(NOON_NS)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, "\n".join(ids.new_event_id() for _ in range(100)).encode())
        os._exit(0)
    os.close(writing)
    own = {ids.new_event_id() for _ in range(100)}
    with os.fdopen(reading) as pipe:
        others = set(pipe.read().split())
    os.waitpid(child, 0)
    assert (len(own), len(others), own & others) == (100, 100, set())


@given(st.integers(1, 2**48 - 1))
def test_ids_hold_their_time_as_another_library_reads_it(milliseconds):
    """An id of a fresh maker parses as a ULID of the millisecond that it was made for."""
    made = IdMaker().ulid(milliseconds * 1_000_000 + 999_999)
    parsed = ulid.ULID.from_str(made)
    assert (str(parsed), int.from_bytes(parsed.bytes[:6], "big")) == (made, milliseconds)
    assert id_time_ms(f"EVT-{made}") == milliseconds


@given(st.integers(0, 2**48 - 1))
def test_the_time_is_read_from_ids_of_another_library(milliseconds):
    """The time inside an id is that which another library put there."""
    made = str(ulid.ULID(milliseconds.to_bytes(6, "big") + os.urandom(10)))
    assert id_time_ms(f"PRUN-{made}") == milliseconds


@pytest.mark.parametrize("identifier", ["", "EVT-", "JOB-TEST-001", "STEP-003", "EVT-8" + "0" * 25, "EVT-" + "U" * 26])
def test_an_id_without_a_ulid_has_no_time(identifier):
    """Where there is no ULID there is no time, and no error."""
    assert id_time_ms(identifier) is None


@given(moments, st.sampled_from("Tt "), st.booleans())
def test_an_instant_is_what_datetime_says(moment, separator, zulu):
    """Every way to write a moment of the years 1 to 9999 in any zone is read to the microsecond."""
    text = written(moment, separator, zulu, digits=6)
    assert is_timestamp(text)
    assert instant(text) == nanoseconds(moment)


@given(st.integers(FIRST_NS, LAST_NS))
def test_a_timestamp_is_the_instant_cut_to_microseconds(time_ns):
    """A written timestamp has one form and is read as the same microsecond, before 1970 too."""
    text = timestamp(time_ns)
    moment = EPOCH + timedelta(microseconds=time_ns // 1000)
    assert text == moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    assert instant(text) == time_ns // 1000 * 1000


@given(st.lists(st.integers(FIRST_NS, LAST_NS), min_size=2, max_size=5))
def test_timestamps_sort_as_their_instants(times):
    """Text order of canonical timestamps is the order of time."""
    assert [timestamp(time_ns) for time_ns in sorted(times)] == sorted(map(timestamp, times))


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.1z", 100_000_000),
        ("1970-01-01 00:00:00.123456789Z", 123_456_789),
        ("1970-01-01T00:00:00.1234567899Z", 123_456_789),
        ("1970-01-01T00:00:00-00:00", 0),
        ("1969-12-31T23:59:59.5Z", -500_000_000),
        ("1970-01-01T05:30:00+05:30", 0),
        ("1969-12-31T16:00:00-08:00", 0),
    ],
)
def test_instants(text, time_ns):
    """Fractions of any length, zones and times before 1970 are read."""
    assert instant(text) == time_ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2025-11-26",
        "2025-11-26T07:15:12",
        "2025-11-26T07:15Z",
        "2025-11-26T07:15:12.Z",
        "2025-11-26T07:15:12,5Z",
        "2025-11-26T07:15:12Z\n",
        "2025-11-26T07:15:12+0100",
        "2025-11-26T07:15:12+24:00",
        "2025-11-26T24:00:00Z",
        "2025-11-26T07:60:00Z",
        "2016-12-31T23:59:60Z",
        "2025-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "0000-02-29T00:00:00Z",
        "2025-04-31T00:00:00Z",
        "2025-13-01T00:00:00Z",
        "20251126T071512Z",
        "２025-11-26T07:15:12Z",  # noqa: RUF001 - a digit that is not ASCII
    ],
)
def test_what_is_no_timestamp(text):
    """Dates that do not exist, times without a zone and other forms are refused."""
    assert not is_timestamp(text)
    with pytest.raises(ValueError, match="not an RFC 3339 timestamp with a zone"):
        instant(text)


@given(st.integers(1, 9999), st.integers(1, 12), st.integers(1, 31))
def test_every_date_is_taken_and_no_other(year, month, day):
    """A date is taken exactly where the calendar has it."""
    exists = day <= calendar.monthrange(year, month)[1]
    assert is_timestamp(f"{year:04d}-{month:02d}-{day:02d}T00:00:00Z") == exists
