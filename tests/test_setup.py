"""`configure()`: what it hangs on the process, and what calling it again replaces."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace

import patternspan
from patternspan import ConfigError, pattern_span
from patternspan.config import Config


def _work() -> None:
    with pattern_span("PAT-SET-001") as run, run.executing():
        pass


def test_what_is_in_force_is_returned(root: Path) -> None:
    """With the arguments that were given."""
    assert patternspan.configure(root=root, job_log=False) == Config(root=str(root), job_log=False)


def _files(root: Path) -> list[str]:
    return sorted(
        {path.relative_to(root).parts[0] + "/" + path.relative_to(root).parts[1] for path in root.rglob("*.jsonl")}
    )


@pytest.mark.parametrize(
    ("options", "files"),
    [
        ({}, ["events/jobs", "events/pattern_events.jsonl", "pattern_runs/20"]),
        ({"job_log": False}, ["events/pattern_events.jsonl", "pattern_runs/20"]),
        ({"archive": False}, ["events/jobs", "events/pattern_events.jsonl"]),
        ({"jsonl": False}, ["pattern_runs/20"]),
        ({"jsonl": False, "archive": False}, []),
        ({"enabled": False}, []),
    ],
)
def test_each_switch_turns_off_its_files(root: Path, spans: Any, options: dict[str, bool], files: list[str]) -> None:
    """And nothing else: the spans are there as long as recording is on."""
    patternspan.configure(root=root, **options)  # type: ignore[arg-type]
    _work()
    found = [name[:15] if name.startswith("pattern_runs") else name for name in _files(root)] if root.exists() else []
    assert found == files
    assert len(spans()) == (0 if options == {"enabled": False} else 2)


def test_phases_have_spans_of_their_own_unless_switched_off(root: Path, spans: Any) -> None:
    """The events stay the same."""
    patternspan.configure(root=root, phase_spans=False)
    _work()
    assert [span.name for span in spans()] == ["pattern.run PAT-SET-001"]
    assert len(spans()[0].events) == 2


def _open_files() -> Counter[str]:
    """Return what is open, and how often."""
    found: Counter[str] = Counter()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found[os.readlink(f"/proc/self/fd/{number}")] += 1
    return found


def test_calling_it_again_replaces_what_it_had_set_up(root: Path, written: Any) -> None:
    """Each event is in one log; no file of the former stays open."""
    before = _open_files()
    for _ in range(20):
        patternspan.configure(root=root)
        _work()
    assert len(written()) == 40
    until = time.monotonic() + 10  # they are closed in the background
    while (left := _open_files() - before).total() > 2 and time.monotonic() < until:
        time.sleep(0.05)
    assert left.total() <= 2, left
    other = root.parent / "other"
    patternspan.configure(root=other)
    _work()
    assert len(written()) == 40
    assert (other / "events/pattern_events.jsonl").exists()


def test_a_wrong_option_changes_nothing(root: Path, written: Any) -> None:
    """What was in force stays in force."""
    with pytest.raises(ConfigError):
        patternspan.configure(max_value_chars=-1)
    _work()
    assert len(written()) == 2


def test_the_provider_is_never_replaced(root: Path) -> None:
    """Neither the application's nor our own."""
    provider = trace.get_tracer_provider()
    patternspan.configure(root=root, service_name="another")
    assert trace.get_tracer_provider() is provider


def test_a_relative_root_stays_where_it_was(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also when the process changes its folder afterwards: logs, archive and the tools' output."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "first")
    patternspan.configure(root="here")
    monkeypatch.chdir(tmp_path / "second")
    with pattern_span("PAT-SET-002") as run:
        run.command(["echo", "x"])
    assert list((tmp_path / "second").iterdir()) == []
    assert sorted(path.name for path in (tmp_path / "first/here").iterdir()) == ["events", "logs", "pattern_runs"]


def test_the_service_name_is_that_of_the_provider_it_makes(python: Any) -> None:
    """Without it, OpenTelemetry's own variable says."""
    script = """
        import patternspan, sys
        from opentelemetry import trace
        patternspan.configure(service_name=sys.argv[1] or None)
        print(trace.get_tracer_provider().resource.attributes["service.name"])
        """
    assert python(script, "mine", OTEL_SERVICE_NAME="other").stdout == "mine\n"
    assert python(script, "", OTEL_SERVICE_NAME="other").stdout == "other\n"


@pytest.mark.parametrize(
    "variables",
    [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}],
)
def test_opentelemetrys_own_switches_turn_export_off_and_not_the_log(
    python: Any, tmp_path: Path, variables: dict[str, str]
) -> None:
    """The log is no export."""
    done = python(
        """
        from patternspan import pattern_span
        with pattern_span("PAT-SET-003"): pass
        """,
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",
        **variables,
    )
    assert done.stderr == ""
    assert (tmp_path / "state/events/pattern_events.jsonl").read_text().count("\n") == 2


def test_environment_alone_configures_the_first_run(python: Any, tmp_path: Path) -> None:
    """No call is needed."""
    python(
        """
        from patternspan import pattern_span
        with pattern_span("PAT-SET-004"): pass
        """,
        PATTERNSPAN_ROOT="elsewhere",
        PATTERNSPAN_JOB_LOG="false",
        PATTERNSPAN_ARCHIVE="false",
        PATTERNSPAN_TRACE_MEMBERS="false",
        PATTERNSPAN_JOB_ID="JOB-1",
    )
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()] == [
        "elsewhere/events/pattern_events.jsonl"
    ]
