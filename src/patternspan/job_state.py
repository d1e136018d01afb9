"""The earlier system's JobStateStore: a job's events and runs, out of the state store and the newest lines of the log.

store = JobStateStore("state/patternspan.db")
for run in store.get_pattern_runs("JOB-2025-11-26-001"):
...
"""

from __future__ import annotations

import os
from itertools import islice
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from patternspan.aggregate.filter import Filter
from patternspan.aggregate.stats import Statistics, Tally
from patternspan.compat import PatternEventEmitter
from patternspan.config import load
from patternspan.errors import ConfigError
from patternspan.layout import STORE_NAME
from patternspan.log.locate import place
from patternspan.model.event import PatternEvent
from patternspan.model.run import PatternRun

_NONE: Final = Tally().statistics()


class JobStateStore:
    """What a job did, in a fresh process too: each question takes in first what is new in the log.

    `db_path` is a path, or a URL such as `postgresql+psycopg://USER@HOST/NAME`; by default it is the configured one.
    The log is the configured one, or that in `events_dir`. Raises MissingExtraError without `patternspan[store]`,
    ConfigError where the URL is none, and StoreError where the database cannot be used; so does every method.
    """

    def __init__(
        self, db_path: str | os.PathLike[str] | None = None, *, events_dir: str | os.PathLike[str] | None = None
    ) -> None:
        from patternspan.store import Store

        settings = load()
        folder = None if events_dir is None else os.path.abspath(os.fspath(events_dir))
        where = place(settings.root, folder)
        self._log = where.log
        self._emitter = PatternEventEmitter(folder)
        named = settings.store if db_path is None else os.fspath(db_path)
        self._store = Store(named or os.path.join(where.root, STORE_NAME))

    def record_pattern_event(self, event: PatternEvent) -> PatternEvent:
        """Record an event as it would be without the store, in the log first, and return it as it was written.

        One that is in the log already changes nothing, so an emitter may have written it before.
        """
        self._ingest()
        known = self._store.event(event.event_id)
        if known is not None:
            return known
        written = self._emitter.emit(event, job_scoped=True)
        self._ingest()
        return written

    def get_pattern_events(self, job_id: str) -> list[PatternEvent]:
        """Return the events of a job, in order."""
        self._ingest()
        return self._store.events_of_job(job_id)

    def get_pattern_runs(self, job_id: str) -> list[PatternRun]:
        """Return the runs of a job, those that began first at first."""
        return self.query_runs(job_ids=frozenset({job_id}))[::-1]

    def get_pattern_run(self, pattern_run_id: str) -> PatternRun | None:
        """Return a run; None where there is none of this id."""
        self._ingest()
        found = self._store.run(pattern_run_id)
        return None if found is None else found.run

    def query_runs(self, asked: Filter | None = None, limit: int | None = None, **members: Any) -> list[PatternRun]:
        """Return the runs that are asked for, the newest first, at most `limit` of them.

        Asked is a `Filter`, or its members by name: `query_runs(job_ids={"JOB-1"}, statuses={"failed"}, limit=20)`.
        Raises ConfigError where there is no such member.
        """
        wanted = asked or Filter()
        try:
            wanted = msgspec.structs.replace(wanted, **{name: _frozen(value) for name, value in members.items()})
        except TypeError:
            there = ", ".join(Filter.__struct_fields__)
            raise ConfigError(f"query_runs: {', '.join(members)}: not all are known; there are {there}") from None
        self._ingest()
        return [one.run for one in islice(self._store.pages(wanted), limit)]

    def get_job_statistics(self, job_id: str) -> Statistics:
        """Return counts by result, the rate of success and percentiles of durations of a job's runs."""
        self._ingest()
        return self._store.statistics(Filter(job_ids=frozenset({job_id})), "job_id").get(job_id, _NONE)

    def close(self) -> None:
        """Close the connections; the next question opens them again."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ingest(self) -> None:
        self._store.ingest(self._log)


def _frozen(value: Any) -> Any:
    """Return several values as a filter holds them."""
    return frozenset(value) if isinstance(value, (set, list, tuple)) else value
