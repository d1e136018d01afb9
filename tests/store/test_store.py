"""The store holds what the log holds, whatever happens to the log's files, and answers as the log would."""

from __future__ import annotations

import gzip
import os
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, inspect, text

from logs import SECOND, START_NS, RunMaker
from patternspan.aggregate.facts import RunFacts, facts_of
from patternspan.aggregate.filter import Filter
from patternspan.aggregate.stats import Tally
from patternspan.errors import ConfigError, StoreError
from patternspan.layout import global_log, segment
from patternspan.model.fold import fold, in_order
from patternspan.model.wire import encode
from patternspan.store import RecordedRun, Store
from patternspan.store.database import Database
from patternspan.store.jobs import JobRow
from patternspan.store.migrations import STEPS
from patternspan.store.tables import JOBS, METADATA, RUNS

DAY_NS = 86_400 * SECOND


def runs_of(count, first=1, apart_ns=SECOND):
    """Return the events of so many runs, one after the other: every third one fails, every fifth has no end."""
    made = []
    for number in range(first, first + count):
        run = RunMaker(number, START_NS + number * apart_ns, f"PAT-{number % 3}", job=number % 4)
        run.add("execution.started", executor="subprocess", command=f"tool --number {number}", timeout_seconds=30)
        if number % 3 == 0:
            run.add("execution.failed", "failed", exit_code=1, error_type="Broken", error_message=f"no {number}")
        elif number % 5:
            run.add("execution.completed", "success", exit_code=0, duration_seconds=1, result_summary={},
                    artifacts=["report.json"] if number % 2 else [])  # fmt: skip
        made.append(run.events)
    return made


def lines_of(runs):
    return b"".join(encode(event) + b"\n" for events in runs for event in events)


def recorded(runs):
    """Return what the store has to give back, the newest run first."""
    found = [RecordedRun(fold(events), in_order(events)) for events in runs]
    return sorted(found, key=lambda one: (one.run.started_at, one.run.pattern_run_id), reverse=True)


@pytest.fixture
def log(tmp_path):
    path = global_log(str(tmp_path / "state"))
    os.makedirs(os.path.dirname(path))
    return path


def write(path, data, mode="ab"):
    with open(path, mode) as file:
        file.write(data)


def test_a_log_is_taken_in_and_only_what_is_new_is_read_again(log, store):
    runs = runs_of(40)
    write(log, lines_of(runs[:30]))
    first = store.ingest(log)
    assert (first.new, first.read) == (sum(map(len, runs[:30])),) * 2
    assert store.ingest(log).read == 0
    write(log, lines_of(runs[30:]))
    second = store.ingest(log)
    assert (second.new, second.read) == (sum(map(len, runs[30:])),) * 2
    assert list(store.pages()) == recorded(runs)


def test_an_event_that_comes_again_or_late_changes_its_run_alone(log, store):
    runs = runs_of(9)
    late = runs[1].pop()
    write(log, lines_of(runs) + lines_of(runs[4:6]))
    assert store.ingest(log).new == sum(map(len, runs))
    assert store.run(late.pattern_run_id).run.status == "in_progress"
    runs[1].append(late)
    write(log, lines_of([[late]]))
    assert store.ingest(log).new == 1
    assert list(store.pages()) == recorded(runs)


def test_a_renamed_and_compressed_file_is_read_on_where_it_was_left(log, store):
    runs = runs_of(12)
    write(log, lines_of(runs[:5]))
    store.ingest(log)
    write(log, lines_of(runs[5:8]))
    with gzip.open(segment(log, 1) + ".gz", "wb") as packed, open(log, "rb") as live:
        packed.write(live.read())
    os.unlink(log)
    write(log, lines_of(runs[8:]))
    done = store.ingest(log)
    assert (done.new, done.read) == (sum(map(len, runs[5:])),) * 2
    assert list(store.pages()) == recorded(runs)
    assert store.ingest(log).read == 0


def test_a_file_that_was_emptied_and_filled_again_is_read_from_its_beginning(log, store):
    runs = runs_of(12)
    write(log, lines_of(runs[:6]))
    store.ingest(log)
    write(log, lines_of(runs[6:]), "wb")
    assert store.ingest(log).new == sum(map(len, runs[6:]))
    assert list(store.pages()) == recorded(runs)


def test_a_torn_line_is_told_and_costs_itself_alone(log, store):
    runs = runs_of(4)
    write(log, lines_of(runs[:2]) + b'{"event_id": "EVT-\n' + lines_of(runs[2:]) + b'{"event_')
    problems = []
    assert store.ingest(log, problems.append).new == sum(map(len, runs))
    assert list(map(str, problems)) == [f"{log}:{sum(map(len, runs[:2])) + 1}: not JSON: the line is cut off"]
    assert list(store.pages()) == recorded(runs)


def test_a_last_line_without_its_newline_is_there_and_comes_once(log, store):
    runs = runs_of(2)
    data = lines_of(runs)
    write(log, data[:-1])
    assert store.ingest(log).new == sum(map(len, runs))
    write(log, b"\n")
    assert store.ingest(log).new == 0
    assert list(store.pages()) == recorded(runs)


def test_a_nul_in_an_id_or_a_command_is_kept_in_the_line(log, store):
    run = RunMaker(1)
    run.run_id = "PRUN-a\0b"
    run.add("execution.started", executor="python", command="x\0y")
    write(log, lines_of([run.events]))
    assert store.ingest(log).new == 1
    assert store.run("PRUN-a\0b") == RecordedRun(fold(run.events), run.events)
    assert [one.run.pattern_run_id for one in store.page(Filter(text="x\0y")).runs] == ["PRUN-a\0b"]
    write(log, lines_of([[run.add("execution.completed", "success", exit_code=0)]]))
    assert store.ingest(log).new == 1
    assert store.run("PRUN-a\0b").run.status == "success"


def test_two_that_take_a_log_in_at_once_do_no_harm(log, url, store):
    runs = runs_of(60)
    write(log, lines_of(runs))
    others = [Store(url) for _ in range(3)]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda one: one.ingest(log).new, [store, *others]))
    assert sum(done) == sum(map(len, runs))
    assert list(store.pages()) == recorded(runs)
    assert sum(one.runs for one in store.statistics().values()) == len(runs)
    for other in others:
        other.close()


def test_a_database_that_is_written_to_is_waited_for_when_it_is_opened(tmp_path):
    path = str(tmp_path / "patternspan.db")
    before = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    before.execute("CREATE TABLE other (x)")
    before.execute("BEGIN IMMEDIATE")
    before.execute("INSERT INTO other VALUES (1)")
    end = threading.Timer(0.3, lambda: before.execute("COMMIT"))
    end.start()
    Store(path).close()
    end.join()
    before.close()


FILTERS = [
    Filter(),
    Filter(pattern_ids=frozenset({"PAT-1"})),
    Filter(job_ids=frozenset({RunMaker(job=2).job_id})),
    Filter(statuses=frozenset({"failed"})),
    Filter(statuses=frozenset({"running"})),
    Filter(results=frozenset({"success", "failure"})),
    Filter(text="NUMBER 1"),
    Filter(text="broken: no 9"),
    Filter(text="100%_"),
    Filter(text="'; DROP TABLE pattern_runs; --"),
    Filter(has_artifact=True),
    Filter(has_artifact=False, step_ids=frozenset({"STEP-001"})),
    Filter(longer_than_us=1),
    Filter(operation_kinds=frozenset({"unknown"})),
    Filter(since_us=START_NS // 1000 + 5_000_000, until_us=START_NS // 1000 + 12_000_000),
]


@pytest.mark.parametrize("asked", FILTERS)
def test_a_filter_means_in_the_store_what_it_means_for_a_run(log, store, asked):
    runs = runs_of(30)
    write(log, lines_of(runs))
    store.ingest(log)
    wanted = [one for one in recorded(runs) if asked.matches(facts_of(one.run, one.events))]
    assert list(store.pages(asked, 4)) == wanted


def test_pages_do_not_shift_when_runs_come_in_between(log, store):
    runs = runs_of(10)
    write(log, lines_of(runs))
    store.ingest(log)
    page = store.page(limit=4)
    write(log, lines_of(runs_of(5, 100)))
    store.ingest(log)
    rest = store.page(limit=50, cursor=page.cursor)
    assert [*page.runs, *rest.runs] == recorded(runs)
    assert rest.cursor is None


@pytest.mark.parametrize("cursor", ["", "1", "x.PRUN-1", "9" * 30 + ".PRUN-1", "'; DROP TABLE pattern_runs"])
def test_a_wrong_cursor_is_told(store, cursor):
    with pytest.raises(ConfigError, match="cursor: "):
        store.page(cursor=cursor)


@pytest.mark.parametrize(
    ("since", "until"), [(None, None), (1, None), (None, 3), (0.2, 0.4), (0.5, 3.5), (1, 2), (2, 1)]
)
@pytest.mark.parametrize("patterns", [frozenset(), frozenset({"PAT-0", "PAT-2"})])
def test_statistics_by_whole_days_are_those_of_the_runs(log, store, since, until, patterns):
    runs = runs_of(40, apart_ns=DAY_NS // 7)
    write(log, lines_of(runs))
    store.ingest(log)
    day = START_NS // DAY_NS * DAY_NS // 1000
    asked = Filter(
        pattern_ids=patterns,
        since_us=None if since is None else day + int(since * DAY_NS / 1000),
        until_us=None if until is None else day + int(until * DAY_NS / 1000),
    )
    wanted: dict[str, Tally] = {}
    for one in recorded(runs):
        facts = facts_of(one.run, one.events)
        if asked.matches(facts):
            wanted.setdefault(one.run.pattern_id, Tally()).add_run(facts)
    assert store.statistics(asked) == {name: wanted[name].statistics() for name in sorted(wanted)}


def test_statistics_by_job_and_runs_without_an_end(log, store):
    runs = runs_of(20)
    write(log, lines_of(runs))
    store.ingest(log)
    wanted: dict[str, Tally] = {}
    for one in recorded(runs):
        wanted.setdefault(one.run.job_id, Tally()).add_run(facts_of(one.run, one.events))
    assert store.statistics(by="job_id") == {job: wanted[job].statistics() for job in sorted(wanted)}
    assert store.open_runs() == [one for one in reversed(recorded(runs)) if one.run.finished_at is None]


def test_events_of_a_job_are_those_that_name_it(log, store):
    (events,) = runs_of(1)
    other = RunMaker(9, START_NS, job=7)
    other.run_id = events[0].pattern_run_id
    stray = other.add("execution.completed", "success", 9, exit_code=0)
    write(log, lines_of([events, [stray]]))
    store.ingest(log)
    assert store.events_of_job(events[0].job_id) == events
    assert store.events_of_job(stray.job_id) == [stray]
    assert store.events_of_job("JOB-NONE") == []


@given(order=st.permutations(range(24)), cuts=st.lists(st.integers(0, 24), max_size=5))
def test_the_order_and_the_portions_in_which_lines_come_change_nothing(tmp_path_factory, order, cuts):
    events = [event for run in runs_of(20) for event in run][:24]
    for at in range(0, 24, 5):  # some name another job, so that their run may come to belong to it
        events[at] = msgspec.structs.replace(events[at], job_id=f"JOB-OTHER-{at % 2}")
    root = tmp_path_factory.mktemp("any")
    log = str(root / "pattern_events.jsonl")
    store = Store(str(root / "patternspan.db"))
    edges = [0, *sorted(cuts), 24]
    for begin, end in pairwise(edges):
        write(log, lines_of([[events[at] for at in order[begin:end]]]))
        store.ingest(log)
    groups: dict[str, list] = {}
    for event in events:
        groups.setdefault(event.pattern_run_id, []).append(event)
    assert list(store.pages()) == recorded(groups.values())
    tally = Tally()
    for one in recorded(groups.values()):
        tally.add_run(facts_of(one.run, one.events))
    found = store.statistics().values()
    assert sum(one.runs for one in found) == tally.statistics().runs
    assert store.verify(log).first == ""
    store.close()


def test_ids_that_begin_alike_are_found(log, store):
    runs = runs_of(3)
    write(log, lines_of(runs))
    store.ingest(log)
    ids = sorted(events[0].pattern_run_id for events in runs)
    assert store.ids_that_begin("PRUN-") == ids
    assert store.ids_that_begin(ids[1]) == [ids[1]]
    assert store.run("PRUN-none") is None


def test_the_file_is_its_owners_alone(tmp_path):
    Store(str(tmp_path / "state" / "patternspan.db")).close()
    mode = os.stat(tmp_path / "state" / "patternspan.db").st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_the_schema_is_what_queries_expect(url, store):
    found = inspect(create_engine(url))
    assert [column.name for column in RUNS.columns] == list(RunFacts.__struct_fields__)
    assert [column.name for column in JOBS.columns] == list(JobRow.__struct_fields__)
    for table in METADATA.sorted_tables:
        columns = [(column["name"], column["nullable"]) for column in found.get_columns(table.name)]
        assert columns == [(column.name, bool(column.nullable)) for column in table.columns], table.name


def test_a_database_of_a_later_schema_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "patternspan.db"
    Database(str(path), steps=(*STEPS, "CREATE TABLE later (a INTEGER)")).close()
    with pytest.raises(StoreError, match=r"patternspan.db: its schema is version 2, this patternspan knows 1: upgrade"):
        Store(str(path))


def test_a_step_that_fails_leaves_the_schema_before_it(tmp_path):
    path = tmp_path / "patternspan.db"
    Store(str(path)).close()
    with pytest.raises(StoreError):
        Database(str(path), steps=(*STEPS, "CREATE TABLE half (a INTEGER); CREATE TABLE pattern_runs (a INTEGER)"))
    found = create_engine(f"sqlite:///{path}")
    assert not inspect(found).has_table("half")
    with found.connect() as connection:
        assert connection.execute(text("SELECT max(version) FROM pattern_schema")).scalar() == 1


def test_what_is_no_database_or_a_link_is_told(tmp_path):
    path = tmp_path / "patternspan.db"
    path.write_bytes(b"a picture of a cat, or some such thing" * 100)
    with pytest.raises(StoreError, match=r"it is no SQLite database: name another"):
        Store(str(path))
    (tmp_path / "link.db").symlink_to(path)
    with pytest.raises(StoreError, match=r"link.db: a symbolic link: name the file itself"):
        Store(str(tmp_path / "link.db"))
    with pytest.raises(ConfigError, match=r"store: mysql: sqlite:///PATH or postgresql"):
        Store("mysql://localhost/x")
