"""A line that was glued to a torn one costs the reader the torn one only."""

from logs import good_run
from patternspan.log.reader import BadLine, LogLine, read_all
from patternspan.model.wire import encode


def test_an_event_behind_a_torn_line_is_read(tmp_path):
    """Wherever a line is torn, the torn one is reported and the whole one behind it comes."""
    first, second = good_run()[:2]
    whole = encode(second)
    torn = encode(first)
    path = tmp_path / "log.jsonl"
    for cut in range(1, len(torn)):
        path.write_bytes(torn[:cut] + whole + b"\n")

        items = list(read_all(str(path)))

        assert [type(item) for item in items] == [BadLine, LogLine], cut
        assert items[1] == LogLine(str(path), cut, whole, second)
