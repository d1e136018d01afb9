"""Events into runs."""

import random

import pytest

from logs import SECOND, START_NS, RunMaker, failed_run, good_run
from patternspan.aggregate.runs import RunGroups, RunRow, group_whole, row_of
from patternspan.model.fold import fold


def keep(run, events):
    return run, list(events)


def test_a_run_is_made_as_soon_as_it_ends():
    """A stream of mixed runs gives each run what its own events fold into."""
    good, failed, going = good_run(1), failed_run(2), RunMaker(3).begin().events
    groups = RunGroups(keep)
    for event in sorted(good + failed + going, key=lambda event: event.timestamp):
        groups.add(event)
    assert {run.pattern_run_id: run for run, _ in groups.results()} == {
        events[0].pattern_run_id: fold(events) for events in (good, failed, going)
    }
    assert groups.reopened == set()


def test_a_late_event_reopens_its_run():
    """A run whose events come after its end is named, so that all of its events can be read again."""
    good, other = good_run(1), failed_run(2)
    groups = RunGroups(keep)
    for event in [*good[1:], good[0], *other]:
        groups.add(event)
    assert groups.reopened == {good[0].pattern_run_id}
    assert list(groups.results()) == [(fold(other), other)]
    shuffled = good.copy()
    random.Random(1).shuffle(shuffled)
    assert group_whole(shuffled, keep) == [(fold(good), good)]


@pytest.mark.parametrize(
    ("events", "after", "status", "seconds", "note"),
    [
        (good_run(), 100, "success", 19.142, "12 findings"),
        (failed_run(), 100, "failed", 2.942, "CommandFailed: semgrep ended with exit code 2"),
        (RunMaker().begin().events, 30, "running", 30.0, "execution.started, semgrep scan --json src"),
        (RunMaker().begin().events, 121, "abandoned", 121.0, "execution.started, semgrep scan --json src"),
        (RunMaker().begin().events[:3], 10**6, "running", 10.0**6, "template.expanded, 3 variables, 1 artifact"),
    ],
)
def test_the_row_of_a_run(events, after, status, seconds, note):
    """A row shows how a run ended, or that it goes on, or that its time has been over for long."""
    first = events[0]
    now = first.time_ns + after * SECOND
    row = row_of(fold(events), events, now if status == "running" else now + SECOND)
    expected = seconds + (status == "abandoned")
    assert row == RunRow(
        first.pattern_run_id, first.pattern_id, first.job_id, "security_scan", status, START_NS + SECOND // 100,
        row.seconds, note,
    )  # fmt: skip
    assert row.seconds == pytest.approx(expected, abs=0.011)
