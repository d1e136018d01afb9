"""What the dashboards ask, asked of the real Prometheus and the real Jaeger while a load goes through the stack."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from stack_answers import eventually, fetched, tags

from patternspan import fold, read_events

HOME = Path(__file__).parents[2]
sys.path.insert(0, str(HOME / "tests" / "dashboards"))
sys.path.insert(0, str(HOME / "scripts"))

from boards import BOARDS, PAGE, expressions, label_queries, labels_in, metrics_in, panels  # noqa: E402

from stack_run import Stack  # noqa: E402

SERVICE, JOBS, SINCE = "dashboard-load", 30, "15m"
INTERVAL = "2500"  # Prometheus looks every second: a mark stands from one export to the next, and is seen
RUNS = f'pattern_run_duration_seconds_count{{job="{SERVICE}"}}'


@pytest.fixture(scope="module")
def root(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The root of a load whose runs have ended but for one, once Prometheus and Jaeger have all of them."""
    folder = tmp_path_factory.mktemp("load")
    handover = folder / "handover"
    process = subprocess.Popen(
        [sys.executable, str(HOME / "examples/dashboard_load.py"), f"--jobs={JOBS}", f"--handover={handover}"],
        cwd=folder, env={**os.environ, **stack.otlp, "OTEL_METRIC_EXPORT_INTERVAL": INTERVAL}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{JOBS} jobs done\n"
        assert eventually(lambda: value(stack, f"sum({RUNS})") == JOBS * 10)
        assert eventually(lambda: runs_in_jaeger(stack) == JOBS * 10)
        assert eventually(lambda: value(stack, "sum(otelcol_receiver_accepted_spans)"))
        yield folder / "state"
    finally:
        handover.touch()
        assert process.communicate(timeout=30) == ("", None)
    assert process.returncode == 0


def answer(stack: Stack, expression: str, **window: str) -> list[dict[str, Any]]:
    """Return the series of an answer, now or over a window."""
    path = "query_range" if window else "query"
    return list(fetched(f"{stack.prometheus}/api/v1/{path}", query=expression, **window)["data"]["result"])


def value(stack: Stack, expression: str) -> float:
    """Return the one value of an expression; 0 where there is none."""
    found = answer(stack, expression)
    return float(found[0]["value"][1]) if found else 0


def runs_in_jaeger(stack: Stack) -> int:
    """Return how many runs of the load Jaeger has."""
    found = fetched(f"{stack.jaeger}/api/traces", service=SERVICE, limit="1000")["data"]
    return sum("pattern.run.id" in tags(span) for trace in found for span in trace["spans"])


def filled(text: str, pattern: str = ".*") -> str:
    """Return a query with the variables that Grafana would have put in."""
    for name, chosen in (
        ("${service:regex}", SERVICE),
        ("$service", SERVICE),
        ("$operation", ".*"),
        ("$pattern", pattern),
        ("$__range", SINCE),
        ("$__interval", "1m"),
    ):
        text = text.replace(name, chosen)
    assert "$" not in text, text
    return text


def figures(stack: Stack, target: dict[str, Any]) -> list[float]:
    """Return all that a panel would show for a query, without gaps."""
    window = {}
    if not target.get("instant"):
        window = {"start": str(time.time() - 120), "end": str(time.time()), "step": "5"}
    series = answer(stack, filled(target["expr"]), **window)
    pairs = [pair for one in series for pair in one.get("values", [one.get("value")])]
    return [float(number) for _, number in pairs if number != "NaN"]


def of_panel(board: str, title: str) -> dict[str, Any]:
    """Return the first query of a panel."""
    return next(panel for name, panel in panels() if (name, panel["title"]) == (board, title))["targets"][0]


def test_every_expression_has_an_answer(stack: Stack, root: Path) -> None:
    """From the real Prometheus, with a figure in it."""
    assert len(expressions()) > 40
    assert [name for name, target in expressions() if not figures(stack, target)] == []


def test_every_choice_has_values(stack: Stack, root: Path) -> None:
    """Variables offer services, operations and patterns, one that has not ended among them."""
    found = {}
    for name, query in label_queries():
        selector, label = query.removeprefix("label_values(").removesuffix(")").rsplit(", ", 1)
        url = f"{stack.prometheus}/api/v1/label/{label}/values"
        found[name] = fetched(url, **{"match[]": filled(selector)})["data"]
    assert [name for name, values in found.items() if not values] == []
    assert SERVICE in found["overview, $service"]
    assert {"PAT-HANDOVER-001", "PAT-SCAN-001"} <= set(found["pattern, $pattern"])


def test_figures_are_those_of_the_log(stack: Stack, root: Path) -> None:
    """Whole numbers, also of counters that were there with their last value when they were first seen."""
    events: dict[str, list[Any]] = {}
    for event in read_events(root):
        events.setdefault(event.pattern_run_id, []).append(event)
    runs = [fold(of_run) for of_run in events.values()]
    ended = [run for run in runs if run.finished_at is not None]
    results = Counter(result_of(events[run.pattern_run_id], run.status) for run in ended)
    shown = {
        title: figures(stack, of_panel("overview", title))
        for title in ("Running now", "Runs", "Failures", "Errors", "Timeouts", "Cancellations", "Skipped", "Findings")
    }
    assert shown == {
        "Running now": [len(runs) - len(ended)],
        "Runs": [len(ended)],
        "Failures": [results["failure"]],
        "Errors": [results["error"]],
        "Timeouts": [results["timeout"]],
        "Cancellations": [results["cancellation"]],
        "Skipped": [results["skip"]],
        "Findings": [sum(run.outputs.get("findings", 0) for run in ended)],
    }
    assert min(results.values()) > 0
    [rate] = figures(stack, of_panel("overview", "Success rate"))
    assert rate == pytest.approx(results["success"] / (len(ended) - results["skip"]))
    assert figures(stack, of_panel("health", "Events written")) == [sum(map(len, events.values()))]


def test_a_process_that_lives_for_a_moment_counts_in_full(stack: Stack, root: Path, tmp_path: Path) -> None:
    """Its metrics are exported once, when it ends: `increase` sees them not grow."""
    code = "from patternspan import configure, pattern_span\nconfigure(service_name='moment')\n"
    code += "for _ in range(7):\n    with pattern_span('PAT-MOMENT-001'):\n        pass\n"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, **stack.otlp}, check=True, timeout=60)
    own = {**of_panel("overview", "Runs")}
    own["expr"] = own["expr"].replace("${service:regex}", "moment")
    assert eventually(lambda: figures(stack, own) == [7])
    assert value(stack, f"sum(increase({RUNS.replace(SERVICE, 'moment')}[{SINCE}]))") == 0


def result_of(events: list[Any], status: str) -> str:
    """Return the result of a run, as its last event says it."""
    told = events[-1].details.get("result", "failure" if status == "failed" else "success")
    return "skip" if status == "skipped" else told


def test_longest_running_names_the_open_run(stack: Stack, root: Path) -> None:
    """It alone, and not as older than the load."""
    target = of_panel("overview", "Longest running")
    [series] = answer(stack, filled(target["expr"]))
    assert series["metric"] == {"pattern_id": "PAT-HANDOVER-001"}
    assert 0 <= float(series["value"][1]) < 600


def test_marks_in_the_heat_map_lead_to_traces(stack: Stack, root: Path) -> None:
    """Each exemplar names a trace that Jaeger has."""
    expression = filled(of_panel("pattern", "Run times")["expr"], "PAT-SCAN-001")
    window = {"start": str(time.time() - 900), "end": str(time.time())}
    marks = fetched(f"{stack.prometheus}/api/v1/query_exemplars", query=expression, **window)["data"]
    traces = {mark["labels"]["trace_id"] for series in marks for mark in series["exemplars"]}
    assert traces
    for trace_id in traces:
        assert fetched(f"{stack.jaeger}/api/traces/{trace_id}")["data"][0]["spans"]


def test_every_search_finds_traces(stack: Stack, root: Path) -> None:
    """As Grafana's plugin asks: attributes in the form of logfmt become a JSON object."""
    job = next(event.job_id for event in read_events(root) if event.pattern_id == "PAT-FETCH-001")
    asked = 0
    for name, panel in panels():
        for target in panel["targets"]:
            if target.get("queryType") != "search":
                continue
            wanted = filled(target["tags"].replace("$job_id", job), "PAT-FETCH-001")
            pairs = dict(pair.split("=", 1) for pair in shlex.split(wanted))
            query = {"service": filled(target["service"]), "limit": str(target["limit"])}
            query |= {"tags": json.dumps(pairs)} if pairs else {}
            assert fetched(f"{stack.jaeger}/api/traces", **query)["data"], (name, panel["title"])
            asked += 1
    assert asked == 5
    assert sum("$trace_id" in json.dumps(panel) for panel in BOARDS["job"]["panels"]) == 2


def test_nothing_is_measured_that_nobody_names(stack: Stack, root: Path) -> None:
    """Each metric and label of the load is on a dashboard or on the page, and dashboards ask for no other."""
    match = f'{{job="{SERVICE}"}}'
    names = set(fetched(f"{stack.prometheus}/api/v1/label/__name__/values", **{"match[]": match})["data"])
    labels = set(fetched(f"{stack.prometheus}/api/v1/labels", **{"match[]": match})["data"]) - {"__name__"}
    queries = [*(target["expr"] for _, target in expressions()), *(query for _, query in label_queries())]
    asked = {name for query in queries for name in metrics_in(query)}
    compared = {name for query in queries for name in labels_in(query)}
    assert {name for name in asked if name.startswith("pattern_")} <= names
    assert {name for name in names | labels if name not in asked | compared and f"`{name}`" not in PAGE} == set()
    assert compared - {"exporter"} <= labels
