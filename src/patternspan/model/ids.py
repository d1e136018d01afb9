"""Prefixed ULIDs, and the canonical timestamp.

A ULID is 48 bits of Unix milliseconds and 80 random bits, written as 26 characters of Crockford's base32
(https://github.com/ulid/spec). Ids made by one `IdMaker` always rise, also within a millisecond and when the
clock steps back. They are made on the recording path, where a library's general way is too slow; the tests hold
them against python-ulid.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import count
from typing import Final

EVENT_PREFIX: Final = "EVT-"
RUN_PREFIX: Final = "PRUN-"
JOB_PREFIX: Final = "JOB-"
STEP_PREFIX: Final = "STEP-"

ULID: Final = "[0-7][0-9A-HJKMNP-TV-Z]{25}"
"""The form of a ULID as a regular expression, without anchors."""

_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS: Final = [a + b for a in _DIGITS for b in _DIGITS]
_LOW_BITS: Final = 20
_LOW: Final = 1 << _LOW_BITS

TIMESTAMP: Final = (
    "(?!0000)"
    "(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    "|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)"
    "[Tt ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]+)?"
    "(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
"""RFC 3339 with a zone, real dates only, as a regular expression without anchors; leap seconds are not taken."""

_EPOCH: Final = "1970-01-01T00:00:00.000000Z"
_CANONICAL_LENGTH: Final = len(_EPOCH)
_MICROSECOND: Final = timedelta(microseconds=1)
_parsed: Final = datetime.fromisoformat
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


class _Block:
    """Ids of one millisecond: a fixed head, a counter whose `next` is atomic, and the block that came after it."""

    __slots__ = ("head", "later", "milliseconds", "numbers", "randomness")

    def __init__(self, milliseconds: int, randomness: int) -> None:
        self.milliseconds = milliseconds
        self.randomness = randomness
        self.head = _encode((milliseconds << 80 | randomness) >> _LOW_BITS, 22)
        self.numbers = count(randomness & (_LOW - 1))
        self.later: dict[int, _Block] = {}
        """At most one, under 0."""

    def follow(self, milliseconds: int, randomness: int) -> None:
        """Let a block come after this one, unless one does."""
        # `setdefault` is one step for all threads and handlers: the first one's block is everybody's.
        self.later.setdefault(0, _Block(milliseconds, randomness))


def _encode(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        digits.append(_DIGITS[number & 31])
        number >>= 5
    return "".join(reversed(digits))


def ulid_text(number: int) -> str:
    """Return the ULID of a number of 128 bits."""
    return _encode(number, 26)


class IdMaker:
    """Makes ULIDs that rise, in any number of threads; after a fork the child starts anew.

    There is no lock, which a signal handler or a finalizer that records would wait for in its own thread for ever, and
    which a thread that ends at exit leaves held. The blocks are a chain instead: its end makes the ids.
    """

    def __init__(self) -> None:
        self._block = _Block(0, 0)

    def ulid(self, time_ns: int) -> str:
        """Return the next ULID for an event at `time_ns` (nanoseconds since the Unix epoch)."""
        block = self._block
        milliseconds = time_ns // 1_000_000
        if milliseconds > block.milliseconds or block.later:
            block = self._advance(block, milliseconds)
        number = next(block.numbers)
        while number >= _LOW:
            # The random bits count on, and the two top ones stay clear: a millisecond never runs out of ids.
            block.follow(block.milliseconds, (block.randomness | (_LOW - 1)) + 1)
            block = self._advance(block, milliseconds)
            number = next(block.numbers)
        return block.head + _PAIRS[number >> 10] + _PAIRS[number & 1023]

    def _advance(self, block: _Block, milliseconds: int) -> _Block:
        """Go on to the end of the chain, which is at this millisecond or later then."""
        while True:
            if block.later:
                block = block.later[0]
            elif milliseconds > block.milliseconds:
                block.follow(milliseconds, int.from_bytes(os.urandom(10), "big") >> 2)
            else:
                break
        # A thread that was held up here sets an older block; whoever takes it sees that there is a later one.
        self._block = block
        return block

    def reset(self) -> None:
        """Forget the last id: a forked child that counted on would repeat its parent's ids."""
        self._block = _Block(0, 0)


ids: Final = IdMaker()
"""The process's own maker: everything that records shares it, so that ids rise across all runs."""

os.register_at_fork(after_in_child=ids.reset)


def new_event_id(time_ns: int | None = None) -> str:
    """Return `EVT-` and a new ULID."""
    return EVENT_PREFIX + ids.ulid(time.time_ns() if time_ns is None else time_ns)


def new_run_id(time_ns: int | None = None) -> str:
    """Return `PRUN-` and a new ULID."""
    return RUN_PREFIX + ids.ulid(time.time_ns() if time_ns is None else time_ns)


def new_job_id(time_ns: int | None = None) -> str:
    """Return `JOB-` and a new ULID."""
    return JOB_PREFIX + ids.ulid(time.time_ns() if time_ns is None else time_ns)


def new_step_id(time_ns: int | None = None) -> str:
    """Return `STEP-` and a new ULID."""
    return STEP_PREFIX + ids.ulid(time.time_ns() if time_ns is None else time_ns)


def id_time_ms(identifier: str) -> int | None:
    """Return the Unix milliseconds inside a prefixed ULID, or None where there is no ULID in it."""
    ulid = identifier.rpartition("-")[2]
    if re.fullmatch(ULID, ulid) is None:
        return None
    from ulid import ULID as Parsed  # noqa: N811 - writers never parse an id: recording need not load it

    return Parsed.from_str(ulid).milliseconds


_THOUSAND: Final = [f"{number:03d}" for number in range(1000)]
_second: tuple[int, str] = (-1, "")


def timestamp(time_ns: int) -> str:
    """Return `2025-11-26T07:15:12.123456Z` for nanoseconds since the Unix epoch; digits past the sixth are cut."""
    global _second
    second, microseconds = divmod(time_ns // 1000, 1_000_000)
    known, text = _second
    if known != second:
        text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.").rjust(20, "0")
        _second = (second, text)
    return f"{text}{_THOUSAND[microseconds // 1000]}{_THOUSAND[microseconds % 1000]}Z"


@cache
def _timestamp_match() -> Callable[[str], re.Match[str] | None]:
    """Compile the expression when first asked: writers never need it."""
    return re.compile(TIMESTAMP).fullmatch


def is_timestamp(text: str) -> bool:
    """Say whether `text` is RFC 3339 with a zone and a date that exists."""
    return _timestamp_match()(text) is not None


def instant_us(text: str) -> int:
    """Return the whole microseconds since the Unix epoch of a timestamp that `is_timestamp` has accepted."""
    return elapsed_ns(_EPOCH, text) // 1000


def elapsed_ns(start: str, end: str) -> int:
    """Return the nanoseconds between two timestamps that `is_timestamp` has accepted."""
    if len(start) == len(end) == _CANONICAL_LENGTH:  # so many characters hold no more than microseconds
        try:
            return (_parsed(end) - _parsed(start)) // _MICROSECOND * 1000
        except ValueError:
            pass  # a leap second
    return instant(end) - instant(start)


def instant(text: str) -> int:
    """Return the nanoseconds since the Unix epoch of an RFC 3339 timestamp with a zone.

    Raises ValueError where `is_timestamp` says no. Digits past the ninth are cut.
    """
    if _timestamp_match()(text) is None:
        raise ValueError(f"not an RFC 3339 timestamp with a zone: {text!r}")
    days = date(int(text[:4]), int(text[5:7]), int(text[8:10])).toordinal() - _EPOCH_DAY
    seconds = days * 86400 + int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])
    if text[-1] in "Zz":
        fraction = text[20:-1]
    else:
        sign = -1 if text[-6] == "-" else 1
        seconds -= sign * (int(text[-5:-3]) * 3600 + int(text[-2:]) * 60)
        fraction = text[20:-6]
    return seconds * 1_000_000_000 + int(fraction[:9].ljust(9, "0") or "0")
