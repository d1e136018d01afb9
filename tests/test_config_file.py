"""The SDK set up by the file that `OTEL_CONFIG_FILE` names, with and without `opentelemetry-instrument`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from log_files import events_in
from otlp_collector import Collector
from scanner import EVENTS, SCAN, SPANS

APP = f"{SCAN}for number in range(5): scan(number)\n"
FILE = """
file_format: "1.0"
resource:
  attributes:
    - {{name: service.name, value: declared}}
tracer_provider:
  processors:
    - batch:
        exporter:
          otlp_http:
            endpoint: {endpoint}/v1/traces
logger_provider:
  processors:
    - batch:
        exporter:
          otlp_http:
            endpoint: {endpoint}/v1/logs
instrumentation/development:
  python:
    patternspan:
      root: elsewhere
"""


@pytest.fixture
def declared(tmp_path: Path, collector: Collector) -> dict[str, str]:
    """The variable, and a file that sends to the collector."""
    file = tmp_path / "otel.yaml"
    file.write_text(FILE.format(endpoint=collector.environment["OTEL_EXPORTER_OTLP_ENDPOINT"]))
    return {"OTEL_CONFIG_FILE": str(file)}


def log_of(folder: Path) -> list[Any]:
    return events_in(folder / "events" / "pattern_events.jsonl")


def service_of(collector: Collector) -> str:
    pairs = [pair for one in collector.resources for pair in one.resource.attributes]
    (value,) = {pair.value.string_value for pair in pairs if pair.key == "service.name"}
    return value


def test_opentelemetry_instrument_takes_sdk_and_options_from_the_file(
    collector: Collector, tmp_path: Path, declared: dict[str, str]
) -> None:
    """Its providers send spans; ours writes the log where the file says."""
    (tmp_path / "app.py").write_text(APP)
    done = subprocess.run(
        [Path(sys.executable).parent / "opentelemetry-instrument", sys.executable, "app.py"],
        cwd=tmp_path, env={**os.environ, **declared}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
    assert "".join(done.stderr.splitlines()[1:]) == ""  # the first is the SDK's, of what the program passes it
    events = log_of(tmp_path / "elsewhere")
    assert len(events) == 5 * EVENTS
    assert {event.event_id: event for event in collector.events} == {event.event_id: event for event in events}
    assert service_of(collector) == "declared"


def test_a_program_by_itself_takes_the_sdk_from_the_file(
    python: Callable[..., Any], collector: Collector, tmp_path: Path, declared: dict[str, str]
) -> None:
    """And none of it from other variables."""
    python(APP, **declared, OTEL_TRACES_EXPORTER="none", OTEL_SERVICE_NAME="other", PATTERNSPAN_EVENTS="both")
    events = log_of(tmp_path / "elsewhere")
    assert len(events) == 5 * EVENTS
    assert len(collector.spans) == 5 * SPANS
    assert collector.log_lines == [event.to_json() for event in events]
    assert service_of(collector) == "declared"


def test_arguments_win_over_the_file(python: Callable[..., Any], declared: dict[str, str], tmp_path: Path) -> None:
    """Each by itself: the root is the argument's, the rest the file's."""
    file = tmp_path / "otel.yaml"
    file.write_text(file.read_text() + "      archive: false\n")
    python("import patternspan\npatternspan.configure(root='third')\n" + APP, **declared)
    assert len(log_of(tmp_path / "third")) == 5 * EVENTS
    assert sorted(path.name for path in tmp_path.iterdir()) == ["otel.yaml", "third"]
    assert [path.name for path in (tmp_path / "third").iterdir()] == ["events"]


def test_a_wrong_option_in_the_file_is_said(
    python: Callable[..., Any], declared: dict[str, str], tmp_path: Path
) -> None:
    """And none of them is taken."""
    file = tmp_path / "otel.yaml"
    file.write_text(file.read_text() + "      durability: forever\n")
    done = python("import patternspan\npatternspan.configure()\n" + APP, **declared)
    assert "durability: one of os, interval, event is wanted, found 'forever'" in done.stderr
    assert len(log_of(tmp_path / "state")) == 5 * EVENTS


def test_sigterm_sends_what_is_on_its_way(
    python: Callable[..., Any], collector: Collector, declared: dict[str, str]
) -> None:
    """As with providers of our own."""
    done = python(APP + "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)", **declared, check=False)
    assert (done.returncode, done.stderr) == (-15, "")
    assert len(collector.spans) == 5 * SPANS


def test_the_applications_own_provider_stays(
    python: Callable[..., Any], collector: Collector, declared: dict[str, str]
) -> None:
    """Nothing is replaced."""
    own = "from opentelemetry import trace\nfrom opentelemetry.sdk.trace import TracerProvider\n"
    own += "mine = TracerProvider()\ntrace.set_tracer_provider(mine)\n"
    done = python(own + APP + "print(trace.get_tracer_provider() is mine)", **declared)
    assert (done.stdout, done.stderr, collector.spans) == ("True\n", "", [])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "no-such.yaml"),
        ("tracer_provider: [", "otel.yaml"),
        ('file_format: "1.0"\ntracer_provider: 5\n', "otel.yaml"),
    ],
    ids=["missing", "no YAML", "wrong"],
)
def test_a_wrong_file_is_said_and_the_log_is_whole(
    python: Callable[..., Any], tmp_path: Path, text: str | None, told: str
) -> None:
    """In one message."""
    file = tmp_path / told
    if text is not None:
        file.write_text(text)
    done = python(APP, OTEL_CONFIG_FILE=str(file))
    assert len(log_of(tmp_path / "state")) == 5 * EVENTS
    assert f"configuration: OTEL_CONFIG_FILE={file}: " in done.stderr
    assert text == "tracer_provider: [" or "Traceback" not in done.stderr  # of YAML the SDK itself shows one


def test_what_reads_the_file_may_be_missing(
    python: Callable[..., Any], declared: dict[str, str], tmp_path: Path
) -> None:
    """Then it is said how to install it."""
    gone = "import sys\nsys.modules['opentelemetry.configuration'] = None\n"
    done = python(gone + APP, **declared)
    assert len(log_of(tmp_path / "state")) == 5 * EVENTS
    assert (
        "OTEL_CONFIG_FILE: what reads it is not there; pip install 'opentelemetry-sdk[file-configuration]'"
        in done.stderr
    )


def test_doctor_says_that_the_file_decides(declared: dict[str, str], tmp_path: Path) -> None:
    """And what is wrong with it."""

    def doctor(path: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "patternspan", "doctor"],
            cwd=tmp_path, env={**os.environ, "OTEL_CONFIG_FILE": path}, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout

    assert "declares the SDK; other OTEL_ variables are not read" in doctor(declared["OTEL_CONFIG_FILE"])
    assert "no-such.yaml: " in doctor(str(tmp_path / "no-such.yaml"))
