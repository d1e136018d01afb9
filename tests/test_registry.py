"""The registry of names against what is emitted: neither has what the other has not."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from opentelemetry.semconv._incubating.attributes import process_attributes
from opentelemetry.semconv.attributes import error_attributes

from registry_rules import ATTRIBUTES, GROUPS, faults_of, refs

EVENT_OWN = {"pattern.event.id", "pattern.event.status", "pattern.event.details", "pattern.event.members"}

EMIT = """
import json, os, sys
from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans, logs, reader = InMemorySpanExporter(), InMemoryLogRecordExporter(), InMemoryMetricReader()
tracers = TracerProvider()
tracers.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(tracers)
loggers = LoggerProvider()
loggers.add_log_record_processor(SimpleLogRecordProcessor(logs))
_logs.set_logger_provider(loggers)
metrics.set_meter_provider(MeterProvider([reader]))

from patternspan import configure, current_run, job, otlp_span_processor, pattern_span, step

configure(events="both", max_value_chars=100)
os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:1"
os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf"
outbox = otlp_span_processor()  # whose counts are metrics

@pattern_span("PAT-ALL-001", operation_kind="scan", pattern_version="1.2", attempt="auto", capture=True)
def everything(password, fail=False):
    run = current_run()
    with run.selecting(["PAT-ALL-001"]):
        pass
    with run.expanding():
        pass
    with run.validating():
        pass
    with run.executing():
        run.command([sys.executable, "-c", "print(1)"])
    if fail:
        raise LookupError("x" * 1000)
    return {"findings": 3, "nested": {"deep": [1, None, True]}, "ratio": 0.5, "good": True, "ints": [1, 2]}

@pattern_span("PAT-FIND-001")
def not_selected():
    with current_run().selecting(["PAT-A-001"]):
        raise LookupError("none")

@pattern_span("PAT-CHECK-001")
def not_valid():
    with current_run().validating() as phase:
        raise ValueError("not today")

@pattern_span("PAT-TOOL-001")
def no_tool():
    current_run().command(["/no/such/tool"])

@pattern_span("PAT-SKIP-001")
def skipped():
    current_run().skip("nothing has changed")

@pattern_span("PAT-WARN-001")
def warned():
    current_run().warn("old rules")

def attempt(call, *values):
    try:
        call(*values)
    except Exception:
        pass

try:
    with job("JOB-1"), step("STEP-001"):
        attempt(everything, "hunter2hunter2", True)
        attempt(everything, "hunter2hunter2")
        for call in (not_selected, not_valid, no_tool, skipped, warned):
            attempt(call)
        raise RuntimeError("the job breaks off")
except RuntimeError:
    pass

with job("JOB-1"), step("STEP-001"):
    kept = []
    pattern_span("PAT-OPEN-001")(lambda: kept.append(reader.get_metrics_data()))()
measured = kept[0]

def plain(attributes):
    return {k: list(v) if isinstance(v, tuple) else v for k, v in attributes.items()}

told = {
    "spans": [
        {
            "name": s.name, "kind": s.kind.name.lower(), "attributes": plain(s.attributes),
            "status": s.status.status_code.name,
            "events": [{"name": e.name, "attributes": plain(e.attributes)} for e in s.events],
            "links": [plain(l.attributes) for l in s.links],
        }
        for s in spans.get_finished_spans()
    ],
    "logs": [
        {"name": kept.log_record.event_name, "attributes": plain(kept.log_record.attributes)}
        for kept in logs.get_finished_logs()
    ],
    "metrics": [
        {
            "name": m.name, "unit": m.unit, "description": m.description, "data": type(m.data).__name__,
            "is_monotonic": getattr(m.data, "is_monotonic", None),
            "points": [plain(p.attributes) for p in m.data.data_points],
        }
        for s in measured.resource_metrics[0].scope_metrics for m in s.metrics
        if s.scope.name == "patternspan"
    ],
}
print(json.dumps(told))
os._exit(0)  # nobody answers the outbox
"""


@pytest.fixture(scope="module")
def emitted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """All that a process emits in which everything happens."""
    import subprocess

    done = subprocess.run(
        [sys.executable, "-u", "-c", EMIT],
        cwd=tmp_path_factory.mktemp("emitted"), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def span_group(name: str) -> dict[str, Any]:
    """Return the group of a span by its name."""
    for group in GROUPS.values():
        own = group.get("annotations", {}).get("patternspan", {}).get("name")
        if group["type"] == "span" and own in {name, name.partition(" ")[0]}:
            return group
    return GROUPS["span.pattern.tool"]


def test_spans_are_as_the_registry_says(emitted: Any) -> None:
    """Kinds, attributes, types, values; an error has a type, and all kinds of spans were seen."""
    assert [
        fault
        for span in emitted["spans"]
        for fault in faults_of(span["name"], span["attributes"], span_group(span["name"]))
    ] == []
    for span in emitted["spans"]:
        assert span["kind"] == span_group(span["name"])["span_kind"], span["name"]
        assert ("error.type" in span["attributes"]) == (span["status"] == "ERROR"), span
    seen = {span_group(span["name"])["id"] for span in emitted["spans"]}
    assert seen == {name for name, group in GROUPS.items() if group["type"] == "span"}
    links = [link for span in emitted["spans"] for link in span["links"]]
    assert links == [{"pattern.link.type": "retry"}]


@pytest.mark.parametrize("place", ["spans", "logs"])
def test_events_are_as_the_registry_says(emitted: Any, place: str) -> None:
    """On spans, and as log events, which bear the ids of their run; all ten were seen."""
    groups = {group["name"]: group for group in GROUPS.values() if group["type"] == "event"}
    events = emitted["logs"] if place == "logs" else [event for span in emitted["spans"] for event in span["events"]]
    events = [event for event in events if event["name"] != "exception"]
    assert [fault for one in events for fault in faults_of(one["name"], one["attributes"], groups[one["name"]])] == []
    assert {event["name"] for event in events} == set(groups)
    ids = {"pattern.id", "pattern.run.id", "pattern.job.id", "pattern.step.id"}
    for event in events:
        extra = {key for key in event["attributes"] if not key.startswith("pattern.details.")} - EVENT_OWN
        assert extra == (ids if place == "logs" else {"pattern.id"} & extra)


def test_metrics_are_as_the_registry_says(emitted: Any) -> None:
    """Names, instruments, units, descriptions and labels, all of them."""
    groups = {group["metric_name"]: group for group in GROUPS.values() if group["type"] == "metric"}
    kinds = {"histogram": ("Histogram", None), "counter": ("Sum", True), "updowncounter": ("Sum", False)}
    assert {metric["name"] for metric in emitted["metrics"]} == set(groups)
    for metric in emitted["metrics"]:
        group = groups[metric["name"]]
        assert (metric["unit"], metric["description"]) == (group["unit"], group["brief"].strip())
        assert (metric["data"], metric["is_monotonic"]) == kinds[group["instrument"]], metric["name"]
        assert [fault for point in metric["points"] for fault in faults_of(metric["name"], point, group)] == []


def test_each_attribute_of_the_registry_is_emitted(emitted: Any) -> None:
    """What is defined and never there would mislead."""
    seen = {key for span in emitted["spans"] for key in span["attributes"]}
    seen |= {key for span in emitted["spans"] for link in span["links"] for key in link}
    seen |= {key for event in emitted["logs"] for key in event["attributes"]}
    seen |= {key for span in emitted["spans"] for event in span["events"] for key in event["attributes"]}
    seen |= {key for metric in emitted["metrics"] for point in metric["points"] for key in point}
    # Only where a line has members that its span does not give back: see tests/export/test_export_spans.py.
    seen |= {"pattern.event.members"}
    seen = {"pattern.details" if key.startswith("pattern.details.") else key for key in seen}
    assert set(ATTRIBUTES) <= seen


def test_what_the_registry_borrows_is_in_opentelemetrys_conventions() -> None:
    """By name, in the constants that are made from them."""
    known = {
        value
        for module in (error_attributes, process_attributes)
        for value in vars(module).values()
        if isinstance(value, str)
    }
    borrowed = {ref for group in GROUPS.values() for ref in refs(group) if ref not in ATTRIBUTES}
    assert borrowed == {"error.type", "process.executable.name", "process.pid", "process.exit.code"}
    assert borrowed <= known
