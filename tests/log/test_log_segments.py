"""One log of many files: segments, plain and compressed, and what logrotate makes."""

import gzip
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logs import SECOND, START_NS, RunMaker, good_run, lines
from patternspan.export.close import finish
from patternspan.log import segments
from patternspan.log.follow import end_of, follow, follow_lines
from patternspan.log.locate import with_rotated
from patternspan.log.reader import BadLine, LogLine, read_all
from patternspan.log.search import Query, find, find_in
from patternspan.log.seen import Seen
from patternspan.model.packing import zstd

HOUR = 3600 * SECOND


def run_of(number):
    """Return the events of a run that begins so many hours after the start."""
    return good_run(number, START_NS + number * HOUR)


def write(path, data):
    """Write a file, compressed as its name says."""
    if path.name.endswith(".gz"):
        data = gzip.compress(data, mtime=0)
    elif path.name.endswith(".zst"):
        data = zstd().compress(data)
    path.write_bytes(data)


def log_of(folder, *names):
    """Write a run to each of these files, in order, and return the path of the log."""
    for number, name in enumerate(names):
        write(folder / name, lines(run_of(number)))
        os.utime(folder / name, (number, number))
    return str(folder / "log.jsonl")


def events(log, query=None, limit=None):
    items = list(find_in(with_rotated(log), query or Query(), limit))
    assert [str(item) for item in items if isinstance(item, BadLine)] == []
    return [item.event for item in items]


def runs(count):
    return [event for number in range(count) for event in run_of(number)]


@pytest.mark.parametrize(
    "names",
    [
        ["log.00000001.jsonl", "log.00000002.jsonl", "log.00000010.jsonl", "log.jsonl"],
        ["log.00000001.jsonl.gz", "log.00000002.jsonl.zst", "log.00000003.jsonl", "log.jsonl"],
        ["log.99999999.jsonl", "log.100000000.jsonl", "log.jsonl"],
        ["log.00000001.jsonl.gz", "log.00000002.jsonl.gz"],
        ["log.jsonl.10.gz", "log.jsonl.9.gz", "log.jsonl.2", "log.jsonl.1", "log.jsonl"],
        ["log.jsonl-20261124.gz", "log.jsonl-20261125", "log.jsonl"],
        ["log.jsonl-20261125-1764000000.gz", "log.jsonl-20261125-1764000001", "log.jsonl"],
        ["log-20261124.jsonl.gz", "log-20261125.jsonl", "log.jsonl"],
        ["log.2.jsonl.gz", "log.1.jsonl", "log.jsonl"],
        ["log.jsonl.1", "log.00000001.jsonl.gz", "log.00000002.jsonl", "log.jsonl"],
    ],
    ids=lambda names: names[0],
)
def test_all_parts_are_one_log_in_order(tmp_path, names):
    """Ours by their numbers, those of logrotate by number or by date; both kinds by their age."""
    log = log_of(tmp_path, *names)
    assert events(log) == runs(len(names))
    assert events(log, limit=10) == runs(len(names))[-10:]


def test_other_files_are_no_parts(tmp_path):
    """Indexes, seals, unfinished and foreign files."""
    log = log_of(tmp_path, "log.jsonl")
    for name in ("log.index.jsonl", "log.00000001.manifest.json", "log.00000001.jsonl.gz.tmp", "log.00000001.leaves",
                 "other.jsonl.1", "log.jsonl.bak", "log.lock", "log.1234567.txt"):  # fmt: skip
        (tmp_path / name).write_bytes(b"no event\n")
    assert events(log) == runs(1)


def test_a_plain_segment_wins_over_its_compressed_twin(tmp_path):
    """Both are there for a moment while it is compressed; the plain one may hold more."""
    log = log_of(tmp_path, "log.00000001.jsonl.gz", "log.jsonl")
    write(tmp_path / "log.00000001.jsonl", lines(run_of(0)))
    assert events(log) == runs(2)


def test_a_copy_that_is_not_truncated_yet_is_not_a_second_log(tmp_path):
    """`copytruncate`: between the two the log stands there twice."""
    log = log_of(tmp_path, "log.jsonl")
    write(tmp_path / "log.jsonl.1", lines(run_of(0)) + lines(run_of(1))[:3000])
    write(tmp_path / "log.jsonl", lines(runs(3)))
    assert [path.rpartition("/")[2] for path in with_rotated(log)] == ["log.jsonl"]
    assert events(log) == runs(3)
    write(tmp_path / "log.jsonl", lines(run_of(5)))
    assert len(with_rotated(log)) == 2


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_lines_of_a_compressed_file_are_numbered(tmp_path, ending):
    """A bad one is reported with its place in the text."""
    path = tmp_path / ("log.00000001.jsonl" + ending)
    write(path, lines(run_of(0)[:3]) + b"broken\n\n" + lines(run_of(0)[3:]) + b"[]\n")
    items = list(find(str(path), Query()))
    assert [item.event for item in items if isinstance(item, LogLine)] == run_of(0)
    bad = [str(item) for item in items if isinstance(item, BadLine)]
    assert [text.split(": ")[0] for text in bad] == [f"{path}:4", f"{path}:10"]
    assert list(map(str, read_all(str(path)))) == list(map(str, items))


@pytest.mark.parametrize("ending", [".gz", ".zst"])
@pytest.mark.parametrize("damage", ["cut", "changed", "cut to nothing"])
def test_what_stands_before_damage_is_read_and_the_rest_is_one_bad_line(tmp_path, ending, damage):
    """Whatever is wrong with the file, nothing raises and the next file is read."""
    folder, count = tmp_path, 300
    written = runs(count)
    path = folder / ("log.00000001.jsonl" + ending)
    write(path, lines(written))
    data = bytearray(path.read_bytes())
    if damage == "changed":
        data[len(data) // 2 :] = os.urandom(len(data) - len(data) // 2)
    path.write_bytes(data[: len(data) * 3 // 4] if damage == "cut" else data[:4] if damage != "changed" else data)
    write(folder / "log.jsonl", lines(run_of(count)))
    items = list(find_in(with_rotated(str(folder / "log.jsonl")), Query()))
    bad = [item for item in items if isinstance(item, BadLine)]
    found = [item.event for item in items if isinstance(item, LogLine)]
    before = len(found) - 7
    assert found == [*written[:before], *run_of(count)]
    if ending == ".gz" and damage != "cut to nothing":
        assert before > 100
    assert len(bad) == 1
    assert str(bad[0]).startswith(f"{path}:{before + 1}: not readable from here on: ")


def test_two_compressed_files_in_one_are_one_text(tmp_path):
    """As `cat a.gz b.gz` makes them."""
    path = tmp_path / "log.00000001.jsonl.gz"
    path.write_bytes(gzip.compress(lines(run_of(0))) + gzip.compress(lines(run_of(1))))
    assert [item.event for item in find(str(path), Query())] == runs(2)


def opened_by(monkeypatch, ask):
    """Return the names of the files that are opened to read events."""
    names = set()
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *more: names.add(os.path.basename(path)) or real(path, *more))
    ask()
    monkeypatch.setattr(os, "open", real)
    return sorted(name for name in names if ".index." not in name)


def test_since_near_the_end_opens_no_old_file(tmp_path, monkeypatch):
    """With an index or without one."""
    log = log_of(tmp_path, *[f"log.0000000{number}.jsonl.gz" for number in range(1, 9)], "log.jsonl")
    query = Query(since_ns=START_NS + 7 * HOUR + 1)
    found = []
    opened = opened_by(monkeypatch, lambda: found.extend(events(log, query)))
    assert found == [event for event in runs(9) if event.time_ns >= query.since_ns]
    assert opened == ["log.00000007.jsonl.gz", "log.00000008.jsonl.gz", "log.jsonl"]


def test_until_near_the_beginning_searches_no_new_file(tmp_path):
    """The newer ones hold nothing that is wanted."""
    log = log_of(tmp_path, "log.00000001.jsonl.gz", "log.00000002.jsonl", "log.00000003.jsonl", "log.jsonl")
    (tmp_path / "log.jsonl").write_bytes(lines(run_of(3)) + b"never looked at\n")
    query = Query(until_ns=START_NS + HOUR)
    assert events(log, query) == [event for event in runs(4) if event.time_ns <= query.until_ns]


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_a_time_finds_across_files_what_it_finds_in_one(tmp_path_factory, data):
    """However the log is cut into files, and with lines out of order by less than the slack."""
    folder = tmp_path_factory.mktemp("times")
    now, made = START_NS, []
    for number in range(data.draw(st.integers(1, 30))):
        now += data.draw(st.integers(0, 900)) * SECOND
        late = data.draw(st.integers(0, 280)) * SECOND
        made.append(RunMaker(number, now - late).add("execution.started", after=0))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(made)), max_size=4)))
    for number, (begin, end) in enumerate(zip([0, *cuts], [*cuts, len(made)], strict=True), 1):
        ending = data.draw(st.sampled_from(["", ".gz"]))
        name = f"log.{number:08d}.jsonl{ending}" if number <= len(cuts) else "log.jsonl"
        write(folder / name, lines(made[begin:end]))
    since = data.draw(st.none() | st.integers(-500, 12_000).map(lambda after: START_NS + after * SECOND))
    until = data.draw(st.none() | st.integers(-500, 12_000).map(lambda after: START_NS + after * SECOND))
    limit = data.draw(st.none() | st.integers(0, 8))
    query = Query(since_ns=since, until_ns=until)
    expected = [event for event in made if query.matches(event)]
    if limit is not None:
        expected = expected[max(0, len(expected) - limit) :]
    assert events(str(folder / "log.jsonl"), query, limit) == expected


@pytest.mark.parametrize("limit", [None, 1, 9, 100])
def test_an_event_that_stands_there_twice_comes_once(tmp_path, limit):
    """In one file, in neighbours, and far apart; the limit counts each once."""
    first, second, third = run_of(0), run_of(1), run_of(2)
    (tmp_path / "log.00000001.jsonl").write_bytes(lines([*first, first[-1], *second[:3]]))
    write(tmp_path / "log.00000002.jsonl.gz", lines([second[2], first[0], *second[3:]]))
    (tmp_path / "log.jsonl").write_bytes(lines([second[-1], first[3], *third, *third]))
    found = events(str(tmp_path / "log.jsonl"), limit=limit)
    if limit is None or limit == 100:
        assert sorted(event.event_id for event in found) == [event.event_id for event in runs(3)]
    else:
        assert len({event.event_id for event in found}) == len(found) == limit
        assert found[-1] == third[-1]


def test_a_copy_that_comes_long_after_is_known_by_its_age(tmp_path):
    """What is remembered has a bound; what is older than its neighbours is looked for in the log itself."""
    log = str(tmp_path / "log.jsonl")
    (tmp_path / "log.00000001.jsonl").write_bytes(lines(runs(20)))
    write(tmp_path / "log.00000002.jsonl.gz", lines(run_of(20)))
    (tmp_path / "log.jsonl").write_bytes(lines([run_of(3)[2], *run_of(21)]))
    from patternspan.log.search import look_back

    paths = with_rotated(log)
    seen = Seen(look_back(paths), most=10)
    found = [item.event for item in find_in(paths, Query(), seen=seen)]
    assert found == runs(22)


def test_a_rotation_between_listing_and_reading_is_seen(tmp_path):
    """Nothing is missed and nothing comes twice, also where segments are compressed meanwhile."""
    log = log_of(tmp_path, "log.00000001.jsonl", "log.jsonl")
    listed = with_rotated(log)
    os.rename(log, tmp_path / "log.00000002.jsonl")
    write(tmp_path / "log.00000001.jsonl.gz", (tmp_path / "log.00000001.jsonl").read_bytes())
    os.unlink(tmp_path / "log.00000001.jsonl")
    write(tmp_path / "log.jsonl", lines(run_of(2)))
    os.rename(log, tmp_path / "log.00000003.jsonl")
    assert [item.event for item in find_in(listed, Query())] == runs(3)
    write(tmp_path / "log.jsonl", lines(run_of(3)))
    assert [item.event for item in find_in(listed, Query())] == runs(4)
    assert [item.event for item in find_in(listed, Query(), 8)] == runs(4)[-8:]


def test_rotations_right_after_the_live_file_was_opened_change_no_order(tmp_path, monkeypatch):
    """The file that was opened is read at its place, and what was begun after it is of a later moment."""
    log = log_of(tmp_path, "log.jsonl")
    listed = with_rotated(log)
    opened = segments.open_log

    def open_and_rotate_twice(path, **how):
        file = opened(path, **how)
        if str(path) == log:
            monkeypatch.setattr(segments, "open_log", opened)
            os.rename(log, tmp_path / "log.00000001.jsonl")
            write(tmp_path / "log.jsonl", lines(run_of(1)))
            os.rename(log, tmp_path / "log.00000002.jsonl")
            write(tmp_path / "log.jsonl", lines(run_of(2)))
        return file

    monkeypatch.setattr(segments, "open_log", open_and_rotate_twice)
    assert [item.event for item in find_in(listed, Query())] == run_of(0)
    assert events(log) == runs(3)


def test_what_is_written_while_a_log_is_read_does_not_leave_a_hole(tmp_path):
    """A writer that has not noticed the rotation writes to the old file, which was read, and then to the new one."""
    log = log_of(tmp_path, "log.00000001.jsonl", "log.jsonl")
    reading = find_in(with_rotated(log), Query())
    found = [next(reading).event]
    for name, number in (("log.00000001.jsonl", 5), ("log.jsonl", 6)):
        with open(tmp_path / name, "ab") as file:
            file.write(lines(run_of(number)))
    found += [item.event for item in reading]
    assert found == runs(2)
    assert events(log) == [*run_of(0), *run_of(5), *run_of(1), *run_of(6)]


def test_a_part_that_was_removed_since_is_passed_over(tmp_path):
    """Retention does not make a reader complain."""
    log = log_of(tmp_path, "log.00000001.jsonl", "log.jsonl")
    listed = with_rotated(log)
    os.unlink(tmp_path / "log.00000001.jsonl")
    assert [item.event for item in find_in(listed, Query())] == run_of(1)


class Quiet:
    """Steps that happen while a follower sleeps; it ends when they have all happened."""

    def __init__(self, *steps):
        self.steps = list(steps)
        self.after = 2

    def sleep(self, _seconds):
        if self.steps:
            self.steps.pop(0)()
        else:
            self.after -= 1

    def stop(self):
        return self.after <= 0


def follow_all(log, *steps, start=None):
    quiet = Quiet(*steps)
    return [item.event for item in follow(log, start, stop=quiet.stop, sleep=quiet.sleep)]


def rotate(folder, number, compress=False):
    """Rename the log as rotation does, and compress the segment at once where that is wanted."""
    path = folder / f"log.{number:08d}.jsonl"
    os.rename(folder / "log.jsonl", path)
    if compress:
        write(folder / f"log.{number:08d}.jsonl.gz", path.read_bytes())
        path.unlink()


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("from_end", [False, True])
def test_following_reads_what_was_rotated_between_two_looks(tmp_path, compress, from_end):
    """Several times, compressed or not, each event once and in order."""
    log = tmp_path / "log.jsonl"
    write(log, lines(run_of(0)))
    start = end_of(str(log)) if from_end else None

    def much():
        with open(log, "ab") as file:
            file.write(lines(run_of(1)))
        for number in (2, 3, 4):
            rotate(tmp_path, number - 1, compress)
            write(log, lines(run_of(number)))

    first = [] if from_end else run_of(0)
    assert follow_all(str(log), much, start=start) == [*first, *runs(5)[7:]]
    # All of it before the follower has its first look.
    if from_end:
        assert follow_all(str(log), start=start) == runs(5)[7:]


def test_following_reads_the_rest_of_a_log_that_was_copied_and_emptied(tmp_path):
    """`copytruncate`: what came since the last look stands in the copy."""
    log = tmp_path / "log.jsonl"
    write(log, lines(run_of(0)))

    def copytruncate():
        with open(log, "ab") as file:
            file.write(lines(run_of(1)))
        (tmp_path / "log.jsonl.1").write_bytes(log.read_bytes())
        os.truncate(log, 0)
        with open(log, "ab") as file:
            file.write(lines(run_of(2)))

    assert follow_all(str(log), copytruncate) == runs(3)


def test_following_goes_across_a_rotation_by_logrotate(tmp_path):
    """By number, twice between two looks."""
    log = tmp_path / "log.jsonl"
    write(log, lines(run_of(0)))

    def twice():
        os.rename(log, tmp_path / "log.jsonl.1")
        write(log, lines(run_of(1)))
        os.rename(tmp_path / "log.jsonl.1", tmp_path / "log.jsonl.2")
        os.rename(log, tmp_path / "log.jsonl.1")
        write(log, lines(run_of(2)))

    assert follow_all(str(log), twice) == runs(3)


def test_a_line_that_was_written_again_is_followed_once(tmp_path):
    """By a writer that was stopped across a rotation, or by who rescued it."""
    log = tmp_path / "log.jsonl"
    write(log, lines(run_of(0)))

    def again():
        rotate(tmp_path, 1)
        write(log, lines([run_of(0)[-1], *run_of(1)]))

    assert follow_all(str(log), again) == runs(2)


def test_lines_of_a_writer_that_has_not_noticed_come_before_its_later_ones(tmp_path):
    """It writes to the old file, then to the new one, between two looks."""
    log = tmp_path / "log.jsonl"
    write(log, lines(run_of(0)))
    kept = []

    def renamed():
        kept.append(os.open(log, os.O_WRONLY | os.O_APPEND))
        rotate(tmp_path, 1)
        write(log, lines(run_of(5)))

    def late():
        os.write(kept[0], lines(run_of(1)))
        with open(log, "ab") as file:
            file.write(lines(run_of(2)))

    assert follow_all(str(log), renamed, late) == [*run_of(0), *run_of(5), *run_of(1), *run_of(2)]


def test_the_index_tells_when_a_segment_began(tmp_path, monkeypatch):
    """So that a compressed one need not be opened to know it."""
    log = log_of(tmp_path, "log.00000001.jsonl.gz", "log.00000002.jsonl.gz", "log.jsonl")
    entries = [
        {"segment": f"log.0000000{one + 1}.jsonl", "lines": 7, "bytes": 1, "first_timestamp": run_of(one)[0].timestamp}
        for one in (0, 1)
    ]
    (tmp_path / "log.index.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries) + '{"torn')
    opened = opened_by(
        monkeypatch, lambda: segments.within(with_rotated(log), START_NS + HOUR + HOUR // 2, None, SECOND)
    )
    assert "log.00000002.jsonl.gz" not in opened


YEARS = 3 * 365 * 24 * HOUR


@pytest.mark.parametrize("is_closed", [True, False])
@pytest.mark.parametrize("away", [YEARS, -YEARS])
def test_since_finds_the_segments_on_both_sides_of_a_clock_that_was_set(tmp_path, away, is_closed):
    """Those in the index, and those that nobody has closed yet."""
    log = str(tmp_path / "log.jsonl")
    runs_then = [good_run(n, START_NS + n * HOUR + (away if n in (2, 3) else 0)) for n in range(6)]
    for number, run in enumerate(runs_then, 1):
        path = tmp_path / f"log.{number:08d}.jsonl"
        write(path if number < 6 else Path(log), lines(run))
    if is_closed:
        finish(log, "gzip", lambda _segment: True)
        assert len(list(tmp_path.glob("*.gz"))) == 5
    for since in (START_NS, START_NS + HOUR, START_NS + 4 * HOUR):
        expected = [event for run in runs_then for event in run if event.time_ns >= since]
        assert events(log, Query(since_ns=since)) == expected
        assert events(log, Query(since_ns=since), limit=20) == expected[-20:]


def test_raw_lines_are_followed_too(tmp_path):
    """Lines that are no events go across a rotation as well."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"1\n")

    def step():
        rotate(tmp_path, 1)
        log.write_bytes(b"2\n")

    quiet = Quiet(step)
    assert list(follow_lines(str(log), None, stop=quiet.stop, sleep=quiet.sleep)) == [b"1", b"2"]
    assert Path(log).exists()
