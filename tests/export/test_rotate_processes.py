"""Rotation among processes that write, read, are stopped and are killed: every acknowledged event is there, once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from patternspan import layout
from patternspan.log.follow import follow
from patternspan.log.locate import with_rotated
from patternspan.log.reader import Item, LogLine
from patternspan.log.search import Query, find_in

KILLS = int(os.environ.get("PATTERNSPAN_TEST_KILLS", "6"))

WRITER = """
import os, sys
from patternspan import PatternEvent
from patternspan.export.rotate import Rotation
from patternspan.export.line_log import LineLog
from patternspan.export.log_options import LogOptions
from patternspan.model.wire import encode
root, me, count, size, compress = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
log = LineLog(
    root + "/events/pattern_events.jsonl",
    options=LogOptions(rotation=Rotation(max_bytes=size, compress=compress, root=root)),
)
number = 0
while number < count:
    line = encode(PatternEvent.create("t", "JOB-1", f"PRUN-{number}", f"PAT-{me}", "success", {}))
    log.append(line + b"\\n")
    os.write(1, b"%d\\n" % number)
    number += 1
"""

Found = dict[str, list[int]]


def writer(root: Path, me: str, count: int, size: int, compress: str = "none") -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-c", textwrap.dedent(WRITER), str(root), me, str(count), str(size), compress]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE)


def by_writer(items: list[Item]) -> Found:
    """Return the numbers that each writer wrote, in the order in which they are read."""
    found: Found = {}
    for item in items:
        assert isinstance(item, LogLine), item
        found.setdefault(item.event.pattern_id[4:], []).append(int(item.event.pattern_run_id[5:]))
    return found


def in_log(root: Path) -> Found:
    return by_writer(list(find_in(with_rotated(layout.global_log(str(root))), Query())))


def wait_for(condition: Callable[[], Any], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def segments(root: Path, ending: str = "") -> list[str]:
    return [path.name for path in sorted((root / "events").glob(f"pattern_events.0*.jsonl{ending}"))]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "events").mkdir()
    return tmp_path


@pytest.mark.parametrize("compress", ["none", "gzip"])
def test_four_writers_with_tiny_segments_and_two_readers_lose_and_double_nothing(root: Path, compress: str) -> None:
    """Each writer's order is kept too, for who follows and for who reads at any moment."""
    log = layout.global_log(str(root))
    done = threading.Event()
    followed: list[Item] = []

    def work() -> None:
        followed.extend(follow(log, None, stop=done.is_set, sleep=time.sleep, interval=0.01))

    reader = threading.Thread(target=work)
    reader.start()
    writers = {me: writer(root, me, 4000, 20_000, compress) for me in "abcd"}
    for process in writers.values():
        threading.Thread(target=process.communicate).start()
    try:
        while any(process.poll() is None for process in writers.values()):
            for me, numbers in in_log(root).items():
                assert numbers == list(range(len(numbers))), me
    finally:
        expected = {me: list(range(4000)) for me in writers}
        end = time.monotonic() + 20
        while len(followed) < 16_000 and time.monotonic() < end:
            time.sleep(0.05)
        done.set()
        reader.join()
    assert {me: process.returncode for me, process in writers.items()} == dict.fromkeys(writers, 0)
    assert in_log(root) == expected
    assert by_writer(followed) == expected
    assert len(segments(root, "*")) > 20


def test_a_line_of_a_writer_that_slept_through_closing_is_found_once(root: Path) -> None:
    """Stopped in the middle of its loop, while another rotates and the segment is closed and compressed."""
    sleeper = writer(root, "sleeper", 10**9, 10**9)
    assert sleeper.stdout is not None
    sleeper.stdout.readline()
    sleeper.send_signal(signal.SIGSTOP)
    cut = patternspan(root, "log", "rotate", "--json", PATTERNSPAN_COMPRESS="gzip")
    assert len(cut["closed"]) == 1
    assert segments(root, ".gz") == ["pattern_events.00000001.jsonl.gz"]
    assert segments(root) == []
    sleeper.send_signal(signal.SIGCONT)
    log = Path(layout.global_log(str(root)))
    wait_for(lambda: log.exists() and log.stat().st_size > 10_000)
    sleeper.send_signal(signal.SIGSTOP)
    acknowledged = read_now(sleeper)
    found = in_log(root)["sleeper"]
    sleeper.kill()
    sleeper.wait()
    assert found == list(range(len(found)))
    assert len(found) >= len(acknowledged)


SLEEPER = """
import os, signal, sys
import patternspan.export.line_log as line_log
from patternspan import PatternEvent
from patternspan.model.wire import encode
root, moment = sys.argv[1], sys.argv[2]
log = line_log.LineLog(root + "/events/pattern_events.jsonl")
def append(number):
    log.append(encode(PatternEvent.create("t", "JOB-1", f"PRUN-{number}", "PAT-a", "success", {})) + b"\\n")
append(0)
write = line_log.write
def stopping(fd, data):
    if moment == "before":
        os.kill(os.getpid(), signal.SIGSTOP)
    count = write(fd, data)
    if moment == "after":
        os.kill(os.getpid(), signal.SIGSTOP)
    line_log.write = write
    return count
line_log.write = stopping
append(1)
append(2)
print("done", flush=True)
"""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("compress", ["none", "gzip"])
def test_a_writer_stopped_right_at_its_write_loses_no_line(root: Path, moment: str, compress: str) -> None:
    """Its file is renamed, closed and compressed before, or after, the bytes are written."""
    process = subprocess.Popen([sys.executable, "-c", SLEEPER, str(root), moment], stdout=subprocess.PIPE)
    wait_for(lambda: Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
    patternspan(root, "log", "rotate", "--json", PATTERNSPAN_COMPRESS=compress)
    process.send_signal(signal.SIGCONT)
    out, _ = process.communicate(timeout=30)
    assert out == b"done\n"
    assert in_log(root) == {"a": [0, 1, 2]}


KILLED_AT_EACH_CALL = """
import os, shutil, signal, sys
from patternspan.export.close import finish
from patternspan.export.segments import rename
from patternspan.layout import global_log
from patternspan.log.locate import with_rotated
from patternspan.log.reader import LogLine
from patternspan.log.search import Query, find_in

def read(root):
    items = list(find_in(with_rotated(global_log(root)), Query()))
    assert all(isinstance(item, LogLine) for item in items), items
    return [item.event.event_id for item in items]

def work(root):
    rename(global_log(root), lambda status: True)
    finish(global_log(root), "gzip", lambda segment: True)

def die_at(number):
    left = [number]
    def dying(call):
        def called(*arguments, **more):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **more)
        return called
    for name in ("open", "close", "rename", "unlink", "fsync", "write", "pread", "pwrite", "utime", "fchmod"):
        setattr(os, name, dying(getattr(os, name)))

source, copy = sys.argv[1], sys.argv[1] + "/copy"
whole, killed, number = read(source), True, 0
while killed:
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(source + "/events", copy + "/events")
    child = os.fork()
    if child == 0:
        die_at(number)
        work(copy)
        os._exit(0)
    killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert read(copy) == whole, number
    work(copy)
    assert read(copy) == whole, number
    names = sorted(name for name in os.listdir(copy + "/events") if "0000" in name)
    assert names == ["pattern_events.00000001.jsonl.gz"], (number, names)
    number += 1
print(number)
"""


def test_closing_and_compressing_may_be_killed_before_each_call_of_the_system(root: Path) -> None:
    """Nothing is lost or doubled at that moment, and the next one finishes it."""
    write_all(root, 50, 10**9)
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT_EACH_CALL, str(root)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 30


def test_closing_and_compressing_may_be_killed_at_any_time(root: Path) -> None:
    """The next one goes on, and every event is there once at any moment in between."""
    write_all(root, 3000, 4_000_000)
    whole = in_log(root)
    rng = random.Random(7)
    script = """
import sys
from patternspan.export.close import finish
from patternspan.export.segments import rename
from patternspan.layout import global_log
log = global_log(sys.argv[1])
print("go", flush=True)
rename(log, lambda status: True)
finish(log, "gzip", lambda segment: True)
"""
    for _ in range(KILLS):
        process = subprocess.Popen([sys.executable, "-c", script, str(root)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.random() * 0.03)
        process.kill()
        process.communicate()
        assert in_log(root) == whole
    assert subprocess.run([sys.executable, "-c", script, str(root)], stdout=subprocess.DEVNULL).returncode == 0
    assert (segments(root), segments(root, ".gz.tmp")) == ([], [])
    assert in_log(root) == whole


def test_writers_that_rotate_may_be_killed_at_any_time(root: Path) -> None:
    """What they had acknowledged is there, and the others go on rotating."""
    rng = random.Random(3)
    acknowledged: Found = {}
    for kill in range(KILLS):
        process = writer(root, str(kill), 10**9, 2000, "gzip")
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.05 + rng.random() * 0.1)
        process.kill()
        rest = process.stdout.read().split(b"\n")[:-1]
        process.wait()
        acknowledged[str(kill)] = [0, *map(int, rest)]
    found = in_log_with_torn_lines(root)
    # The last one may have been written and not acknowledged.
    assert {me: numbers[: len(acknowledged[me])] for me, numbers in found.items()} == acknowledged
    assert all(len(numbers) - len(acknowledged[me]) <= 1 for me, numbers in found.items())


def in_log_with_torn_lines(root: Path) -> Found:
    items = find_in(with_rotated(layout.global_log(str(root))), Query())
    return by_writer([item for item in items if isinstance(item, LogLine)])


def test_the_background_closes_what_it_rotated_and_what_others_left(root: Path) -> None:
    """And leaves the process its end: the thread is nobody's to wait for."""
    write_all(root, 200, 5000)
    left = segments(root)
    assert left
    process = writer(root, "long", 10**9, 10_000, "gzip")
    assert process.stdout is not None
    drain = threading.Thread(target=process.stdout.read)
    drain.start()
    wait_for(lambda: set(segments(root, ".gz")) >= {name + ".gz" for name in left})
    process.kill()
    process.wait()
    drain.join()
    entries = [json.loads(one)["segment"] for one in (root / "events/pattern_events.index.jsonl").open("rb")]
    assert set(entries) >= set(left)


def test_a_process_that_has_rotated_ends_at_once(root: Path) -> None:
    """The time of grace is not waited for."""
    begin = time.monotonic()
    write_all(root, 200, 5000)
    assert segments(root)
    assert time.monotonic() - begin < 2.9  # less than the time of grace alone


def test_a_forked_child_rotates_and_closes_by_itself(root: Path) -> None:
    """It has no thread of its parent's, and holds none of its locks."""
    script = """
import os, sys, time
from patternspan import PatternEvent
from patternspan.export.rotate import Rotation
from patternspan.export.line_log import LineLog
from patternspan.export.log_options import LogOptions
from patternspan.model.wire import encode
root = sys.argv[1]
log = LineLog(
    root + "/events/pattern_events.jsonl",
    options=LogOptions(rotation=Rotation(max_bytes=2000, compress="gzip", root=root)),
)
def work(me):
    for number in range(40):
        log.append(encode(PatternEvent.create("t", "JOB-1", f"PRUN-{number}", f"PAT-{me}", "success", {})) + b"\\n")
work("parent")
child = os.fork()
if child == 0:
    work("child")
    end = time.monotonic() + 20
    while any(name.endswith("1.jsonl") for name in os.listdir(root + "/events") if name.startswith("pattern_events.0")):
        if time.monotonic() > end:
            os._exit(1)
        time.sleep(0.05)
    os._exit(0)
os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run([sys.executable, "-c", script, str(root)], timeout=60)
    assert done.returncode == 0
    assert in_log(root) == {"parent": list(range(40)), "child": list(range(40))}


def write_all(root: Path, count: int, size: int) -> None:
    process = writer(root, "all", count, size)
    process.communicate(timeout=60)
    assert process.returncode == 0


def read_now(process: subprocess.Popen[bytes]) -> list[int]:
    """Return the numbers that stand in the pipe of a stopped process."""
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    data = b"".join(iter(lambda: _read(process), b""))
    return [int(one) for one in data.split(b"\n")[:-1]]


def _read(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    try:
        return os.read(process.stdout.fileno(), 1 << 16)
    except BlockingIOError:
        return b""


def patternspan(root: Path, *arguments: str, **variables: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "patternspan", "--root", str(root), *arguments],
        capture_output=True,
        env={**os.environ, **variables},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(autouse=True)
def _no_children_left() -> Iterator[None]:
    yield
    while True:
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        time.sleep(0.01)
