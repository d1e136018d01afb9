"""JobStateStore: what a job did, in a fresh process, out of the store and the newest lines of the log."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

import patternspan
from logs import SECOND, START_NS, RunMaker, failed_run, good_run, lines
from patternspan import ConfigError, JobStateStore, PatternEvent, StoreError
from patternspan.aggregate.facts import facts_of
from patternspan.aggregate.filter import Filter
from patternspan.aggregate.stats import Tally
from patternspan.log.reader import read_all
from patternspan.model.fold import fold

GOOD = good_run(1, START_NS)
FAILED = failed_run(2, START_NS + 60 * SECOND)
OTHER = good_run(3, START_NS + 90 * SECOND, job=2)
JOB = GOOD[0].job_id


@pytest.fixture
def folder(root):
    """The logs of this test; what records here records nowhere else."""
    found = root / "events"
    found.mkdir(parents=True, exist_ok=True)
    return found


@pytest.fixture
def log(folder):
    path = folder / "pattern_events.jsonl"
    path.write_bytes(lines(GOOD + FAILED + OTHER))
    return path


def test_the_questions_of_the_earlier_system(log, folder):
    with JobStateStore(folder.parent / "patternspan.db", events_dir=folder) as store:
        assert store.get_pattern_events(JOB) == GOOD + FAILED
        assert store.get_pattern_runs(JOB) == [fold(GOOD), fold(FAILED)]
        assert store.get_pattern_run(OTHER[0].pattern_run_id) == fold(OTHER)
        assert store.get_pattern_run("PRUN-NONE") is None
        assert (store.get_pattern_events("JOB-NONE"), store.get_pattern_runs("JOB-NONE")) == ([], [])


def test_each_question_sees_the_newest_lines(log, folder):
    with JobStateStore(events_dir=folder) as store:
        assert store.get_pattern_runs(JOB) == [fold(GOOD), fold(FAILED)]
        late = good_run(4, START_NS + 120 * SECOND)
        with log.open("ab") as file:
            file.write(lines(late[:3]))
        assert store.get_pattern_runs(JOB)[-1] == fold(late[:3])
        with log.open("ab") as file:
            file.write(lines(late[3:]))
        assert store.get_pattern_run(late[0].pattern_run_id) == fold(late)
    assert (folder.parent / "patternspan.db").exists()


def test_runs_are_asked_for_by_any_member_of_a_filter(log, folder):
    with JobStateStore(events_dir=folder) as store:
        assert store.query_runs() == [fold(OTHER), fold(FAILED), fold(GOOD)]
        assert store.query_runs(limit=1) == [fold(OTHER)]
        assert store.query_runs(job_ids={JOB}, statuses=["failed"]) == [fold(FAILED)]
        assert store.query_runs(Filter(job_ids=frozenset({JOB})), limit=1) == [fold(FAILED)]
        assert store.query_runs(longer_than_us=60_000_000) == []
        with pytest.raises(ConfigError, match="query_runs: colour: not all are known; there are run_ids, job_ids"):
            store.query_runs(colour="red")


def test_statistics_of_a_job_are_those_of_its_runs(log, folder):
    tally = Tally()
    for events in (GOOD, FAILED):
        tally.add_run(facts_of(fold(events), events))
    with JobStateStore(events_dir=folder) as store:
        assert store.get_job_statistics(JOB) == tally.statistics()
        assert store.get_job_statistics("JOB-NONE") == Tally().statistics()


def test_what_is_recorded_stands_in_the_log_once(folder):
    events = RunMaker(5).begin().events
    with JobStateStore(events_dir=folder) as store:
        for event in [*events, *events]:
            store.record_pattern_event(event)
        assert store.get_pattern_events(events[0].job_id) == written(folder)
    assert [event.event_id for event in written(folder)] == [event.event_id for event in events]


def written(folder):
    return [item.event for item in read_all(str(folder / "pattern_events.jsonl"))]


def test_an_event_that_an_emitter_wrote_before_is_not_written_again(folder):
    emitter = patternspan.PatternEventEmitter(folder)
    event = emitter.emit(
        PatternEvent.create(event_type="pattern.execution.started", job_id="JOB-1", pattern_run_id="PRUN-1",
                            pattern_id="PAT-1", status="in_progress", details={"executor": "python", "command": "x"})
    )  # fmt: skip
    with JobStateStore(events_dir=folder) as store:
        assert store.record_pattern_event(event) == event
    assert written(folder) == [event]


FRESH = """
import json, sys
from patternspan import JobStateStore
store = JobStateStore()
print(json.dumps([run.pattern_run_id for run in store.get_pattern_runs(sys.argv[1])]))
"""


def test_a_fresh_process_answers_from_what_is_configured(log, folder, tmp_path):
    environment = {**os.environ, "PATTERNSPAN_ROOT": str(folder.parent), "PATTERNSPAN_STORE": f"{tmp_path}/one.db"}
    done = subprocess.run([sys.executable, "-c", FRESH, JOB], env=environment, capture_output=True, text=True)
    assert (json.loads(done.stdout), done.stderr) == ([GOOD[0].pattern_run_id, FAILED[0].pattern_run_id], "")
    assert (tmp_path / "one.db").exists()


def test_a_database_that_cannot_be_used_is_told_and_the_log_stays_as_it_is(log, folder):
    before = log.read_bytes()
    (folder.parent / "patternspan.db").write_bytes(b"no database at all, but long enough to be looked at" * 40)
    with pytest.raises(StoreError, match="it is no SQLite database: name another, or remove it"):
        JobStateStore(events_dir=folder)
    with pytest.raises(ConfigError, match="store: mysql"):
        JobStateStore("mysql://localhost/x", events_dir=folder)
    assert log.read_bytes() == before
