"""Several processes on one log: our lines per second against raw O_APPEND writers, and whether every line is whole.

python benchmarks/writers.py [--processes 4] [--lines 100000] [--rounds 7]
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable

from patternspan.export.line_log import LineLog
from patternspan.export.log_options import LogOptions
from patternspan.export.rotate import Rotation
from patternspan.log.locate import with_rotated


def line_of(writer: int, number: int, padding: str) -> bytes:
    return b'{"writer":%d,"number":%d,"text":"%s"}\n' % (writer, number, padding.encode())


def write_raw(path: str, writer: int, lines: int, start: multiprocessing.synchronize.Barrier) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    work = [line_of(writer, number, "x" * 430) for number in range(lines)]
    start.wait()
    for line in work:
        os.write(fd, line)


def write_ours(
    path: str,
    writer: int,
    lines: int,
    start: multiprocessing.synchronize.Barrier,
    rotation: Rotation | None = None,
) -> None:
    log = LineLog(path, options=LogOptions(rotation=rotation))
    work = [line_of(writer, number, "x" * 430) for number in range(lines)]
    start.wait()
    for line in work:
        log.append(line)


def lines_per_second(write: Callable[..., None], processes: int, lines: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "log.jsonl")
        barrier = multiprocessing.Barrier(processes + 1)
        workers = [
            multiprocessing.Process(target=write, args=(path, writer, lines, barrier)) for writer in range(processes)
        ]
        for worker in workers:
            worker.start()
        barrier.wait()
        start = time.perf_counter()
        for worker in workers:
            worker.join()
        seconds = time.perf_counter() - start
        check(path, processes, lines)
    return processes * lines / seconds


def check(path: str, processes: int, lines: int) -> None:
    """Stop unless each writer's lines stand in the log whole, once and in order."""
    seen = [0] * processes
    for part in with_rotated(path):
        if not os.path.exists(part):
            continue
        with gzip.open(part) if part.endswith(".gz") else open(part, "rb") as file:
            for line in filter(bytes.strip, file):
                members = json.loads(line)
                if members["number"] != seen[members["writer"]]:
                    raise SystemExit(f"a line is missing or doubled: {line[:80]!r}")
                seen[members["writer"]] += 1
    if seen != [lines] * processes:
        raise SystemExit(f"lines are missing: {seen}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    raw, ours = [], []
    for _ in range(options.rounds):
        raw.append(lines_per_second(write_raw, options.processes, options.lines))
        ours.append(lines_per_second(write_ours, options.processes, options.lines))
    ratio = statistics.median(b / a for a, b in zip(raw, ours, strict=True))
    print(f"raw  {statistics.median(raw):10,.0f} lines/s")
    print(f"ours {statistics.median(ours):10,.0f} lines/s")
    print(f"ours / raw: {ratio:.2f} x   goal 0.8 x; every line whole, once, in each writer's order")


if __name__ == "__main__":
    main()
