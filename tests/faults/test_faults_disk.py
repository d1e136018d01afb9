"""A disk that is full, broken, slow or out of descriptors: the program goes on, and what it recorded comes later."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from harness import Child, problems
from readback import read
from shim import Shim

# What each child runs while the fault lasts: executors, whose results nothing may change.
WORK = """
from patternspan import pattern_span

@pattern_span("PAT-WORK-001")
def work(number):
    if number % 5 == 4:
        raise ValueError(f"{number} is its own fault")
    return {"number": number}

def outcome(number):
    try:
        return work(number)["number"]
    except ValueError as error:
        return str(error)

result = [outcome(number) for number in range(10)]
"""
RESULTS = [0, 1, 2, 3, "4 is its own fault", 5, 6, 7, 8, "9 is its own fault"]
HEALTH = """
import json, msgspec
result = json.loads(msgspec.json.encode(patternspan.health()))
"""
# Waits for the end of what a fault left behind, and returns how many seconds that took.
RESUMED = """
import time
began = time.monotonic()
while patternspan.health().failing and time.monotonic() < began + 25:
    time.sleep(0.01)
result = time.monotonic() - began
"""


def health(child: Child) -> dict[str, Any]:
    found: dict[str, Any] = child.run(HEALTH)
    return found


def endured(child: Child, begin: Any, end: Any, count: Any, *, size: int = 300) -> dict[str, Any]:
    """Record before, during and after a fault; return what `health()` said during it."""
    child.write(5, size)
    begin()
    child.write(20, size)
    results = child.run(WORK)
    assert results == RESULTS
    during = health(child)
    end()
    count(resumed_after_seconds=child.run(RESUMED))
    child.write(5, size)
    after = health(child)
    assert (after["failing"], after["pending"], after["lost"]) == (False, 0, 0)
    return during


def expect(child: Child, root: Path, during: dict[str, Any], reason: str) -> None:
    """The fault was seen, told of once, and cost nothing."""
    assert (during["failing"], during["lost"]) == (True, 0)
    assert during["pending"] >= 20
    assert during["last_error"].startswith(reason)
    child.kill()
    assert len(child.stderr.splitlines()) == 1
    assert reason in child.stderr
    assert len(child.acked) == 30
    assert problems(root, child.acked, torn=100) == []


@pytest.mark.parametrize("reason", ["ENOSPC", "EDQUOT", "EIO", "EFBIG", "EROFS", "EPERM"])
def test_what_a_disk_refuses_is_written_when_it_takes_it_again(
    root_folder: Path, shim: Shim, count: Any, reason: str
) -> None:
    """In order, by itself, without a restart; meanwhile health and one line on stderr tell."""
    with Child(root_folder, **shim.variables) as child:
        during = endured(child, lambda: shim.begin(write_errno=reason), shim.end, count)
        assert shim["faults"] > 0
        expect(child, root_folder, during, reason)


def test_a_handler_of_the_standard_library_forgets_what_a_disk_refused(root_folder: Path, shim: Shim) -> None:
    """The same injection finds out who acknowledges what was not written."""
    with Child(root_folder, "logging", **shim.variables) as child:
        child.write(5)
        shim.begin(write_errno="ENOSPC")
        child.write(20)
        shim.end()
        child.write(5)
        child.kill()
        assert problems(root_folder, child.acked) != []


def test_a_plain_writer_hands_the_fault_to_its_caller(root_folder: Path, shim: Shim) -> None:
    """The same injection finds out who stops the program."""
    with Child(root_folder, "flushed", **shim.variables) as child:
        shim.begin(write_errno="ENOSPC")
        with pytest.raises(EOFError, match="No space left on device"):
            child.write(1)


@pytest.mark.parametrize("most", [1, 7, 200])
def test_short_writes_tear_no_event(root_folder: Path, shim: Shim, most: int) -> None:
    """A disk that takes so many bytes at a time: each line is whole later, or at once where every other write works."""
    with Child(root_folder, **shim.variables) as child:
        shim.begin(write_short=most, every=2)
        child.write(20, 500)
        shim.begin(every=1)
        child.write(20, 500)
        assert shim["faults"] > 0
        shim.end()
        child.run(RESUMED)
        child.kill()
        assert problems(root_folder, child.acked, torn=1000) == []


def test_an_interrupted_call_is_made_again(root_folder: Path, shim: Shim) -> None:
    """EINTR is nobody's fault."""
    with Child(root_folder, options={"durability": "event"}, **shim.variables) as child:
        shim.begin(write_errno="EINTR", sync_errno="EINTR", every=2)
        child.write(20)
        assert shim["faults"] > 0
        assert health(child)["failing"] is False
        child.kill()
        assert problems(root_folder, child.acked) == []
        assert child.stderr == ""


def test_a_sync_that_fails_is_no_acknowledgement(root_folder: Path, shim: Shim, count: Any) -> None:
    """With durability `event` what could not be synced is pending, and written and synced again."""
    with Child(root_folder, options={"durability": "event"}, **shim.variables) as child:
        during = endured(child, lambda: shim.begin(sync_errno="EIO"), shim.end, count)
        expect(child, root_folder, during, "EIO")


def test_a_sync_that_fails_in_the_background_is_counted(root_folder: Path, shim: Shim) -> None:
    """With durability `interval` health and stderr tell that a power loss may take more than was said."""
    with Child(root_folder, options={"durability": "interval", "sync_interval_ms": 20}, **shim.variables) as child:
        child.write(1)
        shim.begin(sync_errno="EIO")
        child.write(5)
        child.run("import time\nwhile not patternspan.health().sync_failures: time.sleep(0.01)")
        shim.end()
        child.write(5)
        child.kill()
        assert "a sync failed: EIO" in child.stderr
        assert len(child.stderr.splitlines()) == 1
        assert problems(root_folder, child.acked) == []


def test_a_slow_disk_holds_each_call_up_once(root_folder: Path, shim: Shim) -> None:
    """Threads wait for each other within a bound, then write through descriptors of their own; all is there."""
    threads = """
import threading
threads = [threading.Thread(target=write, args=(2, 50, writer.another(str(n)))) for n in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    with Child(root_folder, **shim.variables) as child:
        shim.begin(write_delay=600_000)
        child.run(threads)
        shim.end()
        child.kill()
        assert len(child.acked) == 6
        assert problems(root_folder, child.acked) == []


def fill(path: Path) -> None:
    """Fill a disk with a file."""
    with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass


def test_a_full_disk_is_written_to_when_it_has_room(small_disk: Path, count: Any) -> None:
    """A real one, of 1 MB, filled by somebody else and by the log itself."""
    filler = small_disk.parent / "filler"

    def fill() -> None:
        with open(filler, "wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass

    with Child(small_disk) as child:
        during = endured(child, fill, filler.unlink, count, size=2000)
        expect(child, small_disk, during, "ENOSPC")


def test_a_handler_of_the_standard_library_forgets_what_a_full_disk_refused(small_disk: Path) -> None:
    """The same injection, on a naive writer."""
    filler = small_disk.parent / "filler"
    with Child(small_disk, "logging") as child:
        child.write(5)
        fill(filler)
        child.write(20, 5000)
        filler.unlink()
        child.write(5)
        child.kill()
    assert problems(small_disk, child.acked)[0].startswith("lost ")


def test_a_limit_on_the_size_of_files_is_a_full_disk(root_folder: Path, count: Any) -> None:
    """RLIMIT_FSIZE: no signal ends the program, and what did not fit comes when the limit is lifted."""
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({0}, resource.RLIM_INFINITY))"
    with Child(root_folder) as child:
        during = endured(
            child,
            lambda: child.run(limit.format(3000)),
            lambda: child.run(limit.format("resource.RLIM_INFINITY")),
            count,
        )
        assert during["last_error"].startswith("EFBIG")
        child.kill()
        assert problems(root_folder, child.acked, torn=10) == []


def test_a_program_without_descriptors_goes_on(root_folder: Path) -> None:
    """RLIMIT_NOFILE: the log cannot be opened, and is when there are descriptors again."""
    taken = "held = []\ntry:\n    while True: held.append(os.dup(0))\nexcept OSError: pass"
    low = "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (64, 4096))"
    with Child(root_folder) as child:
        child.write(1)
        assert child.run(WORK) == RESULTS
        health(child)  # loads what it needs
        child.run(low + "\n" + taken)
        log = root_folder / "events" / "pattern_events.jsonl"
        log.rename(log.with_suffix(".jsonl.1"))
        child.run("while not patternspan.health().failing: write(1)")
        child.write(20)
        assert child.run(WORK) == RESULTS
        child.run("for one in held: os.close(one)")
        child.run(RESUMED)
        child.write(5)
        child.kill()
        assert len(child.stderr.splitlines()) == 1
        assert problems(root_folder, child.acked) == []


def test_what_does_not_fit_into_memory_is_counted_and_told_of_in_the_log(root_folder: Path, shim: Shim) -> None:
    """The newest events wait; the first line after the fault says how many are missing, since when, and why."""
    with Child(root_folder, options={"pending_bytes": 20_000}, **shim.variables) as child:
        child.write(1)
        shim.begin(write_errno="ENOSPC")
        child.write(100, 1000)
        during = health(child)
        shim.end()
        child.run(RESUMED)
        child.write(1)
        after = health(child)
        child.kill()
    found = {event.event_id: event for event in read(root_folder).events}
    lost = [event_id for event_id in child.acked if event_id not in found]
    assert (during["lost"], after["lost"], after["gaps"]) == (len(lost), len(lost), 1)
    gaps = [event.extra["gap"] for event in found.values() if event.extra]
    assert [(gap["events"], gap["reason"]) for gap in gaps] == [(len(lost), "ENOSPC: No space left on device")]
    assert child.acked[1 : 1 + len(lost)] == lost
