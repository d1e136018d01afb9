"""Each event once."""

from hypothesis import given
from hypothesis import strategies as st

from logs import good_run, lines
from patternspan.log.once import Seen, find_once
from patternspan.log.reader import LogLine
from patternspan.log.search import Query

EVENTS = good_run()


@given(st.integers(1, 5), st.lists(st.integers(0, 12)))
def test_ids_that_are_near_each_other_are_known(most, numbers):
    """Each id among the newest so many different ones is known, and no more than twice as many are remembered."""
    seen = Seen(most)
    newest: list[str] = []
    for number in map(str, numbers):
        is_new = seen.is_new(number)
        assert not (is_new and number in newest[-most:])
        assert is_new or number in newest[-2 * most :]
        if is_new:
            newest.append(number)


@given(st.lists(st.integers(0, 6), max_size=12), st.none() | st.integers(0, 8))
def test_a_limit_is_of_what_is_shown(tmp_path_factory, numbers, limit):
    """However often lines are repeated, the newest so many different events come, in order and each once."""
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    path.write_bytes(lines([EVENTS[number] for number in numbers]))
    found = [item.event for item in find_once([str(path)], Query(), limit) if isinstance(item, LogLine)]
    ids = [event.event_id for event in found]
    assert len(set(ids)) == len(ids)
    different = {EVENTS[number].event_id for number in numbers}
    assert len(ids) == len(different) if limit is None else len(ids) == min(limit, len(different))


def test_several_files_are_one_log(tmp_path):
    """A line that stands in two files is given once, with a limit too."""
    first, second = tmp_path / "log.1", tmp_path / "log"
    first.write_bytes(lines(EVENTS[:4]))
    second.write_bytes(lines(EVENTS[3:]))
    paths = [str(first), str(second)]
    assert [item.event for item in find_once(paths, Query())] == EVENTS
    assert [item.event for item in find_once(paths, Query(), 5)] == EVENTS[2:]
