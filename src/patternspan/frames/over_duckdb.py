"""Events as a DuckDB relation."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from glob import escape
from typing import Final, Literal

import duckdb
from duckdb import DuckDBPyConnection, DuckDBPyRelation

from patternspan.frames.columns import EVENT_COLUMNS, GIVEN, KEPT, METRICS, MOST_US, OPTIONAL, TIMESTAMP, demand
from patternspan.model.wire import MAX_LINE_BYTES

Compression = Literal["none", "gzip", "zstd", "auto_detect"]
_KINDS: Final = dict.fromkeys(EVENT_COLUMNS, "VARCHAR") | {"timestamp": "TIMESTAMPTZ"}
_MEMBERS: Final = ("synthetic", "result", "operation_kind", "metrics")
"""The members of details that runs are made of."""
_WHOLE: Final = " AND ".join(f"{name} IS NOT NULL" for name in EVENT_COLUMNS if name not in OPTIONAL)
_TIME: Final = (
    "CASE WHEN timestamp LIKE '____-__-__T__:__:__.______Z' AND timestamp[12:13] < '24' "
    "THEN try_cast(timestamp AS TIMESTAMPTZ) "
    f"WHEN regexp_full_match(timestamp, '{TIMESTAMP}') "
    "THEN try_cast(regexp_replace(upper(timestamp), '([.][0-9]{6})[0-9]+', '\\1') AS TIMESTAMPTZ) END"
)


def connect() -> DuckDBPyConnection:
    """Return a new connection to a database in memory."""
    connection = duckdb.connect(config={"preserve_insertion_order": False})
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def events(
    connection: DuckDBPyConnection, logs: Mapping[Compression, Sequence[str]], parquet: Sequence[str]
) -> DuckDBPyRelation:
    """Return the events of logs, by their compression, and of Parquet."""
    found = [_of_lines(connection, compression, paths) for compression, paths in logs.items()]
    found += [_of_parquet(connection, path) for path in parquet]
    if not found:
        found.append(_nothing(connection))
    first, *rest = found
    for other in rest:
        first = first.union(other)
    return first


def _of_lines(connection: DuckDBPyConnection, compression: Compression, paths: Sequence[str]) -> DuckDBPyRelation:
    lines = connection.read_json(
        [path if "://" in path else escape(path) for path in paths],
        columns=dict.fromkeys(EVENT_COLUMNS, "VARCHAR"),
        format="newline_delimited",
        compression=compression,
        ignore_errors=True,
        maximum_object_size=MAX_LINE_BYTES,
    )
    names = ", ".join(name if name != "timestamp" else f"{_TIME} AS timestamp" for name in EVENT_COLUMNS)
    return lines.filter("details LIKE '{%'").project(names).filter(_WHOLE)


def _of_parquet(connection: DuckDBPyConnection, path: str) -> DuckDBPyRelation:
    rows = connection.read_parquet(os.path.join(escape(path), "**", "*.parquet") if os.path.isdir(path) else path)
    demand(rows.columns, path)
    names = [f"CAST({name if name in rows.columns else 'NULL'} AS {_KINDS[name]}) AS {name}" for name in EVENT_COLUMNS]
    return rows.project(", ".join(names)).filter(f"{_WHOLE} AND json_valid(details) AND details LIKE '{{%'")


def _nothing(connection: DuckDBPyConnection) -> DuckDBPyRelation:
    names = [f"CAST(NULL AS {_KINDS[name]}) AS {name}" for name in EVENT_COLUMNS]
    return connection.values([0]).project(", ".join(names)).filter("false")


def facts_of(rows: DuckDBPyRelation) -> DuckDBPyRelation:
    """Return of a relation of events what runs are made of."""
    paths = ", ".join(f"'$.{name}'" for name in _MEMBERS)
    figures = [_microseconds(f"json_extract(found[4], '$.{metric}')") for metric in METRICS]
    given = ", ".join(f"{figure} AS given_{name}_us" for name, figure in zip(GIVEN, figures, strict=True))
    return rows.project(
        f"{', '.join(KEPT)}, epoch_us(timestamp) AS time_us, json_extract(details, [{paths}]) AS found"
    ).project(
        f"{', '.join(KEPT)}, time_us, "
        "coalesce(CAST(found[1] AS VARCHAR) = 'true', false) AS synthetic, "
        "json_extract_string(found[2], '$') AS result, "
        "CASE WHEN json_type(found[3]) = 'VARCHAR' THEN json_extract_string(found[3], '$') END AS operation_kind, "
        f"{given}"
    )


def _microseconds(milliseconds: str) -> str:
    figure = f"round_even(CAST({milliseconds} AS DOUBLE) * 1000, 0)"
    return (
        f"CASE WHEN json_type({milliseconds}) IN ('BIGINT', 'UBIGINT', 'DOUBLE') THEN "
        f"least({MOST_US}, CAST(greatest(0, least(9e18, {figure})) AS BIGINT)) END"
    )
