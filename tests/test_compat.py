"""The earlier system's names, as its users know them, on this package's rails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import patternspan
from patternspan import (
    ConformanceError,
    PatternEvent,
    PatternEventEmitter,
    PatternRun,
    PatternRunAggregator,
    compat,
    emit_pattern_event,
    fold,
    subscribe,
)
from patternspan.export.project import events_from_span
from patternspan.model.conform import judge_run
from recorded import problems, short

RUN = "PRUN-01JDKXQZ7M8N9P0Q1R2S3T4V5W"
JOB = "JOB-01JDKXQZ7M8N9P0Q1R2S3T4V5X"


def _tell(emitter: PatternEventEmitter | None = None, run: str = RUN, job: str = JOB) -> list[PatternEvent]:
    """Emit the events of a whole run."""
    steps: list[tuple[str, str, dict[str, Any]]] = [
        ("selection.started", "in_progress", {"operation_kind": "scan", "candidate_patterns": ["PAT-OLD-001"]}),
        (
            "selection.resolved",
            "in_progress",
            {"pattern_id": "PAT-OLD-001", "selection_method": "auto", "inputs_preview": {"path": "src"}},
        ),
        ("execution.started", "in_progress", {"executor": "subprocess", "command": "semgrep scan"}),
        (
            "execution.completed",
            "success",
            {"exit_code": 0, "duration_seconds": 1.5, "result_summary": {"findings": 2}, "artifacts": ["a.json"]},
        ),
    ]
    return [
        emit_pattern_event(
            event_type=f"pattern.{kind}",
            job_id=job,
            pattern_run_id=run,
            pattern_id="PAT-OLD-001",
            status=status,
            details=details,
            step_id="STEP-003",
            emitter=emitter,
        )
        for kind, status, details in steps
    ]


@pytest.mark.parametrize("name", compat.__all__)
def test_the_names_are_in_both_places(name: str) -> None:
    """Moving over is a change of the import line."""
    assert getattr(compat, name) is getattr(patternspan, name)


def test_an_event_is_created_as_before() -> None:
    """With an id and a time, as a dictionary in the contract's order, as one line of JSON."""
    event = PatternEvent.create(
        event_type="pattern.execution.started",
        job_id=JOB,
        pattern_run_id=RUN,
        pattern_id="PAT-OLD-001",
        status="in_progress",
        details={"executor": "python", "command": "x"},
    )
    assert list(event.to_dict()) == [
        "event_id", "event_type", "timestamp", "job_id", "step_id", "pattern_run_id", "pattern_id", "status", "details",
    ]  # fmt: skip
    assert json.loads(event.to_json()) == event.to_dict()
    assert event.step_id is None
    assert "\n" not in event.to_json()
    assert problems([event]) == ["events: terminal event is wanted, found none"]


def test_a_run_is_created_and_marked_as_before() -> None:
    """Pending, started, completed or failed, with its events."""
    run = PatternRun.create("PAT-OLD-001", JOB, operation_kind="scan", step_id="STEP-003", inputs={"a": 1})
    assert (run.status, run.started_at, run.inputs) == ("pending", None, {"a": 1})
    run.mark_started()
    assert run.status == "in_progress"
    run.add_event("EVT-1")
    run.add_event("EVT-1")
    run.mark_completed(outputs={"exit_code": 0}, artifacts=["a", "a"])
    assert (run.status, run.outputs, run.artifacts, run.events) == ("success", {"exit_code": 0}, ["a"], ["EVT-1"])
    assert run.duration_seconds is not None
    assert json.loads(run.to_json()) == run.to_dict()
    failed = PatternRun.create("PAT-OLD-001", JOB)
    failed.mark_started()
    failed.mark_failed({"type": "ToolError", "message": "bad"})
    assert failed.error == {"type": "ToolError", "message": "bad", "exit_code": None}
    assert judge_run(failed.to_dict(), strict=True) == []
    assert PatternRun.create("PAT-OLD-001", JOB).inputs == {}


def test_emitted_events_reach_log_span_archive_and_subscribers(root: Path, written: Any, spans: Any) -> None:
    """As those of a decorated executor do."""
    heard: list[PatternEvent] = []
    stop = subscribe(heard.append)
    emitted = _tell()
    stop()
    assert written() == emitted == heard
    assert problems(emitted) == []
    (span,) = spans()
    assert span.name == "pattern.run PAT-OLD-001"
    assert events_from_span(span) == emitted
    assert span.attributes["pattern.run.status"] == "success"
    (archived,) = (root / "pattern_runs").glob("*/*.jsonl")
    assert archived.read_text() == fold(emitted).to_json() + "\n"
    assert (root / "events/jobs" / JOB / "pattern_events.jsonl").exists()


def test_a_failed_run_is_a_failed_span(root: Path, spans: Any) -> None:
    """With the error's type and message."""
    emit_pattern_event("pattern.execution.started", JOB, RUN, "PAT-OLD-001", "in_progress", {"command": "x"})
    emit_pattern_event(
        "pattern.execution.failed", JOB, RUN, "PAT-OLD-001", "failed",
        {"exit_code": 2, "error_type": "ToolError", "error_message": "bad rule"},
    )  # fmt: skip
    (span,) = spans()
    assert (span.status.is_ok, span.status.description, span.attributes["error.type"]) == (
        False,
        "bad rule",
        "ToolError",
    )


@pytest.mark.parametrize("job_scoped", [False, True])
@pytest.mark.parametrize("own", [False, True])
def test_what_was_emitted_is_found_again(root: Path, tmp_path: Path, job_scoped: bool, own: bool) -> None:
    """By job and by run, whether or not a copy was written for the job."""
    emitter = PatternEventEmitter(tmp_path / "own" / "events") if own else PatternEventEmitter()
    events = [
        emitter.emit(
            PatternEvent.create("pattern.execution.started", job, run, "PAT-OLD-001", "in_progress"),
            job_scoped=job_scoped,
        )
        for job, run in ((JOB, RUN), (JOB, "PRUN-2"), ("JOB-2", "PRUN-3"))
    ]
    for again in (emitter, PatternEventEmitter(emitter.events_dir)):
        assert again.get_events() == events
        assert again.get_events(job_id=JOB) == events[:2]
        assert again.get_events(pattern_run_id="PRUN-3") == events[2:]
        assert again.get_events(job_id=JOB, pattern_run_id="PRUN-3") == []
        assert again.get_events(job_id="JOB-NONE") == []
    if own:
        jobs = tmp_path / "own/events/jobs"
        assert jobs.exists() is job_scoped
        assert not (root / "events").exists()


def test_reading_a_folder_that_is_not_there_gives_nothing(tmp_path: Path) -> None:
    """And makes none."""
    emitter = PatternEventEmitter(tmp_path / "missing")
    assert emitter.get_events(job_id="JOB-1") == []
    assert PatternRunAggregator(emitter).rebuild_from_events("JOB-1") == []
    assert PatternRunAggregator(emitter).get_run("PRUN-1") is None
    assert not (tmp_path / "missing").exists()


def test_an_aggregator_folds_what_it_is_handed(root: Path) -> None:
    """The same event twice changes nothing; the order does not matter."""
    emitter = PatternEventEmitter()
    events = _tell(emitter)
    aggregator = PatternRunAggregator(emitter)
    statuses = [aggregator.handle_event(event).status for event in events]
    assert statuses == ["in_progress", "in_progress", "in_progress", "success"]
    for event in reversed(events):
        assert aggregator.handle_event(event) == fold(events)
    assert aggregator.get_run(RUN) == fold(events)


def test_a_rebuild_twice_doubles_nothing(root: Path) -> None:
    """Neither events nor runs; nor does one beside what was handled live."""
    emitter = PatternEventEmitter()
    first, second = _tell(emitter), _tell(emitter, "PRUN-01JDKXQZ7M8N9P0Q1R2S3T4V5Z")
    _tell(emitter, "PRUN-OTHER", "JOB-OTHER")
    aggregator = PatternRunAggregator(emitter)
    aggregator.handle_event(first[0])
    for _ in range(3):
        assert aggregator.rebuild_from_events(JOB) == [fold(first), fold(second)]
    assert len(fold(first).events) == 4


def test_a_fresh_process_finds_a_run(root: Path) -> None:
    """What is on disk is all that it needs."""
    events = _tell()
    script = "import sys; from patternspan import PatternRunAggregator as A; print(A().get_run(sys.argv[1]).to_json())"
    done = subprocess.run(
        [sys.executable, "-c", script, RUN], cwd=root.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout == fold(events).to_json() + "\n"


def test_an_event_that_is_no_event_stops_nobody(root: Path, faults: Any, written: Any) -> None:
    """Whatever stands in it, the caller goes on and a line is written."""
    cyclic: dict[str, Any] = {"a": 1}
    cyclic["self"] = cyclic
    cyclic["many"] = [[cyclic, cyclic], [cyclic, cyclic]]
    for _ in range(2):
        emit_pattern_event("pattern.execution.started", JOB, RUN, "PAT-OLD-001", "in_progress", cyclic)
    emit_pattern_event("no.such.type", JOB, RUN, "PAT-OLD-001", "odd", {"\udcff": object(), "n": float("nan")})
    PatternEventEmitter().emit(PatternEvent("EVT-1", "pattern.x", "yesterday", JOB, None, RUN, "PAT", "odd", {}))
    log = (root / "events/pattern_events.jsonl").read_text().splitlines()
    assert [json.loads(line)["event_type"] for line in log] == [
        "pattern.execution.started",
        "pattern.execution.started",
        "no.such.type",
        "pattern.x",
    ]


def test_secrets_are_taken_out_of_emitted_events_too(root: Path, written: Any) -> None:
    """The caller's own details stay as they were."""
    details = {"command": "curl --token abcdefgh12345", "password": "x"}
    event = emit_pattern_event("pattern.execution.started", JOB, RUN, "PAT-OLD-001", "in_progress", details)
    assert (
        event.details
        == written()[0].details
        == {
            "command": "curl --token [redacted:token]",
            "password": "[redacted:password]",
        }
    )
    assert details["password"] == "x"


def test_a_run_that_never_ends_gives_its_span_when_the_process_does(python: Any) -> None:
    """Nothing is lost at exit."""
    done = python(
        """
        import atexit
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        trace.set_tracer_provider(provider)
        atexit.register(lambda: print([span.name for span in exporter.get_finished_spans()]))
        from patternspan import emit_pattern_event
        emit_pattern_event("pattern.execution.started", "JOB-1", "PRUN-1", "PAT-OLD-001", "in_progress", {})
        """
    )
    assert done.stdout == "['pattern.run PAT-OLD-001']\n"


def test_runs_told_of_by_many_threads_keep_apart(root: Path, written: Any, spans: Any) -> None:
    """One span a run, whoever tells of it."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: _tell(run=f"PRUN-T{number}"), range(20)))
    assert len(spans()) == 20
    runs = {span.attributes["pattern.run.id"]: short(events_from_span(span)) for span in spans()}
    assert set(runs) == {f"PRUN-T{number}" for number in range(20)}
    whole = (
        ("selection.started", "in_progress"),
        ("selection.resolved", "in_progress"),
        ("execution.started", "in_progress"),
        ("execution.completed", "success"),
    )
    assert {tuple(events) for events in runs.values()} == {whole}
    assert len(written()) == 80


def test_a_forked_child_leaves_its_parents_spans_alone(python: Any) -> None:
    """It ends none of them, and tells of its own runs."""
    done = python(
        """
        import os, sys
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
        provider = TracerProvider(shutdown_on_exit=False)
        formatter = lambda span: f"{who} {span.name}\\n"
        provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=formatter)))
        trace.set_tracer_provider(provider)
        from patternspan import emit_pattern_event
        who = "parent"
        emit_pattern_event("pattern.execution.started", "JOB-1", "PRUN-1", "PAT-OLD-001", "in_progress", {})
        pid = os.fork()
        if pid == 0:
            who = "child"
            emit_pattern_event("pattern.execution.started", "JOB-1", "PRUN-2", "PAT-OLD-002", "in_progress", {})
        else:
            os.waitpid(pid, 0)
        """
    )
    assert done.stdout.splitlines() == ["child pattern.run PAT-OLD-002", "parent pattern.run PAT-OLD-001"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"job_id": None}, "job_id"),
        ({"pattern_run_id": 5}, "pattern_run_id"),
        ({"details": "text"}, "details"),
    ],
    ids=["job", "run", "details"],
)
def test_what_no_reader_could_take_is_refused_and_not_written(root: Path, wrong: dict[str, Any], told: str) -> None:
    """The error names the argument, and the log stays as it was."""
    arguments: dict[str, Any] = {
        "event_type": "pattern.execution.started",
        "job_id": "JOB-TEST-001",
        "pattern_run_id": "PRUN-X",
        "pattern_id": "PAT-X",
        "status": "in_progress",
        "details": {"command": "x"},
    }
    with pytest.raises(ConformanceError, match=f"emit_pattern_event: {told}: "):
        emit_pattern_event(**{**arguments, **wrong})

    assert not (root / "events" / "pattern_events.jsonl").exists()
