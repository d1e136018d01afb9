"""Acknowledged is written: whatever ends a process, at whatever step of a recording call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from harness import HERE, Child, problems
from readback import read
from steps import FULL


def killed_after_acknowledging(root: Path, kind: str) -> list[str]:
    with Child(root, kind) as child:
        child.write(20)
        child.kill()
    return problems(root, child.acked)


def test_what_was_acknowledged_survives_kill_9(root_folder: Path) -> None:
    """Each recording call has written its line when it returns."""
    assert killed_after_acknowledging(root_folder, "ours") == []


@pytest.mark.parametrize("naive", ["plain", "buffered", "early"])
def test_a_writer_that_acknowledges_what_is_in_a_buffer_is_found_out(root_folder: Path, naive: str) -> None:
    """A file object, a MemoryHandler and a thread that writes later all lose what they acknowledged."""
    assert killed_after_acknowledging(root_folder, naive) == ["lost 20 of 20"]


ENDINGS = {
    "abort": "os.abort()",
    "os._exit": "os._exit(3)",
    "exception": "raise RuntimeError('nobody handles it')",
    "exit": "sys.exit(0)",
    "SIGTERM": "os.kill(os.getpid(), 15)",
    "SIGINT": "os.kill(os.getpid(), 2)",
    "SIGHUP": "os.kill(os.getpid(), 1)",
    "SIGSEGV": "os.kill(os.getpid(), 11)",
}
WITH_THREADS = """
import sys, threading
for number in range(3):
    threading.Thread(target=write_on, args=(writer.another(str(number)),), daemon=True).start()
write(20)
{ending}
"""


def ended(root: Path, kind: str, ending: str, *, threads: bool) -> list[str]:
    """End a writer in one of these ways, with other threads in the middle of their events or without."""
    with Child(root, kind) as child:
        if threads:
            child.tell(WITH_THREADS.format(ending=ENDINGS[ending]))
        else:
            child.tell(f"import sys\nwrite(20)\n{ENDINGS[ending]}")
        child.wait()
    assert len(child.acked) >= 20
    return problems(root, child.acked)


@pytest.mark.parametrize("threads", [False, True], ids=["alone", "threads"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_what_was_acknowledged_survives_any_end(root_folder: Path, ending: str, threads: bool) -> None:
    """Also with daemon threads that are in the middle of their own events."""
    assert ended(root_folder, "ours", ending, threads=threads) == []


@pytest.mark.parametrize("ending", ["abort", "os._exit", "SIGTERM"])
def test_an_end_that_flushes_no_file_finds_out_who_needs_that(root_folder: Path, ending: str) -> None:
    """A file object is flushed by an orderly exit alone."""
    assert ended(root_folder, "plain", ending, threads=False) == ["lost 20 of 20"]


def test_threads_that_outlive_the_main_one_end_their_work(root_folder: Path) -> None:
    """An exit with threads that are no daemons waits for them; all they acknowledged is there."""
    with Child(root_folder) as child:
        child.tell(
            "import sys, threading\n"
            "for number in range(3):\n"
            "    threading.Thread(target=write, args=(200, 50, writer.another(str(number)))).start()\n"
            "write(10)\nsys.exit(0)"
        )
        assert child.wait() == 0
    assert len(child.acked) == 610
    assert problems(root_folder, child.acked) == []


AT_STEP = """
import os, signal
from steps import WRITING, at_step
number = 0
while True:
    child = os.fork()
    if child == 0:
        own = writer.another(f"child {{number}}")
        at_step(number, lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: write(1, {size}, own), WRITING)
        os._exit(0)
    write(1)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        break
    number += {step}
result = number
"""


@pytest.mark.parametrize("size", [50, 20_000])
def test_a_process_killed_at_any_step_harms_nobody_elses_line(root_folder: Path, size: int, count: Any) -> None:
    """A forked child dies at each step of a recording call in turn, while its parent goes on."""
    with Child(root_folder) as child:
        steps = child.run(AT_STEP.format(size=size, step=1 if FULL else 5))
    assert steps > 50
    count(kills=steps // (1 if FULL else 5))
    assert problems(root_folder, child.acked) == []


FORKS = """
import multiprocessing, os, sys
import patternspan
from writers import Ours, ack

def work(name):
    writer = Ours(sys.argv[2], name, {})
    for _ in range(5):
        ack(writer.one(300))
    return name

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    work("parent")
    with context.Pool(2, maxtasksperchild=1) as pool:
        assert sorted(pool.map(work, [f"task {n}" for n in range(6)], 1)) == [f"task {n}" for n in range(6)]
    work("parent again")
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pool_workers_of_one_task_each_lose_nothing(root_folder: Path, tmp_path: Path, method: str) -> None:
    """As with max-tasks-per-child=1: each worker ends by `os._exit` right after its task."""
    script = tmp_path / "forks.py"
    script.write_text(FORKS)
    done = subprocess.run(
        [sys.executable, str(script), method, str(root_folder)],
        env={**os.environ, "PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    acked = [line[1:] for line in done.stdout.splitlines()]
    assert len(acked) == 40
    assert problems(root_folder, acked) == []


PREFORK = """
import os, threading
stop = threading.Event()
def work(own):
    while not stop.is_set():
        write(1, 200, own)
threads = [threading.Thread(target=work, args=(writer.another(str(number)),)) for number in range(3)]
for thread in threads: thread.start()
for number in range(20):
    child = os.fork()
    if child == 0:
        write(5, 50, writer.another(f"child {number}"))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
for thread in threads: thread.join()
"""


def test_children_forked_among_busy_threads_record_on(root_folder: Path) -> None:
    """A prefork server: no lock is inherited held, and nothing is recorded twice."""
    with Child(root_folder, options={"job_log": True, "archive": True}) as child:
        child.run(PREFORK)
    assert problems(root_folder, child.acked) == []
    assert sorted(read(root_folder).ids) == sorted(child.acked)


def storm(tmp_path: Path, kills: int, count: Any, **options: Any) -> list[str]:
    """Kill and stop writers at random; return what is wrong with the log then."""
    root = tmp_path / "state"
    done = subprocess.run(
        [sys.executable, str(HERE / "storm.py"), str(root), str(kills), json.dumps(options)],
        capture_output=True,
        text=True,
        timeout=60 + kills,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "acked.json").read_text())
    assert told["kills"] >= kills
    count(kills=told["kills"], stops=told["stops"], events=len(told["acked"]))
    return problems(root, told["acked"], torn=told["kills"])


@pytest.mark.parametrize("options", [{"rotate_bytes": 0}, {"rotate_bytes": 200_000}], ids=["one file", "rotated"])
def test_eight_writers_under_kill_9_lose_nothing(tmp_path: Path, count: Any, options: dict[str, int]) -> None:
    """Lines of 50 bytes to megabytes, several threads a writer, each killed and begun anew at random."""
    assert storm(tmp_path, 1000 if FULL else 40, count, **options) == []
