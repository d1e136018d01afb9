"""Anything may happen to a log in any order: what was acknowledged is there, or in what was taken away."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from readback import read
from steps import FULL

from patternspan import PatternEvent, PatternEventEmitter
from patternspan.export import backlog, line_log
from patternspan.model.wire import encode
from patternspan.record.guard import raise_faults

WRITERS = 3
WRITER = st.integers(0, WRITERS - 1)


usable = precondition(lambda machine: not machine.blocked)


class Log(RuleBasedStateMachine):
    """Writers of one process on one log, and the rest of the world."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.log = self.folder / "events" / "pattern_events.jsonl"
        self.writers = [PatternEventEmitter(self.log.parent) for _ in range(WRITERS)]
        self.numbers = [0] * WRITERS
        self.model: list[tuple[int, int]] = []
        """What has to be there: writer and number."""
        self.torn = 0
        self.blocked = False

    def teardown(self) -> None:
        if self.blocked:  # what waits is written in the background as soon as the folder can be, also while it goes
            self.free()
            assert self.missing() == []
        shutil.rmtree(self.folder)

    @rule(
        writer=st.integers(0, WRITERS - 1), size=st.sampled_from([0, 100, 3000, 4096, 70_000]), count=st.integers(1, 4)
    )
    def record(self, writer: int, size: int, count: int) -> None:
        """A writer records, and that is acknowledged."""
        for _ in range(count):
            self.writers[writer].emit(event_of(writer, self.numbers[writer], size))
            self.model.append((writer, self.numbers[writer]))
            self.numbers[writer] += 1

    @usable
    @rule(size=st.sampled_from([200, 5000, 70_000]), share=st.floats(0, 1))
    def kill(self, size: int, share: float) -> None:
        """A process dies in the middle of its line, which was never acknowledged."""
        line = encode(event_of(99, self.torn, size))
        self.torn += 1
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab", buffering=0) as file:
            file.write(line[: max(1, int(share * (len(line) - 2)))])

    @usable
    @rule(junk=st.binary(min_size=1, max_size=50))
    def crash(self, junk: bytes) -> None:
        """A file system leaves foreign bytes."""
        self.torn += 1 + junk.count(b"\n")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab", buffering=0) as file:
            file.write(junk)

    @usable
    @rule()
    def rotate(self) -> None:
        """Somebody renames the log, as logrotate does; what is in it is still read."""
        names = sorted(self.log.parent.glob("pattern_events.jsonl.[0-9]*"), key=lambda path: -int(path.suffix[1:]))
        for path in names:
            path.rename(path.with_suffix(f".{int(path.suffix[1:]) + 1}"))
        if self.log.exists():
            self.log.rename(self.log.with_suffix(".jsonl.1"))

    @usable
    @rule()
    def replace_folder(self) -> None:
        """Somebody moves the folder away and back in parts: the log is the same file under another folder."""
        if self.log.parent.exists():
            moved = self.folder / "moved"
            self.log.parent.rename(moved)
            self.log.parent.mkdir()
            for path in moved.iterdir():
                path.rename(self.log.parent / path.name)
            moved.rmdir()

    @usable
    @rule(writer=WRITER)
    def restart(self, writer: int) -> None:
        """A writer ends and another one begins; the descriptor of the first is just left."""
        self.writers[writer] = PatternEventEmitter(self.log.parent)

    @usable
    @rule()
    def block(self) -> None:
        """The log cannot be written: something else stands at its name."""
        self.rotate()
        self.log.mkdir(parents=True)
        self.blocked = True

    @precondition(lambda machine: machine.blocked)
    @rule()
    def free(self) -> None:
        """It can be written again, and what waited comes by itself."""
        self.log.rmdir()
        self.blocked = False
        tries = 0
        while self.missing() and tries < 500:
            time.sleep(0.01)
            tries += 1

    def missing(self) -> list[str]:
        """Return what is wrong with the log."""
        found = read(self.folder)
        listed = [(event.details["writer"], event.details["number"]) for event in found.events]
        wrong = [] if len(found.bad) <= self.torn else found.bad
        for writer in range(WRITERS):
            own = [pair for pair in listed if pair[0] == writer]
            if own != [pair for pair in self.model if pair[0] == writer]:
                wrong.append(f"writer {writer}: {own} instead of {self.model}")
        return wrong

    @invariant()
    def all_is_there(self) -> None:
        """Each acknowledged event once, in its writer's order, and no more bad lines than there were accidents."""
        if not self.blocked:
            assert self.missing() == []


def event_of(writer: int, number: int, size: int) -> PatternEvent:
    details = {"writer": writer, "number": number, "text": "x" * size}
    return PatternEvent.create(
        "pattern.execution.started", "JOB-1", f"PRUN-{writer}", "PAT-MODEL-001", "in_progress", details
    )


FORM = settings(
    max_examples=300 if FULL else 30,
    stateful_step_count=40 if FULL else 20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def test_whatever_happens_to_a_log_the_model_holds(monkeypatch: pytest.MonkeyPatch, count: Any) -> None:
    """Writers that look at the path before each line, as they do after a second, and try again at once."""
    monkeypatch.setattr(line_log, "_RECHECK_SECONDS", 0.0)
    monkeypatch.setattr(backlog, "_TRY_SECONDS", 0.005)
    raising = raise_faults(enabled=False)
    try:
        run_state_machine_as_test(Log, settings=FORM)
        count(lives=FORM.max_examples)
    finally:
        raise_faults(enabled=raising)


class Buffered:
    """Appends to a file object, and does not look."""

    def __init__(self, path: Path) -> None:
        os.makedirs(path.parent, exist_ok=True)
        self.file = open(path, "ab")  # noqa: SIM115

    def emit(self, event: PatternEvent) -> None:
        self.file.write(encode(event) + b"\n")


class NaiveLog(Log):
    """The same world, with such writers."""

    def __init__(self) -> None:
        super().__init__()
        self.writers = [Buffered(self.log) for _ in range(WRITERS)]  # type: ignore[misc]


def test_the_machine_finds_out_a_writer_with_a_buffer() -> None:
    """With the first event."""
    with pytest.raises(AssertionError):
        run_state_machine_as_test(NaiveLog, settings=settings(FORM, database=None, phases=[Phase.generate]))
