"""read_events and follow_events."""

from datetime import UTC, datetime, timedelta

import pytest

import patternspan
from logs import SECOND, START_NS, failed_run, good_run, lines
from patternspan import BadLine, ConfigError, follow_events, read_events

GOOD, FAILED = good_run(), failed_run(2, START_NS + 60 * SECOND, pattern_id="PAT-RUFF-001", job=2)
AT = datetime.fromtimestamp(START_NS / 1e9 + 30, UTC)


@pytest.fixture
def log(tmp_path, monkeypatch):
    """Return the path of a log with a bad line and a repeated one, below a root of the working directory."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "state" / "events" / "pattern_events.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(lines(GOOD) + b"broken\n" + lines([GOOD[-1], *FAILED]))
    return path


def test_where_to_read(log):
    """The configured root, a root, a folder of logs and a file all give the events, each once."""
    for place in (None, log.parents[1], str(log.parents[1]), log.parent, log):
        assert list(read_events(place)) == GOOD + FAILED


def test_earlier_logs_come_first(log):
    """What was rotated away belongs to the log."""
    log.rename(f"{log}.1")
    more = good_run(3, START_NS + 120 * SECOND)
    log.write_bytes(lines(more))
    assert list(read_events()) == GOOD + FAILED + more


def test_lines_that_are_passed_over_are_told(log):
    """Each with its file, its number and the reason."""
    problems = []
    assert len(list(read_events(on_problem=problems.append))) == len(GOOD + FAILED)
    assert problems == [BadLine(str(log.relative_to(log.parents[2])), 8, "not JSON: invalid character (byte 0)")]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"run_id": GOOD[0].pattern_run_id}, GOOD),
        ({"run_id": [GOOD[0].pattern_run_id, FAILED[0].pattern_run_id]}, GOOD + FAILED),
        ({"job_id": FAILED[0].job_id}, FAILED),
        ({"pattern_id": {"PAT-RUFF-001"}}, FAILED),
        ({"since": AT}, FAILED),
        ({"since": AT.astimezone().replace(tzinfo=None)}, FAILED),
        ({"until": AT.isoformat()}, GOOD),
        ({"since": "1s"}, []),
        ({"since": AT, "until": AT + timedelta(seconds=30.01)}, FAILED[:1]),
        ({"job_id": GOOD[0].job_id, "pattern_id": "PAT-RUFF-001"}, []),
    ],
)
def test_what_is_asked_for(log, asked, expected):
    """Ids, one or several, and times leave what fits all of them."""
    assert list(read_events(**asked)) == expected


@pytest.mark.parametrize("read", [read_events, follow_events])
@pytest.mark.parametrize("wrong", ["yesterday", 7, ""])
def test_a_wrong_time_is_said_at_once(read, wrong):
    """Before anything is read."""
    with pytest.raises(ConfigError, match=r"since: .* is no time"):
        read(since=wrong)


def test_nothing_recorded_yet_is_no_problem(tmp_path, monkeypatch):
    """An empty root gives nothing; a file that was named and is not there is told."""
    monkeypatch.chdir(tmp_path)
    problems = []
    assert list(read_events(on_problem=problems.append)) == []
    assert list(read_events(tmp_path, on_problem=problems.append)) == []
    assert problems == []
    assert list(read_events("none.jsonl", on_problem=problems.append)) == []
    assert problems == [BadLine("none.jsonl", 0, "no such file")]


class Steps:
    """Does one thing to a log each time that a follower asks whether to stop, and then lets it."""

    def __init__(self, *steps):
        self.steps = list(steps)

    def __call__(self):
        if not self.steps:
            return True
        self.steps.pop(0)()
        return False


def appender(path, data):
    """Return a step that appends."""

    def append():
        with path.open("ab") as file:
            file.write(data)

    return append


def test_following_gives_what_is_recorded_from_now_on(log):
    """What stands in the log is passed over; what comes, also after a rotation, is given once."""
    more, later = good_run(3), good_run(4)
    problems = []
    stop = Steps(
        appender(log, lines(more[:2]) + b"bad\n"),
        lambda: log.rename(f"{log}.1"),
        appender(log, lines([more[1], *more[2:]])),
        appender(log, lines(later)),
    )
    assert list(follow_events(stop=stop, on_problem=problems.append)) == more + later
    assert [problem.reason for problem in problems] == ["a new line: not JSON: invalid character (byte 0)"]


def test_following_may_begin_with_what_is_there(log):
    """From the start, or since a time, and then goes on without a repetition; filters hold for both."""
    more = good_run(3, job=2)
    for asked, earlier in (({"from_start": True}, GOOD + FAILED), ({"since": AT}, FAILED), ({}, [])):
        log.write_bytes(lines(GOOD + FAILED))
        wanted = [event for event in earlier if event.job_id == FAILED[0].job_id]
        since = {} if "since" not in asked else {"since": AT}
        expected = wanted + ([] if since else more)
        found = list(follow_events(log, job_id=FAILED[0].job_id, stop=Steps(appender(log, lines(more))), **asked))
        assert found == expected


def test_a_log_may_come_later_than_its_follower(tmp_path):
    """Its root needs not even be there."""
    path = tmp_path / "root" / "events" / "pattern_events.jsonl"
    tmp_path.joinpath("root").mkdir()
    stop = Steps(lambda: path.parent.mkdir(), appender(path, lines(GOOD)))
    assert list(follow_events(tmp_path / "root", stop=stop)) == GOOD


def test_what_is_recorded_is_read(root):
    """The names of the package find what its recorder wrote, at the configured root."""

    @patternspan.pattern_span("PAT-READ-001")
    def work():
        pass

    work()
    assert [event.event_type for event in read_events(root)] == [
        "pattern.execution.started",
        "pattern.execution.completed",
    ]
