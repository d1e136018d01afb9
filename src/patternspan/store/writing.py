"""Events into the tables: each once, and the runs that they belong to folded anew. All within one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, delete, func, select

from patternspan.aggregate.facts import RunFacts, facts_of
from patternspan.aggregate.gaps import GAP
from patternspan.aggregate.stats import Tally
from patternspan.model.event import PatternEvent
from patternspan.model.fold import fold_in_order, in_order
from patternspan.model.run import PatternRun
from patternspan.model.wire import decode
from patternspan.store.bulk import Values, in_parts, insert_new, upsert
from patternspan.store.jobs import write_jobs
from patternspan.store.tables import ARTIFACTS, DAYS, EVENTS, GAPS, METADATA, OTHER_JOBS, RUNS

DAY_US: Final = 86_400_000_000
_NUL: Final = b"\\u0000"

Line = tuple[bytes, PatternEvent]
"""An event, and its line as it stands in the log, without its newline."""
_encode: Final = msgspec.msgpack.Encoder().encode
decode_tally: Final = msgspec.msgpack.Decoder(Tally).decode


def write_events(connection: Connection, lines: Sequence[Line]) -> int:
    """Take events into the tables, and return how many of them are new."""
    last = connection.execute(select(func.max(EVENTS.c.seq))).scalar() or 0
    lines = [line if _NUL not in line[0] else storable(line) for line in lines]
    rows = [
        (number, event.event_id, event.pattern_run_id, data) for number, (data, event) in enumerate(lines, last + 1)
    ]
    new = insert_new(connection, EVENTS, rows, "event_id")
    if not new:
        return 0
    numbers: Iterable[int] = range(last + 1, last + 1 + new)
    if new < len(lines):
        numbers = sorted(connection.execute(select(EVENTS.c.seq).where(EVENTS.c.seq > last)).scalars())
    groups: dict[str, list[PatternEvent]] = {}
    gaps = []
    for number in numbers:
        event = lines[number - last - 1][1]
        groups.setdefault(event.pattern_run_id, []).append(event)
        if GAP in event.extra:
            gaps.append((number,))
    _write_runs(connection, groups)
    upsert(connection, GAPS, gaps)
    return new


def storable(line: Line) -> Line:
    """Return a line whose ids every database can hold: PostgreSQL has no NUL, which stands here as U+FFFD."""
    data, event = line
    if _NUL not in data:
        return line
    ids = {name: without_nul(getattr(event, name)) for name in ("event_id", "pattern_run_id", "job_id")}
    return data, msgspec.structs.replace(event, **ids)


def _write_runs(connection: Connection, groups: dict[str, list[PatternEvent]]) -> None:
    known = _known_runs(connection, list(groups))
    groups.update(stored_events(connection, list(known)))
    tallies = _Tallies(connection)
    runs, artifacts, others = [], [], []
    for run_id, events in groups.items():
        row, its_artifacts, its_others = rows_of(run_id, events)
        before = known.get(run_id)
        if before is None:
            tallies.count(row)
        elif row != before:
            tallies.count(before, -1)
            tallies.count(row)
        runs.append(row)
        artifacts += its_artifacts
        others += its_others
    _forget(connection, list(known))
    upsert(connection, RUNS, runs)
    upsert(connection, ARTIFACTS, artifacts)
    upsert(connection, OTHER_JOBS, others)
    write_jobs(connection, runs, known.values())
    tallies.write()


def rows_of(run_id: str, events: Iterable[PatternEvent]) -> tuple[Values, list[Values], list[Values]]:
    """Return the rows that follow from the events of a run: its own, those of its artifacts and of other jobs."""
    ordered = in_order(events)
    run = fold_in_order(ordered)
    artifacts: list[Values] = [(run_id, place, without_nul(path)) for place, path in enumerate(run.artifacts)]
    others: list[Values] = [(job, run_id) for job in sorted({event.job_id for event in ordered} - {run.job_id})]
    return _row(run, ordered), artifacts, others


def _row(run: PatternRun, events: Sequence[PatternEvent]) -> Values:
    row = msgspec.structs.astuple(facts_of(run, events))
    if "\0" in "".join([value for value in row if isinstance(value, str)]):
        return tuple(without_nul(value) if isinstance(value, str) else value for value in row)
    return row


def without_nul(value: str) -> str:
    """Return a text that every database can hold."""
    return value.replace("\0", "\ufffd")


def clear(connection: Connection) -> None:
    """Take everything out of all tables."""
    for table in METADATA.sorted_tables:
        connection.execute(delete(table))


def _known_runs(connection: Connection, run_ids: Sequence[str]) -> dict[str, Row[Any]]:
    found: dict[str, Row[Any]] = {}
    for some in in_parts(run_ids):
        rows = connection.execute(select(RUNS).where(RUNS.c.pattern_run_id.in_(some)))
        found.update((row.pattern_run_id, row) for row in rows)
    return found


def stored_events(connection: Connection, run_ids: Sequence[str]) -> dict[str, list[PatternEvent]]:
    """Return all events of runs that are in the store, in the order in which they were taken."""
    found: dict[str, list[PatternEvent]] = {}
    for some in in_parts(run_ids):
        rows = connection.execute(select(EVENTS.c.line).where(EVENTS.c.pattern_run_id.in_(some)).order_by(EVENTS.c.seq))
        for line in rows.scalars():
            _, event = storable((line, decode(line)))
            found.setdefault(event.pattern_run_id, []).append(event)
    return found


def _forget(connection: Connection, run_ids: Sequence[str]) -> None:
    for some in in_parts(run_ids):
        for table in (ARTIFACTS, OTHER_JOBS):
            connection.execute(delete(table).where(table.c.pattern_run_id.in_(some)))


_PATTERN, _RESULT, _STARTED, _RUN_US = (
    RunFacts.__struct_fields__.index(name) for name in ("pattern_id", "result", "started_us", "run_us")
)


def day_of(row: Sequence[Any]) -> tuple[int, str]:
    """Return day and pattern of the tally that the run of a row is counted in."""
    return (row[_STARTED] // DAY_US, row[_PATTERN])


def count_in(tally: Tally, row: Sequence[Any], times: int = 1) -> None:
    """Count the run of a row in its tally, or take it out again."""
    tally.add(row[_RESULT], tuple(row[_RUN_US : _RUN_US + 5]), times)


def encode_tally(tally: Tally) -> bytes:
    """Return the same bytes for equal tallies."""
    durations = tuple(dict(sorted(counts.items())) for counts in tally.durations)
    return _encode(Tally(tally.open, dict(sorted(tally.results.items())), durations))


class _Tallies:
    """The tallies that a transaction changes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._changed: dict[tuple[int, str], Tally] = {}

    def count(self, row: Sequence[Any], times: int = 1) -> None:
        """Count the run of a row, or take it out again."""
        key = day_of(row)
        tally = self._changed.get(key)
        if tally is None:
            tally = self._changed[key] = self._read(key)
        count_in(tally, row, times)

    def _read(self, key: tuple[int, str]) -> Tally:
        wanted = select(DAYS.c.tally).where(DAYS.c.day == key[0], DAYS.c.pattern_id == key[1])
        found = self._connection.execute(wanted).scalar()
        return Tally() if found is None else decode_tally(found)

    def write(self) -> None:
        """Write down what has changed."""
        rows = []
        for (day, pattern), tally in self._changed.items():
            if tally.is_empty():
                self._connection.execute(delete(DAYS).where(DAYS.c.day == day, DAYS.c.pattern_id == pattern))
            else:
                rows.append((day, pattern, encode_tally(tally)))
        upsert(self._connection, DAYS, rows)
