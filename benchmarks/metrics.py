"""What metrics cost a run, as microseconds more and as a ratio, inside one process.

    python benchmarks/metrics.py [--rounds 40] [--runs 2000] [--json]

The same decorated function runs with metrics off and on, a few thousand runs at a time, in turn; each round's figure is
the difference of the two, and what is told is the median of the rounds. *executor* is the time of the thread that runs
the pattern. *process* is the processor time of all threads, which includes putting the figures into the instruments of
an SDK with a reader, and a collection at the end of each turn. A short run has two events; a run of all phases seven.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable

from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from patternspan import configure, pattern_span
from patternspan.record.hub import hub
from patternspan.record.meter import meter
from recording import executor, provider

Figures = tuple[float, float]
"""Microseconds a run: of the executor's thread, and of the process."""


def short() -> dict[str, int]:
    """Two events, and a figure of findings."""
    return {"findings": 3}


def timed(work: Callable[[], object], runs: int, *, on: bool, reader: InMemoryMetricReader) -> Figures:
    """Run a turn with metrics on or off."""
    hub.meter = meter if on else None
    thread, process = time.thread_time_ns(), time.process_time_ns()
    for _ in range(runs):
        work()
    thread = time.thread_time_ns() - thread
    if on:
        reader.collect()
    process = time.process_time_ns() - process
    return thread / runs / 1000, process / runs / 1000


def measured(work: Callable[[], object], rounds: int, runs: int, reader: InMemoryMetricReader) -> dict[str, float]:
    """Return the medians over the rounds, after one turn of each that is not counted."""
    for on in (False, True):
        timed(work, runs, on=on, reader=reader)
    pairs = [[timed(work, runs, on=on, reader=reader) for on in (False, True)] for _ in range(rounds)]
    told = {}
    for at, who in enumerate(("executor", "process")):
        told[f"{who}, us more"] = statistics.median(on[at] - off[at] for off, on in pairs)
        told[f"{who}, ratio"] = statistics.median(on[at] / off[at] for off, on in pairs)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    options = parser.parse_args()
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader]))
    tracer_provider = provider()
    of = pattern_span(
        "PAT-SHORT-001", operation_kind="measuring", pattern_version="1.0", tracer_provider=tracer_provider
    )
    every = pattern_span(
        "PAT-PHASES-001",
        operation_kind="measuring",
        pattern_version="1.0",
        tracer_provider=tracer_provider,
        phases=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        configure(root=folder, job_log=False, archive=False, seal=False)
        told = {
            name: measured(work, options.rounds, options.runs, reader)
            for name, work in (("short run", of(short)), ("all phases", every(executor)))
        }
        configure(root=folder, jsonl=False, archive=False, seal=False)
    if options.json:
        print(json.dumps(told))
        return
    for name, figures in told.items():
        print(f"{name:<12}" + ", ".join(f"{what} {figure:.2f}" for what, figure in figures.items()))


if __name__ == "__main__":
    main()
