"""`patternspan import`: OTLP JSON files, back into the log."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from screens import calm, log, run  # noqa: F401

from log_files import events_in
from logs import failed_run, good_run, lines
from otlp_files import otlp_line, request_of
from patternspan import BadLine, Imported, import_events
from patternspan.model.packing import packer

LOG = "state/events/pattern_events.jsonl"


def foreign_span():
    """Return a span of other code."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("other").start_span("GET /").end()
    return exporter.get_finished_spans()[0]


def test_a_file_of_a_collector_gives_the_same_events(tmp_path):
    """Global log, job's log and archive, as when they were recorded; what is no pattern event is counted."""
    runs = [good_run(1), failed_run(2), good_run(3)]
    (tmp_path / "traces.jsonl").write_bytes(request_of(runs[:2]) + otlp_line([foreign_span()]) + request_of(runs[2:]))
    code, out, err = run("import", "traces.jsonl")
    events = [event for one in runs for event in one]
    assert (code, out) == (0, "")
    assert (
        err == f"{len(events)} events imported, 0 there already, 1 other record without a pattern event, 0 problems\n"
    )
    assert events_in(tmp_path / LOG) == events
    job_logs = list((tmp_path / "state/events/jobs").glob("*/pattern_events.jsonl"))
    assert sorted(event.event_id for path in job_logs for event in events_in(path)) == sorted(
        event.event_id for event in events
    )
    archived = [json.loads(path.read_text()) for path in (tmp_path / "state/pattern_runs").glob("*/*.jsonl")]
    assert {one["pattern_run_id"]: one["status"] for one in archived} == {
        runs[0][0].pattern_run_id: "success",
        runs[1][0].pattern_run_id: "failed",
        runs[2][0].pattern_run_id: "success",
    }


def test_what_is_there_already_is_skipped(tmp_path):
    """Of recorded events, of an earlier import, and within one file."""
    runs = [good_run(1), good_run(2)]
    path = log(tmp_path, lines(runs[0][:3]))
    (tmp_path / "traces.jsonl").write_bytes(request_of(runs) + request_of(runs))
    first = run("import", "traces.jsonl")
    count = len(runs[0]) + len(runs[1])
    assert first[2].startswith(f"{count - 3} events imported, {count + 3} there already, ")
    assert events_in(path) == [*runs[0][:3], *runs[0][3:], *runs[1]]
    before = path.read_bytes()
    assert run("import", "traces.jsonl")[2].startswith(f"0 events imported, {2 * count} there already, ")
    assert path.read_bytes() == before


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_compressed_files_are_read(tmp_path, ending):
    """By what they hold, whatever they are called."""
    data = request_of([good_run(1)])
    pack = packer("zstd") if ending == ".zst" else None
    packed = gzip.compress(data) if pack is None else pack.compress(data) + pack.flush()
    (tmp_path / f"traces.jsonl{ending}").write_bytes(packed)
    assert run("import", f"traces.jsonl{ending}")[0] == 0
    assert events_in(tmp_path / LOG) == good_run(1)


def test_bad_lines_are_told_and_the_others_taken(tmp_path):
    """Each with its place; the exit code says that there were some."""
    good = request_of([good_run(1)])
    (tmp_path / "traces.jsonl").write_bytes(
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz"}]}]}]}\n' + b"[1]\n" + good + good[:60] + b"\n"
    )
    code, out, err = run("import", "traces.jsonl", "missing.jsonl")
    told = err.splitlines()
    assert (code, out) == (3, "")
    assert told[0].startswith("traces.jsonl:1: no OTLP: ")
    assert told[1] == "traces.jsonl:2: no OTLP: an object is wanted, found list"
    assert told[2].startswith("traces.jsonl:4: not JSON: ")
    assert told[3].startswith("missing.jsonl: ")
    assert told[-1].endswith(", 4 problems")
    assert events_in(tmp_path / LOG) == good_run(1)
    assert run("import", "traces.jsonl")[0] == 4


def test_secrets_are_withheld_on_the_way(tmp_path):
    """A collector's file may hold what other programs have sent."""
    secret = "AKIA" + "Z7Q2" * 4
    (tmp_path / "traces.jsonl").write_bytes(request_of([good_run(1)]).replace(b"semgrep", secret.encode()))
    assert run("import", "traces.jsonl")[0] == 0
    text = (tmp_path / LOG).read_text()
    assert secret not in text
    assert "[redacted:aws_key]" in text


def test_an_import_that_was_killed_goes_on_where_it_was(tmp_path):
    """Nothing is lost or doubled by the second one."""
    runs = [good_run(number) for number in range(400)]
    (tmp_path / "traces.jsonl").write_bytes(b"".join(request_of([one]) for one in runs))
    command = [sys.executable, "-m", "patternspan", "import", "traces.jsonl"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE)
    end = time.monotonic() + 30
    while not (tmp_path / LOG).exists() and time.monotonic() < end:
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert run("import", "traces.jsonl")[0] == 0
    found = [json.loads(line)["event_id"] for line in (tmp_path / LOG).read_bytes().splitlines() if line[-1:] == b"}"]
    assert sorted(found) == sorted(event.event_id for one in runs for event in one)


def test_programs_can_import_too(tmp_path):
    """With what was done as a value."""
    (tmp_path / "traces.jsonl").write_bytes(request_of([good_run(1)]) + b"{\n")
    problems = []
    done = import_events([tmp_path / "traces.jsonl"], tmp_path / "state", on_problem=problems.append)
    assert done == Imported(requests=1, imported=len(good_run(1)), bad=1)
    assert [(type(one), one.number) for one in problems] == [(BadLine, 2)]
