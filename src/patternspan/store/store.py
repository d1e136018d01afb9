"""The store as others use it: what is new in a log goes in, and questions about runs are answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from patternspan.aggregate.abandoned import why_abandoned
from patternspan.aggregate.filter import EVERY_RUN, Filter
from patternspan.aggregate.stats import Statistics
from patternspan.log.processes import Processes
from patternspan.model.event import PatternEvent
from patternspan.model.fold import fold_in_order
from patternspan.model.process import process_of
from patternspan.model.run import PatternRun
from patternspan.store import query
from patternspan.store.database import Database
from patternspan.store.ingest import Ingested, OnProblem, OnProgress, ingest
from patternspan.store.positions import log_name, logs_of
from patternspan.store.verify import OnVerified, Verified, verify
from patternspan.store.writing import clear, without_nul

PAGE: Final = 50


class RecordedRun(msgspec.Struct, frozen=True):
    """A run, and the events that it is folded from, in order."""

    run: PatternRun
    events: list[PatternEvent]


class Page(msgspec.Struct, frozen=True):
    """Some of the runs that are asked for, the newest first."""

    runs: list[RecordedRun]
    cursor: str | None
    """What to ask the next page with; None behind the last one."""


class Store:
    """The state store of a URL: `sqlite:///PATH`, a path, or `postgresql+psycopg://USER@HOST/NAME`.

    It is made where it is not there yet. Raises ConfigError where the URL is none, StoreError where the database cannot
    be used; so does every method. A run that started while pages are asked for changes none of those behind it.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        self.name = self._database.name
        """The path of the file, or the URL without its password."""

    def ingest(self, log: str, on_problem: OnProblem | None = None, on_progress: OnProgress | None = None) -> Ingested:
        """Take in what is new in a log: the path of its live file, `state/events/pattern_events.jsonl`."""
        return ingest(self._database, log, on_problem, on_progress)

    def verify(self, log: str, on_progress: OnVerified | None = None) -> Verified:
        """Hold all tables against a log: see `Verified`. What is new in the log is taken in before."""
        return verify(self._database, log, on_progress)

    def other_logs(self, log: str) -> list[str]:
        """Return the logs that events were taken from besides this one, as `HOST:PATH`."""
        with self._database.read() as connection:
            return [name for name in logs_of(connection) if name != log_name(log)]

    def rebuild(
        self, log: str, on_problem: OnProblem | None = None, on_progress: OnProgress | None = None
    ) -> tuple[int, Ingested]:
        """Empty all tables and take a log in from its beginning; return how many events were there before, too.

        Who is killed meanwhile leaves the part that was taken, and the next ingest goes on. Events that came from
        other logs, or stand in no file any more, are gone.
        """
        with self._database.write() as connection:
            before = query.count_events(connection)
            clear(connection)
        return before, self.ingest(log, on_problem, on_progress)

    def page(self, asked: Filter = EVERY_RUN, limit: int = PAGE, cursor: str | None = None) -> Page:
        """Return a page of runs."""
        with self._database.read() as connection:
            after = None if cursor is None else query.Cursor.of(cursor)
            found = query.run_ids(connection, asked, limit + 1, after)
            some = found[:limit]
            runs = self._recorded(query.events_of(connection, [one.pattern_run_id for one in some]), some)
        return Page(runs, some[-1].text() if len(found) > limit and some else None)

    def pages(self, asked: Filter = EVERY_RUN, limit: int = 500) -> Iterator[RecordedRun]:
        """Yield all runs that are asked for, page by page."""
        cursor: str | None = None
        while True:
            page = self.page(asked, limit, cursor)
            yield from page.runs
            if page.cursor is None:
                return
            cursor = page.cursor

    def _recorded(self, events: dict[str, list[PatternEvent]], order: Sequence[query.Cursor]) -> list[RecordedRun]:
        found = (events[one.pattern_run_id] for one in order)
        return [RecordedRun(fold_in_order(members), members) for members in found]

    def run(self, pattern_run_id: str) -> RecordedRun | None:
        """Return one run; None where there is none of this id."""
        run_id = without_nul(pattern_run_id)
        with self._database.read() as connection:
            events = query.events_of(connection, [run_id]).get(run_id)
        return None if events is None else RecordedRun(fold_in_order(events), events)

    def event(self, event_id: str) -> PatternEvent | None:
        """Return one event; None where there is none of this id."""
        with self._database.read() as connection:
            return query.event(connection, event_id)

    def ids_that_begin(self, prefix: str, limit: int | None = None) -> list[str]:
        """Return the ids of runs that begin so, in order."""
        with self._database.read() as connection:
            return query.ids_that_begin(connection, prefix, limit)

    def open_runs(self, limit: int | None = None) -> list[RecordedRun]:
        """Return the runs without an end, those that began first at first: running now, or abandoned."""
        with self._database.read() as connection:
            found = query.events_of(connection, query.open_runs(connection, limit))
        return [RecordedRun(fold_in_order(events), events) for events in found.values()]

    def events_of_job(self, job_id: str) -> list[PatternEvent]:
        """Return the events of a job, in order."""
        with self._database.read() as connection:
            return query.events_of_job(connection, job_id)

    def last_seq(self) -> int:
        """Return the number of the event that was taken last; numbers rise in the order of taking."""
        with self._database.read() as connection:
            return query.last_seq(connection)

    def seq_of(self, event_id: str) -> int | None:
        """Return the number of an event; None where it is not there."""
        with self._database.read() as connection:
            return query.seq_of(connection, event_id)

    def events_after(self, seq: int, limit: int = 1000, job_id: str | None = None) -> list[tuple[int, PatternEvent]]:
        """Return events with their numbers in the order in which they were taken: all, or those of a job's runs."""
        with self._database.read() as connection:
            return query.lines_after(connection, seq, limit, job_id)

    def jobs(self, limit: int = PAGE, cursor: str | None = None) -> tuple[list[query.JobSummary], str | None]:
        """Return a page of jobs, those that began last at first, and the cursor of the next page."""
        after = None if cursor is None else query.Cursor.of(cursor)
        with self._database.read() as connection:
            found = query.jobs(connection, limit + 1, after)
        some = found[:limit]
        more = len(found) > limit and some
        return some, query.Cursor(some[-1].started_us, some[-1].job_id).text() if more else None

    def job(self, job_id: str) -> query.JobSummary | None:
        """Return one job; None where no run of it is there."""
        with self._database.read() as connection:
            found = query.jobs(connection, 1, job_id=job_id)
        return found[0] if found else None

    def events_with_gap(self) -> list[PatternEvent]:
        """Return the events whose line tells that others could not be written before it."""
        with self._database.read() as connection:
            return query.events_with_gap(connection)

    def abandoned(self, now_ns: int, silent_ns: int | None = None) -> list[RecordedRun]:
        """Return the open runs that cannot end any more: those that `why_abandoned` gives a reason for.

        Their process is gone from this host, or they have been silent for longer than their own timeout and a margin,
        or, where nothing is known of their process, for longer than `silent_ns`.
        """
        processes = Processes()
        return [
            one
            for one in self.open_runs()
            if why_abandoned(one.events, processes.state(process_of(one.events)), now_ns, silent_ns) is not None
        ]

    def statistics(self, asked: Filter = EVERY_RUN, by: str = "pattern_id") -> dict[str, Statistics]:
        """Return the statistics of the runs that are asked for, for each pattern or (`by="job_id"`) for each job."""
        with self._database.read() as connection:
            found = query.tallies(connection, asked, by)
        return {key: found[key].statistics() for key in sorted(found)}

    def close(self) -> None:
        """Close the connections."""
        self._database.close()
