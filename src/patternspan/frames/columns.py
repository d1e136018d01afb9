"""Columns of events, and what runs are made of: the same over DuckDB and over Spark."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from patternspan.errors import ConfigError

EVENT_COLUMNS: Final = (
    "event_id",
    "event_type",
    "timestamp",
    "job_id",
    "step_id",
    "pattern_run_id",
    "pattern_id",
    "status",
    "details",
    "trace_id",
    "span_id",
)
"""Of events, in order."""
OPTIONAL: Final = ("step_id", "trace_id", "span_id")
"""Those that may be null."""
REQUIRED: Final = tuple(name for name in EVENT_COLUMNS if name not in OPTIONAL)
KEPT: Final = ("event_id", "event_type", "job_id", "step_id", "pattern_run_id", "pattern_id", "status")
"""Those that runs are made of as they stand; the others are `time_us` and what `details` say:"""
GIVEN: Final = ("selection", "template", "validation", "execution")
"""The phases whose duration an event may give: `given_selection_us` and so on."""
METRICS: Final = ("selection_ms", "template_expansion_ms", "validation_ms", "execution_ms")
"""The same as members of `details.metrics`."""
MOST_US: Final = (1 << 62) - 1
"""The longest duration that there is, in microseconds: what the store holds too."""
TIMESTAMP: Final = (
    "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}([.][0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
"""What a timestamp looks like. Whether there is such a day, a cast finds."""


def demand(columns: Collection[str], source: str) -> None:
    """Raise ConfigError where Parquet lacks what every event has."""
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise ConfigError(f"{source}: holds no events: there is no column {', '.join(missing)}")
