"""Events as OpenTelemetry log events, the bridge back to span events, and the way back into a log."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import _logs, trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import set_span_in_context

import patternspan
from log_files import events_in
from otlp_collector import Collector
from patternspan import (
    EventToSpanEventBridge,
    PatternEvent,
    current_run,
    import_events,
    job,
    pattern_span,
    read_events,
    step,
)
from patternspan.export.project import events_from_span


@pytest.fixture(scope="module")
def _log_provider() -> tuple[LoggerProvider, InMemoryLogRecordExporter]:
    """The process has one global provider, which keeps its records."""
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    _logs.set_logger_provider(provider)
    return provider, exporter


@pytest.fixture
def records(_log_provider: Any) -> Iterator[Callable[[], list[Any]]]:
    """Return the log records so far."""
    exporter = _log_provider[1]
    exporter.clear()
    yield lambda: [kept.log_record for kept in exporter.get_finished_logs()]
    exporter.clear()


@pytest.fixture
def bridge(_log_provider: Any) -> Iterator[None]:
    """Show log events on their spans, too."""
    several = _log_provider[0]._multi_log_record_processor
    before = several._log_record_processors
    _log_provider[0].add_log_record_processor(EventToSpanEventBridge())
    yield
    several._log_record_processors = before


@pattern_span("PAT-SCAN-001", operation_kind="scan")
def scan(*, fail: bool = False) -> dict[str, Any]:
    run = current_run()
    with run.validating():
        pass
    if fail:
        raise LookupError("no such rule")
    return {"findings": 3, "nested": {"deep": [1, None]}}


def run_both() -> None:
    """Make a run that ends well, and one that fails, in a step."""
    with job("JOB-1"), step("STEP-001"):
        scan()
        with pytest.raises(LookupError):
            scan(fail=True)


def test_logs_has_each_event_as_a_log_event_and_none_on_spans(
    root: Path, records: Any, spans: Any, written: Callable[[], list[PatternEvent]]
) -> None:
    """With name, time, correlation and severity; the line is the body."""
    patternspan.configure(root=root, events="logs")
    run_both()
    events = written()
    assert len(events) == 8
    lines = (root / "events" / "pattern_events.jsonl").read_text().splitlines()
    told = records()
    assert [record.body for record in told] == lines
    assert [record.event_name for record in told] == [event.event_type for event in events]
    assert [record.timestamp // 1000 for record in told] == [event.time_ns // 1000 for event in events]
    assert [f"{record.trace_id:032x}-{record.span_id:016x}" for record in told] == [
        f"{event.trace_id}-{event.span_id}" for event in events
    ]
    assert [record.severity_number for record in told] == [SeverityNumber.INFO] * 7 + [SeverityNumber.ERROR]
    last = events[-1]
    assert {name: value for name, value in told[-1].attributes.items() if name.startswith("pattern.")} == {
        "pattern.event.id": last.event_id,
        "pattern.event.status": "failed",
        "pattern.details.error_type": "LookupError",
        "pattern.details.error_message": "no such rule",
        "pattern.details.duration_seconds": last.details["duration_seconds"],
        "pattern.details.result": "error",
        "pattern.event.details": '{"exit_code":null}',
        "pattern.id": "PAT-SCAN-001",
        "pattern.run.id": last.pattern_run_id,
        "pattern.job.id": "JOB-1",
        "pattern.step.id": "STEP-001",
    }
    assert [event.name for span in spans() for event in span.events] == ["exception"]


def test_both_has_them_in_both_places(
    root: Path, records: Any, spans: Any, written: Callable[[], list[PatternEvent]]
) -> None:
    """Each once."""
    patternspan.configure(root=root, events="both")
    run_both()
    assert len(records()) == len(written()) == 8
    assert [event for span in spans() for event in events_from_span(span)] == written()


def test_span_is_the_default_and_ends_what_was_asked_for_before(root: Path, records: Any, spans: Any) -> None:
    """Configuring anew replaces it."""
    patternspan.configure(root=root, events="logs")
    patternspan.configure(root=root)
    run_both()
    assert records() == []
    assert sum(len(events_from_span(span)) for span in spans()) == 8


@pytest.mark.usefixtures("bridge")
def test_the_bridge_gives_spans_their_events_back(
    root: Path, records: Any, spans: Any, written: Callable[[], list[PatternEvent]]
) -> None:
    """The same events, without loss; the log events go on."""
    patternspan.configure(root=root, events="logs")
    run_both()
    assert [event for span in spans() for event in events_from_span(span)] == written()
    assert len(records()) == 8


@pytest.mark.usefixtures("bridge", "root")
@pytest.mark.parametrize("case", ["no name", "no span", "another span", "ended", "its own"])
def test_the_bridge_takes_what_the_specification_says(records: Any, spans: Any, case: str) -> None:
    """A name, and the ids of the span in the context, which still records."""
    tracer = trace.get_tracer("app")
    span, other = tracer.start_span("work"), tracer.start_span("other")
    record = LogRecord(
        timestamp=None if case == "its own" else 5,
        observed_timestamp=7,
        context=None if case == "no span" else set_span_in_context(span),
        event_name=None if case == "no name" else "app.happened",
        attributes={"n": 1},
    )
    if case == "another span":
        record.context = set_span_in_context(other)
    if case == "ended":
        span.end()
    _logs.get_logger("app").emit(record)
    span.end()
    other.end()
    found = [(event.name, event.timestamp, dict(event.attributes)) for span in spans() for event in span.events]
    assert found == ([("app.happened", 7, {"n": 1})] if case == "its own" else [])
    assert len(records()) == 1


def test_what_a_sampler_leaves_out_is_a_log_event_all_the_same(root: Path, records: Any) -> None:
    """A sampler decides on spans."""
    patternspan.configure(root=root, events="logs")
    pattern_span("PAT-SCAN-001", tracer_provider=TracerProvider(sampler=ALWAYS_OFF))(lambda: None)()
    assert [record.event_name for record in records()] == ["pattern.execution.started", "pattern.execution.completed"]


def test_a_fault_of_a_log_processor_changes_nothing(
    root: Path, faults: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch, written: Any
) -> None:
    """It is told once; the run and its lines are as ever."""
    patternspan.configure(root=root, events="both")

    def broken(*_: object) -> None:
        raise RuntimeError("no logs today")

    monkeypatch.setattr("patternspan.record.hub.hub.log_event", broken)
    assert scan() == {"findings": 3, "nested": {"deep": [1, None]}}
    assert len(written()) == 4
    (told,) = faults()
    assert "no logs today" in told


APP = """
from patternspan import job, pattern_span
@pattern_span("PAT-SCAN-001")
def scan(n):
    return {"n": n}
with job("JOB-1"):
    for n in range(20):
        scan(n)
"""


@pytest.mark.parametrize("where", ["span", "logs", "both"])
def test_the_variable_sends_them_by_otlp(python: Any, collector: Collector, tmp_path: Path, where: str) -> None:
    """Where an endpoint is set, at the end of the program too; the log is the same whatever it says."""
    python(APP, **collector.environment, PATTERNSPAN_EVENTS=where)
    events = events_in(tmp_path / "state" / "events" / "pattern_events.jsonl")
    assert len(events) == 40
    sent = [json.loads(line)["event_id"] for line in collector.log_lines]
    ids = [event.event_id for event in events]
    assert sent == ([] if where == "span" else ids)
    assert sorted(event.event_id for event in collector.events) == ([] if where == "logs" else ids)


def test_nothing_of_the_logs_api_is_loaded_unless_asked_for(python: Any, collector: Collector) -> None:
    """It is not stable, and costs time."""
    told = "import sys\nprint([n for n in sys.modules if n.startswith('opentelemetry._logs')] != [])"
    assert python(APP + told).stdout == "False\n"
    assert python(APP + told, PATTERNSPAN_EVENTS="logs").stdout == "True\n"


def test_log_events_can_be_imported(python: Any, collector: Collector, tmp_path: Path) -> None:
    """As a collector's file exporter writes them: log, job's log and archive are as they were; others are not."""
    from google.protobuf.json_format import MessageToDict

    python(APP, **collector.environment, PATTERNSPAN_EVENTS="logs")
    request = MessageToDict(collector.logs[0])
    request["resourceLogs"][0]["scopeLogs"][0]["logRecords"] += [
        {"body": {"stringValue": "server started"}},
        {"eventName": "pattern.execution.started", "body": {"stringValue": "somebody else's"}},
        {"eventName": "app.ready"},
    ]
    file = tmp_path / "logs.jsonl"
    file.write_text(json.dumps(request) + "\n" + json.dumps(request) + "\n")
    done = import_events([file], tmp_path / "back")
    assert (done.requests, done.imported, done.present, done.foreign, done.bad) == (2, 40, 40, 6, 0)
    first, back = tmp_path / "state", tmp_path / "back"
    assert list(read_events(back)) == list(read_events(first))
    for part in ("events/jobs", "pattern_runs"):
        assert {p.relative_to(back): p.read_bytes() for p in (back / part).rglob("*.jsonl")} == {
            p.relative_to(first): p.read_bytes() for p in (first / part).rglob("*.jsonl")
        }


@pytest.mark.parametrize("broken", ["[1]", '{"resourceLogs":[{"scopeLogs":[{"logRecords":["text"]}]}]}'])
def test_what_is_no_log_record_is_said(tmp_path: Path, broken: str) -> None:
    """By file and line."""
    file = tmp_path / "logs.jsonl"
    file.write_text(broken + "\n")
    problems: list[Any] = []
    done = import_events([file], tmp_path / "back", on_problem=problems.append)
    assert (done.imported, done.bad, problems[0].number) == (0, 1, 1)
    assert problems[0].reason.startswith("no OTLP:")
