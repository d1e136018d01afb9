"""`patternspan export` and `replay`: runs for other tools, and back."""

import contextlib
import csv
import io
import json
import os
import signal
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.resources import Resource
from screens import calm, log, run  # noqa: F401

from commands import start
from logs import SECOND, START_NS, RunMaker, failed_run, good_run, lines
from otlp_collector import Collector
from patternspan import frames, read_events
from patternspan.errors import LineError
from patternspan.export.otlp_json import events_from_otlp_json, request_in, request_of
from patternspan.export.rebuild import spans_of
from patternspan.model.fold import fold, in_order
from strategies import any_events

GOOD = good_run()
FAILED = failed_run(2, START_NS + 60 * SECOND)
OPEN = RunMaker(3, START_NS + 90 * SECOND, "PAT-OPEN").begin().events
EVERY = GOOD[:2] + FAILED[:3] + GOOD[2:] + FAILED[3:] + OPEN


@pytest.fixture(autouse=True)
def place(tmp_path):
    return log(tmp_path, lines(EVERY))


def text(*events):
    return lines(list(events)).decode()


@pytest.mark.parametrize(
    ("arguments", "expected", "count"),
    [
        ([], EVERY, "3 runs"),
        (["--status", "failed"], FAILED, "1 run"),
        (["--result", "success"], GOOD, "1 run"),
        (["--pattern-id", "PAT-NONE"], [], "0 runs"),
    ],
)
def test_lines_come_as_they_stand_in_the_log_and_runs_whole(arguments, expected, count):
    assert run("export", *arguments) == (0, text(*expected), f"{count} exported\n")


def test_runs_are_what_their_events_fold_into():
    code, out, _ = run("export", "--runs")
    assert (code, out) == (0, "".join(fold(events).to_json() + "\n" for events in (GOOD, FAILED, OPEN)))


def test_events_and_runs_as_csv(place):
    place.write_bytes(lines(GOOD + RunMaker(9, pattern_id="=HYPERLINK(1)").begin("a,b", 'say "é"').events))
    rows = list(csv.DictReader(io.StringIO(run("export", "--format", "csv")[1])))
    for row, event in zip(rows[: len(GOOD)], GOOD, strict=True):
        members = event.to_dict()
        assert json.loads(row.pop("details")) == members["details"]
        assert row == {name: members.get(name) or "" for name in row}
    assert {row["pattern_id"] for row in rows[len(GOOD) :]} == {"'=HYPERLINK(1)"}
    rows = list(csv.DictReader(io.StringIO(run("export", "--format", "csv", "--runs")[1])))
    assert [row["operation_kind"] for row in rows] == ["security_scan", "a,b"]
    assert json.loads(rows[0]["outputs"]) == fold(GOOD).outputs
    assert json.loads(rows[1]["tool_metadata"])["command"] == 'say "é"'


def test_parquet_is_what_frames_read(tmp_path):
    assert run("export", "--format", "parquet", "-o", "events.parquet") == (0, "", "3 runs exported\n")
    found = frames.events("events.parquet").collect("pyarrow").to_native().to_pylist()
    assert {(row["event_id"], row["event_type"], row["details"]) for row in found} == {
        (event.event_id, event.event_type, json.dumps(event.details, separators=(",", ":"))) for event in EVERY
    }
    assert oct(os.stat("events.parquet").st_mode & 0o777) == "0o600"
    assert sorted(os.listdir(tmp_path)) == ["events.parquet", "state"]


def test_otlp_json_is_imported_as_the_same_events():
    told = "1 run without an end left out\n3 runs exported\n"
    assert run("export", "--format", "otlp-json", "--output", "spans.json") == (0, "", told)
    assert run("--root", "other", "import", "spans.json")[0] == 0
    assert {event.event_id: event for event in read_events("other")} == {one.event_id: one for one in GOOD + FAILED}


@given(st.lists(any_events(), min_size=1, max_size=4, unique_by=lambda event: event.event_id))
def test_what_goes_out_as_spans_comes_back_as_it_was(events):
    """Whatever a line can hold."""
    own = in_order(msgspec.structs.replace(event, pattern_run_id=events[0].pattern_run_id) for event in events)
    try:
        line = request_of(spans_of(own, Resource({})))
    except (LineError, ValueError):
        return  # no span can hold them, and the command says how many
    back = [event for span in events_from_otlp_json(request_in(line)) for event in span]
    assert {event.event_id: event for event in back} == {event.event_id: event for event in own}


def test_wrong_words_are_told():
    def told(*words):
        code, out, err = run("export", *words)
        assert (code, out) == (2, "")
        return err

    Path("there").touch()
    assert told("-o", "there") == "patternspan: there: is there already: name another, or --force\n"
    assert told("--format", "parquet") == "patternspan: --format parquet: name a file: --output PATH\n"
    assert told("--runs", "--format", "otlp-json", "-o", "x") == (
        "patternspan: --runs: there is no otlp-json of runs: jsonl or csv\n"
    )
    assert told("--file", "-") == (
        "patternspan: -: the log is read twice, so standard input will not do: name a file\n"
    )
    assert run("export", "-o", "there", "--force")[0] == 0
    assert Path("there").read_text() == text(*EVERY)
    code, out, err = run("export", "-o", "none/x")
    assert (code, out, err.endswith("No such file or directory\n")) == (1, "", True)


def test_a_killed_export_leaves_no_file_of_that_name(tmp_path, place):
    with place.open("wb") as file:
        for number in range(20_000):
            file.write(lines(good_run(number, START_NS + number * SECOND)))
    process = start(tmp_path, "export", "-o", "events.jsonl")
    until = time.monotonic() + 60
    while time.monotonic() < until and not [name for name in os.listdir(tmp_path) if name.startswith(".events")]:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert sorted(os.listdir(tmp_path)) == ["state"]


def test_replay_sends_runs_with_their_own_ids_and_times(monkeypatch):
    with contextlib.closing(Collector()) as collector:
        for name, value in collector.environment.items():
            monkeypatch.setenv(name, value)
        code, out, err = run("replay", "--to", "otlp")
        assert (code, out) == (0, "")
        assert err.startswith("2 runs sent to ")
        assert err.endswith(", 1 run without an end left out\n")
        spans = [span for span in collector.spans if span.events]
        assert {span.start_time_unix_nano for span in spans} == {GOOD[0].time_ns, FAILED[0].time_ns}
        assert sorted(len(span.events) for span in spans) == sorted(map(len, (GOOD, FAILED)))
        assert run("replay", "--status", "failed")[2].startswith("1 run sent to ")


def test_a_collector_that_is_away_is_told(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    code, out, err = run("replay", "--endpoint", "http://127.0.0.1:9")
    assert (code, out) == (1, "")
    assert err.startswith("0 runs sent to OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9/v1/traces, ")
    assert err.endswith("2 not accepted, 1 run without an end left out\n")
