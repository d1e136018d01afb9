"""The store is a cache: it is shown to be what follows from the log, and made anew from it."""

from __future__ import annotations

import os

import pytest
from sqlalchemy import create_engine, text
from store_tables import tables

from logs import SECOND, START_NS, RunMaker
from patternspan.layout import global_log, segment
from patternspan.model.event import PatternEvent
from patternspan.model.wire import encode
from patternspan.store import Store
from patternspan.store.ingest import Ingested
from patternspan.store.positions import log_name
from patternspan.store.writing import clear


def runs():
    made = []
    for number in range(1, 31):
        run = RunMaker(number, START_NS + number * SECOND, f"PAT-{number % 3}", job=number % 4).begin()
        if number % 5:
            run.succeed()
        if number == 7:
            run.job_id = "JOB-OTHER"
            run.add("validation.started", validation_type="late", checks=[])
        made += run.events
    return made


EVENTS = runs()


def line(event: PatternEvent, **more: object) -> bytes:
    data = encode(event)
    return data + b"\n" if not more else data[:-1] + b',"gap":{"events":2,"reason":"ENOSPC"}}\n'


@pytest.fixture
def log(tmp_path):
    path = global_log(str(tmp_path / "state"))
    os.makedirs(os.path.dirname(path))
    with open(path, "wb") as file:
        file.writelines(line(event) for event in EVENTS[:-1])
        file.write(line(EVENTS[-1], gap=True))
        file.write(line(EVENTS[3]))  # an event that was written twice
    return path


@pytest.fixture
def store(url):
    with_it = Store(url)
    yield with_it
    with_it.close()


def change(url, *statements):
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_what_was_taken_in_is_what_the_log_holds(log, store):
    progress = []
    found = store.verify(log, lambda done: progress.append((done.events, done.runs)))
    assert (found.events, found.runs, found.beyond, found.differences, found.first) == (len(EVENTS), 30, 0, 0, "")
    assert progress[-1] == (len(EVENTS), 30)


RUN, JOB = EVENTS[0].pattern_run_id, EVENTS[0].job_id
ANOTHER_EVENT = (
    "INSERT INTO pattern_events SELECT 9999, 'EVT-X', pattern_run_id, line FROM pattern_events WHERE seq = 1"
)


@pytest.mark.parametrize(
    ("statements", "count", "first"),
    [
        ([f"UPDATE pattern_runs SET status = 'failed' WHERE pattern_run_id = '{RUN}'"], 1,
         f"pattern_runs {RUN}: status is 'failed', from its events follows 'success'"),
        ([f"UPDATE pattern_runs SET run_us = 7 WHERE pattern_run_id = '{RUN}'"], 3,
         f"pattern_runs {RUN}: run_us is 7, from its events follows 1"),
        ([f"DELETE FROM pattern_runs WHERE pattern_run_id = '{RUN}'"], 3,
         f"pattern_runs {RUN}: 0 rows are in the store, 1 follow from its events"),
        ([f"UPDATE pattern_artifacts SET path = 'x' WHERE pattern_run_id = '{RUN}' AND place = 0"], 1,
         f"pattern_artifacts {RUN}: path is 'x', from its events follows 'state/semgrep.yaml'"),
        (["INSERT INTO pattern_artifacts VALUES ('PRUN-NONE', 0, 'x')"], 1,
         "pattern_runs PRUN-NONE: is in the store, and no event of it"),
        (["DELETE FROM pattern_other_jobs"], 1,
         f"pattern_other_jobs {EVENTS[48].pattern_run_id}: 0 rows are in the store, 1 follow from its events"),
        ([f"DELETE FROM pattern_jobs WHERE job_id = '{JOB}'"], 1,
         f"pattern_jobs {JOB}: 0 rows are in the store, 1 follow from its runs"),
        ([f"UPDATE pattern_jobs SET last_us = 7 WHERE job_id = '{JOB}'"], 1,
         f"pattern_jobs {JOB}: last_us is 7, from its runs follows "),
        (["INSERT INTO pattern_jobs SELECT 'JOB-X', 1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 1"], 1,
         "pattern_jobs JOB-X: 1 rows are in the store, 0 follow from its runs"),
        (["DELETE FROM pattern_days WHERE pattern_id = 'PAT-1'"], 1,
         "pattern_days 20418 PAT-1: is not what the runs of that day count to"),
        (["DELETE FROM pattern_gaps"], 1, f"pattern_gaps {EVENTS[-1].event_id}: is not what the event's line says"),
        ([f"DELETE FROM pattern_events WHERE event_id = '{EVENTS[2].event_id}'"], 3,
         f"pattern_events {EVENTS[2].event_id}: is in the log and not in the store"),
        ([f"UPDATE pattern_events SET event_id = 'EVT-X' WHERE event_id = '{EVENTS[2].event_id}'"], 2,
         f"pattern_events {EVENTS[2].event_id}: is in the log and not in the store"),
        ([ANOTHER_EVENT], 1, "pattern_events EVT-X: is in the store and not in the log"),
    ],
)  # fmt: skip
def test_the_first_difference_is_named(log, store, url, statements, count, first):
    store.ingest(log)
    change(url, *statements)
    found = store.verify(log)
    assert found.first.startswith(first)
    assert found.differences == count


def test_a_line_that_is_not_that_of_the_log_is_a_difference(log, store, url):
    store.ingest(log)
    change(url, f"UPDATE pattern_events SET line = (SELECT line FROM pattern_events WHERE seq = 1) WHERE event_id = '{EVENTS[1].event_id}'")  # fmt: skip  # noqa: E501
    found = store.verify(log)
    assert found.first == f"pattern_events {EVENTS[1].event_id}: its line is not that of the log"


def test_rebuilt_from_the_log_it_is_row_for_row_the_same(log, store, url, tmp_path):
    with open(log, "rb") as file:
        data = file.readlines()
    portions = [data[:50], data[50:51], data[51:]]
    open(log, "wb").close()
    for portion in portions:  # taken in bit by bit, across a rotation
        with open(log, "ab") as file:
            file.writelines(portion)
        store.ingest(log)
        if portion is portions[1]:
            os.rename(log, segment(log, 1))
    before = tables(url)
    assert store.rebuild(log)[0] == len(EVENTS)
    assert tables(url) == before
    change(
        url, "UPDATE pattern_runs SET status = 'failed'", "DELETE FROM pattern_artifacts", "DELETE FROM pattern_days"
    )
    assert tables(url) != before
    count, done = store.rebuild(log)
    assert (count, done.new) == (len(EVENTS), len(EVENTS))
    assert tables(url) == before
    assert store.verify(log).differences == 0


def test_events_of_other_logs_are_told_and_are_no_difference(log, store, tmp_path):
    other = tmp_path / "other.jsonl"
    other.write_bytes(b"".join(line(event) for event in RunMaker(99).begin().events))
    store.ingest(str(other))
    found = store.verify(log)
    assert (found.differences, found.beyond) == (0, 6)
    assert found.why_beyond == f"of other logs: {log_name(str(other))}"
    assert store.other_logs(log) == [log_name(str(other))]


def test_what_is_written_meanwhile_is_no_difference(log, store):
    late = RunMaker(50, START_NS + 500 * SECOND).begin().succeed().events
    store.ingest(log)
    with open(log, "ab") as file:
        file.writelines(line(event) for event in EVENTS for _ in range(5))  # so that there is something to read
    written = []

    def progress(_done):
        if not written:
            written.append(True)
            with open(log, "ab") as file:
                file.writelines(map(line, late))

    assert store.verify(log, progress).differences == 0


def test_a_store_that_is_made_anew_while_another_reads_the_log_holds_all_of_it(log, store, url, monkeypatch):
    monkeypatch.setattr("patternspan.store.ingest.BATCH_LINES", 20)
    other = Store(url)
    rebuilt = []

    def meanwhile(done: Ingested) -> None:
        if done.read == 60:
            with other._database.write() as connection:
                clear(connection)
        elif done.read == 80:
            rebuilt.append(other.ingest(log).new)

    store.ingest(log, on_progress=meanwhile)
    assert rebuilt == [len(EVENTS) - 20]
    assert store.verify(log).first == ""
    other.close()
