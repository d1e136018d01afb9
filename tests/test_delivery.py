"""The log is the outbox: what a collector has not accepted is sent again, and nothing twice."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from log_files import events_in
from otlp_collector import Collector
from otlp_grpc_collector import GrpcCollector
from patternspan import PatternEvent
from scanner import SCAN

RECORD = f"""{SCAN}
import os, sys, time
import patternspan
from opentelemetry import trace

def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, patternspan.health()
        time.sleep(0.01)
"""
POOL = """
import multiprocessing
with multiprocessing.get_context("fork").Pool(3, maxtasksperchild=2) as pool:
    pool.map(scan, range(1, 13), chunksize=1)
    pool.close()
    pool.join()
"""
END = "pattern.execution.completed"


@pytest.fixture
def grpc_collector() -> Iterator[GrpcCollector]:
    """One that speaks gRPC."""
    made = GrpcCollector()
    yield made
    made.close()


@pytest.fixture
def log(tmp_path: Path) -> Any:
    """Return the events in the global log."""
    return lambda: events_in(tmp_path / "state" / "events" / "pattern_events.jsonl")


@pytest.fixture
def cli(python: Any, collector: Collector) -> Any:
    """Run a command of patternspan with the collector's variables."""
    code = "import sys; from patternspan.cli import main; sys.argv[0] = 'patternspan'; main()"
    return lambda *words: python(code, *words, check=False, **collector.environment)


def late(collector: Collector | GrpcCollector) -> dict[str, str]:
    """Return the variables of a program that sends nothing before it ends."""
    return {**collector.environment, "OTEL_BSP_SCHEDULE_DELAY": "60000"}


def ledgers(tmp_path: Path) -> list[str]:
    folder = tmp_path / "state" / "delivery"
    return sorted(os.listdir(folder)) if folder.is_dir() else []


def same(sent: list[PatternEvent], recorded: list[PatternEvent]) -> bool:
    """Say whether the collector has each event once, as it was recorded."""
    return sorted(sent, key=lambda event: event.event_id) == sorted(recorded, key=lambda event: event.event_id)


def test_what_was_accepted_leaves_no_ledger(python: Any, collector: Collector, log: Any, tmp_path: Path) -> None:
    """At exit all that is queued is sent; then nothing is owed."""
    python(RECORD + "for number in range(10): scan(number)", **collector.environment)
    assert same(collector.events, log())
    assert ledgers(tmp_path) == []


def test_runs_of_a_killed_process_are_delivered_by_the_command(
    python: Any, cli: Any, collector: Collector, log: Any, tmp_path: Path
) -> None:
    """They come with their own ids, times, parents and phases, and once."""
    script = "with patternspan.job():\n    for number in range(10): scan(number)\nos.kill(os.getpid(), 9)"
    python(RECORD + script, check=False, **late(collector))
    assert (collector.spans, len(ledgers(tmp_path))) == ([], 1)

    assert "delivery       1 program ended before all spans were accepted by http/protobuf" in cli("doctor").stdout
    shown = cli("deliver", "--dry-run")
    assert (shown.returncode, collector.spans) == (0, [])
    assert shown.stderr.startswith("10 runs would be sent to ")

    done = cli("deliver")
    assert (done.returncode, done.stderr.split(" to ")[0]) == (0, "10 runs sent")
    assert done.stdout.splitlines()[1].split()[1:5] == ["sent", "10", "0", "0"]
    assert same(collector.events, log())
    runs = {span.span_id: span for span in collector.spans if span.name == "pattern.run PAT-SCAN-001"}
    assert Counter(span.name for span in collector.spans) == {
        "pattern.run PAT-SCAN-001": 10, "pattern.validation": 10, "pattern.execution": 10,
    }  # fmt: skip
    assert all(span.parent_span_id in runs for span in collector.spans if span.span_id not in runs)
    notes = [event.details["otel"] for event in log() if "otel" in event.details]
    assert sorted(span.parent_span_id.hex() for span in runs.values()) == [note["parent"] for note in notes]
    assert ledgers(tmp_path) == []

    assert cli("deliver").stderr == "nothing is owed\n"
    assert "delivery" not in cli("doctor").stdout
    assert len(runs) == 10


def test_runs_of_a_killed_process_are_delivered_by_the_next_one(
    python: Any, collector: Collector, log: Any, tmp_path: Path
) -> None:
    """The next process that sends to the same endpoint does it by itself."""
    python(RECORD + "for number in range(5): scan(number)\nos.kill(os.getpid(), 9)", check=False, **late(collector))
    python(
        RECORD + "scan(5)\nwait_for(lambda: patternspan.health().spans_resent == 15)",
        **collector.environment,
    )
    assert same(collector.events, log())
    assert len([event for event in log() if event.event_type == END]) == 6
    assert ledgers(tmp_path) == []


COMES_BACK = """
for number in range(20): scan(number)
print("recorded", flush=True)
wait_for(lambda: os.path.exists("back"))
scan(20)
wait_for(lambda: patternspan.health().spans_exported + patternspan.health().spans_resent >= 63, 45)
"""


def recorded_until_back(
    python: Any, collector: Collector | GrpcCollector, tmp_path: Path, script: str = COMES_BACK,
    when: Callable[[], bool] | None = None, **variables: str,
) -> Any:  # fmt: skip
    """Record 21 runs, of which the last when the collector takes spans again, or what a script says.

    It does so once it has been asked for the first time, or when it is told; a file `back` is there from then on.
    """
    is_time = when or collector.asked.is_set

    def come_back() -> None:
        end = time.monotonic() + 20
        while not is_time() and time.monotonic() < end:
            time.sleep(0.01)
        collector.mode = "ok"
        (tmp_path / "back").touch()

    thread = threading.Thread(target=come_back)
    thread.start()
    done = python(RECORD + script, **{**collector.environment, **variables})
    thread.join()
    return done


@pytest.fixture
def either(request: pytest.FixtureRequest) -> Any:
    """The collector of the fixture that the test names."""
    return request.getfixturevalue(request.param)


BY_HTTP = ["503", "500", "429", "slow", "silent", "reset", "garbage", "redirect", "400", "401"]
BY_GRPC = ["UNAVAILABLE", "UNAUTHENTICATED", "INTERNAL", "silent"]


@pytest.mark.parametrize(
    ("either", "mode"),
    [*(("collector", mode) for mode in BY_HTTP), *(("grpc_collector", mode) for mode in BY_GRPC)],
    indirect=["either"],
)
def test_a_collector_that_comes_back_gets_every_run_once(
    python: Any, either: Collector | GrpcCollector, log: Any, tmp_path: Path, mode: str
) -> None:
    """Whatever it did meanwhile; in the same process, and the executor never hears of it."""
    either.mode = mode
    done = recorded_until_back(python, either, tmp_path)
    assert done.stdout == "recorded\n"
    assert len(done.stderr.splitlines()) <= 10
    assert same(either.events, log())
    assert len([event for event in log() if event.event_type == END]) == 21
    assert ledgers(tmp_path) == []


def test_forked_workers_send_their_own_spans_by_grpc(
    python: Any, grpc_collector: GrpcCollector, log: Any, tmp_path: Path
) -> None:
    """Also where the parent has a connection already."""
    script = """
patternspan.configure()
scan(0)
assert trace.get_tracer_provider().force_flush(15000)
"""
    python(RECORD + script + POOL, **grpc_collector.environment)
    assert len([event for event in log() if event.event_type == END]) == 13
    assert same(grpc_collector.events, log())
    assert ledgers(tmp_path) == []


def test_runs_that_are_more_than_one_message_takes_come_in_several(
    python: Any, grpc_collector: GrpcCollector, log: Any, tmp_path: Path
) -> None:
    """A collector takes 4 MiB by gRPC, and 512 spans may be more."""
    script = """
@pattern_span("PAT-X-002", operation_kind="scan")
def large(number):
    return {f"part{part}": "x y " * 500 for part in range(10)}
for number in range(300): large(number)
"""
    python(RECORD + script, **late(grpc_collector))
    assert sum(request.ByteSize() for request in grpc_collector.requests) > 4 << 20
    assert same(grpc_collector.events, log())
    assert ledgers(tmp_path) == []


def test_a_collector_of_small_messages_gets_batches_in_parts(
    python: Any, collector: Collector, log: Any, tmp_path: Path
) -> None:
    """A batch that is refused is sent in halves until it is taken."""
    collector.mode = "small"
    python(RECORD + "for number in range(50): scan(number)", **late(collector))
    assert same(collector.events, log())
    assert ledgers(tmp_path) == []


def test_a_run_that_nobody_takes_holds_up_no_other(
    python: Any, cli: Any, collector: Collector, log: Any, tmp_path: Path
) -> None:
    """It alone stays owed, and that is said."""
    collector.mode = "picky"
    script = """
for number in range(40):
    if number == 20:
        with pattern_span("PAT-BAD-001"): pass
    scan(number)
os.kill(os.getpid(), 9)
"""
    python(RECORD + script, check=False, **late(collector))
    done = cli("deliver")
    assert (done.returncode, done.stderr.splitlines()[-1][:34]) == (1, "40 runs sent, 1 run still owed: OT")
    assert same(collector.events, [event for event in log() if event.pattern_id == "PAT-SCAN-001"])
    assert len(ledgers(tmp_path)) == 1
    collector.mode = "ok"
    assert cli("deliver").returncode == 0
    assert same(collector.events, log())


def test_a_run_after_the_last_flush_alone_is_owed(
    python: Any, cli: Any, collector: Collector, log: Any, tmp_path: Path
) -> None:
    """What was accepted before it is not sent again with it."""
    script = """
import atexit
atexit.register(scan, 3)
patternspan.configure()
for number in range(3): scan(number)
"""
    python(RECORD + script, **collector.environment)
    assert (len(collector.spans), len(ledgers(tmp_path))) == (9, 1)
    assert cli("deliver").stderr.startswith("1 run sent to ")
    assert same(collector.events, log())
    assert ledgers(tmp_path) == []


def test_what_the_queue_has_no_room_for_is_counted_and_sent_from_the_log(
    python: Any, cli: Any, collector: Collector, log: Any, tmp_path: Path
) -> None:
    """Every span is exported, queued or dropped; and in the end every run is there once."""
    collector.mode = "503"
    script = """
for number in range(200): scan(number)
health = patternspan.health()
print(health.spans_exported + health.spans_dropped + health.spans_queued, health.spans_dropped > 400)
open("full", "w").close()
wait_for(lambda: patternspan.health().spans_resent, 45)
"""
    small = {"OTEL_BSP_MAX_QUEUE_SIZE": "64", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "16"}
    done = recorded_until_back(python, collector, tmp_path, script, (tmp_path / "full").exists, **small)
    assert done.stdout == "600 True\n"
    assert cli("deliver").returncode == 0  # what it had not sent when it ended
    assert same(collector.events, log())
    assert Counter(span.name for span in collector.spans) == {
        "pattern.run PAT-SCAN-001": 200, "pattern.validation": 200, "pattern.execution": 200,
    }  # fmt: skip
    assert len({span.span_id for span in collector.spans}) == 600
    assert ledgers(tmp_path) == []


def test_a_page_in_place_of_a_collector_has_taken_nothing(
    python: Any, cli: Any, collector: Collector, log: Any
) -> None:
    """Status 200 alone is no acceptance."""
    collector.mode = "page"
    python(RECORD + "scan(0)", **collector.environment)
    collector.mode = "ok"
    assert cli("deliver").returncode == 0
    assert same(collector.events, log())


def test_spans_that_a_collector_rejects_are_counted_and_said(python: Any, collector: Collector) -> None:
    """It took the others of the batch: they are not sent again."""
    collector.mode = "partial"
    script = """
patternspan.configure()
scan(0)
print(trace.get_tracer_provider().force_flush(15000))
health = patternspan.health()
print(health.spans_exported, health.spans_dropped, health.spans_queued)
"""
    done = python(RECORD + script, **collector.environment)
    assert done.stdout.splitlines()[1] == "2 1 0"
    assert "the collector rejected 1 spans: too old" in done.stderr


def test_an_exit_while_the_collector_hangs_leaves_the_runs_to_the_log(
    python: Any, cli: Any, collector: Collector, log: Any, tmp_path: Path
) -> None:
    """Exit is bounded; what was not accepted is owed."""
    collector.mode = "silent"
    python(RECORD + "for number in range(10): scan(number)", timeout=20, **collector.environment)
    assert (collector.spans, len(ledgers(tmp_path))) == ([], 1)
    collector.mode = "503"
    refused = cli("deliver")
    assert (refused.returncode, refused.stderr.splitlines()[-1][:34]) == (1, "0 runs sent, 10 runs still owed: O")
    collector.mode = "ok"
    assert cli("deliver").returncode == 0
    assert same(collector.events, log())


def test_a_provider_of_the_application_may_have_the_log_as_its_outbox(
    python: Any, cli: Any, collector: Collector, log: Any, tmp_path: Path
) -> None:
    """With a processor that is added by hand, and the provider's resource."""
    script = """
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
provider = TracerProvider(resource=Resource({"service.name": "scanner"}))
provider.add_span_processor(patternspan.otlp_span_processor())
trace.set_tracer_provider(provider)
for number in range(5): scan(number)
if sys.argv[1:]: os.kill(os.getpid(), 9)
"""
    python(RECORD + script, **collector.environment)
    assert (same(collector.events, log()), ledgers(tmp_path)) == (True, [])
    python(RECORD + script, "killed", check=False, **late(collector))
    assert cli("deliver").stderr.startswith("5 runs sent to ")
    assert same(collector.events, log())
    assert [resource.resource.attributes[0].value.string_value for resource in collector.resources] == ["scanner"] * 2


def test_sigterm_sends_what_is_queued_and_ends_as_ever(python: Any, collector: Collector, log: Any) -> None:
    """The status of the process is that of the signal."""
    script = "patternspan.configure()\nfor number in range(10): scan(number)\nos.kill(os.getpid(), 15)\ntime.sleep(30)"
    done = python(RECORD + script, check=False, timeout=20, **late(collector))
    assert done.returncode == -15
    assert same(collector.events, log())


def test_sigterm_ends_a_process_whose_collector_hangs(python: Any, cli: Any, collector: Collector, log: Any) -> None:
    """By the same signal, within a bound; the runs are owed."""
    collector.mode = "silent"
    script = "patternspan.configure()\nfor number in range(10): scan(number)\nos.kill(os.getpid(), 15)\ntime.sleep(60)"
    environment = {**collector.environment, "OTEL_EXPORTER_OTLP_TIMEOUT": "30"}
    assert python(RECORD + script, check=False, timeout=20, **environment).returncode == -15
    collector.mode = "ok"
    assert cli("deliver").stderr.startswith("10 runs sent to ")
    assert same(collector.events, log())


def test_a_lost_answer_sends_the_same_spans_again(python: Any, collector: Collector, tmp_path: Path) -> None:
    """With the same ids and times, by which a backend knows them."""
    collector.mode = "forgetful"
    recorded_until_back(python, collector, tmp_path)
    copies = [span.SerializeToString() for span in collector.spans]
    assert len({span.span_id for span in collector.spans}) == len(set(copies)) == 63 < len(copies)


def test_a_handler_of_the_application_stays(python: Any, collector: Collector) -> None:
    """Only where nobody has said what SIGTERM does is anything done about it."""
    script = """
import signal
handler = lambda *_: None
signal.signal(signal.SIGTERM, handler)
patternspan.configure()
print(signal.getsignal(signal.SIGTERM) is handler)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
"""
    assert python(RECORD + script, **collector.environment).stdout == "True\n"


def test_forked_workers_send_their_own_spans(python: Any, collector: Collector, log: Any, tmp_path: Path) -> None:
    """What the parent has queued is the parent's; a pool's worker sends when it ends."""
    python(RECORD + "scan(0)\n" + POOL, **late(collector))
    assert len([event for event in log() if event.event_type == END]) == 13
    assert same(collector.events, log())
    assert ledgers(tmp_path) == []


def test_what_a_sampler_left_out_is_never_delivered(python: Any, cli: Any, collector: Collector, log: Any) -> None:
    """The log says of a run that it was not sampled."""
    half = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.5"}
    script = "for number in range(40): scan(number)\nos.kill(os.getpid(), 9)"
    python(RECORD + script, check=False, **late(collector), **half)
    left_out = {event.pattern_run_id for event in log() if event.details.get("otel") == {"sampled": False}}
    assert 0 < len(left_out) < 40
    assert cli("deliver").returncode == 0
    assert same(collector.events, [event for event in log() if event.pattern_run_id not in left_out])


def test_a_phase_that_was_accepted_before_its_run_is_not_made_again(
    python: Any, cli: Any, collector: Collector, log: Any
) -> None:
    """The ledger knows of it, also when the process is killed in between."""
    script = """
with pattern_span("PAT-Y-001") as run:
    with run.validating():
        pass
    assert trace.get_tracer_provider().force_flush()
os.kill(os.getpid(), 9)
"""
    python(RECORD + "patternspan.configure()\n" + script, check=False, **late(collector))
    assert [span.name for span in collector.spans] == ["pattern.validation"]
    assert cli("deliver").returncode == 0
    assert [span.name for span in collector.spans][1:] == ["pattern.execution", "pattern.run PAT-Y-001"]
    assert same(collector.events, log())


def test_a_run_without_an_end_waits_for_its_recovery(
    python: Any, cli: Any, collector: Collector, log: Any, tmp_path: Path
) -> None:
    """`recover` writes the end, and the next delivery sends the run."""
    script = "scan(0)\nwith pattern_span('PAT-Y-001'):\n    os.kill(os.getpid(), 9)"
    python(RECORD + script, check=False, **late(collector))
    first = cli("deliver")
    assert first.stdout.splitlines()[1].split()[1:5] == ["sent", "1", "0", "1"]
    assert len(ledgers(tmp_path)) == 1
    assert cli("recover").returncode == 0
    assert cli("deliver").returncode == 0
    assert same(collector.events, log())
    assert ledgers(tmp_path) == []


def test_force_flush_says_whether_all_was_accepted(python: Any, collector: Collector) -> None:
    """Not that it has tried."""
    script = """
patternspan.configure()
scan(0)
print(trace.get_tracer_provider().force_flush(15000))
"""
    assert python(RECORD + script, **collector.environment).stdout == "True\n"
    collector.mode = "400"
    assert python(RECORD + script, **collector.environment).stdout == "False\n"
