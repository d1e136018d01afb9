"""What the store costs: taking a log in, as a ratio to a raw sqlite3 build of the same lines, and asking it.

    python benchmarks/store.py [--events 1000000] [--rounds 3] [--pair-events 200000] [--url URL] [--folder DIR]

Both builds run in processes of their own, by turns; time is that of the processor, memory the peak that the system
counts. The raw build puts lines, run ids and job ids into a table with two indexes. *Two at once* is how long two
processes take that both ingest the same new log, as a ratio to one, by the clock. With `--url` a PostgreSQL database
takes the place of the SQLite file for one round; it has to be empty, and is emptied between. No time of the server's is
counted: look at the seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from make_log import write_log
from patternspan.aggregate.filter import Filter
from patternspan.model.ids import instant
from patternspan.store import Store

NEW_LINES = 100
END_NS = instant("2026-01-01T00:00:00Z")


class Names(msgspec.Struct):
    event_id: str
    pattern_run_id: str
    job_id: str


def raw_build(log: str, target: str) -> None:
    connection = sqlite3.connect(target)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("CREATE TABLE events (event_id TEXT, run TEXT, job TEXT, line BLOB)")
    connection.execute("CREATE INDEX by_run ON events (run)")
    connection.execute("CREATE INDEX by_job ON events (job)")
    decode = msgspec.json.Decoder(Names).decode
    with open(log, "rb") as file:
        rows = ((found.event_id, found.pattern_run_id, found.job_id, line) for line in file if (found := decode(line)))
        connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()


def ingest(log: str, target: str) -> None:
    store = Store(target)
    store.ingest(log)
    store.close()


ARMS: dict[str, Callable[[str, str], None]] = {"raw": raw_build, "ingest": ingest}


def arm(name: str, log: str, target: str) -> dict[str, float]:
    """Run one build in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--arm", name, log, target], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def run_arm(name: str, log: str, target: str) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    ARMS[name](log, target)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "peak": peak}))


def together(count: int, log: str, target: str) -> float:
    """Return the seconds that so many processes take which ingest the same log."""
    store = Store(target)
    store.rebuild(os.devnull)
    store.close()
    begin = time.perf_counter()
    words = [sys.executable, __file__, "--arm", "ingest", log, target]
    for one in [subprocess.Popen(words, stdout=subprocess.DEVNULL) for _ in range(count)]:
        assert one.wait() == 0
    return time.perf_counter() - begin


def milliseconds(question: Callable[[], object]) -> float:
    """Return the median of nine times, each with the database at hand as a second command has it."""
    times = []
    for _ in range(9):
        start = time.perf_counter()
        question()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def ask(log: str, target: str, run_id: str, job_id: str) -> None:
    store = Store(target)
    with open(log, "ab") as file:
        write_log(file, NEW_LINES, 2, END_NS + 10**12)
    start = time.perf_counter()
    new = store.ingest(log).new
    print(f"{new} new lines: {(time.perf_counter() - start) * 1000:.0f} ms")
    for name, question in {
        "a page of 50 runs": store.page,
        "a page of one job": lambda: store.page(Filter(job_ids=frozenset({job_id}))),
        "one run": lambda: store.run(run_id),
        "statistics by pattern": store.statistics,
        "statistics of runs by a text": lambda: store.statistics(Filter(text="service_007")),
    }.items():
        print(f"{name}: {milliseconds(question):.1f} ms")
    store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pair-events", type=int, default=200_000)
    parser.add_argument("--url", default="")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--arm", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.arm:
        run_arm(*options.arm)
        return
    if options.url and Store(options.url).last_seq():
        parser.error("--url: that database holds events, and this would empty it: name one that holds nothing")
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    log = str(folder / "pattern_events.jsonl")
    try:
        with open(log, "wb") as file:
            run_id, job_id = write_log(file, options.events, 1, END_NS)
        small = str(folder / "small.jsonl")
        with open(small, "wb") as file:
            write_log(file, options.pair_events, 3, END_NS)
        pairs = []
        for number in range(options.rounds):
            target = options.url or str(folder / f"pair{number}.db")
            alone = together(1, small, target)
            pairs.append(together(2, small, target) / alone)
        print(f"two at once / one: {statistics.median(pairs):.2f} x   goal 1.0 x")
        if options.url:
            together(0, small, options.url)
        found: dict[str, list[dict[str, float]]] = {name: [] for name in ARMS}
        for number in range(1 if options.url else options.rounds):
            for name in ARMS:
                target = options.url if options.url and name == "ingest" else str(folder / f"{name}{number}.db")
                found[name].append(arm(name, log, target))
        ratios = [mine["cpu"] / raw["cpu"] for mine, raw in zip(found["ingest"], found["raw"], strict=True)]
        for name, rounds in found.items():
            best = min(rounds, key=lambda one: one["cpu"])
            print(
                f"{name}: {best['cpu'] / options.events * 1e6:.1f} us of CPU an event, {best['seconds']:.1f} s, "
                f"peak {best['peak']:.0f} MB"
            )
        print(f"first ingest / raw build: {statistics.median(ratios):.2f} x   goal 2.0 x")
        ask(log, target, run_id, job_id)
        if not options.url:
            print(f"database / log: {os.path.getsize(target) / os.path.getsize(log):.2f} x")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
