"""The collector beside the application: it forwards what it is sent, and sends the lines of the log as logs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from stack_answers import eventually, spans_sent, tags

from patternspan import PatternEvent, read_events
from stack_run import CONFIG, Stack, answers, free_ports

WORK = """
import sys
import patternspan
from patternspan import job, pattern_span

@pattern_span("PAT-AGENT-001", operation_kind="work")
def work(number):
    if number % 4 == 3:
        raise ValueError(f"no {number}")
    return {"number": number}

patternspan.configure(rotate_bytes=int(sys.argv[2]))
with job():
    for number in range(int(sys.argv[1])):
        try:
            work(number)
        except ValueError:
            pass
"""


class Agent:
    """A collector with agent.yaml, whose log of events is the one below a folder."""

    def __init__(self, programs: Path, folder: Path, gateway: Stack) -> None:
        self.ports = free_ports()
        self.process: subprocess.Popen[bytes] | None = None
        self._folder = folder
        self._command = [str(programs / "otelcol"), "--config", str(CONFIG / "agent.yaml")]
        self._variables = {name: str(port) for name, port in self.ports.items()} | {
            "GATEWAY_ENDPOINT": f"127.0.0.1:{gateway.ports['OTLP_GRPC_PORT']}",
            "COLLECTOR_STATE": str(folder / "agent"),
            "PATTERNSPAN_ROOT": str(folder / "state"),
            "OTEL_SERVICE_NAME": "tailed",
        }

    def start(self) -> None:
        with (self._folder / "agent.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env={**os.environ, **self._variables}, stdout=log, stderr=log
            )
        assert eventually(lambda: answers(f"http://127.0.0.1:{self.ports['HEALTH_PORT']}/"))

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(20)
            self.process = None


@pytest.fixture
def agent(programs: Path, stack: Stack, tmp_path: Path) -> Iterator[Agent]:
    made = Agent(programs, tmp_path, stack)
    yield made
    made.stop(signal.SIGKILL)


def work(folder: Path, count: int, *, rotate_bytes: int = 0, **variables: str) -> list[PatternEvent]:
    """Record some runs and return all events so far."""
    subprocess.run(
        [sys.executable, "-c", WORK, str(count), str(rotate_bytes)], cwd=folder, env={**os.environ, **variables},
        check=True, timeout=60,
    )  # fmt: skip
    return list(read_events(folder / "state"))


def tailed(stack: Stack, events: list[PatternEvent]) -> list[dict[str, Any]]:
    """Return the log records of these events that have come to the gateway's audit file, in its order."""
    wanted = {event.event_id for event in events}
    path = stack.audit.with_name("logs.jsonl")
    found = []
    for line in path.read_text().splitlines() if path.exists() else []:
        for resource in json.loads(line)["resourceLogs"]:
            for scope in resource["scopeLogs"]:
                found += [{**record, "resource": resource["resource"]} for record in scope["logRecords"]]
    return [record for record in found if attributes(record).get("pattern.event.id") in wanted]


def attributes(holder: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: one["value"].get("stringValue") for one in holder.get("attributes", [])}


def each_once(stack: Stack, events: list[PatternEvent]) -> bool:
    return Counter(attributes(record)["pattern.event.id"] for record in tailed(stack, events)) == {
        event.event_id: 1 for event in events
    }


def test_each_line_of_the_log_becomes_one_log_record(agent: Agent, stack: Stack, tmp_path: Path) -> None:
    """With the ids of trace and span, its own time, a severity, the names of a span, and the line as it stands."""
    agent.start()
    events = work(tmp_path, 8, OTEL_TRACES_EXPORTER="none")
    assert events
    assert eventually(lambda: each_once(stack, events))
    lines = {json.loads(line)["event_id"]: line for line in (log_of(tmp_path)).read_text().splitlines()}
    records = {attributes(record)["pattern.event.id"]: record for record in tailed(stack, events)}
    for event in events:
        record = records[event.event_id]
        assert (record["traceId"], record["spanId"]) == (event.trace_id, event.span_id)
        assert record["eventName"] == event.event_type
        assert record["severityText"] == event.status
        assert record["severityNumber"] == (17 if event.status == "failed" else 9)
        assert record["body"] == {"stringValue": lines[event.event_id]}
        assert int(record["timeUnixNano"]) == event.time_ns
        assert attributes(record) == {
            "pattern.event.id": event.event_id, "pattern.event.status": event.status, "pattern.id": event.pattern_id,
            "pattern.run.id": event.pattern_run_id, "pattern.job.id": event.job_id,
            "log.file.name": "pattern_events.jsonl",
        }  # fmt: skip
        assert attributes(record["resource"]) == {"service.name": "tailed"}


def log_of(folder: Path) -> Path:
    return folder / "state" / "events" / "pattern_events.jsonl"


def test_rotation_and_a_restart_neither_repeat_nor_leave_out(agent: Agent, stack: Stack, tmp_path: Path) -> None:
    """What is written while the agent is away comes when it is back, also where the log was rotated meanwhile."""
    first = work(tmp_path, 20, rotate_bytes=20_000)
    agent.start()
    assert eventually(lambda: each_once(stack, first))
    agent.stop()
    events = work(tmp_path, 40, rotate_bytes=20_000)
    assert len(list((tmp_path / "state" / "events").glob("pattern_events.0*.jsonl"))) > 1
    agent.start()
    assert eventually(lambda: each_once(stack, events))


def test_spans_wait_in_the_agent_while_the_gateway_is_away(programs: Path, own: Stack, tmp_path: Path) -> None:
    """The application ends long before the gateway comes; the agent itself is killed in between."""
    own.stop("collector")
    agent = Agent(programs, tmp_path, own)
    try:
        agent.start()
        port = agent.ports["OTLP_GRPC_PORT"]
        events = work(
            tmp_path, 12, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}", OTEL_METRICS_EXPORTER="none"
        )
        assert os.listdir(tmp_path / "state" / "delivery") == []  # the agent has taken all of it
        agent.stop(signal.SIGKILL)
        agent.start()
        own.start("collector")
        spans = spans_sent(own, {str(event.trace_id) for event in events}, 12)
        runs = Counter(tags(span)["pattern.run.id"] for span in spans if "pattern.run.id" in tags(span))
        assert runs == {event.pattern_run_id: 1 for event in events}
    finally:
        agent.stop(signal.SIGKILL)
