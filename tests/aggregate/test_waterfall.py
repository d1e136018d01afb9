"""Where the time went."""

from hypothesis import given
from hypothesis import strategies as st

from logs import SECOND, RunMaker, good_run
from patternspan.aggregate.waterfall import Phase, Waterfall, cells, waterfall

MS = 1_000_000


def test_phases_have_their_places():
    """Each phase runs from its start event to its end event; expansion from the event before it."""
    assert waterfall(good_run(), 0) == Waterfall(
        [
            Phase("selection", 0, 10 * MS, "in_progress"),
            Phase("template", 10 * MS, 20 * MS, "in_progress"),
            Phase("validation", 22 * MS, 422 * MS, "in_progress"),
            Phase("execution", 432 * MS, 19_132 * MS, "success"),
        ],
        19_132 * MS,
    )


def test_a_phase_that_goes_on_lasts_until_now():
    """A phase without an end is open, until now while the run goes on, else until the last event."""
    events = RunMaker().begin().events
    now = events[-1].time_ns + 5 * SECOND
    assert waterfall(events, now, ended=False).phases[-1] == Phase(
        "execution", 432 * MS, 5_432 * MS, "in_progress", ended=False
    )
    assert waterfall(events, now).phases[-1].end_ns == 432 * MS
    assert waterfall([], now) == Waterfall([], 0)


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100), st.integers(1, 50))
def test_bars_stay_in_their_row(start, length, rest, columns):
    """A bar has one cell at least and never leaves the columns there are."""
    total = start + length + rest
    begin, size = cells(Phase("p", start, start + length, "success"), total, columns)
    assert 0 <= begin <= begin + size <= columns
    assert size >= 1
