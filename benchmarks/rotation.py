"""What rotation costs: recording with it and without, and four writers on small segments, each in one run.

    python benchmarks/rotation.py [--rounds 15] [--runs 300] [--lines 50000] [--json]

One run is that of `recording.py`: a decorated call with seven lifecycle events, log alone. At the default size hardly a
round sees a rotation, so that this is what looking for it costs; with 1 MiB each round sees some, with the thread that
closes and compresses on the same two processors.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial

from patternspan import configure, job, pattern_span
from patternspan.export.rotate import Rotation
from recording import executor, provider
from writers import lines_per_second, write_ours

SETTINGS = {
    "rotation off": {"rotate_bytes": 0},
    "default size": {},
    "1 MiB, none": {"rotate_bytes": 1 << 20},
    "1 MiB, gzip": {"rotate_bytes": 1 << 20, "compress": "gzip"},
}


def make_arms(runs: int, folder: str) -> dict[str, Callable[[], float]]:
    recorded = pattern_span("PAT-SEMGRP-001", tracer_provider=provider(), phases=True)(executor)

    def arm(name: str) -> Callable[[], float]:
        def measure() -> float:
            configure(root=f"{folder}/{name}", job_log=False, archive=False, phase_spans=False, **SETTINGS[name])
            with job("JOB-01ARZ3NDEKTSV4RRFFQ69G5FAV"):
                recorded()
                start = time.perf_counter_ns()
                for _ in range(runs):
                    recorded()
                return (time.perf_counter_ns() - start) / runs / 1000

        return measure

    return {name: arm(name) for name in SETTINGS}


WRITERS = {
    "off": None,
    "256 KiB": Rotation(max_bytes=1 << 18, root=""),
    "256 KiB, gzip": Rotation(max_bytes=1 << 18, compress="gzip", root=""),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--lines", type=int, default=50_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        arms = make_arms(options.runs, folder)
        times: dict[str, list[float]] = {name: [] for name in arms}
        for _ in range(options.rounds):
            for name, measure in arms.items():
                times[name].append(measure())
        configure(enabled=False)
    ratios = {
        f"{name} / rotation off": statistics.median(a / b for a, b in zip(values, times["rotation off"], strict=True))
        for name, values in times.items()
        if name != "rotation off"
    }
    writing: dict[str, list[float]] = {}
    for _ in range(max(1, options.rounds // 5)):
        for name, rotation in WRITERS.items():
            write = partial(write_ours, rotation=rotation)
            writing.setdefault(name, []).append(lines_per_second(write, 4, options.lines))
    if options.json:
        print(json.dumps({name: round(ratio, 3) for name, ratio in ratios.items()}))
        return
    for name, values in times.items():
        print(f"{name:14} {statistics.median(values):8.1f} us a run")
    for name, ratio in ratios.items():
        print(f"{name:28} {ratio:5.2f} x" + ("   goal 1.1 x" if name.startswith("default") else ""))
    for name, values in writing.items():
        print(f"4 writers, segments {name:14} {statistics.median(values):10,.0f} lines/s")


if __name__ == "__main__":
    main()
