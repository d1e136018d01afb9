"""What happens to spans when the real collector goes away, and when it is killed itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from stack_answers import eventually, spans_sent, tags

from patternspan import read_events
from stack_run import Stack

WORK = """
import os, sys, time
import patternspan
from patternspan import pattern_span

patternspan.configure()

@pattern_span("PAT-OUT-001")
def work(number):
    return {"findings": number}

def wait_for(path):
    end = time.monotonic() + 60
    while not os.path.exists(path):
        assert time.monotonic() < end
        time.sleep(0.01)

for number in range(50): work(number)
open("first", "w").close()
wait_for("down")
for number in range(50): work(number)
open("second", "w").close()
wait_for("up")
for number in range(50): work(number)
end = time.monotonic() + 60
while patternspan.health().spans_queued and time.monotonic() < end:
    time.sleep(0.05)
"""


def wait_for(path: Path) -> None:
    assert eventually(path.exists)


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_a_collector_that_was_away_gets_every_run_once(own: Stack, tmp_path: Path, protocol: str) -> None:
    """Before, during and after the outage, by both protocols."""
    port = own.ports["OTLP_GRPC_PORT" if protocol == "grpc" else "OTLP_HTTP_PORT"]
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_EXPORTER_OTLP_TIMEOUT": "2", "OTEL_METRICS_EXPORTER": "none",
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-c", WORK], cwd=tmp_path, env={**os.environ, **variables}, stderr=subprocess.PIPE, text=True
    )
    wait_for(tmp_path / "first")
    own.stop("collector", signal.SIGKILL)
    (tmp_path / "down").touch()
    wait_for(tmp_path / "second")
    time.sleep(1)  # an outage of some length
    own.start("collector")
    (tmp_path / "up").touch()
    _, said = process.communicate(timeout=90)
    assert process.returncode == 0, said
    assert len(said.splitlines()) <= 10
    events = list(read_events(tmp_path / "state"))
    runs = {event.pattern_run_id for event in events}
    spans = spans_sent(own, {str(event.trace_id) for event in events}, 150)
    assert Counter(tags(span)["pattern.run.id"] for span in spans) == dict.fromkeys(runs, 1)
    assert len(runs) == 150
    assert os.listdir(tmp_path / "state" / "delivery") == []


def test_what_the_collector_took_survives_its_own_death(own: Stack, tmp_path: Path) -> None:
    """Its queue is a file: killed while Jaeger is away, it sends after both are back."""
    own.stop("jaeger")
    script = WORK.partition("open(")[0]
    subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env={**os.environ, **own.otlp, "OTEL_METRICS_EXPORTER": "none"},
        check=True, timeout=60,
    )  # fmt: skip
    assert os.listdir(tmp_path / "state" / "delivery") == []  # accepted
    own.stop("collector", signal.SIGKILL)
    own.start("jaeger")
    own.start("collector")
    events = list(read_events(tmp_path / "state"))
    spans = spans_sent(own, {str(event.trace_id) for event in events}, 50)
    assert len({tags(span)["pattern.run.id"] for span in spans}) == 50
