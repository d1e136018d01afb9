"""What the server does in time: an event to its listeners, lists to whoever asks, and what idle streams take.

    python benchmarks/serving.py [--seconds 20] [--clients 20] [--rate 100] [--events 1000000] [--asking 3] [--idle 10]

*write to browser*: one process records events at a rate, the server is another, and so many clients hear its stream in
a third. An event's time is taken as it is recorded, and when a client has its line; both are clocks of this host.
*writer* compares the processor time of recording with the server and its clients there and without them.

*lists*: requests a second of a page over a log of so many events, as a ratio to a bare FastAPI route that returns the
same bytes, by turns, over one kept connection; once where nothing is recorded meanwhile, and once where each question
is another one, which no kept answer serves.

*idle streams*: how much the server has grown by with 200 of them.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from make_log import write_log
from patternspan.model.ids import instant

WRITER = """
import sys, time
import patternspan
root, seconds, rate = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
patternspan.configure(root=root)
@patternspan.pattern_span("PAT-SERVED-001")
def work():
    pass
begin = time.perf_counter()
total = round(seconds * rate / 2)
for number in range(total):
    pause = begin + number * 2 / rate - time.perf_counter()
    if pause > 0:
        time.sleep(pause)
    work()
print(time.process_time())
"""
BARE = """
import sys, uvicorn
from fastapi import FastAPI
from starlette.responses import Response
body = open(sys.argv[1], "rb").read()
app = FastAPI()
@app.get("/bare")
async def bare():
    return Response(body, media_type="application/json")
uvicorn.run(app, port=int(sys.argv[2]), log_level="warning", access_log=False)
"""


class Serving:
    """A server over a root."""

    def __init__(self, root: Path) -> None:
        words = [sys.executable, "-m", "patternspan", "serve", "--root", str(root), "--port", "0"]
        self.process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        found = re.search(r":(\d+)/", self.process.stderr.readline())
        assert found is not None
        self.port = int(found[1])

    def memory(self) -> float:
        """Return the megabytes that are its own."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+)", text)[1]) / 1024  # type: ignore[index]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)


def listen(port: int, into: list[float], ready: threading.Event) -> None:
    """Hear events, and keep how old each was."""
    one = socket.create_connection(("127.0.0.1", port))
    one.sendall(f"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    kept = b""
    while True:
        data = one.recv(1 << 16)
        now = time.time_ns()
        if not data:
            return
        ready.set()
        *whole, kept = (kept + data).split(b"\n\n")
        for part in whole:
            found = re.search(rb'"timestamp":"([^"]+)"', part)
            if found is not None:
                into.append((now - instant(found[1].decode())) / 1e9)


def recorded(root: Path, seconds: float, rate: float) -> float:
    """Return the processor seconds of a process that records."""
    words = [sys.executable, "-c", WRITER, str(root), str(seconds), str(rate)]
    return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def to_browser(folder: Path, given: argparse.Namespace) -> dict[str, float]:
    """Measure the way of an event."""
    alone = recorded(folder / "alone", given.seconds, given.rate)
    root = folder / "live"
    root.mkdir()
    serving = Serving(root)
    ages: list[list[float]] = [[] for _ in range(given.clients)]
    begun = [threading.Event() for _ in ages]
    for into, ready in zip(ages, begun, strict=True):
        threading.Thread(target=listen, args=(serving.port, into, ready), daemon=True).start()
    for ready in begun:
        ready.wait(10)
    heard = recorded(root, given.seconds, given.rate)
    time.sleep(2)
    serving.stop()
    everything = sorted(age for one in ages for age in one)
    wanted = round(given.seconds * given.rate / 2) * 2 * given.clients
    return {
        "median_ms": statistics.median(everything) * 1000,
        "p99_ms": everything[int(len(everything) * 0.99)] * 1000,
        "heard": len(everything) / wanted,
        "writer": heard / alone,
    }


def asked(port: int, paths: Callable[[int], str], seconds: float) -> float:
    """Return requests a second over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        connection.request("GET", paths(count))
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        count += 1
    return count / (time.perf_counter() - begin)


def lists(folder: Path, given: argparse.Namespace) -> dict[str, float]:
    """Measure lists against a bare route."""
    root = folder / "large"
    (root / "events").mkdir(parents=True)
    with (root / "events" / "pattern_events.jsonl").open("wb") as file:
        _, job = write_log(file, given.events, 1, instant("2026-01-01T00:00:00Z"))
    subprocess.run(
        [sys.executable, "-m", "patternspan", "ingest", "--root", str(root)], check=True, capture_output=True
    )
    serving = Serving(root)
    found: dict[str, float] = {}
    asked(serving.port, lambda _: "/healthz", 1)
    for name, path in {
        "runs": "/api/pattern-runs?limit=50", "jobs": "/api/jobs?limit=50", "job runs": f"/api/jobs/{job}/pattern-runs",
        "patterns": "/api/patterns",
    }.items():  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", serving.port)
        connection.request("GET", path)
        (folder / "body").write_bytes(connection.getresponse().read())
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        bare = subprocess.Popen([sys.executable, "-c", BARE, str(folder / "body"), str(port)])
        for _ in range(100):
            time.sleep(0.1)
            try:
                asked(port, lambda _: "/bare", 0.1)
                break
            except OSError:
                continue
        mark = "&" if "?" in path else "?"
        rounds = [
            (
                asked(port, lambda _: "/bare", given.asking),
                asked(serving.port, lambda _, path=path: path, given.asking),
                asked(
                    serving.port,
                    lambda at, path=path, mark=mark: f"{path}{mark}x={at}-{time.time_ns()}",
                    given.asking,
                ),
            )
            for _ in range(3)
        ]
        bare.kill()
        bare.wait()
        found[name] = statistics.median(kept / plain for plain, kept, _ in rounds)
        found[f"{name}, each anew"] = statistics.median(fresh / plain for plain, _, fresh in rounds)
    before = serving.memory()
    streams = []
    for _ in range(200):
        one = socket.create_connection(("127.0.0.1", serving.port))
        one.sendall(f"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1:{serving.port}\r\n\r\n".encode())
        one.recv(1000)
        streams.append(one)
    opened = serving.memory()
    time.sleep(given.idle)
    found["idle_mb"], found["idle_growth_mb"] = opened - before, serving.memory() - opened
    for one in streams:
        one.close()
    serving.stop()
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--asking", type=float, default=3.0, help="seconds of asking for one figure")
    parser.add_argument("--idle", type=float, default=10.0, help="seconds that streams idle")
    given = parser.parse_args()
    os.environ.pop("PATTERNSPAN_TOKEN", None)
    with tempfile.TemporaryDirectory() as name:
        live: dict[str, Any] = to_browser(Path(name), given)
        told = live | lists(Path(name), given)
    print(
        f"write to browser: median {told['median_ms']:.0f} ms, p99 {told['p99_ms']:.0f} ms, heard {told['heard']:.4f}"
    )
    print(f"writer, with the server and its clients / alone: {told['writer']:.2f}")
    for key, value in told.items():
        if key not in live and not key.startswith("idle"):
            print(f"{key} / a bare route: {value:.2f}")
    print(f"200 idle streams: {told['idle_mb']:.1f} MB, and {told['idle_growth_mb']:.1f} MB more in {given.idle:g} s")


if __name__ == "__main__":
    main()
