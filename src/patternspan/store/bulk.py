"""Many rows into a table at once: `executemany` for SQLite, COPY for PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table

MOST_ASKED: Final = 1000
"""So many ids go into one query."""

Values = tuple[Any, ...]
"""A row, in the order of its table's columns."""


def in_parts(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    """Yield ids in parts that one query can hold."""
    return (ids[at : at + MOST_ASKED] for at in range(0, len(ids), MOST_ASKED))


def insert_new(connection: Connection, table: Table, rows: Sequence[Values], unique: str) -> int:
    """Insert the rows whose `unique` column is not there yet, and return how many they were."""
    return _insert(connection, table, rows, unique, "NOTHING")


def upsert(connection: Connection, table: Table, rows: Sequence[Values]) -> None:
    """Insert rows; one of the same primary key is replaced."""
    keys = [column.name for column in table.primary_key]
    updates = ", ".join(
        f"{column.name} = excluded.{column.name}" for column in table.columns if column.name not in keys
    )
    _insert(connection, table, rows, ", ".join(keys), f"UPDATE SET {updates}" if updates else "NOTHING")


def _insert(connection: Connection, table: Table, rows: Sequence[Values], keys: str, conflict: str) -> int:
    if not rows:
        return 0
    columns = ", ".join(column.name for column in table.columns)
    ending = f"ON CONFLICT ({keys}) DO {conflict}"
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(table.columns))
        statement = f"INSERT INTO {table.name} ({columns}) VALUES ({marks}) {ending}"  # noqa: S608 - our own names
        return connection.exec_driver_sql(statement, list(rows)).rowcount
    staged = f"new_{table.name}"
    connection.exec_driver_sql(f"CREATE TEMP TABLE IF NOT EXISTS {staged} (LIKE {table.name}) ON COMMIT DELETE ROWS")
    connection.exec_driver_sql(f"TRUNCATE {staged}")
    _copy(connection, f"COPY {staged} ({columns}) FROM STDIN", rows)
    statement = f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {staged} {ending}"  # noqa: S608
    return connection.exec_driver_sql(statement).rowcount


def _copy(connection: Connection, statement: str, rows: Iterable[Values]) -> None:
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
