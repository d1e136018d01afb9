"""Events as a Spark data frame, over the session of whoever asks."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from patternspan.errors import ConfigError
from patternspan.frames.columns import EVENT_COLUMNS, GIVEN, KEPT, METRICS, MOST_US, OPTIONAL, TIMESTAMP, demand

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_KINDS: Final = dict.fromkeys(EVENT_COLUMNS, "STRING") | {"timestamp": "TIMESTAMP"}
_LINES: Final = ", ".join(f"{name} STRING" for name in EVENT_COLUMNS)
_WHOLE: Final = " AND ".join(f"{name} IS NOT NULL" for name in EVENT_COLUMNS if name not in OPTIONAL)
_TIME: Final = (
    f"CASE WHEN timestamp RLIKE '^{TIMESTAMP}$' "
    "THEN try_cast(regexp_replace(upper(timestamp), '([.][0-9]{6})[0-9]+', '$1') AS TIMESTAMP) END"
)


def is_session(engine: Any) -> bool:
    """Say whether this is a Spark session, without loading Spark where nobody has."""
    return type(engine).__module__.partition(".")[0] == "pyspark"


def events(session: SparkSession, logs: Mapping[Any, Sequence[str]], parquet: Sequence[str]) -> DataFrame:
    """Return the events of logs, by their compression, and of Parquet."""
    found = [_of_lines(session, paths) for _, paths in sorted(logs.items())]
    found += [_of_parquet(session, path) for path in parquet]
    if not found:
        found.append(session.createDataFrame([], ", ".join(f"{name} {kind}" for name, kind in _KINDS.items())))
    first, *rest = found
    for other in rest:
        first = first.unionByName(other)
    return first


def _of_lines(session: SparkSession, paths: Sequence[str]) -> DataFrame:
    for path in paths:
        if path.endswith(".zst"):
            raise ConfigError(f"{path}: Spark reads no zstd; patternspan export --format parquet makes what it reads")
    lines = session.read.schema(_LINES).json([path if "://" in path else f"file://{path}" for path in paths])
    names = [name if name != "timestamp" else f"{_TIME} AS timestamp" for name in EVENT_COLUMNS]
    return lines.where("details LIKE '{%'").selectExpr(*names).where(_WHOLE)


def _of_parquet(session: SparkSession, path: str) -> DataFrame:
    rows = session.read.parquet(path if "://" in path else f"file://{os.path.abspath(path)}")
    demand(rows.columns, path)
    names = [f"CAST({name if name in rows.columns else 'NULL'} AS {_KINDS[name]}) AS {name}" for name in EVENT_COLUMNS]
    return rows.selectExpr(*names).where(f"{_WHOLE} AND details LIKE '{{%' AND try_parse_json(details) IS NOT NULL")


def facts_of(rows: DataFrame) -> DataFrame:
    """Return of a frame of events what runs are made of."""
    given = [f"{_microseconds(metric)} AS given_{name}_us" for name, metric in zip(GIVEN, METRICS, strict=True)]
    found = rows.selectExpr(*KEPT, "unix_micros(timestamp) AS time_us", "try_parse_json(details) AS found")
    return found.selectExpr(
        *KEPT,
        "time_us",
        "coalesce(try_variant_get(found, '$.synthetic', 'boolean') AND "
        f"{_kind('$.synthetic')} = 'BOOLEAN', false) AS synthetic",
        "try_variant_get(found, '$.result', 'string') AS result",
        f"CASE WHEN {_kind('$.operation_kind')} = 'STRING' "
        "THEN try_variant_get(found, '$.operation_kind', 'string') END AS operation_kind",
        *given,
    )


def _kind(path: str) -> str:
    return f"schema_of_variant(variant_get(found, '{path}'))"


def _microseconds(metric: str) -> str:
    path = f"$.metrics.{metric}"
    value = f"try_variant_get(found, '{path}', 'double')"
    return (
        f"CASE WHEN {_kind(path)} = 'BIGINT' OR {_kind(path)} = 'DOUBLE' OR {_kind(path)} LIKE 'DECIMAL%' "
        f"THEN least({MOST_US}, CAST(greatest(0, least(9e18D, bround({value} * 1000, 0))) AS BIGINT)) END"
    )
