"""The schema of the database, step by step. A step that was released is never changed; a new one is added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, inspect, text

from patternspan.errors import StoreError

_VERSION: Final = "pattern_schema"

_FIRST: Final = """
CREATE TABLE pattern_events (
  seq {key} NOT NULL, event_id {text} NOT NULL, pattern_run_id {text} NOT NULL, line {bytes} NOT NULL
);
CREATE UNIQUE INDEX pattern_events_event_id ON pattern_events (event_id);
CREATE INDEX pattern_events_run ON pattern_events (pattern_run_id);
CREATE TABLE pattern_gaps (seq {key} NOT NULL);

CREATE TABLE pattern_runs (
  pattern_run_id {text} NOT NULL PRIMARY KEY, job_id {text} NOT NULL, step_id {text}, pattern_id {text} NOT NULL,
  pattern_version {text}, operation_kind {text} NOT NULL, status {text} NOT NULL, result {text},
  started_us BIGINT NOT NULL, last_us BIGINT NOT NULL, run_us BIGINT, selection_us BIGINT, template_us BIGINT,
  validation_us BIGINT, execution_us BIGINT, timeout_us BIGINT, text {text} NOT NULL, artifacts INTEGER NOT NULL
);
CREATE INDEX pattern_runs_started ON pattern_runs (started_us, pattern_run_id);
CREATE INDEX pattern_runs_job ON pattern_runs (job_id, started_us);
CREATE INDEX pattern_runs_pattern ON pattern_runs (pattern_id, started_us);
CREATE INDEX pattern_runs_not_success ON pattern_runs (started_us, pattern_run_id) WHERE status <> 'success';
CREATE INDEX pattern_runs_open ON pattern_runs (started_us, pattern_run_id) WHERE result IS NULL;

CREATE TABLE pattern_jobs (
  job_id {text} NOT NULL PRIMARY KEY, started_us BIGINT NOT NULL, last_us BIGINT NOT NULL, runs BIGINT NOT NULL,
  open BIGINT NOT NULL, success BIGINT NOT NULL, failure BIGINT NOT NULL, error BIGINT NOT NULL,
  timeout BIGINT NOT NULL, cancellation BIGINT NOT NULL, skip BIGINT NOT NULL, total_us BIGINT NOT NULL
);
CREATE INDEX pattern_jobs_started ON pattern_jobs (started_us, job_id);

CREATE TABLE pattern_artifacts (
  pattern_run_id {text} NOT NULL, place INTEGER NOT NULL, path {text} NOT NULL, PRIMARY KEY (pattern_run_id, place)
){clustered};
CREATE TABLE pattern_other_jobs (
  job_id {text} NOT NULL, pattern_run_id {text} NOT NULL, PRIMARY KEY (job_id, pattern_run_id)
){clustered};
CREATE TABLE pattern_days (
  day INTEGER NOT NULL, pattern_id {text} NOT NULL, tally {bytes} NOT NULL, PRIMARY KEY (day, pattern_id)
){clustered};
CREATE TABLE pattern_positions (
  log {text} NOT NULL, file {text} NOT NULL, offset_bytes BIGINT NOT NULL, tail {bytes} NOT NULL, stamp {text} NOT NULL,
  PRIMARY KEY (log, file)
){clustered}
"""

STEPS: Final[tuple[str, ...]] = (_FIRST,)
"""The first step makes version 1."""

_WORDS: Final = {
    "sqlite": {"key": "INTEGER PRIMARY KEY", "text": "TEXT", "bytes": "BLOB", "clustered": " WITHOUT ROWID"},
    "postgresql": {"key": "BIGINT PRIMARY KEY", "text": 'TEXT COLLATE "C"', "bytes": "BYTEA", "clustered": ""},
}


def version_of(connection: Connection) -> int:
    """Return the version of the schema; 0 where there is none yet."""
    if not inspect(connection).has_table(_VERSION):
        return 0
    return int(connection.execute(text(f"SELECT max(version) FROM {_VERSION}")).scalar() or 0)  # noqa: S608


def migrate(connection: Connection, name: str, steps: Sequence[str] = STEPS) -> int:
    """Bring the schema to the last step, within the transaction that is open, and return the version it had.

    Raises StoreError where it is of a later version.
    """
    version = version_of(connection)
    check(version, name, steps)
    if version == 0:
        connection.execute(text(f"CREATE TABLE {_VERSION} (version INTEGER NOT NULL PRIMARY KEY)"))
    words = _WORDS[connection.dialect.name]
    for number, step in enumerate(steps[version:], version + 1):
        for statement in step.split(";"):
            if statement.strip():
                connection.exec_driver_sql(statement.format(**words))
        connection.execute(text(f"INSERT INTO {_VERSION} VALUES (:version)"), {"version": number})  # noqa: S608
    return version


def check(version: int, name: str, steps: Sequence[str] = STEPS) -> None:
    """Raise StoreError where a database is of a later version than this program knows."""
    if version > len(steps):
        raise StoreError(
            f"{name}: its schema is version {version}, this patternspan knows {len(steps)}: "
            "upgrade patternspan, or name another database"
        )
