"""What a dead log folder and a dead collector together cost a program that does real work.

    python benchmarks/dead.py [--rounds 9] [--runs 50] [--work 20] [--json]

Each round times three programs in processes of their own, in turn: one without telemetry, one that records where all
is well, and one whose root is no folder and whose collector refuses connections. An executor does a fixed amount of
work, of about `--work` milliseconds. The figures are the medians of the rounds' ratios to the program without
telemetry; a process measures itself, from its first executor to the end of its last: the time that went by, and the
processor time of all its threads, which a busy machine disturbs less.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = """
import sys, time

arm, runs, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

def work(number):
    for step in range(steps):
        number = (number * 31 + step) % 1_000_003
    return number

def told(number):
    run = current_run()
    run.select(candidates=["PAT-A", "PAT-B"])
    with run.validating() as checks:
        checks.check("tool", True)
    return work(number)

if arm == "bare":
    executor = work
else:
    from patternspan import configure, current_run, pattern_span
    configure(root=sys.argv[4])
    executor = pattern_span("PAT-DEAD-001")(told)
executor(0)
began = time.perf_counter(), time.process_time()
for number in range(runs):
    executor(number)
print(time.perf_counter() - began[0], time.process_time() - began[1], flush=True)
import os
os._exit(0)  # what is sent to the collector at an exit is bounded, and not part of this
"""
FIGURES = ("time", "processor")


def seconds(arm: str, runs: int, steps: int, root: str, endpoint: str) -> list[float]:
    """Time one program: the time that went by, and its processor time."""
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint} if arm == "dead" else {}
    words = [sys.executable, "-c", PROGRAM, arm, str(runs), str(steps), root]
    done = subprocess.run(words, env={**os.environ, **variables}, capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


def measure(rounds: int, runs: int, work: int) -> dict[str, list[float]]:
    """Return the ratios of each round, by arm and figure."""
    steps = int(work / 1000 * 100_000 / min(seconds("bare", 1, 100_000, "", "")[1] for _ in range(3)))
    ratios: dict[str, list[float]] = {f"{arm}, {figure}": [] for arm in ("well", "dead") for figure in FIGURES}
    with tempfile.TemporaryDirectory() as folder, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        (Path(folder) / "file").write_bytes(b"")
        roots = {"well": f"{folder}/state", "dead": f"{folder}/file"}
        for _ in range(rounds):
            bare = seconds("bare", runs, steps, "", endpoint)
            for arm, root in roots.items():
                took = seconds(arm, runs, steps, root, endpoint)
                for figure, one, other in zip(FIGURES, took, bare, strict=True):
                    ratios[f"{arm}, {figure}"].append(one / other)
    return ratios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--work", type=int, default=20, help="milliseconds of work in an executor")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    ratios = measure(args.rounds, args.runs, args.work)
    if args.json:
        print(json.dumps({arm: statistics.median(found) for arm, found in ratios.items()}))
        return
    for arm, found in ratios.items():
        print(f"{arm:16}  {statistics.median(found):.3f}  (from {min(found):.3f} to {max(found):.3f})")


if __name__ == "__main__":
    main()
