"""What a store holds, for tests that compare two."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import create_engine, select

from patternspan.store.tables import METADATA, POSITIONS


def tables(url):
    """Return the rows of all tables but that of positions."""
    with create_engine(url).connect() as connection:
        return {
            table.name: Counter(map(tuple, connection.execute(select(table))))
            for table in METADATA.sorted_tables
            if table is not POSITIONS
        }
