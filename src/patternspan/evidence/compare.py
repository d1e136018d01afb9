"""What became of a sealed segment, from the hashes of its lines then and now: the first difference has a name."""

from __future__ import annotations

from typing import Final

import msgspec

from patternspan.aggregate.plain import counted
from patternspan.evidence.merkle import SIZE, split_hashes

ALTERED: Final = "altered"
REMOVED: Final = "removed"
INSERTED: Final = "inserted"
MOVED: Final = "moved"
CUT_OFF: Final = "cut off"


class Difference(msgspec.Struct, frozen=True):
    """The first line that is not as it was sealed."""

    kind: str
    line: int
    """Counted from 1, in the file as it is now; of lines that are gone, where the first of them stood."""
    text: str


def first_difference(sealed: bytes, found: bytes, *, cut: bool = False) -> Difference | None:
    """Compare the line hashes of then and now; None where they are equal.

    `cut` says that the file is shorter than it was and ends without a newline.
    """
    if sealed == found:
        return None
    begin = _common(sealed, found)
    rest = min(len(sealed), len(found)) - begin
    end = _common_end(sealed, found, rest)
    gone = split_hashes(sealed[begin : len(sealed) - end])
    come = split_hashes(found[begin : len(found) - end])
    line = begin // SIZE + 1
    if not come:
        return _gone(line, len(gone), at_end=not end)
    if not gone:
        return _come(line, come, sealed)
    if cut and not end and len(come) == 1:
        return Difference(CUT_OFF, line, f"cut off in the middle of line {line:,} of {len(sealed) // SIZE:,}")
    return _changed(line, gone, come)


def _gone(line: int, count: int, *, at_end: bool) -> Difference:
    if at_end:
        return Difference(CUT_OFF, line, f"cut off: {counted(count, 'line')} at the end, from line {line:,} on")
    what = f"line {line:,} was removed" if count == 1 else f"lines {line:,} to {line + count - 1:,} were removed"
    return Difference(REMOVED, line, what)


def _come(line: int, come: list[bytes], sealed: bytes) -> Difference:
    copied = _place(sealed, come[0])
    more = "" if len(come) == 1 else f", the first of {len(come):,}"
    copy = f", a copy of line {copied:,}" if copied else ""
    return Difference(INSERTED, line, f"line {line:,} was inserted{copy}{more}")


def _changed(line: int, gone: list[bytes], come: list[bytes]) -> Difference:
    still, before = come[0] in set(gone), gone[0] in set(come)
    if still and before and sorted(gone) == sorted(come):
        stood = line + gone.index(come[0])
        return Difference(MOVED, line, f"line {line:,} was moved: it stood at {stood:,}")
    if still and not before:
        return _gone(line, gone.index(come[0]), at_end=False)
    if before and not still:
        return Difference(INSERTED, line, f"line {line:,} was inserted; more was changed after it")
    if still:
        return Difference(MOVED, line, f"line {line:,} was moved; more was changed after it")
    return Difference(ALTERED, line, f"line {line:,} was altered")


def _common(left: bytes, right: bytes) -> int:
    """Return how many bytes at the beginning are equal, as a multiple of a hash."""
    low, high = 0, min(len(left), len(right)) // SIZE
    while low < high:
        middle = (low + high + 1) // 2
        if left[low * SIZE : middle * SIZE] == right[low * SIZE : middle * SIZE]:
            low = middle
        else:
            high = middle - 1
    return low * SIZE


def _common_end(left: bytes, right: bytes, most: int) -> int:
    low, high = 0, most // SIZE
    while low < high:
        middle = (low + high + 1) // 2
        if left[len(left) - middle * SIZE :] == right[len(right) - middle * SIZE :]:
            low = middle
        else:
            high = middle - 1
    return low * SIZE


def _place(hashes: bytes, wanted: bytes) -> int:
    """Return the number of the first line with this hash, 0 where there is none."""
    at = hashes.find(wanted)
    while at % SIZE and at >= 0:
        at = hashes.find(wanted, at + 1)
    return at // SIZE + 1 if at >= 0 else 0
