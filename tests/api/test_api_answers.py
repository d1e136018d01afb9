"""What is answered: the schema's own objects, out of the store, up to the newest line of the log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from logs import START_NS, RunMaker, good_run
from patternspan import fold
from patternspan.model.conform import judge_event, judge_run
from patternspan.model.ids import timestamp
from served import append, some_runs


def pages(client: TestClient, path: str, name: str, cursor: str = "cursor", **query: Any) -> list[Any]:
    """Return the members of all pages."""
    found: list[Any] = []
    while True:
        answer = client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        found += body[name]
        if body["cursor"] is None:
            return found
        query[cursor] = body["cursor"]


def test_runs_and_events_are_those_of_the_log(client: TestClient, place: Path) -> None:
    """Whole, page by page, and conformant."""
    made = some_runs(25)
    append(place, *made)
    job = made[0][0].job_id
    expected = [fold(events) for events in reversed(made)]
    for path in ("/api/pattern-runs", f"/api/jobs/{job}/pattern-runs"):
        found = pages(client, path, "runs", limit=10)
        assert [run["pattern_run_id"] for run in found] == [run.pattern_run_id for run in expected]
        assert found == [run.to_dict() for run in expected]
        assert [judge_run(run) for run in found] == [[]] * 25
    events = pages(client, f"/api/jobs/{job}/pattern-events", "events", "after", limit=40)
    everything = sorted((event for run in made for event in run), key=lambda one: (one.time_ns, one.event_id))
    assert events == [event.to_dict() for event in everything]
    assert [judge_event(event) for event in events] == [[]] * len(events)
    one = expected[3]
    assert client.get(f"/api/pattern-runs/{one.pattern_run_id}").json() == one.to_dict()
    own = client.get(f"/api/pattern-runs/{one.pattern_run_id}/events").json()["events"]
    assert own == [event.to_dict() for event in made[-4]]


def test_what_was_just_written_is_there(client: TestClient, place: Path) -> None:
    """Each time; an answer that was kept is not given again then."""
    assert client.get("/api/pattern-runs").json()["runs"] == []
    for number, run in enumerate(some_runs(5), 1):
        append(place, run)
        body = client.get("/api/pattern-runs").json()
        assert len(body["runs"]) == number
        assert body["last_event_id"] == run[-1].event_id


def test_jobs_are_told_in_figures(client: TestClient, place: Path) -> None:
    """By result, with what runs; the newest first, page by page."""
    made = [RunMaker(number, START_NS + number * 10**9, job=number % 7) for number in range(1, 22)]
    for maker in made[:-1]:
        maker.begin().succeed()
    made[-1].begin()
    append(place, *(maker.events for maker in made))
    found = pages(client, "/api/jobs", "jobs", limit=3)
    assert [job["job_id"] for job in found] == [made[number - 1].job_id for number in (7, 6, 5, 4, 3, 2, 1)]
    first = found[0]
    assert (first["runs"], first["open"], first["results"]) == (3, 1, {"success": 2})
    assert first["started_at"] == timestamp(made[6].events[0].time_ns)
    own = [event for maker in made if maker.job_id == first["job_id"] for event in maker.events]
    assert first["last_event_at"] == timestamp(max(event.time_ns for event in own))
    summary = client.get(f"/api/jobs/{first['job_id']}/pattern-summary").json()
    assert summary["job"] == first
    assert summary["statistics"]["results"] == {"success": 2}
    assert summary["patterns"].keys() == {"PAT-SEMGRP-001"}
    assert client.get("/api/jobs/JOB-NONE/pattern-summary").status_code == 404


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"status": "failed"}, 1), ({"result": ["failure", "error"]}, 1), ({"status": "success"}, 3),
        ({"text": "SEMGREP"}, 4), ({"text": "100%_"}, 0), ({"since": "2025-11-26T07:15:14Z"}, 3),
        ({"until": "2025-11-26T07:15:14+00:00"}, 1), ({"since": "1h"}, 0), ({"longer_than": 1000}, 0),
        ({"step_id": "STEP-009"}, 0), ({"operation_kind": "security_scan"}, 4), ({"has_artifact": True}, 4),
        ({"pattern_id": ["PAT-A", "PAT-SEMGRP-001"]}, 4),
    ],
    ids=str,
)  # fmt: skip
def test_runs_are_chosen_by_filter(client: TestClient, place: Path, query: dict[str, Any], count: int) -> None:
    """What a person gives is a value, never a part of a question."""
    failed = RunMaker(4, START_NS + 4 * 10**9).begin()
    failed.add(
        "execution.failed", "failed", exit_code=1, error_type="NonZeroExit", error_message="no", result="failure"
    )
    append(place, *some_runs(3), failed.events)
    assert len(pages(client, "/api/pattern-runs", "runs", **query)) == count


def test_patterns_have_statistics_and_their_last_runs(client: TestClient, place: Path) -> None:
    """For a table, and for a line of durations."""
    made = some_runs(3)
    append(place, *made)
    patterns = client.get("/api/patterns").json()["patterns"]
    assert patterns["PAT-SEMGRP-001"]["runs"] == 3
    assert client.get("/api/patterns", params={"since": "2030-01-01T00:00:00Z"}).json() == {"patterns": {}}
    one = client.get("/api/patterns/PAT-SEMGRP-001").json()
    assert one["statistics"] == patterns["PAT-SEMGRP-001"]
    assert [run["pattern_run_id"] for run in one["recent"]] == [run[0].pattern_run_id for run in reversed(made)]
    assert client.get("/api/patterns/PAT-NONE").json() == {"error": "Pattern not found"}


def test_two_runs_are_compared(client: TestClient, place: Path) -> None:
    """As by `patternspan diff --json`."""
    failed = RunMaker(2).begin()
    failed.add("execution.failed", "failed", exit_code=1, error_type="NonZeroExit", error_message="no")
    append(place, good_run(1), failed.events)
    one, other = good_run(1)[0].pattern_run_id, failed.run_id
    body = client.get(f"/api/pattern-runs/{one}/diff/{other}").json()
    assert (body["one"], body["other"]) == (one, other)
    differences = {pair.pop("name"): pair for pair in body["differences"]}
    assert differences["status"] == {"one": "success", "other": "failed"}
    assert differences["error.message"] == {"other": "no"}
    assert client.get(f"/api/pattern-runs/{one}/diff/PRUN-NONE").status_code == 404


def test_a_run_that_cannot_end_is_told_as_abandoned(client: TestClient, place: Path) -> None:
    """Beside the page, since no run of the specification has that status."""
    gone = RunMaker(1)
    process = {"host": "elsewhere", "pid": 1, "start": "x"}
    gone.add("execution.started", executor="python", command="x", timeout_seconds=1, process=process)
    append(place, gone.events)
    body = client.get("/api/pattern-runs").json()
    assert (body["runs"][0]["status"], body["abandoned"]) == ("in_progress", [gone.run_id])


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/api/pattern-runs/PRUN-NONE", 404, "Pattern run not found"),
        ("/api/pattern-runs/%00", 404, "Pattern run not found"),
        ("/api/pattern-runs?cursor=x", 400, "cursor: 'x' is none: take the one that came with the page before"),
        ("/api/jobs/J/pattern-events?after=x", 400, "after: 'x' is none: take the cursor of the page before"),
        ("/api/pattern-runs?since=soon", 400,
         "since: 'soon' is no time: ISO 8601, or a length of time ago such as 30m, 1h, 2d"),
        ("/api/pattern-runs?limit=501", 422, "limit: Input should be less than or equal to 500"),
        ("/api/pattern-runs?has_artifact=x", 422,
         "has_artifact: Input should be a valid boolean, unable to interpret input"),
        ("/api/nothing", 404, "Not Found"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(client: TestClient, path: str, status: int, error: str) -> None:
    """In one text, with a status that fits."""
    answer = client.get(path)
    assert (answer.status_code, answer.json()) == (status, {"error": error})


def test_a_store_that_cannot_be_used_is_said(client: TestClient, place: Path) -> None:
    """And answers come again when it can."""
    append(place, *some_runs(1))
    feed = client.app.state.feed  # type: ignore[attr-defined]
    assert client.get("/healthz").json() == {"status": "ok", "error": ""}
    feed.error = "the disk is full"
    assert client.get("/healthz").status_code == client.get("/api/jobs").status_code == 503
    assert client.get("/metrics").text.splitlines()[2] == "patternspan_up 0"
    feed.refresh()
    assert client.get("/healthz").status_code == 200
    assert 'patternspan_runs{result="success"} 1' in client.get("/metrics").text
