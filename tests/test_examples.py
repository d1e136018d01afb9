"""Every example runs, prints what it should, and records what it shows."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from commands import brief, environment, recorded
from patternspan.aggregate.runs import group_whole
from patternspan.model.conform import judge_event, judge_lifecycle
from patternspan.model.vocabulary import EVENT_TYPES

EXAMPLES = Path(__file__).parents[1] / "examples"
JOB = "JOB-01KAZG87630EFMN1W0DXAAY139"
STARTED, DONE = ("execution.started", "in_progress"), ("execution.completed", "success")


def play(name, folder):
    """Run an example in a folder; return what it printed, and pairs of run and events."""
    script = str(EXAMPLES / f"{name}.py")
    done = subprocess.run([sys.executable, script], cwd=folder, env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    events = recorded(folder)
    assert [problem for event in events for problem in judge_event(event.to_dict(), strict=True)] == []
    runs = group_whole(events, lambda run, of_run: (run, of_run))
    assert [problem for _, of_run in runs for problem in judge_lifecycle(of_run)] == []
    return done.stdout, runs


def endings(runs):
    """Return pattern and status of each run."""
    return sorted((run.pattern_id, run.status) for run, _ in runs)


def test_decorated_executor(tmp_path):
    """Three calls are three runs: good, with a warning, failed; only the asked-for argument is captured."""
    out, runs = play("decorated_executor", tmp_path)
    assert out.splitlines() == [
        "{'words': 6, 'longest': 3}",
        "{'words': 2, 'longest': 2}",
        "the caller gets the error as ever: there is no word in it",
    ]
    assert [(run.status, run.job_id, run.step_id, run.inputs) for run, _ in runs] == [
        ("success", JOB, "STEP-001", {"text": "to be or not to be"}),
        ("warning", JOB, "STEP-002", {"text": "to be"}),
        ("failed", JOB, "STEP-003", {"text": ""}),
    ]
    assert "not to be seen" not in (tmp_path / "state/events/pattern_events.jsonl").read_text()


def test_phases(tmp_path):
    """The first run passes all phases, the second ends at validation."""
    out, runs = play("phases", tmp_path)
    assert out.splitlines() == ["{'ordered': 'apple fig pear'}", "None"]
    phases = [brief(event)[0] for event in runs[0][1]]
    assert phases == [
        "selection.started",
        "selection.resolved",
        "template.expanded",
        "validation.started",
        "validation.completed",
        "execution.started",
        "execution.completed",
    ]
    assert [brief(event)[0] for event in runs[1][1]] == [*phases[:4], "validation.failed"]
    assert runs[0][0].pattern_version == "1.2"


def test_async_fan_out(tmp_path):
    """Coroutines that run at once do not mix their runs up."""
    out, runs = play("async_fan_out", tmp_path)
    assert out.splitlines() == [
        "[{'bytes': 300}, {'bytes': 500}, ConnectionError('two: no answer')]",
        "[0, 1, 2]",
    ]
    fetched = {run.inputs["name"]: (run.status, run.job_id) for run, _ in runs if run.pattern_id == "PAT-FETCH-001"}
    assert fetched == {"one": ("success", JOB), "three": ("success", JOB), "two": ("failed", JOB)}
    assert [brief(event) for run, events in runs if run.pattern_id == "PAT-STREAM-001" for event in events] == [
        STARTED,
        DONE,
    ]


def test_thread_pool(tmp_path):
    """Runs in threads belong to the job and step that the pool was fed in."""
    out, runs = play("thread_pool", tmp_path)
    assert out.split() == ["0", "1", "4", "9", "16"]
    assert sorted((run.inputs["number"], run.job_id, run.step_id) for run, _ in runs) == [
        (number, JOB, "STEP-001") for number in range(5)
    ]


def test_child_process(tmp_path):
    """The child's run stands in its parent's job and trace, and in the same log."""
    out, runs = play("child_process", tmp_path)
    assert out == "in the child process\n"
    assert endings(runs) == [("PAT-CHILD-001", "success"), ("PAT-PARENT-001", "success")]
    assert {run.job_id for run, _ in runs} == {JOB}
    assert len({event.to_dict()["trace_id"] for _, events in runs for event in events}) == 1


def test_existing_provider(tmp_path):
    """The run's span goes to the application's exporter, under the application's span."""
    out, runs = play("existing_provider", tmp_path)
    assert out.splitlines() == [
        "pattern.run PAT-HELLO-001 [pattern.execution.started, pattern.execution.completed]",
        "request []",
    ]
    assert endings(runs) == [("PAT-HELLO-001", "success")]


def test_dashboard_load(tmp_path):
    """Three jobs of ten runs hold every event type and result, two attempts, two versions, a password, a cut value."""
    out, runs = play("dashboard_load", tmp_path)
    assert out == "3 jobs done\n"
    assert Counter(endings(runs)) == {
        ("PAT-CHECK-001", "success"): 3,
        ("PAT-CHECK-001", "failed"): 2,
        ("PAT-FETCH-001", "success"): 4,
        ("PAT-FETCH-001", "failed"): 2,
        ("PAT-REPORT-001", "skipped"): 1,
        ("PAT-REPORT-001", "failed"): 2,
        ("PAT-SCAN-001", "success"): 5,
        ("PAT-SCAN-001", "failed"): 1,
        ("PAT-SIZE-001", "success"): 7,
        ("PAT-SIZE-001", "warning"): 1,
        ("PAT-SIZE-001", "failed"): 1,
        ("PAT-SLOW-001", "failed"): 1,
    }
    assert {event.event_type for _, of_run in runs for event in of_run} == set(EVENT_TYPES)
    assert {run.pattern_version for run, _ in runs if run.pattern_id == "PAT-SCAN-001"} == {"2.0", "2.1"}
    assert {event.details.get("attempt") for _, of_run in runs for event in of_run} == {None, 1, 2}
    log = (tmp_path / "state/events/pattern_events.jsonl").read_text()
    assert ("correct-horse-battery" in log, "[redacted:" in log) == (False, True)
    assert "x" * 20_000 not in log


def test_every_example_has_a_test_and_a_row():
    """No example is forgotten, here or on the page."""
    page = (EXAMPLES / "README.md").read_text()
    for path in EXAMPLES.glob("*.py"):
        assert f"test_{path.stem}" in globals(), path.name
        assert f"`{path.name}`" in page


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_begins_with_what_it_shows(path):
    """The first line of each says what it is about."""
    assert path.read_text().startswith('"""')
