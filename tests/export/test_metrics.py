"""Metrics of the log, in the application's own MeterProvider."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_events_written_and_dropped_are_counters_without_labels(python: Callable[..., Any]) -> None:
    """They count on by themselves, whoever set the provider."""
    done = python(
        """
        from opentelemetry import metrics
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader

        reader = InMemoryMetricReader()
        metrics.set_meter_provider(MeterProvider([reader]))
        from patternspan import configure, pattern_span

        configure(pending_bytes=1)
        for _ in range(3):
            with pattern_span("PAT-METRIC-001"):
                pass
        configure(root="/dev/null/nowhere", pending_bytes=1)
        with pattern_span("PAT-METRIC-001"):
            pass
        for scope in reader.get_metrics_data().resource_metrics[0].scope_metrics:
            if scope.scope.name == "patternspan":
                for metric in scope.metrics:
                    if metric.name.startswith("pattern.event."):
                        points = [(p.value, dict(p.attributes)) for p in metric.data.data_points]
                        print(metric.name, metric.unit, points)
        """
    )
    assert done.stdout == "pattern.event.written {event} [(6, {})]\npattern.event.dropped {event} [(2, {})]\n"
