"""Span <-> events without loss, the exporter for foreign spans, and a real OTLP receiver."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, Sampler, SamplingResult

import patternspan
from otlp_files import request_of
from patternspan import PatternEvent, PatternJsonlExporter, current_run, job, pattern_span, step
from patternspan.export.otlp import events_from_otlp
from patternspan.export.otlp_json import events_from_otlp_json, request_in
from patternspan.export.project import events_from_span, span_from_events
from patternspan.log.reader import LogLine, read_all
from patternspan.model.conform import judge_event
from patternspan.model.fold import fold, in_order
from patternspan.model.vocabulary import EVENT_STATUSES, EVENT_TYPES
from patternspan.model.wire import decode, encode
from recorded import short

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=15)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
names = st.sampled_from(["exit_code", "command", "pattern.event.id", "pattern.details.x", "", "a.b"]) | texts
stamps = st.sampled_from(
    [
        "2025-11-26T07:15:12.123456Z",
        "2025-11-26T07:15:12Z",
        "2025-11-26t07:15:12.123456789z",
        "2025-11-26 07:15:12.5+05:30",
        "1969-12-31T23:59:59.999999Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59.999999-23:59",
        "2025-11-26T07:15:12.123456+00:00",
    ]
)
extras = st.dictionaries(texts.map("x-{}".format), values, max_size=2)
hexes = st.text("0123456789abcdef", min_size=16, max_size=16)


@st.composite
def events_of_a_run(draw: st.DrawFn) -> list[PatternEvent]:
    """Return events that share a run id; all else may differ from event to event."""
    run_id = draw(texts)
    same = draw(st.booleans())
    fixed = (draw(texts), draw(st.none() | texts), draw(texts), draw(hexes), draw(hexes))
    events = []
    for _ in range(draw(st.integers(1, 4))):
        job_id, step_id, pattern_id, half, span_id = (
            fixed if same else (draw(texts), draw(st.none() | texts), draw(texts), draw(hexes), draw(hexes))
        )
        traced = draw(st.sampled_from(["both", "none", "odd"]))
        correlation: dict[str, Any] = {}
        if traced == "both":
            correlation = {"trace_id": half * 2, "span_id": span_id}
        elif traced == "odd":
            correlation = {"trace_id": draw(texts)}
        events.append(
            PatternEvent(
                event_id=draw(texts),
                event_type=draw(st.sampled_from(EVENT_TYPES) | texts),
                timestamp=draw(stamps),
                job_id=job_id,
                step_id=step_id,
                pattern_run_id=run_id,
                pattern_id=pattern_id,
                status=draw(st.sampled_from(EVENT_STATUSES) | texts),
                details=draw(st.dictionaries(names, values, max_size=5)),
                extra=draw(extras),
                **correlation,
            )
        )
    return events


def over_the_wire(spans: Any) -> Any:
    """Return the spans as a receiver of OTLP parses them."""
    return ExportTraceServiceRequest.FromString(encode_spans(spans).SerializeToString())


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(events=events_of_a_run())
def test_events_survive_span_and_protobuf(events: list[PatternEvent]) -> None:
    """Events -> span -> OTLP -> span -> events: nothing is lost, whatever the details, times and extras."""
    span = span_from_events(events)
    assert events_from_span(span) == events
    assert events_from_otlp(over_the_wire([span])) == events


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(events=events_of_a_run())
def test_events_survive_span_and_otlp_json(events: list[PatternEvent]) -> None:
    """Events -> span -> OTLP JSON -> events: what a collector writes to a file loses nothing either."""
    assert list(events_from_otlp_json(request_in(request_of([events])))) == [events]


def test_details_of_many_members_survive() -> None:
    """More members than a span event may have attributes."""
    details: dict[str, Any] = {f"member {number}": number for number in range(1000)}
    event = PatternEvent.create("pattern.execution.started", "JOB-1", "PRUN-1", "PAT-X", "in_progress", details)
    assert events_from_otlp(over_the_wire([span_from_events([event])])) == [event]


@pattern_span("PAT-SPAN-001", operation_kind="scan", pattern_version="1.0", capture=True)
def _work(path: str, odd: Any) -> dict[str, Any]:
    run = current_run()
    with run.selecting(["PAT-SPAN-001", "PAT-SPAN-002"], context={"language": "python"}) as selection:
        selection.resolve("PAT-SPAN-002", inputs={"deep": {"a": [1, None]}})
    with run.expanding(variables={"a": 1}) as expansion:
        expansion.command(["x", path])
    with run.validating(checks=["a"]) as validation:
        validation.check("a")
        run.warn("careful")
    with run.executing():
        run.command(["sh", "-c", "echo hello"])
    return {"count": 3, "mixed": [1, "a", None], "odd": odd, "floats": [1.5, 2.0], "empty": []}


ODD: list[Any] = [None, float("nan"), 2**70, {"a": {"b": []}}, [], [True, False], "\x00", b"\xff", ["a", 1], -0.0]


def test_live_spans_give_back_the_events_of_the_log(root: Path, written: Any, spans: Any) -> None:
    """Of each run, in order, through protobuf, the phases' and the tool's spans beside them."""
    with job("JOB-ONE", name="nightly"), step("STEP-003"):
        for odd in ODD:
            _work("src", odd)
    assert len(written()) == 7 * len(ODD)
    assert events_from_otlp(over_the_wire(spans())) == written()
    runs = [span for span in spans() if span.name == "pattern.run PAT-SPAN-002"]
    assert [event for span in runs for event in events_from_span(span)] == written()


def test_without_trace_members_the_spans_still_give_back_the_nine(root: Path, written: Any, spans: Any) -> None:
    """A log for readers that take nine members only."""
    patternspan.configure(root=root, trace_members=False)
    _work("src", 1)
    assert all("trace_id" not in event.to_dict() for event in written())
    assert events_from_otlp(over_the_wire(spans())) == written()


def _recorded_with(limits: SpanLimits | None) -> tuple[Any, list[PatternEvent]]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(span_limits=limits, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    heard: list[PatternEvent] = []
    stop = patternspan.subscribe(lambda event: heard.append(decode(encode(event))))
    for odd in ODD:
        pattern_span("PAT-SPAN-003", capture=True, tracer_provider=provider)(_work.__wrapped__)("src", odd)  # type: ignore[attr-defined]
    stop()
    return exporter.get_finished_spans(), heard


def _plain(span: Any) -> Any:
    """Return the events of a span as the wire has them, without ids and times of their own."""
    found = over_the_wire([span]).resource_spans[0].scope_spans[0].spans[0]
    changing = {"pattern.event.id", "pattern.details.duration_seconds"}
    return [
        (event.name, sorted(str(pair) for pair in event.attributes if pair.key not in changing))
        for event in found.events
    ]


def test_the_quick_way_and_the_public_way_export_the_same(root: Path) -> None:
    """A provider with limits of its own gets `add_event`; what is exported is equal."""
    quick, heard_quick = _recorded_with(None)
    public, heard_public = _recorded_with(SpanLimits(max_attribute_length=1_000_000))
    assert type(quick[-1].events[0].attributes) is not type(public[-1].events[0].attributes)
    assert [_plain(span) for span in quick] == [_plain(span) for span in public]
    assert events_from_otlp(over_the_wire(quick)) == heard_quick
    assert events_from_otlp(over_the_wire(public)) == heard_public


class RecordOnly(Sampler):
    """Recorded, but not sampled."""

    def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
        return SamplingResult(Decision.RECORD_ONLY)

    def get_description(self) -> str:
        return "record only"


@pytest.mark.parametrize("sampler", [ALWAYS_OFF, RecordOnly()], ids=["off", "record only"])
def test_what_is_sampled_out_stands_in_the_log(root: Path, written: Any, sampler: Sampler) -> None:
    """An audit log does not depend on sampling; it has the trace's ids all the same."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with pattern_span("PAT-SPAN-004", tracer_provider=provider) as run:
        pass
    assert short(written()) == [("execution.started", "in_progress"), ("execution.completed", "success")]
    assert written()[0].trace_id == f"{run.span.get_span_context().trace_id:032x}"
    assert exporter.get_finished_spans() == ()


def test_more_events_than_a_span_keeps_are_all_in_the_log(root: Path, written: Any, spans: Any) -> None:
    """The SDK keeps the newest 128."""
    with pattern_span("PAT-SPAN-005", phases=True) as run:
        for _ in range(100):
            with run.validating():
                pass
    assert len(written()) == 202
    (span,) = [span for span in spans() if span.name == "pattern.run PAT-SPAN-005"]
    assert events_from_span(span) == written()[-128:]


def _foreign(provider: TracerProvider) -> None:
    """Make a span as another library would: raw events under the names of ours."""
    with provider.get_tracer("other").start_as_current_span("scan", attributes={"pattern.id": "PAT-OTHER-001"}) as span:
        span.add_event("something.else", {"a": 1})
        span.add_event("pattern.execution.started", {"executor": "python", "command": "scan"})
        span.add_event(
            "pattern.execution.completed",
            {"exit_code": 0, "duration_seconds": 1.5, "artifacts": ["a", "b"], "result_summary": "{}"},
        )


def test_foreign_spans_are_written_and_written_again_change_nothing(root: Path, tmp_path: Path) -> None:
    """Ids come from the span: a second export of it doubles nothing for a reader."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    _foreign(provider)
    exporter = PatternJsonlExporter(root=tmp_path / "other")
    for _ in range(3):
        assert exporter.export(kept.get_finished_spans()) is SpanExportResult.SUCCESS
    assert exporter.force_flush()
    exporter.shutdown()
    assert exporter.export(kept.get_finished_spans()) is SpanExportResult.FAILURE
    again = PatternJsonlExporter(root=tmp_path / "other")
    again.export(kept.get_finished_spans())
    log = tmp_path / "other/events/pattern_events.jsonl"
    events = in_order(item.event for item in read_all(str(log)) if isinstance(item, LogLine))
    assert short(events) == [("execution.started", "in_progress"), ("execution.completed", "success")]
    assert [judge_event(event.to_dict(), strict=True) for event in events[:1]] == [[]]
    assert events[0].pattern_id == "PAT-OTHER-001"
    assert events[1].details["artifacts"] == ["a", "b"]
    (archived,) = (tmp_path / "other/pattern_runs").glob("*/*.jsonl")
    assert archived.read_text() == fold(events).to_json() + "\n"


def test_one_span_that_is_wrong_takes_no_other_with_it(root: Path, tmp_path: Path, faults: Any) -> None:
    """FAILURE is said, the good ones are written."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    with provider.get_tracer("other").start_as_current_span("odd", attributes={"pattern.job.id": 5}) as span:
        span.add_event("pattern.execution.started", {"pattern.event.details": "{broken"})
    _foreign(provider)
    exporter = PatternJsonlExporter(root=tmp_path / "other")
    assert exporter.export(kept.get_finished_spans()) is SpanExportResult.FAILURE
    log = tmp_path / "other/events/pattern_events.jsonl"
    assert len([item for item in read_all(str(log)) if isinstance(item, LogLine)]) == 2


def test_what_the_hub_has_written_is_passed_over(root: Path, written: Any, spans: Any) -> None:
    """Runs of this process stand in the log already, live."""
    exporter = PatternJsonlExporter(root=root)
    _work("src", 1)
    before = written()
    assert exporter.export(spans()) is SpanExportResult.SUCCESS
    assert written() == before
    exporter.shutdown()


def test_the_exporter_is_found_by_its_name(python: Any, tmp_path: Path) -> None:
    """`OTEL_TRACES_EXPORTER=patternspan_jsonl` through OpenTelemetry's own loading."""
    python(
        """
        import warnings
        warnings.simplefilter("default")  # 1.39 warns of a class of its own
        from opentelemetry.sdk._configuration import _import_exporters
        found, *_ = _import_exporters(["patternspan_jsonl"], [], [])
        from patternspan import PatternJsonlExporter
        assert found == {"patternspan_jsonl": PatternJsonlExporter}
        """
    )


def test_foreign_spans_go_to_the_configured_root(python: Any, tmp_path: Path) -> None:
    """The exporter that `configure` makes writes where `configure` says."""
    python(
        """
        import patternspan
        from opentelemetry import trace
        patternspan.configure(root="here")
        with trace.get_tracer("other").start_as_current_span("scan") as span:
            span.add_event("pattern.execution.started", {"command": "x"})
        with patternspan.pattern_span("PAT-OWN-001"):
            pass
        """,
        OTEL_TRACES_EXPORTER="patternspan_jsonl",
    )
    events = [
        item.event for item in read_all(str(tmp_path / "here/events/pattern_events.jsonl")) if isinstance(item, LogLine)
    ]
    assert sorted(event.pattern_id for event in events) == ["PAT-OWN-001", "PAT-OWN-001", "scan"]
    assert not (tmp_path / "state").exists()


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """A receiver of OTLP over HTTP in this process."""
    requests: list[ExportTraceServiceRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                import gzip

                body = gzip.decompress(body)
            if self.path == "/v1/traces":
                requests.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", requests
    server.shutdown()
    thread.join()
    server.server_close()


WORK = """
import patternspan
from patternspan import current_run, job, pattern_span, step

@pattern_span("PAT-OTLP-001", operation_kind="scan", capture=True)
def work(number):
    run = current_run()
    run.select(inputs={"n": number})
    with run.validating() as validation:
        validation.check("a")
    with run.executing():
        run.command(["sh", "-c", "echo hello"])
    return {"n": number, "mixed": [1, "a"]}

def main():
    with job(), step("STEP-001"):
        for number in range(5):
            work(number)
        try:
            with pattern_span("PAT-OTLP-002"):
                raise ValueError("x")
        except ValueError:
            pass
"""


@pytest.mark.parametrize("before", ["", "patternspan.configure()", "patternspan.configure(phase_spans=False)"])
@pytest.mark.parametrize("exporter", ["otlp", "otlp,patternspan_jsonl", ""])
def test_an_otlp_receiver_gets_the_runs_of_the_log(
    python: Any, tmp_path: Path, receiver: Any, before: str, exporter: str
) -> None:
    """With or without `configure()`, by name or by endpoint alone; nothing is said on stderr."""
    endpoint, requests = receiver
    done = python(
        WORK + f"\n{before}\nmain()",
        OTEL_TRACES_EXPORTER=exporter,
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
        OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
    )
    assert (done.stdout, done.stderr) == ("", "")
    events = [event for request in requests for event in events_from_otlp(request)]
    items = list(read_all(str(tmp_path / "state/events/pattern_events.jsonl")))
    log = [item.event for item in items if isinstance(item, LogLine)]
    assert len(log) == len(items) == 5 * 6 + 2
    assert in_order(events) == in_order(log)
    assert len(events) == len(log)
    assert len({event.trace_id for event in log}) == 1


def test_without_an_endpoint_nothing_is_sent_or_said(python: Any, tmp_path: Path) -> None:
    """No provider is made where nobody asked, so an application may still set its own."""
    done = python(
        WORK
        + """
import socket, sys
def refuse(*args): raise AssertionError("network")
socket.socket.connect = refuse
main()
from opentelemetry import trace
from opentelemetry.trace import ProxyTracerProvider
assert isinstance(trace.get_tracer_provider(), ProxyTracerProvider)
assert "opentelemetry.sdk.trace" not in sys.modules
"""
    )
    assert (done.stdout, done.stderr) == ("", "")
    items = list(read_all(str(tmp_path / "state/events/pattern_events.jsonl")))
    assert len(items) == 32
    assert all(isinstance(item, LogLine) and item.event.trace_id is msgspec.UNSET for item in items)


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_where_nothing_listens_the_process_ends_soon_and_the_log_is_whole(
    python: Any, tmp_path: Path, protocol: str
) -> None:
    """A collector that is down costs neither events nor minutes, however many spans wait for it."""
    import time

    began = time.monotonic()
    python(
        WORK
        + """
for _ in range(1500):
    with pattern_span("PAT-OTLP-003"):
        pass
""",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",
        OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
    )
    assert time.monotonic() - began < 20
    assert len(list(read_all(str(tmp_path / "state/events/pattern_events.jsonl")))) == 3000


def test_an_exporter_that_is_not_installed_is_said_and_the_work_goes_on(python: Any, tmp_path: Path) -> None:
    """The others are still made."""
    done = python(WORK + "\nmain()", OTEL_TRACES_EXPORTER="nonsense,patternspan_jsonl")
    assert done.stderr.count("nonsense") == 1
    assert len(list(read_all(str(tmp_path / "state/events/pattern_events.jsonl")))) == 32


def test_an_applications_own_provider_is_joined(python: Any) -> None:
    """Set before or after `configure`, its processors get the runs, and it stays the global one."""
    python(
        WORK
        + """
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter = InMemorySpanExporter()
provider = TracerProvider(resource=Resource.create({"service.name": "mine"}))
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
patternspan.configure(service_name="other")
patternspan.configure()
assert trace.get_tracer_provider() is provider
main()
spans = exporter.get_finished_spans()
assert len([span for span in spans if span.name.startswith("pattern.run")]) == 6
assert {span.resource.attributes["service.name"] for span in spans} == {"mine"}
"""
    )


def test_a_provider_that_is_set_after_the_first_run_is_joined_too(python: Any) -> None:
    """Decorators made earlier use it from then on."""
    python(
        WORK
        + """
main()
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
work(1)
assert [span.name for span in exporter.get_finished_spans()][-1] == "pattern.run PAT-OTLP-001"
from patternspan.export.project import events_from_span
assert len(events_from_span(exporter.get_finished_spans()[-1])) == 6
"""
    )


def test_the_run_span_is_what_viewers_expect(root: Path, spans: Any) -> None:
    """Names, kinds, parents and attributes of a whole run, as a trace viewer shows them."""
    with job("JOB-ONE", name="nightly"), step("STEP-003", name="lint"):
        _work("src", 1)
    found = {span.name: span for span in spans()}
    parents = {span.context.span_id: span.name for span in spans()}
    assert {name: parents.get(span.parent.span_id) if span.parent else None for name, span in found.items()} == {
        "pattern.job nightly": None,
        "pattern.step lint": "pattern.job nightly",
        "pattern.run PAT-SPAN-002": "pattern.step lint",
        "pattern.selection": "pattern.run PAT-SPAN-002",
        "pattern.template": "pattern.run PAT-SPAN-002",
        "pattern.validation": "pattern.run PAT-SPAN-002",
        "pattern.execution": "pattern.run PAT-SPAN-002",
        "sh": "pattern.execution",
    }
    whole = found["pattern.run PAT-SPAN-002"]
    assert whole.kind is trace.SpanKind.INTERNAL
    assert {name: value for name, value in whole.attributes.items() if name != "pattern.run.id"} == {
        "pattern.id": "PAT-SPAN-002",
        "pattern.operation.kind": "scan",
        "pattern.version": "1.0",
        "pattern.job.id": "JOB-ONE",
        "pattern.step.id": "STEP-003",
        "pattern.run.status": "success",
        "pattern.run.result": "success",
    }
    assert whole.status.is_unset


def test_a_sampler_sees_what_is_known_of_a_run_at_its_start(root: Path) -> None:
    """Pattern, kind, version, job, step, run, attempt, and the caller's own attributes."""
    seen: list[dict[str, Any]] = []

    class Looks(RecordOnly):
        def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
            seen.append(dict(kwargs.get("attributes") or args[4]))
            return SamplingResult(Decision.DROP)

    provider = TracerProvider(sampler=Looks(), shutdown_on_exit=False)
    options: dict[str, Any] = {"operation_kind": "scan", "pattern_version": "1.0", "attempt": 2}
    with job("JOB-ONE"), step("STEP-003"):
        with pattern_span("PAT-SPAN-006", tracer_provider=provider, attributes={"team": "a"}, **options) as run:
            pass
    assert seen == [
        {
            "pattern.id": "PAT-SPAN-006",
            "team": "a",
            "pattern.operation.kind": "scan",
            "pattern.version": "1.0",
            "pattern.run.id": run.run_id,
            "pattern.job.id": "JOB-ONE",
            "pattern.step.id": "STEP-003",
            "pattern.run.attempt": 2,
        }
    ]


def test_secrets_of_foreign_spans_reach_no_file(tmp_path: Path) -> None:
    """What other code put on a span passes the same rules as what is recorded."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    from patternspan import PatternJsonlExporter

    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(PatternJsonlExporter(tmp_path)))
    with provider.get_tracer("other").start_as_current_span("scan") as span:
        command = "curl --password=hunter2 ghp_abcdefghijklmnopqrstuvwxyz0123456789"
        span.add_event("pattern.execution.started", {"executor": "subprocess", "command": command})
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*.jsonl"))

    assert b"pattern.execution.started" in written
    assert b"hunter2" not in written
    assert b"ghp_abc" not in written
