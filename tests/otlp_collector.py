"""A small OTLP/HTTP collector that can be told to misbehave, for tests of what happens when things fail."""

from __future__ import annotations

import gzip
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from patternspan.export.otlp import events_from_otlp


class Collector:
    """Takes traces on a port of its own; `mode` says how.

    ok, partial (one span is rejected), small (no more than 20 spans are taken at once), picky (no batch is taken with a
    run of PAT-BAD-001), slow, forgetful (takes spans, and the answer is lost), silent, reset, garbage, page (of HTML),
    redirect, or a status.
    """

    def __init__(self) -> None:
        self.mode = "ok"
        self.requests: list[Any] = []
        self.logs: list[Any] = []
        """Requests with log records; they are taken in every mode."""
        self.asked = threading.Event()
        """Set by each request, whatever becomes of it."""
        self._over = threading.Event()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.path == "/v1/traces":
                    collector.asked.set()
                    collector._answer(self, body)
                elif self.path == "/v1/logs":
                    data = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
                    collector.logs.append(ExportLogsServiceRequest.FromString(data))
                    _reply(self, 200, {})
                else:
                    _reply(self, 200, {})  # metrics, which nobody here looks at

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that send a program's spans here, soon."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self._server.server_port}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }

    def _answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if self.mode == "silent":
            self._over.wait(30)
            handler.close_connection = True
        elif self.mode == "reset":
            _reset(handler)
        elif self.mode == "garbage":
            handler.wfile.write(b"\x00\xff no HTTP \r\n\r\n")
            handler.close_connection = True
        elif self.mode == "redirect":
            _reply(handler, 302, {"Location": "http://127.0.0.1:1/"})
        elif self.mode == "page":
            _reply(handler, 200, {"Content-Type": "text/html"}, b"<html>log in first</html>")
        elif self.mode.isdigit():
            _reply(handler, int(self.mode), {"Retry-After": "1"} if self.mode == "429" else {})
        else:
            data = gzip.decompress(body) if handler.headers.get("Content-Encoding") == "gzip" else body
            request = ExportTraceServiceRequest.FromString(data)
            if self._is_refused(request):
                _reply(handler, 413 if self.mode == "small" else 400, {})
                return
            if self.mode == "slow":
                self._over.wait(0.7)
            self.requests.append(request)
            if self.mode == "forgetful":
                _reset(handler)
                return
            answer = ExportTraceServiceResponse()
            if self.mode == "partial":
                answer.partial_success.rejected_spans = 1
                answer.partial_success.error_message = "too old"
            _reply(handler, 200, {"Content-Type": "application/x-protobuf"}, answer.SerializeToString())

    def _is_refused(self, request: Any) -> bool:
        spans = _spans([request])
        return (self.mode == "small" and len(spans) > 20) or (
            self.mode == "picky" and any("PAT-BAD-001" in span.name for span in spans)
        )

    @property
    def resources(self) -> list[Any]:
        """The resources of the spans that were taken, once for each message."""
        return [resource for request in list(self.requests) for resource in request.resource_spans]

    @property
    def spans(self) -> list[Any]:
        """The spans that were taken."""
        return _spans(list(self.requests))

    @property
    def events(self) -> list[Any]:
        """The pattern events on them."""
        return [event for request in list(self.requests) for event in events_from_otlp(request)]

    @property
    def log_lines(self) -> list[str]:
        """The bodies of the log records that were taken."""
        resources = [resource for request in list(self.logs) for resource in request.resource_logs]
        scopes = [scope for resource in resources for scope in resource.scope_logs]
        return [record.body.string_value for scope in scopes for record in scope.log_records]

    def close(self) -> None:
        """Let nobody wait any longer, and take nothing more."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _spans(requests: list[Any]) -> list[Any]:
    return [
        span
        for request in requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _reset(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def _reply(handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes = b"") -> None:
    handler.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)
