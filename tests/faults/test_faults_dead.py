"""The folder of the logs and the collector are dead together: the program goes on, and hears of it rarely."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from steps import FULL

PROGRAM = """
import patternspan, sys
from patternspan import current_run, pattern_span

@pattern_span("PAT-DEAD-001")
def work(number):
    current_run().select(candidates=["a", "b"])
    if number % 7 == 0:
        raise ValueError(number)
    return number

done = []
for number in range(2000):
    try:
        done.append(work(number))
    except ValueError as error:
        done.append(-error.args[0])
assert done == [-number if number % 7 == 0 else number for number in range(2000)]
health = patternspan.health()
assert health.failing and health.pending + health.lost == 8000 and health.written == 0, health
"""


@pytest.fixture
def dead_endpoint() -> Iterator[str]:
    """Return an address that refuses: it is taken, and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"] if FULL else ["grpc"])
def test_a_program_with_nowhere_to_record_to_does_its_work(tmp_path: Path, dead_endpoint: str, protocol: str) -> None:
    """Its results are its own, memory is bounded, and stderr says so once, and at the end what is lost."""
    (tmp_path / "state").write_bytes(b"a file stands where the folder would")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={
            **os.environ,
            "PATTERNSPAN_PENDING_BYTES": "200000",
            "OTEL_EXPORTER_OTLP_ENDPOINT": dead_endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    told, lost = done.stderr.splitlines()
    assert told.startswith("log: ")
    assert "events wait in memory" in told
    assert lost.endswith("8000 events are lost")
