"""What sending spans by OTLP costs the executor, with a collector that takes them and with ones that do not.

    python benchmarks/exporting.py [--protocol http/protobuf] [--rounds 15] [--runs 400] [--json]

For each collector a process of its own records runs of seven events, some hundred at a time, in turn with a provider
that exports and with one that does not; the figures are the medians of the rounds' ratios. *executor* is processor time
of the thread that runs the pattern. *time* is what a clock says while nothing else is done: it contains the waiting for
the interpreter, which the thread that sends needs as well. Then: how much memory the process has grown by in the second
half, how long its exit takes, and whether exported, dropped and queued spans are all that there were.

The collectors: *healthy* takes everything; *down* is a port where nobody listens; *hanging* never answers; *busy*
answers 503, *refusing* 400. They have a process of their own. Runs follow each other at once, as no executor's do: more
than can be encoded. In the row *paced* they come 500 a second, and *SDK* is the SDK's batch processor in place of ours,
both with a healthy collector.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from patternspan import configure, health, pattern_span
from patternspan.export.exporters import exporter_class
from recording import executor

COLLECTORS = ["healthy", "down", "hanging", "busy", "refusing"]
ROWS = ["paced", "SDK", *COLLECTORS]
RATE = 500
"""Runs a second of the row *paced*."""
STATUS = {"healthy": 200, "busy": 503, "refusing": 400}
SPANS = 5
"""Spans of one run: its own and four phases."""


def serve_http(kind: str) -> None:
    """Be a collector for HTTP; say the port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if kind == "hanging":
                threading.Event().wait()
            self.send_response(STATUS[kind])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


def serve_grpc(kind: str) -> None:
    """Be a collector for gRPC; say the port."""
    import grpc

    def export(_request: bytes, context: grpc.ServicerContext) -> bytes:
        if kind == "hanging":
            threading.Event().wait()
        if kind != "healthy":
            context.abort(grpc.StatusCode.UNAVAILABLE if kind == "busy" else grpc.StatusCode.INVALID_ARGUMENT, kind)
        return b""

    class Any(grpc.GenericRpcHandler):
        def service(self, _details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
            return grpc.unary_unary_rpc_method_handler(export)

    server = grpc.server(futures.ThreadPoolExecutor(8), handlers=[Any()])
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    server.wait_for_termination()


def timed(work: Callable[[], object], runs: int, rate: int) -> tuple[float, float]:
    """Return processor time of this thread and time by the clock in the work, in microseconds a run."""
    clock = thread = 0
    due = time.perf_counter()
    for _ in range(runs):
        if rate:
            due += 1 / rate
            time.sleep(max(0.0, due - time.perf_counter()))
        began, began_thread = time.perf_counter_ns(), time.thread_time_ns()
        work()
        thread += time.thread_time_ns() - began_thread
        clock += time.perf_counter_ns() - began
    return thread / runs / 1000, clock / runs / 1000


def resident() -> int:
    """Return the resident memory of this process, in bytes."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found.group(1)) * 1024 if found else 0


def record(rounds: int, runs: int, rate: int, *, with_sdk: bool) -> dict[str, float]:
    """Record in turn with a provider that exports and one that does not; return the figures."""
    sending: trace.TracerProvider = TracerProvider()
    if with_sdk:
        sending.add_span_processor(BatchSpanProcessor(exporter_class("otlp")()))
        trace.set_tracer_provider(sending)
    configure(job_log=False, archive=False, metrics=False)
    sending = trace.get_tracer_provider()
    plain = TracerProvider(shutdown_on_exit=False)
    arms = [
        pattern_span("PAT-OTLP-001", operation_kind="measuring", tracer_provider=provider, phases=True)(executor)
        for provider in (plain, sending)
    ]
    for work in arms:
        timed(work, runs, rate)
    pairs, grown = [], 0
    for number in range(rounds):
        if number == rounds // 2:
            grown = resident()
        pairs.append([timed(work, runs, rate) for work in arms])
    grown = resident() - grown
    now = health()
    counted = now.spans_exported + now.spans_dropped + now.spans_queued
    told = {
        "executor": statistics.median(otlp[0] / without[0] for without, otlp in pairs),
        "time": statistics.median(otlp[1] / without[1] for without, otlp in pairs),
        "grown MB": grown / 1e6,
        "ended": time.time(),
    }
    if not with_sdk:
        told["exported"], told["dropped"] = now.spans_exported, now.spans_dropped
        told["uncounted"] = (rounds + 1) * runs * SPANS - counted
    return told


def measured(row: str, options: argparse.Namespace) -> dict[str, float]:
    """Start a collector and a process that records; return its figures, and how long its exit took."""
    collector = row if row in COLLECTORS else "healthy"
    runs = options.runs // 4 if row == "paced" else options.runs
    script = [sys.executable, __file__, "--protocol", options.protocol]
    server = None
    if collector == "down":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    else:
        server = subprocess.Popen([*script, "--serve", collector], stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        port = int(server.stdout.readline())
    try:
        with tempfile.TemporaryDirectory() as folder:
            environment = {
                **os.environ,
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
                "OTEL_EXPORTER_OTLP_PROTOCOL": options.protocol,
                "PATTERNSPAN_ROOT": folder,
            }
            done = subprocess.run(
                [*script, "--record", "--rounds", str(options.rounds), "--runs", str(max(1, runs)), "--row", row],
                env=environment, capture_output=True, text=True, check=True,
            )  # fmt: skip
            ended = time.time()
    finally:
        if server is not None:
            server.kill()
            server.wait()
    told: dict[str, float] = json.loads(done.stdout)
    told["exit s"] = ended - told.pop("ended")
    told["stderr lines"] = len(done.stderr.splitlines())
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--protocol", choices=["http/protobuf", "grpc"], default="http/protobuf")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    parser.add_argument("--serve", choices=COLLECTORS, help=argparse.SUPPRESS)
    parser.add_argument("--row", choices=ROWS, default="healthy", help=argparse.SUPPRESS)
    parser.add_argument("--record", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        (serve_grpc if options.protocol == "grpc" else serve_http)(options.serve)
    elif options.record:
        rate = RATE if options.row == "paced" else 0
        print(json.dumps(record(options.rounds, options.runs, rate, with_sdk=options.row == "SDK")))
    else:
        told = {row: measured(row, options) for row in ROWS}
        if options.json:
            print(json.dumps(told))
        else:
            for row, figures in told.items():
                print(f"{row:<10}" + ", ".join(f"{what} {figure:.2f}" for what, figure in figures.items()))


if __name__ == "__main__":
    main()
