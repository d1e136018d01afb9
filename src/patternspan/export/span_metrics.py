"""What became of spans on their way to the collector, for who collects metrics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from patternspan.export.outbox import span_counts
from patternspan.model.vocabulary import METRIC_SPANS_DROPPED, METRIC_SPANS_EXPORTED

_METER: Final = "patternspan"


def register() -> None:
    """Make the instruments; they read the counts when somebody collects."""
    meter = metrics.get_meter(_METER)
    meter.create_observable_counter(
        METRIC_SPANS_EXPORTED,
        [_exported],
        "{span}",
        "Spans that the collector has accepted.",
    )
    meter.create_observable_counter(
        METRIC_SPANS_DROPPED, [_dropped], "{span}", "Spans given up: the queue was full, or the collector refused them."
    )


def _exported(_options: CallbackOptions) -> Iterable[Observation]:
    counts = span_counts()
    return [Observation(counts.exported + counts.resent)]


def _dropped(_options: CallbackOptions) -> Iterable[Observation]:
    return [Observation(span_counts().dropped)]
