"""Is the store what the log says? Each event of the log is looked up, each row made anew from its events, and compared.

All in one read, so that the tables stand still. What is written to the log meanwhile is taken in afterwards, and looked
up then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from itertools import groupby
from typing import Final

import msgspec
from sqlalchemy import Connection, Table, func, select

from patternspan.aggregate.gaps import GAP
from patternspan.aggregate.stats import Tally
from patternspan.log.reader import BadLine
from patternspan.log.search import Query, find_in
from patternspan.log.segments import index_of, parts_of
from patternspan.store.bulk import MOST_ASKED, Values
from patternspan.store.database import Database
from patternspan.store.ingest import ingest
from patternspan.store.jobs import counted
from patternspan.store.positions import log_name, logs_of
from patternspan.store.tables import ARTIFACTS, DAYS, EVENTS, GAPS, JOBS, OTHER_JOBS, RUNS
from patternspan.store.writing import (
    Line,
    count_in,
    day_of,
    encode_tally,
    rows_of,
    storable,
    stored_events,
)

_MOST_LATE: Final = 100_000


class Verified(msgspec.Struct):
    """What a check has found."""

    events: int = 0
    """Of the log, each once."""
    runs: int = 0
    """Of the store."""
    beyond: int = 0
    """Events that are in the store and not in the log."""
    why_beyond: str = ""
    """Why that may be; empty where it is a difference."""
    differences: int = 0
    first: str = ""
    """The first difference: the table, the row and what differs; empty where there is none."""

    def differs(self, place: str, fact: str) -> None:
        """Count a difference, and keep the first."""
        self.differences += 1
        self.first = self.first or f"{place}: {fact}"


OnVerified = Callable[[Verified], object]


def verify(database: Database, log: str, on_progress: OnVerified | None = None) -> Verified:
    """Hold the tables against a log, after what is new in it was taken in. Raises StoreError."""
    found = Verified()
    tell = on_progress or (lambda _: None)
    ingest(database, log)
    with database.read() as connection:
        late = _check_events(connection, log, found, tell)
        _check_runs(connection, found, tell)
        _check_days(connection, found)
        _check_jobs(connection, found)
    if late:
        missing = _check_late(database, log, late)
        found.differences += missing.differences
        found.first = missing.first or found.first
    return found


def _check_late(database: Database, log: str, late: Sequence[Line]) -> Verified:
    """Compare events that the store did not hold, after what is new in the log was taken in once more."""
    found = Verified()
    ingest(database, log)
    with database.read() as connection:
        for some in _parts(late):
            stored = _stored_lines(connection, some)
            for data, event in some:
                _check_line(found, event.event_id, data, stored.get(event.event_id))
    return found


def _check_events(connection: Connection, log: str, found: Verified, tell: OnVerified) -> list[Line]:
    """Compare the events, and return those of the log that are not in the store; they may be newer than this read."""
    last = connection.execute(select(func.max(EVENTS.c.seq))).scalar() or 0
    seen = bytearray(last // 8 + 1)
    gaps = set(connection.execute(select(GAPS.c.seq)).scalars())
    late: list[Line] = []
    items = find_in(parts_of(log), Query())
    lines = (storable((item.data, item.event)) for item in items if not isinstance(item, BadLine))
    for some in _parts(lines):
        stored = _stored_lines(connection, some)
        for line in some:
            data, event = line
            known = stored.get(event.event_id)
            if known is None:
                if len(late) < _MOST_LATE:
                    late.append(line)
                else:
                    _check_line(found, event.event_id, data, None)
                continue
            seq = known[0]
            if seen[seq >> 3] & 1 << (seq & 7):
                continue  # it stands in the log twice, and the first one counts
            seen[seq >> 3] |= 1 << (seq & 7)
            found.events += 1
            _check_line(found, event.event_id, data, known)
            if (GAP in event.extra) is not (seq in gaps):
                found.differs(f"pattern_gaps {event.event_id}", "is not what the event's line says")
        tell(found)
    _check_beyond(connection, log, seen, found)
    return late


def _check_line(found: Verified, event_id: str, data: bytes, known: tuple[int, bytes] | None) -> None:
    if known is None:
        found.differs(f"pattern_events {event_id}", "is in the log and not in the store")
    elif known[1] != data:
        found.differs(f"pattern_events {event_id}", "its line is not that of the log")


def _stored_lines(connection: Connection, lines: Sequence[Line]) -> dict[str, tuple[int, bytes]]:
    wanted = select(EVENTS.c.event_id, EVENTS.c.seq, EVENTS.c.line)
    rows = connection.execute(wanted.where(EVENTS.c.event_id.in_([event.event_id for _, event in lines])))
    return {event_id: (seq, bytes(line)) for event_id, seq, line in rows}


def _check_beyond(connection: Connection, log: str, seen: bytearray, found: Verified) -> None:
    """Count the events that the log does not hold; they are a difference where nothing explains them."""
    others = [name for name in logs_of(connection) if name != log_name(log)]
    if others:
        found.why_beyond = f"of other logs: {', '.join(others)}"
    elif index_of(log).removed:
        found.why_beyond = "of segments of the log that were removed"
    rows = connection.execute(
        select(EVENTS.c.seq, EVENTS.c.event_id).order_by(EVENTS.c.seq).execution_options(yield_per=MOST_ASKED)
    )
    for seq, event_id in rows:
        if not seen[seq >> 3] & 1 << (seq & 7):
            found.beyond += 1
            if not found.why_beyond:
                found.differs(f"pattern_events {event_id}", "is in the store and not in the log")


def _check_runs(connection: Connection, found: Verified, tell: OnVerified) -> None:
    """Make the rows of each run anew from its events in the store, and compare."""
    after = ""
    while True:
        ids = _next_ids(connection, after)
        if not ids:
            return
        after = ids[-1]
        events = stored_events(connection, ids)
        runs = _by_run(connection, RUNS, ids)
        artifacts = _by_run(connection, ARTIFACTS, ids)
        others = _by_run(connection, OTHER_JOBS, ids)
        for run_id in ids:
            found.runs += 1
            if run_id not in events:
                found.differs(f"pattern_runs {run_id}", "is in the store, and no event of it")
                continue
            row, its_artifacts, its_others = rows_of(run_id, events[run_id])
            _compare(found, RUNS, run_id, runs.get(run_id, []), [row])
            _compare(found, ARTIFACTS, run_id, artifacts.get(run_id, []), its_artifacts)
            _compare(found, OTHER_JOBS, run_id, others.get(run_id, []), its_others)
        tell(found)


def _next_ids(connection: Connection, after: str) -> list[str]:
    """Return ids of runs that some table names, in order."""
    found: set[str] = set()
    for table in (EVENTS, RUNS, ARTIFACTS, OTHER_JOBS):
        column = table.c.pattern_run_id
        wanted = select(column).where(column > after).distinct().order_by(column).limit(MOST_ASKED)
        found.update(connection.execute(wanted).scalars())
    return sorted(found)[:MOST_ASKED]


def _by_run(connection: Connection, table: Table, ids: Sequence[str]) -> dict[str, list[Values]]:
    column = table.c.pattern_run_id
    found: dict[str, list[Values]] = {}
    at = list(table.columns).index(column)
    for row in connection.execute(select(table).where(column.in_(ids)).order_by(*table.primary_key)):
        found.setdefault(row[at], []).append(tuple(row))
    return found


def _compare(
    found: Verified, table: Table, key: str, stored: Sequence[Values], wanted: Sequence[Values], source: str = "events"
) -> None:
    if stored == wanted:
        return
    place = f"{table.name} {key}"
    if len(stored) != len(wanted):
        found.differs(place, f"{len(stored)} rows are in the store, {len(wanted)} follow from its {source}")
        return
    for mine, theirs in zip(stored, wanted, strict=True):
        for column, value, right in zip(table.columns, mine, theirs, strict=True):
            if value != right:
                found.differs(place, f"{column.name} is {value!r:.100}, from its {source} follows {right!r:.100}")
                return


def _check_days(connection: Connection, found: Verified) -> None:
    """Count all runs of the store anew, day by day."""
    wanted: dict[tuple[int, str], Tally] = {}
    for row in connection.execute(select(RUNS).execution_options(yield_per=MOST_ASKED)):
        count_in(wanted.setdefault(day_of(row), Tally()), row)
    stored = {(day, pattern): bytes(tally) for day, pattern, tally in connection.execute(select(DAYS))}
    for key in sorted({*wanted, *stored}):
        right = encode_tally(wanted[key]) if key in wanted else None
        if stored.get(key) != right:
            found.differs(f"pattern_days {key[0]} {key[1]}", "is not what the runs of that day count to")


def _check_jobs(connection: Connection, found: Verified) -> None:
    """Count all jobs of the store anew."""
    rows = connection.execute(select(JOBS).order_by(JOBS.c.job_id).execution_options(yield_per=MOST_ASKED))
    stored = ((row.job_id, False, tuple(row)) for row in rows)
    wanted = ((row[0], True, row) for row in counted(connection))
    for job_id, both in groupby(merge(stored, wanted), lambda one: one[0]):
        pair: dict[bool, list[Values]] = {False: [], True: []}
        for _, is_right, row in both:
            pair[is_right].append(row)
        _compare(found, JOBS, job_id, pair[False], pair[True], "runs")


def _parts(lines: Iterable[Line]) -> Iterator[list[Line]]:
    part: list[Line] = []
    for line in lines:
        part.append(line)
        if len(part) == MOST_ASKED:
            yield part
            part = []
    if part:
        yield part
