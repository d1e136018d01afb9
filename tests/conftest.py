"""Fixtures of all tests; also puts this folder on the import path, so that tests of any folder share its modules."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from opentelemetry import context as otel_context
from opentelemetry.context import Context

import patternspan
from log_files import events_in
from patternspan import PatternEvent
from patternspan.record.guard import raise_faults
from patternspan.record.hub import hub
from patternspan.setup import shutdown_log

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from otlp_collector import Collector

# Property tests look at behaviour, not at how long an example takes on a busy machine.
settings.register_profile("patternspan", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patternspan")

_SETTINGS = ("PATTERNSPAN_", "OTEL_", "TRACEPARENT", "TRACESTATE", "BAGGAGE")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    for name in [name for name in os.environ if name.startswith(_SETTINGS)]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def _provider() -> tuple[TracerProvider, InMemorySpanExporter]:
    """The process has one global provider, which keeps its finished spans."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return provider, exporter


@pytest.fixture
def root(_provider: Any, tmp_path: Path) -> Iterator[Path]:
    """Recording goes to this folder; a fault inside telemetry fails the test."""
    shutdown_log()  # of a test that recorded to wherever it was started
    before = dict(vars(hub))
    raising = raise_faults(enabled=True)
    folder = tmp_path / "state"
    patternspan.configure(root=folder)
    _provider[1].clear()
    token = otel_context.attach(Context())
    yield folder
    otel_context.detach(token)
    raise_faults(enabled=raising)
    shutdown_log()
    vars(hub).update(before)


@pytest.fixture
def spans(root: Path, _provider: Any) -> Callable[[], list[ReadableSpan]]:
    """Return the finished spans so far, in the order in which they ended."""
    return lambda: list(_provider[1].get_finished_spans())


@pytest.fixture
def written(root: Path) -> Callable[[], list[PatternEvent]]:
    """Return the events in the global log so far; every line of it must be one."""
    return lambda: events_in(root / "events" / "pattern_events.jsonl")


@pytest.fixture
def faults(root: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """Let faults inside telemetry be swallowed, as in production, and return what was logged of them."""
    from patternspan.record import guard

    guard.forget()
    raise_faults(enabled=False)
    yield lambda: [record.getMessage() for record in caplog.records if record.name == "patternspan"]
    raise_faults(enabled=True)
    guard.forget()


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector for OTLP/HTTP on a port of its own."""
    from otlp_collector import Collector

    made = Collector()
    yield made
    made.close()


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a script in a fresh interpreter in an empty folder, whose `state` is the root."""

    def run(script: str, *words: str, check: bool = True, timeout: float = 60, **variables: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(script), *words],
            cwd=tmp_path,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    return run
