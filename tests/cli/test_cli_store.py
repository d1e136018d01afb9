"""`patternspan ingest`, `store` and `stats`; and `runs` and `run` out of the store, as they are out of the log."""

import json
import os
import signal
import time

import msgspec
import pytest
from screens import calm, log, matches_golden, run  # noqa: F401

from commands import start
from logs import SECOND, START_NS, RunMaker, failed_run, good_run, lines
from patternspan.aggregate.facts import facts_of
from patternspan.aggregate.stats import Statistics, Tally
from patternspan.model.fold import fold

MINUTE = 60 * SECOND


def night():
    """Return the runs of an hour: good ones, failed ones, and some without an end."""
    made = []
    for number in range(1, 41):
        start_ns, job = START_NS + number * MINUTE, number % 3
        if number % 4 == 0:
            made.append(failed_run(number, start_ns, pattern_id="PAT-PYTEST-001", job=job))
        elif number % 11 == 0:
            made.append(RunMaker(number, start_ns, "PAT-RUFF-001", job).begin("lint").events)
        else:
            made.append(good_run(number, start_ns, pattern_id=f"PAT-SEMGRP-00{number % 2}", job=job))
    return made


NIGHT = night()


@pytest.fixture
def place(tmp_path):
    data = lines([event for events in NIGHT for event in events])
    first, newline, rest = data.partition(b"\n")
    gap = first[:-1] + b',"gap":{"events":2,"reason":"ENOSPC","since":"","until":""}}'
    return log(tmp_path, gap + newline + rest)


ASKED = [
    [],
    ["--limit", "3"],
    ["--limit", "0"],
    ["--json"],
    ["--json", "--limit", "7", "--status", "failed"],
    ["--status", "running"],
    ["--status", "abandoned"],
    ["--status", "in_progress"],
    ["--job-id", NIGHT[0][0].job_id],
    ["--pattern-id", "PAT-RUFF-001", "--pattern-id", "PAT-PYTEST-001"],
    ["--pattern-run-id", NIGHT[3][0].pattern_run_id],
    ["--since", "2025-11-26T07:40:12Z"],
    ["--since", "2025-11-26T07:40:12Z", "--until", "2025-11-26T07:50:12Z", "--json"],
    ["--operation", "lint"],
    ["--result", "failure"],
    ["--step-id", "STEP-001", "--limit", "1"],
    ["--contains", "SEMGREP", "--limit", "2"],
    ["--contains", "%"],
    ["--longer-than", "10s"],
    ["--with-artifacts", "--limit", "2"],
    ["--without-artifacts"],
]


@pytest.mark.parametrize("arguments", ASKED, ids=" ".join)
def test_runs_are_the_same_out_of_the_store(place, arguments):
    """To the byte, with gaps; whether or not something of them came after the last ingest."""
    out_of_log = run("runs", *arguments)
    whole = place.read_bytes()
    place.write_bytes(whole[: len(whole) // 2])
    assert run("ingest")[0] == 0
    place.write_bytes(whole)
    assert run("runs", *arguments) == out_of_log
    assert out_of_log[0] == 0


@pytest.mark.parametrize("by", ["pattern", "job"])
@pytest.mark.parametrize("arguments", [each for each in ASKED if not {"--limit", "running", "abandoned"} & set(each)], ids=" ".join)  # fmt: skip  # noqa: E501
def test_statistics_are_the_same_out_of_the_store(place, arguments, by):
    out_of_log = run("stats", "--by", by, *arguments)
    assert run("ingest")[0] == 0
    assert run("stats", "--by", by, *arguments) == out_of_log
    assert out_of_log[0] == 0


@pytest.mark.parametrize("stored", [False, True])
def test_the_table_of_statistics(place, stored):
    if stored:
        run("ingest")
    for name, arguments in (
        ("stats", []),
        ("stats_before", ["--since", "2025-11-26T07:35:12Z", "--until", "2025-11-26T07:55:12Z"]),
        ("stats_phases", ["--phases"]),
    ):
        code, out, err = run("stats", *arguments)
        assert (code, err) == (0, "")
        assert matches_golden(name, out)


def test_statistics_as_json_are_those_of_the_runs(place):
    tally = Tally()
    for events in NIGHT:
        if events[0].pattern_id == "PAT-PYTEST-001":
            tally.add_run(facts_of(fold(events), events))
    code, out, err = run("stats", "--json", "--pattern-id", "PAT-PYTEST-001")
    assert (code, err) == (0, "")
    members = json.loads(out)
    assert members.pop("pattern_id") == "PAT-PYTEST-001"
    assert msgspec.convert(members, Statistics) == tally.statistics()


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--events", "--json"]], ids=" ".join)
@pytest.mark.parametrize("shown", [str, lambda text: text.removeprefix("PRUN-").lower(), lambda text: text[:29]])
def test_a_run_is_the_same_out_of_the_store(place, shown, arguments):
    for events in (NIGHT[3], NIGHT[10], NIGHT[0]):
        text = shown(events[0].pattern_run_id)
        out_of_log = run("run", text, *arguments)
        run("ingest")
        assert run("run", text, *arguments) == out_of_log
        os.unlink(place.parents[1] / "patternspan.db")
        assert out_of_log[0] == 0


@pytest.mark.parametrize("text", ["PRUN-01", "prun-01", "01k", "PRUN-NONE"])
def test_a_beginning_that_many_runs_have_is_told_the_same(place, text):
    out_of_log = run("run", text)
    run("ingest")
    assert run("run", text) == out_of_log
    assert out_of_log[0] == 3


def test_ingest_says_what_is_new_and_what_cannot_be_read(place):
    with place.open("ab") as file:
        file.write(b"not an event\n")
    number = sum(map(len, NIGHT))
    db = place.parents[1] / "patternspan.db"
    bad = f"state/events/pattern_events.jsonl:{number + 1}: not JSON: "
    code, out, err = run("ingest")
    assert (code, out, err.splitlines()[0][: len(bad)]) == (0, "", bad)
    assert err.splitlines()[1:] == ["1 line could not be read", f"{db}: {number:,} new events"]
    assert run("ingest") == (0, "", f"{db}: 0 new events\n")


def test_without_a_log_there_is_nothing_to_take_in(tmp_path):
    code, out, err = run("ingest")
    assert (code, out) == (3, "")
    assert err.startswith("patternspan: state/events/pattern_events.jsonl: no log here yet\n")
    assert not (tmp_path / "state").exists()


DIFFERS = """\
differs  {db}: 3 differences
  the first: pattern_runs {run}: artifacts is 9, from its events follows 1
  The log decides. Make the store anew: patternspan store rebuild
"""


def test_verify_and_rebuild(place):
    db = place.parents[1] / "patternspan.db"
    events = f"{sum(map(len, NIGHT)):,} events"
    assert run("store", "verify") == (0, f"same  {db}: {events} of the log, 40 runs\n", "")
    from sqlalchemy import create_engine, text

    engine = create_engine(f"sqlite:///{db}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE pattern_runs SET artifacts = 9 WHERE pattern_id = 'PAT-RUFF-001'"))
    engine.dispose()
    ruff = min(events[0].pattern_run_id for events in NIGHT if events[0].pattern_id == "PAT-RUFF-001")
    assert run("store", "verify") == (
        4,
        DIFFERS.format(db=db, run=ruff),
        "",
    )
    assert run("store", "rebuild") == (0, "", f"{db}: {events}\n")
    code, out, _ = run("store", "verify", "--json")
    assert (code, json.loads(out)["differences"]) == (0, 0)


def test_a_rebuild_does_not_take_away_what_other_logs_brought(place, tmp_path):
    run("ingest")
    other = log(tmp_path / "other", lines(good_run(90)))
    db = place.parents[1] / "patternspan.db"
    assert run("--root", other.parents[1], "--store", db, "ingest")[0] == 0
    code, out, err = run("store", "rebuild")
    assert (code, out) == (2, "")
    assert err.splitlines()[0].startswith(f"patternspan: {db}: events of other logs are in it: ")
    assert run("store", "rebuild", "--other-logs")[0] == 0
    assert run("store", "verify")[0] == 0


def test_a_store_that_cannot_be_used_is_told_and_the_log_answers(place):
    out_of_log = run("runs")
    db = place.parents[1] / "patternspan.db"
    db.write_bytes(b"this is no database, and long enough for it to be looked at" * 40)
    told = f"{db}: it is no SQLite database: name another, or remove it: the log has all that was in it"
    assert run("runs") == (*out_of_log[:2], f"{told}; the log is read instead\n{out_of_log[2]}")
    assert run("ingest") == (1, "", f"patternspan: {told}\n")


def test_a_store_is_named_by_option_variable_and_file(place, tmp_path, monkeypatch):
    def there(path):
        found = path.exists()
        path.unlink(missing_ok=True)
        return found

    run("--store", tmp_path / "a.db", "ingest")
    assert there(tmp_path / "a.db")
    monkeypatch.setenv("PATTERNSPAN_STORE", f"sqlite:///{tmp_path}/b.db")
    run("runs")
    assert there(tmp_path / "b.db")
    monkeypatch.delenv("PATTERNSPAN_STORE")
    (tmp_path / "patternspan.toml").write_text('store = "c.db"\n')
    run("stats")
    assert there(tmp_path / "c.db")
    assert run("--store", "mysql://localhost/x", "runs")[0] == 2


def test_following_takes_in_what_comes_until_it_is_interrupted(place, tmp_path):
    process = start(tmp_path, "ingest", "--follow")
    db = tmp_path / "state" / "patternspan.db"

    def runs_in_store():
        from patternspan.store import Store

        store = Store(str(db))
        try:
            return len(list(store.pages()))
        finally:
            store.close()

    def eventually(count):
        until = time.monotonic() + 20
        while time.monotonic() < until and not (db.exists() and runs_in_store() == count):
            time.sleep(0.1)
        return runs_in_store()

    assert eventually(40) == 40
    with place.open("ab") as file:
        file.write(lines(good_run(77, START_NS + 99 * MINUTE)))
    assert eventually(41) == 41
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    total = sum(map(len, NIGHT)) + len(good_run(77))
    assert (process.returncode, out, err.decode()) == (0, b"", f"{db}: {total:,} new events\n")
