"""Whatever happens in whatever order: each event is read once, and each writer's in its order.

A clock that the test turns stands for the steady one of the writers, and their `write` stops wherever the plan says,
as SIGSTOP would: other writers, rotations, closings and compressions go on before the bytes are written, or after.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patternspan import PatternEvent, layout
from patternspan.export import close, line_log, log_file
from patternspan.export.segments import GRACE_SECONDS, rename
from patternspan.log.follow import follow
from patternspan.log.locate import with_rotated
from patternspan.log.reader import Item, LogLine
from patternspan.log.search import Query, find_in
from patternspan.model.wire import encode

Step = tuple[Any, ...]
WRITERS = 3

simple = st.one_of(
    st.tuples(st.just("append"), st.integers(0, WRITERS - 1)),
    st.just(("rotate",)),
    st.tuples(st.just("advance"), st.sampled_from([0.3, 0.9, 1.1, 3.1])),
    st.tuples(st.just("close"), st.sampled_from(["none", "gzip"])),
    st.just(("read",)),
)
some = st.lists(simple | st.just(("turn",)), max_size=5)
steps = st.lists(simple | st.tuples(st.just("slow"), st.integers(0, WRITERS - 1), some, some), max_size=25)
ALL_AT_ONCE: list[Step] = [("rotate",), ("append", 1), ("advance", 3.1), ("close", "gzip"), ("rotate",), ("append", 1)]


class World:
    """Some writers on one log, and what is done to it."""

    def __init__(self, folder: Path, plan: Iterable[Step]) -> None:
        self.log = str(folder / layout.LOG_NAME)
        self.plan = list(plan)
        self.quiet = 0
        self.now = 1000.0
        self.writers = [line_log.LineLog(self.log) for _ in range(WRITERS)]
        self.acknowledged: list[list[int]] = [[] for _ in range(WRITERS)]
        self.renamed: dict[str, float] = {}
        self.slow: tuple[list[Step], list[Step]] | None = None
        self.busy: set[int] = set()

    def monotonic(self) -> float:
        return self.now

    def write(self, descriptor: int, data: bytes) -> int:
        before, after = self.slow or ([], [])
        self.slow = None
        self.do(before)
        count = os.write(descriptor, data)
        self.do(after)
        return count

    def do(self, plan: Iterable[Step]) -> None:
        for name, *arguments in plan:
            getattr(self, "do_" + name)(*arguments)

    def do_append(self, writer: int) -> None:
        if writer in self.busy:
            return  # it stands still
        number = len(self.acknowledged[writer])
        event = PatternEvent.create("t", "JOB-1", f"PRUN-{number}", f"PAT-{writer}", "success", {})
        self.busy.add(writer)
        self.writers[writer].append(encode(event) + b"\n")
        self.busy.discard(writer)
        self.acknowledged[writer].append(number)

    def do_slow(self, writer: int, before: list[Step], after: list[Step]) -> None:
        self.slow = before, after
        self.do_append(writer)

    def do_rotate(self) -> None:
        path = rename(self.log, lambda _status: True)
        if path is not None:
            self.renamed[path] = self.now

    def do_advance(self, seconds: float) -> None:
        self.now += seconds

    def do_close(self, compress: str) -> None:
        close.finish(self.log, compress, lambda path: self.now - self.renamed[path] >= GRACE_SECONDS)

    def do_turn(self) -> None:
        self.do([("rotate",), ("append", 1), ("advance", 3.1), ("close", "gzip")])

    def do_read(self) -> None:
        found = by_writer(find_in(with_rotated(self.log), Query()))
        for writer, numbers in enumerate(self.acknowledged):
            # What is being written just now may be there already.
            assert found[writer][: len(numbers)] == numbers
            assert len(found[writer]) - len(numbers) <= (writer in self.busy)

    def sleep(self, _seconds: float) -> None:
        if self.plan:
            self.do([self.plan.pop(0)])
        else:
            self.quiet += 1

    def stop(self) -> bool:
        return self.quiet >= 2

    def close(self) -> None:
        for writer in self.writers:
            writer.close()


def by_writer(items: Iterable[Item]) -> list[list[int]]:
    found: list[list[int]] = [[] for _ in range(WRITERS)]
    for item in items:
        assert isinstance(item, LogLine), item
        found[int(item.event.pattern_id[4:])].append(int(item.event.pattern_run_id[5:]))
    return found


def play(folder: Path, plan: list[Step]) -> None:
    world = World(folder, plan)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_log, "monotonic", world.monotonic)
        patch.setattr(line_log, "write", world.write)
        patch.setattr(log_file, "write", world.write)
        followed = by_writer(follow(world.log, None, stop=world.stop, sleep=world.sleep))
        world.do_read()
        assert followed == world.acknowledged
        assert by_writer(find_in(with_rotated(world.log), Query(), 10**6)) == world.acknowledged
        world.close()


@settings(max_examples=200, deadline=None)
@given(steps)
def test_every_event_is_read_once_and_in_its_writers_order(tmp_path_factory: pytest.TempPathFactory, plan: Any) -> None:
    """By who follows, by who reads in between, and by who reads in the end, forwards and backwards."""
    play(tmp_path_factory.mktemp("order"), plan)


@pytest.mark.parametrize("before", [[], ALL_AT_ONCE], ids=["", "before"])
@pytest.mark.parametrize("after", [[], ALL_AT_ONCE], ids=["", "after"])
def test_a_writer_that_sleeps_through_all_of_it(tmp_path: Path, before: list[Step], after: list[Step]) -> None:
    """Rotation, closing, compression and the next rotation, before or after its bytes are written."""
    play(tmp_path, [("append", 0), ("append", 1), ("slow", 0, before, after), ("append", 0), ("append", 1)])
