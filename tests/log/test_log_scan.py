"""Finding lines as bytes."""

import os

from hypothesis import given
from hypothesis import strategies as st

from patternspan.log.scan import backward, count_lines, next_line, scan

texts = st.lists(st.sampled_from([b"a", b"b", b"ab", b"xyz" * 5, b"\n", b"\n\n", b"q" * 40]), max_size=40).map(b"".join)


def opened(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("scan") / "log"
    path.write_bytes(data)
    return os.open(path, os.O_RDONLY)


def naive(data, needles=(), max_line=1 << 20):
    """Return what a scan should find, the slow way."""
    found, offset = [], 0
    for line in data.splitlines(keepends=True):
        text = line.rstrip(b"\n")
        if len(text) > max_line:
            found.append((offset, None))
        elif not needles or any(needle in text for needle in needles):
            found.append((offset, text))
        offset += len(line)
    return found


@given(texts, st.integers(1, 50), st.sets(st.sampled_from([b"ab", b"xyzx", b"b", b"qqq"])))
def test_a_scan_finds_the_same_lines_whatever_its_chunks(tmp_path_factory, data, chunk, needles):
    """A scan yields each line that holds a needle once, with its offset, at any size of the buffer."""
    descriptor = opened(tmp_path_factory, data)
    assert list(scan(descriptor, needles=tuple(needles), room=bytearray(chunk))) == naive(data, needles)
    os.close(descriptor)


@given(texts, st.integers(1, 50), st.integers(1, 45))
def test_an_over_long_line_is_skipped_and_named(tmp_path_factory, data, chunk, max_line):
    """A line longer than the limit comes as None at its offset, and the lines around it come whole."""
    descriptor = opened(tmp_path_factory, data)
    room = bytearray(chunk)
    assert list(scan(descriptor, room=room, max_line=max_line)) == naive(data, max_line=max_line)
    assert len(room) <= max(chunk, max_line + 1)
    os.close(descriptor)


@given(texts, st.integers(1, 60))
def test_backward_ranges_hold_each_line_once(tmp_path_factory, data, step):
    """Ranges from the end to the start, put together, are the file, and each begins with a line."""
    descriptor = opened(tmp_path_factory, data)
    ranges = list(backward(descriptor, 0, len(data), step))
    lines = [line for begin, end in reversed(ranges) for line in scan(descriptor, begin, end)]
    os.lseek(descriptor, 0, os.SEEK_SET)
    assert lines == naive(data)
    assert all(begin < end for begin, end in ranges)
    os.close(descriptor)


@given(texts, st.integers(0, 200), st.integers(1, 9))
def test_next_line_and_count_agree_with_the_text(tmp_path_factory, data, at, step):
    """The next line begins after the first newline that stands before the place or later."""
    descriptor = opened(tmp_path_factory, data)
    starts = [0, *(place + 1 for place, byte in enumerate(data) if byte == 10)]
    expected = next((start for start in starts if start >= at and start < len(data)), len(data))
    assert next_line(descriptor, at, len(data), step) == expected
    assert count_lines(descriptor, 0, at) == data[:at].count(b"\n")
    os.close(descriptor)
