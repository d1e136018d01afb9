"""The metrics, in whatever MeterProvider there is: what runs left behind is put in when somebody collects."""

from __future__ import annotations

import sys
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterable
from importlib.metadata import version
from typing import Final

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation

from patternspan.export.histograms import Values, record_all
from patternspan.export.labels import LabelMaker
from patternspan.export.sink import totals
from patternspan.model.vocabulary import (
    METRIC_EVENT_DROPPED,
    METRIC_EVENT_WRITTEN,
    METRIC_PHASE_DURATION,
    METRIC_RUN_ACTIVE,
    METRIC_RUN_DURATION,
    METRIC_RUN_FINDINGS,
    METRIC_SPAN_DROPPED,
    METRIC_SPAN_EXPORTED,
    METRIC_VALUE_REDACTED,
    METRIC_VALUE_TRUNCATED,
    PHASE,
    REDACTION_KIND,
    SPAN_EXECUTION,
)
from patternspan.record.capture import truncated
from patternspan.record.meter import Ended, Key, meter
from patternspan.record.redact_rules import redaction_counts

BUCKETS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Upper bounds in seconds: patterns take from a moment to an hour."""


class RunMetrics:
    """The instruments of one meter, and what fills them."""

    def __init__(self, source: Meter, pattern_ids: int) -> None:
        self._labels = LabelMaker(pattern_ids)
        self._seen: set[tuple[tuple[str, str | int], ...]] = set()
        """Labels under which runs were open before: they are told as 0 and do not vanish."""
        self._run = source.create_histogram(
            METRIC_RUN_DURATION,
            "s",
            "How long runs took, from their first event to their last.",
            explicit_bucket_boundaries_advisory=BUCKETS,
        )
        self._phase = source.create_histogram(
            METRIC_PHASE_DURATION,
            "s",
            "How long the phases of runs took.",
            explicit_bucket_boundaries_advisory=BUCKETS,
        )
        self._findings = source.create_counter(METRIC_RUN_FINDINGS, "{finding}", "Findings that runs have reported.")
        source.create_observable_up_down_counter(
            METRIC_RUN_ACTIVE, [self._active], "{run}", "Runs that have begun and not ended."
        )
        source.create_observable_counter(
            METRIC_EVENT_WRITTEN, [_written], "{event}", "Events that this process has written to its log."
        )
        source.create_observable_counter(
            METRIC_EVENT_DROPPED, [_dropped], "{event}", "Events that could not be written and were given up."
        )
        source.create_observable_counter(
            METRIC_VALUE_TRUNCATED, [_truncated], "{value}", "Values that were longer than they may be, and were cut."
        )
        source.create_observable_counter(
            METRIC_VALUE_REDACTED, [_redacted], "{value}", "Secrets that were withheld, by kind."
        )
        source.create_observable_counter(
            METRIC_SPAN_EXPORTED, [_spans_exported], "{span}", "Spans that the collector has accepted."
        )
        source.create_observable_counter(
            METRIC_SPAN_DROPPED,
            [_spans_dropped],
            "{span}",
            "Spans given up: the queue was full, or refused.",
        )

    def use_cap(self, pattern_ids: int) -> None:
        """Change how many distinct values a label may have from now on."""
        self._labels.most = pattern_ids

    def consume(self) -> None:
        """Put the figures of all runs that have ended into the instruments."""
        if not has_provider():
            meter.ended.clear()
            return
        with meter.consuming:
            self._put(meter.take())

    def _put(self, runs: Iterable[Ended]) -> None:
        durations: defaultdict[Key, Values] = defaultdict(list)
        phases: defaultdict[tuple[str, str, str], Values] = defaultdict(list)
        findings: Tally[tuple[str, str]] = Tally()
        for key, found, nanoseconds, execution_ns, phases_of_run, span in runs:
            durations[key].append((nanoseconds / 1e9, span))
            if phases_of_run is not None:
                for at in range(0, len(phases_of_run), 2):
                    phases[key[0], key[1], phases_of_run[at]].append((phases_of_run[at + 1] / 1e9, span))
            if execution_ns:
                phases[key[0], key[1], SPAN_EXECUTION].append((execution_ns / 1e9, span))
            if found is not None:
                findings[key[0], key[1]] += found
        for of_run, values in durations.items():
            record_all(self._run, BUCKETS, self._labels.run(of_run), values)
        for (pattern_id, kind, name), values in phases.items():
            labels = {**self._labels.pattern(pattern_id, kind), PHASE: name.removeprefix("pattern.")}
            record_all(self._phase, BUCKETS, labels, values)
        for (pattern_id, kind), count in findings.items():
            self._findings.add(count, self._labels.pattern(pattern_id, kind))

    def _active(self, _options: CallbackOptions) -> Iterable[Observation]:
        self.consume()  # before the reader looks at the other instruments
        counts = dict.fromkeys(self._seen, 0)
        for pattern_id, kind in list(meter.open_runs.values()):
            labels = tuple(self._labels.pattern(pattern_id, kind).items())
            counts[labels] = counts.get(labels, 0) + 1
        self._seen.update(counts)
        for labels, count in counts.items():
            yield Observation(count, dict(labels))


def register(pattern_ids: int, provider: MeterProvider | None = None) -> RunMetrics:
    """Make the instruments: of a provider, else of the one that the application has or will set."""
    source = (provider or metrics).get_meter("patternspan", version("patternspan"))
    made = RunMetrics(source, pattern_ids)
    meter.consume = made.consume
    return made


def has_provider() -> bool:
    """Say whether measurements lead anywhere: whether the application has set a MeterProvider."""
    return type(metrics.get_meter_provider()).__name__ not in {"_ProxyMeterProvider", "NoOpMeterProvider"}


def _written(_options: CallbackOptions) -> Iterable[Observation]:
    yield Observation(totals().written)


def _dropped(_options: CallbackOptions) -> Iterable[Observation]:
    yield Observation(totals().lost)


def _truncated(_options: CallbackOptions) -> Iterable[Observation]:
    yield Observation(truncated())


def _redacted(_options: CallbackOptions) -> Iterable[Observation]:
    for kind, count in redaction_counts().items():
        yield Observation(count, {REDACTION_KIND: kind})


def _spans_exported(_options: CallbackOptions) -> Iterable[Observation]:
    outbox = sys.modules.get("patternspan.export.outbox")  # not loaded where no span is sent by this package
    if outbox is not None:
        counts = outbox.span_counts()
        yield Observation(counts.exported + counts.resent)


def _spans_dropped(_options: CallbackOptions) -> Iterable[Observation]:
    outbox = sys.modules.get("patternspan.export.outbox")
    if outbox is not None:
        yield Observation(outbox.span_counts().dropped)
