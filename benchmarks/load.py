"""Short runs at a steady rate through the real collector into the real Jaeger, and what arrives of them.

    scripts/stack install
    python benchmarks/load.py [--rate 200 2000] [--seconds 60] [--per-job 100] [--json]

For each rate a stack of its own is started, and one process records runs of two events, `--per-job` of them to a job,
which is a trace. Queues, batches and limits are those that the programs and the package have by default. When the
process has ended, all runs of its log are looked up in Jaeger by trace. *late* is the longest time that a run began
after it was due.

*full* are spans that the queue in the process had no room for, *exit* the seconds from the last run to the end of the
process. *left* are runs that the collector had not accepted by then: `patternspan deliver`, which is run next, sends
them from the log. *lost* are runs of the log that Jaeger lacks after that: somebody behind our exporter has accepted
and not kept them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from patternspan import configure, health, job, pattern_span, read_events

HOME = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOME / "scripts"))

from stack_run import Stack  # noqa: E402

QUIET_SECONDS = 5.0
"""How long Jaeger's count stays as it is until all that comes has come."""


@pattern_span("PAT-SHORT-001", operation_kind="load")
def short(number: int) -> dict[str, int]:
    """Do next to nothing."""
    return {"number": number}


def record(rate: float, seconds: float, per_job: int) -> None:
    """Record runs at a rate, in this process, and say how that went."""
    configure()
    total = round(rate * seconds)
    begin = time.perf_counter()
    late = 0.0
    for first in range(0, total, per_job):
        with job():
            for number in range(first, min(first + per_job, total)):
                wait = begin + number / rate - time.perf_counter()
                if wait > 0:
                    time.sleep(wait)
                else:
                    late = max(late, -wait)
                short(number)
    took = time.perf_counter() - begin
    at_end = health()
    print(json.dumps({"took": took, "late": late, "dropped": at_end.spans_dropped}), flush=True)


def in_jaeger(stack: Stack, traces: dict[str, set[str]]) -> int:
    """Return how many of the spans that these traces should have are there."""
    found = 0
    for trace_id, spans in traces.items():
        try:
            with urllib.request.urlopen(f"{stack.jaeger}/api/traces/{trace_id}", timeout=30) as answer:
                data = json.load(answer)["data"]
        except urllib.error.HTTPError:
            continue
        found += len(spans & {span["spanID"] for one in data for span in one["spans"]})
    return found


def settled(stack: Stack, traces: dict[str, set[str]], wanted: int) -> int:
    """Return how many spans Jaeger has once all are there, or no more come."""
    found, since = -1, time.monotonic()
    while time.monotonic() - since < QUIET_SECONDS:
        now = in_jaeger(stack, traces)
        if now != found:
            found, since = now, time.monotonic()
        if found >= wanted:
            break
    return found


def measured(rate: float, seconds: float, per_job: int) -> dict[str, Any]:
    """Return what became of the runs of one rate."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stack = Stack.make(folder / "stack", free_ports=True)
        stack.start("jaeger")
        stack.start("collector")
        try:
            environment = {**os.environ, **stack.otlp, "OTEL_METRICS_EXPORTER": "none"}
            words = [
                sys.executable,
                __file__,
                "--record",
                f"--rate={rate}",
                f"--seconds={seconds}",
                f"--per-job={per_job}",
            ]
            with subprocess.Popen(words, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
                told = json.loads(process.stdout.readline() if process.stdout else "")
                last = time.perf_counter()
                process.wait()
                exit_seconds = time.perf_counter() - last
            runs: dict[str, set[str]] = {}
            ended = 0
            for event in read_events(folder / "state"):
                runs.setdefault(str(event.trace_id), set()).add(str(event.span_id))
                ended += event.event_type == "pattern.execution.completed"
            wanted = sum(map(len, runs.values()))
            arrived = settled(stack, runs, wanted)
            deliver = [sys.executable, "-m", "patternspan", "deliver", "--root", str(folder / "state")]
            subprocess.run(deliver, env=environment, capture_output=True, check=True)
            final = settled(stack, runs, wanted)
        finally:
            stack.down()
    runs_made = round(rate * seconds)
    return {
        "rate": rate,
        "reached": runs_made / told["took"],
        "late": told["late"],
        "runs": runs_made,
        "log": ended,
        "full": told["dropped"],
        "exit": exit_seconds,
        "left": final - arrived,
        "lost": wanted - final,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", nargs="+", type=float, default=[200.0, 2000.0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--per-job", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--record", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.record:
        record(given.rate[0], given.seconds, given.per_job)
        return
    rows = [measured(rate, given.seconds, given.per_job) for rate in given.rate]
    if given.json:
        print(json.dumps(rows))
        return
    print("wanted/s  reached/s  late s    runs  in log  full  exit s  left  lost")
    for row in rows:
        print(
            f"{row['rate']:8,.0f} {row['reached']:10,.1f} {row['late']:7.2f} {row['runs']:7,} {row['log']:7,} "
            f"{row['full']:5,} {row['exit']:7.2f} {row['left']:5,} {row['lost']:5,}"
        )


if __name__ == "__main__":
    main()
