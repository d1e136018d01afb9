"""Metrics of the log itself, read when somebody collects them: recording pays nothing for them."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from patternspan.export.sink import totals
from patternspan.model.vocabulary import METRIC_EVENTS_DROPPED, METRIC_EVENTS_WRITTEN


def register() -> None:
    """Make the instruments, in whatever MeterProvider the application has or will set."""
    meter = metrics.get_meter("patternspan")
    meter.create_observable_counter(
        METRIC_EVENTS_WRITTEN, [_written], "{event}", "Events that this process has written to its log."
    )
    meter.create_observable_counter(
        METRIC_EVENTS_DROPPED, [_dropped], "{event}", "Events that could not be written and were given up."
    )


def _written(_options: CallbackOptions) -> Iterable[Observation]:
    yield Observation(totals().written)


def _dropped(_options: CallbackOptions) -> Iterable[Observation]:
    yield Observation(totals().lost)
