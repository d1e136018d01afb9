"""What durability costs: a synced line against a bare write and fdatasync, and four threads that share their syncs.

    python benchmarks/durability.py [--lines 200] [--rounds 9] [--json]

The temporary folder has to be on a disk: TMPDIR names it. Each round times every arm once, in turn; the figure is the
median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable

from patternspan.export.line_log import LineLog
from patternspan.export.log_options import LogOptions

LINE = b'{"text":"' + b"x" * 458 + b'"}\n'
THREADS = 4


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def bare(path: str, lines: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for _ in range(lines):
        os.write(fd, LINE)
        os.fdatasync(fd)
    os.close(fd)


def in_threads(work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def append(log: LineLog, lines: int) -> None:
    for _ in range(lines):
        log.append(LINE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    each = options.lines // THREADS
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "bare")
        logs = {
            name: LineLog(os.path.join(folder, name), options=LogOptions(durability=name))  # type: ignore[arg-type]
            for name in ("os", "interval", "event")
        }
        arms: dict[str, Callable[[], None]] = {
            "bare write and fdatasync": lambda: bare(path, options.lines),
            "durability event": lambda: append(logs["event"], options.lines),
            "4 threads, a sync each": lambda: in_threads(lambda: bare(path, each)),
            "4 threads, durability event": lambda: in_threads(lambda: append(logs["event"], each)),
            "durability os": lambda: append(logs["os"], options.lines),
            "durability interval": lambda: append(logs["interval"], options.lines),
        }
        times: dict[str, list[float]] = {name: [] for name in arms}
        for _ in range(options.rounds):
            for name, work in arms.items():
                times[name].append(seconds(work))
        for log in logs.values():
            log.close()

    def ratio(ours: str, theirs: str) -> float:
        return statistics.median(a / b for a, b in zip(times[ours], times[theirs], strict=True))

    figures = {
        "event / bare, time": (ratio("durability event", "bare write and fdatasync"), "at most 1.2"),
        "4 threads: event / a sync each, lines per second": (
            ratio("4 threads, a sync each", "4 threads, durability event"),
            "at least 1.5",
        ),
        "interval / os, time": (ratio("durability interval", "durability os"), ""),
    }
    if options.json:
        print(json.dumps({name: round(value, 3) for name, (value, _) in figures.items()}))
        return
    for name, values in times.items():
        print(f"{name:32} {statistics.median(values) / options.lines * 1e6:9.1f} us a line")
    for name, (value, goal) in figures.items():
        print(f"{name:52} {value:5.2f} x   {'goal ' + goal if goal else ''}")


if __name__ == "__main__":
    main()
