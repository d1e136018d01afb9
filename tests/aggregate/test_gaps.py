"""What could not be written."""

import pytest
from msgspec.structs import replace

from logs import good_run
from patternspan.aggregate.gaps import Gap, gap_of, summary
from patternspan.model.wire import decode, encode

EVENT = good_run()[0]
TOLD = {
    "events": 12,
    "since": "2026-01-01T00:00:00.000000Z",
    "until": "2026-01-01T00:00:09.000000Z",
    "reason": "ENOSPC: No space left on device",
}


def read(gap):
    """Return the gap as a reader finds it in a line."""
    return gap_of(decode(encode(replace(EVENT, extra={"gap": gap}))))


def test_a_gap_is_told_in_words():
    """How many events, when and why."""
    gap = read(TOLD)
    between = "between 2026-01-01T00:00:00.000000Z and 2026-01-01T00:00:09.000000Z"
    assert str(gap) == f"gap: 12 events could not be written {between} (ENOSPC: No space left on device)"
    assert summary([gap, gap]) == "2 gaps: 24 events could not be written"
    assert gap_of(EVENT) is None


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "gap: 0 events could not be written"),
        ({"events": True, "since": "x", "until": 7, "reason": []}, "gap: 0 events could not be written"),
        ({"events": -1, "reason": "\x1b[2J\n"}, "gap: 0 events could not be written (\\x1b[2J\\n)"),
        ({"events": 10**30}, "gap: 0 events could not be written"),
    ],
)
def test_a_gap_that_is_told_wrongly_is_still_one(told, words):
    """What cannot be used of it is left out, and what is shown is safe."""
    assert str(read(told)) == words


@pytest.mark.parametrize("told", [None, 7, "x", []])
def test_what_is_no_gap_is_none(told):
    """The member may hold anything."""
    assert read(told) is None


def test_a_gap_touches_the_times_that_it_overlaps():
    """A run before or after it is not affected; where its time is not told, each may be."""
    gap = read(TOLD)
    start, second = 1_767_225_600 * 10**9, 10**9
    assert [gap.touches(start + at * second, start + (at + 2) * second) for at in (-3, -1, 5, 9, 10)] == [
        False, True, True, True, False,
    ]  # fmt: skip
    assert Gap(1, "", "", "").touches(0, 1)
