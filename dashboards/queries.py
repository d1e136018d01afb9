"""PromQL: what the dashboards ask Prometheus, in the names that the collector's Prometheus exporter gives metrics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

RUNS: Final = "pattern_run_duration_seconds_count"
RUN_BUCKETS: Final = "pattern_run_duration_seconds_bucket"
ACTIVE: Final = "pattern_run_active"
PHASES: Final = "pattern_phase_duration_seconds_count"
PHASE_SECONDS: Final = "pattern_phase_duration_seconds_sum"
PHASE_BUCKETS: Final = "pattern_phase_duration_seconds_bucket"
FINDINGS: Final = "pattern_run_findings_total"
WRITTEN: Final = "pattern_event_written_total"
DROPPED: Final = "pattern_event_dropped_total"
EXPORTED: Final = "pattern_span_exported_total"
SPANS_DROPPED: Final = "pattern_span_dropped_total"
TRUNCATED: Final = "pattern_value_truncated_total"
REDACTED: Final = "pattern_value_redacted_total"

# `job` is the service's name, after its namespace where it has one; Jaeger knows the name alone.
SERVICE: Final = "job=~`(.+/)?${service:regex}`"
PATTERN: Final = 'pattern_id=~"$pattern"'
OPERATION: Final = 'pattern_operation_kind=~"$operation"'
SELECTED: Final = (SERVICE, OPERATION, PATTERN)
"""What the variables of a dashboard have selected."""

WHOLE: Final = "$__range"
"""The time that the dashboard shows."""


def of(metric: str, labels: Iterable[str]) -> str:
    """Return the selector of a metric's series."""
    return f"{metric}{{{', '.join(labels)}}}"


def gained(series: str, window: str) -> str:
    """Return by how much counters have grown in a window.

    `increase` does not see what a series begins with, and so nothing of a process that lives for a moment: its
    counters are there with their last value the first time that they are seen. Here that counts in full. A counter
    that has become smaller was started anew, and counts in full too.
    """
    now = f"last_over_time({series}[{window}])"
    return f"((({now} - last_over_time({series}[1h] offset {window})) >= 0) or {now})"


def total(metric: str, labels: Iterable[str], window: str = WHOLE, by: str = "") -> str:
    """Return what counters have grown by in a window, as one sum or one for each value of some labels."""
    grouped = f" by ({by})" if by else ""
    return f"sum{grouped} ({gained(of(metric, labels), window)})"


def quantile(share: float, metric: str, labels: Iterable[str], window: str = WHOLE, by: str = "") -> str:
    """Return the time within which that share of runs or phases was over."""
    grouped = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, {total(metric, labels, window, grouped)})"


def success_rate(labels: tuple[str, ...], window: str = WHOLE, by: str = "") -> str:
    """Return the share of successes among the runs that were not left out; 0 where there was none."""
    judged = total(RUNS, (*labels, 'pattern_run_result!="skip"'), window, by)
    good = total(RUNS, (*labels, 'pattern_run_result="success"'), window, by)
    return f"({good} or {judged} * 0) / {judged}"


def longest_running(labels: Iterable[str]) -> str:
    """Return for each pattern that runs now how long ago none of its runs was open: its runs are not older.

    No metric bears the id of a run, so the age of one run cannot be asked for. Where a pattern was never seen idle,
    the time since it was first seen stands in.
    """
    active = f"sum by (pattern_id) ({of(ACTIVE, labels)})"
    idle = f"max_over_time(timestamp({active} == 0)[6h:15s])"
    first = f"min_over_time(timestamp({active})[6h:15s])"
    return f"(time() - ({idle} or {first} or timestamp({active}))) and ({active} > 0)"
