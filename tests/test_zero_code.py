"""OpenTelemetry's own switches, instrumentation without code among them, and a log that is complete under all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from log_files import events_in
from otlp_collector import Collector
from scanner import EVENTS, SCAN, SPANS

RUNS = 20
APP = f"{SCAN}for number in range({RUNS}): scan(number)"


def log_of(folder: Path) -> list[Any]:
    return events_in(folder / "state" / "events" / "pattern_events.jsonl")


def instrumented(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    (folder / "app.py").write_text(APP)
    program = Path(sys.executable).parent / "opentelemetry-instrument"
    return subprocess.run(
        [program, sys.executable, "app.py"],
        cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_opentelemetry_instrument_attaches_the_log(collector: Collector, tmp_path: Path) -> None:
    """Its own provider sends the spans; ours writes the log; they hold the same events."""
    done = instrumented(tmp_path, **collector.environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    events = log_of(tmp_path)
    assert len(events) == RUNS * EVENTS
    by_id = {event.event_id: event for event in collector.events}
    assert by_id == {event.event_id: event for event in events}


def test_a_wrong_setting_is_said_and_the_program_goes_on(collector: Collector, tmp_path: Path) -> None:
    """Nothing of the program's changes."""
    done = instrumented(tmp_path, PATTERNSPAN_ROTATE_BYTES="many", **collector.environment)
    assert done.returncode == 0
    assert "PATTERNSPAN_ROTATE_BYTES='many'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("variables", "spans"),
    [
        ({"OTEL_SDK_DISABLED": "true"}, 0),
        ({"OTEL_TRACES_SAMPLER": "always_off"}, 0),
        ({"OTEL_TRACES_SAMPLER": "parentbased_always_off"}, 0),
        ({"OTEL_TRACES_SAMPLER": "always_on"}, RUNS * SPANS),
        ({"TRACEPARENT": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}, 0),
        ({"TRACEPARENT": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, RUNS * SPANS),
    ],
    ids=["disabled", "off", "parentbased off", "on", "unsampled parent", "sampled parent"],
)
def test_the_log_is_complete_under_every_sampler(
    python: Any, collector: Collector, tmp_path: Path, variables: dict[str, str], spans: int
) -> None:
    """What is sent is what the sampler says."""
    python(APP, **collector.environment, **variables)
    assert len(log_of(tmp_path)) == RUNS * EVENTS
    assert len(collector.spans) == spans


@pytest.mark.parametrize(
    ("variable", "limit"),
    [
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "2"),
        ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "2"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "2"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "30"),
    ],
)
def test_limits_cut_spans_and_not_the_log(
    python: Any, collector: Collector, tmp_path: Path, variable: str, limit: str
) -> None:
    """As their documents say: counts that were dropped, texts that were cut."""
    python(APP, **collector.environment, **{variable: limit})
    events = log_of(tmp_path)
    assert len(events) == RUNS * EVENTS
    started = [event for event in events if event.event_type == "pattern.execution.started"]
    assert {len(event.details["command"]) for event in started} == {200}
    run = next(span for span in collector.spans if span.name == "pattern.run PAT-SCAN-001")
    told = {
        "OTEL_SPAN_EVENT_COUNT_LIMIT": (len(run.events), run.dropped_events_count) == (2, EVENTS - 2),
        "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": all(len(event.attributes) == 2 for event in run.events),
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": len(run.attributes) == 2 and run.dropped_attributes_count > 0,
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": max(
            len(pair.value.string_value) for event in run.events for pair in event.attributes
        ) == 30,
    }  # fmt: skip
    assert told[variable], json.dumps(str(run))


def test_resource_attributes_are_those_of_the_environment(python: Any, collector: Collector) -> None:
    """With secrets in them withheld."""
    python(
        APP, **collector.environment, OTEL_SERVICE_NAME="nightly",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment=test,db.password=hunter2hunter2",
    )  # fmt: skip
    resource = collector.requests[0].resource_spans[0].resource
    told = {pair.key: pair.value.string_value for pair in resource.attributes}
    assert (told["service.name"], told["deployment.environment"]) == ("nightly", "test")
    assert told["db.password"] == "[redacted:password]"
