"""What is kept of each job, so that a list of jobs reads none of their runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, Connection, case, cast, delete, func, select

from patternspan.aggregate.facts import RunFacts
from patternspan.model.vocabulary import RESULTS
from patternspan.store.bulk import Values, in_parts, upsert
from patternspan.store.tables import JOBS, RUNS

_JOB, _RESULT, _STARTED, _LAST, _RUN_US = (
    RunFacts.__struct_fields__.index(name) for name in ("job_id", "result", "started_us", "last_us", "run_us")
)
_COUNTED: Final = frozenset(RESULTS)


class JobRow(msgspec.Struct):
    """A row of the table of jobs. Its members are its columns, in order."""

    job_id: str
    started_us: int
    last_us: int
    runs: int = 0
    open: int = 0
    success: int = 0
    failure: int = 0
    error: int = 0
    timeout: int = 0
    cancellation: int = 0
    skip: int = 0
    total_us: int = 0

    def count(self, run: Sequence[Any], times: int = 1) -> None:
        """Count a run, or take it out again, but for the times: those only widen."""
        self.started_us = min(self.started_us, run[_STARTED])
        self.last_us = max(self.last_us, run[_LAST])
        self.runs += times
        self.total_us += times * (run[_RUN_US] or 0)
        result = run[_RESULT]
        if result is None:
            self.open += times
        elif result in _COUNTED:
            setattr(self, result, getattr(self, result) + times)


def write_jobs(connection: Connection, runs: Sequence[Values], before: Iterable[Sequence[Any]]) -> None:
    """Count runs whose rows are written, and which of them stood there before, in their jobs.

    More events make a run longer on both sides, so the times of its job only widen, too. Where an event that came late
    has given a run to another job, the one that it left is counted anew.
    """
    left = {run[0]: run for run in before}
    moved = {left[run[0]][_JOB] for run in runs if run[0] in left and left[run[0]][_JOB] != run[_JOB]}
    known = _known(connection, sorted({run[_JOB] for run in runs} - moved))
    for run in runs:
        job = run[_JOB]
        if job in moved:
            continue
        if job not in known:
            known[job] = JobRow(job, run[_STARTED], run[_LAST])
        old = left.get(run[0])
        if old is not None and old[_JOB] == job:
            known[job].count(old, -1)
        known[job].count(run)
    rows = [msgspec.structs.astuple(row) for row in known.values()]
    for some in in_parts(sorted(moved)):
        connection.execute(delete(JOBS).where(JOBS.c.job_id.in_(some)))
        rows += counted(connection, some)
    upsert(connection, JOBS, rows)


def _known(connection: Connection, job_ids: Sequence[str]) -> dict[str, JobRow]:
    found = {}
    for some in in_parts(job_ids):
        for row in connection.execute(select(JOBS).where(JOBS.c.job_id.in_(some))):
            found[row.job_id] = JobRow(*row)
    return found


def counted(connection: Connection, job_ids: Sequence[str] | None = None) -> Iterator[Values]:
    """Yield the rows of jobs as their runs say, by id: of all, or of some."""
    result, run_us = RUNS.c.result, RUNS.c.run_us
    wanted = select(
        RUNS.c.job_id,
        func.min(RUNS.c.started_us),
        func.max(RUNS.c.last_us),
        func.count(),
        func.sum(case((result.is_(None), 1), else_=0)),
        *(func.sum(case((result == name, 1), else_=0)) for name in RESULTS),
        cast(func.coalesce(func.sum(run_us), 0), BigInteger),
    )
    if job_ids is not None:
        wanted = wanted.where(RUNS.c.job_id.in_(job_ids))
    rows = connection.execute(wanted.group_by(RUNS.c.job_id).order_by(RUNS.c.job_id).execution_options(yield_per=1000))
    return (tuple(row) for row in rows)
