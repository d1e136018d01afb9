"""What reading a large log costs, as ratios to grep, in one run: whole commands, the interpreter's start included.

python benchmarks/reading.py [--events 1000000] [--rounds 9] [--folder DIR]
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from make_log import STEP_NS, write_log
from patternspan import layout
from patternspan.export.close import finish
from patternspan.log.follow import end_of, follow_lines
from patternspan.model.ids import timestamp

PARTS = 8
COMMAND = [sys.executable, "-m", "patternspan"]
# Without compiled files every start would compile anew.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def seconds_of(argv: list[str]) -> float:
    """Time one command that writes to a pipe: grep stops early where nobody can see its output."""
    start = time.perf_counter()
    done = subprocess.run(argv, capture_output=True, env=ENVIRONMENT, check=False)
    if done.returncode:
        raise SystemExit(f"{argv}: exit code {done.returncode}: {done.stderr.decode()}")
    return time.perf_counter() - start


def peak_private_bytes(argv: list[str]) -> int:
    """Return the most private memory that a command held, looked at every few milliseconds."""
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        try:
            text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        except OSError:
            break
        private = sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_"))
        peak = max(peak, private * 1024)
        time.sleep(0.003)
    process.wait()
    return peak


def wake_seconds(size: int) -> float:
    """Return what one wake of `--follow` costs in a log of so many bytes, most of them a hole in the file."""
    line = b'{"event_id":"E"}\n'
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "log.jsonl")
        with open(path, "wb") as file:
            file.truncate(size)
            file.seek(size)
            file.write(b"\n")
        costs: list[float] = []

        def waits() -> Iterator[None]:
            while True:
                yield

        start = [0.0]
        rounds = [0]

        def sleep(_seconds: float) -> None:
            now = time.perf_counter()
            if rounds[0]:
                costs.append(now - start[0])
            rounds[0] += 1
            with open(path, "ab") as file:
                file.write(line)
            start[0] = time.perf_counter()

        for _ in follow_lines(path, start=end_of(path), stop=lambda: rounds[0] > 2000, sleep=sleep):
            pass
        return statistics.median(costs)


def cut(log: Path, parts: int) -> list[str]:
    """Cut a log into segments of equal size and a live file; return the paths, the oldest first."""
    data = log.read_bytes()
    begin = 0
    for number in range(1, parts):
        end = data.index(b"\n", len(data) * number // parts) + 1
        Path(layout.segment(str(log), number)).write_bytes(data[begin:end])
        begin = end
    log.write_bytes(data[begin:])
    finish(str(log), "none", lambda _segment: True)
    return [layout.segment(str(log), number) for number in range(1, parts)] + [str(log)]


def measure(commands: dict[str, list[str]], rounds: int) -> dict[str, list[float]]:
    """Time each command once a round."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, argv in commands.items():
            times[name].append(seconds_of(argv))
    return times


def show(times: dict[str, list[float]], pairs: tuple[tuple[str, str], ...]) -> None:
    for name, values in times.items():
        print(f"{name:22} {statistics.median(values) * 1000:7.0f} ms")
    for ours, theirs in pairs:
        ratio = statistics.median(a / b for a, b in zip(times[ours], times[theirs], strict=True))
        print(f"{ours} / {theirs}: {ratio:.2f} x   goal 2 x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        log = Path(folder, "events", "pattern_events.jsonl")
        log.parent.mkdir()
        end_ns = time.time_ns()
        with log.open("wb") as file:
            run_id, job_id = write_log(file, options.events, 1, end_ns)
        since = timestamp(end_ns - 600 * 1_000_000_000)
        events_dir = str(log.parent)
        commands = {
            "grep run": ["grep", "-c", "-F", run_id, str(log)],
            "events run": [*COMMAND, "--events-dir", events_dir, "events", "--pattern-run-id", run_id],
            "grep job": ["grep", "-c", "-F", job_id, str(log)],
            "events job": [*COMMAND, "--events-dir", events_dir, "events", "--job-id", job_id],
            "since": [*COMMAND, "--events-dir", events_dir, "events", "--since", since, "--limit", "50", "--json"],
        }
        times = measure(commands, options.rounds)
        size = log.stat().st_size / 1e6
        print(f"{options.events:,} events, {size:.0f} MB, one event in {STEP_NS // 1_000_000} ms")
        show(times, (("events run", "grep run"), ("events job", "grep job")))
        print(f"since ten minutes before the end: {statistics.median(times['since']) * 1000:.0f} ms   goal 150 ms")
        print(f"private memory of `events run`: {peak_private_bytes(commands['events run']) / 1e6:.0f} MB   goal 64 MB")

        paths = cut(log, PARTS)
        commands["grep run"] = ["grep", "-c", "-F", run_id, *paths]
        commands["grep job"] = ["grep", "-c", "-F", job_id, *paths]
        times = measure(commands, options.rounds)
        print(f"the same in {PARTS} segments")
        show(times, (("events run", "grep run"), ("events job", "grep job")))
        print(f"since ten minutes before the end: {statistics.median(times['since']) * 1000:.0f} ms   goal 150 ms")

        finish(str(log), "gzip", lambda _segment: True)
        packed = " ".join(path + ".gz" for path in paths[:-1])
        commands["grep run"] = ["sh", "-c", f"(gzip -dc {packed}; cat {log}) | grep -c -F {run_id}"]
        commands["grep job"] = ["sh", "-c", f"(gzip -dc {packed}; cat {log}) | grep -c -F {job_id}"]
        times = measure(commands, max(1, options.rounds // 3))
        print("the same, the older ones compressed by gzip")
        show(times, (("events run", "grep run"), ("events job", "grep job")))
        print(f"since ten minutes before the end: {statistics.median(times['since']) * 1000:.0f} ms   goal 150 ms")
    small, large = wake_seconds(1_000_000), wake_seconds(10_000_000_000)
    print(f"a wake of --follow: {small * 1e6:.1f} us at 1 MB, {large * 1e6:.1f} us at 10 GB: {large / small:.2f} x")
    print(f"peak memory of this script: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000:.0f} MB")


if __name__ == "__main__":
    main()
