"""Events as they come: each once, in order, over reconnects and restarts, and whoever else is slow."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.sync.client import connect

from logs import RunMaker
from patternspan import read_events
from served import Server, append, some_runs

WRITER = """
import sys, time
import patternspan
patternspan.configure(root=sys.argv[1])
@patternspan.pattern_span("PAT-LIVE-001")
def live(n):
    return {"n": n}
with patternspan.job(sys.argv[2]):
    for n in range(int(sys.argv[3])):
        live(n)
        time.sleep(float(sys.argv[4]))
"""


def write(place: Path, job: str, runs: int, pause: float = 0.0) -> subprocess.Popen[bytes]:
    """Record runs in a process of their own."""
    return subprocess.Popen([sys.executable, "-c", WRITER, str(place), job, str(runs), str(pause)])


def events(server: Server, **options: Any) -> Iterator[dict[str, str]]:
    """Yield the events of a stream as they come, as fields; other lines are left out."""
    with httpx2.stream("GET", f"{server.url}/api/stream", timeout=20, **options) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        for line in answer.iter_lines():
            if line.startswith(":"):
                yield {"comment": line[1:].strip()}
            elif line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                yield fields
                fields = {}


def hello(stream: Iterator[dict[str, str]]) -> None:
    """Wait until the stream has begun."""
    assert next(stream) == {"comment": "hello"}


def take(stream: Iterator[dict[str, str]], count: int) -> list[str]:
    """Return the ids of so many events, each of which is its line."""
    ids = []
    for fields in stream:
        if "data" in fields:
            assert fields["event"] == "pattern_event"
            assert json.loads(fields["data"])["event_id"] == fields["id"]
            ids.append(fields["id"])
            if len(ids) == count:
                break
    return ids


def logged(place: Path, job: str | None = None) -> list[str]:
    return [event.event_id for event in read_events(place) if job in {None, event.job_id}]


def test_what_another_process_writes_comes_once_and_in_order(serve: Callable[..., Server], place: Path) -> None:
    """The same lines as in the log."""
    append(place, *some_runs(2))
    server = serve()
    stream = events(server)
    hello(stream)
    writer = write(place, "JOB-1", 50)
    found = take(stream, 100)
    writer.wait()
    assert found == logged(place)[-100:]


def test_a_stream_of_a_job_has_its_events_alone(serve: Callable[..., Server], place: Path) -> None:
    """Whatever else goes on."""
    server = serve()
    stream = events(server, params={"job_id": "JOB-1"})
    hello(stream)
    writers = [write(place, f"JOB-{number}", 30) for number in (1, 2)]
    found = take(stream, 60)
    for writer in writers:
        writer.wait()
    assert found == logged(place, "JOB-1")


def test_nothing_is_missed_or_doubled_over_reconnects_and_restarts(serve: Callable[..., Server], place: Path) -> None:
    """Who comes again says what it had last, whether the server is the same or a new one."""
    append(place, *some_runs(1))
    before = logged(place)
    server = serve()
    writer = write(place, "JOB-1", 200, 0.01)
    found: list[str] = []
    last = before[-1]
    for number in range(6):
        stream = events(server, headers={"Last-Event-ID": last})
        hello(stream)
        found += take(stream, 40)
        stream.close()
        last = found[-1]
        if number in {1, 3}:
            server.stop()
            server = serve(port=server.port)
    writer.wait()
    stream = events(server, headers={"Last-Event-ID": last})
    hello(stream)
    found += take(stream, 400 - len(found))
    assert found == logged(place)[len(before) :]


def test_a_page_and_the_stream_behind_it_fit_together(serve: Callable[..., Server], place: Path) -> None:
    """By the id that the page names."""
    append(place, *some_runs(3))
    server = serve()
    page = httpx2.get(f"{server.url}/api/pattern-runs").json()
    more = some_runs(2, first=4)
    append(place, *more)
    stream = events(server, params={"after": page["last_event_id"]})
    hello(stream)
    assert take(stream, len(more[0]) + len(more[1])) == [event.event_id for run in more for event in run]


def test_an_event_that_is_not_there_any_more_is_told(serve: Callable[..., Server], place: Path) -> None:
    """Whoever hears it asks for all again; events that come then are sent."""
    server = serve()
    stream = events(server, headers={"Last-Event-ID": "EVT-NONE"})
    assert next(stream) == {"event": "reset", "data": "{}"}
    (run,) = some_runs(1)
    append(place, run)
    assert take(stream, len(run)) == [event.event_id for event in run]


def test_who_does_not_read_holds_nobody_up(serve: Callable[..., Server], place: Path) -> None:
    """A client that has stopped, and one that is gone: others get everything, and memory stays."""
    server = serve()
    dead = []
    for _ in range(20):
        one = socket.create_connection(("127.0.0.1", server.port))
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.sendall(f"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
        one.recv(100)
        dead.append(one)
    stream = events(server)
    hello(stream)
    maker = RunMaker(1)
    maker.add("execution.started", executor="python", command="x" * 100_000)

    def memory() -> int:
        for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1])
        return 0

    runs = [RunMaker(number) for number in range(1, 301)]
    for one_run in runs:
        one_run.add("execution.started", executor="python", command="x" * 100_000)
    append(place, *(one_run.events for one_run in runs[:20]))
    assert len(take(stream, 20)) == 20
    before = memory()
    append(place, *(one_run.events for one_run in runs[20:]))
    assert take(stream, 280) == [one_run.events[0].event_id for one_run in runs[20:]]
    # 28 MB of events; were they queued for each of the twenty, it were half a gigabyte.
    assert memory() - before < 200_000
    for one in dead:
        one.close()


def test_a_websocket_gets_the_same(serve: Callable[..., Server], place: Path) -> None:
    """Of the job that it asks for, behind the event that it names."""
    append(place, *some_runs(2))
    server = serve()
    ids = logged(place)
    job = next(iter(read_events(place))).job_id
    with connect(f"ws://127.0.0.1:{server.port}/ws") as websocket:
        websocket.send(json.dumps({"subscribe": {"job_id": job, "after": ids[2]}}))
        assert json.loads(websocket.recv(10)) == {"subscribed": {"job_id": job}, "reset": False}
        more = some_runs(1, first=9)
        append(place, *more)
        expected = ids[3:] + [event.event_id for event in more[0]]
        found = [json.loads(websocket.recv(10))["pattern_event"]["event_id"] for _ in expected]
    assert found == expected


@pytest.mark.parametrize("message", ["", "5", "{}", '{"subscribe": 5}', '{"subscribe": {"job_id": 5}}', "[" * 5000])
def test_a_wrong_message_is_said(serve: Callable[..., Server], message: str) -> None:
    """And the connection ends."""
    server = serve()
    with connect(f"ws://127.0.0.1:{server.port}/ws") as websocket:
        websocket.send(message)
        assert json.loads(websocket.recv(10))["error"].startswith('a message {"subscribe"')


def test_a_server_that_ends_ends_its_streams(serve: Callable[..., Server]) -> None:
    """Within its grace, however many there are."""
    server = serve()
    streams = [events(server) for _ in range(5)]
    for stream in streams:
        hello(stream)
    over = threading.Event()

    def wait() -> None:
        for stream in streams:
            for _ in stream:
                pass
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    begin = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - begin < 8
    assert over.wait(5)
