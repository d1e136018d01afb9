"""Sealing takes closed segments in order, can be killed anywhere, and is done by one process at a time."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sealed import LIVE, closed_line, compress, folder_of, name, sealed, some_lines

from logs import START_NS, RunMaker, good_run, lines
from patternspan import seal, verify
from patternspan.evidence.merkle import leaf_hash, root_of

if TYPE_CHECKING:
    from collections.abc import Callable


def manifest(folder: Path, number: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / name(number, ".manifest.json")).read_bytes())
    return found


def test_the_manifest_of_a_segment(tmp_path: Path) -> None:
    """What it was, how its lines hash, and what was sealed before it; canonical, with a digest of itself."""
    folder = sealed(tmp_path, 2)
    data = some_lines(1)
    leaves = b"".join(map(leaf_hash, data.splitlines()))
    found = manifest(folder, 2)
    events = [json.loads(line) for line in data.splitlines()]
    without = {key: value for key, value in found.items() if key != "digest"}
    assert (folder / name(2, ".leaves")).read_bytes() == leaves
    assert (
        found.pop("digest") == sha256(json.dumps(without, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    )
    assert abs(time.time() - os.stat(folder / name(2, ".manifest.json")).st_mtime) < 1000
    assert found.pop("sealed_at").endswith("Z")
    assert found == {
        "format": "patternspan.manifest.v1",
        "segment": name(2),
        "lines": 14,
        "bytes": len(data),
        "first_event_id": events[0]["event_id"],
        "first_timestamp": events[0]["timestamp"],
        "last_event_id": events[-1]["event_id"],
        "last_timestamp": events[-1]["timestamp"],
        "sha256": sha256(data).hexdigest(),
        "merkle_root": root_of(leaves).hex(),
        "previous": sha256((folder / name(1, ".manifest.json")).read_bytes()).hexdigest(),
    }
    assert manifest(folder, 1)["previous"] is None


def test_what_was_sealed_is_said_and_not_sealed_again(tmp_path: Path) -> None:
    """A second call has nothing to do."""
    folder = folder_of(tmp_path, [some_lines(0)], b"")
    done = seal(folder, grace=0)
    assert str(done).startswith(f"sealed {name(1)}: 14 lines, {len(some_lines(0)):,} bytes, root ")
    assert str(seal(folder, grace=0)) == "nothing to seal"


def test_a_segment_is_left_until_every_writer_has_noticed(tmp_path: Path) -> None:
    """Without a line in the index, the time since its rename decides; what comes after it waits too."""
    folder = folder_of(tmp_path, [some_lines(0), some_lines(1)], b"")
    (folder / "pattern_events.index.jsonl").write_bytes(closed_line(2, some_lines(1)))
    assert (seal(folder, grace=1000).segments, seal(folder, grace=1000).waiting) == ((), 2)
    assert len(seal(folder, grace=0).segments) == 2


def test_a_segment_that_the_index_calls_closed_needs_no_wait(tmp_path: Path) -> None:
    """Its bytes are those that the index counts: late lines behind them stand in a later file."""
    folder = folder_of(tmp_path, [some_lines(0)], some_lines(1))
    with (folder / name(1)).open("ab") as file:
        file.write(some_lines(1).splitlines()[0] + b"\n")
    (done,) = seal(folder, grace=1000).segments
    assert (done.lines, done.sha256) == (14, sha256(some_lines(0)).hexdigest())
    assert verify(folder).ok


def test_sealing_and_compressing_come_in_any_order(tmp_path: Path) -> None:
    """The seal is of the bytes without compression."""
    folder = folder_of(tmp_path, [some_lines(0), some_lines(1)], b"")
    compress(folder, 1)
    assert len(seal(folder, grace=0).segments) == 2
    compress(folder, 2)
    assert (verify(folder).ok, verify(folder).segments) == (True, 2)


def test_a_clock_that_was_set_back_does_not_stop_sealing(tmp_path: Path) -> None:
    """A rename in the future is no recent one."""
    folder = folder_of(tmp_path, [some_lines(0)], b"")
    (folder / "pattern_events.index.jsonl").unlink()
    ahead = time.time() + 1_000_000
    os.utime(folder / name(1), (ahead, ahead))
    assert len(seal(folder, grace=5).segments) == 1


def test_a_manifest_that_was_taken_away_is_not_made_again(tmp_path: Path) -> None:
    """Sealing anew in the middle would cover up what was done there."""
    folder = sealed(tmp_path)
    (folder / name(2, ".manifest.json")).unlink()
    done = seal(folder, grace=0)
    assert done.segments == ()
    assert done.problems == (f"{folder / name(2)}: not sealed: later segments are, so its manifest was taken away",)


def test_an_unreadable_segment_stops_sealing_and_is_named(tmp_path: Path) -> None:
    """The order of seals is that of the segments."""
    folder = folder_of(tmp_path, [some_lines(0), some_lines(1)], b"")
    compress(folder, 1)
    (folder / name(1, ".jsonl.gz")).write_bytes(b"\x1f\x8bnonsense")
    done = seal(folder, grace=0)
    assert (done.segments, len(done.problems)) == ((), 1)
    assert "its compressed bytes are damaged" in done.problems[0]


def test_any_bytes_can_be_sealed(tmp_path: Path) -> None:
    """No events, no newline, nothing at all."""
    folder = folder_of(tmp_path, [b"", b"\x00\xff\n\n\n", b"x" * 5_000_000], b"")
    assert [each.lines for each in seal(folder, grace=0).segments] == [0, 3, 1]
    assert verify(folder).ok


def test_many_lines(tmp_path: Path) -> None:
    """A segment of more than one block: its first and last event are those of the file."""
    events = good_run(1) * 2000 + good_run(2, START_NS + 10**12)
    folder = folder_of(tmp_path, [lines(events)], b"")
    (done,) = seal(folder, grace=0).segments
    assert (done.lines, done.first_event_id, done.last_event_id) == (14007, events[0].event_id, events[-1].event_id)
    assert verify(folder).ok


def test_long_lines_at_both_ends(tmp_path: Path) -> None:
    """An event of some megabytes is found as well."""
    long = "x" * 3_000_000
    events = [RunMaker(number, START_NS + number).add("execution.started", command=long) for number in (1, 2, 3)]
    folder = folder_of(tmp_path, [lines(events)], b"")
    (done,) = seal(folder, grace=0).segments
    assert (done.first_event_id, done.last_event_id) == (events[0].event_id, events[2].event_id)
    assert verify(folder).ok


def test_a_link_at_a_name_of_ours_is_not_written_through(tmp_path: Path) -> None:
    """Whatever stands at the temporary name is replaced."""
    folder = folder_of(tmp_path, [some_lines(0)], b"")
    target = tmp_path / "target"
    target.write_bytes(b"mine")
    (folder / name(1, ".leaves.tmp")).symlink_to(target)
    assert len(seal(folder, grace=0).segments) == 1
    assert target.read_bytes() == b"mine"
    assert (folder / name(1, ".leaves")).stat().st_mode & 0o777 == 0o600


def test_one_sealer_at_a_time(tmp_path: Path) -> None:
    """Who finds another at work does nothing and says so."""
    folder = folder_of(tmp_path, [some_lines(0)], b"")
    with (folder / "pattern_events.seal.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = seal(folder, grace=0)
    assert (done.segments, done.busy, str(done)) == ((), True, "another process is sealing: nothing done")
    assert len(seal(folder, grace=0).segments) == 1


def test_sealers_at_once_seal_each_segment_once(tmp_path: Path) -> None:
    """And the chain is whole."""
    folder = folder_of(tmp_path, [some_lines(each) for each in range(20)], b"")
    script = "import sys, patternspan as p; print(len(p.seal(sys.argv[1], grace=0).segments))"
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert sum(int(process.communicate(timeout=60)[0]) for process in started) == 20
    assert (verify(folder).ok, verify(folder).segments) == (True, 20)


def test_a_sealer_that_is_killed_at_any_line_does_no_harm(tmp_path: Path, python: Callable[..., Any]) -> None:
    """The next one takes up the work, and everything verifies."""
    folder_of(tmp_path / "whole", [some_lines(0), some_lines(1)], some_lines(2))
    done = python(
        """
        import os, shutil, signal, sys
        from patternspan import seal, verify

        module = sys.modules[seal.__module__].__file__

        def killed_at(wanted, folder):
            child = os.fork()
            if child:
                return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
            seen = 0
            def trace(frame, event, argument):
                nonlocal seen
                if frame.f_code.co_filename != module:
                    return None
                seen += event == "line"
                if seen == wanted:
                    os.kill(os.getpid(), signal.SIGKILL)
                return trace
            sys.settrace(trace)
            seal(folder, grace=0)
            os._exit(0)

        wanted, sealed = 1, set()
        while True:
            shutil.copytree("whole", "try")
            folder = "try/state/events"
            killed = killed_at(wanted, folder)
            before = verify(folder)
            assert before.ok, before
            done = len(seal(folder, grace=0).segments)
            after = verify(folder)
            assert (after.ok, after.segments, before.segments + done) == (True, 2, 2), after
            assert not [name for name in os.listdir(folder) if name.endswith(".tmp")], os.listdir(folder)
            sealed.add(before.segments)
            shutil.rmtree("try")
            if not killed:
                break
            wanted += 3
        print(wanted > 100, sealed)
        """,
        timeout=120,
    )
    assert done.stdout == "True {0, 1, 2}\n"


def test_the_live_log_is_never_sealed(tmp_path: Path) -> None:
    """Nor touched."""
    folder = folder_of(tmp_path, [], some_lines(0))
    assert str(seal(folder, grace=0)) == "nothing to seal"
    assert (folder / LIVE).read_bytes() == some_lines(0)
