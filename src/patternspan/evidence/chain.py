"""The chain of manifests and the numbers of segments: none missing, none out of its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patternspan.evidence.manifest import Stored, manifest_path
from patternspan.evidence.report import Finding
from patternspan.evidence.segments import segment_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from patternspan.evidence.state import State


def chain_problems(state: State) -> Iterator[Finding]:
    """Yield what is wrong with manifests and with segments that are not there."""
    yield from _manifests(state)
    yield from _links(state)
    yield from _missing(state)


def _manifests(state: State) -> Iterator[Finding]:
    for stored in state.manifests.values():
        if stored.manifest is None:
            yield Finding("manifest", stored.path, 0, "", stored.problem)


def _links(state: State) -> Iterator[Finding]:
    before: Stored | None = None
    for number, stored in sorted(state.manifests.items()):
        between = [each for each in state.segments if (before.number if before else 0) < each < number]
        linked = stored.manifest is None or stored.manifest.previous == (before.hash if before else None)
        if linked and stored.manifest is not None:
            for each in between:
                text = "no part of the chain: the segments before and after it were sealed without it"
                yield Finding("inserted", state.segments[each].path, 0, "", text)
        elif not linked or between:
            yield from _broken(state, before, stored)
        before = stored


def _broken(state: State, before: Stored | None, stored: Stored) -> Iterator[Finding]:
    """Yield why a manifest does not follow on the one before it."""
    first = before.number + 1 if before else 1
    if first < stored.number:
        path = manifest_path(state.folder, first)
        names = _named(first, stored.number - 1)
        yield Finding("manifest", path, 0, "", f"missing: the manifest of {names}")
    elif before is None:
        yield Finding("manifest", stored.path, 0, "", "altered: the first manifest follows on none")
    elif before.manifest is not None:
        text = f"written anew: it is not the one that {segment_name(stored.number)} was sealed after"
        yield Finding("manifest", before.path, 0, "", text)


def _missing(state: State) -> Iterator[Finding]:
    """Yield the segments that are neither there nor removed by retention."""
    known = state.numbers()
    there = {*state.segments, *state.index.removed}
    last = max(known, default=0)
    for first, final in _gaps(sorted(there), last):
        text = f"missing: {_named(first, final)}, and the index says nothing of a removal"
        yield Finding("missing", "", 0, "", text)


def _gaps(there: Iterable[int], last: int) -> Iterator[tuple[int, int]]:
    expected = 1
    for number in there:
        if number > expected:
            yield expected, number - 1
        expected = number + 1
    if expected <= last:
        yield expected, last


def retention_notes(state: State) -> Iterator[Finding]:
    """Yield one note for each row of segments that retention removed, with what their manifests say."""
    gone = [number for number in sorted(state.index.removed) if number not in state.segments]
    for first, final in _rows(gone):
        days = sorted({state.index.removed[number].removed_at[:10] for number in range(first, final + 1)})
        when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
        lines = sum(state.index.removed[number].lines for number in range(first, final + 1))
        verb = "was" if first == final else "were"
        text = f"{_named(first, final)} {verb} removed by retention on {when}, {lines:,} lines"
        yield Finding("retention", "", 0, "", text)
    yield from _out_of_turn(state, gone)


def _out_of_turn(state: State, gone: list[int]) -> Iterator[Finding]:
    """Yield a note where the oldest did not go first: a clock was set, or one was never closed."""
    kept = [number for number in state.segments if number not in state.index.removed]
    first = next((number for number in gone if number > min(kept, default=number)), None)
    if first is not None:
        text = f"segment {first} was removed out of turn: older segments are still there"
        yield Finding("retention", "", 0, "", text)


def _rows(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Yield first and last of each row of numbers without a gap."""
    begin = 0
    for at, number in enumerate(numbers):
        if at + 1 == len(numbers) or numbers[at + 1] != number + 1:
            yield numbers[begin], number
            begin = at + 1


def _named(first: int, final: int) -> str:
    return f"segment {first}" if first == final else f"segments {first} to {final}"
