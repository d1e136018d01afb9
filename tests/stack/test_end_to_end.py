"""Some three hundred runs through the real collector into the real Jaeger and Prometheus, and back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stack_answers import eventually, fetched, spans_sent, tags

from patternspan import PatternEvent, fold, import_events, read_events
from patternspan.model.vocabulary import EVENT_TYPES
from registry_rules import GROUPS, faults_of
from stack_run import Stack

LOAD = Path(__file__).parents[2] / "examples" / "dashboard_load.py"
SERVICE, JOBS = "end-to-end", 32  # a name of its own: the same load goes through the stack for the dashboards
TOOL = Path(sys.executable).name


@pytest.fixture(scope="module")
def load(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the example has run, its telemetry sent to the stack."""
    folder = tmp_path_factory.mktemp("load")
    metrics = {"OTEL_METRIC_EXPORT_INTERVAL": "1000"}
    done = subprocess.run(
        [sys.executable, str(LOAD), f"--jobs={JOBS}", f"--service={SERVICE}"], cwd=folder,
        env={**os.environ, **stack.otlp, **metrics}, capture_output=True, text=True, timeout=90,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def runs_of(events: list[PatternEvent]) -> dict[str, list[PatternEvent]]:
    found: dict[str, list[PatternEvent]] = {}
    for event in events:
        found.setdefault(event.pattern_run_id, []).append(event)
    return found


def of_patterns(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return those that the registry defines, and not what Jaeger adds."""
    return {name: value for name, value in attributes.items() if name.startswith("pattern.")}


def test_jaeger_gives_every_run_back(stack: Stack, load: Path) -> None:
    """Its ten event types with their ids, its result, error, phases, tool and retry."""
    events = list(read_events(load / "state"))
    runs = runs_of(events)
    assert len(runs) == JOBS * 10
    assert {event.event_type for event in events} == set(EVENT_TYPES)
    assert {fold(own).status for own in runs.values()} == {"success", "warning", "failed", "skipped"}
    traces = {str(event.trace_id) for event in events}
    spans = spans_sent(stack, traces, len(runs))
    eventually(lambda: sum("pattern.run.id" in tags(span) for span in spans_sent(stack, traces, 0)) >= len(runs))
    spans = spans_sent(stack, traces, len(runs))
    by_run = {tags(span)["pattern.run.id"]: span for span in spans if "pattern.run.id" in tags(span)}
    assert by_run.keys() == runs.keys()
    for run_id, own in runs.items():
        span, run = by_run[run_id], fold(own)
        told = tags(span)
        logs = [{field["key"]: field["value"] for field in log["fields"]} for log in span["logs"]]
        assert [log["pattern.event.id"] for log in logs if "pattern.event.id" in log] == run.events
        assert [log["event"] for log in logs if "pattern.event.id" in log] == [event.event_type for event in own]
        assert [*faults_of(run_id, of_patterns(told), GROUPS["span.pattern.run"])] == []
        for log in logs:
            if "pattern.event.id" in log:
                assert [*faults_of(run_id, of_patterns(log), GROUPS[f"event.{log['event']}"])] == []
        assert told.get("pattern.step.id") == run.step_id
        assert (told["pattern.id"], told["pattern.job.id"], told["pattern.run.status"]) == (
            run.pattern_id, run.job_id, run.status,
        )  # fmt: skip
        assert told.get("error.type") == (run.error or {}).get("type")
        assert ("error" in told) == (run.status == "failed")
        assert span["spanID"] == own[0].span_id
        assert span["references"][0]["spanID"] == own[0].details["otel"]["parent"]
    names = Counter(span["operationName"] for span in spans)
    kinds = Counter(event.event_type for event in events)
    assert names["pattern.validation"] == kinds["pattern.validation.started"]
    assert names["pattern.selection"] == kinds["pattern.selection.started"]
    assert names["pattern.template"] == kinds["pattern.template.expanded"]
    assert names[TOOL] == sum(own[0].pattern_id in {"PAT-CHECK-001", "PAT-SLOW-001"} for own in runs.values()) > 10
    retries = [span for span in by_run.values() if tags(span).get("pattern.run.attempt", 1) > 1]
    assert retries
    for span in retries:
        links = [ref["spanID"] for ref in span["references"] if ref["refType"] == "FOLLOWS_FROM"]
        assert {by["spanID"] for by in by_run.values()} >= set(links)
        assert len(links) == 1


def test_the_audit_file_gives_the_same_events(stack: Stack, load: Path, tmp_path: Path) -> None:
    """Imported, the collector's file is the log."""
    events = {event.event_id: event for event in read_events(load / "state")}

    def imported() -> dict[str, PatternEvent]:
        shutil.rmtree(tmp_path / "state", ignore_errors=True)
        import_events([stack.audit], tmp_path / "state")
        return {event.event_id: event for event in read_events(tmp_path / "state") if event.event_id in events}

    eventually(lambda: len(imported()) == len(events))
    assert imported() == events


def test_prometheus_has_the_metrics(stack: Stack, load: Path) -> None:
    """Counts are those of the log; ids are in no label; exemplars lead to the trace."""
    events = list(read_events(load / "state"))
    runs = [fold(own) for own in runs_of(events).values()]
    wanted = Counter(run.pattern_id for run in runs)
    own = f'{{job="{SERVICE}"}}'  # other tests may have sent to the same stack

    def counts() -> dict[str, int]:
        found = fetched(
            f"{stack.prometheus}/api/v1/query",
            query=f"sum by (pattern_id) (pattern_run_duration_seconds_count{own})",
        )
        return {one["metric"]["pattern_id"]: int(float(one["value"][1])) for one in found["data"]["result"]}

    eventually(lambda: counts() == wanted)
    assert counts() == wanted
    everything = fetched(f"{stack.prometheus}/api/v1/series", **{"match[]": '{__name__=~"pattern_.*"}'})["data"]
    series = [one for one in everything if one.get("pattern_id") in wanted]
    labels = {name for one in everything for name in one}
    assert labels <= {
        "__name__", "instance", "job", "le", "pattern_id", "pattern_operation_kind", "pattern_run_result", "error_type",
        "pattern_version", "pattern_run_attempt", "pattern_phase", "pattern_redaction_kind",
    }  # fmt: skip
    results = {one["pattern_run_result"] for one in series if "pattern_run_result" in one}
    assert results == {"success", "failure", "error", "timeout", "cancellation", "skip"}
    found = fetched(
        f"{stack.prometheus}/api/v1/query_exemplars",
        query=f"pattern_run_duration_seconds_bucket{own}", start="2020-01-01T00:00:00Z", end="2100-01-01T00:00:00Z",
    )  # fmt: skip
    traces = {one["labels"]["trace_id"] for exemplars in found["data"] for one in exemplars["exemplars"]}
    assert traces
    assert traces <= {event.trace_id for event in events}


def test_a_node_program_continues_the_trace(stack: Stack, program: Callable[..., Any], tmp_path: Path) -> None:
    """A shell script starts it; TRACEPARENT comes through both."""
    (tmp_path / "tool.mjs").write_text(NODE)
    (tmp_path / "tool.sh").write_text("#!/bin/sh\nexec node tool.mjs\n")
    program(
        "-c",
        "import patternspan\n"
        "from patternspan import pattern_span\n"
        "patternspan.configure()\n"
        "with pattern_span('PAT-NODE-001') as run:\n"
        "    assert run.command(['sh', 'tool.sh'], timeout=30).ok\n",
        **stack.otlp, NODE_OTLP=f"http://127.0.0.1:{stack.ports['OTLP_HTTP_PORT']}/v1/traces",
    )  # fmt: skip
    (event, *_) = read_events(tmp_path / "state")
    spans = {span["operationName"]: span for span in spans_sent(stack, {str(event.trace_id)}, 4)}
    assert set(spans) == {"pattern.run PAT-NODE-001", "pattern.execution", "sh", "work in node"}
    above = {name: span["references"][0]["spanID"] for name, span in spans.items() if span["references"]}
    assert above["work in node"] == spans["sh"]["spanID"]
    assert above["sh"] == spans["pattern.execution"]["spanID"]
    assert tags(spans["sh"])["span.kind"] == "client"


NODE = """
const [, traceId, parentSpanId] = process.env.TRACEPARENT.split("-");
const now = BigInt(Date.now()) * 1000000n;
const span = {traceId, parentSpanId, spanId: "00000000000000aa", name: "work in node", kind: 1,
              startTimeUnixNano: String(now), endTimeUnixNano: String(now + 1000000n)};
const body = JSON.stringify({resourceSpans: [{
  resource: {attributes: [{key: "service.name", value: {stringValue: "node"}}]}, scopeSpans: [{spans: [span]}]}]});
const headers = {"content-type": "application/json"};
const answer = await fetch(process.env.NODE_OTLP, {method: "POST", body, headers});
process.exit(answer.ok ? 0 : 1);
"""
