"""Events, runs and statistics as lazy frames: over DuckDB in this process, or over a session of Spark.

    import narwhals as nw
    from patternspan import frames

    events = frames.events("state")  # a root: all parts of its log, compressed ones too
    failed = events.filter(nw.col("status") == "failed").collect()
    runs = frames.runs("state")
    by_pattern = frames.statistics(runs).collect()

A frame is a narwhals `LazyFrame`, read when it is collected; `to_native()` gives the DuckDB relation, or the data frame
of Spark where the engine is a session of it. Runs and statistics are what `fold` and the commands say, made by one
expression for both. The columns of events, in a log as in Parquet, are `EVENT_COLUMNS`:

    event_id, event_type        text
    timestamp                   UTC, to the microsecond: `timestamp[us, tz=UTC]` in Parquet
    job_id                      text
    step_id                     text, or null
    pattern_run_id, pattern_id  text
    status                      text
    details                     text: the JSON object
    trace_id, span_id           text, or null

Parquet may hold further columns, which are not read; of these, those that may be null may be missing.

This is the only door to DuckDB and narwhals.
"""

from __future__ import annotations

from patternspan.errors import MissingExtraError

try:
    import duckdb
    import narwhals
except ModuleNotFoundError as error:
    if error.name not in {"duckdb", "narwhals"}:
        raise
    raise MissingExtraError("frames need an extra: pip install 'patternspan[analytics]'") from None

from patternspan.frames.columns import EVENT_COLUMNS
from patternspan.frames.events import events, runs
from patternspan.frames.runs import RUN_COLUMNS
from patternspan.frames.statistics import statistics

__all__ = ["EVENT_COLUMNS", "RUN_COLUMNS", "events", "runs", "statistics"]
del duckdb, narwhals
