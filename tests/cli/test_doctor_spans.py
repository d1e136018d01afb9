"""`patternspan doctor` on "no trace in Jaeger": each cause, against servers that really answer so."""

import contextlib
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import msgspec
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from screens import calm, log, run  # noqa: F401

from logs import good_run, lines

OTLP = "OTEL_EXPORTER_OTLP_"


def told(subject):
    """Return verdict, fact and next step of the doctor's finding on a subject."""
    lines = run("doctor")[1].splitlines()
    for number, line in enumerate(lines):
        if line[6:20].strip() == subject:
            step = lines[number + 1].strip() if lines[number + 1 : number + 2] and "→" in lines[number + 1] else ""
            return line[:5].strip(), line[21:], step.removeprefix("→ ")
    return None


@contextlib.contextmanager
def http_server(status=200, headers=(), body=b"", clock=0.0, path="/v1/traces"):
    """Serve a collector that answers OTLP over HTTP so, at `path` alone."""

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response_only(status if self.path == path else 404)
            self.send_header("Date", formatdate(time.time() + clock, usegmt=True))
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def grpc_server(code=None):
    """Serve a collector that takes OTLP over gRPC, or refuses it with a status."""

    class Collector(TraceServiceServicer):
        def Export(self, _request, context):  # noqa: N802 - its name in the protocol
            if code is not None:
                context.abort(code, "not you")
            return ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(2))
    add_TraceServiceServicer_to_server(Collector(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def test_an_endpoint_that_takes_traces_is_well(monkeypatch):
    """An empty request was accepted in the configured protocol."""
    with grpc_server() as url:
        monkeypatch.setenv(OTLP + "ENDPOINT", url)
        assert told("otlp") == ("ok", f"{OTLP}ENDPOINT={url} takes traces by grpc", "")
    with http_server(headers=[("Content-Type", "application/x-protobuf")]) as url:
        monkeypatch.setenv(OTLP + "ENDPOINT", url)
        monkeypatch.setenv(OTLP + "PROTOCOL", "http/protobuf")
        assert told("otlp") == ("ok", f"{OTLP}ENDPOINT={url}/v1/traces takes traces by http/protobuf", "")
        assert told("sampler") == ("ok", "parentbased_always_on: every trace is sent", "")


def test_the_wrong_protocol_is_found_by_trying_the_other(monkeypatch):
    """The most common cause of all: 4318 by gRPC, or 4317 by HTTP."""
    with http_server() as url:
        monkeypatch.setenv(OTLP + "ENDPOINT", url)
        verdict, fact, step = told("otlp")
        assert (verdict, step) == ("fail", f"it speaks http/protobuf: {OTLP}PROTOCOL=http/protobuf")
        assert fact.startswith(f"{OTLP}ENDPOINT={url}: answers UNAVAILABLE")
    with grpc_server() as url:
        monkeypatch.setenv(OTLP + "ENDPOINT", url)
        monkeypatch.setenv(OTLP + "PROTOCOL", "http/protobuf")
        verdict, fact, step = told("otlp")
        assert (verdict, step) == ("fail", f"it speaks grpc: {OTLP}PROTOCOL=grpc")


def test_an_address_without_a_scheme_means_tls(monkeypatch):
    """`localhost:4317` is what people write, and what fails."""
    with grpc_server() as url:
        monkeypatch.setenv(OTLP + "ENDPOINT", url.removeprefix("http://"))
        assert told("otlp") == (
            "fail",
            f"{OTLP}ENDPOINT={url.removeprefix('http://')}: no TLS there, which an address without a scheme asks for",
            "http:// before it",
        )
        monkeypatch.setenv(OTLP + "INSECURE", "true")
        assert told("otlp")[0] == "ok"


@pytest.mark.parametrize(
    ("status", "step"),
    [
        (401, "credentials are wanted: OTEL_EXPORTER_OTLP_HEADERS"),
        (403, "these credentials may not send: OTEL_EXPORTER_OTLP_HEADERS"),
        (503, "see the collector's own log"),
    ],
)
def test_a_refusal_says_what_to_do(monkeypatch, status, step):
    """HTTP statuses have their next steps."""
    with http_server(status) as url:
        monkeypatch.setenv(OTLP + "ENDPOINT", url)
        monkeypatch.setenv(OTLP + "PROTOCOL", "http/protobuf")
        assert told("otlp") == ("fail", f"{OTLP}ENDPOINT={url}/v1/traces: answers {status}", step)


def test_a_refusal_by_grpc_says_what_to_do(monkeypatch):
    """Its statuses have names."""
    with grpc_server(grpc.StatusCode.UNAUTHENTICATED) as url:
        monkeypatch.setenv(OTLP + "ENDPOINT", url)
        assert told("otlp") == (
            "fail",
            f"{OTLP}ENDPOINT={url}: answers UNAUTHENTICATED: not you",
            "credentials are wanted: OTEL_EXPORTER_OTLP_HEADERS",
        )


def test_a_path_that_was_left_out_is_found(monkeypatch):
    """The endpoint of traces alone is taken as it stands, without /v1/traces."""
    with http_server() as url:
        monkeypatch.setenv(OTLP + "TRACES_ENDPOINT", url)
        monkeypatch.setenv(OTLP + "PROTOCOL", "http/protobuf")
        verdict, fact, step = told("otlp")
        assert (verdict, fact) == ("fail", f"{OTLP}TRACES_ENDPOINT={url}: answers 404")
        assert step == f"OTLP stands at …/v1/traces: write the whole path into {OTLP}TRACES_ENDPOINT"


def test_a_redirect_and_a_page_are_no_collector(monkeypatch):
    """What answers, but not in OTLP."""
    monkeypatch.setenv(OTLP + "PROTOCOL", "http/protobuf")
    with http_server(302, headers=[("Location", "http://127.0.0.1:1/")]) as url:
        monkeypatch.setenv(OTLP + "ENDPOINT", url)
        assert told("otlp")[1].endswith("answers 302, a redirect, which no exporter follows")
    with http_server(200, headers=[("Content-Type", "text/html")], body=b"<html>") as url:
        monkeypatch.setenv(OTLP + "ENDPOINT", url)
        assert told("otlp") == (
            "fail",
            f"{OTLP}ENDPOINT={url}/v1/traces: answers text/html, not OTLP",
            "the collector's port",
        )


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_what_listens_and_says_nothing_is_told_in_bounded_time(monkeypatch, protocol):
    """A connection is no answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv(OTLP + "ENDPOINT", url)
        monkeypatch.setenv(OTLP + "PROTOCOL", protocol)
        verdict, fact, _ = told("otlp")
        assert verdict == "fail"
        assert "answer" in fact


def test_a_clock_that_is_off_is_a_warning(monkeypatch):
    """Traces of another hour are found by nobody who looks at the last one."""
    with http_server(clock=7200) as url:
        monkeypatch.setenv(OTLP + "ENDPOINT", url)
        monkeypatch.setenv(OTLP + "PROTOCOL", "http/protobuf")
        lines = run("doctor")[1]
        assert re.search(r"warn  clock +the collector's clock is \+7,(?:199|200) seconds off this one", lines)


@pytest.mark.parametrize(
    ("settings", "fact"),
    [
        ({"OTEL_TRACES_SAMPLER": "always_off"}, "OTEL_TRACES_SAMPLER=always_off: 0 of the traces are sent"),
        (
            {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.05"},
            "OTEL_TRACES_SAMPLER=traceidratio: 0.05 of the traces are sent",
        ),
        ({"OTEL_TRACES_SAMPLER": "sometimes"}, "OTEL_TRACES_SAMPLER=sometimes: not a sampler of the SDK"),
        (
            {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "half"},
            "OTEL_TRACES_SAMPLER_ARG=half: not a number",
        ),
        (
            {"TRACEPARENT": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"},
            "TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00 says that its trace is not sampled",
        ),
    ],
    ids=["off", "ratio", "unknown", "number", "parent"],
)
def test_a_sampler_that_sends_less_is_a_warning(monkeypatch, settings, fact):
    """The log is complete, which is said too."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "patternspan_jsonl")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    verdict, found, _ = told("sampler")
    assert (verdict, found[: len(fact)]) == ("warn", fact)


def test_a_slow_queue_and_a_disabled_sdk_are_warnings(monkeypatch):
    """Spans that wait, spans that are never made, spans that go nowhere though an endpoint is set."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "patternspan_jsonl")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "600000")
    assert told("queue") == (
        "warn",
        "OTEL_BSP_SCHEDULE_DELAY=600000: spans wait up to 600 s before they are sent",
        "5000, the default, or wait for it",
    )
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert told("spans") == ("warn", "OTEL_SDK_DISABLED=true: no span is made", "unset OTEL_SDK_DISABLED")
    monkeypatch.delenv("OTEL_SDK_DISABLED")
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    monkeypatch.setenv(OTLP + "ENDPOINT", "http://127.0.0.1:1")
    assert told("otlp")[:2] == (
        "warn",
        f"OTEL_TRACES_EXPORTER=none: spans are not sent, though {OTLP}ENDPOINT is set",
    )


def test_the_newest_event_says_whether_its_program_made_spans(monkeypatch, tmp_path):
    """A log without trace ids was written where these variables were not set."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "patternspan_jsonl")
    run_without = good_run(1, 1_795_000_000 * 10**9)
    log(tmp_path, lines(run_without))
    newest = run_without[-1].event_id
    assert told("trace") == (
        "warn",
        f"the newest event, {newest}, belongs to no trace: its program made no span, or left the ids out",
        "set these variables where that program runs, or call patternspan.configure() in it",
    )
    trace = "0af7651916cd43dd8448eb211c80319c"
    log(tmp_path, lines([msgspec.structs.replace(event, trace_id=trace, span_id="b" * 16) for event in run_without]))
    assert told("trace") == ("ok", f"the newest event, {newest}, belongs to trace {trace}", "")


def test_what_the_troubleshooting_page_quotes_is_what_doctor_says():
    """Each sign in its table is text of the doctor's own, or the system's word for a connection that failed."""
    root = Path(__file__).parents[2]
    source = "".join(
        (root / "src/patternspan/cli" / f"doctor_{name}.py").read_text() for name in ("spans", "otlp", "delivery")
    )
    rows = [line for line in (root / "docs/troubleshooting.md").read_text().splitlines() if line.startswith("| `")]
    signs = [sign for row in rows for sign in re.findall(r"`([^`]+)`", row.split(" | ")[0])]
    parts = {part.strip(" ,=-:.") for sign in signs for part in re.split(r"[…\d=]+", sign)}
    assert len(signs) == 22
    assert {part for part in parts if part not in source} == {
        "connection refused",
        "name or service not known",
        "it speaks grpc",
        "it speaks http/protobuf",
    }
