"""A small OTLP/gRPC collector that can be told to misbehave; as `otlp_collector`, for the other protocol."""

from __future__ import annotations

import threading
from concurrent import futures
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

from patternspan.export.otlp import events_from_otlp


class GrpcCollector(TraceServiceServicer):
    """Takes traces on a port of its own, up to the 4 MiB that collectors take unless they are told otherwise.

    `mode` says how: ok, silent, or the name of a status.
    """

    def __init__(self) -> None:
        self.mode = "ok"
        self.requests: list[Any] = []
        self.asked = threading.Event()
        """Set by each request, whatever becomes of it."""
        self._over = threading.Event()
        self._server = grpc.server(futures.ThreadPoolExecutor(8))
        add_TraceServiceServicer_to_server(self, self._server)
        self._port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that send a program's spans here, soon."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self._port}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_METRICS_EXPORTER": "none",
        }

    def Export(self, request: Any, context: Any) -> ExportTraceServiceResponse:  # noqa: N802 - its name in the protocol
        self.asked.set()
        if self.mode == "silent":
            self._over.wait(30)
        if self.mode != "ok":
            context.abort(getattr(grpc.StatusCode, self.mode, grpc.StatusCode.UNAVAILABLE), "told to")
        self.requests.append(request)
        return ExportTraceServiceResponse()

    @property
    def events(self) -> list[Any]:
        """The pattern events that were taken."""
        return [event for request in list(self.requests) for event in events_from_otlp(request)]

    def close(self) -> None:
        """Let nobody wait any longer, and take nothing more."""
        self._over.set()
        self._server.stop(None).wait()
