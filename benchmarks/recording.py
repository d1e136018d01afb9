"""What recording a run costs, as ratios to the bare SDK and to bare writing, inside one process.

    python benchmarks/recording.py [--rounds 30] [--runs 300] [--json]

One run is a decorated call with seven lifecycle events whose details make lines of about 470 bytes. Each round
times every arm once, in turn, a few hundred runs at a time; the figure is the median of the rounds' ratios. Spans
go to a batch processor with an exporter that does nothing.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable

import msgspec
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from patternspan import configure, current_run, job, pattern_span
from patternspan.export.spans import adder_for
from patternspan.model.attributes import details_to_attributes
from patternspan.model.fold import fold
from patternspan.record.hub import hub
from patternspan.record.run import Run
from patternspan.testing import captured_events

SELECTION = {
    "operation_kind": "semgrep_scan",
    "candidate_patterns": ["PAT-SEMGRP-001", "PAT-SEMGRP-002"],
    "context": {"tool": "semgrep", "language": "python", "file_types": [".py"]},
}
INPUTS = {"target": "src/service", "rules": "p/ci", "severity": "WARNING"}
COMMAND = "semgrep --config p/ci --json --output report.json src/service"
LOG_AND_SPAN = {"job_log": False, "archive": False, "phase_spans": False, "metrics": False, "seal": False}
SUMMARY = {"finding_count": 12, "files_scanned": 120, "rules_run": 310}


class Nowhere(SpanExporter):
    """Accepts spans and forgets them."""

    def export(self, spans: object) -> SpanExportResult:  # noqa: ARG002
        return SpanExportResult.SUCCESS


def provider() -> TracerProvider:
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(BatchSpanProcessor(Nowhere(), max_queue_size=1 << 20))
    return made


def executor() -> dict[str, int]:
    """Seven events: two of selection, one of the template, two of validation, two of execution."""
    run = current_run()
    run.select(candidates=SELECTION["candidate_patterns"], method="auto", inputs=INPUTS, context=SELECTION["context"])
    with run.expanding(template_version="1.2.0", variables=5) as expansion:
        expansion.artifact("semgrep.yaml")
        expansion.command(COMMAND)
    with run.validating("preconditions", checks=["tool_installed", "target_exists"]) as validation:
        validation.check("tool_installed")
        validation.check("target_exists")
    with run.executing(COMMAND, executor="subprocess", working_dir="/srv/build/service", timeout_seconds=300):
        run.artifact("report.json")
    return SUMMARY


def make_arms(runs: int, folder: str) -> dict[str, Callable[[], float]]:
    tracer_provider = provider()
    tracer = tracer_provider.get_tracer("bare")
    recorded = pattern_span(
        "PAT-SEMGRP-001", operation_kind="semgrep_scan", tracer_provider=tracer_provider, phases=True
    )(executor)
    without_sdk = pattern_span(
        "PAT-SEMGRP-001",
        operation_kind="semgrep_scan",
        tracer_provider=trace.NoOpTracerProvider(),
        phases=True,
    )(executor)
    sample = sample_events(without_sdk)
    names = [event.event_type for event in sample]
    attributes = [details_to_attributes(event.event_id, event.status, event.details) for event in sample]
    span_attributes = {
        "pattern.id": "PAT-SEMGRP-001",
        "pattern.operation.kind": "semgrep_scan",
        "pattern.run.id": sample[0].pattern_run_id,
        "pattern.job.id": sample[0].job_id,
    }
    encode = msgspec.json.Encoder().encode
    members = [event.to_dict() for event in sample]
    fd = os.open(os.path.join(folder, "floor.jsonl"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def bare_sdk() -> None:
        with tracer.start_as_current_span("pattern.run PAT-SEMGRP-001", attributes=span_attributes) as span:
            for name, values in zip(names, attributes, strict=True):
                span.add_event(name, values)
            span.set_attribute("pattern.run.status", "success")
            span.set_attribute("pattern.run.result", "success")

    def bare_phases() -> None:
        with tracer.start_as_current_span("pattern.run PAT-SEMGRP-001", attributes=span_attributes) as span:
            with tracer.start_as_current_span("pattern.selection"):
                span.add_event(names[0], attributes[0])
                span.add_event(names[1], attributes[1])
            with tracer.start_as_current_span("pattern.template"):
                span.add_event(names[2], attributes[2])
            with tracer.start_as_current_span("pattern.validation"):
                span.add_event(names[3], attributes[3])
                span.add_event(names[4], attributes[4])
            with tracer.start_as_current_span("pattern.execution"):
                span.add_event(names[5], attributes[5])
            span.add_event(names[6], attributes[6])
            span.set_attribute("pattern.run.status", "success")
            span.set_attribute("pattern.run.result", "success")

    def floor() -> None:
        for one in members:
            os.write(fd, encode(one) + b"\n")

    def least_with_files() -> None:
        bare_sdk()
        floor()
        floor()
        name = os.path.join(folder, f"run{next(numbers)}")
        new = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        os.write(new, archived)
        os.close(new)

    numbers = itertools.count()
    archived = encode(fold(sample)) + b"\n"

    no_op = trace.NoOpTracerProvider().get_tracer("bare")

    def no_op_span() -> None:
        with no_op.start_as_current_span("pattern.run PAT-SEMGRP-001", attributes=span_attributes):
            pass

    def plain_call() -> dict[str, int]:
        return SUMMARY

    switched_off = pattern_span("PAT-SEMGRP-001")(plain_call)

    def unrecorded(measure: Callable[[], float]) -> Callable[[], float]:
        def measured() -> float:
            record, Run.record = Run.record, lambda *_: None
            try:
                return measure()
            finally:
                Run.record = record

        return measured

    def arm(call: Callable[[], object], **settings: bool) -> Callable[[], float]:
        def measure() -> float:
            configure(root=folder, **{**LOG_AND_SPAN, **settings})
            hub.adder_for = adder_for
            with job("JOB-01ARZ3NDEKTSV4RRFFQ69G5FAV"):
                call()
                start = time.perf_counter_ns()
                for _ in range(runs):
                    call()
                return (time.perf_counter_ns() - start) / runs / 1000

        return measure

    return {
        "bare SDK": arm(bare_sdk),
        "JSONL + span + 7 events": arm(recorded),
        "bare SDK, 5 spans": arm(bare_phases),
        "with phase spans": arm(recorded, phase_spans=True),
        "with job log and archive": arm(recorded, job_log=True, archive=True),
        "everything (defaults)": arm(recorded, job_log=True, archive=True, phase_spans=True, metrics=True),
        "floor: 7 lines": arm(floor),
        "JSONL alone": arm(without_sdk),
        "phases alone": unrecorded(arm(without_sdk)),
        "bare SDK, 14 lines, a new file": arm(least_with_files),
        "no-op API span": arm(no_op_span),
        "switched off": arm(switched_off, enabled=False),
    }


def sample_events(call: Callable[[], object]) -> list:
    with captured_events() as events:
        call()
    return list(events)


RATIOS = (
    ("JSONL + span + 7 events", "bare SDK", 1.25),
    ("with phase spans", "bare SDK, 5 spans", 1.25),
    ("with job log and archive", "bare SDK", 1.6),
    ("everything (defaults)", "bare SDK, 5 spans", 1.6),
    ("JSONL alone", "floor: 7 lines", 1.8),
    ("switched off", "no-op API span", 1.5),
)
# What the goals that are not reached would have to undercut.
FLOORS = (
    ("bare SDK, 14 lines, a new file", "bare SDK", "the least that a job's log and an archived run can cost"),
    ("phases alone", "floor: 7 lines", "the phases of the executor with nothing recorded; lines come on top"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        arms = make_arms(options.runs, folder)
        times: dict[str, list[float]] = {name: [] for name in arms}
        for _ in range(options.rounds):
            for name, measure in arms.items():
                times[name].append(measure())
    ratios = {
        f"{ours} / {theirs}": (statistics.median(a / b for a, b in zip(times[ours], times[theirs], strict=True)), goal)
        for ours, theirs, goal in RATIOS
    }
    if options.json:
        print(json.dumps({name: round(ratio, 3) for name, (ratio, _) in ratios.items()}))
        return
    for name, values in times.items():
        print(f"{name:28} {statistics.median(values):8.1f} us a run")
    for name, (ratio, goal) in ratios.items():
        print(f"{name:48} {ratio:5.2f} x   goal {goal} x")
    for ours, theirs, what in FLOORS:
        ratio = statistics.median(a / b for a, b in zip(times[ours], times[theirs], strict=True))
        print(f"{ours + ' / ' + theirs:48} {ratio:5.2f} x   {what}")


if __name__ == "__main__":
    main()
