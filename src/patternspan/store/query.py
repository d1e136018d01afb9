"""Questions to the tables. What a person gives (ids, texts) goes as bound parameters, never into the SQL itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import CompoundSelect, Connection, Select, and_, func, or_, select, true, union
from sqlalchemy.sql.elements import ColumnElement

from patternspan.aggregate.filter import Filter
from patternspan.aggregate.stats import Tally
from patternspan.errors import ConfigError
from patternspan.model.event import PatternEvent
from patternspan.model.fold import in_order
from patternspan.model.vocabulary import RESULTS
from patternspan.model.wire import decode
from patternspan.store.bulk import in_parts
from patternspan.store.tables import DAYS, EVENTS, GAPS, JOBS, OTHER_JOBS, RUNS
from patternspan.store.writing import DAY_US, decode_tally, without_nul

_DURATIONS: Final = (RUNS.c.run_us, RUNS.c.selection_us, RUNS.c.template_us, RUNS.c.validation_us, RUNS.c.execution_us)
_AT_ONCE: Final = 10_000


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Where a page of runs, the newest first, ended."""

    started_us: int
    pattern_run_id: str

    def text(self) -> str:
        """Return the cursor as it goes to whoever asks for the next page."""
        return f"{self.started_us}.{self.pattern_run_id}"

    @classmethod
    def of(cls, text: str) -> Cursor:
        """Return the cursor that a text holds. Raises ConfigError where it holds none."""
        started, dot, run_id = text.partition(".")
        if not dot or not started.removeprefix("-").isdecimal() or len(started) > 18:
            raise ConfigError(f"cursor: {text!r:.80} is none: take the one that came with the page before")
        return cls(int(started), run_id)


class JobSummary(msgspec.Struct, frozen=True, kw_only=True):
    """All runs of a job in a few values; times are microseconds since the Unix epoch."""

    job_id: str
    runs: int
    open: int
    """Without an end."""
    results: dict[str, int]
    """Of those that have one, by `pattern.run.result`."""
    started_us: int
    last_us: int
    """Of its last event."""
    total_us: int
    """The durations of its runs, added up."""


def condition(asked: Filter) -> ColumnElement[bool]:
    """Return a filter as a condition on the table of runs."""
    table = RUNS.c
    found: list[ColumnElement[bool]] = [
        column.in_(sorted(map(without_nul, values)))
        for column, values in (
            (table.pattern_run_id, asked.run_ids),
            (table.job_id, asked.job_ids),
            (table.step_id, asked.step_ids),
            (table.pattern_id, asked.pattern_ids),
            (table.operation_kind, asked.operation_kinds),
            (table.status, asked.stored_statuses()),
            (table.result, asked.results),
        )
        if values
    ]
    if asked.statuses and "success" not in asked.statuses:
        found.append(table.status != "success")  # for the index that leaves those out
    if asked.since_us is not None:
        found.append(table.started_us >= asked.since_us)
    if asked.until_us is not None:
        found.append(table.started_us <= asked.until_us)
    if asked.text:
        found.append(table.text.contains(without_nul(asked.text).casefold(), autoescape=True))
    if asked.longer_than_us is not None:
        found.append(table.run_us > asked.longer_than_us)
    if asked.has_artifact is not None:
        found.append(table.artifacts > 0 if asked.has_artifact else table.artifacts == 0)
    return and_(true(), *found)


def run_ids(connection: Connection, asked: Filter, limit: int, after: Cursor | None = None) -> list[Cursor]:
    """Return the runs that are asked for, the newest first, behind a cursor."""
    wanted = select(RUNS.c.started_us, RUNS.c.pattern_run_id).where(condition(asked))
    if after is not None:
        wanted = wanted.where(
            or_(
                RUNS.c.started_us < after.started_us,
                and_(RUNS.c.started_us == after.started_us, RUNS.c.pattern_run_id < after.pattern_run_id),
            )
        )
    newest = wanted.order_by(RUNS.c.started_us.desc(), RUNS.c.pattern_run_id.desc()).limit(limit)
    return [Cursor(*row) for row in connection.execute(newest)]


def open_runs(connection: Connection, limit: int | None = None) -> list[str]:
    """Return the ids of runs without an end, those that began first at first."""
    wanted = select(RUNS.c.pattern_run_id).where(RUNS.c.result.is_(None))
    return list(connection.execute(wanted.order_by(RUNS.c.started_us, RUNS.c.pattern_run_id).limit(limit)).scalars())


def events_of(connection: Connection, ids: Sequence[str]) -> dict[str, list[PatternEvent]]:
    """Return the events of runs, in order; a run that is not there is left out."""
    found: dict[str, list[PatternEvent]] = {}
    for some in in_parts(ids):
        wanted = select(EVENTS.c.pattern_run_id, EVENTS.c.line).where(EVENTS.c.pattern_run_id.in_(some))
        for run_id, line in connection.execute(wanted.order_by(EVENTS.c.seq)):
            found.setdefault(run_id, []).append(decode(line))
    return {run_id: in_order(events) for run_id, events in found.items()}


def event(connection: Connection, event_id: str) -> PatternEvent | None:
    """Return one event; None where there is none of this id."""
    wanted = select(EVENTS.c.line).where(EVENTS.c.event_id == without_nul(event_id))
    line = connection.execute(wanted).scalar()
    return None if line is None else decode(line)


def events_of_job(connection: Connection, job_id: str) -> list[PatternEvent]:
    """Return the events of a job, in order."""
    runs = _runs_of_job(job_id)
    wanted = select(EVENTS.c.line).where(EVENTS.c.pattern_run_id.in_(runs)).order_by(EVENTS.c.seq)
    events = map(decode, connection.execute(wanted).scalars())
    return in_order(event for event in events if event.job_id == job_id)


def _runs_of_job(job_id: str) -> CompoundSelect[tuple[str]]:
    job = without_nul(job_id)
    return union(
        select(RUNS.c.pattern_run_id).where(RUNS.c.job_id == job),
        select(OTHER_JOBS.c.pattern_run_id).where(OTHER_JOBS.c.job_id == job),
    )


def events_with_gap(connection: Connection) -> list[PatternEvent]:
    """Return the events whose line tells of a gap, in the order in which they were taken."""
    wanted = select(EVENTS.c.line).join(GAPS, GAPS.c.seq == EVENTS.c.seq).order_by(EVENTS.c.seq)
    return list(map(decode, connection.execute(wanted).scalars()))


def last_seq(connection: Connection) -> int:
    """Return the number of the event that was taken last; 0 where there is none."""
    return int(connection.execute(select(func.max(EVENTS.c.seq))).scalar() or 0)


def seq_of(connection: Connection, event_id: str) -> int | None:
    """Return the number of an event; None where it is not there."""
    found = connection.execute(select(EVENTS.c.seq).where(EVENTS.c.event_id == without_nul(event_id))).scalar()
    return None if found is None else int(found)


def lines_after(
    connection: Connection, seq: int, limit: int, job_id: str | None = None
) -> list[tuple[int, PatternEvent]]:
    """Return events in the order in which they were taken, behind a number: all, or those of a job."""
    wanted = select(EVENTS.c.seq, EVENTS.c.line).where(EVENTS.c.seq > seq)
    if job_id is not None:
        wanted = wanted.where(EVENTS.c.pattern_run_id.in_(_runs_of_job(job_id)))
    rows = connection.execute(wanted.order_by(EVENTS.c.seq).limit(limit))
    return [(int(number), decode(line)) for number, line in rows]


def jobs(
    connection: Connection, limit: int, after: Cursor | None = None, job_id: str | None = None
) -> list[JobSummary]:
    """Return jobs, or one of them, those that began last at first, behind a cursor."""
    wanted = select(JOBS)
    if job_id is not None:
        wanted = wanted.where(JOBS.c.job_id == without_nul(job_id))
    if after is not None:
        same = and_(JOBS.c.started_us == after.started_us, JOBS.c.job_id < after.pattern_run_id)
        wanted = wanted.where(or_(JOBS.c.started_us < after.started_us, same))
    rows = connection.execute(wanted.order_by(JOBS.c.started_us.desc(), JOBS.c.job_id.desc()).limit(limit)).mappings()
    return [
        JobSummary(
            job_id=row["job_id"],
            runs=row["runs"],
            open=row["open"],
            results={result: row[result] for result in RESULTS if row[result]},
            started_us=row["started_us"],
            last_us=row["last_us"],
            total_us=row["total_us"],
        )
        for row in rows
    ]


def count_events(connection: Connection) -> int:
    """Return how many events there are."""
    return int(connection.execute(select(func.count()).select_from(EVENTS)).scalar() or 0)


def ids_that_begin(connection: Connection, prefix: str, limit: int | None) -> list[str]:
    """Return ids of runs that begin so."""
    column = RUNS.c.pattern_run_id
    start = without_nul(prefix)
    wanted = select(column).where(column >= start, column < start + "\U0010ffff").order_by(column).limit(limit)
    return list(connection.execute(wanted).scalars())


def tallies(connection: Connection, asked: Filter, by: str) -> dict[str, Tally]:
    """Return a tally for each value of `by`, `pattern_id` or `job_id`, of the runs that are asked for."""
    found: dict[str, Tally] = {}
    if by != "pattern_id" or asked.is_narrow():
        _count(connection, condition(asked), by, found)
        return found
    first, last = _whole_days(asked)
    if first is None and last is None:
        _count_days(connection, asked, None, None, found)
        return found
    if first is not None and last is not None and first >= last:
        _count(connection, condition(asked), by, found)
        return found
    _count_days(connection, asked, first, last, found)
    edges = []
    if first is not None:
        edges.append(RUNS.c.started_us < first * DAY_US)
    if last is not None:
        edges.append(RUNS.c.started_us >= last * DAY_US)
    _count(connection, and_(condition(asked), or_(*edges)), by, found)
    return found


def _whole_days(asked: Filter) -> tuple[int | None, int | None]:
    """Return the first day that lies within the time as a whole, and the day behind the last one."""
    first = None if asked.since_us is None else -(-asked.since_us // DAY_US)
    last = None if asked.until_us is None else (asked.until_us + 1) // DAY_US
    return first, last


def _count_days(
    connection: Connection, asked: Filter, first: int | None, last: int | None, found: dict[str, Tally]
) -> None:
    wanted: Select[Any] = select(DAYS.c.pattern_id, DAYS.c.tally)
    if asked.pattern_ids:
        wanted = wanted.where(DAYS.c.pattern_id.in_(sorted(map(without_nul, asked.pattern_ids))))
    if first is not None:
        wanted = wanted.where(DAYS.c.day >= first)
    if last is not None:
        wanted = wanted.where(DAYS.c.day < last)
    for pattern_id, tally in connection.execute(wanted):
        found.setdefault(pattern_id, Tally()).merge(decode_tally(tally))


def _count(connection: Connection, where: ColumnElement[bool], by: str, found: dict[str, Tally]) -> None:
    wanted = select(RUNS.c[by], RUNS.c.result, *_DURATIONS).where(where)
    rows: Iterable[Sequence[Any]] = connection.execute(wanted.execution_options(yield_per=_AT_ONCE))
    for key, result, *durations in rows:
        tally = found.get(key)
        if tally is None:
            tally = found[key] = Tally()
        tally.add(result, tuple(durations))
