"""Where events come from: logs and Parquet, over DuckDB or over Spark."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Final

import narwhals as nw

from patternspan.errors import ConfigError
from patternspan.frames import over_duckdb, over_spark
from patternspan.frames.runs import runs_of
from patternspan.log.locate import logs_of
from patternspan.log.reader import NO_FILE, BadLine
from patternspan.log.segments import Part, opened
from patternspan.model.packing import compression_of

Logs = dict[over_duckdb.Compression, list[str]]
Source = str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None
_KINDS: Final[dict[str | None, over_duckdb.Compression]] = {None: "none", "gzip": "gzip", "zstd": "zstd"}
_PARQUET: Final = ".parquet"
_NAME_ANOTHER: Final = "name a root, a folder of logs, a log, or Parquet"


def events(source: Source = None, engine: Any = None) -> nw.LazyFrame[Any]:
    """Return the events of a source as a lazy frame with `EVENT_COLUMNS`, in no order.

    A source is a root, a folder of logs, a file, or several of them; by default the configured root. What ends with
    `.parquet` is Parquet, be it a file, a folder, a pattern (`*`) or a URL; any other URL is one of lines. `engine` is
    a DuckDB connection or a Spark session of your own, which knows how to get at the URLs that you name; by default a
    DuckDB connection in memory is made.

    Lines that are no events are passed over, and so is what stands in one line with a torn one; an event that stands
    in a log twice comes twice (`.unique("event_id")`). Timestamps are cut to the microsecond. Raises ConfigError where
    a file is named that cannot be read.
    """
    logs, parquet = find(source)
    if over_spark.is_session(engine):
        frame: nw.LazyFrame[Any] = nw.from_native(over_spark.events(engine, logs, parquet))
        return frame
    return nw.from_native(over_duckdb.events(engine or over_duckdb.connect(), logs, parquet))


def runs(source: Source = None, engine: Any = None) -> nw.LazyFrame[Any]:
    """Return the runs of a source as a lazy frame with `RUN_COLUMNS`, in no order.

        pattern_run_id, job_id, pattern_id, operation_kind, status      text
        step_id                             text, or null
        result                              text, as `pattern.run.result` has it; null of a run without an end
        started_us, last_us                 of the first and the last event: microseconds since the Unix epoch
        run_us                              from its start to its end in microseconds; null of a run without an end
        selection_us … execution_us         the same of its phases; null of a phase that it had not

    What a run's events say of it is what `patternspan.fold` says. Source, engine and errors are those of `events`.
    """
    logs, parquet = find(source)
    if over_spark.is_session(engine):
        return runs_of(nw.from_native(over_spark.facts_of(over_spark.events(engine, logs, parquet))))
    return runs_of(
        nw.from_native(over_duckdb.facts_of(over_duckdb.events(engine or over_duckdb.connect(), logs, parquet)))
    )


def find(source: Source) -> tuple[Logs, list[str]]:
    """Return the paths of logs, by their compression, and those of Parquet."""
    logs: Logs = {}
    parquet: list[str] = []
    for one in [source] if source is None or isinstance(source, (str, os.PathLike)) else source:
        text = None if one is None else os.fspath(one)
        if text is not None and text.rstrip("/").endswith(_PARQUET):
            parquet.append(_known(text))
        elif text is not None and "://" in text:
            logs.setdefault("auto_detect", []).append(text)
        else:
            for path in logs_of(text):
                _add(path, logs)
    return logs, parquet


def _known(parquet: str) -> str:
    if "://" not in parquet and "*" not in parquet and not os.path.exists(parquet):
        raise ConfigError(f"{parquet}: {NO_FILE}; {_NAME_ANOTHER}")
    return parquet


def _add(path: str, logs: Logs) -> None:
    found = opened(path)
    if found is None:
        return  # a part that was removed since the folder was listed
    if isinstance(found.file, BadLine):
        if found.file.reason == NO_FILE and isinstance(path, Part):
            return  # the live log is not begun yet
        raise ConfigError(f"{found.file}; {_NAME_ANOTHER}")
    try:
        kind = _KINDS[compression_of(os.pread(found.file, 4, 0))]
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}; {_NAME_ANOTHER}") from None
    finally:
        os.close(found.file)
    logs.setdefault(kind, []).append(os.path.abspath(found.path))
