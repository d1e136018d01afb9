"""Following a log."""

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from logs import failed_run, good_run, lines
from patternspan.log.follow import Position, end_of, follow, follow_lines
from patternspan.log.reader import BadLine, LogLine


class World:
    """A log file and the things that happen to it, one each time the follower sleeps."""

    def __init__(self, folder, steps):
        self.path = str(folder / "log")
        self.steps = list(steps)
        self.quiet = 0

    def append(self, data):
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, data)
        os.close(descriptor)

    def rotate(self):
        os.rename(self.path, f"{self.path}.{len(self.steps)}")

    def truncate(self):
        os.truncate(self.path, 0)

    def remove(self):
        os.unlink(self.path)

    def sleep(self, _seconds):
        if self.steps:
            name, *arguments = self.steps.pop(0)
            getattr(self, name)(*arguments)
        else:
            self.quiet += 1

    def stop(self):
        return self.quiet >= 3

    def lines(self, start=None, **more):
        return list(follow_lines(self.path, start, stop=self.stop, sleep=self.sleep, **more))


def test_lines_come_as_they_are_written_and_a_part_is_held_back(tmp_path):
    """A line comes once its newline is there, and a file may come later than its follower."""
    world = World(tmp_path, [("append", b"one\ntw"), ("append", b"o"), ("append", b"\nthree\nhalf")])
    assert world.lines() == [b"one", b"two", b"three"]


def test_a_renamed_file_is_finished_first(tmp_path):
    """What was written to the old file up to its renaming comes before what its successor holds."""
    world = World(
        tmp_path, [("append", b"1\n"), ("append", b"2\n"), ("rotate",), ("append", b"3\n"), ("append", b"4\n")]
    )
    assert world.lines() == [b"1", b"2", b"3", b"4"]


def test_late_lines_of_a_renamed_file_are_not_lost(tmp_path):
    """A writer that still holds the old file is read on, beside the one that stands in its place."""
    world = World(tmp_path, [("append", b"1\n"), ("both",), ("late",)])
    kept = []

    def both():
        kept.append(os.open(world.path, os.O_WRONLY | os.O_APPEND))
        world.rotate()
        world.append(b"3\n")

    world.both = both
    world.late = lambda: os.write(kept[0], b"2\n")
    assert world.lines() == [b"1", b"3", b"2"]
    os.close(kept[0])


def test_a_truncated_file_starts_again(tmp_path):
    """After truncation the file is read from its beginning, also when it has grown past the old place meanwhile."""
    world = World(tmp_path, [("append", b"old one\n"), ("truncate",), ("append", b"new\n"), ("refill",)])

    def refill():
        world.truncate()
        world.append(b"another, and longer than before\nmore\n")

    world.refill = refill
    assert world.lines() == [b"old one", b"new", b"another, and longer than before", b"more"]


def test_a_removed_file_may_come_again(tmp_path):
    """A file that takes the place of a removed one is read from its beginning."""
    world = World(tmp_path, [("append", b"1\n"), ("remove",), ("append", b"2\n")])
    assert world.lines() == [b"1", b"2"]


def test_following_begins_at_the_end(tmp_path):
    """From the end of a file only new lines come; an unfinished last line comes whole."""
    path = tmp_path / "log"
    path.write_bytes(b"old\nhal")
    start = end_of(str(path))
    assert (start.inode, start.offset) == (path.stat().st_ino, 4)
    assert World(tmp_path, [("append", b"f\nnew\n")]).lines(start) == [b"half", b"new"]


def test_another_file_than_the_known_one_is_read_whole(tmp_path):
    """A place in a file that is no longer there does not hide lines of its successor."""
    (tmp_path / "log").write_bytes(b"1\n2\n")
    assert World(tmp_path, []).lines(Position(1, 1, 2)) == [b"1", b"2"]


def test_there_is_no_end_where_there_is_no_file(tmp_path):
    """The end of a missing file is None."""
    assert end_of(str(tmp_path / "none")) is None


def test_an_over_long_line_is_skipped(tmp_path):
    """A line that grows too long comes as None, once, and the next one comes."""
    world = World(tmp_path, [("append", b"x" * 20), ("append", b"x" * 20), ("append", b"x\nok\n")])
    assert world.lines(max_line=30) == [None, b"ok"]


def test_events_and_bad_lines_come_as_values(tmp_path):
    """A line that is no event is reported between the events around it."""
    world = World(tmp_path, [("append", lines(good_run()[:1]) + b"{]\n"), ("append", lines(failed_run()[:1]))])
    items = list(follow(world.path, None, stop=world.stop, sleep=world.sleep))
    assert [item.event for item in items if isinstance(item, LogLine)] == [good_run()[0], failed_run()[0]]
    assert [type(item) for item in items] == [LogLine, BadLine, LogLine]
    assert str(items[1]).startswith(f"{world.path}: a new line: not JSON: ")


def test_a_wake_reads_what_is_new_only(tmp_path, monkeypatch):
    """What a wake reads is the new lines and a few bytes before them, whatever the size of the file."""
    path = tmp_path / "log"
    with open(path, "wb") as file:
        file.truncate(1 << 32)
        file.seek(0, os.SEEK_END)
        file.write(b"\nold\n")
    start = end_of(str(path))
    asked = []
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda *given: asked.append(len(data := real(*given))) or data)
    assert World(tmp_path, [("append", b"new\n")]).lines(start) == [b"new"]
    assert sum(asked) < 2000


steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 4), st.booleans()),
        st.just(("rotate",)),
        st.just(("truncate",)),
        st.just(("remove",)),
    ),
    max_size=15,
)


@settings(max_examples=80)
@given(steps)
def test_every_line_comes_once_whatever_happens_to_the_file(tmp_path_factory, plan):
    """Across any order of appending, renaming, emptying and removing, each line comes once and in order."""
    world = World(tmp_path_factory.mktemp("follow"), [])
    written, number, there = [], 0, False
    for step in plan:
        if step[0] == "write":
            text = b""
            for _ in range(step[1]):
                number += 1
                text += b"line %d of the log\n" % number
                written.append(b"line %d of the log" % number)
            middle = len(text) // 2 if step[2] else 0
            world.steps += [("append", text[:middle]), ("append", text[middle:])] if middle else [("append", text)]
            there = True
        elif there:
            # Nothing can be done to a file that is not there.
            world.steps.append(step)
            there = step[0] == "truncate"
    assert world.lines() == written
