"""A disk that is full or read-only, and a database that somebody holds: one line says so, and afterwards it goes on."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

from logs import START_NS, RunMaker, lines

SECOND = 1_000_000_000
RUNS = 1500


def patternspan(folder: Path, *words: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "patternspan", *words], cwd=folder, capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout, done.stderr


def written(folder: Path) -> Path:
    """Write a log whose store needs more than a megabyte."""
    log = folder / "state" / "events" / "pattern_events.jsonl"
    log.parent.mkdir(parents=True)
    with log.open("wb") as file:
        for number in range(RUNS):
            file.write(
                lines(RunMaker(number, START_NS + number * SECOND, f"PAT-{number % 3}").begin().succeed().events)
            )
    return log


def test_a_full_disk_is_told_and_the_log_answers_and_then_it_goes_on(tmp_path: Path, small_disk: Path) -> None:
    log = written(tmp_path)
    before = log.read_bytes()
    db = small_disk.parent / "patternspan.db"
    full = f"{db}: the disk is full: free some space and try again; the log holds all that is missing here"
    out_of_log = patternspan(tmp_path, "runs", "--limit", "5")
    assert patternspan(tmp_path, "--store", str(db), "ingest") == (1, "", f"patternspan: {full}\n")
    assert patternspan(tmp_path, "--store", str(db), "runs", "--limit", "5") == (
        *out_of_log[:2],
        f"{full}; the log is read instead\n",
    )
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk.parent)], check=True)
    code, _, err = patternspan(tmp_path, "--store", str(db), "ingest")
    assert (code, err.endswith(" new events\n")) == (0, True)
    code, out, _ = patternspan(tmp_path, "--store", str(db), "store", "verify")
    assert (code, out) == (0, f"same  {db}: {RUNS * 7:,} events of the log, {RUNS:,} runs\n")
    assert log.read_bytes() == before


def test_a_read_only_disk_is_told_and_the_log_answers(tmp_path: Path, small_disk: Path) -> None:
    log = written(tmp_path)
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:70]))
    db = small_disk.parent / "patternspan.db"
    assert patternspan(tmp_path, "--store", str(db), "ingest") == (0, "", f"{db}: 70 new events\n")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk.parent)], check=True)
    told = f"{db}: cannot be opened for writing: Read-only file system: name another"
    assert patternspan(tmp_path, "--store", str(db), "ingest") == (1, "", f"patternspan: {told}\n")
    out_of_log = patternspan(tmp_path, "runs")
    answer = (*out_of_log[:2], f"{told}; the log is read instead\n")
    assert patternspan(tmp_path, "--store", str(db), "runs") == answer
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk.parent)], check=True)
    assert patternspan(tmp_path, "--store", str(db), "runs") == out_of_log


HELD = """
import sys
from patternspan.cli import main
from patternspan.store import database
database._PRAGMAS = tuple(each.replace("10000", "300") for each in database._PRAGMAS)
main(sys.argv[1:])
"""


def test_a_database_that_somebody_holds_is_told_and_the_log_answers(tmp_path: Path) -> None:
    written(tmp_path)
    db = tmp_path / "state" / "patternspan.db"
    out_of_log = patternspan(tmp_path, "runs", "--limit", "3")
    assert patternspan(tmp_path, "ingest")[0] == 0
    holder = sqlite3.connect(db, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with (tmp_path / "state/events/pattern_events.jsonl").open("ab") as file:
        file.write(lines(RunMaker(9999, START_NS - SECOND, "PAT-X").begin().events))
    told = f"{db}: another process has been writing to it for 10 s: try again when it is done"

    def impatient(*words: str) -> tuple[int, str, str]:
        done = subprocess.run([sys.executable, "-c", HELD, *words], cwd=tmp_path, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    assert impatient("ingest") == (1, "", f"patternspan: {told}\n")
    assert impatient("runs", "--limit", "3") == (*out_of_log[:2], f"{told}; the log is read instead\n")
    holder.rollback()
    holder.close()
    assert patternspan(tmp_path, "ingest") == (0, "", f"{db}: 6 new events\n")
    assert patternspan(tmp_path, "runs", "--limit", "3") == out_of_log
