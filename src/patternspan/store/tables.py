"""The tables, as queries see them. What makes them is in `migrations`.

Times and durations are whole microseconds. Texts sort by their bytes in every database, as ids do in Python.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Table, Text

METADATA: Final = MetaData()

EVENTS: Final = Table(
    "pattern_events",
    METADATA,
    Column("seq", BigInteger, primary_key=True),
    Column("event_id", Text, nullable=False),
    Column("pattern_run_id", Text, nullable=False),
    Column("line", LargeBinary, nullable=False),
)
"""Every event once: its line as it stands in the log. `seq` rises in the order in which they were taken."""

GAPS: Final = Table("pattern_gaps", METADATA, Column("seq", BigInteger, primary_key=True))
"""Events whose line tells that others could not be written."""

RUNS: Final = Table(
    "pattern_runs",
    METADATA,
    Column("pattern_run_id", Text, primary_key=True),
    Column("job_id", Text, nullable=False),
    Column("step_id", Text),
    Column("pattern_id", Text, nullable=False),
    Column("pattern_version", Text),
    Column("operation_kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("result", Text),
    Column("started_us", BigInteger, nullable=False),
    Column("last_us", BigInteger, nullable=False),
    Column("run_us", BigInteger),
    Column("selection_us", BigInteger),
    Column("template_us", BigInteger),
    Column("validation_us", BigInteger),
    Column("execution_us", BigInteger),
    Column("timeout_us", BigInteger),
    Column("text", Text, nullable=False),
    Column("artifacts", Integer, nullable=False),
)
"""The `RunFacts` of every run."""

ARTIFACTS: Final = Table(
    "pattern_artifacts",
    METADATA,
    Column("pattern_run_id", Text, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("path", Text, nullable=False),
)
"""The artifacts of every run; `place` counts from 0, in the run's order."""

JOBS: Final = Table(
    "pattern_jobs",
    METADATA,
    Column("job_id", Text, primary_key=True),
    Column("started_us", BigInteger, nullable=False),
    Column("last_us", BigInteger, nullable=False),
    Column("runs", BigInteger, nullable=False),
    Column("open", BigInteger, nullable=False),
    Column("success", BigInteger, nullable=False),
    Column("failure", BigInteger, nullable=False),
    Column("error", BigInteger, nullable=False),
    Column("timeout", BigInteger, nullable=False),
    Column("cancellation", BigInteger, nullable=False),
    Column("skip", BigInteger, nullable=False),
    Column("total_us", BigInteger, nullable=False),
)
"""Every job that runs belong to: when the first of them began and the last event came, how many there are, how many
without an end, by result, and their durations added up."""

OTHER_JOBS: Final = Table(
    "pattern_other_jobs",
    METADATA,
    Column("job_id", Text, primary_key=True),
    Column("pattern_run_id", Text, primary_key=True),
)
"""Jobs that an event names though its run belongs to another one."""

DAYS: Final = Table(
    "pattern_days",
    METADATA,
    Column("day", Integer, primary_key=True),
    Column("pattern_id", Text, primary_key=True),
    Column("tally", LargeBinary, nullable=False),
)
"""A `Tally` of the runs of one pattern that started on one day in UTC, counted from the Unix epoch."""

POSITIONS: Final = Table(
    "pattern_positions",
    METADATA,
    Column("log", Text, primary_key=True),
    Column("file", Text, primary_key=True),
    Column("offset_bytes", BigInteger, nullable=False),
    Column("tail", LargeBinary, nullable=False),
    Column("stamp", Text, nullable=False),
)
"""How far each file of a log was read: see `positions`."""
