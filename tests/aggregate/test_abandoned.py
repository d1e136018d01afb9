"""Runs that cannot end any more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs import SECOND, RunMaker, good_run
from patternspan.aggregate.abandoned import synthetic_end, why_abandoned
from patternspan.model.conform import judge_event, judge_lifecycle
from patternspan.model.fold import fold, in_order

GOING = RunMaker().begin().events
LAST_NS = GOING[-1].time_ns
PROCESS = {"host": "build-7", "pid": 812, "start": "f347be7d-4711", "namespace": 4026531836}


@pytest.mark.parametrize(
    ("events", "state", "seconds", "silent", "expected"),
    [
        (GOING, "unknown", 120, None, False),
        (GOING, "unknown", 121, None, True),
        (GOING, "alive", 121, None, False),
        (GOING, "alive", 3660, None, False),
        (GOING, "alive", 3661, None, True),
        (GOING, "gone", 0, None, True),
        (GOING, "gone", -100, None, True),
        (GOING, "unknown", 11, 10, True),
        (GOING, "unknown", 9, 10, False),
        (GOING, "alive", 11, 10, False),
        (GOING[:3], "unknown", 10**6, None, False),
        (GOING[:3], "unknown", 10**6, 10, True),
        (good_run(), "gone", 10**6, 1, False),
    ],
)
def test_when_a_run_cannot_end_any_more(events, state, seconds, silent, expected):
    """Its process is gone, or it is silent past its timeout and a margin, or past a time that was given."""
    now = events[-1].time_ns + seconds * SECOND
    why = why_abandoned(events, state, now, None if silent is None else silent * SECOND)
    assert (why is not None) == expected


def test_the_reasons_say_what_is_known():
    """Process, last event and limits are named."""
    named = RunMaker()
    named.add("execution.started", executor="python", command="f", process=PROCESS, timeout_seconds=30)
    at = named.events[0].timestamp
    later = named.events[0].time_ns + 5000 * SECOND
    assert [why_abandoned(named.events, state, later, 10 * SECOND) for state in ("gone", "alive")] == [
        f"process 812 on build-7 is gone; the last event is pattern.execution.started at {at}",
        f"silent since {at}, which is past its timeout of 30.0s",
    ]
    untimed = GOING[:3]
    told = why_abandoned(untimed, "unknown", later, 10 * SECOND)
    assert told == f"silent since {untimed[-1].timestamp}, for longer than 10.0s"


PHASES = {
    "selection.failed": GOING[:1],
    "validation.failed": GOING[:2],
    "execution.failed": GOING,
}


@pytest.mark.parametrize("length", range(1, len(GOING) + 1))
@pytest.mark.parametrize("now", [0, LAST_NS + 10**15], ids=["behind", "ahead"])
def test_the_end_fits_the_phase_and_makes_a_valid_run(length, now):
    """Whichever event was the last, the run with its synthetic end breaks no rule, and has failed."""
    events = GOING[:length]
    end = synthetic_end(events, "gone", now)
    assert judge_event(end.to_dict()) == []
    assert judge_lifecycle([*events, end]) == []
    assert in_order([end, *events])[-1] == end
    run = fold([*events, end])
    assert (run.status, run.finished_at) == ("failed", end.timestamp)
    assert end.time_ns == max(now, events[-1].time_ns + 1000)
    kind = "selection" if length == 1 else "execution" if length == len(GOING) else "validation"
    assert end.event_type == f"pattern.{kind}.failed"
    common = {"error_type": "abandoned", "error_message": "gone", "result": "error", "synthetic": True}
    assert end.details.items() >= common.items()


def test_the_end_of_an_execution_tells_how_long_it_was_seen():
    """The duration is that until the last event, not until somebody noticed."""
    maker = RunMaker().begin()
    maker.add("validation.started", after=7.5, validation_type="late", checks=[])
    assert synthetic_end(maker.events, "gone", 2 * LAST_NS).details == {
        "exit_code": None,
        "duration_seconds": 7.5,
        "error_type": "abandoned",
        "error_message": "gone",
        "result": "error",
        "synthetic": True,
    }


@given(st.integers(0, 2**62), st.integers(0, 2**62))
def test_two_recoveries_make_one_event(one, other):
    """Of the same events the same event id comes, whenever it is made, and another of another run."""
    made = [synthetic_end(GOING, "gone", now).event_id for now in (one, other)]
    assert made[0] == made[1] != synthetic_end(RunMaker(2).begin().events, "gone", one).event_id


def test_the_end_of_the_calendar_is_no_obstacle():
    """A last event that nothing can be later than is followed at the same time."""
    from msgspec.structs import replace

    last = replace(GOING[0], timestamp="9999-12-31T23:59:59.999999Z")
    assert synthetic_end([last], "gone", 0).timestamp == last.timestamp
