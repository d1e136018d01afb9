"""Metrics of runs, in the application's own MeterProvider."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

BEGIN = """
import json, os, sys, threading, time
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
from patternspan import configure, current_run, pattern_span, redact

def told(name):
    "The points of a metric: labels, and value or count."
    data = reader.get_metrics_data()
    found = [m for s in data.resource_metrics[0].scope_metrics for m in s.metrics if m.name == name]
    return [
        [dict(p.attributes), p.value if hasattr(p, "value") else p.count] for m in found for p in m.data.data_points
    ]

def tell(value):
    print(json.dumps(value))
"""


@pytest.fixture
def measured(python: Callable[..., Any]) -> Callable[..., list[Any]]:
    """Run a script behind `BEGIN`, and return what it told."""

    def run(script: str, **variables: str) -> list[Any]:
        import textwrap

        done = python(BEGIN + textwrap.dedent(script), **variables)
        assert done.stderr == ""
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


ENDS = """
import asyncio

@pattern_span(operation_kind="test", pattern_version="1.2")
def success(): return {"findings": 2}

@pattern_span(operation_kind="test")
def failure(): return {"exit_code": 3}

@pattern_span(operation_kind="test")
def error(): raise LookupError("x")

@pattern_span(operation_kind="test")
def timeout(): raise TimeoutError

@pattern_span(operation_kind="test")
def cancellation(): raise KeyboardInterrupt

@pattern_span(operation_kind="test")
def skip(): current_run().skip("not today")

for call in (success, failure, error, timeout, cancellation, skip):
    try:
        call()
    except BaseException:
        pass
"""


def test_each_end_of_a_run_is_told_apart(measured: Callable[..., list[Any]]) -> None:
    """By the result, and where it failed by the type of the error."""
    (points,) = measured(ENDS + 'tell([p[0] for p in told("pattern.run.duration")])')
    for labels in points:
        labels["pattern.id"] = labels["pattern.id"].rpartition(".")[2]
    kind = {"pattern.operation.kind": "test"}
    assert points == [
        {"pattern.id": "success", **kind, "pattern.run.result": "success", "pattern.version": "1.2"},
        {"pattern.id": "failure", **kind, "pattern.run.result": "failure", "error.type": "non_zero_exit"},
        {"pattern.id": "error", **kind, "pattern.run.result": "error", "error.type": "LookupError"},
        {"pattern.id": "timeout", **kind, "pattern.run.result": "timeout", "error.type": "TimeoutError"},
        {"pattern.id": "cancellation", **kind, "pattern.run.result": "cancellation", "error.type": "KeyboardInterrupt"},
        {"pattern.id": "skip", **kind, "pattern.run.result": "skip"},
    ]


def test_nothing_is_active_after_any_end(measured: Callable[..., list[Any]]) -> None:
    """Also after exceptions, and while a run goes on it is one."""
    during, after = measured(
        ENDS
        + """
with pattern_span("PAT-OPEN-001"):
    tell([p for p in told("pattern.run.active") if p[1]])
tell([p for p in told("pattern.run.active") if p[1]])
"""
    )
    assert during == [[{"pattern.id": "PAT-OPEN-001", "pattern.operation.kind": "unknown"}, 1]]
    assert after == []


def test_a_run_is_active_under_the_pattern_that_was_chosen(measured: Callable[..., list[Any]]) -> None:
    """And under the kind of operation that its first event names."""
    (points,) = measured(
        """
        with pattern_span("PAT-FIRST-001") as run:
            run.select("PAT-CHOSEN-001", operation_kind="scan")
            tell(told("pattern.run.active"))
        """
    )
    assert points == [[{"pattern.id": "PAT-CHOSEN-001", "pattern.operation.kind": "scan"}, 1]]


def test_a_forked_child_counts_its_own_runs_alone(measured: Callable[..., list[Any]]) -> None:
    """The parent's open run is the parent's, and stays so when the child leaves its block."""
    child, parent = measured(
        """
        with pattern_span("PAT-PARENT-001"):
            pid = os.fork()
            if pid == 0:
                with pattern_span("PAT-CHILD-001"):
                    tell([[p[0]["pattern.id"], p[1]] for p in told("pattern.run.active") if p[1]])
            else:
                os.waitpid(pid, 0)
                tell([[p[0]["pattern.id"], p[1]] for p in told("pattern.run.active") if p[1]])
        sys.stdout.flush()
        """
    )
    assert (child, parent) == ([["PAT-CHILD-001", 1]], [["PAT-PARENT-001", 1]])


def test_phases_are_measured_each(measured: Callable[..., list[Any]]) -> None:
    """Also one that a phase before it kept from the execution is counted, and one that was not opened is not."""
    (points,) = measured(
        """
        with pattern_span("PAT-PHASE-001") as run:
            run.select()
            with run.expanding(): pass
            with run.validating(): pass
            with run.executing(): pass
        with pattern_span("PAT-PHASE-001") as run:
            with run.validating() as validation: validation.check("x", False)
        tell({p[0]["pattern.phase"]: p[1] for p in told("pattern.phase.duration")})
        """
    )
    assert points == {"selection": 1, "template": 1, "validation": 2, "execution": 1}


def test_findings_are_summed(measured: Callable[..., list[Any]]) -> None:
    """By either of their names, as a number or as a list; what is none is not counted."""
    (points,) = measured(
        """
        for summary in ({"findings": 2}, {"finding_count": 3}, {"findings": ["a", "b"]}, {"findings": "many"}, {}):
            with pattern_span("PAT-FIND-001") as run: run.result(summary)
        tell(told("pattern.run.findings"))
        """
    )
    assert points == [[{"pattern.id": "PAT-FIND-001", "pattern.operation.kind": "unknown"}, 7]]


def test_distinct_values_of_a_label_are_capped(measured: Callable[..., list[Any]]) -> None:
    """What comes beyond the cap is one series of its own."""
    (points,) = measured(
        """
        configure(metric_pattern_ids=3)
        for number in range(50):
            with pattern_span(f"PAT-CAP-{number:03}"): pass
        tell([[p[0]["pattern.id"], p[1]] for p in told("pattern.run.duration")])
        """
    )
    assert points == [["PAT-CAP-000", 1], ["PAT-CAP-001", 1], ["PAT-CAP-002", 1], ["_OTHER", 47]]


def test_attempts_are_told_up_to_ten(measured: Callable[..., list[Any]]) -> None:
    """Ten stands for all further ones."""
    (points,) = measured(
        """
        for number in (1, 2, 10, 11, 500):
            with pattern_span("PAT-TRY-001", attempt=number): pass
        tell([[p[0]["pattern.run.attempt"], p[1]] for p in told("pattern.run.duration")])
        """
    )
    assert points == [[1, 1], [2, 1], [10, 3]]


def test_what_is_cut_and_what_is_withheld_is_counted(measured: Callable[..., list[Any]]) -> None:
    """The latter by kind."""
    cut, withheld = measured(
        """
        configure(max_value_chars=50)
        with pattern_span("PAT-CUT-001") as run:
            run.result(text="x" * 100, password="correct horse")
        tell(told("pattern.value.truncated"))
        tell(told("pattern.value.redacted"))
        """
    )
    assert cut[0][1] >= 1
    assert withheld == [[{"pattern.redaction.kind": "password"}, 1]]


def test_an_exemplar_leads_to_the_span_of_its_run(measured: Callable[..., list[Any]]) -> None:
    """Not to whatever span is current where metrics are collected."""
    (ids,) = measured(
        """
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        trace.set_tracer_provider(TracerProvider())
        with pattern_span("PAT-EX-001") as run:
            wanted = run.span.get_span_context()
        with trace.get_tracer("other").start_as_current_span("collecting"):
            data = reader.get_metrics_data()
        measured = [metric for scope in data.resource_metrics[0].scope_metrics for metric in scope.metrics]
        found = [metric for metric in measured if metric.name == "pattern.run.duration"]
        (exemplar,) = found[0].data.data_points[0].exemplars
        tell([exemplar.trace_id == wanted.trace_id, exemplar.span_id == wanted.span_id, exemplar.filtered_attributes])
        """
    )
    assert ids == [True, True, {}]


def test_switched_off_nothing_is_measured(measured: Callable[..., list[Any]]) -> None:
    """By the option; the log stays."""
    (count,) = measured(
        """
        with pattern_span("PAT-OFF-001"): pass
        tell(reader.get_metrics_data() is None)
        """,
        PATTERNSPAN_METRICS="false",
    )
    assert count is True


def test_a_provider_that_is_set_after_the_first_run_is_used(python: Callable[..., Any]) -> None:
    """What ended before is measured too."""
    done = python(
        """
        from patternspan import pattern_span
        with pattern_span("PAT-LATE-001"): pass
        from opentelemetry import metrics
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        with pattern_span("PAT-LATE-001"): pass
        reader = InMemoryMetricReader()
        metrics.set_meter_provider(MeterProvider([reader]))
        with pattern_span("PAT-LATE-001"): pass
        found = {m.name: m for s in reader.get_metrics_data().resource_metrics[0].scope_metrics for m in s.metrics}
        print(found["pattern.run.duration"].data.data_points[0].count)
        """
    )
    assert (done.stdout, done.stderr) == ("3\n", "")


def test_many_threads_lose_no_run(measured: Callable[..., list[Any]]) -> None:
    """While the reader collects all the time."""
    durations, active = measured(
        """
        configure(jsonl=False, archive=False)
        def work():
            for _ in range(1000):
                with pattern_span("PAT-MANY-001"): pass
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads: thread.start()
        while any(thread.is_alive() for thread in threads): reader.collect()
        tell(told("pattern.run.duration")[0][1])
        tell(told("pattern.run.active")[0][1])
        """
    )
    assert (durations, active) == (4000, 0)


@pytest.mark.parametrize("temporality", ["cumulative", "delta"])
def test_batches_give_what_single_values_give(temporality: str, measured: Callable[..., list[Any]]) -> None:
    """Sums, bounds, buckets and exemplars, in one reader and in two, with the SDK's own boundaries or a view's."""
    single, batch = measured(
        f"""
        import random
        from opentelemetry.context import Context
        from opentelemetry.sdk.metrics import Histogram
        from opentelemetry.sdk.metrics.export import AggregationTemporality
        from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
        from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context
        from patternspan.export.histograms import record_all

        kept = AggregationTemporality.{temporality.upper()}
        bounds = (0.1, 1.0, 10.0)
        def spans(n): return SpanContext(n + 1, n + 1, False, TraceFlags(1))
        def play(record):
            readers = [InMemoryMetricReader({{Histogram: kept}}) for _ in range(2)]
            views = [View(instrument_name="viewed", aggregation=ExplicitBucketHistogramAggregation((0.5, 2.0)))]
            meter = MeterProvider(readers, views=views).get_meter("x")
            rng, found = random.Random(7), []
            for name in ("plain", "viewed"):
                histogram = meter.create_histogram(name, "s", explicit_bucket_boundaries_advisory=bounds)
                for round in range(3):
                    for label in ("a", "b"):
                        record(histogram, {{"k": label}}, [(rng.uniform(0, 20), spans(n)) for n in range(100)])
                    for reader in readers:
                        data = reader.get_metrics_data()
                        for metric in data.resource_metrics[0].scope_metrics[0].metrics:
                            for p in metric.data.data_points:
                                found.append([metric.name, dict(p.attributes), p.count, round_(p.sum), p.min, p.max,
                                              list(p.bucket_counts)])
                                if name == "plain":
                                    found[-1].append(sorted((e.value, e.span_id) for e in p.exemplars))
            return found
        def round_(x): return float(f"{{x:.9g}}")
        def singly(histogram, labels, values):
            for value, span in values:
                histogram.record(value, labels, set_span_in_context(NonRecordingSpan(span), Context()))
        tell(play(singly))
        tell(play(lambda histogram, labels, values: record_all(histogram, bounds, labels, values)))
        """
    )
    assert len(batch) >= 20
    assert batch == single
